/**
 * Sums of many summaries at once. Counts are added as they come, sketches only in the end, all of a site together: to merge them
 * one by one makes a new list for each.
 */

import { addToBin, openBins, type Sketch, takeSketch } from './bins.ts'
import { type PackedSketch, readBins } from './summary-codec.ts'
import { addCounts, NO_SUMMARY, type SiteCounts, type SiteSummary } from './summary.ts'

export type Sum = { counts: SiteCounts; readonly sketches: (Sketch | PackedSketch)[] }

export function openSum(): Sum {
  return { counts: NO_SUMMARY, sketches: [] }
}

export function addTo(sum: Sum, more: SiteCounts, sketch: Sketch | PackedSketch | undefined): void {
  sum.counts = addCounts(sum.counts, more)
  if (sketch !== undefined && more.timed > 0) sum.sketches.push(sketch)
}

/** The summaries that were added, as if all had been one. */
export function summariesOf(sums: readonly Sum[]): SiteSummary[] {
  const bins = openBins()
  return sums.map(({ counts, sketches }) => {
    const [only] = sketches
    if (sketches.length === 1 && only !== undefined && 'bins' in only) return { ...counts, sketch: only }
    for (const sketch of sketches) addSketch(bins, sketch)
    return { ...counts, sketch: takeSketch(bins) }
  })
}

function addSketch(bins: ReturnType<typeof openBins>, sketch: Sketch | PackedSketch): void {
  if ('bins' in sketch) for (const [idx, bin] of sketch.bins.entries()) addToBin(bins, bin, sketch.counts[idx] ?? 0)
  else readBins(sketch, (bin, count) => addToBin(bins, bin, count))
}
