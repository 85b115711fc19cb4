/**
 * Answers that are kept, on a real daemon, against fresh ones: events come and go, files are saved, plans and statements change,
 * threads die, and what is asked in between is what would be answered without a Cache.
 */

import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { must } from '../../src/base/assert.ts'
import type { Failure } from '../../src/base/failure.ts'
import type { Result } from '../../src/base/result.ts'
import { DEFAULTS } from '../../config/defaults.ts'
import { connect, type Client } from '../../src/client/client.ts'
import { systemClock } from '../../src/otp/node/message-port.ts'
import { EXECUTOR, QUERY_CACHE } from '../../src/querying/protocol.ts'
import { AST, QUERYING, ROOT } from '../../supervisors/placement.ts'
import { LOAD, loadBatches } from '../../bench/events-load.ts'
import { batchOf, type TestEvent } from '../event/batches.ts'
import { startStandIn } from '../support/stand-in-agent.ts'
import { value } from './running-daemon.ts'
import { daemonHere, projectOf, type DaemonHere } from './set-up.ts'

const seed = Number(process.env['FC_SEED'] ?? 3)
const T0 = BigInt(Date.now()) * 1_000_000n
const source = (n: number): string => `defmodule A do\n${'  # moved\n'.repeat(n % 3)}  def f(x), do: g(x)\n\n  def g(x), do: x${n % 2 === 0 ? '' : '\n  def new, do: g(1)'}\nend\n`

/** Each asked again and again. */
const QUESTIONS = [
  ['query_events', { limit: 5, order: 'desc' }], ['query_events', { module: 'A' }], ['count_events', {}], ['count_events', { by: 'function' }], ['get_runtime_insights', { of: 'A.g/1' }],
  ['get_hotspots', {}], ['find_never_executed', {}], ['find_unseen_callers', {}], ['get_observed_calls', { mfa: 'A.f/1' }], ['get_instrumentation_points', { of: 'A.f/1' }], ['analyze_complexity', { of: 'A' }],
  ['get_call_tree', { pid: '0.1.0' }], ['get_message_flow', {}],
] as const

type Asked = Result<unknown, Failure>

async function ask(client: Client, [method, args]: (typeof QUESTIONS)[number]): Promise<Asked> {
  for (;;) {
    const answer = (await client.call(method, args)) as Asked
    if (answer.ok || answer.error.code !== 'unavailable') return answer
  }
}

const child = { supervisor: QUERYING, child: QUERY_CACHE }

/** Once before there is a Cache and once after it: whoever saw both alike has seen what an answer is now. */
async function answers(client: Client, question: (typeof QUESTIONS)[number]): Promise<{ readonly before: Asked; readonly kept: readonly Asked[]; readonly after: Asked }> {
  await client.call('supervisor.terminate_child', child)
  const before = await ask(client, question)
  await client.call('supervisor.restart_child', child)
  const kept = [await ask(client, question), await ask(client, question)]
  await client.call('supervisor.terminate_child', child)
  const after = await ask(client, question)
  await client.call('supervisor.restart_child', child)
  return { before, kept, after }
}

type Change = 'batch' | 'event' | 'save' | 'plan' | 'activate' | 'point' | 'forget plan' | 'state' | 'cleanup' | 'clear' | 'kill capture' | 'kill pool' | 'nothing'

