/**
 * A batch of events, and its frame (docs/AGENT.md, Batches). What `decodeBatch` lets through is sound: columns are as long
 * as the batch has events, every code names something, times are whole, types are known. So the writer need not look again.
 * A type that is not known is refused with the whole frame: the hello fixes the protocol, and codes are never given twice.
 *
 * Numbers in columns are little-endian, which is what every machine that Node runs on is. Absent on purpose: what is in a payload.
 */

import { fail, ok, type Result } from '../base/result.ts'
import { EVENT_TYPES, EVIDENCE } from '../model/event.ts'
import { SITE, SITE_WORDS } from './block.ts'
import {
  type BatchFault, type FrameReader, type FrameWriter, fault, openFrame, readArray, readBinary, readInteger, readNil, readText,
  writeArray, writeBinary, writeInteger, writeNil, writeText,
} from './frame-codec.ts'

export type { BatchFault } from './frame-codec.ts'

/** Codes count from 1 in the order of the names, 0 is none. `sites` are ten words each (SITE in `block.ts`). */
export type Batch = {
  /** Counts from 1 within a session. */
  readonly no: number
  /** ns since 1970 that `ts` counts from. */
  readonly t0Ns: bigint
  /** Events, 1 to MAX_EVENTS. */
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

export const MAX_EVENTS = 16_384
/** More names than the events of a batch can use. A site and its names: as many as fit with those of calls still open. */
export const MAX_NAMES = { strings: 65_535, pids: 2 * MAX_EVENTS, corrs: MAX_EVENTS, sites: MAX_EVENTS } as const
/** Times from t0, to either side: 52 days. Then sums of two of them are exact. */
export const MAX_TS_NS = 2 ** 52
const MAX_T0_NS = 2n ** 63n
const MAX_ARITY = 255

const KNOWN_TYPES = new Uint8Array(256)
for (const code of Object.values(EVENT_TYPES)) KNOWN_TYPES[code] = 1

/** The batch that a frame holds; its payloads are views of the frame. */
export function decodeBatch(frame: Uint8Array): Result<Batch, BatchFault> {
  const reader = openFrame(frame)
  const batch = readBatch(reader)
  if (reader.fault === undefined && reader.at < frame.length) fault(reader, `${frame.length - reader.at} bytes after its end`, 'frame')
  return reader.fault === undefined ? ok(batch) : fail(reader.fault)
}

/** The frame of a sound batch, without the length before it. */
export function encodeBatch(batch: Batch): Uint8Array {
  const writer: FrameWriter = { bytes: Buffer.allocUnsafe(1024 + batch.n * 24), at: 0 }
  writeArray(writer, 7)
  writeText(writer, 'batch')
  writeInteger(writer, batch.no)
  writeInteger(writer, batch.t0Ns)
  writeInteger(writer, batch.n)
  writeArray(writer, 4)
  for (const names of [batch.strings, batch.pids, batch.corrs]) {
    writeArray(writer, names.length)
    for (const name of names) writeText(writer, name)
  }
  writeBinary(writer, bytesOf(batch.sites))
  writeArray(writer, 6)
  for (const column of [batch.type, batch.ts, batch.pid, batch.peer, batch.site, batch.corr]) writeBinary(writer, bytesOf(column))
  if (batch.payloads.length === 0) writeNil(writer)
  else {
    writeArray(writer, 2)
    writeBinary(writer, bytesOf(batch.payloadRows))
    writeArray(writer, batch.payloads.length)
    for (const payload of batch.payloads) writeBinary(writer, payload)
  }
  return writer.bytes.subarray(0, writer.at)
}

function readBatch(reader: FrameReader): Batch {
  expectLength(reader, 7, 'frame')
  if (readText(reader, 'frame', 0) !== 'batch') fault(reader, 'it is no batch', 'frame')
  const no = readBounded(reader, 1n, 2n ** 53n - 1n, 'no')
  const t0Ns = readInteger(reader, 't0')
  if (t0Ns >= MAX_T0_NS) fault(reader, `${t0Ns} ns after 1970 is beyond 2262`, 't0')
  const n = readBounded(reader, 1n, BigInt(MAX_EVENTS), 'n')
  expectLength(reader, 4, 'names')
  const strings = readNames(reader, 'strings')
  const pids = readNames(reader, 'pids')
  const corrs = readNames(reader, 'corrs')
  const sites = readSites(reader, strings.length)
  expectLength(reader, 6, 'columns')
  const type = readColumn(reader, n, 1, 'columns.type')
  checkTypes(reader, type)
  const ts = new Float64Array(aligned(readColumn(reader, n, 8, 'columns.ts')))
  checkTimes(reader, ts)
  const pid = readCodes(reader, n, pids.length, 'columns.pid')
  const peer = readCodes(reader, n, pids.length, 'columns.peer')
  const site = readCodes(reader, n, sites.length / SITE_WORDS, 'columns.site')
  const corr = readCodes(reader, n, corrs.length, 'columns.corr')
  const { payloadRows, payloads } = readPayloads(reader, n)
  return { no, t0Ns, n, strings, pids, corrs, sites, type, ts, pid, peer, site, corr, payloadRows, payloads }
}

function expectLength(reader: FrameReader, length: number, where: string): void {
  const found = readArray(reader, length, where)
  if (found !== length) fault(reader, `${length} elements are expected, ${found} found`, where)
}

function readBounded(reader: FrameReader, min: bigint, max: bigint, where: string): number {
  const value = readInteger(reader, where)
  if (value >= min && value <= max) return Number(value)
  fault(reader, `${value} is not within ${min} and ${max}`, where)
  return 0
}

function readNames(reader: FrameReader, kind: 'strings' | 'pids' | 'corrs'): readonly string[] {
  const where = `names.${kind}`
  const nNames = readArray(reader, MAX_NAMES[kind], where)
  const names: string[] = []
  for (let idx = 0; idx < nNames && reader.fault === undefined; idx++) names.push(readText(reader, where, idx))
  return names
}

function readSites(reader: FrameReader, nStrings: number): Uint32Array {
  const bytes = readBinary(reader, 'names.sites')
  if (bytes.length % (SITE_WORDS * 4) !== 0) fault(reader, `${bytes.length} bytes are no multiple of ${SITE_WORDS * 4}`, 'names.sites')
  if (bytes.length > MAX_NAMES.sites * SITE_WORDS * 4) fault(reader, `more than ${MAX_NAMES.sites} sites`, 'names.sites')
  if (reader.fault !== undefined) return new Uint32Array(0)
  const sites = new Uint32Array(aligned(bytes))
  for (let at = 0; at < sites.length && reader.fault === undefined; at += SITE_WORDS) checkSite(reader, sites, at, nStrings)
  return sites
}

const SITE_TEXTS = ['module', 'function', 'callerModule', 'callerFunction', 'file', 'node'] as const

function checkSite(reader: FrameReader, sites: Uint32Array, at: number, nStrings: number): void {
  const word = (field: keyof typeof SITE): number => sites[at + SITE[field]] ?? 0
  const wrong = (field: keyof typeof SITE, message: string): void => fault(reader, message, `names.sites[${at / SITE_WORDS}].${field}`)
  for (const field of SITE_TEXTS) if (word(field) > nStrings) wrong(field, `code ${word(field)} of ${nStrings} strings`)
  for (const field of ['arity', 'callerArity'] as const) if (word(field) > MAX_ARITY) wrong(field, `${word(field)} is more than ${MAX_ARITY}`)
  const given = word('node') === 0 ? EVIDENCE.none : EVIDENCE.given
  if (word('evidence') !== given) wrong('evidence', `${word('evidence')}, where ${given} is expected: 1 with a node id, else 0`)
}

/** A view of the column's bytes; empty after a fault. */
function readColumn(reader: FrameReader, n: number, width: number, where: string): Uint8Array {
  const bytes = readBinary(reader, where)
  if (bytes.length === n * width) return bytes
  fault(reader, `${bytes.length} bytes, ${n * width} are expected`, where)
  return new Uint8Array(0)
}

function readCodes(reader: FrameReader, n: number, nNames: number, where: string): Uint16Array {
  const bytes = readColumn(reader, n, 2, where)
  if (reader.fault !== undefined) return new Uint16Array(0)
  const codes = new Uint16Array(aligned(bytes))
  let top = 0
  for (let i = 0; i < codes.length; i++) {
    const code = codes[i] ?? 0
    if (code > top) top = code
  }
  if (top > nNames) fault(reader, `code ${top} of ${nNames} names`, where, codes.indexOf(top))
  return codes
}

function checkTypes(reader: FrameReader, type: Uint8Array): void {
  let known = 1
  for (let i = 0; i < type.length; i++) known &= KNOWN_TYPES[type[i] ?? 0] ?? 0
  if (known === 1) return
  const idx = type.findIndex((code) => KNOWN_TYPES[code] === 0)
  fault(reader, `type ${type[idx]} is not known`, 'columns.type', idx)
}

function checkTimes(reader: FrameReader, ts: Float64Array): void {
  for (let i = 0; i < ts.length; i++) {
    const at = ts[i] ?? 0
    if (Math.floor(at) !== at || at > MAX_TS_NS || at < -MAX_TS_NS) return fault(reader, `${at} is no whole number within 2^52`, 'columns.ts', i)
  }
}

const NO_PAYLOADS = { payloadRows: new Uint16Array(0), payloads: [] }

function readPayloads(reader: FrameReader, n: number): Pick<Batch, 'payloadRows' | 'payloads'> {
  if (readNil(reader)) return NO_PAYLOADS
  expectLength(reader, 2, 'payloads')
  const bytes = readBinary(reader, 'payloads.rows')
  if (bytes.length % 2 !== 0) fault(reader, `${bytes.length} bytes are no multiple of 2`, 'payloads.rows')
  if (reader.fault !== undefined) return NO_PAYLOADS
  const payloadRows = new Uint16Array(aligned(bytes))
  for (let i = 0, above = -1; i < payloadRows.length; i++) {
    const row = payloadRows[i] ?? 0
    if (row <= above || row >= n) fault(reader, `row ${row} after row ${above}; rows rise and there are ${n}`, 'payloads.rows', i)
    above = row
  }
  const length = readArray(reader, payloadRows.length, 'payloads.bytes')
  if (length !== payloadRows.length) fault(reader, `${payloadRows.length} elements are expected, ${length} found`, 'payloads.bytes')
  const payloads: Uint8Array[] = []
  for (let i = 0; i < length && reader.fault === undefined; i++) {
    const payload = readBinary(reader, 'payloads.bytes')
    if (payload.length === 0) fault(reader, 'a payload without bytes', 'payloads.bytes', i)
    payloads.push(payload)
  }
  return { payloadRows, payloads }
}

/** The bytes in a buffer of their own: in a frame numbers stand where they happen to. */
function aligned(bytes: Uint8Array): ArrayBuffer {
  const copy = new Uint8Array(bytes.length)
  copy.set(bytes)
  return copy.buffer
}

function bytesOf(column: Uint8Array | Uint16Array | Uint32Array | Float64Array): Uint8Array {
  return new Uint8Array(column.buffer, column.byteOffset, column.byteLength)
}
