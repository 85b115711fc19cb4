/**
 * The FileWatcher in an actor system under a simulated clock, before a file system that is a map: what it casts and when,
 * what it does when events are lost, watching is refused, or the root is gone; and over random histories, that no change is
 * ever lost and no barrier is answered too early.
 */

import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { createSimulatedClock } from '../../../src/base/clock.ts'
import { failure } from '../../../src/base/failure.ts'
import type { Failure } from '../../../src/base/failure.ts'
import { fail, ok } from '../../../src/base/result.ts'
import type { Result } from '../../../src/base/result.ts'
import type { Actor } from '../../../src/otp/actor.ts'
import { createActorSystem } from '../../../src/otp/actor-system.ts'
import { NORMAL } from '../../../src/otp/exit-reason.ts'
import { HOLD_EMPTY_MS, HOLD_GONE_MS, MAX_BURST_EVENTS, MAX_PENDING_PATHS, MAX_WINDOW_MS, MIN_WINDOW_MS } from '../../../src/project/watch/batching.ts'
import { COOKIE_MS, MAX_BARRIERS } from '../../../src/project/watch/cookies.ts'
import { fileWatcherActor } from '../../../src/project/watch/file-watcher.actor.ts'
import { MAX_BURST_MS, OPEN_MS } from '../../../src/project/watch/flushes.ts'
import { createNotes } from '../../../src/project/watch/notes.ts'
import { FILE_WATCHER, SYNCHRONIZER, WATCHER_PORT } from '../../../src/project/watch/protocol.ts'
import type { ChangedMessage, Opened, WatcherStatus, WatchOperation } from '../../../src/project/watch/protocol.ts'
import { WATCH_POLICIES } from '../../../src/project/watch/watch-machine.ts'

const seed = process.env['FC_SEED'] === undefined ? {} : { seed: Number(process.env['FC_SEED']) }

const SLOW_MS = 20
const OPENING_MS = 300

type Told = ChangedMessage & { readonly atMs: number }

