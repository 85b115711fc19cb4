/**
 * Seals a block: postings, order, summary. Stub: bodies follow.
 */

import type { Block } from './block.ts'

/** After this nothing is appended; readers see the postings as soon as they see the block sealed. */
export function seal(block: Block): void {
  throw new Error(`not yet: ${String(block)}`)
}

/** The first and the last instant of the rows that are published, in ns since 1970, both inclusive; undefined without rows. */
export function timeRange(block: Block): { readonly minNs: bigint; readonly maxNs: bigint } | undefined {
  throw new Error(`not yet: ${String(block)}`)
}
