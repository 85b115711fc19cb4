/**
 * Node ids on demand: from a node to its id and back, the parent and the children of an id. What an id is:
 *
 * - `Mod.fun/2` is the function, `Mod.fun/2#1` its first clause with a body (the node of the whole `def`); a head
 *   without a body is a clause only where the function has no other. `Mod#body` is the module's definition; a head that
 *   is no clause is `Mod#body/fun%2F2` there.
 * - Under a root the id is the path of labels (`labels.ts`) of the labelled nodes on the way, percent-encoded, each with
 *   its ordinal among the equally labelled children of the same labelled node, written `:2` and so on from the second.
 *   Definitions inside a module's body are roots of their own and count nowhere else.
 * - So an id depends on the function's own source alone, and not on its layout: reformatting, comments, moved lines and
 *   other functions leave it as it is. A node without a label has the id of the labelled node around it, and nodes
 *   deeper than `ID_LIMIT` characters have that of the last node within it.
 * - Ids are those of one module definition. Where a file defines a name several times, `module` (the offset where the
 *   definition starts, `ModuleFacts.span.start`) says which is meant; `Name@2` is read as `Name`.
 *
 * Deliberately absent: versions, and ids of nodes outside every module (they have none).
 */

import type { ModuleName } from '../model/names.ts'
import { parseNodeId, type NodeId } from '../model/node-id.ts'
import { afterSubtree, type Tree } from '../syntax/tree.ts'
import { runWalk } from './analyse.ts'
import { extendId, segment } from './frames.ts'
import { labelKey, labelText, NO_LABEL, type Labels } from './labels.ts'
import type { Root } from './walk-state.ts'

/** The roots of a tree, made once and asked often. */
export type NodeIndex = {
  readonly tree: Tree
  readonly labels: Labels
  /** What steers labels, by node (`Mark`). */
  readonly marks: Uint8Array
  /** In order of node; a `defimpl` for several targets has one per target at each node. */
  readonly roots: readonly Root[]
  readonly rootAt: ReadonlyMap<number, Root>
}

export function indexNodes(tree: Tree): NodeIndex {
  const walk = runWalk(tree)
  const roots = walk.roots.toSorted((a, b) => a.node - b.node)
  return { tree, labels: walk.labels, marks: walk.marks, roots, rootAt: rootsByNode(roots, undefined) }
}

/**
 * The same index, read for the module of `id`: where a `defimpl` is for several targets, ids are those of its target
 * (without this, those of the first).
 */
export function readFor(index: NodeIndex, id: NodeId): NodeIndex {
  const plain = withoutOrdinal(id)
  const name = index.roots.find((root) => isUnder(root.id, plain))?.name
  return { ...index, rootAt: rootsByNode(index.roots, name) }
}

function rootsByNode(roots: readonly Root[], preferred: ModuleName | undefined): Map<number, Root> {
  const rootAt = new Map<number, Root>()
  for (const root of roots) if (!rootAt.has(root.node) || root.name === preferred) rootAt.set(root.node, root)
  return rootAt
}

/** The offset where the module around a node starts (`ModuleFacts.span.start`); undefined outside every module. */
export function moduleStartOf(index: NodeIndex, node: number): number | undefined {
  const root = rootAround(index, node)
  return root === undefined ? undefined : index.tree.start[root.module]
}

/** The id of a node, or of the labelled node around it; undefined outside every module. */
export function nodeIdOf(index: NodeIndex, node: number): NodeId | undefined {
  const root = rootAround(index, node)
  if (root === undefined) return undefined
  let id: NodeId = root.id
  let at = root.node
  while (at !== node) {
    const step = labelledChildren(index, at).find((child) => child.node <= node && node < afterSubtree(index.tree, child.node))
    if (step === undefined) return id
    id = extendId(id, step.segment)
    at = step.node
  }
  return id
}

/** The node that an id means; undefined when there is none. A function's id means its first clause. */
export function resolveNode(index: NodeIndex, id: NodeId, module?: number): number | undefined {
  const plain = withoutOrdinal(id)
  const root = index.roots.find((one) => (module === undefined || index.tree.start[one.module] === module) && isUnder(one.id, plain))
  if (root === undefined) {
    return parseNodeId(plain)?.root.kind === 'function' && !plain.includes('#1') ? resolveNode(index, `${plain}#1`, module) : undefined
  }
  const longest = longestRoot(index, plain, root)
  let at = longest.node
  const path = plain.length === longest.id.length ? [] : plain.slice(longest.id.length + 1).split('/')
  for (const step of path) {
    const child = labelledChildren(index, at).find((one) => one.segment === step)
    if (child === undefined) return undefined
    at = child.node
  }
  return at
}

