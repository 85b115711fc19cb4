/**
 * A few numbers that every thread reads for free: shared memory that main makes and hands to each thread at its start, and
 * that outlives every thread. The pressure level is written by the memory thread, what is pending by the sync thread, what
 * concerns events by the capture thread, damage to them by whoever meets it, all else by the repository thread.
 */

import type { PressureCell } from '../src/memory/pressure-cell.ts'
import type { ImportState } from '../src/store/contract.ts'

export type SharedState = Int32Array<SharedArrayBuffer>

const VERIFIED = 0
const IMPORT_STATE = 1
const IMPORT_DONE = 2
const IMPORT_TOTAL = 3
const IMPORT_WAITS = 4
const PRESSURE = 5
const PENDING_FILES = 6
const STORE_GENERATION = 7
const STORE_GIVEN_UP = 8
const EVENTS = 9
const KEPT = 10
const EVENTS_DAMAGED = 11
const OPENED = 12
const LENGTH = 13

const IMPORT_STATES = ['never', 'running', 'complete', 'interrupted'] as const satisfies readonly ImportState['state'][]

export function createSharedState(): SharedState {
  return new Int32Array(new SharedArrayBuffer(LENGTH * Int32Array.BYTES_PER_ELEMENT))
}

/** True once the files have been compared with the store since the daemon started, except while an import may not go on. */
export function isVerified(shared: SharedState): boolean {
  return Atomics.load(shared, VERIFIED) === 1 && Atomics.load(shared, IMPORT_WAITS) === 0
}

export function setVerified(shared: SharedState): void {
  Atomics.store(shared, VERIFIED, 1)
}

/** The facts are those of an earlier time: until the next import they are not what the files say. */
export function setUnverified(shared: SharedState): void {
  Atomics.store(shared, VERIFIED, 0)
}

/** The store that is open is not to be read any more, until another has come in its place, which no import has filled yet. */
export function giveUpStore(shared: SharedState): void {
  Atomics.store(shared, VERIFIED, 0)
  if (Atomics.exchange(shared, STORE_GIVEN_UP, 1) === 0) Atomics.add(shared, STORE_GENERATION, 1)
}

export function setStoreOpen(shared: SharedState): void {
  Atomics.store(shared, STORE_GIVEN_UP, 0)
}

/** Another than when the store was opened: it has been given up since. */
export function storeGeneration(shared: SharedState): number {
  return Atomics.load(shared, STORE_GENERATION)
}

/** Whether an import waits for memory. */
export function setImportWaits(shared: SharedState, waits: 'waits' | 'goes on'): void {
  Atomics.store(shared, IMPORT_WAITS, waits === 'waits' ? 1 : 0)
}

/** The level of memory pressure, which outlives the thread that settles it. */
export function pressureCellOf(shared: SharedState): PressureCell {
  return shared.subarray(PRESSURE, PRESSURE + 1)
}

/** Files known to have changed that are not in the store yet. */
export function setPendingFiles(shared: SharedState, nPending: number): void {
  Atomics.store(shared, PENDING_FILES, nPending)
}

export function pendingFiles(shared: SharedState): number {
  return Atomics.load(shared, PENDING_FILES)
}

export function setImportProgress(shared: SharedState, { state, filesDone, filesTotal }: Omit<ImportState, 'last'>): void {
  Atomics.store(shared, IMPORT_STATE, IMPORT_STATES.indexOf(state))
  Atomics.store(shared, IMPORT_DONE, filesDone)
  Atomics.store(shared, IMPORT_TOTAL, filesTotal)
}

export function importProgress(shared: SharedState): { state: ImportState['state'] | 'waiting'; files_done: number; files_total: number } {
  return {
    state: Atomics.load(shared, IMPORT_WAITS) === 1 ? 'waiting' : IMPORT_STATES[Atomics.load(shared, IMPORT_STATE)] ?? 'never',
    files_done: Atomics.load(shared, IMPORT_DONE),
    files_total: Atomics.load(shared, IMPORT_TOTAL),
  }
}

/**
 * What questions about events are answered from, beside the repository: the events, plans and statements, and whether the store
 * of events is open: what was not in files yet is nowhere to be read until its log has been.
 */
const PARTS = { events: EVENTS, kept: KEPT, opened: OPENED } as const
type Part = keyof typeof PARTS
export type CapturedPart = Exclude<Part, 'opened'>

/**
 * Has the capture thread change a part. Its number is odd from before the first change can be seen until after the last, so
 * whoever finds the same even number before and after reading has read one state. A thread that died in between leaves it odd
 * until its next life has settled everything. What `isSame` says has changed nothing keeps its number.
 */
export function changing<T>(shared: SharedState, part: CapturedPart, change: () => T, isSame: (done: T) => boolean = () => false): T {
  const at = PARTS[part]
  const before = Atomics.or(shared, at, 1)
  try {
    const done = change()
    Atomics.store(shared, at, before % 2 === 0 && isSame(done) ? before : (before | 1) + 1)
    return done
  } catch (thrown) {
    Atomics.store(shared, at, (before | 1) + 1)
    throw thrown
  }
}

/** Until the store of events is open its number is odd, also where that fails or its thread dies at it. */
export function setEventsClosed(shared: SharedState): void {
  Atomics.or(shared, OPENED, 1)
}

export function setEventsOpen(shared: SharedState): void {
  Atomics.add(shared, OPENED, 1)
}

/** The number of a part; odd while it is being changed. */
export function numberOf(shared: SharedState, part: Part): number {
  return Atomics.load(shared, PARTS[part])
}

/** Somebody has found events that cannot be read: until the daemon starts anew, not all threads may know. */
export function setEventsDamaged(shared: SharedState): void {
  Atomics.store(shared, EVENTS_DAMAGED, 1)
}

/**
 * Names the state of all that questions about events are answered from; `facts`: that of the repository (`freshnessName`).
 * Null while something is being changed, or where what one thread has found damaged another may not know of yet.
 */
export function answerState(shared: SharedState, facts: string): string | null {
  const numbers = [numberOf(shared, 'events'), numberOf(shared, 'kept'), numberOf(shared, 'opened')]
  if (numbers.some((number) => number % 2 !== 0) || Atomics.load(shared, EVENTS_DAMAGED) === 1) return null
  return `${storeGeneration(shared)} ${numbers.join(' ')} ${facts}`
}
