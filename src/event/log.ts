/**
 * The log of one open block: the batches in it, as they came, so that the block can be filled again after any end of the
 * process. Records follow each other; numbers are little-endian:
 *
 *     record = magic u32 | crc32 u32 of what follows | length u32 of the whole | kind u8, 0 u8 | node's length u16
 *              | session 16 bytes | no f64 | received i64 | start i64 | node | body
 *
 * The first record is of kind `head`: `no` is the block's number, the body each session's last batch before it (16 bytes
 * and f64 each), which thereby outlives every block that is pruned. The body of `held` is what files of blocks hold (held.ts, in
 * MessagePack); the last one counts. All others are batches, the body a frame.
 *
 * Invariant: `nBytes` counts whole records alone. What a failed write left beyond is cut off at once; where even that fails
 * the log is broken and takes nothing more: the block must then become durable by its file. Never read while written.
 */

import { crc32 } from 'node:zlib'
import type { Failure } from '../base/failure.ts'
import { failure } from '../base/failure.ts'
import { fail, ok, type Result } from '../base/result.ts'
import type { EventSource } from '../model/event.ts'
import { packValue, unpackValue } from './block-entry.ts'
import { attempt, type Disk, type DiskFile } from './disk.ts'
import { type Held, packHeld, unpackHeld } from './held.ts'

const MAGIC = 0x52_4c_53_45 // ESLR
const HEAD_BYTES = 56
const AT = { crc: 4, length: 8, kind: 12, nodeLength: 14, session: 16, no: 32, received: 40, start: 48 } as const
const KIND = { head: 1, batch: 2, held: 3 } as const
/** A frame of the largest size and its head; a longer record is damaged. */
const MAX_RECORD_BYTES = (8 << 20) + (1 << 17)
const SESSION_BYTES = 16

const NO_BATCH = { session: '', no: 0, source: { node: '', startNs: 0n }, receivedNs: 0n } as const

/** By session, 32 hex digits: the number of its last batch. */
export type Sessions = ReadonlyMap<string, number>

export type LoggedBatch = {
  readonly session: string
  readonly no: number
  readonly source: EventSource
  readonly receivedNs: bigint
  /** The frame. */
  readonly bytes: Uint8Array
}

export type Log = {
  readonly path: string
  readonly number: number
  readonly file: DiskFile
  nBytes: number
  /** Something was written that was not synced. */
  isDirty: boolean
  isBroken: boolean
}

/** The name of a log without its directory. */
export function logName(block: number): string {
  return `${String(block).padStart(10, '0')}.log`
}

/** The number of the block whose log has this name; undefined when it is no log's. */
export function logNumber(name: string): number | undefined {
  const [, digits] = /^(\d{10})\.log$/.exec(name) ?? []
  return digits === undefined ? undefined : Number(digits)
}

export function createLog(disk: Disk, path: string, block: number, sessions: Sessions): Result<Log, Failure> {
  const opened = attempt('begin the log of a block', () => disk.open(path, 'new'))
  if (!opened.ok) return opened
  const log: Log = { path, number: block, file: opened.value, nBytes: 0, isDirty: false, isBroken: false }
  const body = Buffer.alloc(sessions.size * (SESSION_BYTES + 8))
  let at = 0
  for (const [session, no] of sessions) {
    body.write(session, at, 'hex')
    body.writeDoubleLE(no, at + SESSION_BYTES)
    at += SESSION_BYTES + 8
  }
  const failed = appendRecord(log, KIND.head, { ...NO_BATCH, no: block, bytes: body })
  if (failed === undefined) return ok(log)
  closeLog(log)
  attempt('remove a log that could not be begun', () => disk.remove(path))
  return fail(failed)
}

/** Goes on with a log that was read: what is in it beyond `nBytes` is cut off. */
export function reopenLog(disk: Disk, path: string, block: number, nBytes: number): Result<Log, Failure> {
  return attempt('go on with the log of a block', () => {
    const file = disk.open(path, 'write')
    file.truncate(nBytes)
    return { path, number: block, file, nBytes, isDirty: true, isBroken: false }
  })
}

/** Undefined when it is written; then `syncLog` makes it durable. After a failure the log is as it was. */
export function appendLog(log: Log, batch: LoggedBatch): Failure | undefined {
  return appendRecord(log, KIND.batch, batch)
}

/** Says from now on what files hold. After a failure the log is as it was. */
export function appendHeld(log: Log, held: Held): Failure | undefined {
  return appendRecord(log, KIND.held, { ...NO_BATCH, bytes: packValue(packHeld(held)) })
}

/** Takes back what was appended beyond `nBytes`. */
export function cutLog(log: Log, nBytes: number): void {
  log.nBytes = nBytes
  if (!attempt('cut a log', () => log.file.truncate(nBytes)).ok) log.isBroken = true
}

/** After a failed sync nobody knows what is on disk, and the next one may lie: the log is broken. */
export function syncLog(log: Log): Failure | undefined {
  const synced = attempt('write a log to disk', () => log.file.sync())
  if (synced.ok) {
    log.isDirty = false
    return undefined
  }
  log.isBroken = true
  return synced.error
}

export function closeLog(log: Log): void {
  attempt('close a log', () => log.file.close())
}

