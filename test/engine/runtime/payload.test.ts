/** Payloads: what MessagePack has itself as msgpackr reads it, extensions as docs/AGENT.md says, and anything else is none. */

import fc from 'fast-check'
import { Packr, Unpackr } from 'msgpackr'
import { expect, test } from 'vitest'
import { must } from '../../../src/base/assert.ts'
import { readPayload } from '../../../src/engine/runtime/payload.ts'
import { termText, type Term } from '../../../src/engine/runtime/terms.ts'

const seed = process.env['FC_SEED'] === undefined ? {} : { seed: Number(process.env['FC_SEED']) }
const packr = new Packr({ useRecords: false, encodeUndefinedAsNil: true })

const ext = (type: number, data: Uint8Array): Buffer => Buffer.concat([Buffer.of(0xc7, data.length, type), data])
const text = (type: number, value: string): Buffer => ext(type, Buffer.from(value))

test('what has no extension is what msgpackr reads', () => {
  const { term } = fc.letrec<{ term: Term }>((tie) => ({
    term: fc.oneof(
      { depthSize: 'small' }, fc.constant(null), fc.boolean(), fc.integer(), fc.maxSafeInteger(), fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n }), fc.bigInt({ min: -(2n ** 63n), max: -(2n ** 53n) }),
      fc.double({ noNaN: true }).filter((value) => !Object.is(value, -0)), fc.string({ unit: 'grapheme', maxLength: 70 }), fc.uint8Array({ maxLength: 300 }),
      fc.array(tie('term'), { maxLength: 20 }), fc.dictionary(fc.string().filter((key) => key !== '__proto__'), tie('term'), { maxKeys: 20 }),
    ),
  }))
  fc.assert(fc.property(term, (value) => {
    expect(plain(readPayload(packr.pack(value)))).toEqual(plain(value))
  }), seed)
})

/** Binaries as they compare. */
function plain(term: Term | undefined): unknown {
  if (term instanceof Uint8Array) return { binary: [...term] }
  if (Array.isArray(term)) return term.map(plain)
  return typeof term === 'object' && term !== null ? Object.fromEntries(Object.entries(term).map(([key, value]) => [key, plain(value)])) : term
}

test('extensions are what they stand for', () => {
  expect(readPayload(text(1, 'ok'))).toEqual({ $atom: 'ok' })
  expect(readPayload(Buffer.of(0xd4, 1, 0x61))).toEqual({ $atom: 'a' })
  expect(readPayload(ext(2, Buffer.concat([Buffer.of(0x92), text(1, 'ok'), Buffer.of(7)])))).toEqual({ $tuple: [{ $atom: 'ok' }, 7] })
  expect(readPayload(text(3, '#PID<0.1.0>'))).toEqual({ $ref: '#PID<0.1.0>' })
  expect(readPayload(text(4, '123456789012345678901'))).toEqual({ $integer: '123456789012345678901' })
  expect(readPayload(ext(5, Buffer.of(12)))).toEqual({ $more: 12 })
  expect(readPayload(text(6, 'password'))).toEqual({ $redacted: 'password' })
  expect(readPayload(text(7, '<<1::3>>'))).toEqual({ $inspect: '<<1::3>>' })
  const pairs = (...parts: Uint8Array[]): Buffer => Buffer.concat([Buffer.of(0x80 + parts.length / 2), ...parts])
  expect(readPayload(pairs(text(1, 'a'), Buffer.of(1), packr.pack('b'), Buffer.of(2)))).toEqual({ ':a': 1, b: 2 })
  expect(readPayload(pairs(Buffer.of(1), packr.pack('one')))).toEqual({ $map: [[1, 'one']] })
})

test('no other bytes are a term, however long or deep they say they are', () => {
  for (const bytes of [[], [0xc1], [0xa5, 0x61], [0xdd, 0xff, 0xff, 0xff, 0xff], [0xc6, 0xff, 0xff, 0xff, 0xff], [0xd4, 99, 1], [1, 2]]) expect(readPayload(Uint8Array.from(bytes))).toBeUndefined()
  expect(readPayload(new Uint8Array(1 << 20).fill(0x91))).toBeUndefined()
  fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => void readPayload(bytes)), { ...seed, numRuns: 2000 })
})

test('whatever is read can be printed: what is nested deeper is none', () => {
  const nested = (depth: number, ...wraps: number[]): Uint8Array => Buffer.concat([...Array.from({ length: depth }, () => Buffer.from(wraps)), Buffer.of(1)])
  for (const wraps of [[0x91], [0x81, 1], [0x81, 0xa1, 0x61]]) {
    expect(termText(must(readPayload(nested(500, ...wraps)), 'a term'))).toContain('1')
    expect(readPayload(nested(600, ...wraps))).toBeUndefined()
  }
})

test('whoever reads other MessagePack in the same thread has no extension of ours', () => {
  expect(() => new Unpackr().unpack(Buffer.of(0xd4, 1, 0x61))).toThrow(/extension/)
})
