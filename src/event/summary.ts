/**
 * What a block sums up for each site. Stub: bodies follow.
 */

import type { Block } from './block.ts'

/** How many durations fell into each bin; bins rising, none empty. */
export type Sketch = { readonly bins: readonly number[]; readonly counts: readonly number[] }

export type SiteSummary = {
  readonly calls: number
  readonly returns: number
  readonly exceptions: number
  /** Returns and exceptions whose duration is known; what follows is of these. */
  readonly timed: number
  readonly sumNs: number
  readonly minNs: number
  readonly maxNs: number
  readonly ownNs: number
  readonly sketch: Sketch
}

/** A quantile is off by no more than this share of the value. */
export const RELATIVE_ERROR = 1 / 128

export const NO_SUMMARY: SiteSummary = { calls: 0, returns: 0, exceptions: 0, timed: 0, sumNs: 0, minNs: Infinity, maxNs: 0, ownNs: 0, sketch: { bins: [], counts: [] } }

/** By site code, for the sites that were called, returned to or left; read where the block is sealed, else computed. */
export function summarise(block: Block): ReadonlyMap<number, SiteSummary> {
  throw new Error(`not yet: ${String(block)}`)
}

export function mergeSummaries(a: SiteSummary, b: SiteSummary): SiteSummary {
  throw new Error(`not yet: ${String([a, b])}`)
}

/** The duration below which a share `q` of all lies, in ns; undefined where none is known. */
export function quantile(summary: SiteSummary, q: number): number | undefined {
  throw new Error(`not yet: ${String(summary)} ${q}`)
}
