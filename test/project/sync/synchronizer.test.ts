/**
 * The Synchronizer and the IncrementalUpdater under a simulated clock and scheduler, between a disk and a store that are
 * maps: whatever fails and in whatever order answers come, the store ends as the disk is, and nobody who waited for that is
 * answered too early.
 */

import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { createSimulatedClock } from '../../../src/base/clock.ts'
import { failure, type Failure } from '../../../src/base/failure.ts'
import { fail, ok, type Result } from '../../../src/base/result.ts'
import type { Actor } from '../../../src/otp/actor.ts'
import { createActorSystem } from '../../../src/otp/actor-system.ts'
import { incrementalUpdaterActor } from '../../../src/project/sync/incremental-updater.actor.ts'
import { INCREMENTAL_UPDATER, SYNC_PORTS, type PrepareOperation, type SynchronizerStatus, type UpdateBatch } from '../../../src/project/sync/protocol.ts'
import { FIRST_PAUSE_MS, MAX_BATCH, MAX_DIRTY, MAX_PAUSE_MS, synchronizerActor } from '../../../src/project/sync/synchronizer.actor.ts'
import { FILE_WATCHER, SYNCHRONIZER } from '../../../src/project/watch/protocol.ts'

const seed = process.env['FC_SEED'] === undefined ? {} : { seed: Number(process.env['FC_SEED']) }

type Done = (result: Result<unknown, Failure>) => void
type Asked = { readonly port: string; readonly operation: unknown; readonly done: Done }

/** A watcher that has always reported everything. */
const watcher: Actor<null, unknown> = {
  mailbox: { capacity: 1000, overflow: 'shed' },
  init: () => ({ type: 'ok', state: null }),
  step: (state, msg) => [state, msg.type === 'call' ? [{ type: 'reply', to: msg.from, result: ok(null) }] : []],
}

function createWorld(options: { readonly pick?: (nReady: number) => number; readonly admit?: () => Failure | undefined } = {}) {
  const clock = createSimulatedClock()
  const disk = new Map<string, number>()
  const store = new Map<string, number>()
  const asked: Asked[] = []
  const world = { clock, disk, store, asked, nPending: 0, epoch: 0, logs: [] as string[], change, overflow, answer, flush, settle, status, nPrepared: [] as number[] }
  const ask = (port: string) => (operation: unknown, done: Done): void => void asked.push({ port, operation, done })
  const system = createActorSystem({
    clock, defer: () => undefined, log: (_level, message) => void world.logs.push(message), ...(options.pick === undefined ? {} : { pick: options.pick }),
    ports: {
      [SYNC_PORTS.prepare]: ask(SYNC_PORTS.prepare), [SYNC_PORTS.rescan]: ask(SYNC_PORTS.rescan), [SYNC_PORTS.update]: ask(SYNC_PORTS.update),
      [SYNC_PORTS.report]: (operation, done) => {
        world.nPending = (operation as { nPending: number }).nPending
        done(ok(null))
      },
    },
  })
  system.spawn({ actor: watcher, name: FILE_WATCHER })
  system.spawn({ actor: synchronizerActor, name: SYNCHRONIZER })
  system.spawn({ actor: incrementalUpdaterActor(options.admit ?? (() => undefined)), name: INCREMENTAL_UPDATER })
  flush()

  function overflow(reason: 'opened' | 'asked'): void {
    system.cast(SYNCHRONIZER, { type: 'changed', paths: [], overflow: true, reason })
    flush()
  }
  function change(paths: readonly string[], value: number, isOverflow?: true): void {
    for (const path of paths) disk.set(path, value)
    system.cast(SYNCHRONIZER, { type: 'changed', paths, ...(isOverflow === undefined ? {} : { overflow: isOverflow }) })
    flush()
  }
  /** Does what the oldest operation asks for, or fails it. */
  function answer(error?: Failure, wasDone: 'done' | 'not done' = 'not done'): boolean {
    const next = asked.shift()
    if (next === undefined) return false
    const value = error === undefined || wasDone === 'done' ? carryOut(next) : undefined
    next.done(error === undefined ? ok(value) : fail(error))
    flush()
    return true
  }
  function carryOut({ port, operation }: Asked): unknown {
    if (port === SYNC_PORTS.prepare) return prepare((operation as PrepareOperation).paths)
    const before = JSON.stringify([...store])
    if (port === SYNC_PORTS.rescan) for (const [path, value] of disk) store.set(path, value)
    else for (const { outcome } of (operation as UpdateBatch).changes) store.set(outcome.path, outcome.kind === 'parsed' ? outcome.bytes : 0)
    if (JSON.stringify([...store]) !== before) world.epoch += 1
    return { epoch: world.epoch, changed: true }
  }
  function prepare(paths: readonly string[]): unknown {
    world.nPrepared.push(paths.length)
    if (paths.some((path) => path.startsWith('many'))) return { type: 'too_many' }
    const changes = paths.map((path) => ({
      knownHash: null, outcome: { kind: 'parsed', path, stamp: { size: 0, changedNs: 0n }, bytes: disk.get(path) ?? 0, encoded: new Uint8Array() },
    }))
    return { type: 'batch', batch: { changes } }
  }
  function flush(): void {
    while (system.runReady(100) > 0);
  }
  function settle(): Promise<Result<unknown, Failure>> {
    const answered = system.call(SYNCHRONIZER, { type: 'settle' }, 'infinity')
    flush()
    return answered
  }
  async function status(): Promise<SynchronizerStatus> {
    const answered = system.call(SYNCHRONIZER, { type: 'status' })
    flush()
    const result = await answered
    if (!result.ok) throw new Error(result.error.message)
    return result.value as SynchronizerStatus
  }
  return world
}

