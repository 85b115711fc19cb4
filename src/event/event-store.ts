/**
 * The write side of the event store, for the one thread that writes: batches in, whole files out. What was ingested is
 * seen by readers at once and durable after the next `commit`; only then is it acknowledged. What clients state is a batch
 * like any other, of a session of their own and a source of the client's name.
 *
 * Absent on purpose: reading (event-reader.ts), and when to commit and to clean up.
 */

import { join } from 'node:path'
import type { Failure } from '../base/failure.ts'
import { fail, ok, type Result } from '../base/result.ts'
import { EVENT_TYPES, type EventType } from '../model/event.ts'
import { archiveOf, filesToFreeze, moveFromArchive, moveToArchive, zoneOf } from './archive.ts'
import { counts } from './block.ts'
import { KEY_KINDS, type KeyKind } from './block-keys.ts'
import { closeFile, type FileEntry, type FileIndex, readIndex } from './block-file.ts'
import { attempt } from './disk.ts'
import { closeLog } from './log.ts'
import { forgetLosses } from './losses.ts'
import { recover, type Recovered } from './recover.ts'
import { filesBefore, filesToRemove, type PrunableFile, type Retention } from './retention.ts'
import { timeRange } from './seal.ts'
import {
  appendBatch, dropLog, type EventStore, type EventStoreConfig, type EventStorePorts, type IncomingBatch, noteProblem, openBlock, sealOpenBlock, settle, stateHeld, syncAll,
} from './store-state.ts'
import { openWriter } from './writer-state.ts'

export type { Recovered } from './recover.ts'
export type { Retention } from './retention.ts'
export type { SetAside } from './set-aside.ts'
export type { EventStore, EventStoreConfig, EventStorePorts, IncomingBatch } from './store-state.ts'

/** What failed is over when nothing failed for as long. */
const QUIET_MS = 10_000

export function openEventStore(directory: string, ports: EventStorePorts, config: EventStoreConfig): Result<{ readonly store: EventStore; readonly recovered: Recovered }, Failure> {
  const store: EventStore = {
    directory, ports, config, writer: openWriter(), open: undefined, waiting: [], files: [], growing: undefined,
    nextNumber: 1, sessions: new Map(), durable: new Map(), commits: 0, problem: undefined,
  }
  const recovered = recover(store)
  if (recovered.ok) return ok({ store, recovered: recovered.value })
  close(store)
  return recovered
}

/** Appends a batch. One whose number is not above its session's last is a duplicate, durable or soon to be. */
export function ingest(store: EventStore, incoming: IncomingBatch): Result<'stored' | 'duplicate', Failure> {
  if (incoming.batch.no <= (store.sessions.get(incoming.session) ?? 0)) return ok('duplicate')
  const appended = appendBatch(store, incoming)
  if (!appended.ok) noteProblem(store, appended.error)
  return appended
}

/** Where the batch that was ingested last ends: the open block, and its rows. */
export function lastPlace({ open }: EventStore): { readonly block: number; readonly nRows: number } | undefined {
  return open === undefined ? undefined : { block: open.log.number, nRows: counts(open.block).rows }
}

/** One sync for all that was ingested; only then may it be acknowledged. After a failure it may be tried again. */
export function commit(store: EventStore): Result<'durable', Failure> {
  const failed = syncAll(store)
  if (failed !== undefined) {
    noteProblem(store, failed)
    return fail(failed)
  }
  for (const [session, no] of store.sessions) if (store.durable.get(session) !== no) store.durable.set(session, no)
  if (store.durable.size > store.sessions.size) for (const session of store.durable.keys()) if (!store.sessions.has(session)) store.durable.delete(session)
  store.commits += 1
  return ok('durable')
}

/** The number of the session's last batch on disk; 0: none. */
export function durableOf(store: EventStore, session: string): number {
  return store.durable.get(session) ?? 0
}

/** Now and then, at least once a minute: seals an idle block, tries again what failed. There is a log all the time, to say what files hold. */
export function tick(store: EventStore): void {
  const { open } = store
  if (open !== undefined && counts(open.block).rows > 0 && store.ports.nowMs() - open.lastMs >= store.config.idleMs) sealOpenBlock(store)
  else settle(store)
  if (store.open === undefined && openBlock(store).ok) stateHeld(store)
  if (store.problem !== undefined && store.ports.nowMs() - store.problem.atMs >= QUIET_MS && isWell(store)) store.problem = undefined
}

