/**
 * What the Synchronizer and the IncrementalUpdater say to each other and to their ports. A change comes from the
 * FileWatcher as paths; it becomes a batch of outcomes, read and analysed in the sync thread; and that becomes one
 * transaction in the repository thread.
 */

import type { Failure } from '../../base/failure.ts'
import type { FileOutcome } from '../parse-files.ts'
import type { SyncMode } from './sync-machine.ts'

export const INCREMENTAL_UPDATER = 'ElixirScope.AST.Synchronization.IncrementalUpdater'

export const SYNC_PORTS = {
  /** PrepareOperation -> Prepared */
  prepare: 'sync.prepare',
  /** `'import'`: compares all files with the disk, in the repository thread -> nothing */
  rescan: 'sync.rescan',
  /** PendingReport: shown to whoever answers questions -> nothing */
  report: 'sync.report',
  /** UpdateBatch -> Updated; `conflict` when a file is no longer what it was prepared against, `busy` while an import runs */
  update: 'sync.update',
} as const

export type PrepareOperation = { readonly paths: readonly string[] }

/** `too_many`: what changed is more than the sync thread reads by itself. */
export type Prepared = { readonly type: 'batch'; readonly batch: UpdateBatch } | { readonly type: 'too_many' }

/** All or nothing. */
export type UpdateBatch = {
  readonly changes: readonly {
    readonly outcome: FileOutcome
    /** Hash of the content that the store had when this was prepared; null when it did not know the file. */
    readonly knownHash: string | null
  }[]
}

export type Updated = { readonly epoch: number; readonly changed: boolean }

export type PendingReport = { readonly nPending: number }

export type SynchronizerBody =
  | import('../watch/protocol.ts').ChangedMessage
  /** A call, answered with Settled once every change saved before it is in the store. */
  | { readonly type: 'settle' }
  /** A call, answered with SynchronizerStatus. */
  | { readonly type: 'status' }

export type SynchronizerStatus = {
  readonly phase: SyncMode
  readonly nPending: number
  readonly isRescanOwed: boolean
  readonly epoch: number
  readonly nBatches: number
  readonly nRescans: number
  /** Attempts in a row that came to nothing, and why the last did. */
  readonly nFailed: number
  readonly lastFailure: Failure | undefined
}

export type Settled = { readonly epoch: number }

/** A call, answered as `SYNC_PORTS.update` answers. */
export type IncrementalUpdaterBody = { readonly type: 'update'; readonly batch: UpdateBatch }
