/** The scanner finds exactly the values that the bytes hold, however they are chunked, and holds its budgets. */

import * as fc from 'fast-check'
import { pack } from 'msgpackr'
import { expect, test } from 'vitest'
import { createFrameScanner, type FrameFault, type FrameLimits } from '../../src/wire/framing.ts'
import { tinyDecode, tinyEncode } from './support/tiny-msgpack.ts'
import { concat, cut, FC, wireValue } from './support/wire-values.ts'

const WIDE: FrameLimits = { maxBytes: 1 << 28, maxDepth: 200, maxElements: 1e9 }

function scan(chunks: readonly Uint8Array[], limits: FrameLimits = WIDE): (Uint8Array | FrameFault)[] {
  const scanner = createFrameScanner(limits)
  return chunks.flatMap((chunk) => scanner.push(chunk))
}

/** Results in a form that two runs can be compared by. */
function printed(found: readonly (Uint8Array | FrameFault)[]): string[] {
  return found.map((item) => item instanceof Uint8Array ? Buffer.from(item).toString('hex') : `${item.kind}${item.fatal ? ' fatal' : ''}`)
}

const places = fc.array(fc.nat(), { maxLength: 30 })

test('frames are the values, whatever the chunks', () => {
  fc.assert(fc.property(fc.array(wireValue, { maxLength: 6 }), places, (values, at) => {
    const encoded = values.map((value) => tinyEncode(value))
    expect(printed(scan(cut(concat(encoded), at)))).toEqual(encoded.map((bytes) => Buffer.from(bytes).toString('hex')))
  }), { ...FC, numRuns: 400 })
})

test('a common encoder\'s stream splits where it began', () => {
  fc.assert(fc.property(fc.array(fc.jsonValue(), { minLength: 1, maxLength: 5 }), (values) => {
    const encoded = values.map((value) => new Uint8Array(pack(JSON.parse(JSON.stringify(value)))))
    const bytes = concat(encoded)
    const single = Array.from(bytes, (_, i) => bytes.subarray(i, i + 1))
    const frames = scan(single)
    expect(printed(frames)).toEqual(encoded.map((item) => Buffer.from(item).toString('hex')))
  }), { ...FC, numRuns: 200 })
})

test('any bytes in any chunks: the same results, no exception, never more held than the limit', () => {
  const limits = { maxBytes: 64, maxDepth: 3, maxElements: 20 }
  fc.assert(fc.property(fc.uint8Array({ maxLength: 400 }), places, (bytes, at) => {
    const scanner = createFrameScanner(limits)
    const found: (Uint8Array | FrameFault)[] = []
    for (const chunk of cut(bytes, at)) {
      found.push(...scanner.push(chunk))
      expect(scanner.heldBytes()).toBeLessThanOrEqual(limits.maxBytes)
    }
    expect(printed(found)).toEqual(printed(scan([bytes], limits)))
  }), { ...FC, numRuns: 2000 })
})

test('a frame is a view of the chunk that holds it whole', () => {
  const chunk = concat([tinyEncode([1, 2]), tinyEncode('ab')])
  const [first] = scan([chunk])
  expect(first).toBeInstanceOf(Uint8Array)
  expect((first as Uint8Array).buffer).toBe(chunk.buffer)
})

test('frames stay what they were while later ones arrive in pieces', () => {
  const scanner = createFrameScanner(WIDE)
  const frames: Uint8Array[] = []
  for (let i = 0; i < 50; i++) {
    const bytes = tinyEncode(`value number ${i}`.repeat(40))
    for (const chunk of cut(bytes, [3, 100])) frames.push(...scanner.push(chunk) as Uint8Array[])
  }
  expect(frames.map((frame) => tinyDecode(frame))).toEqual(Array.from({ length: 50 }, (_, i) => `value number ${i}`.repeat(40)))
})