test('an answer that is kept is the one that would be given now, whatever has changed', { timeout: 120_000 }, async () => {
  const box = projectOf({ 'lib/a.ex': source(0) })
  const { client, daemon, metrics } = await daemonHere(box, { capture: { residentBlocks: 4 } })
  const agent = startStandIn({ socketPath: box.paths.agentSocket, node: 'a@host' })
  let at = 0
  const event = (): readonly TestEvent[] => [
    { type: 'call', ts: ++at * 10, pid: '0.1.0', mfa: 'A.f/1', caller: 'Main.run/0 lib/main.ex:1' }, { type: 'call', ts: at * 10 + 1, pid: '0.1.0', mfa: 'A.g/1', caller: 'A.f/1 lib/a.ex:2' },
    { type: 'return', ts: at * 10 + 2, pid: '0.1.0', mfa: 'A.g/1' }, { type: 'send', ts: at * 10 + 3, pid: '0.1.0', peer: '0.2.0' },
  ]
  const changes: Readonly<Record<Change, (which: number) => Promise<unknown> | void>> = {
    batch: async () => {
      agent.give(batchOf(event(), { t0Ns: T0 }))
      await agent.settled()
    },
    event: () => client.call('store_event', { event: { event_type: 'call', mfa: 'A.g/1', pid: '0.1.0' } }),
    save: async (which) => {
      box.write('lib/a.ex', source(which))
      await client.call('import_project', {})
    },
    plan: (which) => client.call('store_instrumentation_plan', { name: `p${which % 2}`, plan: { points: [{ module: 'A', ...(which % 3 === 0 ? { function: 'f' } : {}) }] } }),
    activate: (which) => client.call('activate_instrumentation_plan', { name: which % 3 === 0 ? null : `p${which % 2}` }),
    point: (which) => client.call('set_instrumentation_point', { name: `p${which % 2}`, point_id: 'A.*/*', enabled: which % 4 < 2, tags: [String(which)] }),
    'forget plan': (which) => client.call('delete_instrumentation_plan', { name: `p${which % 2}` }),
    state: (which) => client.call('update_runtime_insights', { of: 'A.g/1', source: 's', insights: { which } }),
    cleanup: () => client.call('cleanup_old_events', { max_events: 0 }),
    clear: () => client.call('clear_events', {}),
    'kill capture': () => void daemon.kill('capture'),
    'kill pool': () => void daemon.kill('query'),
    nothing: () => undefined,
  }
  await client.call('import_project', {})
  const often = ['batch', 'event', 'save', 'plan', 'activate', 'point', 'state'] as const
  const steps = fc.sample(fc.tuple(fc.oneof({ weight: 10, arbitrary: fc.constantFrom(...often) }, { weight: 3, arbitrary: fc.constantFrom(...(Object.keys(changes) as Change[])) }), fc.nat(11), fc.nat(QUESTIONS.length - 1)), { numRuns: 50, seed })
  let nCompared = 0
  for (const [change, which, first] of steps) {
    await changes[change](which)
    for (const question of [must(QUESTIONS[first], 'a question'), must(QUESTIONS[(first + which) % QUESTIONS.length], 'a question')]) {
      // What was kept before the change must not be given after it: nobody has asked since.
      const known = await client.call('get_statistics', { wait: true })
      const early = await ask(client, question)
      if (early.ok && known.ok) expect((early.value as { readonly epoch: number }).epoch).toBeGreaterThanOrEqual(known.value.epoch)
      const { before, kept, after } = await answers(client, question)
      if (JSON.stringify(before, plain) !== JSON.stringify(after, plain)) continue
      for (const answer of kept) expect(answer, `${change}, then ${question[0]}`).toEqual(after)
      if (freshnessOf(early) === freshnessOf(after)) expect(early, `${change}, then ${question[0]} at once`).toEqual(after)
      nCompared += 1
    }
    // Left in the Cache for the step after.
    for (const question of QUESTIONS) await ask(client, question)
  }
  const cached = metrics.recorder.records().find(({ name, labels }) => name === 'elixir_scope_questions_total' && labels[0] === 'cached')?.value
  expect(nCompared).toBeGreaterThan(steps.length)
  expect(Number(cached)).toBeGreaterThan(nCompared / 2)
  await agent.bye()
})

/** A change of a file is heard of when it is; everything else is there when it is acknowledged. */
function freshnessOf(answer: Asked): string {
  const { epoch, stale, verified, complete } = answer.ok ? (answer.value as Record<string, unknown>) : {}
  return JSON.stringify([answer.ok, epoch, stale, verified, complete])
}

const plain = (_key: string, held: unknown): unknown => (typeof held === 'bigint' ? String(held) : held)

test('what is stated or planned is in the next answer, however soon it comes', { timeout: 60_000 }, async () => {
  const { client } = await daemonHere(projectOf({ 'lib/a.ex': source(0) }), { capture: { residentBlocks: 4 } })
  await client.call('import_project', {})
  await client.call('store_instrumentation_plan', { name: 'p', plan: { points: [{ id: 'all', module: 'A' }] } })
  await client.call('activate_instrumentation_plan', { name: 'p' })
  for (let n = 0; n < 20; n++) {
    const tags = [String(n)]
    expect(await client.call('update_runtime_insights', { of: 'A.g/1', source: 's', insights: { n } })).toMatchObject({ ok: true })
    expect((await value(client.call('get_runtime_insights', { of: 'A.g/1' }))).stated).toMatchObject([{ insights: { n } }])
    expect(await client.call('set_instrumentation_point', { name: 'p', point_id: 'all', tags })).toMatchObject({ ok: true })
    expect((await value(client.call('get_instrumentation_points', { of: 'A.f/1', limit: 1 }))).points).toMatchObject([{ tags }])
  }
})

test('answers that are kept are among the caches that memory management sees and empties', { timeout: 60_000 }, async () => {
  const { client } = await daemonHere(projectOf({ 'lib/a.ex': source(0) }))
  await client.call('import_project', {})
  for (let n = 0; n < 5; n++) await value(client.call('analyze_complexity', { of: 'A' }))
  const held = async () => {
    for (;;) {
      const status = await client.call('memory_status', {})
      if (status.ok) return must(status.value.caches.views.find(({ name }) => name === 'event answers'), 'the view')
    }
  }
  const before = await held()
  expect([before.entries, before.hits > 0, before.bytes > 0]).toEqual([1, true, true])
  await client.call('emergency_cleanup', {})
  expect(await held()).toMatchObject({ entries: 0, bytes: 0 })
})

