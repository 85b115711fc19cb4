/** The codec of batches: both ways, against an independent MessagePack library, against damage, and by the golden bytes. */

import { Packr, Unpackr } from 'msgpackr'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { must } from '../../src/base/assert.ts'
import { type Batch, decodeBatch, encodeBatch, MAX_EVENTS } from '../../src/event/batch.ts'
import { batches, batchOf, seed } from './batches.ts'

const library = { packr: new Packr({ useRecords: false }), unpackr: new Unpackr({ useRecords: false, int64AsType: 'bigint' }) }

const decoded = (bytes: Uint8Array): Batch => {
  const result = decodeBatch(bytes)
  if (!result.ok) throw new Error(`${result.error.where}: ${result.error.message}`)
  return result.value
}
/** As plain arrays, so that views and copies compare by what they hold. */
const plain = (batch: Batch): object => ({ ...batch, type: [...batch.type], payloads: batch.payloads.map((payload) => [...payload]) })

const raw = (column: Uint8Array | Uint16Array | Uint32Array | Float64Array): Buffer => Buffer.from(column.buffer, column.byteOffset, column.byteLength)
const structure = (batch: Batch): unknown[] => [
  'batch', BigInt(batch.no), batch.t0Ns, batch.n, [batch.strings, batch.pids, batch.corrs, raw(batch.sites)],
  [batch.type, batch.ts, batch.pid, batch.peer, batch.site, batch.corr].map(raw),
  batch.payloads.length === 0 ? null : [raw(batch.payloadRows), batch.payloads.map((payload) => Buffer.from(payload))],
]

test('what is encoded is decoded again, wherever it stands in memory', () => {
  fc.assert(fc.property(batches(), fc.nat(9), (batch, offset) => {
    const frame = encodeBatch(batch)
    const elsewhere = new Uint8Array(frame.length + offset)
    elsewhere.set(frame, offset)
    expect(plain(decoded(elsewhere.subarray(offset)))).toEqual(plain(batch))
  }), seed)
})

test('another MessagePack library reads what is encoded, and what it encodes is decoded', () => {
  fc.assert(fc.property(batches(), (batch) => {
    const read = library.unpackr.unpack(encodeBatch(batch)) as unknown[]
    expect(read.map((value) => (typeof value === 'number' ? BigInt(value) : value))).toEqual(
      structure(batch).map((value) => (typeof value === 'number' ? BigInt(value) : value)),
    )
    expect(plain(decoded(library.packr.pack(structure(batch))))).toEqual(plain(batch))
  }), seed)
})

test('a frame that is cut short anywhere is a fault with a place', () => {
  fc.assert(fc.property(batches(5), (batch) => {
    const frame = encodeBatch(batch)
    for (let length = 0; length < frame.length; length++) {
      const result = decodeBatch(frame.subarray(0, length))
      expect(result.ok).toBe(false)
      if (!result.ok) expect(result.error.where).not.toBe('')
    }
  }), { ...seed, numRuns: 30 })
})

test('garbage and flipped bytes never throw, and what is let through is sound', () => {
  fc.assert(fc.property(batches(10), fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }), (batch, changes) => {
    const frame = Buffer.from(encodeBatch(batch))
    for (const [at, byte] of changes) frame[at % frame.length] = byte
    const result = decodeBatch(frame)
    if (result.ok) expect(plain(decoded(encodeBatch(result.value)))).toEqual(plain(result.value))
  }), { ...seed, numRuns: 2000 })
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
    expect(decodeBatch(bytes).ok).toBe(false)
  }), seed)
})

const event = { type: 'call', ts: 5, pid: '0.1.0', mfa: 'A.f/1', caller: 'B.g/0 lib/b.ex:7', corr: 'c', payload: Uint8Array.of(0x80) } as const
const sound = batchOf([event, { ...event, ts: 6 }])
const but = (column: 'type' | 'ts' | 'pid' | 'peer' | 'site' | 'corr' | 'sites' | 'payloadRows', idx: number, value: number): Batch => {
  const changed = sound[column].slice()
  changed[idx] = value
  return { ...sound, [column]: changed }
}