test('25 MB in chunks of 64 KB and 4 MB byte by byte: quadratic work would not end in time', () => {
  const large = new Uint8Array(25_000_005).fill(1)
  large.set([0xdd, 25_000_000 >>> 24, (25_000_000 >>> 16) & 0xff, (25_000_000 >>> 8) & 0xff, 25_000_000 & 0xff])
  const scanner = createFrameScanner(WIDE)
  let nFrames = 0
  for (let at = 0; at < large.length; at += 65_536) nFrames += scanner.push(large.subarray(at, at + 65_536)).length
  const text = new Uint8Array(4_000_005).fill(65)
  text.set([0xdb, 4_000_000 >>> 24, (4_000_000 >>> 16) & 0xff, (4_000_000 >>> 8) & 0xff, 4_000_000 & 0xff])
  for (let at = 0; at < text.length; at++) nFrames += scanner.push(text.subarray(at, at + 1)).length
  expect(nFrames).toBe(2)
})

const BUDGETS: FrameLimits = { maxBytes: 40, maxDepth: 2, maxElements: 10 }
const next = Buffer.from(tinyEncode('next')).toString('hex')

const OVER: readonly (readonly [name: string, bytes: Uint8Array, limits: FrameLimits, found: string[]])[] = [
  ['a string over the bytes is skipped', tinyEncode('x'.repeat(60)), BUDGETS, ['too_large', next]],
  ['many small values over the bytes are skipped', tinyEncode(Array.from({ length: 9 }, () => 'eight by')), BUDGETS, ['too_large', next]],
  ['an array over the elements is skipped', tinyEncode(Array.from({ length: 11 }, () => 1)), BUDGETS, ['too_large', next]],
  ['map keys count as elements', tinyEncode({ a: 1, b: 2, c: 3, d: 4, e: 5 }), BUDGETS, ['too_large', next]],
  ['exactly the bytes', tinyEncode('x'.repeat(38)), BUDGETS, [Buffer.from(tinyEncode('x'.repeat(38))).toString('hex'), next]],
  ['exactly the elements', tinyEncode(Array.from({ length: 9 }, () => 1)), BUDGETS, [`99${'01'.repeat(9)}`, next]],
  ['exactly the depth', tinyEncode([[1]]), BUDGETS, ['919101', next]],
  ['an empty container at the depth', tinyEncode([[[]]]), BUDGETS, ['919190', next]],
  ['over the depth', tinyEncode([[[1]]]), BUDGETS, ['too_deep fatal']],
  ['a byte that is never used', Uint8Array.of(0xc1), BUDGETS, ['malformed fatal']],
  ['an extension', Uint8Array.of(0x92, 0x01, 0xd4, 0x00, 0x00), BUDGETS, ['malformed fatal']],
  ['an extension with a length', Uint8Array.of(0xc7, 0x01, 0x05, 0x00), BUDGETS, ['malformed fatal']],
  ['broken inside what is skipped', concat([Uint8Array.of(0xdc, 0, 20), Uint8Array.of(0xc1)]), BUDGETS, ['too_large', 'malformed fatal']],
]

test.each(OVER)('%s', (_name, bytes, limits, found) => {
  const stream = concat([bytes, tinyEncode('next')])
  expect(printed(scan([stream], limits))).toEqual(found)
  expect(printed(scan(Array.from(stream, (_, i) => stream.subarray(i, i + 1)), limits))).toEqual(found)
})

test('a declared 4 GB is refused by its header, before a byte of it is kept', () => {
  const scanner = createFrameScanner({ maxBytes: 1 << 20, maxDepth: 8, maxElements: 1000 })
  const request = concat([tinyEncode([0, 7, 'm', []]).subarray(0, -1), Uint8Array.of(0x91, 0xdb, 0xff, 0xff, 0xff, 0xff)])
  const [fault] = scanner.push(request)
  expect(fault).toMatchObject({ kind: 'too_large', fatal: false, message: expect.stringContaining('1048576') })
  expect((fault as FrameFault).head).toEqual(request)
  expect(scanner.push(new Uint8Array(1 << 20))).toEqual([])
  expect(scanner.heldBytes()).toBe(0)
  expect(scanner.isInsideValue()).toBe(true)
})

test('after a fatal fault nothing more is found', () => {
  const scanner = createFrameScanner(WIDE)
  expect(printed(scanner.push(Uint8Array.of(0x01, 0xc1, 0x02)))).toEqual(['01', 'malformed fatal'])
  expect(scanner.push(Uint8Array.of(0x03))).toEqual([])
})
