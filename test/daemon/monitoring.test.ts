/** A running daemon is watched as src/host/monitoring.ts says: every metric is in /metrics, every service in its health. */

import { afterAll, beforeAll, expect, test } from 'vitest'
import { METRICS } from '../../src/host/metric-names.ts'
import { WATCHED, WATCHED_HEALTH } from '../../src/host/monitoring.ts'
import { createSandbox, start, value, type RunningDaemon, type Sandbox } from './running-daemon.ts'

let sandbox: Sandbox
let daemon: RunningDaemon

beforeAll(async () => {
  sandbox = createSandbox({ 'mix.exs': 'defmodule Shop.MixProject do\n  use Mix.Project\nend\n', 'lib/money.ex': 'defmodule Shop.Money do\n  def plus(a, b), do: a + b\nend\n' })
  daemon = await start(sandbox, { flags: { 'health.intervalMs': '100', 'supervision.heartbeatMs': '100', 'http.port': '0' } })
  await value(daemon.client.call('import_project', {}))
})

afterAll(async () => {
  expect(await daemon.stop()).toBe(0)
  sandbox.dispose()
})

async function metrics(): Promise<Map<string, number>> {
  const text = await (await fetch(`${daemon.state.http ?? ''}/metrics`)).text()
  return new Map(text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).map((line) => {
    const [, series = '', number] = /^(.*) (\S+)$/.exec(line) ?? []
    return [series, Number(number)]
  }))
}

/** Asks again until it holds: threads tell what they measured every now and then. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!await holds()) await value(daemon.client.call('get_module', { module_name: 'Shop.Money' }))
}

test('every metric that is to be watched has a value', async () => {
  await daemon.client.call('get_module', { module_name: 'Shop.Nobody' })
  const names = Object.values(WATCHED).flatMap((watched) => ('joinsWith' in watched ? [] : watched.metrics))
  // What counts faults has a value when there was one.
  const uneventful = new Set(['elixir_scope_store_set_aside_total'])
  const isThere = (name: string, all: ReadonlyMap<string, number>): boolean => [...all.keys()].some((key) => key.startsWith(name))
  await until(async () => isThere('elixir_scope_rpc_errors_total', await metrics()) && isThere('elixir_scope_cache_hits_total', await metrics()))
  const all = await metrics()
  expect(names.filter((name) => !uneventful.has(name) && !isThere(name, all))).toEqual([])
})

test('no series is one that nobody declared, and none names a client, a file or a task', async () => {
  const begun = await daemon.client.call('profile', { thread: 'main', seconds: 60 })
  const own = [...(await metrics()).keys()].filter((key) => key.startsWith('elixir_scope_'))
  for (const key of own) {
    const name = key.replace(/\{.*/, '').replace(/_(?:bucket|sum|count)$/, '')
    expect(Object.keys(METRICS)).toContain(Object.hasOwn(METRICS, name) ? name : key.replace(/\{.*/, ''))
  }
  expect(own.filter((key) => /Shop|\.ex\b|#\d/.test(key))).toEqual([])
  expect(own.some((key) => key.startsWith('elixir_scope_dynamic_children'))).toBe(true)
  if (begun.ok) await daemon.client.call('task.cancel', { task: begun.value.task })
})

test('status tells the figures of what was asked', async () => {
  await until(async () => {
    const status = await daemon.client.call('daemon_status', {})
    return status.ok && status.value.monitoring.query_latency !== null
  })
  const status = await daemon.client.call('daemon_status', {})
  if (!status.ok) throw new Error(status.error.message)
  const { queries_per_second: queries, memory_usage: memory, disk_usage: disk, query_latency: latency } = status.value.monitoring
  expect(queries).toBeGreaterThan(0)
  expect(memory).toBeGreaterThan(10_000_000)
  expect(disk).toBeGreaterThan(10_000)
  expect(latency?.p99_ms).toBeGreaterThanOrEqual(latency?.p50_ms ?? Infinity)
})

test('every check of health that is to be made is made, and what fails names its remedy', async () => {
  const services = Object.values(WATCHED_HEALTH).flatMap((watched) => ('joinsWith' in watched ? [] : watched.services))
  await until(async () => {
    const health = await daemon.client.call('health_check', {})
    return health.ok && health.value.services.some(({ name }) => name === 'requests')
  })
  const health = await daemon.client.call('health_check', {})
  if (!health.ok) throw new Error(health.error.message)
  expect(health.value.services.map(({ name }) => name)).toEqual(expect.arrayContaining(services))
  for (const { status, reason, remedy } of health.value.services) expect(status === 'healthy').toBe(reason === null && remedy === null)
})
