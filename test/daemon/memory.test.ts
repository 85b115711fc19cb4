/**
 * Memory pressure on a daemon in this process, where memory that the test holds counts: writes are refused, reads go on,
 * imports wait, caches shrink, and all is as before once the memory is given back, whatever died meanwhile.
 */

import { expect, test } from 'vitest'
import { must } from '../../src/base/assert.ts'
import type { Result } from '../../src/base/result.ts'
import type { Failure } from '../../src/base/failure.ts'
import type { Client } from '../../src/client/client.ts'
import type { NotificationParams } from '../../src/wire/methods.ts'
import { value } from './running-daemon.ts'
import { daemonHere, projectOf, startIn } from './set-up.ts'

const MIB = 2 ** 20
const FILES = { 'lib/a.ex': 'defmodule A do\n  def f(x), do: A.g(x)\n  def g(x), do: x\nend\n' }

async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => void setTimeout(resolve, 50))
}

test('what was asked for most is there after a restart, once the files have been compared', async () => {
  const box = projectOf(FILES)
  const first = await startIn(box)
  await value(first.client.call('import_project', {}))
  for (let n = 0; n < 3; n++) await value(first.client.call('get_ast_node', { node_id: 'A.f/1' }))
  // Nothing is saved before what was saved has been looked for; the same moment tells these metrics.
  await until(async () => /elixir_scope_cache_misses_total\{cache="answers"\} [1-9]/.test(await (await fetch(`${first.state.http}/metrics`)).text()))
  expect(await first.stop()).toBe(0)
  const second = await startIn(box)
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

test('from normal to emergency and back', { timeout: 240_000 }, async () => {
  // The daemon fits well below the lowest threshold; what the test takes fills the rest, and more.
  const maxBytes = process.memoryUsage.rss() + 650 * MIB
  const box = projectOf(FILES)
  const { daemon, client, logs, metrics } = await daemonHere(box, { memory: { maxBytes } })
  const metric = async (line: string): Promise<number> => {
    const { text } = await metrics.render()
    return Number(text.split('\n').find((each) => each.startsWith(`${line} `))?.slice(line.length) ?? NaN)
  }
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
  const importing = client.call('import_project', {}, { timeoutMs: 200_000 })
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
