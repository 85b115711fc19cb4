/** Events on their way from an agent to an answer, on a daemon whose threads die and whose connections are cut. */

import { readdirSync, statSync, truncateSync } from 'node:fs'
import { connect as connectSocket } from 'node:net'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, onTestFinished, test } from 'vitest'
import type { PartialConfig } from '../../config/schema.ts'
import { must } from '../../src/base/assert.ts'
import { failure, type Failure } from '../../src/base/failure.ts'
import { fail, ok, type Result } from '../../src/base/result.ts'
import type { Client } from '../../src/client/client.ts'
import { encodeFrame } from '../../src/capture/frames.ts'
import { loadBatches } from '../../bench/events-load.ts'
import { batchOf, type TestEvent } from '../event/batches.ts'
import { startStandIn, type StandIn } from '../support/stand-in-agent.ts'
import { untilAnswered, value, type Sandbox } from './running-daemon.ts'
import { daemonHere, projectOf, type DaemonHere } from './set-up.ts'

const LOAD = { batches: 24, eventsPerBatch: 2000, processes: 20, functions: 30, sites: 60, seed: 7 }

type Running = DaemonHere & { readonly box: Sandbox; agent(node: string, more?: Parameters<typeof startStandIn>[0]['answer']): StandIn }

const project = (): Sandbox => projectOf({ 'lib/a.ex': 'defmodule A do\n  def f(x), do: x\nend\n' })

async function running(capture: PartialConfig['capture'] = {}, box: Sandbox = project()): Promise<Running> {
  const here = await daemonHere(box, { capture: { residentBlocks: 4, ...capture } })
  const agent: Running['agent'] = (node, answer) => {
    const standIn = startStandIn({ socketPath: box.paths.agentSocket, node, ...(answer === undefined ? {} : { answer }) })
    onTestFinished(() => standIn.bye())
    return standIn
  }
  return { ...here, box, agent }
}

/** What a method of capture answers: plainly, without the envelope of what is read. */
async function plainly<T>(asked: Promise<Result<T, Failure>>): Promise<T> {
  const answer = await asked
  if (!answer.ok) throw new Error(`${answer.error.code}: ${answer.error.message}`)
  return answer.value
}

async function total(client: Client, filter: Record<string, unknown> = {}): Promise<number> {
  return (await untilAnswered(() => client.call('count_events', filter))).value.value.total
}

test('what was acknowledged is there once, though the thread that takes it dies and connections are cut again and again', { timeout: 60_000 }, async () => {
  const { daemon, client, agent } = await running()
  const agents = [agent('a@host'), agent('b@host')]
  const deaths = fc.sample(fc.constantFrom('kill', 'cut', 'nothing', 'nothing'), { numRuns: LOAD.batches, seed: Number(process.env['FC_SEED'] ?? 11) })
  let at = 0
  for (const batch of loadBatches(LOAD)) {
    for (const each of agents) each.give(batch)
    const fate = deaths[at++]
    if (fate === 'kill' && at % 4 === 0) daemon.kill('capture')
    if (fate === 'cut') agents[at % 2]?.cut()
    if (at % 5 === 0) await agents[0]?.settled()
  }
  await Promise.all(agents.map((each) => each.settled()))
  const events = LOAD.batches * LOAD.eventsPerBatch
  expect(await total(client, { node: 'a@host' })).toBe(events)
  expect(await total(client, { node: 'b@host' })).toBe(events)
  expect(agents.every((each) => each.connections() > 1)).toBe(true)
})

test('another daemon on the same directory knows every event and every session', { timeout: 60_000 }, async () => {
  const first = await running()
  const session = new Uint8Array(16).fill(3)
  const before = startStandIn({ socketPath: first.box.paths.agentSocket, node: 'a@host', session })
  const batches = [...loadBatches({ ...LOAD, batches: 8 })]
  for (const batch of batches) before.give(batch)
  await before.settled()
  await before.bye()
  const page = await value(first.client.call('query_events', { limit: 3, order: 'desc' }))
  await first.stop()

  const second = await running({}, first.box)
  expect(await total(second.client)).toBe(8 * LOAD.eventsPerBatch)
  expect((await value(second.client.call('query_events', { limit: 3, order: 'desc' }))).events).toEqual(page.events)
  // The same agent again: it is told what is there, and what it sends once more is not stored twice.
  const again = startStandIn({ socketPath: second.box.paths.agentSocket, node: 'a@host', session })
  onTestFinished(() => again.bye())
  for (const batch of batches) again.give(batch)
  await again.settled()
  expect(again.heard[0]).toMatchObject(['welcome', { durable: 8 }])
  expect(await total(second.client)).toBe(8 * LOAD.eventsPerBatch)
})