const FAULTS: readonly (readonly [where: string, batch: Batch, message: RegExp])[] = [
  ['columns.type[1]', but('type', 1, 0), /type 0 is not known/],
  ['columns.type[1]', but('type', 1, 63), /type 63/],
  ['columns.ts[1]', but('ts', 1, 0.5), /whole/],
  ['columns.ts[0]', but('ts', 0, Number.NaN), /whole/],
  ['columns.ts[0]', but('ts', 0, -Infinity), /whole/],
  ['columns.ts[0]', but('ts', 0, 2 ** 53), /2\^52/],
  ['columns.pid[1]', but('pid', 1, 2), /code 2 of 1/],
  ['columns.peer[0]', but('peer', 0, 65_535), /code 65535 of 1/],
  ['columns.site[1]', but('site', 1, 2), /code 2 of 1/],
  ['columns.corr[0]', but('corr', 0, 9), /code 9 of 1/],
  ['names.sites[0].file', but('sites', 6, 6), /code 6 of 5 strings/],
  ['names.sites[0].arity', but('sites', 2, 256), /256/],
  ['names.sites[0].evidence', but('sites', 9, 1), /1, where 0/],
  ['names.sites[0].evidence', but('sites', 8, 1), /0, where 1/],
  ['payloads.rows[1]', but('payloadRows', 1, 0), /row 0 after row 0/],
  ['payloads.rows[1]', but('payloadRows', 1, 2), /row 2/],
  ['payloads.bytes[1]', { ...sound, payloads: [Uint8Array.of(1), new Uint8Array(0)] }, /without bytes/],
  ['payloads.bytes', { ...sound, payloads: [Uint8Array.of(1)] }, /2 elements are expected, 1 found/],
  ['columns.ts', { ...sound, ts: sound.ts.subarray(1) }, /8 bytes, 16 are expected/],
  ['columns.type', { ...sound, type: new Uint8Array(3) }, /3 bytes, 2 are expected/],
  ['names.sites', { ...sound, sites: sound.sites.subarray(1) }, /multiple of 40/],
  ['n', { ...sound, n: 0 }, /0 is not within/],
  ['n', { ...sound, n: MAX_EVENTS + 1 }, /16385 is not within/],
  ['no', { ...sound, no: 0 }, /0 is not within/],
  ['t0', { ...sound, t0Ns: 2n ** 63n }, /2262/],
  ['names.pids', { ...sound, pids: Array.from({ length: 32_769 }, () => '') }, /32769 elements/],
]

test.each(FAULTS)('a fault names its place: %s', (where, batch, message) => {
  const result = decodeBatch(encodeBatch(batch))
  expect(result).toMatchObject({ ok: false, error: { where, message: expect.stringMatching(message) as unknown } })
})

const MALFORMED: readonly (readonly [where: string, change: (parts: unknown[]) => unknown, message: RegExp])[] = [
  ['frame', () => ({ no: 'array' }), /an array is expected/],
  ['frame', (parts) => parts.slice(1), /7 elements are expected, 6/],
  ['frame', (parts) => ['bats', ...parts.slice(1)], /no batch/],
  ['no', (parts) => parts.with(1, -1), /non-negative/],
  ['no', (parts) => parts.with(1, -(2n ** 40n)), /negative/],
  ['no', (parts) => parts.with(1, 1.5), /integer is expected/],
  ['t0', (parts) => parts.with(2, 'now'), /integer is expected/],
  ['names.strings[1]', (parts) => parts.with(4, (parts[4] as unknown[]).with(0, ['a', 1])), /a string is expected/],
  ['columns.ts', (parts) => parts.with(5, (parts[5] as unknown[]).with(1, [1, 2])), /a binary is expected/],
  ['payloads', (parts) => parts.with(6, 3), /an array is expected/],
]

test.each(MALFORMED)('what is no batch is a fault: %s', (where, change, message) => {
  const result = decodeBatch(library.packr.pack(change(structure(sound))))
  expect(result).toMatchObject({ ok: false, error: { where, message: expect.stringMatching(message) as unknown } })
})

test('bytes behind the frame are a fault, and a length that is not there allocates nothing', () => {
  expect(decodeBatch(Buffer.concat([encodeBatch(sound), Buffer.of(0)]))).toMatchObject({ ok: false, error: { where: 'frame', message: '1 bytes after its end' } })
  const claims = Buffer.concat([encodeBatch(sound).subarray(0, 13), Buffer.of(0xdd, 0xff, 0xff, 0xff, 0xff)])
  expect(must(decodeBatch(claims).ok ? undefined : 'a fault', 'a fault')).toBe('a fault')
})
