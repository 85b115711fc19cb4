/** Messages on the wire are those of the public specification: judged by a codec of the tests' own, and by golden bytes. */

import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { failure } from '../../src/base/failure.ts'
import { decodeMessage, encodeNotification, encodeRequest, encodeResponse, messageIdOf } from '../../src/wire/rpc.ts'
import { tinyDecode, tinyEncode } from './support/tiny-msgpack.ts'
import { FC, wireValue } from './support/wire-values.ts'

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

test('golden bytes', () => {
  expect(hex(encodeRequest(1, 'hello', []))).toBe('940001a568656c6c6f90')
  expect(hex(encodeRequest(300, 'm', [{ a: 1 }]))).toBe('9400cd012ca16d9181a16101')
  expect(hex(encodeResponse(1, { ok: true, value: { n: null } }))).toBe('940101c081a16ec0')
  expect(hex(encodeResponse(2, { ok: false, error: failure('busy', 'no') }))).toBe('94010282a4636f6465a462757379a76d657373616765a26e6fc0')
  expect(hex(encodeNotification('n', [true]))).toBe('9302a16e91c3')
  expect(hex(encodeResponse(3, { ok: true, value: [2 ** 32, -(2 ** 31) - 1, 2n ** 63n - 1n, 1.5] }))).toBe(
    '940103c094d30000000100000000d3ffffffff7fffffffd37fffffffffffffffcb3ff8000000000000',
  )
})

test('what is encoded, another codec reads as the same; what it encodes, decodes to the same', () => {
  fc.assert(fc.property(fc.nat(0xffff_ffff), wireValue, (id, value) => {
    expect(tinyDecode(encodeResponse(id, { ok: true, value }))).toEqual([1, id, null, value])
    expect(tinyDecode(encodeRequest(id, 'm', [value]))).toEqual([0, id, 'm', [value]])
    const decoded = decodeMessage(tinyEncode([0, id, 'm', [value]]))
    expect(decoded).toMatchObject({ ok: true, value: { kind: 'request', id, method: 'm' } })
    expect(hex(tinyEncode(decoded.ok && decoded.value.kind === 'request' ? decoded.value.params : undefined))).toBe(hex(tinyEncode([value])))
  }), { ...FC, numRuns: 400 })
})

test('keys without a value are left out, and an absent result is nil', () => {
  expect(tinyDecode(encodeRequest(1, 'm', [{ a: undefined, b: [undefined, { c: undefined }] }]))).toEqual([0, 1, 'm', [{ b: [null, {}] }]])
  expect(tinyDecode(encodeResponse(1, { ok: true, value: undefined }))).toEqual([1, 1, null, null])
})

test('data may have any keys', () => {
  const value = { constructor: 'a', toJSON: 'b', hasOwnProperty: 'c', length: 9, '': 1 }
  expect(tinyDecode(encodeResponse(1, { ok: true, value }))).toEqual([1, 1, null, value])
  const hostile = tinyEncode([2, 'm', [JSON.parse('{"__proto__": {"polluted": true}}')]])
  const decoded = decodeMessage(hostile)
  expect(decoded.ok).toBe(true)
  expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
})

test('a large message leaves later ones as they are', () => {
  const large = encodeResponse(1, { ok: true, value: 'x'.repeat(3_000_000) })
  const small = Array.from({ length: 2000 }, (_, i) => encodeResponse(i, { ok: true, value: `answer ${i}` }))
  expect(small.map((bytes) => tinyDecode(bytes))).toEqual(small.map((_, i) => [1, i, null, `answer ${i}`]))
  expect(large.length).toBe(3_000_009)
  expect(small[1999]?.buffer.byteLength).toBeLessThan(1 << 20)
})

test('an object that is no plain data is a bug of ours, and says so', () => {
  expect(() => encodeResponse(1, { ok: true, value: new Map([[1, 2]]) })).toThrow('plain objects')
})

const FAULTY: readonly (readonly [name: string, message: unknown, id: number | undefined, says: string])[] = [
  ['no array', 'hello', undefined, 'an array'],
  ['an unknown type', [7, 1], undefined, 'type of a message'],
  ['an empty array', [], undefined, 'type of a message'],
  ['a request without params', [0, 5, 'm'], undefined, 'a request is'],
  ['a request with a map for params', [0, 5, 'm', {}], 5, 'a request is'],
  ['a request with a number for a method', [0, 5, 5, []], 5, 'a request is'],
  ['a request with a wide id', [0, 2 ** 33, 'm', []], undefined, 'a request is'],
  ['a request with a negative id', [0, -1, 'm', []], undefined, 'a request is'],
  ['a response too short', [1, 1, null], undefined, 'a response is'],
  ['a notification too long', [2, 'm', [], 1], undefined, 'a notification is'],
]

test.each(FAULTY)('%s is a fault with the id where there is one', (_name, message, id, says) => {
  expect(decodeMessage(tinyEncode(message))).toMatchObject({
    ok: false, error: { id, failure: { code: 'invalid_argument', message: expect.stringContaining(says) } },
  })
})

test('any frame decodes to a message or a fault, never an exception', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
    expect(typeof decodeMessage(bytes).ok).toBe('boolean')
  }), { ...FC, numRuns: 2000 })
})

test('the id of a request is read from its first bytes', () => {
  for (const id of [0, 5, 127, 128, 255, 256, 65_535, 65_536, 0xffff_ffff]) {
    expect(messageIdOf(tinyEncode([0, id, 'method', []]).subarray(0, 12), 0)).toBe(id)
  }
  expect(messageIdOf(tinyEncode([1, 5, null, null]), 0)).toBeUndefined()
  expect(messageIdOf(tinyEncode([1, 5, null, null]), 1)).toBe(5)
  expect(messageIdOf(Uint8Array.of(0x94, 0x00, 0xce, 0x01), 0)).toBeUndefined()
  expect(messageIdOf(new Uint8Array(0), 0)).toBeUndefined()
})
