/**
 * Appends batches to the open block. Stub: bodies follow.
 */

import type { Evidence, EventSource } from '../model/event.ts'
import type { Batch } from './batch.ts'
import { type Block, type Counts } from './block.ts'
import type { SiteNames } from './names.ts'

/** Room for any batch that can be decoded, in an empty block (virtual: pages that are never touched cost nothing). */
export const BLOCK_CAPACITY: Counts = {
  rows: 65_536, sites: 65_534, pids: 65_534, correlations: 65_534, sources: 1024, strings: 262_144,
  stringBytes: 16 << 20, arenaBytes: (8 << 20) + (1 << 17), summaryBytes: 4 << 20,
}

/** The node of a site, asked for once per block and site. */
export type Resolve = (site: SiteNames, source: EventSource) => { readonly nodeId: string | null; readonly evidence: Evidence }

/** What a writer has done since it was opened. */
export type WriterStats = {
  /** Returns whose call was not seen. */
  readonly unpaired: number
  /** Calls that were given up waiting for their return, because too many were open. */
  readonly givenUp: number
  /** Node ids that found no room in a block. */
  readonly nodesLeftOut: number
}

export type Writer = { block: Block | undefined }

/** A writer goes from block to block: calls that are open when a block is full find their returns in the next. */
export function openWriter(options: { readonly maxOpenCalls?: number } = {}): Writer {
  return { block: undefined, ...options }
}

/** Goes on in an empty block that is laid out; `number` is never given twice. */
export function beginBlock(writer: Writer, block: Block, number: number): void {
  throw new Error(`not yet: ${String(writer)} ${String(block)} ${number}`)
}

/** 'full': nothing of the batch is in the block, which is to be sealed, and the next one begun. */
export function append(writer: Writer, batch: Batch, source: EventSource, resolve: Resolve): 'appended' | 'full' {
  throw new Error(`not yet: ${String([writer, batch, source, resolve])}`)
}

export function writerStats(writer: Writer): WriterStats {
  throw new Error(`not yet: ${String(writer)}`)
}