const portsOf = (world: { readonly asked: readonly Asked[] }): string[] => world.asked.map(({ port }) => port)
const AWAY = failure('unavailable', 'the repository is restarting')

test('one saved file is prepared, applied, and no longer pending', async () => {
  const world = createWorld()
  world.change(['lib/a.ex'], 1)
  expect([portsOf(world), world.nPending]).toEqual([[SYNC_PORTS.prepare], 1])
  world.answer()
  expect(portsOf(world)).toEqual([SYNC_PORTS.update])
  world.answer()
  expect([world.store, world.nPending]).toEqual([new Map([['lib/a.ex', 1]]), 0])
  expect(await world.status()).toMatchObject({ phase: 'idle', nBatches: 1, nRescans: 0, epoch: 1 })
})

test('changes during a batch are coalesced into the next', () => {
  const world = createWorld()
  world.change(['a'], 1)
  for (const value of [2, 3]) world.change(['a', 'b'], value)
  while (world.answer());
  expect([world.nPrepared, world.store]).toEqual([[1, 2], new Map([['a', 3], ['b', 3]])])
})

test('a storm of changes is a batch and an import, however many there are', async () => {
  const world = createWorld()
  world.change(['f0'], 1)
  for (let i = 1; i <= 10 * MAX_BATCH; i++) world.change([`f${i}`], 1)
  expect(world.nPending).toBe(10 * MAX_BATCH + 1)
  while (world.answer());
  expect([world.nPrepared, world.store.size, world.nPending]).toEqual([[1], 10 * MAX_BATCH + 1, 0])
  expect(await world.status()).toMatchObject({ nBatches: 1, nRescans: 1, epoch: 2 })
})

test('as many changes as a batch holds are one', async () => {
  const world = createWorld()
  world.change(Array.from({ length: MAX_BATCH }, (_, i) => `f${i}`), 1)
  while (world.answer());
  expect(await world.status()).toMatchObject({ phase: 'idle', nBatches: 1, nRescans: 0, epoch: 1 })
})

test.each([
  ['an overflow', (world: ReturnType<typeof createWorld>) => world.change(['a'], 1, true)],
  ['more paths than are kept', (world: ReturnType<typeof createWorld>) => world.change(Array.from({ length: MAX_DIRTY + 1 }, (_, i) => `f${i}`), 1)],
])('%s is found out by comparing all files', (_name, cause) => {
  const world = createWorld()
  cause(world)
  expect([portsOf(world), world.nPending]).toEqual([[SYNC_PORTS.rescan], 1])
  world.answer()
  expect([world.store.size, world.nPending]).toEqual([world.disk.size, 0])
})

test('the comparison that it asked for at its start is made once, by whichever of the two tells of it', async () => {
  const both = createWorld()
  for (const reason of ['opened', 'asked', 'asked'] as const) {
    both.overflow(reason)
    while (both.answer());
  }
  expect(await both.status()).toMatchObject({ phase: 'idle', nRescans: 1 })
  const late = createWorld()
  for (const reason of ['asked', 'opened'] as const) {
    late.overflow(reason)
    while (late.answer());
  }
  // Watching that begins anew is another matter.
  expect(await late.status()).toMatchObject({ phase: 'idle', nRescans: 2 })
})

