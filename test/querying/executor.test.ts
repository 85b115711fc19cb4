/** Executor and Cache in an actor system under a simulated clock, over a pool that answers when and what the test says. */

import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { must } from '../../src/base/assert.ts'
import { createSimulatedClock } from '../../src/base/clock.ts'
import { failure, type Failure } from '../../src/base/failure.ts'
import { fail, ok, type Result } from '../../src/base/result.ts'
import { createActorSystem } from '../../src/otp/actor-system.ts'
import { createEventAnswers, queryCacheActor } from '../../src/querying/cache.actor.ts'
import { executorActor, MAX_WAITING } from '../../src/querying/executor.actor.ts'
import { EXECUTOR, keyOf, QUERY_CACHE, type Answered, type Made, type PoolOperation, type Question, type QuestionUnderWay } from '../../src/querying/protocol.ts'

const seed = process.env['FC_SEED'] === undefined ? {} : { seed: Number(process.env['FC_SEED']) }

const MAX_RUNNING = 2
const WAIT_MS = 1000

type Run = { readonly question: Question; /** What it read at once. */ readonly read: number; readonly state: string | null; settle(answer: Result<unknown, Failure>): void }

/** There is one number to read: the state of everything. Answers hold the number as it was when they were begun. */
function createWorld() {
  const clock = createSimulatedClock()
  const world = { number: 2, isChanging: false }
  const runs: Run[] = []
  const givenUp: (readonly string[] | 'all')[] = []
  const stateNow = (facts: string): string | null => (world.isChanging ? null : `${world.number} ${facts}`)
  const system = createActorSystem({
    clock, defer: () => undefined, log: () => undefined,
    ports: {
      'query.pool': (operation, settle) => {
        const asked = operation as PoolOperation
        if (asked.type === 'run') runs.push({ question: asked.question, read: world.number, state: stateNow('f'), settle })
        else {
          givenUp.push(asked.runs)
          settle(ok(null))
        }
      },
    },
  })
  const answers = createEventAnswers({ maxBytes: 100_000, nowMs: clock.nowMs })
  const ratio = { now: 1 }
  const start = { [EXECUTOR]: () => executorActor({ maxRunning: MAX_RUNNING, waitMs: WAIT_MS, stateNow }), [QUERY_CACHE]: () => queryCacheActor(answers, () => ratio.now) } as const
  const settle = (): void => {
    while (system.runReady(100) > 0);
  }
  const spawn = (name: keyof typeof start): void => {
    system.spawn({ actor: start[name](), name })
    settle()
  }
  for (const name of [EXECUTOR, QUERY_CACHE] as const) spawn(name)
  let nAsked = 0
  return {
    clock, world, runs, givenUp, answers, ratio, settle, system,
    /** The asker's number, and its answer. */
    ask(name: string, facts = 'f'): { readonly asker: number; readonly answer: Promise<Result<Answered, Failure>> } {
      const asker = ++nAsked
      const answer = system.call(EXECUTOR, { type: 'ask', asker, question: { method: 'count_events', args: { name } }, facts }, 'infinity') as Promise<Result<Answered, Failure>>
      settle()
      return { asker, answer }
    },
    leave(asker: number): void {
      system.cast(EXECUTOR, { type: 'gone', asker })
      settle()
    },
    async find(name: string, facts = 'f'): Promise<number | null> {
      const state = stateNow(facts)
      if (state === null) return null
      const found = system.call(QUERY_CACHE, { type: 'find', key: keyOf({ method: 'count_events', args: { name } }), state }) as Promise<Result<Uint8Array | null, Failure>>
      settle()
      const answer = await found
      return answer.ok ? (answer.value?.[0] ?? null) : null
    },
    /** What a thread does: it names the state where that was one from the beginning to the end. */
    work(run: Run | undefined = runs[0], costUs = 1000, failed?: Failure): void {
      const working = must(run, 'a question that runs')
      runs.splice(runs.indexOf(working), 1)
      const { read, state } = working
      working.settle(failed === undefined ? ok({ bytes: new Uint8Array([read]), state: state === stateNow('f') ? state : null, costUs } satisfies Made) : fail(failed))
      settle()
    },
    pass(ms: number): void {
      clock.advance(ms)
      settle()
    },
    kill(name: typeof EXECUTOR | typeof QUERY_CACHE): void {
      system.kill(must(system.whereis(name), name))
      settle()
      spawn(name)
    },
    status(): Promise<Result<unknown, Failure>> {
      const status = system.call(EXECUTOR, { type: 'status' })
      settle()
      return status
    },
  }
}

const answerOf = async ({ answer }: { readonly answer: Promise<Result<Answered, Failure>> }): Promise<unknown> => {
  const result = await answer
  return result.ok ? [result.value.bytes[0], result.value.joined] : result.error.code
}

