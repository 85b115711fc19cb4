/**
 * The rows of a block in order of (time, row). A sealed block has it; of the open one it is made as rows come, by
 * merging the new ones in, and kept for the next query. Null: the rows stand in order as they are.
 */

import { BLOCK_ROWS, isSorted } from '../block.ts'
import type { BlockView } from './columns.ts'

export type OpenOrder = { number: number; nRows: number; order: Uint16Array | null }

export function orderOf(view: BlockView, open: OpenOrder): Uint16Array | null {
  const { block } = view
  if (view.sealed) return isSorted(block) ? null : block.order.subarray(0, view.counts.rows)
  if (open.number !== view.number) Object.assign(open, { number: view.number, nRows: 0, order: null })
  if (open.nRows < view.rows) carryOn(open, block.ts, view.rows)
  return open.order
}

function carryOn(open: OpenOrder, ts: Float64Array, nRows: number): void {
  const from = open.nRows
  open.nRows = nRows
  if (open.order === null && isRising(ts, Math.max(from, 1), nRows)) return
  const old = open.order?.subarray(0, from) ?? Uint16Array.from({ length: from }, (_, row) => row)
  const added = sortByTime(Uint16Array.from({ length: nRows - from }, (_, idx) => from + idx), ts)
  open.order = merge(old, added, ts)
}

function isRising(ts: Float64Array, from: number, to: number): boolean {
  for (let row = from; row < to; row++) if ((ts[row] ?? 0) < (ts[row - 1] ?? 0)) return false
  return true
}

/** All rows of `b` are greater than those of `a`, so `a` goes first where times are equal. */
function merge(a: Uint16Array, b: Uint16Array, ts: Float64Array): Uint16Array {
  const merged = new Uint16Array(a.length + b.length)
  let i = 0
  let j = 0
  for (let at = 0; at < merged.length; at++) {
    const takeB = i === a.length || (j < b.length && (ts[b[j] ?? 0] ?? 0) < (ts[a[i] ?? 0] ?? 0))
    merged[at] = (takeB ? b[j++] : a[i++]) ?? 0
  }
  return merged
}

/** Rows by (time, row). Most rows stand nearly so already, which this sort makes use of. */
export function sortByTime(rows: Uint16Array, ts: Float64Array): Uint16Array {
  return Uint16Array.from(Array.from(rows).sort((a, b) => (ts[a] ?? 0) - (ts[b] ?? 0) || a - b))
}

/** Whether rows, rising, are in order of time too. */
export function isInTime(rows: Uint16Array, ts: Float64Array): boolean {
  let last = -Infinity
  for (const row of rows) {
    const at = ts[row] ?? 0
    if (at < last) return false
    last = at
  }
  return true
}

/** Several lists of rows, each row in one of them, as one that rises. */
export function unite(lists: readonly Uint16Array[]): Uint16Array {
  if (lists.length === 1) return lists[0] ?? new Uint16Array(0)
  const nRows = lists.reduce((sum, list) => sum + list.length, 0)
  return nRows * 8 < BLOCK_ROWS / 32 ? uniteFew(lists, nRows) : uniteMany(lists, nRows)
}

function uniteFew(lists: readonly Uint16Array[], nRows: number): Uint16Array {
  const rows = new Uint16Array(nRows)
  let at = 0
  for (const list of lists) {
    rows.set(list, at)
    at += list.length
  }
  return rows.sort()
}

function uniteMany(lists: readonly Uint16Array[], nRows: number): Uint16Array {
  const bits = new Uint32Array(BLOCK_ROWS / 32)
  for (const list of lists) for (const row of list) bits[row >>> 5] = (bits[row >>> 5] ?? 0) | (1 << (row & 31))
  const rows = new Uint16Array(nRows)
  let at = 0
  for (let word = 0; word < bits.length; word++) {
    for (let left = bits[word] ?? 0; left !== 0; left &= left - 1) rows[at++] = (word << 5) | (31 - Math.clz32(left & -left))
  }
  return rows
}
