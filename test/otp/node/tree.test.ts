/** Real threads under a real tree: every way a thread can end, what callers see, and that it comes back wired. */

import { Worker } from 'node:worker_threads'
import { afterEach, expect, test } from 'vitest'

import { must } from '../../../src/base/assert.ts'
import { formatReason } from '../../../src/otp/exit-reason.ts'
import type { ThreadTimes } from '../../../src/otp/thread-life.ts'
import type { Wire } from '../../../src/otp/node/control.ts'
import { NODE_PLATFORM } from '../../../src/otp/node/platform.ts'
import { startPool } from '../../../src/otp/node/pool-child.ts'
import { startTree } from '../../../src/otp/node/start-tree.ts'
import { moduleUrl, supervisor, thread } from '../../../src/otp/node/tree-spec.ts'
import type { NodeSpec } from '../../../src/otp/node/tree-spec.ts'
import type { Tree, TreePlatform } from '../../../src/otp/node/tree.ts'
import type { TreeNode } from '../../../src/otp/starter.ts'
import type { EchoCalls, EchoCasts, EchoInit } from './fixtures/echo.thread.ts'

const url = moduleUrl('./fixtures/echo.thread', import.meta.url)
const times: Partial<ThreadTimes> = { heartbeatMs: 20, silenceMs: 20_000 }
const impatient: Partial<ThreadTimes> = { heartbeatMs: 20, silenceMs: 1500 }
const trees: Tree[] = []

afterEach(async () => {
  await Promise.all(trees.splice(0).map((tree) => tree.stop(5000)))
})

type Echo = { readonly id: string; readonly init?: EchoInit; readonly times?: Partial<ThreadTimes>; readonly shutdown?: number }

const echo = ({ id, init, ...rest }: Echo): NodeSpec =>
  thread({ id, url, init, times, resourceLimits: { maxOldGenerationSizeMb: 48 }, ...rest })

const mainTo = (to: string): Wire => ({ from: 'main', to, name: to, timeoutMs: 20_000 })

type StartFlags = { intensity?: number; strategy?: 'one_for_all'; openThread?: TreePlatform['openThread'] }

function start(children: readonly NodeSpec[], wires: readonly Wire[], { openThread, ...flags }: StartFlags = {}): { tree: Tree; logs: string[] } {
  const logs: string[] = []
  const tree = startTree({
    root: supervisor({ id: 'root', intensity: 10, ...flags, children }),
    wires,
    ...(openThread === undefined ? {} : { platform: { ...NODE_PLATFORM, openThread, startPool } }),
    log: (_level, message, fields) => logs.push(`${message} ${JSON.stringify(fields)}`),
  })
  trees.push(tree)
  return { tree, logs }
}

function one(init?: EchoInit, more: Partial<Echo> = {}): { tree: Tree; logs: string[] } {
  return start([echo({ id: 'echo', ...(init === undefined ? {} : { init }), ...more })], [mainTo('echo')])
}

const child = (tree: Tree, id: string): TreeNode => must(tree.view().children?.find((node) => node.id === id), id)

/** Waits for the thread's next life, on events: each failed call yields to the event loop until it is wired again. */
async function lifeOf(tree: Tree, name: string, epoch: number): Promise<{ epoch: number; casts: number }> {
  for (;;) {
    const life = await tree.channel<EchoCalls>(name).call('life', null)
    if (life.ok && life.value.epoch >= epoch) return life.value
    await new Promise((resolve) => setImmediate(resolve))
  }
}

test('a thread starts, answers, logs, takes casts and stops', async () => {
  const { tree, logs } = one()
  expect(await tree.started).toEqual({ ok: true, value: undefined })
  const channel = tree.channel<EchoCalls, EchoCasts>('echo')
  expect(await channel.call('echo', { a: [1, 'two'] })).toEqual({ ok: true, value: { a: [1, 'two'] } })
  expect(channel.cast('note', 5)).toBe(true)
  expect(await channel.call('life', null)).toEqual({ ok: true, value: { epoch: 1, casts: 5 } })
  expect(logs).toContain('echo is up {"thread":"echo","epoch":1}')
  expect(child(tree, 'echo')).toMatchObject({ kind: 'thread', state: 'running', restart: 'permanent', restarts: 0, thread: 'echo' })
  expect(formatReason(await tree.stop())).toBe('shutdown')
  expect(await channel.call('echo', 1)).toMatchObject({ ok: false, error: { code: 'unavailable' } })
})

