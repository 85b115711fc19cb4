/**
 * The one walk over a tree, in preorder with an explicit stack, so that no depth of nesting can overflow anything. It
 * labels every node, follows the environment, opens and closes modules and clauses, and hands each construct to the file
 * that knows it. What a block changed is given back where its frame ends.
 *
 * Cyclomatic complexity is Credo's (check `Refactor.CyclomaticComplexity`): a clause counts 1, each `if`, `unless`,
 * `for`, `try`, `and`, `or`, `&&` and `||` in it 1, and each `case` and `cond` 1 per clause of its do-block; `with`,
 * `fn`, `receive`, `rescue`, `else` and pipes count nothing, the guard's operators do.
 */

import type { FunctionKind } from '../model/facts.ts'
import { Kind, type Tree } from '../syntax/tree.ts'
import { Sym, wellKnownNames } from '../syntax/well-known.ts'
import { readAttribute } from './attributes.ts'
import { recordApply, recordBare, recordDotted, recordDynamic } from './calls.ts'
import { writeClose, writeNode } from './canonical.ts'
import { openClause, openCustom, openTest } from './definitions.ts'
import { readDirective } from './directives.ts'
import { countKey, popFrame, pushFrame } from './frames.ts'
import { argumentsOf, isBinary, keywordValue } from './heads.ts'
import { labelKey, Mark, markChildren, NO_LABEL, setMark } from './labels.ts'
import { openModule } from './module-definitions.ts'
import { dependOn, moduleNamed } from './modules.ts'
import { resolveAlias } from './scope.ts'
import { nameOf, nodeText } from './source-text.ts'
import { stringValue } from './string-value.ts'
import { readStruct } from './structs.ts'
import { restore, save, type Walk } from './walk-state.ts'

const Form = {
  Call: 0, Function: 1, Module: 2, Protocol: 3, Implementation: 4, Test: 5, Describe: 6, Directive: 7, Quote: 8, Unquote: 9, Choice: 10, Cases: 11,
  Struct: 12, Exception: 13, Super: 14,
} as const

const forms = new Uint8Array(wellKnownNames.length)
for (const name of ['def', 'defp', 'defmacro', 'defmacrop', 'defguard', 'defguardp', 'defdelegate'] as const) forms[Sym[name]] = Form.Function
for (const name of ['alias', 'import', 'require', 'use'] as const) forms[Sym[name]] = Form.Directive
for (const name of ['if', 'unless', 'for', 'try'] as const) forms[Sym[name]] = Form.Choice
for (const name of ['case', 'cond'] as const) forms[Sym[name]] = Form.Cases
for (const name of ['unquote', 'unquote_splicing'] as const) forms[Sym[name]] = Form.Unquote
forms[Sym.defmodule] = Form.Module
forms[Sym.defprotocol] = Form.Protocol
forms[Sym.defimpl] = Form.Implementation
forms[Sym.test] = Form.Test
forms[Sym.describe] = Form.Describe
forms[Sym.quote] = Form.Quote
forms[Sym.defstruct] = Form.Struct
forms[Sym.defexception] = Form.Exception
forms[Sym.super] = Form.Super

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

function enterQuote(walk: Walk, mark: number): void {
  save(walk)
  walk.quoting = (mark & Mark.Inert) !== 0 ? 'inert' : 'quoted'
}

