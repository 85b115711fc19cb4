/**
 * The state of the write side and its few steps: begin a block, append a batch, seal, write sealed blocks to their file. A
 * block goes through them in this order, and an end of the process between any two of them loses and doubles nothing:
 *
 *     log begun, its name synced -> batches in log and block -> sealed -> in its file, synced -> log removed
 *
 * What stands both in a file and in a log is the file's: numbers are never given twice. Where the file takes no block (a
 * full disk) the block waits: it stays resident and its log stays, and it is tried again.
 *
 * Absent on purpose: what is found when a directory is opened (recover.ts), and what removes (event-store.ts).
 */

import { join } from 'node:path'
import { failure, type Failure } from '../base/failure.ts'
import { fail, ok, type Result } from '../base/result.ts'
import type { EventSource } from '../model/event.ts'
import type { Batch } from './batch.ts'
import { type Block, counts } from './block.ts'
import { encodeEntry } from './block-entry.ts'
import { addBlock, blockFileName, closeFile, createBlockFile, type FileIndex, finishFile, type GrowingFile, isFull } from './block-file.ts'
import { attempt, type Disk } from './disk.ts'
import { heldBy } from './held.ts'
import { appendHeld, appendLog, closeLog, createLog, cutLog, type Log, logName, syncLog } from './log.ts'
import { seal } from './seal.ts'
import type { SlabWriter } from './slabs.ts'
import { append, beginBlock } from './writer.ts'
import type { Resolve, Writer } from './writer-state.ts'

/** The share of slabs that is free where it can be: for blocks that come in while others are still read (`in-place.ts`). */
const SPARE = 1 / 8

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

export type OpenBlock = { readonly block: Block; readonly log: Log; lastMs: number }
/** Sealed, and not in a file yet. `sessions` are those of when it was sealed, and `sealedMs` says when. */
export type WaitingBlock = { readonly block: Block; readonly log: Log; readonly sessions: ReadonlyMap<string, number>; readonly sealedMs: number }

export type EventStore = {
  readonly directory: string
  readonly ports: EventStorePorts
  readonly config: EventStoreConfig
  readonly writer: Writer
  open: OpenBlock | undefined
  /** In the order of their numbers. */
  waiting: WaitingBlock[]
  /** All but the growing one, in the order of their first blocks. */
  files: FileIndex[]
  growing: GrowingFile | undefined
  nextNumber: number
  /** By session: its last batch that was appended, the latest session last; and its last that is durable. */
  readonly sessions: Map<string, number>
  readonly durable: Map<string, number>
  commits: number
  /** What failed last; it is over when nothing has failed for a while and the disk takes something again. */
  problem: { readonly failure: Failure; readonly atMs: number } | undefined
}

/** Sessions that are remembered; one that comes back later than so many others sends again what it was not acknowledged. */
const MAX_SESSIONS = 256

export type IncomingBatch = {
  /** 32 hex digits. */
  readonly session: string
  readonly source: EventSource
  /** What `batch` was decoded from. */
  readonly bytes: Uint8Array
  readonly batch: Batch
}

export function noteProblem(store: EventStore, failure: Failure | undefined): void {
  if (failure !== undefined) store.problem = { failure, atMs: store.ports.nowMs() }
}

/** The open block; begins one where there is none. */
export function openBlock(store: EventStore): Result<OpenBlock, Failure> {
  if (store.open !== undefined) return ok(store.open)
  const number = store.nextNumber
  const block = takeSlab(store, number)
  if (!block.ok) return block
  const { disk } = store.ports
  const log = beginLog(store, number)
  const named = log.ok ? attempt('write the name of a log to disk', () => disk.syncDirectory(store.directory)) : log
  if (!log.ok || !named.ok) {
    store.ports.slabs.retire(number)
    if (log.ok) dropLog(store, log.value)
    return log.ok ? (named as { ok: false; error: Failure }) : log
  }
  store.nextNumber = number + 1
  beginBlock(store.writer, block.value, number)
  store.open = { block: block.value, log: log.value, lastMs: store.ports.nowMs() }
  // Slabs are given back before they are needed, so that who reads now has left them by then.
  if (nFree(store) < Math.max(1, Math.floor(store.ports.slabs.nSlabs * SPARE))) retireOldest(store)
  return ok(store.open)
}

/** The log of a block, which says what is in files; its name is not on disk yet. */
export function beginLog(store: EventStore, number: number): Result<Log, Failure> {
  const created = createLog(store.ports.disk, join(store.directory, logName(number)), number, store.sessions)
  if (!created.ok) return created
  const failed = appendHeld(created.value, heldBy(store))
  if (failed === undefined) return created
  dropLog(store, created.value)
  return fail(failed)
}

/** Has the newest log say anew what is in files, after some came or before those of `without` go. Undefined when that is on disk, or there is no log. */
export function stateHeld(store: EventStore, without: readonly string[] = []): Failure | undefined {
  const newest = store.open ?? store.waiting.at(-1)
  if (newest === undefined) return undefined
  const held = new Map(heldBy(store))
  for (const name of without) held.delete(name)
  return appendHeld(newest.log, held) ?? syncLog(newest.log)
}

/** A slab for a block of this number: where all have one, the oldest block that is on disk makes room. What made room is waited for while it is read. */
export function takeSlab(store: EventStore, number: number): Result<Block, Failure> {
  const { ports: { slabs }, waiting, problem } = store
  const free = slabs.take(number)
  if (free !== undefined) return ok(free)
  if (nFree(store) === 0) retireOldest(store)
  const made = slabs.take(number)
  if (made !== undefined) return ok(made)
  if (waiting.length > 0 && problem !== undefined) return fail(problem.failure)
  return fail(failure('busy', 'all memory for events is being read', { hint: 'try again; long queries hold it' }))
}