test('a batch that is too large to be read here becomes an import', () => {
  const world = createWorld()
  world.change(['many/x', 'a'], 1)
  world.answer()
  expect(portsOf(world)).toEqual([SYNC_PORTS.rescan])
  world.answer()
  expect([world.store.size, world.nPending]).toEqual([2, 0])
})

test('a file that was stored anew since it was read is read again at once', () => {
  const world = createWorld()
  world.change(['a'], 1)
  world.answer()
  world.answer(failure('conflict', 'a was stored anew'))
  expect(portsOf(world)).toEqual([SYNC_PORTS.prepare])
})

test('what is away is waited for, longer each time, and said once', async () => {
  const world = createWorld()
  world.change(['a'], 1)
  for (let attempt = 0; attempt < 12; attempt++) {
    expect(world.answer(AWAY)).toBe(true)
    const ms = Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** attempt)
    world.clock.advance(ms - 1)
    world.flush()
    expect(world.asked).toEqual([])
    world.clock.advance(1)
    world.flush()
    expect(world.asked).toHaveLength(1)
  }
  expect([world.logs.length, world.nPending, (await world.status()).nFailed]).toEqual([1, 1, 12])
  while (world.answer());
  expect([world.store.get('a'), (await world.status()).nFailed]).toEqual([1, 0])
})

test('an update that memory does not admit waits', () => {
  let refusal: Failure | undefined = failure('busy', 'memory is short')
  const world = createWorld({ admit: () => refusal })
  world.change(['a'], 1)
  world.answer()
  expect([world.asked, world.nPending]).toEqual([[], 1])
  refusal = undefined
  world.clock.advance(FIRST_PAUSE_MS)
  world.flush()
  while (world.answer());
  expect([world.store.get('a'), world.nPending]).toEqual([1, 0])
})

test('who waits is answered when all that was reported before is in, whatever is reported after', async () => {
  const world = createWorld()
  world.change(['a'], 1)
  const settled = world.settle()
  world.answer()
  world.change(['b'], 1)
  world.answer()
  expect(await settled).toEqual(ok({ epoch: 1 }))
  expect([world.store.has('a'), world.store.has('b')]).toEqual([true, false])
  world.answer()
  world.answer()
  expect(await world.settle()).toEqual(ok({ epoch: 2 }))
})

const event = fc.oneof(
  { weight: 4, arbitrary: fc.record({ type: fc.constant('change' as const), paths: fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'many/x'), { minLength: 1 }), overflow: fc.boolean() }) },
  { weight: 5, arbitrary: fc.constant({ type: 'answer' as const }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('fail' as const), error: fc.constantFrom(AWAY, failure('conflict', 'anew'), failure('busy', 'import'), failure('timeout', 'late')), wasDone: fc.constantFrom('done' as const, 'not done' as const) }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('pass' as const), ms: fc.constantFrom(1, 100, 5000) }) },
  { weight: 1, arbitrary: fc.constant({ type: 'settle' as const }) },
)

test('the store ends as the disk is, and every wait is answered in time', async () => {
  await fc.assert(fc.asyncProperty(fc.array(event, { maxLength: 80 }), fc.infiniteStream(fc.nat()), async (events, picks) => {
    const world = createWorld({ pick: (nReady) => (picks.next().value ?? 0) % nReady })
    const waits: Promise<boolean>[] = []
    let value = 0
    for (const next of events) {
      if (next.type === 'change') world.change(next.paths, (value += 1), next.overflow ? true : undefined)
      else if (next.type === 'answer') world.answer()
      else if (next.type === 'pass') {
        world.clock.advance(next.ms)
        world.flush()
      } else if (next.type === 'fail') world.answer(next.error, next.wasDone)
      else {
        const wanted = new Map(world.disk)
        waits.push(world.settle().then(() => [...wanted].every(([path, least]) => (world.store.get(path) ?? 0) >= least)))
      }
      // Answers are looked at when they come.
      for (let i = 0; i < 5; i++) await Promise.resolve()
    }
    for (let i = 0; i < 200; i++) {
      while (world.answer());
      world.clock.advance(MAX_PAUSE_MS)
      world.flush()
    }
    expect(world.nPending).toBe(0)
    expect(world.store).toEqual(world.disk)
    expect(await Promise.all(waits)).toEqual(waits.map(() => true))
  }), { numRuns: 300, ...seed })
})