function readConstruct(walk: Walk, node: number, kind: number, mark: number): void {
  switch (kind) {
    case Kind.Call:
      return readCall(walk, node, mark)
    case Kind.RemoteCall:
      if (walk.quoting === 'runs') recordDotted(walk, node, argumentCount(walk.tree, node) - 1 + piped(mark), 'remote')
      return
    case Kind.Field:
      return readField(walk, node, mark)
    case Kind.Variable:
      if ((mark & (Mark.Piped | Mark.NotCall)) === Mark.Piped && walk.quoting === 'runs') recordBare(walk, node, nameOf(walk.text, node), 1, 'local')
      return
    case Kind.Alias:
      if ((mark & Mark.NoDependency) === 0 && walk.module !== null) dependOn(walk, resolveAlias(walk.aliases, nameOf(walk.text, node)))
      return
    case Kind.DotAlias:
      return readDotAlias(walk, node, mark)
    case Kind.UnaryOp:
      return readUnary(walk, node)
    case Kind.BinaryOp:
      return readBinary(walk, node)
    case Kind.Pair:
      return scopePair(walk, node)
    case Kind.Bitstring:
      return markSegments(walk, node)
    case Kind.Section:
    case Kind.Clause:
    case Kind.Fn:
      save(walk)
  }
}

/** `size(n)`, `binary-unit(8)` and the like behind `::` are no calls. */
function markSegments(walk: Walk, node: number): void {
  const { tree, marks } = walk
  for (const segment of argumentsOf(tree, node, 0)) {
    if (!isBinary(tree, segment, Sym['::'])) continue
    let at = segment + 1 + (tree.extent[segment + 1] as number)
    while (isBinary(tree, at, Sym['-']) || isBinary(tree, at, Sym['*'])) {
      setMark(marks, at + 1 + (tree.extent[at + 1] as number), Mark.NotCall)
      at++
    }
    setMark(marks, at, Mark.NotCall)
  }
}

/** Keywords that carry blocks (`do:`, `else:`, …) end what an alias or import in them began. */
function scopePair(walk: Walk, node: number): void {
  const key = walk.tree.payload[node]
  if (key === Sym.do || key === Sym.else || key === Sym.rescue || key === Sym.catch || key === Sym.after) save(walk)
}

function readCall(walk: Walk, node: number, mark: number): void {
  if ((mark & Mark.NotCall) !== 0) return
  const payload = walk.tree.payload[node] as number
  const form = payload < forms.length ? (forms[payload] as number) : Form.Call
  if (form === Form.Choice) addComplexity(walk, 1)
  else if (form === Form.Cases) addComplexity(walk, clauseCount(walk.tree, node))
  else if (form === Form.Quote) markQuoted(walk, node)
  else if (form === Form.Directive) return readDirective(walk, node, nameOf(walk.text, node) as 'alias' | 'import' | 'require' | 'use')
  if (walk.quoting !== 'runs') {
    if (form === Form.Unquote && walk.quoting === 'quoted') {
      save(walk)
      walk.quoting = 'runs'
    }
    return
  }
  readRunningCall(walk, node, form, piped(mark))
}

function readRunningCall(walk: Walk, node: number, form: number, extra: number): void {
  const inBody = walk.fn === null && walk.module !== null
  switch (form) {
    case Form.Module:
    case Form.Protocol:
    case Form.Implementation:
      // Not opened: defined only when a function runs. Read for the modules it names.
      save(walk)
      walk.quoting = 'inert'
      return
    case Form.Struct:
    case Form.Exception:
      if (inBody) readStruct(walk, node, form === Form.Struct ? 'struct' : 'exception')
      return
    case Form.Super:
      return recordDynamic(walk, node, 'super', argumentCount(walk.tree, node) + extra, 'local')
    case Form.Describe:
      if (inBody && walk.scope.mayImport) return enterDescribe(walk, node)
  }
  const name = nameOf(walk.text, node)
  if (name === 'apply' && recordApply(walk, node)) return
  recordBare(walk, node, name, argumentCount(walk.tree, node) + extra, 'local')
}

function enterDescribe(walk: Walk, node: number): void {
  save(walk)
  const [title = -1] = argumentsOf(walk.tree, node, 0)
  walk.describe = (title < 0 ? null : stringValue(walk.text, title)) ?? ''
}

function readField(walk: Walk, node: number, mark: number): void {
  if ((mark & Mark.NotCall) !== 0 || walk.quoting !== 'runs') return
  if ((mark & Mark.Piped) !== 0 || moduleNamed(walk, node + 1) !== undefined) recordDotted(walk, node, piped(mark), 'remote')
}