/** The label of a node, as it stands in ids but not encoded; null for a node without one. */
export function labelOf(index: NodeIndex, node: number): string | null {
  const root = index.rootAt.get(node)
  if (root !== undefined) return root.kind === 'body' ? 'body' : 'clause'
  if (rootAround(index, node) === undefined) return null
  const key = labelKey(index.labels, node, index.marks[node] ?? 0)
  return key === NO_LABEL ? null : labelText(index.labels, key)
}

/** The id of the labelled node around a node; undefined for a module that no other holds. */
export function parentIdOf(index: NodeIndex, node: number): NodeId | undefined {
  const root = index.rootAt.get(node)
  if (root === undefined) return parentWithin(index, node)
  if (root.kind !== 'body') return index.rootAt.get(root.module)?.id
  let around: Root | undefined
  for (const one of index.roots) if (one.node < node && node < afterSubtree(index.tree, one.node)) around = one
  return around?.id
}

/** Ids of the labelled nodes right below a node, those of the definitions in a module's body included. */
export function childIdsOf(index: NodeIndex, node: number): NodeId[] {
  const id = nodeIdOf(index, node)
  if (id === undefined) return []
  const below = labelledChildren(index, node).map((child) => ({ node: child.node, id: extendId(id, child.segment) }))
  const stop = afterSubtree(index.tree, node)
  const defined = index.roots.filter((root) => root.node > node && root.node < stop && root === index.rootAt.get(root.node) && parentIdOf(index, root.node) === id)
  return [...below, ...defined.map((root) => ({ node: root.node, id: root.id }))].sort((a, b) => a.node - b.node).map((child) => child.id)
}

type Step = { readonly node: number; readonly segment: string }

/** The labelled nodes right below `node`, through transparent ones; definitions, which are roots, are left out. */
function labelledChildren(index: NodeIndex, node: number): Step[] {
  const { tree, labels, marks, rootAt } = index
  const stop = afterSubtree(tree, node)
  const ordinals = new Map<number, number>()
  const steps: Step[] = []
  for (let at = node + 1; at < stop; ) {
    if (rootAt.has(at)) {
      at = afterSubtree(tree, at)
      continue
    }
    const key = labelKey(labels, at, marks[at] ?? 0)
    if (key === NO_LABEL) {
      at++
      continue
    }
    const ordinal = (ordinals.get(key) ?? 0) + 1
    ordinals.set(key, ordinal)
    steps.push({ node: at, segment: segment(labels, key, ordinal) })
    at = afterSubtree(tree, at)
  }
  return steps
}

function parentWithin(index: NodeIndex, node: number): NodeId | undefined {
  const root = rootAround(index, node)
  if (root === undefined) return undefined
  let id: NodeId = root.id
  let at = root.node
  for (;;) {
    const step = labelledChildren(index, at).find((child) => child.node < node && node < afterSubtree(index.tree, child.node))
    if (step === undefined) return id
    id = extendId(id, step.segment)
    at = step.node
  }
}

/** The innermost root whose subtree holds the node. */
function rootAround(index: NodeIndex, node: number): Root | undefined {
  const { roots, tree } = index
  let low = 0
  let high = roots.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((roots[middle] as Root).node <= node) low = middle + 1
    else high = middle
  }
  for (let i = low - 1; i >= 0; i--) {
    const root = roots[i] as Root
    if (node < afterSubtree(tree, root.node)) return index.rootAt.get(root.node)
  }
  return undefined
}

/** Of the roots with this definition, the one whose id is the longest beginning of the id: a head's may hold another's. */
function longestRoot(index: NodeIndex, id: NodeId, found: Root): Root {
  let longest = found
  for (const root of index.roots) {
    if (root.module === found.module && isUnder(root.id, id) && root.id.length > longest.id.length) longest = root
  }
  return longest
}

const isUnder = (root: NodeId, id: NodeId) => id === root || id.startsWith(`${root}/`)

/** `Name@2` before the function or `#body` is the second definition of `Name`: which one that is, `module` says. */
function withoutOrdinal(id: NodeId): NodeId {
  return id.replace(/^([^"#/@]*?)@\d+(?=[.#])/, '$1')
}
