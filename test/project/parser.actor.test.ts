/** Parser in an actor system under a simulated clock, over a pool that answers when and what the test says. */

import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { must } from '../../src/base/assert.ts'
import { createSimulatedClock, type SimulatedClock } from '../../src/base/clock.ts'
import { failure, type Failure } from '../../src/base/failure.ts'
import { fail, ok, type Result } from '../../src/base/result.ts'
import type { Actor } from '../../src/otp/actor.ts'
import { createActorSystem, type ActorSystem } from '../../src/otp/actor-system.ts'
import type { ExitReason } from '../../src/otp/exit-reason.ts'
import { BATCH_PROCESSOR } from '../../src/project/batch-processor.actor.ts'
import { CIRCUITS_PORT, PARSER, PARSER_POOL_PORT, parserActor, RESUME_PORT, type CircuitReport, type ParserBody, type ParserWork } from '../../src/project/parser.actor.ts'

const seed = process.env['FC_SEED'] === undefined ? {} : { seed: Number(process.env['FC_SEED']) }

type Answer = Result<unknown, Failure>
type Task = { readonly work: ParserWork; readonly settle: (answer: Answer) => void }

type World = {
  readonly clock: SimulatedClock
  readonly system: ActorSystem
  /** Tasks that the pool has and has not answered. */
  readonly tasks: Task[]
  readonly reports: string[]
  readonly logs: string[]
  nResumed: number
  settle(): void
  pass(ms: number): void
  ask(work: ParserWork): Promise<Answer>
  /** The oldest task. */
  poolAnswers(answer: Answer): void
  /** One call whose task ends so, or is refused. */
  call(work: ParserWork, answer: Answer): Promise<Answer>
  /** One import: it is begun, its threads find the files, and it ends so. */
  importing(end: Failure | 'complete' | { readonly exit: ExitReason }): Promise<Answer>
}

const importer: Actor<null, never> = { mailbox: { capacity: 1, overflow: 'shed' }, init: () => ({ type: 'ok', state: null }), step: (state) => [state, []] }

function createWorld(): World {
  const clock = createSimulatedClock()
  const [tasks, reports, logs]: [Task[], string[], string[]] = [[], [], []]
  const system = createActorSystem({
    clock, defer: () => undefined, log: (level, message) => void logs.push(`${level}: ${message}`),
    ports: {
      [PARSER_POOL_PORT]: (operation, settle) => void tasks.push({ work: operation as ParserWork, settle }),
      [CIRCUITS_PORT]: (operation, done) => {
        const { view, event } = operation as CircuitReport
        reports.push(`${view.name} ${view.state} ${event}`)
        done(ok(null))
      },
      [RESUME_PORT]: (_operation, done) => {
        world.nResumed += 1
        done(ok(null))
      },
    },
  })
  const settle = (): void => {
    while (system.runReady(100) > 0);
  }
  const world: World = {
    clock, system, tasks, reports, logs, nResumed: 0, settle,
    pass(ms) {
      clock.advance(ms)
      settle()
    },
    ask(work) {
      const answer = system.call(PARSER, work, 'infinity')
      settle()
      return answer
    },
    poolAnswers(answer) {
      must(tasks.shift(), 'a task in the pool').settle(answer)
      settle()
    },
    call(work, answer) {
      const asked = world.ask(work)
      if (tasks.length > 0) world.poolAnswers(answer)
      return asked
    },
    async importing(end) {
      const spawned = system.spawn({ actor: importer, name: BATCH_PROCESSOR })
      const pid = spawned.type === 'ok' ? spawned.pid : 0
      const found = await world.call({ type: 'discover', options: OPTIONS }, ok('files'))
      if (typeof end === 'object' && 'exit' in end) system.stop(pid, end.exit)
      else {
        system.cast(PARSER, { type: 'imported', error: found.ok ? (end === 'complete' ? undefined : end) : found.error } satisfies ParserBody)
        system.stop(pid, { kind: 'normal' })
      }
      settle()
      return found
    },
  }
  system.spawn({ actor: parserActor, name: PARSER })
  settle()
  return world
}

