/**
 * Monitor, CacheManager, Cleaner and PressureHandler together, in one actor system under a simulated clock: a process whose
 * memory rises and falls, caches that are real, steps that free what they are told to or fail.
 */

import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { createSimulatedClock } from '../../src/base/clock.ts'
import type { SimulatedClock } from '../../src/base/clock.ts'
import { failure } from '../../src/base/failure.ts'
import { fail, ok } from '../../src/base/result.ts'
import { cacheManagerActor, SAVE_EVERY_MS } from '../../src/memory/cache-manager.actor.ts'
import { createCache } from '../../src/memory/cache.ts'
import { encodeHottest } from '../../src/memory/hottest.ts'
import type { Cache, CacheStats, CacheView } from '../../src/memory/cache.ts'
import { cleanerActor, STEP_TIMEOUT_MS, STEPS_OF_MODE } from '../../src/memory/cleaner.actor.ts'
import { DEFAULT_THRESHOLDS, LEVEL_POLICIES, severityOf } from '../../src/memory/levels.ts'
import type { PressureLevel } from '../../src/memory/levels.ts'
import { monitorActor, SAMPLE_TIMEOUT_MS } from '../../src/memory/monitor.actor.ts'
import type { MonitorStatistics } from '../../src/memory/monitor.actor.ts'
import { pressurePort, runOnCaches } from '../../src/memory/ports.ts'
import { createPressureCell, levelOf, publishLevel } from '../../src/memory/pressure-cell.ts'
import type { PressureCell } from '../../src/memory/pressure-cell.ts'
import { pressureHandlerActor } from '../../src/memory/pressure-handler.actor.ts'
import type { PressureStatus } from '../../src/memory/pressure-handler.actor.ts'
import { MEMORY_ACTORS, MEMORY_PORTS } from '../../src/memory/protocol.ts'
import type { CacheOperation, CleanupReport, CleanupStep } from '../../src/memory/protocol.ts'
import type { MemorySample } from '../../src/memory/sample.ts'
import { createActorSystem } from '../../src/otp/actor-system.ts'
import type { ActorPort, ActorSystem } from '../../src/otp/actor-system.ts'

const seed = process.env['FC_SEED'] === undefined ? {} : { seed: Number(process.env['FC_SEED']) }

const MAX_BYTES = 1_000_000

type World = {
  readonly clock: SimulatedClock
  readonly system: ActorSystem
  readonly cell: PressureCell
  readonly cache: Cache
  readonly view: CacheView<string>
  readonly logs: string[]
  readonly seen: string[]
  readonly steps: CleanupStep[]
  readonly saved: { text: string | undefined }
  /** What other things than the caches hold. */
  usedBytes: number
  sampleTook: 'at once' | 'failed' | 'for ever'
  stepTook: 'at once' | 'failed' | 'for ever'
  freedPerStep: number
  startTook: 'at once' | 'for ever'
  /** Gives the answers of samples that took for ever, late. */
  readonly lateSamples: (() => void)[]
  nSamples: number
  startCleaner(): void
  stopCleaner(): void
  /** Lets time pass and everybody run, in steps short enough that no timer is late. */
  pass(ms: number): void
  settle(): void
  ask<T>(actor: string, body: unknown): Promise<T>
}