function createWorld(pick?: (nReady: number) => number) {
  const clock = createSimulatedClock()
  const files = new Map<string, number>()
  const told: Told[] = []
  const operations: string[] = []
  const logs: string[] = []
  const notes = createNotes((run) => void clock.after(0, run))
  let nCookies = 0
  const world = {
    clock, files, told, operations, logs, notes,
    root: 'there' as 'there' | 'gone',
    /** Whether the system reports what happens, `slow`: later, in order; `deaf` loses changes and cookies alike. */
    ears: 'open' as 'open' | 'slow' | 'deaf',
    lastHeardMs: 0,
    hear(note: () => void): void {
      if (world.ears === 'deaf') return
      const atMs = Math.max(world.lastHeardMs, clock.nowMs() + (world.ears === 'slow' ? SLOW_MS : 0))
      world.lastHeardMs = atMs
      if (atMs <= clock.nowMs()) note()
      else clock.after(atMs - clock.nowMs(), note)
    },
    watches: 'given' as 'given' | 'refused',
    opening: 'at once' as 'at once' | 'slow' | 'for ever',
    cookies: 'writable' as 'writable' | 'unwritable',
    problems: [] as Opened['problems'],
    /** A change on disk, and its event. */
    save(path: string, size: number | undefined = 1, nEvents: number = 1): void {
      if (size === undefined) files.delete(path)
      else files.set(path, size)
      world.hear(() => {
        for (let n = 0; n < nEvents; n++) notes.count()
        notes.changed(path)
      })
    },
    settle(): void {
      while (system.runReady(1000) > 0);
    },
    pass(ms: number): void {
      const endMs = clock.nowMs() + ms
      world.settle()
      while (clock.nowMs() < endMs) {
        clock.advance(Math.min(1, endMs - clock.nowMs()))
        world.settle()
      }
    },
    /** For long times in which nothing but timers happens. */
    passTo(ms: number): void {
      const endMs = clock.nowMs() + ms
      world.settle()
      while (clock.nowMs() < endMs) {
        clock.advance(Math.min(50, endMs - clock.nowMs()))
        world.settle()
      }
    },
    async status(): Promise<WatcherStatus> {
      const answer = system.call(FILE_WATCHER, { type: 'status' })
      world.settle()
      return value(await answer) as WatcherStatus
    },
    barrier(): { answer: Result<unknown, Failure> | undefined } {
      const barrier: { answer: Result<unknown, Failure> | undefined } = { answer: undefined }
      const wait = async (): Promise<void> => {
        barrier.answer = await system.call(FILE_WATCHER, { type: 'barrier' }, 'infinity')
      }
      void wait()
      return barrier
    },
    system: undefined as unknown as typeof system,
    pid: 0,
  }
  const synchronizer: Actor<null, ChangedMessage> = {
    mailbox: { capacity: 10_000, overflow: 'shed' },
    init: () => ({ type: 'ok', state: null }),
    step: (state, msg, atMs) => {
      if (msg.type === 'cast') told.push({ ...msg.body, atMs })
      return [state, []]
    },
  }
  const hearCookie = (n: number): void => world.hear(() => notes.cookie(n))
  const runOperation = (operation: WatchOperation, done: (result: Result<unknown, Failure>) => void): void => {
    if (operation.type !== 'next') operations.push(operation.type === 'open' && operation.poll !== undefined ? 'open polling' : operation.type)
    const isGone = world.root === 'gone' && ['open', 'look', 'cookie'].includes(operation.type)
    if (isGone) return done(fail(failure('not_found', 'no root')))
    switch (operation.type) {
      case 'next':
        return notes.next((batch) => done(ok(batch)))
      case 'close':
        return done(ok(null))
      case 'look':
        return done(ok({ sizes: operation.paths.map((path) => files.get(path) ?? null) }))
      case 'cookie':
        if (world.cookies === 'unwritable') return done(fail(failure('unavailable', 'no cookies')))
        nCookies += 1
        done(ok(nCookies))
        return hearCookie(nCookies)
      case 'open': {
        if (world.opening === 'for ever' && operation.poll === undefined) return
        const because = operation.poll ?? (world.watches === 'refused' ? 'refused' : undefined)
        const opened = ok({ means: because === undefined ? 'directories' : 'polling', ...(because === undefined ? {} : { because }), nDirectories: 1, problems: world.problems })
        return world.opening === 'slow' ? void clock.after(OPENING_MS, () => done(opened)) : done(opened)
      }
    }
  }
  const system = createActorSystem({
    clock, log: (level, message) => void logs.push(`${level}: ${message}`), defer: () => undefined, ...(pick === undefined ? {} : { pick }),
    ports: { [WATCHER_PORT]: (operation, done) => runOperation(operation as WatchOperation, done) },
  })
  world.system = system
  system.spawn({ actor: synchronizer, name: SYNCHRONIZER })
  const spawned = system.spawn({ actor: fileWatcherActor, name: FILE_WATCHER })
  world.pid = spawned.type === 'ok' ? spawned.pid : 0
  return world
}

function openWorld(): ReturnType<typeof createWorld> {
  const world = createWorld()
  world.settle()
  world.told.length = 0
  world.operations.length = 0
  return world
}

function value<T>(result: Result<T, Failure>): T {
  if (!result.ok) throw new Error(result.error.message)
  return result.value
}

const rescan = (reason: string): object => ({ type: 'changed', paths: [], overflow: true, reason })

test('begins with a comparison of everything, once it watches', async () => {
  const w = createWorld()
  w.settle()
  expect(w.operations).toEqual(['open'])
  expect(w.told).toMatchObject([rescan('opened')])
  expect(await w.status()).toMatchObject({ phase: 'watching', means: 'directories', nRescans: 1, problems: [] })
})

test('a Synchronizer that asks while watching opens is told once; one that asks later, at once and without opening again', () => {
  const w = createWorld()
  w.opening = 'slow'
  w.system.kill(w.pid)
  w.told.length = 0
  w.operations.length = 0
  w.system.spawn({ actor: fileWatcherActor, name: FILE_WATCHER })
  w.system.cast(FILE_WATCHER, { type: 'rescan' })
  w.passTo(OPENING_MS + 100)
  expect(w.told).toMatchObject([rescan('opened')])
  w.system.cast(FILE_WATCHER, { type: 'rescan' })
  w.settle()
  expect(w.told).toMatchObject([rescan('opened'), rescan('asked')])
  expect(w.operations.filter((operation) => operation === 'open')).toHaveLength(1)
})

test('a lone save is told within 20 ms, once, however many events it makes', () => {
  const w = openWorld()
  w.save('lib/a.ex', 10, 6)
  w.pass(20)
  expect(w.told).toMatchObject([{ paths: ['lib/a.ex'] }])
  w.pass(1000)
  expect(w.told).toHaveLength(1)
})

