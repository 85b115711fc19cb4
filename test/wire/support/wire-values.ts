/** Random values that plain MessagePack can carry, and random cuts of a stream, for the property tests of the wire. */

import * as fc from 'fast-check'

export const FC = { seed: process.env['FC_SEED'] === undefined ? Date.now() : Number(process.env['FC_SEED']) }

const scalar = fc.oneof(
  fc.constant(null), fc.boolean(), fc.integer(), fc.maxSafeInteger(),
  // -0 becomes the integer 0.
  fc.double({ noNaN: true }).map((value) => (value === 0 ? 0 : value)),
  fc.bigInt({ min: 2n ** 53n + 1n, max: 2n ** 64n - 1n }), fc.bigInt({ min: -(2n ** 63n), max: -(2n ** 53n) - 1n }),
  fc.string({ unit: 'grapheme' }), fc.string({ minLength: 30, maxLength: 300 }),
  fc.uint8Array({ maxLength: 300 }),
)

// `__proto__` is renamed by the decoder, on purpose; it has a test of its own.
const key = fc.string({ maxLength: 40 }).filter((name) => name !== '__proto__')

export const wireValue: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof({ maxDepth: 5, depthSize: 'small' }, scalar, tie('array'), tie('map')),
  array: fc.array(tie('value'), { maxLength: 20 }),
  map: fc.dictionary(key, tie('value'), { maxKeys: 20, noNullPrototype: true }),
})).value

/** Cuts `bytes` at the given places (any numbers; taken modulo the length). */
export function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const at = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b)
  const chunks: Uint8Array[] = []
  let from = 0
  for (const place of [...at, bytes.length]) {
    chunks.push(bytes.subarray(from, place))
    from = place
  }
  return chunks
}

export function concat(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts))
}
