/**
 * The one walk over a tree, in preorder with an explicit stack, so that no depth of nesting can overflow anything. It
 * labels every node, follows the environment, opens and closes modules and clauses, and hands each construct to the file
 * that knows it. What a block changed is given back where its frame ends.
 */

import type { FunctionKind } from '../model/facts.ts'
import { Kind } from '../syntax/tree.ts'
import { writeClose, writeNode } from './canonical.ts'
import { enterQuote, readConstruct } from './constructs.ts'
import { openClause, openCustom, openTest } from './definitions.ts'
import { Form, forms } from './forms.ts'
import { countKey, popFrame, pushFrame } from './frames.ts'
import { labelKey, Mark, markChildren, NO_LABEL } from './labels.ts'
import { openModule } from './module-definitions.ts'
import { nameOf } from './source-text.ts'
import { restore, type Walk } from './walk-state.ts'

/** Kinds that never have children, so that their end needs no mark in the canonical bytes. */
const childless = new Uint8Array(64)
for (const kind of [
  Kind.Atom, Kind.Integer, Kind.Float, Kind.Char, Kind.String, Kind.Charlist, Kind.StringPart, Kind.Variable, Kind.Alias, Kind.NullaryOp,
]) childless[kind] = 1

/** Walks the whole tree. */
export function walkTree(walk: Walk): void {
  const { tree, frames } = walk
  for (let node = 0; ; ) {
    if (frames.top >= 0 && node >= (frames.end[frames.top] as number)) node = closeFrame(walk, node)
    else if (node < tree.length) node = readNode(walk, node)
    else return
  }
}

/** Reads one node and opens its frame; the next node to read. */
function readNode(walk: Walk, node: number): number {
  const { tree, frames, canonical } = walk
  const extent = tree.extent[node] as number
  const kind = tree.kind[node] as number
  const above = frames.top
  const parent = above < 0 ? -1 : (frames.node[above] as number)
  const mark = walk.marks[node] as number
  walk.saving = undefined
  const rootId = kind === Kind.Call ? openRoot(walk, node) : undefined
  markChildren(tree, node, walk.marks)
  if (rootId === undefined) {
    walk.key = labelKey(walk.labels, node, mark)
    walk.ordinal = walk.key === NO_LABEL || above < 0 ? 0 : countKey(frames, walk.key)
    if ((mark & (Mark.Quoted | Mark.Inert)) !== 0) enterQuote(walk, mark)
    readConstruct(walk, node, kind, mark)
  }
  if (walk.module !== null) writeNode(canonical, tree, node, parent)
  if (extent > 1) {
    walk.saved[frames.top + 1] = walk.saving
    pushFrame(frames, node, node + extent, walk.key, walk.ordinal, rootId)
  } else {
    if (walk.module !== null && childless[kind] !== 1) writeClose(canonical, tree, node, parent)
    if (walk.saving !== undefined) restore(walk, walk.saving)
  }
  return node + 1
}

/** Closes the innermost frame; the next node to read, which is an earlier one when a `defimpl` has more targets. */
function closeFrame(walk: Walk, next: number): number {
  const { frames, tree, canonical } = walk
  const { top } = frames
  const node = frames.node[top] as number
  const saved = walk.saved[top]
  if (walk.module !== null) writeClose(canonical, tree, node, top > 0 ? (frames.node[top - 1] as number) : -1)
  popFrame(frames)
  if (saved === undefined) return next
  const { module } = walk
  restore(walk, saved)
  if (saved.closes === 'clause') closeClauses(walk, node)
  if (saved.closes !== 'module' || module === null) return next
  module.canonicalEnd = canonical.length
  walk.depth--
  return repeatFor(walk, node, module.moreTargets, module.canonicalStart) ? node : next
}

function closeClauses(walk: Walk, node: number): void {
  const { openClauses } = walk
  for (let last = openClauses.at(-1); last?.node === node; last = openClauses.at(-1)) {
    last.canonicalEnd = walk.canonical.length
    openClauses.pop()
  }
}

/** True when the `defimpl` at `node` is to be read again, for the targets it has left. */
function repeatFor(walk: Walk, node: number, targets: readonly string[], canonicalStart: number): boolean {
  walk.repeat = undefined
  if (targets.length === 0) return false
  walk.repeatBudget -= walk.tree.extent[node] as number
  if (walk.repeatBudget < 0) {
    const start = walk.tree.start[node] as number
    const { line, column } = walk.at(start)
    const message = 'this defimpl has too many targets for its size: the first ones are known, the others are not'
    walk.problems.push({ code: 'too_many_targets', message, line, column, start, end: walk.tree.end[node] as number })
    return false
  }
  walk.repeat = { node, targets }
  walk.canonical.length = canonicalStart
  return true
}

/** Opens the module or clause that the call defines; the id of its root. */
function openRoot(walk: Walk, node: number): string | undefined {
  const payload = walk.tree.payload[node] as number
  switch (forms[payload]) {
    case Form.Function: return openClause(walk, node, nameOf(walk.text, node) as FunctionKind)
    case Form.Module: return openModule(walk, node, 'module')
    case Form.Protocol: return openModule(walk, node, 'protocol')
    case Form.Implementation: return openModule(walk, node, 'implementation')
    case Form.Test: return openTest(walk, node)
    default: return walk.fn === null && walk.module !== null ? openCustom(walk, node) : undefined
  }
}
