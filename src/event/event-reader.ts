/**
 * The read side of the event store, for any thread: resident blocks from the shared slabs, sealed ones from their files.
 * Stub: bodies follow.
 */

import type { Failure } from '../base/failure.ts'
import type { Disk } from './disk.ts'
import type { Blocks } from './query/blocks.ts'
import type { SlabReader } from './slabs.ts'

export type EventReader = {
  /**
   * The blocks as they stand now, for one query: between `enter` and `leave` of the slab reader. Call it again after
   * `leave`: a resident block may be on disk by then. Blocks from disk are private copies and stay what they are.
   */
  blocks(): Blocks
  /** Blocks and files that could not be read, the newest last. */
  problems(): readonly Failure[]
}

export type EventReaderOptions = {
  /** Where the event store keeps its files. */
  readonly directory: string
  readonly slabs: SlabReader
  readonly disk: Disk
  /** Wall clock. */
  readonly nowMs: () => number
  /** Of blocks read from files. */
  readonly cacheBytes: number
  /** Files that nobody read for as long are cold. */
  readonly warmMs: number
}

export function openEventReader(options: EventReaderOptions): EventReader {
  return notYet(options)
}

function notYet(...given: readonly unknown[]): never {
  throw new Error(`not yet: ${given.length}`)
}