test('as many run as there are threads, the others wait in turn, and one too many is told to ask again', async () => {
  const { ask, work, runs, clock } = createWorld()
  const asked = Array.from({ length: MAX_RUNNING + MAX_WAITING }, (_, n) => ask(`q${n}`))
  expect(runs.map(({ question }) => question.args)).toEqual([{ name: 'q0' }, { name: 'q1' }])
  expect(await ask('one more').answer).toEqual(fail(failure('busy', '64 questions about events wait already', { hint: 'ask again shortly, or raise query.threads; running: count_events, count_events', details: { limit: 64 } })))
  for (let n = 0; n < asked.length; n++) {
    expect(runs[0]?.question.args).toEqual({ name: `q${n}` })
    work()
  }
  expect(await Promise.all(asked.map(answerOf))).toEqual(asked.map(() => [2, false]))
  expect([runs, clock.nTimers()]).toEqual([[], 0])
})

test('whoever waits too long for a thread is told so, and is not begun', async () => {
  const { ask, pass, work, runs } = createWorld()
  const asked = ['a', 'b', 'c', 'd'].map((name) => ask(name))
  pass(WAIT_MS - 1)
  work(runs[1])
  pass(1)
  expect(await must(asked[3], 'd').answer).toMatchObject({ ok: false, error: { code: 'timeout', message: `the question waited ${WAIT_MS} ms for a thread, and none was free`, hint: 'ask fewer at a time, or raise query.threads; running: count_events, count_events' } })
  for (let n = 0; n < 2; n++) work()
  expect(await Promise.all([0, 1, 2].map((n) => answerOf(must(asked[n], 'one'))))).toEqual([[2, false], [2, false], [2, false]])
  expect(runs).toEqual([])
})

test('the same question is worked out once for all who ask at that moment', async () => {
  const { ask, work, runs } = createWorld()
  const asked = [ask('a'), ask('a'), ask('a')]
  expect(runs).toHaveLength(1)
  work()
  expect(await Promise.all(asked.map(answerOf))).toEqual([[2, false], [2, true], [2, true]])
})

test('one that runs is joined only while nothing changes; one that waits, whatever changes', async () => {
  const { ask, work, runs, world } = createWorld()
  const early = ask('a')
  world.number = 4
  const late = ask('a')
  const [first, second] = runs
  expect(runs).toHaveLength(2)
  const waiting = ask('b')
  world.number = 6
  const joining = ask('b')
  work(second)
  work(first)
  work()
  expect(await Promise.all([early, late, waiting, joining].map(answerOf))).toEqual([[2, false], [4, false], [6, false], [6, true]])
  // What the repository is in counts, too: a question that waits goes on with what its latest asker knows.
  for (const facts of ['epoch 1', 'epoch 2']) ask('c', facts)
  expect(runs).toHaveLength(2)
  for (const facts of ['epoch 3', 'epoch 4']) ask('d', facts)
  work()
  ask('d', 'epoch 4')
  work()
  expect(runs).toHaveLength(1)
})

test('what is being changed is joined by nobody, and kept for nobody', async () => {
  const { ask, work, runs, world, find } = createWorld()
  world.isChanging = true
  const asked = [ask('a'), ask('a')]
  expect(runs).toHaveLength(2)
  work()
  work()
  expect(await Promise.all(asked.map(answerOf))).toEqual([[2, false], [2, false]])
  world.isChanging = false
  expect(await find('a')).toBe(null)
})

test('a question whose clients have all gone is not begun, and given up where it runs; the others go on', async () => {
  const { ask, work, runs, leave, givenUp } = createWorld()
  const [a, , c] = [ask('a'), ask('b'), ask('c')]
  const also = ask('c')
  const d = ask('d')
  leave(c.asker)
  leave(d.asker)
  leave(a.asker)
  expect(givenUp).toEqual(['all', ['1']])
  // Nobody joins what is given up.
  const again = ask('a')
  work(runs[0])
  expect(runs.map(({ question }) => question.args)).toEqual([{ name: 'b' }, { name: 'c' }])
  work(runs[1])
  expect(await answerOf(also)).toEqual([2, true])
  expect(runs.map(({ question }) => question.args)).toEqual([{ name: 'b' }, { name: 'a' }])
  work(runs[1])
  expect(await answerOf(again)).toEqual([2, false])
})

test('what is under way is told, with its age and what it has cost so far', async () => {
  const { ask, pass, status } = createWorld()
  ask('a')
  pass(10)
  for (const name of ['b', 'c', 'b']) ask(name)
  pass(5)
  const method = 'count_events'
  expect(await status()).toEqual(ok([
    { method, ageMs: 15, runningMs: 15, askers: 1 }, { method, ageMs: 5, runningMs: 5, askers: 2 }, { method, ageMs: 5, runningMs: null, askers: 1 },
  ] satisfies QuestionUnderWay[]))
})

test('when the Executor dies whoever waits is told at once, what runs is given up, and the next life goes on', async () => {
  const { ask, work, runs, kill, givenUp } = createWorld()
  const asked = ['a', 'b', 'c'].map((name) => ask(name))
  kill(EXECUTOR)
  expect(await Promise.all(asked.map(answerOf))).toEqual(['unavailable', 'unavailable', 'unavailable'])
  expect(givenUp).toEqual(['all', 'all'])
  const after = ask('a')
  // Numbers begin anew, and what ends late is nobody's.
  work()
  work()
  expect(await Promise.race([after.answer, Promise.resolve('waits')])).toBe('waits')
  work()
  expect([await answerOf(after), runs]).toEqual([[2, false], []])
})

