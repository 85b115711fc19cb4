/** Real pools under a real tree: every task settles, whatever becomes of its thread. */

import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, expect, test } from 'vitest'

import { must } from '../../../src/base/assert.ts'
import { formatReason } from '../../../src/otp/exit-reason.ts'
import { startTree } from '../../../src/otp/node/start-tree.ts'
import { moduleUrl, pool, supervisor, thread } from '../../../src/otp/node/tree-spec.ts'
import type { PoolStart } from '../../../src/otp/node/tree-spec.ts'
import type { Pool, Tree } from '../../../src/otp/node/tree.ts'
import type { Tasks } from './fixtures/tasks.pool.ts'

const trees: Tree[] = []

afterEach(async () => {
  await Promise.all(trees.splice(0).map((tree) => tree.stop(5000)))
})

type Started = { readonly tree: Tree; readonly tasks: Pool<Tasks> }

async function start(options: Partial<PoolStart> & { file?: string; intensity?: number } = {}): Promise<Started> {
  const { file = 'tasks', intensity = 10, ...rest } = options
  const url = moduleUrl(`./fixtures/${file}.pool`, import.meta.url)
  const tree = startTree({
    root: supervisor({
      id: 'root', intensity, children: [
        thread({ id: 'echo', url: moduleUrl('./fixtures/echo.thread', import.meta.url) }),
        pool({ id: 'tasks', url, maxThreads: 2, maxQueue: 8, resourceLimits: { maxOldGenerationSizeMb: 48 }, ...rest }),
      ],
    }),
  })
  trees.push(tree)
  expect(await tree.started).toEqual({ ok: true, value: undefined })
  return { tree, tasks: tree.pool<Tasks>('tasks') }
}

test('tasks answer, with values and with failures', async () => {
  const { tasks } = await start({ init: { depth: 3 } })
  expect(await Promise.all([1, 2, 3, 4].map((n) => tasks.run('double', n)))).toEqual([2, 4, 6, 8].map((value) => ({ ok: true, value })))
  expect(await tasks.run('init', null)).toEqual({ ok: true, value: { depth: 3 } })
  expect(await tasks.run('refuse', null)).toEqual({ ok: false, error: { code: 'not_found', message: 'no such thing' } })
  expect(await tasks.run('throw_failure', null)).toMatchObject({ ok: false, error: { code: 'damaged' } })
  expect(await tasks.run('throw', null)).toMatchObject({ ok: false, error: { code: 'internal', message: expect.stringMatching(/TypeError: a bug, because Error: deeper/) as string } })
  expect(await (tasks as Pool).run('nothing', null)).toMatchObject({ ok: false, error: { code: 'unknown_method' } })
  expect(await (tasks as Pool).run('double', () => 1)).toMatchObject({ ok: false, error: { code: 'internal' } })
  expect(tasks.stats()).toMatchObject({ nDeaths: 0, nRunning: 0, nWaiting: 0, nDone: 10 })
})

test.each(['exit', 'crash', 'oom'] as const)('a task that ends its thread by %s is tried twice, then quarantined', async (how) => {
  const { tasks, tree } = await start()
  const gaveUp = { ok: false, error: { code: 'internal', details: { quarantined: 'lib/bad.ex' } } }
  expect(await tasks.run(how, null, { key: 'lib/bad.ex' })).toMatchObject(gaveUp)
  expect(tasks.stats()).toMatchObject({ nDeaths: 2, quarantined: ['lib/bad.ex'] })
  expect(await tasks.run('double', 1, { key: 'lib/bad.ex' })).toMatchObject(gaveUp)
  expect(await tasks.run('double', 1, { key: 'lib/good.ex' })).toEqual({ ok: true, value: 2 })
  expect(tree.view().children?.[1]).toMatchObject({ state: 'running', restarts: 0, stats: { deaths: 2 } })
})

test('a task whose thread died once succeeds on the second try', async () => {
  const { tasks } = await start()
  const path = join(mkdtempSync(join(tmpdir(), 'pool-')), 'tries')
  writeFileSync(path, '')
  expect(await tasks.run('die_times', { n: 1, path })).toEqual({ ok: true, value: 2 })
})

test('deaths count towards the intensity of the supervisor', async () => {
  const { tree, tasks } = await start({ intensity: 1 })
  expect((await tasks.run('exit', null)).ok).toBe(false)
  expect(formatReason(await tree.ended)).toBe('shutdown')
  expect(await tasks.run('double', 1)).toMatchObject({ ok: false, error: { code: 'unavailable' } })
})

test('one task more than threads and queue hold is refused', async () => {
  const { tasks } = await start({ maxQueue: 1 })
  const abort = new AbortController()
  const held = [1, 2, 3].map(() => tasks.run('never', null, { signal: abort.signal }))
  expect(await tasks.run('double', 1)).toMatchObject({ ok: false, error: { code: 'busy', details: { limit: 1 } } })
  expect(tasks.stats()).toMatchObject({ nRunning: 2, nWaiting: 1, nRefused: 1 })
  abort.abort()
  for (const task of held) expect(await task).toMatchObject({ ok: false, error: { code: 'timeout', details: { cancelled: true } } })
  expect(await tasks.run('double', 1)).toEqual({ ok: true, value: 2 })
  expect(tasks.stats()).toMatchObject({ nDeaths: 0 })
})

test('a task past its deadline is given up, its thread with it', async () => {
  const { tasks } = await start()
  expect(await tasks.run('never', null, { timeoutMs: 20 })).toMatchObject({ ok: false, error: { code: 'timeout', details: { timeout_ms: 20 } } })
  expect(await tasks.run('double', 4)).toEqual({ ok: true, value: 8 })
})

test.each([
  ['broken', '{uncaught, "Error: cannot load"}'],
  ['stuck', '{start_timeout, 2000}'],
] as const)('a pool that cannot load (%s) settles its tasks and ends', async (file, reason) => {
  const { tree, tasks } = await start({ file, intensity: 0, startTimeoutMs: 2000 })
  expect(await tasks.run('double', 1)).toMatchObject({ ok: false, error: { code: 'unavailable' } })
  expect(formatReason(await tree.ended)).toBe('shutdown')
  expect(must(tree.view().children?.[1], 'the pool').lastExit).toBe(reason)
})

test('stopping lets running tasks finish and refuses waiting ones', async () => {
  const { tree, tasks } = await start({ maxThreads: 1 })
  const [running, waiting] = [tasks.run('double', 21), tasks.run('double', 1)]
  const stopped = tree.stop()
  expect(await waiting).toMatchObject({ ok: false, error: { code: 'unavailable' } })
  expect(await running).toEqual({ ok: true, value: 42 })
  expect(formatReason(await stopped)).toBe('shutdown')
})

test('a task can call a thread through a port of its own', async () => {
  const { tree, tasks } = await start()
  const port = tree.connect('echo', 'echo')
  if (!port.ok) throw new Error(port.error.message)
  expect(await tasks.run('ask', { port: port.value, value: 'hello' }, { transfer: [port.value] })).toEqual({ ok: true, value: 'hello' })
})