function createWorld(options: { readonly cell?: PressureCell; readonly pick?: (nReady: number) => number; readonly usedBytes?: number } = {}): World {
  const clock = createSimulatedClock()
  const cell = options.cell ?? createPressureCell()
  const cache = createCache({ maxBytes: MAX_BYTES / 4, nowMs: clock.nowMs })
  const view = cache.view<string>('view', { sizeOf: (value) => value.length })
  const saved: World['saved'] = { text: undefined }
  const ports: Record<string, ActorPort> = {
    [MEMORY_PORTS.sampler]: (_operation, done) => {
      world.nSamples += 1
      if (world.sampleTook === 'at once') done(ok(sampleOf(world.usedBytes + cache.stats().bytes)))
      if (world.sampleTook === 'for ever') world.lateSamples.push(() => done(ok(sampleOf(1))))
      if (world.sampleTook === 'failed') done(fail(failure('internal', 'no sample')))
    },
    [MEMORY_PORTS.caches]: (operation, done) => done(runOnCaches(cache, (keys) => ok(saved.text = encodeHottest(keys)), operation as CacheOperation)),
    [MEMORY_PORTS.cleanup]: (operation, done) => {
      world.steps.push(operation as CleanupStep)
      world.usedBytes -= world.stepTook === 'at once' ? world.freedPerStep : 0
      if (world.stepTook === 'at once') done(ok(world.freedPerStep))
      if (world.stepTook === 'failed') done(fail(failure('internal', 'struck')))
    },
    [MEMORY_PORTS.pressure]: pressurePort(cell, ({ from, to }) => void world.seen.push(`${from} -> ${to}`)),
    [MEMORY_PORTS.cleaner]: (_operation, done) => {
      if (world.startTook === 'for ever') return
      world.startCleaner()
      done(ok(undefined))
    },
  }
  const logs: string[] = []
  const system = createActorSystem({ clock, ports, log: (level, message) => void logs.push(`${level}: ${message}`), defer: () => undefined, ...options })
  let cleaner: number | undefined
  const settle = (): void => {
    while (system.runReady(1000) > 0);
  }
  const world: World = {
    clock, system, cell, cache, view, logs, seen: [], steps: [], saved, usedBytes: options.usedBytes ?? 0, sampleTook: 'at once', stepTook: 'at once', freedPerStep: 0, startTook: 'at once', lateSamples: [], nSamples: 0,
    startCleaner() {
      const spawned = system.spawn({ actor: cleanerActor, name: MEMORY_ACTORS.cleaner })
      cleaner = spawned.type === 'ok' ? spawned.pid : undefined
    },
    stopCleaner() {
      if (cleaner !== undefined) system.kill(cleaner)
    },
    pass(ms) {
      const endMs = clock.nowMs() + ms
      settle()
      while (clock.nowMs() < endMs) {
        clock.advance(Math.min(50, endMs - clock.nowMs()))
        settle()
      }
    },
    settle,
    async ask<T>(actor: string, body: unknown) {
      const answer = system.call(actor, body)
      settle()
      const result = await answer
      if (!result.ok) throw new Error(result.error.message)
      return result.value as T
    },
  }
  system.spawn({ actor: monitorActor, args: { maxBytes: MAX_BYTES }, name: MEMORY_ACTORS.monitor })
  system.spawn({ actor: cacheManagerActor, args: { nHottest: 10 }, name: MEMORY_ACTORS.cacheManager })
  world.startCleaner()
  system.spawn({ actor: pressureHandlerActor, args: { cell, thresholds: DEFAULT_THRESHOLDS }, name: MEMORY_ACTORS.pressureHandler })
  settle()
  return world
}

function sampleOf(rssBytes: number): MemorySample {
  return { rssBytes, heaps: [], externalBytes: 0, sharedBytes: 0, databaseBytes: 0, walBytes: 0, filesIn: 'disk' }
}

const status = (world: World): Promise<PressureStatus> => world.ask(MEMORY_ACTORS.pressureHandler, { type: 'status' })
const statistics = (world: World): Promise<MonitorStatistics> => world.ask(MEMORY_ACTORS.monitor, { type: 'statistics' })

test('memory rises through all levels and falls again: cell, caches, sampling, event, log', async () => {
  const w = createWorld()
  const walk: readonly (readonly [used: number, level: PressureLevel])[] = [
    [500_000, 'normal'], [810_000, 'warning'], [910_000, 'critical'], [960_000, 'emergency'], [890_000, 'critical'], [840_000, 'warning'], [740_000, 'normal'],
  ]
  for (const [used, level] of walk) {
    w.usedBytes = used
    w.pass(6000)
    expect(levelOf(w.cell)).toBe(level)
    expect(await status(w)).toMatchObject({ level, usedBytes: used, maxBytes: MAX_BYTES })
    expect(w.cache.stats().ratio).toBe(LEVEL_POLICIES[level].cacheRatio)
    expect((await statistics(w)).intervalMs).toBe(LEVEL_POLICIES[level].sampleEveryMs)
  }
  expect(w.seen.filter((line) => line.includes('->'))).toEqual([
    'normal -> warning', 'warning -> critical', 'critical -> emergency', 'emergency -> critical', 'critical -> warning', 'warning -> normal',
  ])
  expect(w.logs.filter((line) => line.includes('pressure')).map((line) => line.split(':')[0])).toEqual(['warn', 'error', 'error', 'info', 'info', 'info'])
  expect((await status(w)).nMoves).toBe(6)
})