function appendRecord(log: Log, kind: number, { session, no, source, receivedNs, bytes }: LoggedBatch): Failure | undefined {
  if (log.isBroken) return failure('unavailable', 'the log of the open block takes nothing more: the disk failed', { hint: 'check the disk of the state directory' })
  const node = Buffer.from(source.node)
  if (HEAD_BYTES + node.length + bytes.length > MAX_RECORD_BYTES) return failure('too_large', `a batch of ${bytes.length} bytes is larger than 8 MiB`)
  const head = Buffer.alloc(HEAD_BYTES + node.length)
  head.writeUInt32LE(MAGIC, 0)
  head.writeUInt32LE(head.length + bytes.length, AT.length)
  head.writeUInt8(kind, AT.kind)
  head.writeUInt16LE(node.length, AT.nodeLength)
  head.write(session, AT.session, 'hex')
  head.writeDoubleLE(no, AT.no)
  head.writeBigInt64LE(receivedNs, AT.received)
  head.writeBigInt64LE(source.startNs, AT.start)
  head.set(node, HEAD_BYTES)
  head.writeUInt32LE(crc32(bytes, crc32(head.subarray(AT.length))), AT.crc)
  const written = attempt('write to the log of the open block', () => log.file.write([head, bytes], log.nBytes))
  if (!written.ok) {
    cutLog(log, log.nBytes)
    return written.error
  }
  log.isDirty = true
  log.nBytes += head.length + bytes.length
  return undefined
}

/** A batch in a log, and where its record ends. */
export type FoundBatch = LoggedBatch & { readonly end: number }

export type ReadLog = {
  readonly sessions: Sessions
  /** Undefined where it does not say. */
  readonly held: Held | undefined
  /** The whole batches up to the first damage. */
  readonly batches: readonly FoundBatch[]
  /** The whole ones after it. */
  readonly stranded: readonly FoundBatch[]
  /** Bytes that are no records though records follow, or that are complete and wrong: acknowledged events may have been there. */
  readonly damaged: readonly { readonly at: number; readonly bytes: Uint8Array }[]
  /** Where the last whole record before the first damage ends. */
  readonly soundBytes: number
  /** What an end of the process left half written at the end. */
  readonly tornBytes: number
}

/** What stands in a log, whatever its state. The bytes of the batches are views of one buffer. */
export function readLog(disk: Disk, path: string): Result<ReadLog, Failure> {
  return attempt('read a log', () => {
    const file = disk.open(path, 'read')
    try {
      const whole = Buffer.alloc(file.size())
      return scan(whole.subarray(0, file.read(whole, 0)))
    } finally {
      file.close()
    }
  })
}

type Scanned = { readonly sessions: Map<string, number>; readonly batches: FoundBatch[]; readonly stranded: FoundBatch[]; readonly damaged: { at: number; bytes: Uint8Array }[]; held: Held | undefined }

function scan(whole: Buffer): ReadLog {
  const scanned: Scanned = { sessions: new Map(), batches: [], stranded: [], damaged: [], held: undefined }
  const { damaged } = scanned
  let soundBytes = 0
  let tornBytes = 0
  for (let at = 0; at < whole.length;) {
    const length = recordAt(whole, at)
    if (length !== undefined) {
      takeRecord(scanned, whole.subarray(at, at + length), at + length)
      at += length
      if (damaged.length === 0) soundBytes = at
      continue
    }
    const next = nextRecord(whole, at + 1)
    if (next === undefined && isTorn(whole, at)) {
      tornBytes = whole.length - at
      break
    }
    damaged.push({ at, bytes: whole.subarray(at, next ?? whole.length) })
    at = next ?? whole.length
  }
  return { ...scanned, soundBytes, tornBytes }
}

/** The length of the whole record at `at`; undefined where none is. */
function recordAt(whole: Buffer, at: number): number | undefined {
  if (whole.length - at < HEAD_BYTES || whole.readUInt32LE(at) !== MAGIC) return undefined
  const length = whole.readUInt32LE(at + AT.length)
  if (length < HEAD_BYTES + whole.readUInt16LE(at + AT.nodeLength) || length > MAX_RECORD_BYTES || at + length > whole.length) return undefined
  return crc32(whole.subarray(at + AT.length, at + length)) === whole.readUInt32LE(at + AT.crc) ? length : undefined
}

const MAGIC_BYTES = Buffer.from('ESLR')

function nextRecord(whole: Buffer, from: number): number | undefined {
  for (let at = whole.indexOf(MAGIC_BYTES, from); at >= 0; at = whole.indexOf(MAGIC_BYTES, at + 1)) {
    if (recordAt(whole, at) !== undefined) return at
  }
  return undefined
}

/** A record that goes on beyond the end, or room that was given to the file but never written. */
function isTorn(whole: Buffer, at: number): boolean {
  const rest = whole.subarray(at)
  if (rest.length < AT.kind || rest.every((byte) => byte === 0)) return true
  return rest.readUInt32LE(0) === MAGIC && at + rest.readUInt32LE(AT.length) > whole.length
}

function takeRecord(scanned: Scanned, record: Buffer, end: number): void {
  const { sessions, batches, stranded, damaged } = scanned
  const nodeEnd = HEAD_BYTES + record.readUInt16LE(AT.nodeLength)
  const bytes = record.subarray(nodeEnd)
  switch (record.readUInt8(AT.kind)) {
    case KIND.head:
      for (let at = 0; at + SESSION_BYTES + 8 <= bytes.length; at += SESSION_BYTES + 8) {
        sessions.set(bytes.toString('hex', at, at + SESSION_BYTES), bytes.readDoubleLE(at + SESSION_BYTES))
      }
      return
    case KIND.held:
      scanned.held = unpackHeld(unpackValue(bytes))
      return
    default:
      (damaged.length === 0 ? batches : stranded).push({
        session: record.toString('hex', AT.session, AT.session + SESSION_BYTES),
        no: record.readDoubleLE(AT.no),
        source: { node: record.toString('utf8', HEAD_BYTES, nodeEnd), startNs: record.readBigInt64LE(AT.start) },
        receivedNs: record.readBigInt64LE(AT.received),
        bytes,
        end,
      })
  }
}