test('a storm is told in ever larger batches, and a lone save after it quickly again', async () => {
  const w = openWorld()
  for (let n = 0; n < 1500; n++) {
    w.save(`lib/f${n % 200}.ex`, 1, n % 2 === 0 ? 2 : 3)
    w.pass(2)
  }
  const gaps = w.told.map(({ atMs }, n) => atMs - (w.told[n - 1]?.atMs ?? 0)).slice(1)
  expect(Math.max(...gaps)).toBeGreaterThan(8 * MIN_WINDOW_MS)
  expect(Math.max(...gaps)).toBeLessThanOrEqual(MAX_WINDOW_MS + 5)
  expect((await w.status()).windowMs).toBeGreaterThan(MIN_WINDOW_MS)
  w.pass(3000)
  w.told.length = 0
  const sinceMs = w.clock.nowMs()
  w.save('lib/lone.ex')
  w.pass(100)
  expect(w.told.map(({ paths, atMs }) => [paths, atMs - sinceMs <= 20])).toEqual([[['lib/lone.ex'], true]])
})

test('more events than the system may have kept: everything is watched anew and compared, when the burst is over', () => {
  const w = openWorld()
  for (let n = 0; n <= MAX_BURST_EVENTS; n += 100) {
    w.save(`lib/f${n}.ex`, 1, 100)
    w.pass(1)
  }
  w.pass(2 * MAX_WINDOW_MS)
  expect(w.operations.filter((each) => each === 'open')).toEqual(['open'])
  expect(w.told.filter(({ overflow }) => overflow)).toMatchObject([rescan('too_many_events')])
})

test('a burst that does not end is compared all the same, every few seconds', () => {
  const w = openWorld()
  for (let n = 0; n < 2 * MAX_BURST_MS; n++) {
    w.save(`lib/f${n % 50}.ex`, 1, 20)
    w.pass(1)
  }
  const rescans = w.told.filter(({ overflow }) => overflow)
  expect(rescans.length).toBeGreaterThanOrEqual(1)
  expect(rescans.length).toBeLessThanOrEqual(3)
})

test('many events at a rate that anybody can follow are no burst', () => {
  const w = openWorld()
  for (let n = 0; n < 10; n++) {
    w.save('lib/a.ex', 1, MAX_BURST_EVENTS / 2)
    w.passTo(MAX_BURST_EVENTS / 2)
  }
  expect(w.told.some(({ overflow }) => overflow)).toBe(false)
})

test('more paths than are kept: a rescan in their place', () => {
  const w = openWorld()
  for (let n = 0; n <= MAX_PENDING_PATHS; n++) w.save(`lib/f${n}.ex`, 1, 0)
  w.pass(2000)
  expect(w.told).toMatchObject([rescan('too_many_paths')])
})

test('a file that is empty in the middle of its save is told when it has content', () => {
  const w = openWorld()
  w.save('lib/a.ex', 0)
  w.pass(100)
  expect(w.told).toEqual([])
  w.save('lib/a.ex', 5)
  w.pass(20)
  expect(w.told).toMatchObject([{ paths: ['lib/a.ex'] }])
  w.pass(1000)
  expect(w.told).toHaveLength(1)
})

test.each([['empty', 0, HOLD_EMPTY_MS], ['gone', undefined, HOLD_GONE_MS]] as const)('a file that stays %s is told after a bounded time', (_name, size, holdMs) => {
  const w = openWorld()
  w.save('lib/a.ex')
  w.pass(100)
  w.told.length = 0
  if (size === undefined) w.files.delete('lib/a.ex')
  else w.files.set('lib/a.ex', size)
  w.notes.changed('lib/a.ex')
  w.pass(holdMs - 1)
  expect(w.told).toEqual([])
  w.pass(20)
  expect(w.told).toMatchObject([{ paths: ['lib/a.ex'] }])
})

test('a move is told at once, as one change; what is saved later is not held up by it', () => {
  const w = openWorld()
  w.save('lib/a.ex')
  w.pass(100)
  w.told.length = 0
  w.files.delete('lib/a.ex')
  w.notes.changed('lib/a.ex')
  w.save('lib/b.ex', 5)
  w.pass(20)
  expect(w.told).toEqual([])
  w.save('lib/c.ex')
  w.pass(20)
  expect(w.told).toMatchObject([{ paths: ['lib/c.ex'] }])
  w.pass(HOLD_GONE_MS)
  expect(w.told.slice(1)).toMatchObject([{ paths: ['lib/a.ex', 'lib/b.ex'] }])
})