test('the sampling interval follows the level', () => {
  const w = createWorld()
  const samplesIn = (ms: number): number => {
    const before = w.nSamples
    w.pass(ms)
    return w.nSamples - before
  }
  expect(w.nSamples).toBeGreaterThan(0)
  expect(samplesIn(20_000)).toBe(4)
  w.usedBytes = 960_000
  w.pass(5000)
  expect(samplesIn(2000)).toBe(20)
  w.usedBytes = 890_000
  w.pass(1000)
  expect(samplesIn(2000)).toBe(8)
})

test('one sample may cross all levels, and only the strongest cleaning runs', async () => {
  const w = createWorld()
  for (let n = 10; n < 90; n++) w.view.keep(1, String(n), 'x'.repeat(2000))
  w.usedBytes = 990_000
  w.freedPerStep = 25_000
  w.pass(5000)
  expect(w.seen).toContain('normal -> emergency')
  expect(w.steps.slice(0, 4)).toEqual(STEPS_OF_MODE.emergency.slice(2))
  expect(w.cache.stats().bytes).toBe(0)
  const { lastCleanup, level } = await status(w)
  expect(lastCleanup).toMatchObject({ mode: 'emergency', freedBytes: 100_000 })
  expect(lastCleanup?.steps.map(({ step }) => step)).toEqual(STEPS_OF_MODE.emergency)
  w.pass(1000)
  expect(severityOf(level)).toBe(3)
  expect(levelOf(w.cell)).toBe('critical')
})

test('while a level lasts cleaning is repeated, not with every sample', () => {
  const w = createWorld()
  w.usedBytes = 820_000
  w.pass(60_000)
  expect(w.steps).toEqual(['shrink_store', 'shrink_store'])
  w.usedBytes = 920_000
  w.pass(21_500)
  expect(w.steps.filter((step) => step === 'checkpoint_wal')).toHaveLength(3)
})

test('a write under pressure asks for cleaning, at most every so often', () => {
  const w = createWorld()
  const want = (): void => {
    for (let n = 0; n < 10; n++) w.system.cast(MEMORY_ACTORS.pressureHandler, { type: 'cleanup_wanted' })
    w.settle()
  }
  want()
  expect(w.steps).toEqual([])
  w.usedBytes = 820_000
  w.pass(5000)
  expect(w.steps).toHaveLength(1)
  want()
  expect(w.steps).toHaveLength(1)
  w.pass(5000)
  want()
  expect(w.steps).toHaveLength(2)
})

test('an emergency cleanup on request works at any level and answers what it freed', async () => {
  const w = createWorld()
  w.freedPerStep = 7
  w.view.keep(1, 'aa', 'x'.repeat(100))
  const { bytes } = w.cache.stats()
  const report = await w.ask<CleanupReport>(MEMORY_ACTORS.pressureHandler, { type: 'emergency_cleanup' })
  expect(report).toMatchObject({ mode: 'emergency', freedBytes: bytes + 4 * 7 })
  expect(w.cache.stats().bytes).toBe(0)
  expect(levelOf(w.cell)).toBe('normal')
})

test('who asks while a cleanup is under way gets the next one', async () => {
  const w = createWorld()
  w.stepTook = 'for ever'
  const calls = ['a', 'b', 'c'].map(() => w.system.call(MEMORY_ACTORS.pressureHandler, { type: 'emergency_cleanup' }, 'infinity'))
  w.settle()
  expect(w.steps).toEqual(['shrink_store'])
  w.stepTook = 'at once'
  w.pass(STEP_TIMEOUT_MS)
  const reports = (await Promise.all(calls)).map((result) => (result.ok ? (result.value as CleanupReport) : undefined))
  expect(reports[0]?.steps.find(({ step }) => step === 'shrink_store')?.failed).toMatch(/no answer within/)
  expect(reports[1]?.steps.map(({ failed }) => failed)).toEqual(STEPS_OF_MODE.emergency.map(() => undefined))
  expect(reports[2]).toEqual(reports[1])
})