test('no answer lacks events because the capture thread is being started again', { timeout: 60_000 }, async () => {
  const box = projectOf({ 'lib/a.ex': source(0) })
  const { client, daemon } = await daemonHere(box, { capture: { residentBlocks: 4 } })
  const agent = startStandIn({ socketPath: box.paths.agentSocket, node: 'a@host' })
  // A log that takes its time to be read.
  for (const batch of loadBatches({ ...LOAD, batches: 3 })) agent.give(batch)
  await agent.settled()
  const total = 3 * LOAD.eventsPerBatch
  let nAnswered = 0
  for (let n = 0; n < 6; n++) {
    daemon.kill('capture')
    const sinceMs = performance.now()
    for (let asked = 0; performance.now() - sinceMs < 700; asked++) {
      const answer = await client.call('count_events', { node: 'a@host', limit: 1 + (asked % 1000) })
      // On a busy machine it may not be back in the time that a question waits for it.
      expect(answer.ok ? answer.value.value.total : answer.error.code).toBe(answer.ok ? total : 'unavailable')
      if (answer.ok) nAnswered += 1
    }
  }
  expect(nAnswered).toBeGreaterThan(0)
  await agent.bye()
})

// Less than a question may wait for a thread: by then it would be over anyway.
test('questions of a client that has gone are not begun', { timeout: 25_000 }, async () => {
  const box = projectOf({ 'lib/a.ex': source(0) })
  const { client, metrics } = await daemonHere(box)
  const leaving = await connect({ socketPath: box.paths.socket, clock: systemClock, random: Math.random, newRequestId: () => crypto.randomUUID(), backOff: { firstMs: 10, maxMs: 100 }, timeoutMs: 20_000 })
  if (!leaving.ok) throw new Error(leaving.error.message)
  // Without a store of events two wait for it, and the others for these.
  const capture = { supervisor: 'ElixirScope.Threads', child: 'capture' }
  expect(await client.call('supervisor.terminate_child', capture)).toMatchObject({ ok: true })
  const asked = Array.from({ length: 60 }, (_, n) => leaving.value.call('count_events', { limit: 1 + n }))
  let nSettled = 0
  for (const answer of asked) void answer.then(() => (nSettled += 1))
  const underWay = async () => {
    const status = await client.call('daemon_status', {})
    if (!status.ok) throw new Error(status.error.message)
    return status.value.questions.length
  }
  while (await underWay() + nSettled < asked.length);
  leaving.value.close()
  await Promise.all(asked)
  while (await underWay() > DEFAULTS.query.threads);
  await client.call('supervisor.restart_child', capture)
  while (await underWay() > 0);
  const workedOut = metrics.recorder.records().find(({ name, labels }) => name === 'elixir_scope_questions_total' && labels[0] === 'worked_out')?.value ?? 0
  // What a thread had begun may be done before it hears.
  expect(workedOut).toBeLessThanOrEqual(DEFAULTS.query.threads)
})

test('every question is answered or told why not, whatever of Querying dies meanwhile', { timeout: 60_000 }, async () => {
  const box = projectOf({ 'lib/a.ex': source(0) })
  const { client, daemon }: DaemonHere = await daemonHere(box, { capture: { residentBlocks: 4 } })
  await client.call('import_project', {})
  const path = (name: string): string => [ROOT, `${AST}.Supervisor`, QUERYING, name].join('/')
  const killed = { [EXECUTOR]: 0, [QUERY_CACHE]: 0, query: 0 }
  const run = { isOver: false }
  const codes = new Set<string>()
  const asking = Array.from({ length: 8 }, async (_, who) => {
    for (let n = who; !run.isOver; n++) {
      const answer = await client.call('count_events', { limit: 1 + (n % 50) }, { timeoutMs: 20_000 })
      if (!answer.ok) codes.add(answer.error.code)
      await client.call('store_event', { event: { event_type: 'annotation' } })
    }
  })
  const deaths = fc.sample(fc.constantFrom(EXECUTOR, QUERY_CACHE, 'query' as const), { numRuns: 45, seed })
  const pause = () => new Promise((resolve) => setTimeout(resolve, 20))
  for (const name of deaths) {
    // It may still be coming back.
    while (!daemon.kill(name === 'query' ? name : path(name))) await pause()
    killed[name] += 1
    await pause()
  }
  run.isOver = true
  await Promise.all(asking)
  expect([...codes].filter((code) => code !== 'unavailable')).toEqual([])
  expect(Object.values(killed).every((n) => n > 5)).toBe(true)
  for (let n = 0; n < 40; n++) await value(client.call('count_events', { limit: 100 + n }))
  expect(await client.call('daemon_status', {})).toMatchObject({ value: { questions: [] } })
})
