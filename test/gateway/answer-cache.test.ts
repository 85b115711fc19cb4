import { expect, test } from 'vitest'
import { createAnswerCache } from '../../src/gateway/answer-cache.ts'
import { decodeMessage, encodeResponse } from '../../src/wire/rpc.ts'

const decoded = (bytes: Uint8Array): unknown => {
  const message = decodeMessage(bytes)
  return message.ok && message.value.kind === 'response' ? message.value : message
}

test('an answer kept makes the response that the answer itself makes, under any id', () => {
  const cache = createAnswerCache()
  const value = { value: { names: ['a', 'ä', '日本'], n: 2 ** 40, none: null }, epoch: 3 }
  const kept = cache.keep('k', value)
  for (const id of [0, 1, 255, 65_536, 2 ** 32 - 1]) {
    expect(decoded(encodeResponse(id, { ok: true, value: kept }))).toEqual(decoded(encodeResponse(id, { ok: true, value })))
  }
})

test('answers of another state are gone', () => {
  const cache = createAnswerCache()
  expect(cache.find('1', 'k')).toBeUndefined()
  const kept = cache.keep('k', 1)
  expect(cache.find('1', 'k')).toBe(kept)
  expect(cache.find('2', 'k')).toBeUndefined()
  expect(cache.find('1', 'k')).toBeUndefined()
  expect(cache.stats()).toEqual({ cacheHits: 1, cacheMisses: 3, cacheBytes: 0 })
})

test('what was used longest ago goes first, and the bytes stay within the budget', () => {
  const cache = createAnswerCache()
  const text = 'x'.repeat(60_000)
  for (let i = 0; i < 400; i++) {
    cache.keep(`k${i}`, text)
    cache.find('', 'k0')
  }
  expect(cache.stats().cacheBytes).toBeLessThanOrEqual(16 << 20)
  expect(cache.find('', 'k0')).toBeDefined()
  expect(cache.find('', 'k1')).toBeUndefined()
  expect(cache.find('', 'k399')).toBeDefined()
})

test('a large answer is encoded but not kept', () => {
  const cache = createAnswerCache()
  cache.keep('k', 'x'.repeat(100_000))
  expect(cache.stats().cacheBytes).toBe(0)
})
