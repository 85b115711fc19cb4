/** Summaries of blocks, whole, as tests compare them. */

import { type Block, counts, isSealed } from '../../src/event/block.ts'
import { postings } from '../../src/event/postings.ts'
import { readBins, readSummary } from '../../src/event/summary-codec.ts'
import { type Summary, type SiteSummary, summariseSites } from '../../src/event/summary.ts'

/** Of the rows that are published: read where the block is sealed, else computed. */
export function summarise(block: Block): Summary {
  const { rows, sites, summaryBytes } = counts(block)
  if (isSealed(block)) return decodeSummary(block.summary.subarray(0, summaryBytes))
  const siteStarts = new Uint32Array(sites + 2)
  const siteRows = new Uint16Array(rows)
  postings(block.site, rows, sites, siteStarts, siteRows)
  return summariseSites(block, siteStarts, siteRows)
}

export function decodeSummary(bytes: Uint8Array): Summary {
  const summary = new Map<number, SiteSummary>()
  readSummary(bytes, (code, site, packed) => {
    const sketch: { bins: number[]; counts: number[] } = { bins: [], counts: [] }
    if (packed !== undefined) {
      readBins(packed, (bin, count) => {
        sketch.bins.push(bin)
        sketch.counts.push(count)
      })
    }
    summary.set(code, { ...site, sketch })
  })
  return summary
}
