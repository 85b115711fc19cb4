/**
 * The write side of the event store, for the one thread that writes. Stub: bodies follow.
 */

import type { Failure } from '../base/failure.ts'
import type { Result } from '../base/result.ts'
import type { EventSource, EventType } from '../model/event.ts'
import type { Batch } from './batch.ts'
import type { Disk } from './disk.ts'
import type { SlabWriter } from './slabs.ts'
import type { Resolve } from './writer.ts'

export type EventStorePorts = {
  readonly disk: Disk
  readonly slabs: SlabWriter
  /** Wall clock. */
  readonly nowMs: () => number
  /** The node of a site; batches of the log are given theirs when the store is opened, hence a port. */
  readonly resolve: Resolve
}

export type EventStoreConfig = {
  /** A block that got nothing for as long is sealed. */
  readonly idleMs: number
  /** A file is finished at 64 blocks, or when it is larger than this. */
  readonly maxFileBytes: number
  /** Files that nobody read for as long are cold. */
  readonly warmMs: number
}

/** What retention keeps; a limit that is left out is none. */
export type Retention = { readonly maxAgeMs?: number; readonly maxEvents?: number; readonly maxBytes?: number }

export type IncomingBatch = {
  /** 32 hex digits. */
  readonly session: string
  readonly source: EventSource
  /** What `batch` was decoded from. */
  readonly bytes: Uint8Array
  readonly batch: Batch
}

export type SetAside = { readonly path: string; readonly why: string; readonly minNs: bigint | null; readonly maxNs: bigint | null; readonly events: number | null }

/** What was found when the store was opened. */
export type Recovered = {
  readonly blocks: number
  readonly events: number
  /** Batches and events that were only in logs. */
  readonly replayedBatches: number
  readonly replayedEvents: number
  /** Ends of logs and files that an end of the process had left half written; they had not been acknowledged. */
  readonly cut: readonly { readonly path: string; readonly nBytes: number }[]
  /** Damage: what could not be read is kept under this name. */
  readonly setAside: readonly SetAside[]
  /** By session: the number of its last batch on disk. */
  readonly sessions: ReadonlyMap<string, number>
}

export type EventStoreStats = {
  readonly events: number
  readonly oldestNs: bigint | null
  readonly newestNs: bigint | null
  readonly blocks: number
  readonly residentBlocks: number
  readonly files: number
  readonly coldFiles: number
  readonly frozenFiles: number
  readonly bytesOnDisk: number
  readonly bytesFrozen: number
  readonly eventsByType: Readonly<Partial<Record<EventType, number>>>
  /** Distinct keys of each index, summed over the blocks. */
  readonly indexEntries: Readonly<Record<'pid' | 'correlation' | 'node' | 'function', number>>
  readonly commits: number
  /** Sealed blocks that wait for room on the disk. */
  readonly waitingBlocks: number
  readonly lastProblem: Failure | null
}

export type EventStore = { readonly directory: string }

export function openEventStore(directory: string, ports: EventStorePorts, config: EventStoreConfig): Result<{ readonly store: EventStore; readonly recovered: Recovered }, Failure> {
  return notYet(directory, ports, config)
}

/** Appends a batch: readers see it at once, `commit` makes it durable. A batch whose number is not above the session's last is a duplicate. */
export function ingest(store: EventStore, incoming: IncomingBatch): Result<'stored' | 'duplicate', Failure> {
  return notYet(store, incoming)
}

/** One sync for all that was ingested; only then may it be acknowledged. */
export function commit(store: EventStore): Result<'durable', Failure> {
  return notYet(store)
}

/** The number of the session's last batch on disk; 0: none. */
export function durableOf(store: EventStore, session: string): number {
  return notYet(store, session)
}

/** Now and then, at least once a minute: seals an idle block, tries again what failed. */
export function tick(store: EventStore): void {
  return notYet(store)
}

export function stats(store: EventStore): EventStoreStats {
  return notYet(store)
}

/** Removes whole files: those that end before `beforeNs`. How many events that were: never more than asked, some before `beforeNs` may stay. */
export function cleanupOldEvents(store: EventStore, beforeNs: bigint): Result<number, Failure> {
  return notYet(store, beforeNs)
}

/** Removes the oldest files until the limits hold; by count and bytes that may be more than the excess, by up to a file. */
export function applyRetention(store: EventStore, retention: Retention): Result<number, Failure> {
  return notYet(store, retention)
}

/** Removes everything, frozen files excepted. Event ids are never given again. */
export function clear(store: EventStore): Result<number, Failure> {
  return notYet(store)
}

/** Moves files that nobody used for as long to the archive, where queries do not look; how many. */
export function freeze(store: EventStore, unusedMs: number): Result<number, Failure> {
  return notYet(store, unusedMs)
}

/** Brings a file back from the archive, or all of them; how many events. */
export function thaw(store: EventStore, name?: string): Result<number, Failure> {
  return notYet(store, name)
}

export function close(store: EventStore): void {
  return notYet(store)
}

function notYet(...given: readonly unknown[]): never {
  throw new Error(`not yet: ${given.length}`)
}
