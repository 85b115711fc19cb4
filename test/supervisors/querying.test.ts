/** Questions about events as main has them answered: the actors, slots and port of the daemon over real threads; what these do is in the test's hands. */

import { afterEach, expect, test } from 'vitest'
import { DEFAULTS } from '../../config/defaults.ts'
import { must } from '../../src/base/assert.ts'
import type { Failure } from '../../src/base/failure.ts'
import type { Result } from '../../src/base/result.ts'
import { createMetricRecorder } from '../../src/host/metric-recorder.ts'
import { systemClock } from '../../src/otp/node/message-port.ts'
import { startTree } from '../../src/otp/node/start-tree.ts'
import { actor, moduleUrl, pool, supervisor } from '../../src/otp/node/tree-spec.ts'
import type { Tree } from '../../src/otp/node/tree.ts'
import { EXECUTOR, QUERY_CACHE, QUERY_POOL_PORT } from '../../src/querying/protocol.ts'
import { createQuerying, slotsFor } from '../../supervisors/querying.ts'
import { answerState, changing, createSharedState } from '../../workers/shared-state.ts'
import { COUNTS } from './fixtures/query-counts.ts'

const started: Tree[] = []

afterEach(async () => {
  for (const tree of started.splice(0)) await tree.stop(5000)
})

type Does = 'answer' | 'wait' | 'die'

async function start() {
  const config = { ...DEFAULTS, capture: { ...DEFAULTS.capture, residentBlocks: 2 } }
  const slots = slotsFor(config)
  const shared = createSharedState()
  const recorder = createMetricRecorder()
  const ints = (n: number): Int32Array => new Int32Array(new SharedArrayBuffer(4 * n))
  const [inSlot, counts] = [ints(slots.givenUp.length), ints(Object.keys(COUNTS).length)]
  const querying = createQuerying({ tree: () => tree, config, slots, shared, cacheBytes: 1 << 20, nowMs: systemClock.nowMs, recorder })
  const tree: Tree = startTree({
    ports: { [QUERY_POOL_PORT]: querying.poolPort },
    root: supervisor({
      id: 'root', intensity: 1000, children: [
        actor({ id: EXECUTOR, name: EXECUTOR, actor: querying.actors.executor }),
        actor({ id: QUERY_CACHE, name: QUERY_CACHE, actor: querying.actors.cache }),
        pool({ id: 'query', url: moduleUrl('./fixtures/query.pool', import.meta.url), init: { givenUp: slots.givenUp, inSlot, counts }, size: config.query.threads, maxQueue: 100 }),
      ],
    }),
  })
  started.push(tree)
  expect(await tree.started).toMatchObject({ ok: true })
  const query = must(querying.service.calls?.['query'], 'the call') as (args: unknown, call: { readonly signal: AbortSignal }) => Promise<Result<Uint8Array, Failure>>
  let nAsked = 0
  const world = {
    tree, shared, querying, slots, inSlot,
    count: (name: keyof typeof COUNTS) => Atomics.load(counts, COUNTS[name]),
    numberOf: (name: string, ...labels: readonly string[]) => recorder.records().find((record) => record.name === name && record.labels.join() === labels.join())?.value,
    /** Another question each time, unless it is named. */
    ask: (does: Does, { signal = new AbortController().signal, name = String(++nAsked) } = {}) => query({ method: 'count_events', args: { does, name }, facts: '' }, { signal }),
    goOn: () => void Atomics.store(counts, COUNTS.mayGoOn, 1),
    hold: () => void Atomics.store(counts, COUNTS.mayGoOn, 0),
    until: async (what: () => boolean): Promise<void> => {
      while (!what()) await new Promise((resolve) => setTimeout(resolve, 2))
    },
    kill: async (id: string): Promise<void> => {
      const lives = () => tree.view().children?.find((child) => child.id === id)
      const before = lives()?.restarts ?? 0
      expect(tree.kill(`root/${id}`)).toBe(true)
      await world.until(() => (lives()?.restarts ?? 0) > before && lives()?.state === 'running')
    },
  }
  return world
}

