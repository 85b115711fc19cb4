/**
 * A few numbers that every thread reads for free: shared memory that main makes and hands to each thread at its start, and
 * that outlives every thread. Written by the repository thread alone.
 */

import type { ImportState } from '../src/store/contract.ts'

export type SharedState = Int32Array<SharedArrayBuffer>

const VERIFIED = 0
const IMPORT_STATE = 1
const IMPORT_DONE = 2
const IMPORT_TOTAL = 3
const LENGTH = 4

const IMPORT_STATES = ['never', 'running', 'complete', 'interrupted'] as const satisfies readonly ImportState['state'][]

export function createSharedState(): SharedState {
  return new Int32Array(new SharedArrayBuffer(LENGTH * Int32Array.BYTES_PER_ELEMENT))
}

/** True once the files have been compared with the store since the daemon started. */
export function isVerified(shared: SharedState): boolean {
  return Atomics.load(shared, VERIFIED) === 1
}

export function setVerified(shared: SharedState): void {
  Atomics.store(shared, VERIFIED, 1)
}

export function setImportProgress(shared: SharedState, { state, filesDone, filesTotal }: Omit<ImportState, 'last'>): void {
  Atomics.store(shared, IMPORT_STATE, IMPORT_STATES.indexOf(state))
  Atomics.store(shared, IMPORT_DONE, filesDone)
  Atomics.store(shared, IMPORT_TOTAL, filesTotal)
}

export function importProgress(shared: SharedState): { state: ImportState['state']; files_done: number; files_total: number } {
  return {
    state: IMPORT_STATES[Atomics.load(shared, IMPORT_STATE)] ?? 'never',
    files_done: Atomics.load(shared, IMPORT_DONE),
    files_total: Atomics.load(shared, IMPORT_TOTAL),
  }
}