test.each([
  ['throw', '{uncaught, "Error: echo.die failed, because TypeError: struck, because Error: by lightning"}'],
  ['reject', '{uncaught, "Error: echo.die failed, because Error: rejected"}'],
  ['exit', '{exit_code, 9}'],
  ['oom', 'oom'],
  ['loop', /^\{unresponsive, \d+\}$/],
  ['exit_orderly', 'normal'],
] as const)('a thread that ends by %s: calls fail at once, it comes back', async (how, reason) => {
  const { tree } = one(undefined, how === 'loop' ? { times: impatient } : {})
  await tree.started
  const channel = tree.channel<EchoCalls>('echo')
  const inFlight = how === 'exit_orderly' ? [] : [channel.call('never', null), channel.call('die', how)]
  if (how === 'exit_orderly') await channel.call('die', how)
  for (const call of inFlight) {
    expect(await call).toMatchObject({ ok: false, error: { code: 'unavailable', hint: expect.any(String) as string } })
  }
  expect(await lifeOf(tree, 'echo', 2)).toEqual({ epoch: 2, casts: 0 })
  const { restarts, lastExit } = child(tree, 'echo')
  expect(restarts).toBe(1)
  expect(lastExit).toMatch(reason)
})

test('an answer sent before the end counts', async () => {
  const { tree } = one()
  await tree.started
  expect(await tree.channel<EchoCalls>('echo').call('answer_then_die', null)).toEqual({ ok: true, value: 'last words' })
  await lifeOf(tree, 'echo', 2)
})

test('calls: progress, unknown methods, uncloneable answers and arguments, deadlines, cancelling', async () => {
  const { tree } = one()
  await tree.started
  const channel = tree.channel<EchoCalls & { nothing: { args: null; result: null } }>('echo')
  const seen: number[] = []
  expect(await channel.call('count', 3, { onProgress: (n) => seen.push(n) })).toEqual({ ok: true, value: 3 })
  expect(seen).toEqual([1, 2, 3])
  expect(await channel.call('nothing', null)).toMatchObject({ ok: false, error: { code: 'unknown_method' } })
  expect(await channel.call('uncloneable', null)).toMatchObject({ ok: false, error: { code: 'internal' } })
  expect(await channel.call('echo', () => 1)).toMatchObject({ ok: false, error: { code: 'internal' } })
  expect(await channel.call('never', null, { timeoutMs: 10 })).toMatchObject({ ok: false, error: { code: 'timeout' } })
  const cancel = new AbortController()
  const cancelled = channel.call('never', null, { signal: cancel.signal })
  cancel.abort()
  expect(await cancelled).toMatchObject({ ok: false, error: { code: 'timeout', details: { cancelled: true } } })
  expect(await channel.call('life', null)).toEqual({ ok: true, value: { epoch: 1, casts: 2000 } })
  expect(channel.stats()).toMatchObject({ nInFlight: 0, epoch: 1 })
})

test('threads are wired to each other, and again after either restarts', async () => {
  const peerWire: Wire = { from: 'echo', to: 'peer', name: 'peer' }
  const { tree } = start([echo({ id: 'peer' }), echo({ id: 'echo' })], [mainTo('echo'), mainTo('peer'), peerWire])
  await tree.started
  const [ask, peer] = [tree.channel<EchoCalls>('echo'), tree.channel<EchoCalls>('peer')]
  expect(await ask.call('ask_peer', 1)).toEqual({ ok: true, value: 1 })
  void peer.call('die', 'throw')
  await lifeOf(tree, 'peer', 2)
  expect(await ask.call('ask_peer', 2)).toEqual({ ok: true, value: 2 })
  void ask.call('die', 'exit')
  await lifeOf(tree, 'echo', 2)
  expect(await ask.call('ask_peer', 3)).toEqual({ ok: true, value: 3 })
})

test('a start may call a thread that was ready before it', async () => {
  const { tree } = start([echo({ id: 'peer' }), echo({ id: 'echo', init: { startup: 'ask_peer' } })], [{ from: 'echo', to: 'peer', name: 'peer' }])
  expect(await tree.started).toEqual({ ok: true, value: undefined })
  const { tree: reversed } = start([echo({ id: 'echo', init: { startup: 'ask_peer' } }), echo({ id: 'peer' })], [{ from: 'echo', to: 'peer', name: 'peer' }])
  expect(await reversed.started).toMatchObject({ ok: false, error: { term: { id: 'echo', reason: { failure: { code: 'unavailable' } } } } })
})

test.each([
  [{ startup: 'fail' }, '{failed, damaged, "the store is damaged"}'],
  [{ startup: 'throw' }, '{uncaught, "Error: cannot start, because Error: the root of it"}'],
  [{ startup: 'exit' }, '{exit_code, 7}'],
  [{ startup: 'hang' }, '{start_timeout, 300}'],
] as const)('a start that ends in %o fails the tree, and the children before it are stopped', async (init, reason) => {
  const startTimeoutMs = init.startup === 'hang' ? 300 : 20_000
  const { tree } = start([echo({ id: 'peer' }), echo({ id: 'echo', init, times: { startTimeoutMs } })], [])
  const started = await tree.started
  expect(started.ok ? 'up' : formatReason(started.error)).toBe(`{shutdown, {failed_to_start_child, echo, ${reason}}}`)
  expect(await tree.ended).toEqual(started.ok ? undefined : started.error)
  expect(child(tree, 'peer').state).toBe('stopped')
})

