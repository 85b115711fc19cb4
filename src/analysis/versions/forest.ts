/**
 * Forests: the labelled nodes of the roots that two versions do not share, in flat columns. A root's nodes lie together in
 * preorder, so that a subtree is [n, after[n]). Labels and shapes are numbers that mean the same on both sides: two nodes
 * have equal shapes exactly when their subtrees read alike, whatever their layout.
 *
 * A node that shares its id with the one above (`ID_LIMIT`) is left out, and so are nodes without a label, whose children
 * stand in their place. Deliberately absent: roots that did not change; which node belongs to which (match-nodes.ts).
 */

import type { NodeId } from '../../model/node-id.ts'
import { afterSubtree, Kind, text } from '../../syntax/tree.ts'
import { childId, countKey, makeFrames, popFrame, pushFrame, segment } from '../frames.ts'
import { labelKey, NO_LABEL } from '../labels.ts'
import type { NodeIndex } from '../node-ids.ts'
import type { Root } from '../walk-state.ts'

export type Forest = {
  readonly ids: NodeId[]
  /** The last step of each id, which tells it from its siblings. */
  readonly steps: string[]
  /** `Kind` of the tree's node. */
  readonly kinds: number[]
  readonly labels: number[]
  readonly shapes: number[]
  /** -1 for a root. */
  readonly parents: number[]
  readonly after: number[]
  /** The node that each is on the other side, or -1. */
  readonly partners: number[]
}

/** The numbers of labels and shapes; one for both sides. */
export type Numbers = Map<string, number>

export const makeForest = (): Forest => ({ ids: [], steps: [], kinds: [], labels: [], shapes: [], parents: [], after: [], partners: [] })

export const sizeOf = (forest: Forest, node: number): number => (forest.after[node] as number) - node

export function* childrenOf(forest: Forest, node: number): Generator<number, void, undefined> {
  const stop = forest.after[node] as number
  for (let child = node + 1; child < stop; child = forest.after[child] as number) yield child
}

/** What is to be planted: a root of an index, and its id where that differs from the root's own (`A@2.f/1#1`). */
export type Seedling = { readonly index: NodeIndex; readonly root: Root; readonly id: NodeId }

/** Adds a root with its nodes; the place of the root. */
export function plant(forest: Forest, numbers: Numbers, { index, root, id }: Seedling): number {
  const first = forest.ids.length
  const values: string[] = []
  const { tree, labels, marks, rootAt } = index
  const frames = makeFrames()
  /** The forest's node of each labelled frame. */
  const placeOf: number[] = []
  const ownId = (nodeId: NodeId): NodeId => (id === root.id ? nodeId : id + nodeId.slice(root.id.length))
  const placeAbove = (): number => (frames.top < 0 ? -1 : (placeOf[frames.labelled[frames.top] as number] as number))
  const add = (node: number, nodeId: NodeId, label: string, step: string): void => {
    forest.parents.push(placeAbove())
    forest.ids.push(ownId(nodeId))
    forest.steps.push(step)
    forest.kinds.push(tree.kind[node] as number)
    forest.labels.push(numberOf(numbers, label))
    forest.after.push(forest.ids.length)
    forest.partners.push(-1)
    values.push(VALUED.has(tree.kind[node] as number) && label !== 'head' ? text(tree, node) : '')
  }
  const close = (): void => {
    if (frames.labelled[frames.top] === frames.top) forest.after[placeOf[frames.top] as number] = forest.ids.length
    popFrame(frames)
  }
  const open = (node: number, key: number, ordinal: number, rootId: NodeId | undefined): void => {
    pushFrame(frames, node, afterSubtree(tree, node), key, ordinal, rootId)
    placeOf[frames.top] = forest.ids.length - 1
  }
  add(root.node, root.id, root.kind, '')
  open(root.node, NO_LABEL, 0, root.id)
  for (let node = root.node + 1; ; ) {
    while (frames.top >= 0 && node >= (frames.end[frames.top] as number)) close()
    if (frames.top < 0) break
    if (rootAt.has(node)) {
      node = afterSubtree(tree, node)
      continue
    }
    const key = labelKey(labels, node, marks[node] ?? 0)
    let ordinal = 0
    if (key !== NO_LABEL) {
      ordinal = countKey(frames, key)
      const nodeId = childId(frames, labels, key, ordinal)
      if (ownId(nodeId) === forest.ids[placeAbove()]) {
        node = afterSubtree(tree, node)
        continue
      }
      add(node, nodeId, segment(labels, key, 1), segment(labels, key, ordinal))
    }
    if (afterSubtree(tree, node) > node + 1) open(node, key, ordinal, undefined)
    node++
  }
  number(forest, numbers, first, values)
  return first
}

/** Nodes whose label does not tell their value. */
const VALUED: ReadonlySet<number> = new Set([
  Kind.Integer, Kind.Float, Kind.Char, Kind.String, Kind.Charlist, Kind.Sigil, Kind.InterpolatedAtom,
])

/** Gives the nodes from `first` on their shapes, children before parents. */
function number(forest: Forest, numbers: Numbers, first: number, values: readonly string[]): void {
  for (let node = forest.ids.length - 1; node >= first; node--) {
    let shape = `${forest.kinds[node]} ${forest.labels[node]}`
    for (const child of childrenOf(forest, node)) shape += `,${forest.shapes[child]}`
    forest.shapes[node] = numberOf(numbers, `${shape}=${values[node - first]}`)
  }
}

function numberOf(numbers: Numbers, key: string): number {
  let found = numbers.get(key)
  if (found === undefined) {
    found = numbers.size
    numbers.set(key, found)
  }
  return found
}
