/**
 * The envelope of every answer: the value, the epoch of the snapshot it is from, when that was written, and whether it
 * is the whole truth. What limits it is said, never guessed at by the client.
 */

import type { ImportState } from '../store/contract.ts'

export type Answer<T> = { value: T; epoch: number; as_of: string; complete: boolean; verified: boolean; stale: boolean }

/** What of a snapshot or a finished write an answer reports. */
export type Freshness = {
  readonly epoch: number
  readonly writtenAt: string
  readonly importState: ImportState
  readonly unreadableFiles: number
  /** False from a restart or a rollback until the files have been compared with the store. */
  readonly verified: boolean
  /** True while files are known to have changed that are not in the store yet. */
  readonly stale: boolean
}

export function answer<T>(value: T, freshness: Freshness): Answer<T> {
  return {
    value,
    epoch: freshness.epoch,
    as_of: freshness.writtenAt,
    complete: freshness.importState.state === 'complete' && freshness.unreadableFiles === 0,
    verified: freshness.verified,
    stale: freshness.stale,
  }
}

/** One name for each state of the repository that an answer can be from: the same name, the same answer. */
export function freshnessName({ epoch, importState, unreadableFiles, verified, stale }: Omit<Freshness, 'writtenAt'>): string {
  return `${epoch} ${importState.state} ${unreadableFiles} ${verified} ${stale}`
}
