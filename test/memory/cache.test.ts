/** The caches: tiers, time to live, epochs, sizes, pressure; a walk against a plain model; hottest keys over a restart. */

import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { createSimulatedClock } from '../../src/base/clock.ts'
import type { SimulatedClock } from '../../src/base/clock.ts'
import { createCache, ENTRY_OVERHEAD_BYTES, hitRate, TIMELESS } from '../../src/memory/cache.ts'
import type { Cache, CacheView } from '../../src/memory/cache.ts'
import { cachePolicy } from '../../src/memory/cache-policy.ts'
import { decodeHottest, encodeHottest } from '../../src/memory/hottest.ts'

const seed = process.env['FC_SEED'] === undefined ? {} : { seed: Number(process.env['FC_SEED']) }

/** Every entry with a two-letter key and a value of this size takes 1,000 bytes. */
const VALUE_BYTES = 1000 - ENTRY_OVERHEAD_BYTES - 4

type Stage = { readonly cache: Cache; readonly view: CacheView<string>; readonly clock: SimulatedClock; keep(...keys: string[]): void; touch(...keys: string[]): void; tiers(): string }

function stage(maxEntries: number): Stage {
  const clock = createSimulatedClock()
  const cache = createCache({ maxBytes: maxEntries * 1000, nowMs: clock.nowMs })
  const view = cache.view<string>('view', { sizeOf: () => VALUE_BYTES })
  return {
    cache, view, clock,
    keep(...keys) {
      for (const key of keys) view.keep(1, key, `value of ${key}`)
    },
    touch(...keys) {
      for (const key of keys) expect(view.find(1, key)).toBe(`value of ${key}`)
    },
    tiers() {
      const { l1, l2, l3 } = cache.stats().tiers
      return [l1, l2, l3].map(({ entries }) => entries).join(' ')
    },
  }
}

const keys = (from: number, to: number): string[] => Array.from({ length: to - from + 1 }, (_, n) => String(from + n))

test('a new entry is cold, a hit makes it warm, the next one hot', () => {
  const s = stage(20)
  s.keep('aa')
  expect(s.tiers()).toBe('0 0 1')
  s.touch('aa')
  expect(s.tiers()).toBe('0 1 0')
  s.touch('aa', 'aa')
  expect(s.tiers()).toBe('1 0 0')
})

test('one pass over everything leaves what is asked for often', () => {
  const s = stage(20)
  s.keep('aa', 'bb')
  s.touch('aa', 'aa', 'bb')
  s.keep(...keys(10, 99))
  expect(s.tiers()).toBe('1 1 18')
  s.touch('aa', 'bb')
  expect(s.view.find(1, '10')).toBeUndefined()
  expect(s.view.stats().evictions).toEqual({ size: 72 })
})

test('hot and warm tiers overflow downwards, the least recently used first', () => {
  const s = stage(10)
  s.keep(...keys(10, 19))
  s.touch(...keys(10, 19).flatMap((key) => [key, key]))
  expect(s.tiers()).toBe('5 3 2')
  expect(s.cache.hottest(10).map(({ key, tier }) => `${key} ${tier}`).sort()).toEqual([
    '10 l3', '11 l3', '12 l2', '13 l2', '14 l2', '15 l1', '16 l1', '17 l1', '18 l1', '19 l1',
  ])
  expect(s.cache.stats().bytes).toBe(10_000)
})

test('time to live counts from the moment of keeping and survives moves', () => {
  const s = stage(20)
  s.view.keep(1, 'aa', 'a', { ttlMs: 100 })
  s.view.keep(1, 'bb', 'b')
  s.clock.advance(60)
  expect(s.view.find(1, 'aa')).toBe('a')
  s.clock.advance(40)
  expect(s.view.find(1, 'aa')).toBe('a')
  s.clock.advance(1)
  expect(s.view.find(1, 'aa')).toBeUndefined()
  expect(s.view.find(1, 'bb')).toBe('b')
  expect(s.view.stats()).toMatchObject({ entries: 1, bytes: 1000, evictions: { ttl: 1 } })
})

test('what has expired goes without being asked for', () => {
  const s = stage(20)
  s.view.keep(1, 'aa', 'a', { ttlMs: 100 })
  s.view.keep(1, 'bb', 'b', { ttlMs: 300 })
  s.clock.advance(200)
  s.cache.purgeExpired()
  expect(s.view.stats()).toMatchObject({ entries: 1, bytes: 1000 })
})

