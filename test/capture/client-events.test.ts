/** Events that clients state: whatever is taken can be read back from a log, and what is not is named. */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { batchOfClientEvents, type ClientEvent } from '../../src/capture/client-events.ts'
import { decodeBatch, encodeBatch } from '../../src/event/batch.ts'

const NOW = 1_790_000_000_000_000_000n
const event = (more: Partial<ClientEvent>): ClientEvent => ({ event_type: 'annotation', pid: 'client', ...more })

test.each<[string, Partial<ClientEvent>]>([
  ['a time after 2262', { timestamp: '9999-01-01T00:00:00Z' }],
  ['a time that no 64 bits hold', { timestamp: 2n ** 63n }],
  ['a time before 1970', { timestamp: -1 }],
  ['a time 53 days from the others', { timestamp: NOW - 53n * 86_400_000_000_000n }],
  ['an arity that no function has', { mfa: 'A.f/256' }],
  ['a caller of such an arity', { caller: { mfa: 'A.f/999', file: '', line: 0 } }],
  ['a line that no file has', { caller: { mfa: 'A.f/1', file: '', line: 2 ** 32 } }],
])('%s is refused, and the others are taken', (_what, more) => {
  const { batch, refused } = batchOfClientEvents([event({}), event(more), event({})], 1, NOW)
  expect(batch?.n).toBe(2)
  expect(refused).toEqual([{ index: 1, why: expect.any(String) }])
})

test('what is taken is read back from its bytes as it was', () => {
  const time = fc.oneof(fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n }), fc.bigInt({ min: NOW - 2n ** 53n, max: NOW + 2n ** 53n }), fc.constant(undefined))
  const mfa = fc.oneof(fc.constant(undefined), fc.nat(999).map((arity) => `A.f/${arity}`))
  const given = fc.record({ timestamp: time, mfa, line: fc.nat(2 ** 33), correlation: fc.string() })
  fc.assert(fc.property(fc.array(given, { minLength: 1, maxLength: 20 }), (all) => {
    const { batch, refused } = batchOfClientEvents(all.map(({ timestamp, mfa: name, line, correlation }) => event({
      ...(timestamp === undefined ? {} : { timestamp }), ...(name === undefined ? {} : { mfa: name, caller: { mfa: 'B.g/1', file: 'b.ex', line } }), correlation_id: correlation,
    })), 1, NOW)
    expect((batch?.n ?? 0) + refused.length).toBe(all.length)
    if (batch === undefined) return
    const read = decodeBatch(encodeBatch(batch))
    expect(read).toMatchObject({ ok: true, value: { n: batch.n, t0Ns: batch.t0Ns, ts: batch.ts } })
  }))
})
