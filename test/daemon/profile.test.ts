/** Profiles of a running daemon, over the socket: its threads go on, and its tasks can be waited for, cancelled and are forgotten. */

import { readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { TreeNode } from '../../src/wire/records.ts'
import type { ArgsInput, Reply } from '../../src/wire/methods.ts'
import { createSandbox, start, value, type RunningDaemon, type Sandbox } from './running-daemon.ts'

let sandbox: Sandbox
let daemon: RunningDaemon

beforeAll(async () => {
  sandbox = createSandbox({ 'mix.exs': 'defmodule Shop.MixProject do\n  use Mix.Project\nend\n', 'lib/money.ex': 'defmodule Shop.Money do\n  def plus(a, b), do: a + b\nend\n' })
  daemon = await start(sandbox, { flags: { 'supervision.heartbeatMs': '100' } })
  await value(daemon.client.call('import_project', {}))
})

afterAll(async () => {
  expect(await daemon.stop()).toBe(0)
  sandbox.dispose()
})

async function begin(args: ArgsInput<'profile'>): Promise<string> {
  const begun = await daemon.client.call('profile', args)
  return begun.ok ? begun.value.task : expect.unreachable(begun.error.message)
}

async function taken(task: string): Promise<NonNullable<Reply<'task.await'>['profile']>> {
  for (;;) {
    const standing = await daemon.client.call('task.await', { task, wait_ms: 20_000 })
    if (!standing.ok) return expect.unreachable(standing.error.message)
    if (standing.value.profile !== null) return standing.value.profile
  }
}

async function node(name: string): Promise<TreeNode | undefined> {
  const find = (at: TreeNode): TreeNode | undefined => at.name === name ? at : at.children.map(find).find((found) => found !== undefined)
  const tree = await daemon.client.call('supervision_tree', {})
  return tree.ok ? find(tree.value) : undefined
}

test.each(['main', 'gateway'])('a CPU profile of %s, with samples, in a private file of the state directory', async (thread) => {
  const { path, bytes, ...rest } = await taken(await begin({ thread, seconds: 0.2 }))
  expect(rest).toMatchObject({ kind: 'cpu', thread })
  expect(rest.duration_ms).toBeGreaterThanOrEqual(200)
  expect(dirname(path)).toBe(join(sandbox.paths.stateDir, 'profiles'))
  expect([statSync(path).mode & 0o777, statSync(path).size]).toEqual([0o600, bytes])
  const { nodes, samples, timeDeltas } = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown[]>
  expect([nodes?.length, samples?.length]).not.toContain(0)
  expect(timeDeltas).toHaveLength(samples?.length ?? -1)
})

test('two threads at once; one in each: the second is told so', async () => {
  const [first, second, other] = [await begin({ thread: 'repository', seconds: 1 }), await begin({ thread: 'repository', seconds: 1 }), await begin({ thread: 'gateway', seconds: 0.1 })]
  expect(await daemon.client.call('task.await', { task: second })).toMatchObject({ ok: false, error: { code: 'busy' } })
  expect((await taken(other)).thread).toBe('gateway')
  expect((await taken(first)).thread).toBe('repository')
})

test('the heap of the repository thread: it stands still meanwhile, questions are answered, and it is not taken for hung', async () => {
  const task = await begin({ kind: 'heap', thread: 'repository' })
  expect(await daemon.client.call('get_module', { module_name: 'Shop.Money' })).toMatchObject({ ok: true })
  const { path, bytes } = await taken(task)
  expect(bytes).toBeGreaterThan(1_000_000)
  expect(JSON.parse(readFileSync(path, 'utf8'))).toHaveProperty('snapshot.node_count')
  expect(await node('repository')).toMatchObject({ state: 'running', restarts: 0 })
  expect(await value(daemon.client.call('import_project', {}))).toMatchObject({ unchanged: 2 })
})

test('the heap of a thread of the parser pool', async () => {
  expect(await taken(await begin({ kind: 'heap', thread: 'parser' }))).toMatchObject({ kind: 'heap', thread: 'parser' })
})

test('a thread that there is not: the failure names those there are', async () => {
  const refused = await daemon.client.call('profile', { thread: 'gatway' })
  expect(refused).toMatchObject({ ok: false, error: { code: 'not_found', hint: expect.stringMatching(/^there are main, .*repository.*gateway/) as string } })
})

test('a task is a child of TaskSupervisor, can be cancelled, and says so', async () => {
  const task = await begin({ thread: 'main', seconds: 60 })
  expect((await node('ElixirScope.AST.TaskSupervisor'))?.children.length).toBeGreaterThan(0)
  expect(await daemon.client.call('task.await', { task, wait_ms: 0 })).toEqual({ ok: true, value: { state: 'running', profile: null } })
  const waiting = daemon.client.call('task.await', { task, wait_ms: 20_000 })
  expect(await daemon.client.call('task.cancel', { task })).toEqual({ ok: true, value: { ok: true } })
  expect(await waiting).toMatchObject({ ok: false, error: { code: 'timeout', details: { cancelled: true } } })
  expect((await taken(await begin({ thread: 'main', seconds: 0.1 }))).thread).toBe('main')
})

test('a repeated request is the same task; one that there is not is not found', async () => {
  const args = { thread: 'main', seconds: 0.1, request_id: 'the-same' }
  expect([await begin(args), await begin(args)]).toEqual(['the-same', 'the-same'])
  expect((await taken('the-same')).thread).toBe('main')
  for (const method of ['task.await', 'task.cancel'] as const) {
    expect(await daemon.client.call(method, { task: 'another' })).toMatchObject({ ok: false, error: { code: 'not_found' } })
  }
})