test('clients store events, get them back by any of what they are about, and each is refused or stored by itself', async () => {
  const { client } = await running()
  const stored = await plainly(client.call('store_events', {
    events: [
      { event_type: 'state_change', pid: '0.7.0', mfa: 'A.f/1', correlation_id: 'order-1', node_id: 'A.f/1#1', payload: { old_state: 1, new_state: 2 }, timestamp: '2026-01-02T03:04:05.000000001Z' },
      { event_type: 'error', pid: '0.7.0', mfa: 'no mfa' },
      { event_type: 'annotation', pid: '0.8.0', timestamp: '2026-01-02T03:04:05.000000001Z' },
    ],
  }))
  expect(stored.refused).toEqual([{ index: 1, why: '"no mfa" is no MFA, such as MyApp.Cart.add_item/2' }])
  const [first = '', second = ''] = stored.event_ids
  const one = await value(client.call('get_event_by_id', { event_id: first }))
  expect(one).toMatchObject({
    event_type: 'state_change', pid: '0.7.0', mfa: 'A.f/1', correlation_id: 'order-1', node_id: 'A.f/1#1', evidence: 'given', timestamp_ns: 1_767_323_045_000_000_001n,
    payload: { old_state: 1, new_state: 2 },
  })
  for (const filter of [{ pid: '0.7.0' }, { correlation_id: 'order-1' }, { node_id: 'A.f/1#1' }, { module: 'A', function: 'f', arity: 1 }, { event_type: 'state_change' }] as const) {
    expect((await value(client.call('query_events', filter))).events.map((event) => event.event_id)).toEqual([first])
  }
  const since = '2026-01-02T03:04:05.000000001Z'
  expect((await value(client.call('query_events', { since, order: 'desc' }))).events.map((event) => event.event_id)).toEqual([second, first])
  expect(await total(client, { until: since })).toBe(0)
  expect(await client.call('query_events', { cursor: 'nonsense' })).toMatchObject({ ok: false, error: { code: 'invalid_argument' } })
  expect(await client.call('get_event_by_id', { event_id: 'a@b:1:77' })).toMatchObject({ ok: false, error: { code: 'not_found' } })
  await plainly(client.call('clear_events', {}))
  expect(await total(client)).toBe(0)
})

test('a plan that is active reaches nodes that are there and those that come, and a point that is switched too', async () => {
  const { client, agent } = await running()
  const early = agent('early@host', (what) => ({ asked: what }))
  const told: unknown[] = []
  client.onNotification('instrumentation_changed', (changed) => void told.push(changed))
  client.onNotification('correlation_updated', (updated) => void told.push(updated))
  await value(client.call('watch', {}))
  await plainly(client.call('store_instrumentation_plan', { name: 'cart', plan: { points: [{ module: 'A', function: 'f', arity: 1 }] } }))
  await untilAnswered(async () => {
    const listed = await client.call('list_nodes', {})
    return listed.ok && listed.value.nodes.length === 0 ? fail(failure('unavailable', 'not there yet')) : listed
  })
  expect((await plainly(client.call('activate_instrumentation_plan', { name: 'cart' }))).nodes).toEqual(['early@host'])
  await plainly(client.call('store_correlation', { event_id: 'early@host:1:0', node_id: 'A.f/1#1' }))
  const late = agent('late@host')
  await plainly(client.call('set_instrumentation_point', { name: 'cart', point_id: 'A.f/1', enabled: false }))
  expect(await plainly(client.call('ask_node', { node: 'early@host', what: 'stats' }))).toEqual({ node: 'early@host', answer: { asked: 'stats' } })
  const plans = early.heard.filter(([name]) => name === 'plan').map(([, plan]) => (plan as { points: { enabled: boolean }[] }).points[0]?.enabled)
  expect(plans).toEqual([true, false])
  await untilAnswered(() => Promise.resolve(told.length < 4 ? fail(failure('unavailable', 'not told yet')) : ok(null)))
  expect(told).toEqual([
    { plan: 'cart', nodes: [] }, { plan: 'cart', nodes: ['early@host'] }, { node_id: 'A.f/1#1', event_id: 'early@host:1:0' }, { plan: 'cart', nodes: expect.arrayContaining(['early@host']) as unknown },
  ])
  late.give([...loadBatches({ ...LOAD, batches: 1 })][0] ?? expect.fail('no batch'))
  await late.settled()
  expect(late.heard[0]).toMatchObject(['welcome', { plan: { id: 'cart', points: [{ id: 'A.f/1' }] } }])
  expect(await client.call('activate_instrumentation_plan', { name: 'basket' })).toMatchObject({ ok: false, error: { code: 'not_found', hint: 'there are: cart' } })
})

test('of two connected nodes of one name none is asked or stopped by that name', async () => {
  const { client, agent } = await running()
  const twins = [agent('nonode@nohost', () => ({})), agent('nonode@nohost', () => ({}))]
  await untilAnswered(async () => {
    const listed = await client.call('list_nodes', {})
    return listed.ok && listed.value.nodes.length < twins.length ? fail(failure('unavailable', 'not there yet')) : listed
  })
  expect(await client.call('ask_node', { node: 'nonode@nohost', what: 'stats' })).toMatchObject({ ok: false, error: { code: 'conflict', message: '2 connected nodes are called nonode@nohost' } })
  expect(await client.call('stop_capture', { node: 'nonode@nohost' })).toMatchObject({ ok: false, error: { code: 'conflict' } })
})