/** Nothing waits for room, and the log takes more. */
function isWell(store: EventStore): boolean {
  return store.waiting.length === 0 && store.open !== undefined && stateHeld(store) === undefined
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
  /** Distinct keys of each index, summed over the sealed blocks. */
  readonly indexEntries: Readonly<Record<KeyKind, number>>
  readonly commits: number
  /** Sealed blocks that wait for room on the disk. */
  readonly waitingBlocks: number
  readonly lastProblem: Failure | null
}

/** Counts what is kept in memory about files, and the rows of the blocks that are in none; reads no block from disk. */
export function stats(store: EventStore): EventStoreStats {
  const { disk, slabs, nowMs } = store.ports
  const files = allFiles(store)
  const entries = files.flatMap((file) => file.entries)
  const logged = [...store.waiting, ...(store.open === undefined ? [] : [store.open])]
  const ranges = [...entries, ...logged.map(({ block }) => timeRange(block)).filter((range) => range !== undefined)]
  const frozen = archiveOf(disk, store.directory)
  const nByCode = new Map<number, number>()
  for (const { byType } of entries) for (const [code, n] of byType) nByCode.set(code, (nByCode.get(code) ?? 0) + n)
  for (const { block } of logged) for (const code of block.type.subarray(0, counts(block).rows)) nByCode.set(code, (nByCode.get(code) ?? 0) + 1)
  return {
    events: [...nByCode.values()].reduce((sum, n) => sum + n, 0),
    oldestNs: ranges.reduce<bigint | null>((least, { minNs }) => (least === null || minNs < least ? minNs : least), null),
    newestNs: ranges.reduce<bigint | null>((most, { maxNs }) => (most === null || maxNs > most ? maxNs : most), null),
    blocks: entries.length + logged.filter(({ block }) => counts(block).rows > 0).length,
    residentBlocks: slabs.resident().length, files: files.length,
    coldFiles: onDisk(store, files).filter((file) => zoneOf(file, nowMs(), store.config.warmMs) === 'cold').length,
    frozenFiles: frozen.ok ? frozen.value.length : 0,
    bytesOnDisk: files.reduce((sum, { nBytes }) => sum + nBytes, 0) + logged.reduce((sum, { log }) => sum + log.nBytes, 0),
    bytesFrozen: frozen.ok ? frozen.value.reduce((sum, { nBytes }) => sum + nBytes, 0) : 0,
    eventsByType: Object.fromEntries(Object.entries(EVENT_TYPES).flatMap(([type, code]) => (nByCode.has(code) ? [[type, nByCode.get(code)]] : []))),
    indexEntries: Object.fromEntries(KEY_KINDS.map((kind, idx) => [kind, entries.reduce((sum, { nKeys }) => sum + (nKeys[idx] ?? 0), 0)])) as Record<KeyKind, number>,
    commits: store.commits, waitingBlocks: store.waiting.length, lastProblem: store.problem?.failure ?? null,
  }
}

/** Removes the files all of whose events are before; how many events that were. Some before `beforeNs` may stay, none after it goes. */
export function cleanupOldEvents(store: EventStore, beforeNs: bigint): Result<number, Failure> {
  return removeFiles(store, filesBefore(prunable(store), beforeNs))
}

/** Removes the oldest files until the limits hold; how many events that were. By count and bytes, up to a file more than would have to go. */
export function applyRetention(store: EventStore, retention: Retention): Result<number, Failure> {
  const logged = [...store.waiting, ...(store.open === undefined ? [] : [store.open])]
  const rest = logged.reduce((sum, { block, log }) => ({ nRows: sum.nRows + counts(block).rows, nBytes: sum.nBytes + log.nBytes }), { nRows: 0, nBytes: 0 })
  return removeFiles(store, filesToRemove(prunable(store), retention, { nowMs: store.ports.nowMs(), rest }))
}

/** Removes everything, frozen files excepted; how many events. Their ids are never given again. */
export function clear(store: EventStore): Result<number, Failure> {
  const before = stats(store).events
  const removed = removeFiles(store, allFiles(store).map(({ name }) => name))
  if (!removed.ok) return removed
  const logged = [...store.waiting, ...(store.open === undefined ? [] : [store.open])]
  store.waiting = []
  store.open = undefined
  for (const { log } of logged) store.ports.slabs.retire(log.number)
  forgetLosses(store.ports.disk, store.directory, Infinity)
  // The new log knows the sessions, and the number to go on from, before the old one goes.
  const opened = openBlock(store)
  for (const { log } of logged) {
    if (opened.ok) dropLog(store, log)
    else closeLog(log)
  }
  return opened.ok ? ok(before) : opened
}

