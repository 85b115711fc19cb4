/**
 * A batch of events as it comes from an agent or a client (docs/AGENT.md, Batches). Stub: the codec follows.
 */

import type { Result } from '../base/result.ts'

/** Codes count from 1 in the order of the names, 0 is none. `sites` are ten words each (SITE in `block.ts`). */
export type Batch = {
  /** Counts from 1 within a session. */
  readonly no: number
  /** ns since 1970 that `ts` counts from. */
  readonly t0Ns: bigint
  /** Events, 1 to 16,384. */
  readonly n: number
  readonly strings: readonly string[]
  readonly pids: readonly string[]
  readonly corrs: readonly string[]
  readonly sites: Uint32Array
  readonly type: Uint8Array
  /** Whole ns. */
  readonly ts: Float64Array
  readonly pid: Uint16Array
  readonly peer: Uint16Array
  readonly site: Uint16Array
  readonly corr: Uint16Array
  /** The rows that have a payload, rising, and these in the same order. */
  readonly payloadRows: Uint16Array
  readonly payloads: readonly Uint8Array[]
}

/** What is wrong with a frame, and where in it: `columns.ts[17]`, `names.sites[3].file`, `byte 4711`. */
export type BatchFault = { readonly where: string; readonly message: string }

/** The batch that a frame holds; its payloads are views of the frame. */
export function decodeBatch(frame: Uint8Array): Result<Batch, BatchFault> {
  throw new Error(`not yet: ${frame.length}`)
}

/** The frame of a batch, without the length before it. */
export function encodeBatch(batch: Batch): Uint8Array {
  throw new Error(`not yet: ${batch.n}`)
}