test('a value is found under its own epoch only; an older reader does not disturb a newer one', () => {
  const s = stage(20)
  s.view.keep(5, 'aa', 'of 5')
  expect(s.view.find(4, 'aa')).toBeUndefined()
  expect(s.view.keep(4, 'aa', 'of 4')).toBe(false)
  expect(s.view.find(5, 'aa')).toBe('of 5')
  expect(s.view.find(6, 'aa')).toBeUndefined()
  expect(s.view.find(5, 'aa')).toBeUndefined()
  expect(s.view.stats()).toMatchObject({ entries: 0, hits: 1, misses: 3, stale: 2, evictions: { epoch: 1 } })
})

test('pressure shrinks the caches to what is hottest, at 0 nothing is kept, and they fill again after it', () => {
  const s = stage(20)
  s.keep(...keys(10, 29))
  s.touch(...keys(10, 14), ...keys(10, 14))
  s.cache.resize(0.5)
  expect(s.cache.stats().bytes).toBe(10_000)
  s.touch(...keys(10, 14))
  s.cache.resize(0.1)
  expect(s.cache.stats().bytes).toBe(2000)
  s.cache.resize(0)
  expect(s.cache.stats()).toMatchObject({ bytes: 0, ratio: 0 })
  expect(s.view.keep(1, 'aa', 'a')).toBe(false)
  expect(s.view.stats()).toMatchObject({ entries: 0, bytes: 0, evictions: { pressure: 20, too_large: 1 } })
  s.cache.resize(1)
  s.keep('aa')
  s.touch('aa')
})

test('one entry cannot flush a tier: what takes more than an eighth is refused', () => {
  const clock = createSimulatedClock()
  const cache = createCache({ maxBytes: 80_000, nowMs: clock.nowMs })
  const view = cache.view<number>('sized', { sizeOf: (bytes) => bytes })
  expect(view.keep(1, 'aa', 10_001 - ENTRY_OVERHEAD_BYTES - 4)).toBe(false)
  expect(view.keep(1, 'aa', 10_000 - ENTRY_OVERHEAD_BYTES - 4)).toBe(true)
})

test('views share the budget and keep keys and statistics apart', () => {
  const s = stage(20)
  const other = s.cache.view<string>('other', { sizeOf: () => VALUE_BYTES })
  s.keep('aa')
  expect(other.find(1, 'aa')).toBeUndefined()
  other.keep(1, 'aa', 'another')
  s.touch('aa')
  other.forget('aa')
  expect(other.find(1, 'aa')).toBeUndefined()
  expect(Object.entries(s.cache.stats().views).map(([name, { hits, misses, entries }]) => [name, hits, misses, entries])).toEqual([['view', 1, 0, 1], ['other', 0, 2, 0]])
  expect(hitRate(other.stats())).toBe(0)
  expect(hitRate(s.view.stats())).toBe(1)
  expect(hitRate({ hits: 0, misses: 0 })).toBeUndefined()
  s.cache.clear()
  expect(s.cache.stats().bytes).toBe(0)
  expect(s.view.find(1, 'aa')).toBeUndefined()
})

type Op =
  | { readonly type: 'keep' | 'find'; readonly view: number; readonly key: string; readonly epoch: number; readonly bytes: number; readonly ttlMs: number }
  | { readonly type: 'resize'; readonly ratio: number }
  | { readonly type: 'wait'; readonly ms: number }
  | { readonly type: 'purge' | 'clear' }

const op: fc.Arbitrary<Op> = fc.oneof(
  { weight: 10, arbitrary: fc.record({
    type: fc.constantFrom('keep' as const, 'find' as const), view: fc.nat(1), key: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j'), epoch: fc.integer({ min: 1, max: 3 }),
    bytes: fc.nat(3000), ttlMs: fc.constantFrom(0, 50, 500),
  }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('wait' as const), ms: fc.nat(100) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('resize' as const), ratio: fc.constantFrom(1, 0.5, 0.1, 0) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constantFrom('purge' as const, 'clear' as const) }) },
)

type Model = Map<string, { readonly value: string; readonly epoch: number; readonly untilMs: number }>

