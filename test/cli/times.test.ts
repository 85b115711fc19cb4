/** Times as users write them. */

import { expect, test } from 'vitest'
import { readMoment, readSpanMs } from '../../src/cli/times.ts'
import { clockOf, isoOf, percentOf, spanOf } from '../../src/cli/render/moments.ts'

const NOW = Date.parse('2026-11-21T09:00:00.000Z')

test.each([
  ['5m', '2026-11-21T08:55:00.000Z'],
  ['5m ago', '2026-11-21T08:55:00.000Z'],
  ['90 s ago', '2026-11-21T08:58:30.000Z'],
  ['1.5h', '2026-11-21T07:30:00.000Z'],
  ['08:57', '2026-11-21T08:57:00Z'],
  ['08:57:11.123456', '2026-11-21T08:57:11.123456Z'],
  ['2026-11-20', '2026-11-20T00:00:00Z'],
  ['2026-11-20 08:57:11', '2026-11-20T08:57:11Z'],
  ['2026-11-20T08:57:11.5+02:00', '2026-11-20T08:57:11.5+02:00'],
  ['1795273979947857355', 1_795_273_979_947_857_355n],
])('%s', (text, expected) => {
  expect(readMoment(text, NOW)).toEqual({ ok: true, value: expected })
})

test.each(['yesterday', '25:61', '2026-13-01', '', '5', '5 parsecs'])('%s is no time, and the hint says what is', (text) => {
  const read = readMoment(text, NOW)
  expect(read.ok ? read.value : read.error).toMatchObject({ code: 'invalid_argument', hint: expect.stringContaining('5m (ago)') as string })
})

test('spans of time', () => {
  expect(['500us', '5ms', '2s', '3min', '1d', '5'].map(readSpanMs)).toEqual([0.5, 5, 2000, 180_000, 86_400_000, undefined])
  expect([0, 812, 12_340, 999_499, 999_500, 4_560_000, 1_230_000_000, 59_949_999_999, 123_000_000_000].map(spanOf)).toEqual([
    '0 ns', '812 ns', '12.3 µs', '999 µs', '1.00 ms', '4.56 ms', '1.23 s', '59.9 s', '2 min 3 s',
  ])
})

test('moments: to the microsecond, with the date where it is not today', () => {
  const at = 1_795_251_431_123_456_789n
  expect(isoOf(at)).toBe('2026-11-21T08:57:11.123456Z')
  expect(clockOf(at, [at], NOW)).toBe('08:57:11.123456')
  expect(clockOf(at, [at, at - 86_400_000_000_000n], NOW)).toBe('2026-11-21 08:57:11.123456')
})

test('a share is nothing or all only where it is', () => {
  expect([percentOf(0, 7), percentOf(1, 3), percentOf(1, 1e6), percentOf(999_999, 1e6), percentOf(7, 7), percentOf(0, 0)]).toEqual([
    '0 %', '33.3 %', 'less than 0.1 %', 'more than 99.9 %', '100 %', '0 %',
  ])
})