function readDotAlias(walk: Walk, node: number, mark: number): void {
  if ((mark & Mark.NoDependency) !== 0) return
  const module = moduleNamed(walk, node)
  if (module !== undefined) dependOn(walk, module)
}

function readUnary(walk: Walk, node: number): void {
  const { tree } = walk
  if (tree.payload[node] === Sym['@']) readAttribute(walk, node)
  else if (tree.payload[node] === Sym['&'] && walk.quoting === 'runs') readCapture(walk, node)
}

/** `&name/arity` and `&Module.name/arity`. */
function readCapture(walk: Walk, node: number): void {
  const { tree } = walk
  const division = node + 1
  if (tree.kind[division] !== Kind.BinaryOp || tree.payload[division] !== Sym['/']) return
  const left = division + 1
  const right = left + (tree.extent[left] as number)
  if (tree.kind[right] !== Kind.Integer) return
  const arity = Number(nodeText(walk.text, right))
  if (!Number.isInteger(arity) || arity > 255) return
  if (tree.kind[left] === Kind.Variable) {
    setMark(walk.marks, left, Mark.NotCall)
    const name = nameOf(walk.text, left)
    if (/^[\p{L}_]/u.test(name)) recordBare(walk, left, name, arity, 'capture')
  } else if (tree.kind[left] === Kind.Field) {
    setMark(walk.marks, left, Mark.NotCall)
    recordDotted(walk, left, arity, 'capture')
  }
}

function readBinary(walk: Walk, node: number): void {
  const { tree } = walk
  switch (tree.payload[node]) {
    case Sym['|>']:
      setMark(walk.marks, node + 1 + (tree.extent[node + 1] as number), Mark.Piped)
      return
    case Sym.and:
    case Sym.or:
    case Sym['&&']:
    case Sym['||']:
      addComplexity(walk, 1)
  }
}

function addComplexity(walk: Walk, points: number): void {
  if (walk.clause !== null) walk.clause.cyclomatic += points
}

/** Clauses of the do-block or `do:` of a `case` or `cond`. */
function clauseCount(tree: Tree, node: number): number {
  const stop = node + (tree.extent[node] as number)
  for (let child = node + 1; child < stop; child += tree.extent[child] as number) {
    if (tree.kind[child] === Kind.DoBlock) return argumentCount(tree, child + 1)
    const value = keywordValue(tree, child, Sym.do)
    if (value >= 0) return tree.kind[value] === Kind.ParenClauses ? argumentCount(tree, value) : 1
  }
  return 0
}

/** Marks the quoted part of a quote: its do-block or `do:`. */
function markQuoted(walk: Walk, node: number): void {
  const { tree } = walk
  const stop = node + (tree.extent[node] as number)
  let bit: number = walk.quoting === 'runs' ? Mark.Quoted : Mark.Inert
  let block = -1
  for (let child = node + 1; child < stop; child += tree.extent[child] as number) {
    if (tree.kind[child] === Kind.DoBlock) block = child
    else for (const pair of argumentsOf(tree, child, 0)) {
      if (tree.kind[child] !== Kind.Keywords && tree.kind[child] !== Kind.List) break
      if (tree.kind[pair] !== Kind.Pair) continue
      const key = nameOf(walk.text, pair)
      if (key === 'do') block = pair
      if (key === 'bind_quoted' || (key === 'unquote' && tree.payload[pair + 1] === Sym.false)) bit = Mark.Inert
    }
  }
  if (block >= 0) setMark(walk.marks, block, bit)
}

/** Direct children; a do-block and keywords count as one argument each, as in Elixir. */
function argumentCount(tree: Tree, node: number): number {
  const stop = node + (tree.extent[node] as number)
  let count = 0
  for (let child = node + 1; child < stop; child += tree.extent[child] as number) count++
  return count
}

const piped = (mark: number) => ((mark & Mark.Piped) === 0 ? 0 : 1)
