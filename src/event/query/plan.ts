/**
 * How a block is gone through: by the postings of one column, or by its rows in order of time. Postings are taken when
 * they are much shorter than the range of time; all that is asked for is tested on every row in any case, so that the
 * choice never changes an answer. Candidates come in order of (time, row), so a range of time is two binary searches.
 *
 * Of an open block, and where the postings are many and not in order of time, the range is scanned: then rows that fit are
 * many too, and a limit ends the scan early.
 */

import { type Posted, POSTED } from '../block.ts'
import type { BlockRef, Blocks, Zone } from './blocks.ts'
import { type BlockView, relativeNs } from './columns.ts'
import type { Order, Position } from './filter.ts'
import type { Links } from './links.ts'
import { type Codes, type Compiled, type Fitting, type Matcher, matches } from './match.ts'
import { isInTime, sortByTime, unite } from './order.ts'

/** Rows in order of (time, row), from index `from` to before `to`; null: the rows themselves. */
export type Candidates = { readonly rows: Uint16Array | null; readonly from: number; readonly to: number }

/** How one block was gone through. */
export type BlockPlan = {
  readonly block: number
  readonly zone: Zone
  readonly rows: number
  readonly index: Posted | 'time'
  /** Length of the postings of each index that could have been taken; `time`: rows in the range asked for. */
  readonly lengths: { readonly [I in Posted | 'time']?: number }
  /** Rows to test, and those that were tested before the answer was complete. */
  readonly candidates: number
  examined: number
}

/** Why a block was not opened, or opened in vain. */
export type Skip = 'time' | 'footer' | 'names' | 'gone'

export type Bounds = { readonly sinceNs: bigint | undefined; readonly untilNs: bigint | undefined; readonly after: Position | undefined; readonly order: Order }

/** More rows than this are not sorted by time; nor are postings looked into for that which are longer than the next. */
const SORTED_MAX = 512
const CHECKED_MAX = 8192
/** A row by postings costs so many rows of a scan. */
const POSTING_COST = 2

/** What is known of a block without opening it; undefined: it is to be opened. */
export function skips(ref: BlockRef, compiled: Compiled, bounds: Bounds, blocks: Blocks, links: Links): Skip | undefined {
  const { sinceNs, untilNs, after, order } = bounds
  if (ref.nRows === 0 || (sinceNs !== undefined && ref.maxNs < sinceNs) || (untilNs !== undefined && ref.minNs >= untilNs)) return 'time'
  if (after !== undefined && (order === 'asc' ? ref.maxNs < after.timestampNs : ref.minNs > after.timestampNs)) return 'time'
  const { keys, typeKeys, filter } = compiled
  const holds = keys.every((key) => blocks.mayHold(ref, key)) && (typeKeys.length === 0 || typeKeys.some((key) => blocks.mayHold(ref, key)))
  const holdsNode = filter.nodeId === undefined || links.has(ref.number) || blocks.mayHold(ref, { kind: 'node', key: filter.nodeId })
  return holds && holdsNode ? undefined : 'footer'
}

/** `order` is the block's rows by time, null where they stand so. */
export function planBlock(view: BlockView, ref: BlockRef, { codes, matcher }: Fitting, order: Uint16Array | null, bounds: Bounds): { plan: BlockPlan; candidates: Candidates } {
  const all = cut(view, { rows: order, from: 0, to: order?.length ?? view.rows }, bounds)
  const time = all.to - all.from
  const lengths: { [I in Posted | 'time']?: number } = { time }
  let index: Posted | 'time' = 'time'
  for (const column of POSTED) {
    const ofColumn = codes[column]
    if (ofColumn === null || !view.sealed) continue
    const length = postingsLength(view, column, ofColumn) + (column === 'site' ? codes.linkedRows.length : 0)
    lengths[column] = length
    if (length * POSTING_COST < time && length < (index === 'time' ? Infinity : (lengths[index] ?? Infinity))) index = column
  }
  const { rows, tested } = index === 'time' ? { rows: null, tested: 0 } : inTime(view, postings(view, index, codes), matcher, order)
  const candidates = rows === null ? all : cut(view, { rows, from: 0, to: rows.length }, bounds)
  return {
    candidates,
    plan: { block: ref.number, zone: ref.zone, rows: view.rows, index: rows === null ? 'time' : index, lengths, candidates: candidates.to - candidates.from, examined: tested },
  }
}

/** The rows of these codes, rising; only of a sealed block. */
export function postings(view: BlockView, column: Posted, codes: Codes): Uint16Array {
  const { block } = view
  const rows = block[`${column}Rows`]
  const starts = block[`${column}Starts`]
  const lists = (codes[column] ?? []).map((code) => rows.subarray(starts[code], starts[code + 1]))
  return unite(column === 'site' && codes.linkedRows.length > 0 ? [...lists, Uint16Array.from(codes.linkedRows)] : lists)
}

export function postingsLength({ block }: BlockView, column: Posted, codes: readonly number[]): number {
  const starts = block[`${column}Starts`]
  let length = 0
  for (const code of codes) length += (starts[code + 1] ?? 0) - (starts[code] ?? 0)
  return length
}

/** `rows` is null where it is better to go through the block in order of time. What is to be sorted is tested first, so that less is. */
function inTime(view: BlockView, rows: Uint16Array, matcher: Matcher, order: Uint16Array | null): { rows: Uint16Array | null; tested: number } {
  const { ts } = view.block
  if (order === null) return { rows, tested: 0 }
  if (rows.length > CHECKED_MAX) return { rows: null, tested: 0 }
  if (isInTime(rows, ts)) return { rows, tested: 0 }
  const fitting = rows.filter((row) => matches(matcher, view, row))
  return { rows: fitting.length > SORTED_MAX ? null : sortByTime(fitting, ts), tested: rows.length }
}

/** The part of the candidates within the times asked for and beyond the cursor. */
function cut(view: BlockView, candidates: Candidates, { sinceNs, untilNs, after, order }: Bounds): Candidates {
  const place = (ns: bigint, row: number) => {
    const ts = relativeNs(view, ns)
    // Of what the block cannot have no row is behind another.
    return firstFrom(view, candidates, ts, view.baseNs + BigInt(ts) === ns ? row : 0)
  }
  let from = sinceNs === undefined ? candidates.from : place(sinceNs, 0)
  let to = untilNs === undefined ? candidates.to : place(untilNs, 0)
  if (after !== undefined) {
    // Of one instant, the rows of blocks before the cursor's come before it, and all of those after it behind.
    const beyond = after.block === view.number ? after.row : after.block > view.number ? Infinity : -1
    if (order === 'asc') from = Math.max(from, place(after.timestampNs, beyond + 1))
    else to = Math.min(to, place(after.timestampNs, Math.max(beyond, 0)))
  }
  return { rows: candidates.rows, from, to: Math.max(from, to) }
}

/** The index of the first candidate at or behind (ts, row). */
function firstFrom({ block }: BlockView, { rows, from, to }: Candidates, ts: number, row: number): number {
  let low = from
  let high = to
  while (low < high) {
    const middle = (low + high) >>> 1
    const at = rows === null ? middle : (rows[middle] ?? 0)
    const atTs = block.ts[at] ?? 0
    if (atTs < ts || (atTs === ts && at < row)) low = middle + 1
    else high = middle
  }
  return low
}