/** Slabs that have no block; some may still be read. */
function nFree({ ports: { slabs } }: EventStore): number {
  return slabs.nSlabs - slabs.resident().length
}

/** Of the blocks that are in a file. */
function retireOldest({ ports: { slabs }, waiting, open }: EventStore): void {
  const kept = new Set([...waiting, ...(open === undefined ? [] : [open])].map(({ log }) => log.number))
  const oldest = slabs.resident().find((resident) => !kept.has(resident))
  if (oldest !== undefined) slabs.retire(oldest)
}

/** Appends a batch, to the next block where it does not fit into this one. Nothing of it is stored after a failure. */
export function appendBatch(store: EventStore, { session, source, bytes, batch }: IncomingBatch): Result<'stored', Failure> {
  for (;;) {
    const opened = openBlock(store)
    if (!opened.ok) return opened
    const { block, log } = opened.value
    const before = log.nBytes
    const failed = appendLog(log, { session, no: batch.no, source, receivedNs: BigInt(Math.round(store.ports.nowMs())) * 1_000_000n, bytes })
    if (failed !== undefined) return fail(failed)
    if (append(store.writer, batch, source, store.ports.resolve) === 'appended') {
      noteSession(store, session, batch.no)
      opened.value.lastMs = store.ports.nowMs()
      return ok('stored')
    }
    cutLog(log, before)
    if (counts(block).rows === 0) return fail(failure('too_large', 'the batch does not fit into a block', { hint: 'send fewer events, or less payload, at once' }))
    sealOpenBlock(store)
  }
}

export function noteSession({ sessions }: EventStore, session: string, no: number): void {
  sessions.delete(session)
  sessions.set(session, no)
  for (const oldest of sessions.keys()) {
    if (sessions.size <= MAX_SESSIONS) break
    sessions.delete(oldest)
  }
}

/** Nothing is appended to the open block any more. It is written to its file if that goes; else it waits. */
export function sealOpenBlock(store: EventStore): void {
  const { open } = store
  if (open === undefined) return
  store.open = undefined
  if (counts(open.block).rows === 0) {
    store.ports.slabs.retire(open.log.number)
    dropLog(store, open.log)
    return
  }
  seal(open.block)
  store.waiting.push({ block: open.block, log: open.log, sessions: new Map(store.sessions), sealedMs: Math.round(store.ports.nowMs()) })
  settle(store)
}

/** Writes the blocks that wait to their files. Undefined when none waits any more. */
export function settle(store: EventStore): Failure | undefined {
  for (let next = store.waiting[0]; next !== undefined; next = store.waiting[0]) {
    const failed = writeBlock(store, next)
    if (failed !== undefined) {
      noteProblem(store, failed)
      return failed
    }
    store.waiting.shift()
    // The logs that stay were begun before.
    stateHeld(store)
    dropLog(store, next.log)
  }
  return undefined
}

/** One sync for all that was appended. Undefined when all of it is durable. */
export function syncAll(store: EventStore): Failure | undefined {
  // What a broken log has cannot be made durable by it any more: only by the block's file.
  if (store.open?.log.isBroken === true) sealOpenBlock(store)
  for (const { log } of store.open === undefined ? store.waiting : [...store.waiting, store.open]) {
    if (log.isDirty && !log.isBroken) syncLog(log)
  }
  if (store.open?.log.isBroken === true) sealOpenBlock(store)
  return store.waiting.some(({ log }) => log.isBroken || log.isDirty) ? settle(store) : undefined
}

function writeBlock(store: EventStore, { block, log, sessions, sealedMs }: WaitingBlock): Failure | undefined {
  const grown = growingFile(store, log.number)
  if (!grown.ok) return grown.error
  const growing = grown.value
  const failed = addBlock(growing, encodeEntry(block, sessions, sealedMs))
  if (failed !== undefined) return failed
  const isFirst = growing.index.entries.length === 1
  // A log whose name comes back after a loss of power does no harm: its block is found in the file.
  const named = isFirst ? attempt('write the name of a file to disk', () => store.ports.disk.syncDirectory(store.directory)) : undefined
  if (named !== undefined && !named.ok) return named.error
  if (isFull(growing, store.config.maxFileBytes)) finishGrowing(store)
  return undefined
}

function growingFile(store: EventStore, number: number): Result<GrowingFile, Failure> {
  if (store.growing !== undefined && isFull(store.growing, store.config.maxFileBytes)) finishGrowing(store)
  if (store.growing !== undefined) return ok(store.growing)
  const name = blockFileName(number)
  const created = createBlockFile(store.ports.disk, join(store.directory, name), name)
  if (created.ok) store.growing = created.value
  return created
}

/** Files without a footer are read more slowly, and as well. */
export function finishGrowing(store: EventStore): void {
  const { growing } = store
  if (growing === undefined) return
  store.growing = undefined
  if (!growing.isBroken) noteProblem(store, finishFile(growing))
  closeFile(growing)
  if (growing.index.entries.length > 0) store.files.push(growing.index)
  else attempt('remove a file of events', () => store.ports.disk.remove(growing.index.path))
}

export function dropLog(store: EventStore, log: Log): void {
  closeLog(log)
  const removed = attempt('remove a log', () => store.ports.disk.remove(log.path))
  if (!removed.ok) noteProblem(store, removed.error)
}