const OPTIONS = { root: '/p', include: null, exclude: [], respectGitignore: true, followSymlinks: true, maxFileBytes: 1, maxFiles: 1 }
const PARSE: ParserWork = { type: 'parse', task: { task: 1, root: '/p', files: [], maxFileBytes: 1 } }
const GONE = fail(failure('unavailable', 'its thread ended'))
const REFUSED = { ok: false, error: { code: 'unavailable', details: { reason: 'circuit_open' } } }

async function failTimes(world: World, n: number): Promise<void> {
  for (let i = 0; i < n; i++) expect(await world.call(PARSE, GONE)).toEqual(GONE)
}

test('work goes to the pool as it is, and its answer comes back, in whatever order', async () => {
  const w = createWorld()
  const works: ParserWork[] = [{ type: 'prepare' }, { type: 'discover', options: OPTIONS }, PARSE]
  const answers = works.map((work) => w.ask(work))
  expect(w.tasks.map(({ work }) => work)).toEqual(works)
  w.tasks.toReversed().forEach(({ settle }, at) => settle(ok(at)))
  w.settle()
  expect(await Promise.all(answers)).toEqual([ok(2), ok(1), ok(0)])
  expect(w.reports).toEqual(['parse closed started', 'import closed started'])
})

test('a pool that fails five times is left alone for 30 s; then one task is the trial, and its success lets all through', async () => {
  const w = createWorld()
  await failTimes(w, 5)
  expect(await w.ask(PARSE)).toMatchObject({ ...REFUSED, error: { details: { circuit: 'parse', retry_after_ms: 30_000 } } })
  w.pass(29_999)
  expect(await w.ask(PARSE)).toMatchObject({ ok: false, error: { details: { retry_after_ms: 1 } } })
  expect(w.tasks).toEqual([])
  w.pass(1)
  const trial = w.ask(PARSE)
  expect(await w.ask(PARSE)).toMatchObject(REFUSED)
  w.poolAnswers(ok(null))
  expect(await trial).toEqual(ok(null))
  expect(await w.call(PARSE, ok(7))).toEqual(ok(7))
  expect(w.reports.filter((line) => !line.endsWith('started'))).toEqual([
    'parse open changed', 'parse open refused', 'parse open refused', 'parse half_open changed', 'parse half_open refused', 'parse closed changed',
  ])
  expect(w.logs).toEqual(['warn: circuit parse is open', 'info: circuit parse is half_open', 'info: circuit parse is closed'])
})

test('tasks that a pool takes with it when it ends are one failure', async () => {
  const w = createWorld()
  const answers = Array.from({ length: 24 }, () => w.ask(PARSE))
  for (const { settle } of w.tasks.splice(0)) settle(GONE)
  w.settle()
  expect(await Promise.all(answers)).toEqual(answers.map(() => GONE))
  expect(await w.call(PARSE, ok(1))).toEqual(ok(1))
})

test.each<readonly [string, Failure]>([
  ['a file that is given up', failure('internal', 'it ended 2 threads', { details: { quarantined: 'lib/a.ex 1' } })],
  ['a bug that a file brings out', failure('internal', 'TypeError')],
  ['a full lane', failure('busy', 'full')],
  ['a caller that gave up', failure('timeout', 'cancelled', { details: { cancelled: true } })],
  ['too much', failure('too_large', 'too large')],
])('no failure of the pool: %s', async (_name, error) => {
  const w = createWorld()
  for (let i = 0; i < 10; i++) expect(await w.call(PARSE, fail(error))).toEqual(fail(error))
  await failTimes(w, 4)
  expect(await w.call(PARSE, ok(1))).toEqual(ok(1))
})

test('tasks that run out of time are failures of the pool', async () => {
  const w = createWorld()
  for (let i = 0; i < 5; i++) await w.call(PARSE, fail(failure('timeout', 'longer than 30000 ms')))
  expect(await w.ask(PARSE)).toMatchObject(REFUSED)
})

test('imports that fail five times are not begun for 30 s; then what was cut short is taken up', async () => {
  const w = createWorld()
  for (let i = 0; i < 5; i++) expect(await w.importing(failure('internal', 'outcomes missing'))).toEqual(ok('files'))
  expect(await w.importing('complete')).toMatchObject({ ...REFUSED, error: { details: { circuit: 'import' } } })
  expect(await w.call(PARSE, ok('still parsed'))).toEqual(ok('still parsed'))
  w.pass(29_000)
  expect(w.nResumed).toBe(0)
  w.pass(1010)
  expect(w.nResumed).toBe(1)
  expect(await w.importing('complete')).toEqual(ok('files'))
  expect(await w.importing('complete')).toEqual(ok('files'))
  w.pass(600_000)
  expect(w.nResumed).toBe(1)
})