test('a step that fails is noted and the next one is done', async () => {
  const w = createWorld()
  w.stepTook = 'failed'
  const { steps } = await w.ask<CleanupReport>(MEMORY_ACTORS.pressureHandler, { type: 'emergency_cleanup' })
  expect(steps.map(({ failed }) => failed)).toEqual([undefined, undefined, 'struck', 'struck', 'struck', 'struck'])
})

test('a Cleaner that is gone is started again; one that ends at work is given a second chance', async () => {
  const w = createWorld()
  w.stopCleaner()
  expect(await w.ask<CleanupReport>(MEMORY_ACTORS.pressureHandler, { type: 'emergency_cleanup' })).toMatchObject({ mode: 'emergency' })
  w.stepTook = 'for ever'
  const call = w.system.call(MEMORY_ACTORS.pressureHandler, { type: 'emergency_cleanup' }, 'infinity')
  w.settle()
  w.stepTook = 'at once'
  w.stopCleaner()
  w.settle()
  expect(await call).toMatchObject({ ok: true, value: { mode: 'emergency' } })
})

test('a Cleaner that cannot be started fails the call, and cleaning works again once it can', async () => {
  const w = createWorld()
  const startCleaner = w.startCleaner.bind(w)
  w.startCleaner = () => undefined
  w.stopCleaner()
  await expect(w.ask(MEMORY_ACTORS.pressureHandler, { type: 'emergency_cleanup' })).rejects.toThrow(MEMORY_ACTORS.cleaner)
  expect(w.logs.at(-1)).toMatch(/error: emergency memory cleanup failed/)
  w.startCleaner = startCleaner
  expect(await w.ask<CleanupReport>(MEMORY_ACTORS.pressureHandler, { type: 'emergency_cleanup' })).toMatchObject({ mode: 'emergency' })
})

test('a start of the Cleaner that never ends is given up', async () => {
  const w = createWorld()
  w.startTook = 'for ever'
  w.stopCleaner()
  const call = w.system.call(MEMORY_ACTORS.pressureHandler, { type: 'emergency_cleanup' }, 'infinity')
  w.pass(5000)
  expect(await call).toMatchObject({ ok: false, error: { code: 'timeout' } })
  expect(await status(w)).toMatchObject({ cleaning: undefined })
})

test('a level that rises during a cleanup gets its own as soon as that ends', async () => {
  const w = createWorld({ usedBytes: 820_000 })
  w.stepTook = 'for ever'
  w.pass(30_000)
  w.usedBytes = 960_000
  w.pass(STEP_TIMEOUT_MS - 1000)
  expect(await status(w)).toMatchObject({ level: 'emergency', cleaning: 'soft' })
  w.stepTook = 'at once'
  w.pass(1000)
  expect((await status(w)).lastCleanup?.mode).toBe('emergency')
})

test('the answer of a sample that was given up comes too late to count', async () => {
  const w = createWorld({ usedBytes: 820_000 })
  w.sampleTook = 'for ever'
  w.pass(SAMPLE_TIMEOUT_MS + 2000)
  expect(w.lateSamples).toHaveLength(2)
  w.lateSamples[0]?.()
  w.settle()
  expect(await statistics(w)).toMatchObject({ usedBytes: 820_000, nSamples: 2 })
  w.lateSamples[1]?.()
  w.settle()
  expect(await statistics(w)).toMatchObject({ usedBytes: 1, nSamples: 3 })
})

test('a sample that fails or never comes leaves the level, is logged once, and sampling goes on', async () => {
  const w = createWorld()
  w.usedBytes = 820_000
  w.pass(5000)
  w.usedBytes = 100_000
  w.sampleTook = 'failed'
  w.pass(10_000)
  expect(levelOf(w.cell)).toBe('warning')
  expect(w.logs.filter((line) => line.includes('cannot be sampled'))).toEqual(['warn: memory cannot be sampled: no sample'])
  w.sampleTook = 'for ever'
  w.pass(SAMPLE_TIMEOUT_MS)
  expect(levelOf(w.cell)).toBe('warning')
  w.sampleTook = 'at once'
  w.pass(SAMPLE_TIMEOUT_MS + 2000)
  expect(levelOf(w.cell)).toBe('normal')
  expect(await statistics(w)).toMatchObject({ usedBytes: 100_000, peakBytes: 820_000 })
  expect((await statistics(w)).nFailed).toBeGreaterThan(9)
})