test('an answer is found for the very state that it was made for, and none when the Cache has died or memory is short', async () => {
  const { ask, work, find, world, kill, ratio, answers } = createWorld()
  const askedAndMade = (): void => {
    ask('a')
    work()
  }
  askedAndMade()
  expect([await find('a'), await find('b'), await find('a', 'another epoch')]).toEqual([2, null, null])
  askedAndMade()
  world.number = 4
  expect(await find('a')).toBe(null)
  askedAndMade()
  expect(await find('a')).toBe(4)
  expect([answers.mayHold(`${world.number} f`), answers.mayHold('another state')]).toEqual([true, false])
  kill(QUERY_CACHE)
  expect(await find('a')).toBe(null)
  ratio.now = 0
  kill(QUERY_CACHE)
  askedAndMade()
  expect(await find('a')).toBe(null)
})

test('an answer that cost next to nothing, or failed, is not kept', async () => {
  const { ask, work, find, runs } = createWorld()
  ask('cheap')
  work(runs[0], 1)
  const failing = ask('failing')
  work(runs[0], 1000, failure('not_found', 'nothing there'))
  expect([await find('cheap'), await find('failing'), await answerOf(failing)]).toEqual([null, null, 'not_found'])
})

test('the CacheManager resizes and empties it, and hears what it holds', async () => {
  const { ask, work, find, system, settle } = createWorld()
  const operate = async (operation: unknown): Promise<unknown> => {
    const done = system.call(QUERY_CACHE, operation)
    settle()
    return (await done as { readonly value: unknown }).value
  }
  ask('a')
  work()
  expect(await find('a')).toBe(2)
  expect(await operate({ type: 'stats' })).toMatchObject({ maxBytes: 100_000, ratio: 1, views: { 'event answers': { entries: 1, hits: 1, misses: 0 } } })
  expect(await operate({ type: 'resize', ratio: 0 })).toBeGreaterThan(0)
  expect(await find('a')).toBe(null)
  expect(await operate({ type: 'save_hottest', n: 10 })).toBe(0)
})

type Step = { readonly do: 'ask' | 'find' | 'work' | 'change' | 'begin change' | 'leave' | 'kill executor' | 'kill cache' | 'pass' | 'fail'; readonly which: number }

const step: fc.Arbitrary<Step> = fc.record({
  do: fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom('ask' as const, 'find' as const, 'work' as const) },
    { weight: 3, arbitrary: fc.constantFrom('change' as const, 'leave' as const, 'fail' as const, 'pass' as const) },
    { weight: 1, arbitrary: fc.constantFrom('begin change' as const, 'kill executor' as const, 'kill cache' as const) },
  ),
  which: fc.nat(99),
})

test('whatever happens: an answer is never older than its question, one that is kept is what would be answered now, and every call settles', { timeout: 30_000 }, async () => {
  await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 80, size: 'max' }), async (steps) => {
    const { ask, find, work, runs, world, leave, kill, pass, status } = createWorld()
    const asked: { readonly asker: number; readonly since: number; hasLeft: boolean; answer: Result<Answered, Failure> | undefined }[] = []
    for (const { do: what, which } of steps) {
      if (what === 'ask') {
        const since = world.number
        const { asker, answer } = ask(`q${which % 4}`)
        const one: (typeof asked)[number] = { asker, since, hasLeft: false, answer: undefined }
        asked.push(one)
        void answer.then((settled) => Object.assign(one, { answer: settled }))
      } else if (what === 'find') {
        const kept = await find(`q${which % 4}`)
        if (kept !== null) expect([kept, world.isChanging]).toEqual([world.number, false])
      } else if (what === 'work' && runs.length > 0) work(runs[which % runs.length])
      else if (what === 'fail' && runs.length > 0) work(runs[which % runs.length], 0, failure('unavailable', 'its thread died'))
      else if (what === 'begin change') world.isChanging = true
      else if (what === 'change') Object.assign(world, { number: world.number + 2, isChanging: false })
      else if (what === 'leave' && asked.length > 0) {
        const one = must(asked[which % asked.length], 'somebody')
        one.hasLeft = true
        leave(one.asker)
      }
      else if (what === 'kill executor') kill(EXECUTOR)
      else if (what === 'kill cache') kill(QUERY_CACHE)
      else if (what === 'pass') pass(which * 20)
    }
    for (let n = 0; n < 1000 && runs.length > 0; n++) work()
    await new Promise((resolve) => void setImmediate(resolve))
    expect(asked.filter(({ answer }) => answer === undefined)).toEqual([])
    for (const { since, answer } of asked) if (answer?.ok === true) expect(answer.value.bytes[0]).toBeGreaterThanOrEqual(since)
    expect(await status()).toEqual(ok([]))
  }), { numRuns: 1000, ...seed })
})
