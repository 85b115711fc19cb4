/**
 * Seals a block: postings by counting sort, the order of time where rows came late, the summary; then the state, which tells
 * readers that these are there. Until then readers scan, and nothing of what is written here is looked at.
 *
 * Invariant: what is sealed does not change any more. Absent on purpose: the file and the checksum (`block-file.ts`).
 */

import { type Block, BLOCK_STATES, COUNT, counts, HEADER, isSealed, isSorted, setSorted } from './block.ts'
import { postings } from './postings.ts'
import { encodeSummary } from './summary-codec.ts'
import { summariseSites } from './summary.ts'
import { mergeRuns } from './time-order.ts'

/** The block's rows are all there; nothing is appended after this. */
export function seal(block: Block): void {
  const filled = counts(block)
  const { rows } = filled
  postings(block.type, rows, 255, block.typeStarts, block.typeRows)
  postings(block.pid, rows, filled.pids, block.pidStarts, block.pidRows)
  postings(block.site, rows, filled.sites, block.siteStarts, block.siteRows)
  postings(block.corr, rows, filled.correlations, block.corrStarts, block.corrRows)
  setSorted(block, mergeRuns(block.ts, rows, block.order))
  Atomics.store(block.header, COUNT.summaryBytes, encodeSummary(summariseSites(block, block.siteStarts.subarray(0, filled.sites + 2), block.siteRows), block.summary))
  Atomics.store(block.header, HEADER.state, BLOCK_STATES.sealed)
}

/** The first and the last instant of the rows that are published, in ns since 1970, both inclusive; undefined without rows. */
export function timeRange(block: Block): { readonly minNs: bigint; readonly maxNs: bigint } | undefined {
  const { rows } = counts(block)
  if (rows === 0) return undefined
  const base = block.base[0] ?? 0n
  const [min, max] = isSealed(block) && isSorted(block) ? [block.ts[0] ?? 0, block.ts[rows - 1] ?? 0] : extremes(block.ts, rows)
  return { minNs: base + BigInt(min), maxNs: base + BigInt(max) }
}

function extremes(ts: Float64Array, rows: number): [min: number, max: number] {
  let min = Infinity
  let max = -Infinity
  for (let row = 0; row < rows; row++) {
    const at = ts[row] ?? 0
    if (at < min) min = at
    if (at > max) max = at
  }
  return [min, max]
}