test('a file that is emptied again and again is told in bounded time', () => {
  const w = openWorld()
  for (let n = 0; n < HOLD_EMPTY_MS + 50; n += 5) {
    w.save('lib/a.ex', 0)
    w.pass(5)
  }
  expect(w.told.length).toBeGreaterThanOrEqual(1)
})

test('a cookie is lost: degraded, and everything compared; a cookie that comes back ends it', async () => {
  const w = openWorld()
  w.ears = 'deaf'
  w.passTo(WATCH_POLICIES.watching.beatMs + COOKIE_MS + 100)
  expect(w.told).toMatchObject([rescan('cookie_lost')])
  const { phase, reason } = await w.status()
  expect([phase, reason]).toEqual(['degraded', expect.stringContaining('not reported')])
  expect(w.logs.join('\n')).toContain('warn: watching files: degraded')
  w.ears = 'open'
  w.passTo(WATCH_POLICIES.degraded.beatMs + 100)
  expect(await w.status()).toMatchObject({ phase: 'watching' })
})

test('cookies cannot be written: degraded, compared, and barriers are answered by that', async () => {
  const w = openWorld()
  w.cookies = 'unwritable'
  const barrier = w.barrier()
  w.pass(50)
  await Promise.resolve()
  expect(barrier.answer?.ok).toBe(true)
  expect(w.told).toMatchObject([rescan('cookie_lost')])
  expect(await w.status()).toMatchObject({ phase: 'degraded', reason: 'no cookies' })
})

test('a barrier is answered after the cast of what was saved before it, without waiting for the window', async () => {
  const w = openWorld()
  w.save('lib/a.ex')
  const barrier = w.barrier()
  w.pass(1)
  await Promise.resolve()
  expect(barrier.answer).toEqual(ok(null))
  expect(w.told).toMatchObject([{ paths: ['lib/a.ex'] }])
})

test('a barrier that comes while a cookie is under way gets one of its own', async () => {
  const w = openWorld()
  w.ears = 'slow'
  const first = w.barrier()
  w.pass(SLOW_MS / 2)
  w.save('lib/a.ex')
  const second = w.barrier()
  w.pass(SLOW_MS / 2)
  await Promise.resolve()
  expect([first.answer, second.answer, w.told]).toEqual([ok(null), undefined, []])
  w.pass(SLOW_MS)
  await Promise.resolve()
  expect(second.answer).toEqual(ok(null))
  expect(w.told).toMatchObject([{ paths: ['lib/a.ex'] }])
})

test('a barrier waits for a file that was empty when it came', async () => {
  const w = openWorld()
  w.save('lib/a.ex', 0)
  const barrier = w.barrier()
  w.pass(HOLD_EMPTY_MS - 50)
  await Promise.resolve()
  expect(barrier.answer).toBeUndefined()
  w.pass(100)
  await Promise.resolve()
  expect(barrier.answer?.ok).toBe(true)
  expect(w.told).toMatchObject([{ paths: ['lib/a.ex'] }])
})

test('barriers are bounded', async () => {
  const w = openWorld()
  w.ears = 'deaf'
  const barriers = Array.from({ length: MAX_BARRIERS + 1 }, () => w.barrier())
  w.settle()
  await Promise.resolve()
  expect(barriers.filter(({ answer }) => answer?.ok === false && answer.error.code === 'busy')).toHaveLength(1)
  w.pass(COOKIE_MS + 100)
  await Promise.resolve()
  expect(barriers.filter(({ answer }) => answer?.ok === true)).toHaveLength(MAX_BARRIERS)
})

test('the system refuses to watch more: polling, with the reason; watching is tried again later', async () => {
  const w = openWorld()
  w.watches = 'refused'
  w.notes.limit('no more watches')
  w.pass(50)
  expect(w.operations).toContain('open polling')
  expect(await w.status()).toMatchObject({ phase: 'polling', means: 'polling', reason: 'no more watches' })
  const before = w.operations.filter((each) => each === 'cookie').length
  w.passTo(10 * WATCH_POLICIES.polling.beatMs)
  expect(w.operations.filter((each) => each === 'cookie').length - before).toBeGreaterThanOrEqual(9)
  w.watches = 'given'
  w.passTo(WATCH_POLICIES.polling.rescanEveryMs + 5000)
  expect(await w.status()).toMatchObject({ phase: 'watching', means: 'directories', reason: undefined })
})