/** Moves the finished files that nobody used for as long to the archive, where queries do not look; how many files. */
export function freeze(store: EventStore, unusedMs: number): Result<number, Failure> {
  const names = filesToFreeze(onDisk(store, store.files.filter(({ isFinished }) => isFinished)), store.ports.nowMs(), unusedMs)
  let nFrozen = 0
  stateHeld(store, names)
  for (const name of names) {
    const moved = moveToArchive(store.ports.disk, store.directory, name)
    if (!moved.ok) return moved
    forget(store, name)
    nFrozen += 1
  }
  return ok(nFrozen)
}

/** Brings a file back from the archive, or all of them; how many events. */
export function thaw(store: EventStore, only?: string): Result<number, Failure> {
  const { disk, nowMs } = store.ports
  const frozen = archiveOf(disk, store.directory)
  if (!frozen.ok) return frozen
  let nEvents = 0
  for (const { name } of frozen.value) {
    if (only !== undefined && name !== only) continue
    const moved = moveFromArchive(disk, store.directory, name, nowMs())
    const index = moved.ok ? readIndex(disk, join(store.directory, name), name) : moved
    if (!index.ok) return index
    store.files = [...store.files, index.value].sort((a, b) => (a.name < b.name ? -1 : 1))
    nEvents += rowsOf(index.value.entries)
  }
  stateHeld(store)
  return ok(nEvents)
}

/** What is not durable yet becomes so where the disk allows it. The open block's log is found again when the store is opened. */
export function close(store: EventStore): void {
  syncAll(store)
  for (const { log } of [...store.waiting, ...(store.open === undefined ? [] : [store.open])]) closeLog(log)
  if (store.growing !== undefined) closeFile(store.growing)
  for (const number of store.ports.slabs.resident()) store.ports.slabs.retire(number)
}

/** Removes whole files and what of them is resident. Readers that have a block open keep it. */
function removeFiles(store: EventStore, names: readonly string[]): Result<number, Failure> {
  let nEvents = 0
  // Said before they go: what the log says to be there and is not, is lost. On a full disk it is said when there is room.
  const unsaid = names.length === 0 ? undefined : stateHeld(store, names)
  for (const name of names) {
    const removed = attempt('remove a file of events', () => store.ports.disk.remove(join(store.directory, name)))
    if (!removed.ok) {
      noteProblem(store, removed.error)
      return removed
    }
    nEvents += forget(store, name)
  }
  if (names.length === 0) return ok(nEvents)
  attempt('write the removal of files to disk', () => store.ports.disk.syncDirectory(store.directory))
  if (unsaid !== undefined) stateHeld(store)
  const oldest = Math.min(store.nextNumber, ...loggedNumbers(store), ...allFiles(store).flatMap(({ entries }) => entries.map(({ number }) => number)))
  const frozen = archiveOf(store.ports.disk, store.directory)
  if (frozen.ok && frozen.value.length === 0) forgetLosses(store.ports.disk, store.directory, oldest)
  return ok(nEvents)
}

function loggedNumbers({ waiting, open }: EventStore): readonly number[] {
  return [...waiting, ...(open === undefined ? [] : [open])].map(({ log }) => log.number)
}

/** The file is not there any more: neither are its blocks. How many events they had. */
function forget(store: EventStore, name: string): number {
  const file = allFiles(store).find((each) => each.name === name)
  if (file === undefined) return 0
  if (store.growing?.index === file) {
    closeFile(store.growing)
    store.growing = undefined
  }
  store.files = store.files.filter((each) => each !== file)
  const resident = new Set(store.ports.slabs.resident())
  for (const { number } of file.entries) if (resident.has(number)) store.ports.slabs.retire(number)
  return rowsOf(file.entries)
}

function allFiles({ files, growing }: EventStore): readonly FileIndex[] {
  return growing === undefined ? files : [...files, growing.index]
}

function prunable(store: EventStore): readonly PrunableFile[] {
  return allFiles(store).filter(({ entries }) => entries.length > 0).map(({ name, nBytes, entries }) => ({
    name, nBytes, nRows: rowsOf(entries), maxNs: entries.reduce((most, { maxNs }) => (maxNs > most ? maxNs : most), 0n), sealedMs: Math.max(...entries.map(({ sealedMs }) => sealedMs)),
  }))
}

function onDisk({ ports: { disk } }: EventStore, files: readonly FileIndex[]): { readonly name: string; readonly nBytes: number; readonly lastUsedMs: number }[] {
  return files.flatMap(({ name, path }) => {
    const stat = disk.stat(path)
    return stat === undefined ? [] : [{ name, ...stat }]
  })
}

function rowsOf(entries: readonly FileEntry[]): number {
  return entries.reduce((sum, { nRows }) => sum + nRows, 0)
}