/** More than there are slots. */
async function expectEverySlot({ ask, slots, count }: Awaited<ReturnType<typeof start>>): Promise<void> {
  const seen = new Set<number>()
  const givenUp = count('givenUp')
  for (let n = 0; n < 2 * slots.givenUp.length; n++) {
    const answer = await ask('answer')
    if (answer.ok) seen.add(answer.value[0] ?? -1)
  }
  expect([seen.size, count('collisions'), count('givenUp')]).toEqual([slots.givenUp.length, 0, givenUp])
}

test('no slot is lost or given twice, whatever dies', { timeout: 30_000 }, async () => {
  const world = await start()
  await expectEverySlot(world)
  expect(await world.ask('die')).toMatchObject({ ok: false, error: { code: 'unavailable' } })
  for (const node of [EXECUTOR, QUERY_CACHE, EXECUTOR, 'query']) {
    world.hold()
    const before = world.count('begun')
    const asked = Array.from({ length: 5 }, () => world.ask('wait'))
    await world.until(() => world.count('begun') === before + DEFAULTS.query.threads)
    await world.kill(node)
    // Threads that were ended can tell no more that they have left.
    if (node === 'query') world.inSlot.fill(0)
    // An Executor that has died leaves none waiting; of the others, those that were under way go on or are told.
    if (node !== EXECUTOR) world.goOn()
    for (const answer of await Promise.all(asked)) if (!answer.ok) expect(answer.error.code).toBe('unavailable')
  }
  await expectEverySlot(world)
  expect(await world.querying.status()).toEqual([])
  expect(world.numberOf('elixir_scope_questions')).toBe(0)
})

test('a client that goes is not waited for: what runs for it alone is given up, what waits is not begun', { timeout: 30_000 }, async () => {
  const world = await start()
  const [staying, leaving] = [new AbortController(), new AbortController()]
  const running = [world.ask('wait', { name: 'a', signal: leaving.signal }), world.ask('wait', { name: 'b', signal: leaving.signal })]
  const joined = world.ask('wait', { name: 'b', signal: staying.signal })
  const waiting = world.ask('wait', { name: 'c', signal: leaving.signal })
  await world.until(() => world.count('begun') === 2)
  expect(await world.querying.status()).toMatchObject([{ method: 'count_events', askers: 1 }, { askers: 2 }, { running_ms: null, askers: 1 }])
  leaving.abort()
  await world.until(() => world.count('givenUp') === 1)
  world.goOn()
  expect(await joined).toMatchObject({ ok: true })
  expect([(await world.ask('answer')).ok, world.count('begun'), await world.querying.status()]).toEqual([true, 3, []])
  expect((await Promise.all([...running, waiting])).map(({ ok }) => ok)).toEqual([false, false, false])
  expect(world.numberOf('elixir_scope_questions')).toBe(0)
})

test('a question whose client has gone before it is begun has failed', async () => {
  const { ask, count, numberOf } = await start()
  expect(await ask('answer', { signal: AbortSignal.abort() })).toMatchObject({ ok: false, error: { code: 'timeout' } })
  expect([count('begun'), numberOf('elixir_scope_questions_total', 'failed'), numberOf('elixir_scope_questions_total', 'cached')]).toEqual([0, 1, undefined])
})

test('an answer that is kept is found again until something changes', async () => {
  const { ask, shared, numberOf, tree, querying } = await start()
  const name = 'one'
  const state = must(answerState(shared, ''), 'a state')
  await tree.actors.call(QUERY_CACHE, { type: 'keep', key: `count_events ${JSON.stringify({ does: 'answer', name })}`, state, bytes: new Uint8Array([99]), costUs: 1000 })
  const first = async () => {
    const answer = await ask('answer', { name })
    return answer.ok ? answer.value[0] : answer.error.code
  }
  expect(await first()).toBe(99)
  changing(shared, 'events', () => null, () => true)
  expect(await first()).toBe(99)
  changing(shared, 'kept', () => null)
  expect(await first()).not.toBe(99)
  querying.measure()
  expect([numberOf('elixir_scope_questions_total', 'cached'), numberOf('elixir_scope_questions_total', 'worked_out'), numberOf('elixir_scope_cache_hits_total', 'event answers', 'l3')]).toEqual([2, 1, 1])
})
