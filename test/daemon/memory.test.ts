/**
 * Memory pressure on a daemon in this process, where memory that the test holds counts: writes are refused, reads go on,
 * imports wait, caches shrink, and all is as before once the memory is given back, whatever died meanwhile.
 */

import { mkdirSync } from 'node:fs'
import { afterEach, expect, test } from 'vitest'
import { DEFAULTS } from '../../config/defaults.ts'
import type { Config } from '../../config/schema.ts'
import type { Failure } from '../../src/base/failure.ts'
import type { Result } from '../../src/base/result.ts'
import { connect, type Client } from '../../src/client/client.ts'
import { createLogger } from '../../src/host/log.ts'
import { createMetrics } from '../../src/host/metrics.ts'
import { systemClock } from '../../src/otp/node/message-port.ts'
import type { NotificationParams } from '../../src/wire/methods.ts'
import { startDaemon, type Daemon } from '../../supervisors/daemon.ts'
import { must } from '../../src/base/assert.ts'
import { createSandbox, start, value, type Sandbox } from './running-daemon.ts'

let sandbox: Sandbox | undefined
const closing: (() => Promise<unknown> | void)[] = []

afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close()
  sandbox?.dispose()
})

const MIB = 2 ** 20
const FILES = { 'mix.exs': 'defmodule P.MixProject do\nend\n', 'lib/a.ex': 'defmodule A do\n  def f(x), do: A.g(x)\n  def g(x), do: x\nend\n' }

async function daemonHere(memory: Partial<Config['memory']>): Promise<{ daemon: Daemon; client: Client; logs: string[]; box: Sandbox; metric: (line: string) => Promise<number> }> {
  const box = createSandbox(FILES)
  sandbox = box
  for (const directory of [box.paths.stateDir, box.paths.socketDir]) mkdirSync(directory, { recursive: true, mode: 0o700 })
  const logs: string[] = []
  const metrics = createMetrics({ process: 'left out' })
  const started = await startDaemon({
    config: { ...DEFAULTS, memory: { ...DEFAULTS.memory, ...memory }, supervision: { ...DEFAULTS.supervision, intensityFactor: 1000 } },
    paths: box.paths, version: '0', metrics, logFile: null, startedAt: new Date().toISOString(), heart: null, onShutdown: () => undefined,
    logger: createLogger({ level: 'info', format: 'json', paint: 'plain', write: (line) => void logs.push(line), wallMs: Date.now }),
  })
  if (!started.ok) throw new Error(started.error.message)
  closing.push(() => started.value.stop())
  const opened = await connect({
    socketPath: box.paths.socket, clock: systemClock, random: Math.random, newRequestId: () => crypto.randomUUID(), backOff: { firstMs: 10, maxMs: 100 }, timeoutMs: 20_000,
  })
  if (!opened.ok) throw new Error(opened.error.message)
  closing.push(() => opened.value.close())
  const metric = async (line: string): Promise<number> => {
    const { text } = await metrics.render()
    return Number(text.split('\n').find((each) => each.startsWith(`${line} `))?.slice(line.length) ?? NaN)
  }
  return { daemon: started.value, client: opened.value, logs, box, metric }
}

async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => void setTimeout(resolve, 50))
}

test('what was asked for most is there after a restart, once the files have been compared', async () => {
  const box = createSandbox(FILES)
  sandbox = box
  const first = await start(box)
  await value(first.client.call('import_project', {}))
  for (let n = 0; n < 3; n++) await value(first.client.call('get_ast_node', { node_id: 'A.f/1' }))
  // Nothing is saved before what was saved has been looked for; the same moment tells these metrics.
  await until(async () => /elixir_scope_cache_misses_total\{cache="answers"\} [1-9]/.test(await (await fetch(`${first.state.http}/metrics`)).text()))
  expect(await first.stop()).toBe(0)
  const second = await start(box)
  await value(second.client.call('import_project', {}))
  await until(async () => ((await answered(second.client.call('memory_status', {}))).caches.views.find(({ name }) => name === 'answers')?.entries ?? 0) > 0)
  const before = await answersOf(second.client)
  await value(second.client.call('get_ast_node', { node_id: 'A.f/1' }))
  expect((await answersOf(second.client)).hits).toBe(before.hits + 1)
  expect(await second.stop()).toBe(0)
})

