/** Profiles of main, of threads that work, hang or end, and of pools. */

import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, afterEach, expect, test } from 'vitest'

import { must } from '../../../src/base/assert.ts'
import type { Failure } from '../../../src/base/failure.ts'
import type { Result } from '../../../src/base/result.ts'
import type { Profiled } from '../../../src/otp/node/profiled.ts'
import { startTree } from '../../../src/otp/node/start-tree.ts'
import { moduleUrl, pool, supervisor, thread } from '../../../src/otp/node/tree-spec.ts'
import type { Tree } from '../../../src/otp/node/tree.ts'
import type { EchoCalls } from './fixtures/echo.thread.ts'
import type { Tasks } from './fixtures/tasks.pool.ts'

const directory = mkdtempSync(join(tmpdir(), 'es-profiled-'))
const trees: Tree[] = []
const forever = new AbortController().signal
const LIMIT_MS = 60_000

afterEach(async () => {
  await Promise.all(trees.splice(0).map((tree) => tree.stop(5000)))
})

afterAll(() => rmSync(directory, { recursive: true }))

async function start(): Promise<{ tree: Tree; profiled: (name: string) => Profiled }> {
  const tree = startTree({
    wires: [{ from: 'main', to: 'echo', name: 'echo', timeoutMs: 60_000 }],
    root: supervisor({ id: 'root', intensity: 10, children: [
      thread({ id: 'echo', url: moduleUrl('./fixtures/echo.thread', import.meta.url), times: { heartbeatMs: 50, silenceMs: 20_000 } }),
      pool({ id: 'tasks', url: moduleUrl('./fixtures/tasks.pool', import.meta.url), size: 1, maxQueue: 8 }),
    ] }),
  })
  trees.push(tree)
  expect(await tree.started).toEqual({ ok: true, value: undefined })
  return { tree, profiled: (name) => must(tree.profiled.get(name), name) }
}

function valueOf<T>(result: Result<T, Failure>): T {
  return result.ok ? result.value : expect.unreachable(result.error.message)
}

/** Some 20 ms of work. */
function countPrimes(max: number): number {
  return Array.from({ length: max }, (_, n) => n).filter((n) => n > 1 && !Array.from({ length: n }, (_, d) => d).some((d) => d > 1 && n % d === 0)).length
}

/** Names of the functions that samples fell into. */
function sampled(text: string): string[] {
  const { nodes, samples } = JSON.parse(text) as { nodes: { id: number; callFrame: { functionName: string } }[]; samples: number[] }
  return nodes.filter(({ id }) => samples.includes(id)).map(({ callFrame }) => callFrame.functionName)
}

test('main and every thread and pool can be profiled, by their names', async () => {
  const { tree } = await start()
  expect([...tree.profiled.keys()]).toEqual(['main', 'echo', 'tasks'])
})

test('the CPU profile of main shows what main did', async () => {
  const { profiled } = await start()
  const begun = valueOf(await profiled('main').beginCpu(forever))
  expect(countPrimes(3000)).toBe(430)
  expect(sampled(valueOf(await begun.end())).length).toBeGreaterThan(0)
})

test('a thread that hangs can be profiled; one that ends takes its profile with it', async () => {
  const { tree, profiled } = await start()
  const hanging = tree.channel<EchoCalls>('echo').call('die', 'loop')
  // The first profiles may be over before the call arrives.
  for (let names: string[] = []; !names.includes('die');) {
    const begun = valueOf(await profiled('echo').beginCpu(forever))
    countPrimes(3000) // meanwhile samples are taken there
    names = sampled(valueOf(await begun.end()))
  }
  const again = valueOf(await profiled('echo').beginCpu(forever))
  tree.kill('echo')
  await hanging
  expect(await again.end()).toMatchObject({ ok: false, error: { code: 'unavailable' } })
})

test('a thread writes its heap to a private file and goes on', async () => {
  const { tree, profiled } = await start()
  const path = join(directory, 'echo.heapsnapshot')
  const written = profiled('echo').writeHeap(path, LIMIT_MS)
  const call = tree.channel<EchoCalls>('echo').call('life', null)
  expect(await written).toEqual({ ok: true, value: null })
  expect(await call).toEqual({ ok: true, value: { epoch: 1, casts: 0 } })
  expect(statSync(path).mode & 0o777).toBe(0o600)
  expect(JSON.parse(readFileSync(path, 'utf8'))).toHaveProperty('snapshot.meta')
})

test('a heap that cannot be written, and one of a thread that ends meanwhile', async () => {
  const { tree, profiled } = await start()
  expect(await profiled('echo').writeHeap(join(directory, 'nowhere', 'x'), LIMIT_MS)).toMatchObject({ ok: false, error: { code: 'unavailable' } })
  void tree.channel<EchoCalls>('echo').call('die', 'loop')
  const never = profiled('echo').writeHeap(join(directory, 'never'), LIMIT_MS)
  tree.kill('echo')
  expect(await never).toMatchObject({ ok: false, error: { code: 'unavailable' } })
})

test('a pool without threads waits for one, until it is told not to', async () => {
  const { tree, profiled } = await start()
  const patience = new AbortController()
  const idle = profiled('tasks').beginCpu(patience.signal)
  patience.abort()
  expect(await idle).toMatchObject({ ok: false, error: { code: 'unavailable', hint: 'give it work meanwhile' } })
  const waiting = profiled('tasks').beginCpu(forever)
  await tree.pool<Tasks>('tasks').run('double', 2)
  const profile = JSON.parse(valueOf(await valueOf(await waiting).end())) as { samples: number[] }
  expect(Array.isArray(profile.samples)).toBe(true)
})

test('a thread of a pool writes its heap', async () => {
  const { profiled } = await start()
  const path = join(directory, 'tasks.heapsnapshot')
  expect(await profiled('tasks').writeHeap(path, LIMIT_MS)).toEqual({ ok: true, value: null })
  expect(statSync(path).size).toBeGreaterThan(100_000)
})
