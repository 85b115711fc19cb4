/**
 * The figures of a window, by site: what sealed blocks sum up where they lie wholly in it, counted row by row in those that
 * it cuts and in the open one. So a figure is exactly that of the events that a query for the same window finds.
 *
 * Sums of neighbouring sealed blocks are kept (`RuntimeCaches.figures`): sealed blocks never change, and their numbers are
 * never given again. Absent on purpose: what the figures mean (src/correlate/insights.ts).
 */

import type { SiteFigures } from '../../correlate/insights.ts'
import type { BlockRef } from '../../event/query/blocks.ts'
import { type BlockView, relativeNs, siteNames, viewOf } from '../../event/query/columns.ts'
import type { EventFilter } from '../../event/query/filter.ts'
import { mergeSummaries, summarise, summariseSites, type Summary } from '../../event/summary.ts'
import type { Figures, RuntimeContext } from './context.ts'

export type Window = Pick<EventFilter, 'sinceNs' | 'untilNs'>
/** Rows that are counted, of each block: a test for them, or null where the block has none. */
export type RowTest = (view: BlockView) => ((row: number) => boolean) | null

const GROUP = 64

export function figuresIn(context: RuntimeContext, window: Window): readonly SiteFigures[] {
  const { caches, queries, pause } = context
  const all = new Map<string, SiteFigures>()
  for (const { refs, key } of groupsIn(queries.blocks.refs(), window)) {
    const known = key === null ? undefined : caches.figures.get(key)
    const group = known ?? sumUp(context, refs, window)
    if (known === undefined && key !== null && refs.every((ref) => isSealedWhole(context, ref))) caches.figures.set(key, group)
    merge(all, group)
    pause()
  }
  return [...all.values()]
}

/** The figures of single rows, in a window. */
export function figuresOfRows({ queries, pause }: RuntimeContext, window: Window, test: RowTest): readonly SiteFigures[] {
  const all = new Map<string, SiteFigures>()
  for (const ref of queries.blocks.refs()) {
    const block = touches(ref, window) ? queries.blocks.open(ref) : 'gone'
    if (block === 'gone') continue
    const view = viewOf(ref, block)
    const fits = test(view)
    if (fits !== null) add(all, view, sumRows(view, window, fits))
    pause()
  }
  return [...all.values()]
}

type Group = { readonly refs: readonly BlockRef[]; /** Null: cut by the window. */ readonly key: string | null }

function groupsIn(refs: readonly BlockRef[], window: Window): Group[] {
  const within = Map.groupBy(refs.filter((ref) => touches(ref, window)), (ref) => (isWithin(ref, window) ? Math.floor(ref.number / GROUP) : -1))
  return Array.from(within, ([group, members]) => ({ refs: members, key: group < 0 ? null : members.map(({ number }) => number).join() }))
}

function touches({ nRows, minNs, maxNs }: BlockRef, { sinceNs, untilNs }: Window): boolean {
  return nRows > 0 && (sinceNs === undefined || maxNs >= sinceNs) && (untilNs === undefined || minNs < untilNs)
}

function isWithin({ minNs, maxNs }: BlockRef, { sinceNs, untilNs }: Window): boolean {
  return (sinceNs === undefined || minNs >= sinceNs) && (untilNs === undefined || maxNs < untilNs)
}

function isSealedWhole({ queries }: RuntimeContext, ref: BlockRef): boolean {
  const block = queries.blocks.open(ref)
  if (block === 'gone') return false
  const view = viewOf(ref, block)
  return view.sealed && view.rows === view.counts.rows
}

function sumUp({ queries, pause }: RuntimeContext, refs: readonly BlockRef[], window: Window): Figures {
  const sums = new Map<string, SiteFigures>()
  for (const ref of refs) {
    const block = queries.blocks.open(ref)
    if (block === 'gone') continue
    const view = viewOf(ref, block)
    const whole = view.sealed && view.rows === view.counts.rows && isWithin(ref, window)
    add(sums, view, whole ? summarise(block) : sumRows(view, window, null))
    pause()
  }
  return sums
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

function add(sums: Map<string, SiteFigures>, view: BlockView, summaries: Summary): void {
  for (const [code, summary] of summaries) {
    const site = siteNames(view, code)
    put(sums, JSON.stringify([site.mfa, site.caller, site.nodeId, site.evidence]), { site, summary })
  }
}

function merge(into: Map<string, SiteFigures>, from: Figures): void {
  for (const [key, figures] of from) put(into, key, figures)
}

function put(sums: Map<string, SiteFigures>, key: string, { site, summary }: SiteFigures): void {
  const known = sums.get(key)
  sums.set(key, { site, summary: known === undefined ? summary : mergeSummaries(known.summary, summary) })
}
