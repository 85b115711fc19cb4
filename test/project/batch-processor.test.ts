/** BatchProcessor and the queue of wishes together: nobody waits for ever, and one import runs at a time. */

import { expect, test } from 'vitest'
import { createSimulatedClock } from '../../src/base/clock.ts'
import { failure } from '../../src/base/failure.ts'
import { fail, ok } from '../../src/base/result.ts'
import { createActorSystem } from '../../src/otp/actor-system.ts'
import { formatReason } from '../../src/otp/exit-reason.ts'
import { promisePort } from '../../src/otp/promise-port.ts'
import { BATCH_PROCESSOR, batchProcessorActor, FIRST_PAUSE_MS, IMPORTS_PORT, MAX_ATTEMPTS, type ImportOperation } from '../../src/project/batch-processor.actor.ts'
import { createImportQueue, type ImportOutcome } from '../../src/project/import-queue.ts'
import type { ImportMode } from '../../src/project/import-project.ts'
import type { ImportResult } from '../../src/wire/records.ts'

const DONE = ok({ files: 3, parsed: 2, unchanged: 1, removed: 0, bytes: 100, duration_ms: 10 } as ImportResult)

function createWorld(options: { readonly interrupted?: boolean } = {}) {
  const clock = createSimulatedClock()
  const runs: { readonly mode: ImportMode; readonly done: (outcome: ImportOutcome) => void }[] = []
  const world = { clock, runs, nWanted: 0, ends: [] as string[], interrupted: options.interrupted ?? false, start, settle, flush, wish }
  const queue = createImportQueue(() => (world.nWanted += 1))
  const system = createActorSystem({
    clock, log: () => undefined, defer: () => undefined,
    ports: {
      [IMPORTS_PORT]: promisePort<ImportOperation>(async (asked) => asked.type === 'next'
        ? ok(await queue.next(asked.resume && world.interrupted))
        : queue.run(asked.mode, (mode) => new Promise((resolve) => runs.push({ mode, done: resolve })))),
    },
  })
  function start(): void {
    system.spawn({ actor: batchProcessorActor, name: BATCH_PROCESSOR, onExit: (reason) => void world.ends.push(formatReason(reason)) })
  }
  async function flush(): Promise<void> {
    for (let i = 0; i < 20; i++) {
      await Promise.resolve()
      system.runReady(100)
    }
  }
  async function settle(outcome: ImportOutcome = DONE): Promise<void> {
    runs.at(-1)?.done(outcome)
    await flush()
  }
  function wish(mode: ImportMode): Promise<ImportOutcome> {
    return queue.wish(mode)
  }
  return world
}

test('with nothing to do it ends in order; a wish then has it started again', async () => {
  const world = createWorld()
  world.start()
  await world.flush()
  expect(world.ends).toEqual(['normal'])
  const wished = world.wish('changed')
  expect(world.nWanted).toBe(1)
  world.start()
  await world.flush()
  await world.settle()
  expect(await wished).toEqual(DONE)
  expect(world.ends).toEqual(['normal', 'normal'])
})

test('an import that was interrupted is taken up without being asked for, once', async () => {
  const world = createWorld({ interrupted: true })
  world.start()
  await world.flush()
  expect(world.runs.map(({ mode }) => mode)).toEqual(['changed'])
  await world.settle(fail(failure('storage_full', 'no room')))
  expect([world.runs.length, world.ends]).toEqual([1, ['normal']])
})

test('wishes during an import share the next one, with the strongest mode', async () => {
  const world = createWorld()
  const first = world.wish('changed')
  world.start()
  await world.flush()
  const later = [world.wish('changed'), world.wish('everything')]
  await world.settle()
  expect(await first).toEqual(DONE)
  expect(world.runs.map(({ mode }) => mode)).toEqual(['changed', 'everything'])
  await world.settle(ok({ files: 3, parsed: 0, unchanged: 3, removed: 1, bytes: 0, duration_ms: 1 } as ImportResult))
  const both = ok({ files: 3, parsed: 2, unchanged: 1, removed: 1, bytes: 100, duration_ms: 11 })
  expect(await Promise.all(later)).toEqual([both, both])
  expect(world.nWanted).toBe(1)
})

test('what it needs being away is waited for, longer each time, and not for ever', async () => {
  const world = createWorld()
  const wished = world.wish('changed')
  world.start()
  await world.flush()
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    expect(world.runs).toHaveLength(attempt)
    await world.settle(fail(failure('unavailable', 'the pool is restarting')))
    world.clock.advance(FIRST_PAUSE_MS * 2 ** (attempt - 1) - 1)
    await world.flush()
    expect(world.runs).toHaveLength(attempt)
    world.clock.advance(1)
    await world.flush()
  }
  expect([world.runs.length, world.ends]).toEqual([MAX_ATTEMPTS, ['normal']])
  expect(await wished).toMatchObject({ ok: false, error: { code: 'unavailable' } })
})

test('a wish for everything during a pause makes the next attempt read everything', async () => {
  const world = createWorld()
  const first = world.wish('changed')
  world.start()
  await world.flush()
  await world.settle(fail(failure('unavailable', 'the pool is restarting')))
  await first
  const second = world.wish('everything')
  world.clock.advance(FIRST_PAUSE_MS)
  await world.flush()
  expect(world.runs.map(({ mode }) => mode)).toEqual(['changed', 'everything'])
  await world.settle()
  expect(await second).toEqual(DONE)
})

test('a new life waits for the import of the life before it', async () => {
  const world = createWorld()
  const wished = world.wish('changed')
  world.start()
  await world.flush()
  world.start()
  await world.flush()
  expect(world.runs).toHaveLength(1)
  await world.settle()
  expect(await wished).toEqual(DONE)
})
