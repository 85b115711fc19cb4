/** Frames come out whole and in order however the stream is cut; what is no stream of frames is noticed. */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createFrameReader, decodeFrame, encodeFrame, frameName } from '../../src/capture/frames.ts'

const part = fc.oneof(fc.string(), fc.integer(), fc.uint8Array({ maxLength: 300 }), fc.constant(null))
const frame = fc.array(part, { minLength: 1, maxLength: 6 })

test('frames come out as they went in, however the stream is cut', () => {
  fc.assert(fc.property(fc.array(frame, { maxLength: 8 }), fc.array(fc.nat(2000), { maxLength: 12 }), (frames, cuts) => {
    const stream = Buffer.concat(frames.map((parts) => encodeFrame(parts)))
    const places = [...new Set([0, ...cuts.map((cut) => cut % (stream.length + 1)), stream.length])].sort((a, b) => a - b)
    const reader = createFrameReader()
    const found = places.slice(1).flatMap((end, idx) => reader.push(stream.subarray(places[idx], end)) ?? [])
    expect(found.map((bytes) => decodeFrame(bytes)?.map(plain))).toEqual(frames.map((parts) => parts.map(plain)))
  }))
})

function plain(value: unknown): unknown {
  return value instanceof Uint8Array ? [...value] : value
}

test('a frame that is empty or too large ends the stream', () => {
  expect(createFrameReader().push(Uint8Array.of(0, 0, 0, 0))).toBeUndefined()
  expect(createFrameReader(10).push(Uint8Array.of(0, 0, 0, 11))).toBeUndefined()
  expect(createFrameReader(10).push(Uint8Array.of(0, 0, 0, 10))).toEqual([])
})

test('the name of a frame is read from its first bytes alone, and none from anything else', () => {
  const bytes = encodeFrame(['batch', 7, 'x']).subarray(4)
  expect(frameName(bytes)).toBe('batch')
  expect(frameName(bytes.subarray(0, 4))).toBe('')
  expect(frameName(Uint8Array.of(0x07))).toBe('')
  fc.assert(fc.property(fc.uint8Array(), (garbage) => {
    expect(typeof frameName(garbage)).toBe('string')
    decodeFrame(garbage)
  }))
})
