/** Real pools under a real tree: every task settles, whatever becomes of its thread. */

import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, expect, test } from 'vitest'

import { must } from '../../../src/base/assert.ts'
import { ok } from '../../../src/base/result.ts'
import { formatReason } from '../../../src/otp/exit-reason.ts'
import { startTree } from '../../../src/otp/node/start-tree.ts'
import { moduleUrl, pool, supervisor, thread } from '../../../src/otp/node/tree-spec.ts'
import type { PoolStart } from '../../../src/otp/node/tree-spec.ts'
import type { Pool, PoolArgs, Tree } from '../../../src/otp/node/tree.ts'
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
        pool({ id: 'tasks', url, size: 2, maxQueue: 8, resourceLimits: { maxOldGenerationSizeMb: 48 }, ...rest }),
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
  expect(await (tasks as Pool).run('double', { n: () => 1 })).toMatchObject({ ok: false, error: { code: 'internal' } })
  expect(tasks.stats()).toMatchObject({ nDeaths: 0, nRunning: 0, nDone: 10, lanes: { default: { running: 0, waiting: 0 } } })
})

test('idle threads are given up when asked, working ones are not, and neither counts as a death', async () => {
  const { tasks } = await start()
  await Promise.all([1, 2, 3, 4].map((n) => tasks.run('double', n)))
  expect(tasks.stats().nThreads).toBeGreaterThan(0)
  tasks.releaseIdle()
  expect(tasks.stats()).toMatchObject({ nThreads: 0, nDeaths: 0 })
  const answers = [1, 2, 3, 4].map((n) => tasks.run('double', n))
  tasks.releaseIdle()
  expect(await Promise.all(answers)).toEqual([2, 4, 6, 8].map((value) => ({ ok: true, value })))
  expect(tasks.stats()).toMatchObject({ nDeaths: 0, nDone: 8 })
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
  expect(tasks.stats()).toMatchObject({ nRunning: 2, lanes: { default: { running: 2, waiting: 1, refused: 1 } } })
  abort.abort()
  for (const task of held) expect(await task).toMatchObject({ ok: false, error: { code: 'timeout', details: { cancelled: true } } })
  expect(await tasks.run('double', 1)).toEqual({ ok: true, value: 2 })
  expect(tasks.stats()).toMatchObject({ nDeaths: 0 })
})

test('a task past its deadline is tried once more with twice the time, then given up, its thread with it', async () => {
  const { tasks } = await start()
  expect(await tasks.run('never', null, { timeoutMs: 20 })).toMatchObject({ ok: false, error: { code: 'timeout', details: { timeout_ms: 40 } } })
  expect(await tasks.run('never', null, { timeoutMs: 20, attempts: 1 })).toMatchObject({ ok: false, error: { code: 'timeout', details: { timeout_ms: 20 } } })
  expect(await tasks.run('double', 4)).toEqual({ ok: true, value: 8 })
  expect(tasks.stats()).toMatchObject({ nDeaths: 0, quarantined: [] })
})

test('a key that ran out of time twice is quarantined with the reason; a success wipes the slate', async () => {
  const { tasks } = await start()
  const gaveUp = {
    ok: false, error: { code: 'internal', message: expect.stringMatching(/2 tries: .*longer than 20 ms; .*longer than 40 ms/) as string, details: { quarantined: 'lib/slow.ex 1' } },
  }
  expect(await tasks.run('never', null, { timeoutMs: 20, key: 'lib/slow.ex 1' })).toMatchObject(gaveUp)
  expect(await tasks.run('double', 1, { key: 'lib/slow.ex 1' })).toMatchObject(gaveUp)
  expect(await tasks.run('double', 1, { key: 'lib/slow.ex 2' })).toEqual({ ok: true, value: 2 })
  expect(await tasks.run('never', null, { timeoutMs: 20, attempts: 1, key: 'once' })).toMatchObject({ error: { code: 'timeout' } })
  expect(await tasks.run('double', 1, { key: 'once' })).toEqual({ ok: true, value: 2 })
  expect(await tasks.run('never', null, { timeoutMs: 20, attempts: 1, key: 'once' })).toMatchObject({ error: { code: 'timeout' } })
  expect(tasks.stats()).toMatchObject({ quarantined: ['lib/slow.ex 1'] })
})

test('a task that its caller cuts up is not tried again when it ends its thread', async () => {
  const { tasks } = await start()
  expect(await tasks.run('exit', null, { attempts: 1 })).toMatchObject({ ok: false, error: { code: 'unavailable' } })
  expect(tasks.stats()).toMatchObject({ nDeaths: 1 })
})

test('a lane that has all it can get leaves the overflow to others; exhausted, it answers busy, and recovers', async () => {
  const { tasks, tree } = await start({ overflow: 1, maxQueue: 3 })
  const abort = new AbortController()
  const held = [1, 2, 3, 4, 5].map(() => tasks.run('never', null, { lane: 'batch', signal: abort.signal }))
  const busy = { ok: false, error: { code: 'busy', hint: 'try again in a moment', details: { lane: 'batch', limit: 3 } } }
  expect(await tasks.run('double', 1, { lane: 'batch' })).toMatchObject(busy)
  for (let n = 0; n < 10; n++) expect(await tasks.run('double', n, { lane: 'single' })).toEqual({ ok: true, value: 2 * n })
  expect(tasks.stats().lanes).toEqual({ batch: { running: 2, waiting: 3, refused: 1 }, single: { running: 0, waiting: 0, refused: 0 } })
  expect(must(tree.view().children?.[1], 'the pool').stats).toMatchObject({ 'batch.running': 2, 'batch.waiting': 3, 'batch.refused': 1, running: 2, waiting: 3 })
  abort.abort()
  for (const task of held) expect(await task).toMatchObject({ ok: false, error: { code: 'timeout' } })
  expect(await tasks.run('double', 1, { lane: 'batch' })).toEqual({ ok: true, value: 2 })
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
  const { tree, tasks } = await start({ size: 1 })
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
  const made = (): ReturnType<PoolArgs<Tasks['ask']['args']>> => ok({ args: { port: port.value, value: 'hello' }, transfer: [port.value] })
  expect(await tasks.run('ask', made)).toEqual({ ok: true, value: 'hello' })
})