async function answersOf(client: Client) {
  const { caches } = await answered(client.call('memory_status', {}))
  return must(caches.views.find(({ name }) => name === 'answers'), 'the view of answers')
}

async function answered<T>(call: Promise<Result<T, Failure>>): Promise<T> {
  const answer = await call
  if (!answer.ok) throw new Error(answer.error.message)
  return answer.value
}

const store = (client: Client, name: string) => client.call('store_module', { module: { module_name: name } })

test('from normal to emergency and back', { timeout: 60_000 }, async () => {
  // The daemon fits well below the lowest threshold; what the test takes fills the rest, and more.
  const maxBytes = process.memoryUsage.rss() + 650 * MIB
  const { daemon, client, logs, box, metric } = await daemonHere({ maxBytes })
  await value(client.call('import_project', {}))
  const levelNow = async (): Promise<string> => (await answered(client.call('daemon_status', {}))).memory.level
  expect(await levelNow()).toBe('normal')
  expect(await store(client, 'Before')).toMatchObject({ ok: true })
  const heard: NotificationParams<'memory_pressure_changed'>[] = []
  client.onNotification('memory_pressure_changed', (change) => void heard.push(change))

  const held = [Buffer.alloc(Math.max(1, maxBytes * 1.1 - process.memoryUsage.rss()), 1)]
  await until(async () => (await levelNow()) === 'emergency')

  expect(await store(client, 'During')).toMatchObject({ ok: false, error: { code: 'insufficient_memory' } })
  expect(await client.call('get_module', { module_name: 'A' })).toMatchObject({ ok: true })
  expect(await client.call('health_check', {})).toMatchObject({ value: { status: 'degraded' } })
  await until(async () => {
    const status = await client.call('memory_status', {})
    return status.ok && status.value.caches.ratio === 0 && status.value.last_cleanup?.mode === 'emergency' && status.value.caches.bytes === 0
  })
  box.write('lib/b.ex', 'defmodule B do\nend\n')
  const waits = Promise.withResolvers<void>()
  client.onNotification('import_progress', ({ phase }) => {
    if (phase === 'waiting for memory') waits.resolve()
  })
  const importing = client.call('import_project', {}, { timeoutMs: 50_000 })
  await waits.promise
  expect(await client.call('get_module', { module_name: 'A' })).toMatchObject({ value: { verified: false } })
  const asWaiting = await client.call('health_check', {})
  expect(asWaiting.ok && asWaiting.value.services.find(({ name }) => name === 'import')?.reason).toMatch(/waiting for memory/)

  // The thread that settles the level dies: the level stays, and writers notice nothing.
  expect(daemon.kill('memory')).toBe(true)
  expect(await levelNow()).toBe('emergency')
  expect(await store(client, 'During')).toMatchObject({ ok: false, error: { code: 'insufficient_memory' } })
  await until(async () => (await client.call('memory_status', {})).ok)

  // What the cleaning of an emergency collects is this buffer, too.
  held.length = 0
  await until(async () => (await levelNow()) === 'normal')
  expect(await importing).toMatchObject({ ok: true, value: { value: { modules: 3 } } })
  expect(await store(client, 'After')).toMatchObject({ ok: true })
  expect(await client.call('get_module', { module_name: 'B' })).toMatchObject({ value: { verified: true, complete: true } })
  expect(await client.call('get_module', { module_name: 'During' })).toMatchObject({ ok: false })
  expect((await answered(client.call('memory_status', {}))).caches.ratio).toBe(1)

  expect([heard[0]?.from, heard.at(-1)?.to]).toEqual(['normal', 'normal'])
  expect(heard.map(({ to }) => to)).toContain('emergency')
  expect(logs.filter((line) => line.includes('"msg":"memory pressure'))).toHaveLength(heard.length)
  await until(async () => (await metric('elixir_scope_writes_total{outcome="stored"}')) === 2)
  expect(await metric('elixir_scope_writes_total{outcome="storage_rejected"}')).toBe(2)
  expect(await metric('elixir_scope_memory_cleanup_steps_total{step="collect_garbage",outcome="done"}')).toBeGreaterThan(0)
})