test('watching that does not begin is given up for polling', async () => {
  const w = createWorld()
  w.opening = 'for ever'
  w.system.kill(w.pid)
  w.system.spawn({ actor: fileWatcherActor, name: FILE_WATCHER })
  w.told.length = 0
  w.passTo(OPEN_MS - 100)
  expect(w.told).toEqual([])
  w.passTo(200)
  expect(await w.status()).toMatchObject({ phase: 'polling', reason: expect.stringContaining('did not begin') as string })
})

test('the root is gone: nothing is told of it, barriers are refused; it comes back, and everything is compared', async () => {
  const w = openWorld()
  w.root = 'gone'
  for (const path of ['lib/a.ex', 'lib/b.ex', 'lib']) w.notes.changed(path)
  const waiting = w.barrier()
  w.pass(500)
  const late = w.barrier()
  w.settle()
  await Promise.resolve()
  expect([waiting.answer, late.answer]).toMatchObject([{ ok: false, error: { code: 'unavailable' } }, { ok: false, error: { code: 'unavailable' } }])
  expect(w.told).toEqual([])
  expect(w.operations).toContain('close')
  expect(await w.status()).toMatchObject({ phase: 'absent', means: undefined })
  w.passTo(5 * WATCH_POLICIES.absent.beatMs)
  w.root = 'there'
  w.passTo(WATCH_POLICIES.absent.beatMs + 100)
  expect(w.told).toMatchObject([rescan('opened')])
  expect(await w.status()).toMatchObject({ phase: 'watching', reason: undefined })
})

test('the root is gone from the start', async () => {
  const w = createWorld()
  w.root = 'gone'
  w.system.kill(w.pid)
  w.told.length = 0
  w.system.spawn({ actor: fileWatcherActor, name: FILE_WATCHER })
  w.pass(10)
  expect(await w.status()).toMatchObject({ phase: 'absent' })
  w.root = 'there'
  w.passTo(WATCH_POLICIES.absent.beatMs + 100)
  expect(w.told).toMatchObject([rescan('opened')])
})

test('a path that cannot be read: degraded and named, until it can', async () => {
  const w = createWorld()
  w.problems = [{ path: 'lib/secret', code: 'EACCES', message: 'lib/secret cannot be read' }]
  w.settle()
  w.notes.lose('rules_changed')
  w.pass(50)
  expect(await w.status()).toMatchObject({ phase: 'degraded', problems: [{ path: 'lib/secret' }], reason: 'lib/secret cannot be read' })
  w.passTo(3 * WATCH_POLICIES.degraded.beatMs)
  expect((await w.status()).phase).toBe('degraded')
  w.problems = []
  w.notes.lose('readable_again')
  w.pass(50)
  expect(w.told.at(-1)).toMatchObject(rescan('readable_again'))
  expect(await w.status()).toMatchObject({ phase: 'watching', reason: undefined })
})

test('now and then everything is compared in the background, and when the Synchronizer asks', () => {
  const w = openWorld()
  w.passTo(WATCH_POLICIES.watching.rescanEveryMs + WATCH_POLICIES.watching.beatMs)
  expect(w.told).toMatchObject([rescan('background')])
  w.system.cast(FILE_WATCHER, { type: 'rescan' })
  w.pass(50)
  expect(w.told).toMatchObject([rescan('background'), rescan('asked')])
})

test('idle: two cookies a minute and nothing else', () => {
  const w = openWorld()
  w.passTo(120_000)
  expect(w.operations).toEqual(['cookie', 'cookie', 'cookie', 'cookie'])
  expect(w.told).toEqual([])
})

test('rules that change while everything is watched anew: once more', () => {
  const w = openWorld()
  w.opening = 'slow'
  w.notes.lose('rules_changed')
  w.pass(OPENING_MS / 2)
  w.notes.lose('rules_changed')
  w.save('lib/a.ex')
  w.pass(3 * OPENING_MS)
  expect(w.operations).toEqual(['open', 'open'])
  expect(w.told).toMatchObject([rescan('rules_changed'), rescan('rules_changed')])
})

test('an orderly end closes the watcher', () => {
  const w = openWorld()
  w.system.stop(w.pid, NORMAL)
  expect(w.operations).toEqual(['close'])
})

// Over random histories

type Move =
  | { readonly type: 'save'; readonly path: number; readonly size: number | undefined; readonly nEvents: number }
  | { readonly type: 'storm'; readonly n: number }
  | { readonly type: 'pass'; readonly ms: number }
  | { readonly type: 'set'; readonly change: Readonly<Record<string, string>> }
  | { readonly type: 'barrier' }
  | { readonly type: 'lose' }
  | { readonly type: 'limit' }
  | { readonly type: 'restart' }