test('never an answer that was not kept, never one of another epoch or past its time, never over budget, sums that agree', () => {
  fc.assert(fc.property(fc.array(op, { maxLength: 120 }), (ops) => {
    const clock = createSimulatedClock()
    const cache = createCache({ maxBytes: 12_000, nowMs: clock.nowMs })
    const views = ['x', 'y'].map((name) => cache.view<string>(name, { sizeOf: (value) => Number(value.split(' ')[0]) }))
    const model: Model = new Map()
    for (const [n, each] of ops.entries()) {
      run(each, n, { clock, cache, views, model })
      const { bytes, ratio, tiers, views: byView } = cache.stats()
      expect(bytes).toBeLessThanOrEqual(12_000 * ratio)
      const sum = (of: readonly { bytes: number; entries: number }[]): number[] => [of.reduce((all, one) => all + one.bytes, 0), of.reduce((all, one) => all + one.entries, 0)]
      expect(sum(Object.values(byView))).toEqual(sum(Object.values(tiers)))
    }
    cache.purgeExpired()
    expect(cache.hottest(100)).toHaveLength(Object.values(cache.stats().tiers).reduce((all, { entries }) => all + entries, 0))
    cache.clear()
    expect(Object.values(cache.stats().views).map(({ bytes, entries }) => [bytes, entries])).toEqual([[0, 0], [0, 0]])
  }), { numRuns: 300, ...seed })
})

function run(each: Op, n: number, { clock, cache, views, model }: { clock: SimulatedClock; cache: Cache; views: readonly CacheView<string>[]; model: Model }): void {
  switch (each.type) {
    case 'wait': return clock.advance(each.ms)
    case 'resize': return cache.resize(each.ratio)
    case 'purge': return cache.purgeExpired()
    case 'clear': return cache.clear()
    case 'keep': {
      const value = `${each.bytes} ${n}`
      const isKept = views[each.view]?.keep(each.epoch, each.key, value, { ttlMs: each.ttlMs })
      if (isKept === true) model.set(`${each.view} ${each.key}`, { value, epoch: each.epoch, untilMs: each.ttlMs === 0 ? Infinity : clock.nowMs() + each.ttlMs })
      return
    }
    case 'find': {
      const found = views[each.view]?.find(each.epoch, each.key)
      if (found === undefined) return
      const kept = model.get(`${each.view} ${each.key}`)
      expect(found).toBe(kept?.value)
      expect(kept?.epoch).toBe(each.epoch)
      expect(clock.nowMs()).toBeLessThanOrEqual(kept?.untilMs ?? -1)
    }
  }
}

test('the cost of an answer decides how long it is worth keeping', () => {
  expect(cachePolicy(8)).toEqual({ keep: 'not' })
  expect(cachePolicy(200)).toMatchObject({ keep: 'conservatively' })
  expect(cachePolicy(9000)).toMatchObject({ keep: 'aggressively' })
})

test('what was hottest is known over a restart, with its place and use', () => {
  const before = stage(20)
  before.keep(...keys(10, 25))
  before.touch('10', '11', '12', '10', '11', '10')
  const text = encodeHottest(before.cache.hottest(4))
  const after = stage(20)
  const { keys: saved, problem } = decodeHottest(text)
  expect(problem).toBeUndefined()
  expect(saved.map(({ key, tier, hits }) => `${key} ${tier} ${hits}`)).toEqual(['10 l1 3', '11 l1 2', '12 l2 1', '25 l3 0'])
  for (const { key, tier, hits } of saved.toReversed()) after.view.keep(TIMELESS + 1, key, `value of ${key}`, { tier, hits })
  expect(after.cache.hottest(9)).toEqual(saved)
})

test('damage to the saved keys costs only what is damaged', () => {
  const sound = { view: 'v', key: 'k', tier: 'l1', hits: 1 } as const
  expect(decodeHottest(encodeHottest([sound]))).toEqual({ keys: [sound] })
  expect(decodeHottest('').problem).toMatch(/no JSON object/)
  expect(decodeHottest('{"version":9}').problem).toMatch(/version 9/)
  const mixed = decodeHottest('{"version":1,"keys":[["v","k","l1",1],["v","k","l9",1],["v",2],7,["v","k","l1",-1]]}')
  expect(mixed).toEqual({ keys: [sound], problem: '4 of 5 saved cache keys cannot be read' })
  fc.assert(fc.property(fc.string(), fc.json(), (text, json) => {
    expect(Array.isArray(decodeHottest(text).keys)).toBe(true)
    expect(Array.isArray(decodeHottest(json).keys)).toBe(true)
  }), seed)
})