test.each<readonly [string, ExitReason, 'opens' | 'stays closed']>([
  ['with its thread', { kind: 'noconnection' }, 'opens'],
  ['killed', { kind: 'killed' }, 'opens'],
  ['in order', { kind: 'shutdown' }, 'stays closed'],
])('an import that ends %s, five times: the circuit %s', async (_name, exit, then) => {
  const w = createWorld()
  for (let i = 0; i < 5; i++) expect((await w.importing({ exit })).ok).toBe(true)
  expect((await w.importing('complete')).ok).toBe(then === 'stays closed')
})

test.each<readonly [string, Failure]>([
  ['a full disk', failure('storage_full', 'full')],
  ['a project that is too large', failure('too_large', 'large')],
])('no reason to stop importing: %s', async (_name, error) => {
  const w = createWorld()
  for (let i = 0; i < 10; i++) expect((await w.importing(error)).ok).toBe(true)
})

test('an import that the open circuit of the pool stops has not failed itself', async () => {
  const w = createWorld()
  await failTimes(w, 5)
  for (let i = 0; i < 10; i++) expect(await w.importing('complete')).toMatchObject({ error: { details: { circuit: 'parse' } } })
  w.pass(30_000)
  expect(await w.importing('complete')).toEqual(ok('files'))
})

test('a trial that says nothing does not begin imports in a loop', async () => {
  const w = createWorld()
  for (let i = 0; i < 5; i++) await w.importing(failure('unavailable', 'gone'))
  w.pass(30_010)
  expect(w.nResumed).toBe(1)
  await w.importing(failure('storage_full', 'full'))
  w.pass(100_000)
  expect(w.nResumed).toBe(1)
  expect((await w.importing('complete')).ok).toBe(true)
})

const happening = fc.oneof(
  fc.constant({ type: 'ask' as const }), fc.constant({ type: 'discover' as const }),
  fc.record({ type: fc.constant('end' as const), which: fc.nat(50), how: fc.constantFrom('ok', 'unavailable', 'unavailable', 'timeout', 'busy') }),
  fc.record({ type: fc.constant('wait' as const), ms: fc.constantFrom(10, 10_000, 31_000) }),
  fc.record({ type: fc.constant('imported' as const), how: fc.constantFrom('ok', 'internal', 'internal') }),
)

test('whatever happens, every call is answered, once: refused at once, or as its task ends', async () => {
  await fc.assert(fc.asyncProperty(fc.array(happening, { maxLength: 60 }), async (history) => {
    const w = createWorld()
    const calls: Promise<Answer>[] = []
    let nRefused = 0
    let nEnded = 0
    const ask = async (work: ParserWork): Promise<void> => {
      const before = w.tasks.length
      calls.push(w.ask(work))
      if (w.tasks.length > before) return
      nRefused += 1
      expect(await calls.at(-1)).toMatchObject(REFUSED)
    }
    for (const what of history) {
      if (what.type === 'ask') await ask(PARSE)
      if (what.type === 'discover') await ask({ type: 'discover', options: OPTIONS })
      if (what.type === 'wait') w.pass(what.ms)
      if (what.type === 'imported') w.system.cast(PARSER, { type: 'imported', error: what.how === 'ok' ? undefined : failure('internal', 'x') })
      if (what.type === 'end' && w.tasks.length > 0) {
        nEnded += 1
        must(w.tasks.splice(what.which % w.tasks.length, 1)[0], 'a task').settle(what.how === 'ok' ? ok(1) : fail(failure(what.how as 'busy', 'x')))
      }
      w.settle()
    }
    expect(nRefused + nEnded + w.tasks.length).toBe(calls.length)
    for (const { settle } of w.tasks.splice(0)) settle(ok(1))
    w.settle()
    expect((await Promise.all(calls)).length).toBe(calls.length)
  }), seed)
})
