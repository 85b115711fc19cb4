/** The simulated clock runs what is due in order of due time, then of arming, whatever the script. */

import * as fc from 'fast-check'
import { expect, test } from 'vitest'

import { createSimulatedClock } from '../../src/base/clock.ts'

test('timers fire in order, once, and not when cancelled', () => {
  fc.assert(fc.property(fc.array(fc.record({ ms: fc.integer({ min: 0, max: 20 }), isCancelled: fc.boolean() })), (timers) => {
    const clock = createSimulatedClock()
    const fired: number[] = []
    const armed = timers.map(({ ms }, n) => clock.after(ms, () => fired.push(n)))
    timers.forEach(({ isCancelled }, n) => isCancelled && armed[n]?.cancel())
    const expected = timers.map((timer, n) => ({ ...timer, n })).filter(({ isCancelled }) => !isCancelled)
    expect(clock.nTimers()).toBe(expected.length)
    clock.advance(20)
    expect(fired).toEqual(expected.sort((a, b) => a.ms - b.ms || a.n - b.n).map(({ n }) => n))
    expect(clock.nTimers()).toBe(0)
  }))
})

test('a timer armed by a timer runs in the same advance when it is due', () => {
  const clock = createSimulatedClock(100, 5000)
  const seen: [number, number][] = []
  clock.after(10, () => clock.after(5, () => seen.push([clock.nowMs(), clock.wallMs()])))
  clock.advance(14)
  expect(seen).toEqual([])
  expect(clock.runNext()).toBe(true)
  expect(seen).toEqual([[115, 5015]])
  expect(clock.runNext()).toBe(false)
})