test('a plan that would fill the memory of whoever carries it out is refused', async () => {
  const { client } = await running()
  const points = Array.from({ length: 10_000 }, (_, idx) => ({ module: '*', id: String(idx) }))
  const scope = Array.from({ length: 1000 }, (_, idx) => `S${idx}`)
  expect(await client.call('store_instrumentation_plan', { name: 'wild', plan: { points, scope } })).toMatchObject({ ok: false, error: { code: 'too_large' } })
  expect(await client.call('get_instrumentation_plan', { name: 'wild' })).toMatchObject({ ok: false, error: { code: 'not_found' } })
})

test('without capture every question about events is told so, and the daemon goes on', async () => {
  const { client } = await running({ enabled: false })
  const off = { ok: false, error: { code: 'unavailable', message: expect.stringContaining('capture.enabled is off') } }
  expect(await client.call('count_events', {})).toMatchObject(off)
  expect(await client.call('get_event_stats', {})).toMatchObject(off)
  expect(await client.call('store_event', { event: { event_type: 'annotation' } })).toMatchObject(off)
  expect(await client.call('list_modules', {})).toMatchObject({ ok: true })
})

test('connections that say nothing, nonsense or half a frame hurt nobody', async () => {
  const { client, agent, box } = await running({ maxNodes: 2 })
  const raw = (bytes: Uint8Array) => new Promise<string>((done) => {
    const socket = connectSocket(box.paths.agentSocket)
    const heard: Buffer[] = []
    socket.on('data', (chunk) => heard.push(chunk))
    socket.on('error', () => undefined)
    socket.on('close', () => done(Buffer.concat(heard).toString('latin1')))
    socket.write(bytes)
  })
  expect(await raw(Uint8Array.of(0, 0, 0, 1, 0xc1))).toContain('no MessagePack array')
  expect(await raw(Uint8Array.of(0xff, 0xff, 0xff, 0xff))).toContain('larger than 8 MiB')
  expect(await raw(encodeFrame(['batch', 1]))).toContain('first frame must be a hello')
  const half = connectSocket(box.paths.agentSocket)
  half.on('error', () => undefined)
  half.write(Uint8Array.of(0, 0))
  onTestFinished(() => void half.destroy())
  const good = agent('good@host')
  good.give([...loadBatches({ ...LOAD, batches: 1 })][0] ?? expect.fail('no batch'))
  await good.settled()
  expect(await total(client)).toBe(LOAD.eventsPerBatch)
})

test('returns without a call, calls that are given up and calls still open are metrics', async () => {
  const { agent, metrics } = await running()
  const sender = agent('a@host')
  const call = (pid: string): TestEvent => ({ type: 'call', ts: 0, pid, mfa: 'A.f/1' })
  sender.give(batchOf([{ type: 'return', ts: 0, pid: 'p', mfa: 'A.f/1' }, call('q'), call('q'), { type: 'gap', ts: 1, pid: 'q' }, call('r')]))
  await sender.settled()
  const told = async (): Promise<string[]> => (await metrics.render()).text.split('\n').filter((line) => /^elixir_scope_(events_unpaired|calls_given_up|open_calls)/.test(line))
  await expect.poll(told, { timeout: 10_000 }).toEqual(['elixir_scope_events_unpaired_total 1', 'elixir_scope_open_calls 1', 'elixir_scope_calls_given_up_total 2'])
})

test('a file of events that was cut off while no daemon ran: what is lost is told with every answer about that time, by every later daemon too', { timeout: 60_000 }, async () => {
  const first = await running()
  const sender = first.agent('a@host')
  for (const batch of loadBatches({ ...LOAD, batches: 20, eventsPerBatch: 8192 })) sender.give(batch)
  await sender.settled()
  const all = await total(first.client)
  const [oldest] = (await value(first.client.call('query_events', { limit: 1, order: 'asc' }))).events
  await first.stop()
  const events = join(first.box.paths.stateDir, 'events')
  const file = join(events, must(readdirSync(events).find((name) => name.endsWith('.blocks')), 'a file of blocks'))
  truncateSync(file, Math.floor(statSync(file).size / 2))

  for (const nth of [1, 2]) {
    const again = await running({}, first.box)
    const left = await total(again.client)
    const { completeness } = await value(again.client.call('query_events', { limit: 1 }))
    expect(completeness).toMatchObject({ complete: false, gaps: 0, lost: [{ events: all - left, why: 'a file of events ends before events that it held' }] })
    const [loss] = completeness.lost
    const later = { since: BigInt(loss?.until_ns ?? 0) + 1n }
    expect((await value(again.client.call('get_hotspots', later))).completeness).toMatchObject({ complete: true, lost: [] })
    expect((await value(again.client.call('get_hotspots', { until: BigInt(loss?.since_ns ?? 0) + 1n }))).completeness).toMatchObject({ complete: false })
    expect(BigInt(oldest?.timestamp_ns ?? 0) <= BigInt(loss?.since_ns ?? 0)).toBe(true)
    expect(again.logs.some((line) => line.includes('damaged events are set aside'))).toBe(nth === 1)
    await again.stop()
  }
})
