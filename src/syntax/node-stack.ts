/**
 * The tree while it is being built: nodes in postorder, each with the size of its subtree, so that a finished subtree is
 * one contiguous range and nothing ever moves. `toTree` turns it into preorder in one pass from the end: the place of a
 * node is where its subtree begins plus the number of its ancestors. Reused from file to file.
 */

import type { Names } from './names.ts'
import type { ColumnFix, Tree } from './tree.ts'
import type { Problem } from '../model/problem.ts'

export type NodeStack = {
  kind: Uint8Array
  start: Int32Array
  end: Int32Array
  at: Int32Array
  payload: Int32Array
  size: Int32Array
  count: number
  capacity: number
  /** Scratch of `toTree`: where the subtrees of the ancestors begin. */
  ancestors: Int32Array
}

/** `at` of a node without position; NOWHERE once it is unsigned. */
export const NO_POSITION = -1

export function createNodeStack(): NodeStack {
  const capacity = 1 << 14
  return {
    kind: new Uint8Array(capacity),
    start: new Int32Array(capacity),
    end: new Int32Array(capacity),
    at: new Int32Array(capacity),
    payload: new Int32Array(capacity),
    size: new Int32Array(capacity),
    count: 0,
    capacity,
    ancestors: new Int32Array(256),
  }
}

function grow(nodes: NodeStack): void {
  const capacity = nodes.capacity * 2
  const kind = new Uint8Array(capacity)
  kind.set(nodes.kind)
  nodes.kind = kind
  for (const key of ['start', 'end', 'at', 'payload', 'size'] as const) {
    const wider = new Int32Array(capacity)
    wider.set(nodes[key])
    nodes[key] = wider
  }
  nodes.capacity = capacity
}

/** Adds a node whose children are everything from node `first` on. */
export function emit(
  nodes: NodeStack, kind: number, first: number, start: number, end: number, at: number, payload: number,
): void {
  const n = nodes.count
  if (n === nodes.capacity) grow(nodes)
  nodes.kind[n] = kind
  nodes.start[n] = start
  nodes.end[n] = end
  nodes.at[n] = at
  nodes.payload[n] = payload
  nodes.size[n] = n - first + 1
  nodes.count = n + 1
}

/** Where the subtree of the last node begins. */
export function lastBegin(nodes: NodeStack): number {
  return nodes.count - (nodes.size[nodes.count - 1] as number)
}

/** How many children the last node has, counted up to `limit`. */
export function lastChildren(nodes: NodeStack, limit: number): number {
  const begin = lastBegin(nodes)
  let node = nodes.count - 2
  let count = 0
  while (node >= begin && count < limit) {
    count++
    node -= nodes.size[node] as number
  }
  return count
}

export type TreeParts = {
  readonly source: Uint8Array
  readonly names: Names
  readonly fixes: readonly ColumnFix[]
  readonly problems: readonly Problem[]
}

/** The finished tree. The last node is the root. */
export function toTree(nodes: NodeStack, parts: TreeParts): Tree {
  const length = nodes.count
  // One allocation for all columns: six cost more than what is written to them.
  const buffer = new ArrayBuffer(length * 21)
  const start = new Uint32Array(buffer, 0, length)
  const end = new Uint32Array(buffer, length * 4, length)
  const at = new Uint32Array(buffer, length * 8, length)
  const payload = new Uint32Array(buffer, length * 12, length)
  const extent = new Uint32Array(buffer, length * 16, length)
  const kind = new Uint8Array(buffer, length * 20, length)
  const { kind: kinds, start: starts, end: ends, at: ats, payload: payloads, size: sizes } = nodes
  let { ancestors } = nodes
  let depth = 0
  for (let n = length - 1; n >= 0; n--) {
    while (depth > 0 && n < (ancestors[depth - 1] as number)) depth--
    const size = sizes[n] as number
    const begin = n - size + 1
    const to = begin + depth
    kind[to] = kinds[n] as number
    start[to] = starts[n] as number
    end[to] = ends[n] as number
    at[to] = ats[n] as number
    payload[to] = payloads[n] as number
    extent[to] = size
    if (size > 1) {
      if (depth === ancestors.length) {
        const wider = new Int32Array(depth * 2)
        wider.set(ancestors)
        ancestors = wider
        nodes.ancestors = wider
      }
      ancestors[depth++] = begin
    }
  }
  return { ...parts, length, kind, start, end, at, payload, extent }
}