test('growth is told', async () => {
  const w = createWorld()
  for (let n = 0; n < 12; n++) {
    w.usedBytes += 10_000
    w.pass(5000)
  }
  expect((await statistics(w)).growthBytesPerSecond).toBeGreaterThan(1500)
  expect((await statistics(w)).growthBytesPerSecond).toBeLessThan(2500)
})

test('a handler starts at the level of the cell and brings everything in line with it', async () => {
  const cell = createPressureCell()
  publishLevel(cell, 'critical')
  const w = createWorld({ cell, usedBytes: 870_000 })
  w.pass(250)
  expect(await status(w)).toMatchObject({ level: 'critical' })
  expect(w.cache.stats().ratio).toBe(0.1)
  expect((await statistics(w)).intervalMs).toBe(250)
})

test('what is hottest is saved from time to time, not while caches are reduced', async () => {
  const w = createWorld()
  w.view.keep(1, 'aa', 'value')
  w.view.find(1, 'aa')
  w.pass(SAVE_EVERY_MS)
  const { text } = w.saved
  expect(text).toContain('"aa"')
  w.usedBytes = 820_000
  w.pass(5000)
  w.cache.clear()
  w.pass(SAVE_EVERY_MS)
  expect(w.saved.text).toBe(text)
  const stats = await w.ask<CacheStats>(MEMORY_ACTORS.cacheManager, { type: 'stats' })
  expect(stats.views['view']).toMatchObject({ entries: 0, hits: 1, misses: 0 })
})

test('what has expired leaves the caches without being asked for', () => {
  const w = createWorld()
  w.view.keep(1, 'aa', 'value', { ttlMs: 1000 })
  w.pass(31_000)
  expect(w.cache.stats().bytes).toBe(0)
})

type Deed = { readonly type: 'use'; readonly bytes: number } | { readonly type: 'kill_cleaner' | 'emergency' | 'want' } | { readonly type: 'step' | 'sample'; readonly took: World['stepTook'] }

const deed: fc.Arbitrary<Deed> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ type: fc.constant('use' as const), bytes: fc.integer({ min: 600_000, max: 1_050_000 }) }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constantFrom('kill_cleaner' as const, 'emergency' as const, 'want' as const) }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constantFrom('step' as const, 'sample' as const), took: fc.constantFrom('at once' as const, 'failed' as const, 'for ever' as const) }) },
)

test('whatever happens, in whatever order: every call settles, and at rest all agree on the level', async () => {
  await fc.assert(fc.asyncProperty(fc.array(fc.tuple(deed, fc.integer({ min: 0, max: 4000 })), { maxLength: 25 }), fc.infiniteStream(fc.nat()), async (deeds, picks) => {
    const w = createWorld({ pick: (nReady) => (picks.next().value ?? 0) % nReady })
    const calls: Promise<unknown>[] = []
    for (const [each, waitMs] of deeds) {
      if (each.type === 'use') w.usedBytes = each.bytes
      if (each.type === 'kill_cleaner') w.stopCleaner()
      if (each.type === 'emergency') calls.push(w.system.call(MEMORY_ACTORS.pressureHandler, { type: 'emergency_cleanup' }, 'infinity'))
      if (each.type === 'want') w.system.cast(MEMORY_ACTORS.pressureHandler, { type: 'cleanup_wanted' })
      if (each.type === 'step') w.stepTook = each.took
      if (each.type === 'sample') w.sampleTook = each.took
      w.pass(waitMs)
      expect(w.cache.stats().bytes).toBeLessThanOrEqual((MAX_BYTES / 4) * w.cache.stats().ratio)
    }
    w.stepTook = 'at once'
    w.sampleTook = 'at once'
    w.pass(200_000)
    await Promise.all(calls)
    const { level, usedBytes, cleaning } = await status(w)
    expect(levelOf(w.cell)).toBe(level)
    expect(usedBytes).toBe(w.usedBytes + w.cache.stats().bytes)
    expect(w.cache.stats().ratio).toBe(LEVEL_POLICIES[level].cacheRatio)
    expect((await statistics(w)).intervalMs).toBe(LEVEL_POLICIES[level].sampleEveryMs)
    expect(cleaning).toBeUndefined()
  }), { numRuns: 40, ...seed })
})
