/**
 * The figures of a window, by site: what sealed blocks sum up where they lie wholly in it, counted row by row in those that
 * it cuts and in the open one. So a figure is exactly that of the events that a query for the same window finds.
 *
 * Sums of neighbouring sealed blocks are kept (`RuntimeCaches.figures`): sealed blocks never change, and their numbers are
 * never given again. Absent on purpose: what the figures mean (src/correlate/insights.ts).
 */

import type { SiteFigures } from '../../correlate/insights.ts'
import type { BlockRef } from '../../event/query/blocks.ts'
import { type BlockView, relativeNs, viewOf } from '../../event/query/columns.ts'
import type { EventFilter } from '../../event/query/filter.ts'
import { summariseSites, type Summary } from '../../event/summary.ts'
import type { RuntimeContext } from './context.ts'
import { addBlock, addFigures, addSummary, figuresOf, openSiteSums, type SiteSums } from './site-sums.ts'

export type Window = Pick<EventFilter, 'sinceNs' | 'untilNs'>
/** Rows that are counted, of each block: a test for them, or null where the block has none. */
export type RowTest = (view: BlockView) => ((row: number) => boolean) | null

/** Larger ones are fewer to merge, smaller ones leave less to a window that cuts them. */
const GROUP = 32

export function figuresIn(context: RuntimeContext, window: Window): readonly SiteFigures[] {
  const all = openSiteSums()
  const refs = context.queries.blocks.refs().filter(({ nRows }) => nRows > 0)
  for (const [group, members] of Map.groupBy(refs, ({ number }) => Math.floor(number / GROUP))) {
    if (members.every((ref) => isWithin(ref, window))) addGroup(context, all, group, members)
    else for (const ref of members) if (touches(ref, window)) sumUp(context, all, ref, window)
    context.pause()
  }
  return figuresOf(all)
}

/** What is kept of a group is carried on by the blocks that were sealed since; blocks that cannot be kept are added beside. */
function addGroup(context: RuntimeContext, all: SiteSums, group: number, refs: readonly BlockRef[]): void {
  const { figures: kept } = context.caches
  const known = kept.get(group)
  const isPart = known !== undefined && known.numbers.every((number, idx) => refs[idx]?.number === number)
  const numbers = isPart ? [...known.numbers] : []
  const sums = openSiteSums()
  if (isPart) addFigures(sums, known.figures)
  for (const ref of refs.slice(numbers.length)) {
    const view = viewAt(context, ref)
    if (view === undefined || !isWhole(view)) break
    addBlock(sums, view)
    numbers.push(ref.number)
    context.pause()
  }
  const figures = isPart && numbers.length === known.numbers.length ? known.figures : figuresOf(sums)
  if (figures !== known?.figures && numbers.length > 0) kept.set(group, { numbers, figures })
  addFigures(all, figures)
  for (const ref of refs.slice(numbers.length)) sumUp(context, all, ref, {})
}

/** The figures of single rows, in a window. */
export function figuresOfRows(context: RuntimeContext, window: Window, test: RowTest): readonly SiteFigures[] {
  const all = openSiteSums()
  for (const ref of context.queries.blocks.refs()) {
    const view = touches(ref, window) ? viewAt(context, ref) : undefined
    const fits = view === undefined ? null : test(view)
    if (view !== undefined && fits !== null) addSummary(all, view, sumRows(view, window, fits))
    context.pause()
  }
  return figuresOf(all)
}

export function touches({ nRows, minNs, maxNs }: BlockRef, { sinceNs, untilNs }: Window): boolean {
  return nRows > 0 && (sinceNs === undefined || maxNs >= sinceNs) && (untilNs === undefined || minNs < untilNs)
}

function isWithin({ minNs, maxNs }: BlockRef, { sinceNs, untilNs }: Window): boolean {
  return (sinceNs === undefined || minNs >= sinceNs) && (untilNs === undefined || maxNs < untilNs)
}

/** Undefined where it was pruned meanwhile. */
function viewAt({ queries }: RuntimeContext, ref: BlockRef): BlockView | undefined {
  const block = queries.blocks.open(ref)
  return block === 'gone' ? undefined : viewOf(ref, block)
}

/** Sealed, with all rows that it was sealed with: the summary is of these. */
export function isWhole({ sealed, rows, counts }: BlockView): boolean {
  return sealed && rows === counts.rows
}

function sumUp(context: RuntimeContext, sums: SiteSums, ref: BlockRef, window: Window): void {
  const view = viewAt(context, ref)
  if (view === undefined) return
  if (isWithin(ref, window) && isWhole(view)) addBlock(sums, view)
  else addSummary(sums, view, sumRows(view, window, null))
  context.pause()
}

function sumRows(view: BlockView, { sinceNs, untilNs }: Window, fits: ((row: number) => boolean) | null): Summary {
  const { block, rows, counts } = view
  const low = sinceNs === undefined ? -Infinity : relativeNs(view, sinceNs)
  const high = untilNs === undefined ? Infinity : relativeNs(view, untilNs)
  const taken = new Uint16Array(rows)
  const starts = new Uint32Array(counts.sites + 2)
  let nTaken = 0
  for (let row = 0; row < rows; row++) {
    const ts = block.ts[row] ?? 0
    if (ts < low || ts >= high || (fits !== null && !fits(row))) continue
    const after = (block.site[row] ?? 0) + 1
    starts[after] = (starts[after] ?? 0) + 1
    taken[nTaken++] = row
  }
  for (let site = 1; site < starts.length; site++) starts[site] = (starts[site] ?? 0) + (starts[site - 1] ?? 0)
  const next = starts.slice()
  const siteRows = new Uint16Array(nTaken)
  for (const row of taken.subarray(0, nTaken)) {
    const site = block.site[row] ?? 0
    const at = next[site] ?? 0
    siteRows[at] = row
    next[site] = at + 1
  }
  return summariseSites(block, starts, siteRows)
}