const moves: fc.Arbitrary<Move> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ type: fc.constant('save' as const), path: fc.nat(20), size: fc.option(fc.nat(2), { nil: undefined }), nEvents: fc.integer({ min: 1, max: 40 }) }) },
  { weight: 6, arbitrary: fc.record({ type: fc.constant('pass' as const), ms: fc.oneof(fc.nat(15), fc.nat(600), fc.nat(5000)) }) },
  { weight: 4, arbitrary: fc.constant({ type: 'barrier' as const }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('storm' as const), n: fc.integer({ min: 100, max: 6000 }) }) },
  { weight: 1, arbitrary: fc.constant({ type: 'lose' as const }) },
  { weight: 1, arbitrary: fc.constant({ type: 'limit' as const }) },
  { weight: 1, arbitrary: fc.constant({ type: 'restart' as const }) },
  {
    weight: 3,
    arbitrary: fc.constantFrom<Readonly<Record<string, string>>[]>(
      { root: 'gone' }, { root: 'there' }, { root: 'there' }, { ears: 'deaf' }, { ears: 'slow' }, { ears: 'open' }, { ears: 'open' }, { watches: 'refused' }, { watches: 'given' },
      { cookies: 'unwritable' }, { cookies: 'writable' }, { opening: 'for ever' }, { opening: 'slow' }, { opening: 'slow' }, { opening: 'at once' }, { opening: 'at once' },
    ).map((change) => ({ type: 'set' as const, change })),
  },
)

/** How many casts there were when the change was reported: one after them must tell of it. */
type Reported = { readonly path: string; readonly nTold: number }

function isTold({ path, nTold }: Reported, told: readonly Told[]): boolean {
  return told.slice(nTold).some(({ paths, overflow }) => overflow === true || paths.includes(path))
}

test('over any history no change is lost, no barrier is answered before what came before it, and everything settles', async () => {
  await fc.assert(fc.asyncProperty(fc.array(moves, { minLength: 1, maxLength: 60 }), fc.infiniteStream(fc.nat(1000)), async (history, choices) => {
    const w = createWorld((nReady) => Number(choices.next().value ?? 0) % nReady)
    const reported: Reported[] = []
    let nTooEarly = 0
    let nUnanswered = 0
    const save = (path: string, size: number | undefined, nEvents: number): void => {
      if (w.ears !== 'deaf') reported.push({ path, nTold: w.told.length })
      w.save(path, size, nEvents)
    }
    w.settle()
    for (const move of history) {
      if (move.type === 'save') save(`f${move.path}.ex`, move.size, move.nEvents)
      if (move.type === 'storm') for (let n = 0; n < move.n; n++) save(`s${n}.ex`, 1, 1)
      if (move.type === 'pass') w.passTo(move.ms)
      if (move.type === 'set') Object.assign(w, move.change)
      if (move.type === 'lose') w.notes.lose('rules_changed')
      if (move.type === 'limit') w.notes.limit('no more')
      if (move.type === 'restart') {
        w.system.kill(w.pid)
        const spawned = w.system.spawn({ actor: fileWatcherActor, name: FILE_WATCHER })
        w.pid = spawned.type === 'ok' ? spawned.pid : 0
      }
      if (move.type === 'barrier') {
        const before = reported.length
        nUnanswered += 1
        const wait = async (): Promise<void> => {
          const answer = await w.system.call(FILE_WATCHER, { type: 'barrier' }, 'infinity')
          nUnanswered -= 1
          if (answer.ok && !reported.slice(0, before).every((each) => isTold(each, w.told))) nTooEarly += 1
        }
        void wait()
      }
      w.settle()
      await Promise.resolve()
    }
    Object.assign(w, { root: 'there', ears: 'open', watches: 'given', cookies: 'writable', opening: 'at once' })
    w.passTo(OPEN_MS + WATCH_POLICIES.polling.rescanEveryMs + 40_000)
    await Promise.resolve()
    await Promise.resolve()
    expect(reported.filter((each) => !isTold(each, w.told))).toEqual([])
    expect([nTooEarly, nUnanswered]).toEqual([0, 0])
    expect(await w.status()).toMatchObject({ phase: 'watching', nPending: 0, windowMs: expect.any(Number) as number })
  }), { numRuns: 1000, ...seed })
}, 120_000)
