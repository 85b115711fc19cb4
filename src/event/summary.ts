/**
 * What a block sums up for each site, so that figures over any window are sums over blocks: how often it was called, returned
 * to and left, and how long it took, with a sketch that quantiles are read from.
 *
 * The sketch counts durations in bins: 64 of equal width between each power of two and the next, so that a bin's middle is
 * off by no more than 1/128 of any duration in it. The bin is the exponent and the first six bits of the number as
 * IEEE 754 writes it. Like DDSketch (Masson, Rim and Lee, VLDB 2019), of which this is the linearly interpolated mapping,
 * without its collapsing: there are at most 53 x 64 bins, and those of one site are few. Merging adds counts, so the order
 * of merging never matters, and no merge makes the error larger.
 *
 * Absent on purpose: what the sites are, and which blocks a window takes (correlation).
 */

import { EVENT_TYPES } from '../model/event.ts'
import { countDuration, middleOf, openBins, type Sketch, takeSketch } from './bins.ts'
import { type Block, durationOf, isNested } from './block.ts'

/** What is counted of a site, without the sketch. */
export type SiteCounts = {
  readonly calls: number
  readonly returns: number
  readonly exceptions: number
  /** Returns and exceptions whose duration is known; what follows is of these. */
  readonly timed: number
  readonly sumNs: number
  /** Of the calls that are not within another of their function: how long it was under way, however deep it recursed. */
  readonly outerNs: number
  readonly minNs: number
  readonly maxNs: number
  /** Without the traced calls within. */
  readonly ownNs: number
}
export type SiteSummary = SiteCounts & { readonly sketch: Sketch }

/** By site code, rising; sites that were neither called nor returned to are not in it. */
export type Summary = ReadonlyMap<number, SiteSummary>

/** A quantile is off by no more than this share of the duration. */
export const RELATIVE_ERROR = 1 / 128

export const NO_SUMMARY: SiteSummary = {
  calls: 0, returns: 0, exceptions: 0, timed: 0, sumNs: 0, outerNs: 0, minNs: Infinity, maxNs: 0, ownNs: 0, sketch: { bins: [], counts: [] },
}

/** From the postings of the column `site`. */
export function summariseSites({ type, took, own }: Block, siteStarts: Uint32Array, siteRows: Uint16Array): Summary {
  const summary = new Map<number, SiteSummary>()
  const bins = openBins()
  for (let site = 1; site + 1 < siteStarts.length; site++) {
    let calls = 0, returns = 0, exceptions = 0, timed = 0, sumNs = 0, outerNs = 0, minNs = Infinity, maxNs = 0, ownNs = 0
    const end = siteStarts[site + 1] ?? 0
    for (let at = siteStarts[site] ?? 0; at < end; at++) {
      const row = siteRows[at] ?? 0
      const kind = type[row]
      if (kind === EVENT_TYPES.call) calls++
      else if (kind === EVENT_TYPES.return) returns++
      else if (kind === EVENT_TYPES.exception) exceptions++
      else continue
      const ns = durationOf(took[row])
      if (Number.isNaN(ns)) continue
      timed++
      sumNs += ns
      if (!isNested(took[row] ?? ns)) outerNs += ns
      ownNs += own[row] ?? 0
      if (ns < minNs) minNs = ns
      if (ns > maxNs) maxNs = ns
      countDuration(bins, ns)
    }
    if (calls + returns + exceptions > 0) summary.set(site, { calls, returns, exceptions, timed, sumNs, outerNs, minNs, maxNs, ownNs, sketch: takeSketch(bins) })
  }
  return summary
}

/** Of both together. Exact and in any order, as long as sums stay below 2^53 ns (104 days). */
export function mergeSummaries(a: SiteSummary, b: SiteSummary): SiteSummary {
  return { ...addCounts(a, b), sketch: mergeSketches(a.sketch, b.sketch) }
}

export function addCounts(a: SiteCounts, b: SiteCounts): SiteCounts {
  return {
    calls: a.calls + b.calls, returns: a.returns + b.returns, exceptions: a.exceptions + b.exceptions, timed: a.timed + b.timed,
    sumNs: a.sumNs + b.sumNs, outerNs: a.outerNs + b.outerNs, minNs: Math.min(a.minNs, b.minNs), maxNs: Math.max(a.maxNs, b.maxNs), ownNs: a.ownNs + b.ownNs,
  }
}

/** The duration that a share `q` (0 to 1) of all is not above, in ns, off by at most RELATIVE_ERROR; undefined where none is known. */
export function quantile({ timed, minNs, maxNs, sketch }: SiteSummary, q: number): number | undefined {
  if (timed === 0) return undefined
  const rank = Math.floor(q * (timed - 1))
  let below = 0
  for (const [idx, bin] of sketch.bins.entries()) {
    below += sketch.counts[idx] ?? 0
    if (below > rank) return Math.min(maxNs, Math.max(minNs, middleOf(bin)))
  }
  return maxNs
}

function mergeSketches(a: Sketch, b: Sketch): Sketch {
  if (a.bins.length === 0) return b
  if (b.bins.length === 0) return a
  const bins: number[] = []
  const merged: number[] = []
  for (let i = 0, j = 0; i < a.bins.length || j < b.bins.length;) {
    const left = a.bins[i] ?? Infinity
    const right = b.bins[j] ?? Infinity
    bins.push(Math.min(left, right))
    merged.push((left <= right ? (a.counts[i++] ?? 0) : 0) + (right <= left ? (b.counts[j++] ?? 0) : 0))
  }
  return { bins, counts: merged }
}