test('a thread that will not stop is killed at its deadline', async () => {
  const { tree, logs } = one({ stop: 'hang' }, { shutdown: 30 })
  await tree.started
  expect(formatReason(await tree.stop())).toBe('shutdown')
  expect(logs.filter((line) => line.startsWith('shutdown error'))).toEqual(['shutdown error {"child":"root/echo","reason":"killed"}'])
})

test('more restarts than the intensity allows end the tree', async () => {
  const { tree } = start([echo({ id: 'echo' })], [mainTo('echo')], { intensity: 1 })
  await tree.started
  await tree.channel<EchoCalls>('echo').call('die', 'exit')
  await lifeOf(tree, 'echo', 2)
  await tree.channel<EchoCalls>('echo').call('die', 'exit')
  expect(formatReason(await tree.ended)).toBe('shutdown')
})

test('stopped while a child is still starting: nothing is left running', async () => {
  const { tree } = start([echo({ id: 'peer' }), echo({ id: 'echo', init: { startup: 'hang' }, shutdown: 20 })], [mainTo('peer')])
  const reason = await tree.stop()
  expect(formatReason(reason)).toBe('shutdown')
  expect(await tree.started).toEqual({ ok: false, error: reason })
  expect(tree.view()).toMatchObject({ state: 'stopped', children: [{ state: 'stopped' }, { state: 'stopped' }] })
})

test('past the deadline of the stop everything left is killed', async () => {
  const { tree } = one({ stop: 'hang' }, { shutdown: 60_000 })
  await tree.started
  expect(formatReason(await tree.stop(30))).toBe('killed')
})

test('OTP calls on a supervisor of the tree', async () => {
  const { tree } = one()
  await tree.started
  expect(await tree.request('root', { type: 'terminate_child', id: 'echo' })).toEqual({ ok: true, value: { ok: true, value: { type: 'ok' } } })
  expect(await tree.channel<EchoCalls>('echo').call('echo', 1)).toMatchObject({ ok: false, error: { code: 'unavailable' } })
  expect(await tree.request('root', { type: 'restart_child', id: 'echo' })).toMatchObject({ ok: true, value: { ok: true, value: { type: 'child' } } })
  expect((await lifeOf(tree, 'echo', 2)).epoch).toBe(2)
  expect(await tree.request('nowhere', { type: 'which_children' })).toMatchObject({ ok: false, error: { code: 'not_found' } })
})

test('a port made for somebody else reaches the service, and closes when the thread dies', async () => {
  const { tree } = one()
  expect(tree.connect('echo', 'echo')).toMatchObject({ ok: false, error: { code: 'unavailable' } })
  await tree.started
  const port = tree.connect('echo', 'echo')
  if (!port.ok) throw new Error(port.error.message)
  const answered = new Promise((resolve) => port.value.once('message', resolve))
  port.value.postMessage(['call', 1, 'echo', 'hello'], [])
  expect(await answered).toEqual(['reply', 1, { ok: true, value: 'hello' }])
  const closed = new Promise((resolve) => port.value.once('close', () => resolve('closed')))
  void tree.channel<EchoCalls>('echo').call('die', 'exit')
  expect(await closed).toBe('closed')
})

test('all threads load at once, and begin one after the other in the order of the tree', async () => {
  const opened: string[] = []
  const { tree, logs } = start([echo({ id: 'first' }), echo({ id: 'second' }), echo({ id: 'third' })], [], {
    openThread(workerUrl, options) {
      opened.push(must(options.name, 'a name'))
      return new Worker(workerUrl, options)
    },
  })
  // Nothing has begun yet: the event loop has not turned since.
  expect(opened).toEqual(['first', 'second', 'third'])
  expect(await tree.started).toEqual({ ok: true, value: undefined })
  expect(logs.filter((line) => line.startsWith('echo is up'))).toEqual(opened.map((name) => `echo is up {"thread":"${name}","epoch":1}`))
  expect(opened).toHaveLength(3)
})

test('a thread whose module fails to load, while another still begins, fails the start with its own error', async () => {
  const missing = thread({ id: 'missing', url: moduleUrl('./fixtures/no-such.thread', import.meta.url), times })
  const { tree } = start([echo({ id: 'first' }), missing], [])
  const started = await tree.started
  expect(started.ok ? '' : formatReason(started.error)).toContain('no-such.thread')
})
