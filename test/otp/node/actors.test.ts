/** Actors in threads under supervisors in main: started, called, monitored, lost with their thread and started again. */

import { afterEach, expect, test } from 'vitest'

import { must } from '../../../src/base/assert.ts'
import { ok } from '../../../src/base/result.ts'
import type { SupervisorFlagsInput } from '../../../src/otp/child-spec.ts'
import { formatReason } from '../../../src/otp/exit-reason.ts'
import type { ExitReason } from '../../../src/otp/exit-reason.ts'
import type { Wire } from '../../../src/otp/node/control.ts'
import { startTree } from '../../../src/otp/node/start-tree.ts'
import { actor, moduleUrl, supervisor, thread } from '../../../src/otp/node/tree-spec.ts'
import type { NodeSpec } from '../../../src/otp/node/tree-spec.ts'
import type { Tree } from '../../../src/otp/node/tree.ts'
import type { TreeNode } from '../../../src/otp/starter.ts'
import type { PuppetState } from './fixtures/actors.thread.ts'

type ControlCalls = {
  die: { args: null; result: null }
  ask: { args: string; result: unknown }
  epoch: { args: null; result: number }
}

const url = moduleUrl('./fixtures/actors.thread', import.meta.url)
const trees: Tree[] = []

afterEach(async () => {
  await Promise.all(trees.splice(0).map((tree) => tree.stop(5000)))
})

const host = (id: string, more: { readonly spare?: boolean } = {}): NodeSpec => thread({ id, url, times: { heartbeatMs: 20 }, ...more })
const puppet = (id: string, where: string, more: { readonly actor?: string; readonly restart?: 'temporary' } = {}): NodeSpec =>
  actor({ id, thread: where, actor: 'puppet', name: id, args: { of: id }, ...more })
const control = (to: string): Wire => ({ from: 'main', to, name: 'control' })

/** Threads above, actors below, as the product has them. The actors' supervisor allows no restart unless told to. */
async function grow(threads: readonly NodeSpec[], actors: readonly NodeSpec[], flags: SupervisorFlagsInput = {}): Promise<Tree> {
  const tree = startTree({
    root: supervisor({ id: 'root', strategy: 'rest_for_one', intensity: 0, children: [
      supervisor({ id: 'threads', intensity: 1, children: threads }),
      supervisor({ id: 'actors', intensity: 0, ...flags, children: actors }),
    ] }),
    wires: [control('one')],
    ports: {},
  })
  trees.push(tree)
  expect(await tree.started).toEqual(ok(undefined))
  return tree
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

function node(tree: Tree, sup: 'threads' | 'actors', id: string): TreeNode {
  const parent = must(tree.view().children?.find((child) => child.id === sup), sup)
  return must(parent.children?.find((child) => child.id === id), id)
}

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await turn()
}

async function stateOf(tree: Tree, name: string): Promise<PuppetState> {
  const state = await tree.actors.call(name, 'state')
  if (!state.ok) throw new Error(state.error.message)
  return state.value as PuppetState
}

/** Waits until the actor answers; between its lives it does not. */
const answers = (tree: Tree, name: string): Promise<void> => until(async () => (await tree.actors.call(name, 'state')).ok)

test('actors are started in their threads, called by name from main and from other threads, and shown', async () => {
  const tree = await grow([host('one'), host('two')], [puppet('a', 'one'), puppet('b', 'two')])
  expect(await stateOf(tree, 'a')).toEqual({ start: { of: 'a' }, seen: [] })
  expect(await tree.channel<ControlCalls>('control').call('ask', 'b')).toEqual(ok({ start: { of: 'b' }, seen: [] }))
  expect(await tree.channel<ControlCalls>('control').call('ask', 'nobody')).toMatchObject({ ok: false, error: { code: 'unavailable', details: { reason: 'noproc' } } })
  expect(node(tree, 'actors', 'a')).toMatchObject({ kind: 'actor', state: 'running', thread: 'one', mailbox: 0, restarts: 0 })
})

test('actors call, tell and monitor each other across threads; ports of their own thread', async () => {
  const tree = await grow([host('one'), host('two')], [puppet('a', 'one'), puppet('b', 'two', { restart: 'temporary' })])
  tree.actors.cast('a', [
    { type: 'monitor', target: 'b', tag: 'b' }, { type: 'monitor', target: 'none', tag: 'none' },
    { type: 'cast', to: 'b', body: 'hello' }, { type: 'call', to: 'b', body: 'state', tag: 'state' }, { type: 'run', port: 'double', operation: 4, tag: 'double' },
    { type: 'call', to: 'b', body: 'hold', tag: 'held', timeoutMs: 1 },
  ])
  await until(async () => (await stateOf(tree, 'a')).seen.length === 4)
  expect((await stateOf(tree, 'a')).seen.toSorted()).toEqual(['double: 8', 'held: timeout', 'none: noproc', 'state: {"start":{"of":"b"},"seen":["hello"]}'])
  tree.actors.cast('b', 'throw')
  await until(async () => (await stateOf(tree, 'a')).seen.length === 5)
  expect((await stateOf(tree, 'a')).seen.at(-1)).toBe('b: {uncaught, "Error: struck"}')
})

test('a crash of the actor counts and restarts it alone; the thread lives on', async () => {
  const tree = await grow([host('one')], [puppet('a', 'one'), puppet('b', 'one')], { intensity: 1 })
  tree.actors.cast('b', 'noted')
  tree.actors.cast('a', 'throw')
  await until(() => node(tree, 'actors', 'a').restarts === 1 && node(tree, 'actors', 'a').state === 'running')
  expect(await stateOf(tree, 'a')).toEqual({ start: { of: 'a' }, seen: [] })
  expect((await stateOf(tree, 'b')).seen).toEqual(['noted'])
  expect(node(tree, 'actors', 'a').lastExit).toBe('{uncaught, "Error: struck"}')
  expect(node(tree, 'threads', 'one').restarts).toBe(0)
  tree.actors.cast('a', 'throw')
  expect(formatReason(await tree.ended)).toBe('shutdown')
})

test('a thread that dies: its actors are lost, those who monitor hear noconnection, all come back and only the thread is counted', async () => {
  const tree = await grow([host('one'), host('two')], [puppet('a', 'one'), puppet('b', 'one'), puppet('c', 'two')])
  const downs: string[] = []
  const down = (reason: ExitReason): void => void downs.push(formatReason(reason))
  tree.actors.monitor('a', down)
  const endUnheard = tree.actors.monitor('b', down)
  tree.actors.cast('c', [{ type: 'monitor', target: 'b', tag: 'b' }])
  await stateOf(tree, 'c')
  endUnheard()
  const held = tree.actors.call('a', 'hold')
  await tree.channel<ControlCalls>('control').call('die', null)
  expect(await held).toMatchObject({ ok: false, error: { code: 'unavailable' } })
  await until(() => downs.length > 0)
  for (const name of ['a', 'b']) await answers(tree, name)
  await until(async () => (await stateOf(tree, 'c')).seen.length > 0)
  expect(downs).toEqual(['noconnection'])
  expect((await stateOf(tree, 'c')).seen).toEqual(['b: noconnection'])
  expect(node(tree, 'threads', 'one').restarts).toBe(1)
  expect(node(tree, 'actors', 'a')).toMatchObject({ state: 'running', restarts: 1, lastExit: 'noconnection' })
  expect(node(tree, 'actors', 'c').restarts).toBe(0)
})

test('one_for_all over a lost actor stops and starts its siblings in other threads, in order, without a count', async () => {
  const tree = await grow([host('one'), host('two')], [puppet('a', 'one'), puppet('witness', 'two'), puppet('c', 'one')], { strategy: 'one_for_all' })
  tree.actors.cast('witness', 'noted')
  expect((await stateOf(tree, 'witness')).seen).toEqual(['noted'])
  await tree.channel<ControlCalls>('control').call('die', null)
  await until(() => node(tree, 'actors', 'c').restarts === 1)
  expect((await stateOf(tree, 'witness')).seen).toEqual([])
  for (const name of ['a', 'c']) expect(await stateOf(tree, name)).toEqual({ start: { of: name }, seen: [] })
})

test('an actor may take its thread along; whatever it hosts comes back', async () => {
  const tree = await grow([host('one')], [puppet('a', 'one'), puppet('b', 'one', { restart: 'temporary' })])
  tree.actors.cast('a', 'end the thread')
  await until(() => node(tree, 'threads', 'one').restarts === 1)
  await answers(tree, 'a')
  expect(await tree.actors.call('b', 'state')).toMatchObject({ ok: false, error: { details: { reason: 'noproc' } } })
})

test('OTP calls on placed actors: terminate runs, restart, start_child with a new name, delete', async () => {
  const tree = await grow([host('one'), host('two')], [puppet('witness', 'two'), puppet('a', 'one')])
  const ask = (type: 'terminate_child' | 'restart_child' | 'delete_child', id: string): Promise<unknown> => tree.request('root/actors', { type, id })
  expect(await ask('terminate_child', 'a')).toEqual(ok(ok({ type: 'ok' })))
  await until(async () => (await stateOf(tree, 'witness')).seen.length === 1)
  expect((await stateOf(tree, 'witness')).seen).toEqual(['ended by shutdown'])
  expect(await tree.actors.call('a', 'state')).toMatchObject({ ok: false, error: { code: 'unavailable' } })
  expect(await ask('restart_child', 'a')).toMatchObject(ok(ok({ type: 'child' })))
  expect((await stateOf(tree, 'a')).start).toEqual({ of: 'a' })
  expect(await tree.request('root/actors', { type: 'start_child', spec: puppet('new', 'one') })).toMatchObject(ok(ok({ type: 'child' })))
  tree.actors.cast('witness', [{ type: 'call', to: 'new', body: 'state', tag: 'new' }])
  await until(async () => (await stateOf(tree, 'witness')).seen.length === 2)
  expect((await stateOf(tree, 'witness')).seen[1]).toBe('new: {"start":{"of":"new"},"seen":[]}')
})

test('starts that are ignored, fail, throw or end at once, and names that are taken', async () => {
  const tree = await grow([host('one')], [puppet('a', 'one')])
  const start = (spec: NodeSpec): Promise<unknown> => tree.request('root/actors', { type: 'start_child', spec })
  expect(await start(puppet('i', 'one', { actor: 'ignored' }))).toEqual(ok(ok({ type: 'child', ref: undefined })))
  const failed = (reason: object): unknown => ok({ ok: false, error: expect.objectContaining({ error: 'start_failed', reason: expect.objectContaining(reason) as object }) as object })
  expect(await start(puppet('x', 'one', { actor: 'impossible' }))).toEqual(failed({ kind: 'uncaught' }))
  expect(await start(puppet('y', 'one', { actor: 'unheard_of' }))).toEqual(failed({ kind: 'failed' }))
  expect(await start(puppet('z', 'one', { actor: 'mayfly' }))).toEqual(failed({ kind: 'normal' }))
  expect(await start(actor({ id: 'again', thread: 'one', actor: 'puppet', name: 'a' }))).toEqual(failed({ kind: 'failed' }))
  expect(node(tree, 'actors', 'a').state).toBe('running')
})

test('a child killed by its path comes back, and counts', async () => {
  const tree = await grow([host('one')], [puppet('a', 'one')], { intensity: 1 })
  expect([tree.kill('root/actors/a'), tree.kill('root/actors/none')]).toEqual([true, false])
  await answers(tree, 'a')
  expect(node(tree, 'actors', 'a')).toMatchObject({ restarts: 1, lastExit: 'killed' })
})

test('actors that start while the supervisor of their thread ends do not wait for it, as it waits for them', { timeout: 15_000 }, async () => {
  const tree = startTree({
    root: supervisor({ id: 'root', strategy: 'rest_for_one', intensity: 10, children: [
      supervisor({ id: 'threads', children: [host('one')] }), supervisor({ id: 'actors', children: [puppet('a', 'one')] }),
    ] }),
  })
  trees.push(tree)
  expect(await tree.started).toEqual(ok(undefined))
  tree.kill('root/actors')
  tree.kill('root/threads')
  await until(() => node(tree, 'actors', 'a').state === 'starting')
  await answers(tree, 'a')
})

test('a tree that stops while an actor waits for its thread ends at once', async () => {
  const tree = await grow([host('one')], [puppet('a', 'one')])
  expect(await tree.request('root/threads', { type: 'terminate_child', id: 'one' })).toEqual(ok(ok({ type: 'ok' })))
  await until(() => node(tree, 'actors', 'a').state === 'starting')
  expect(formatReason(await tree.stop(5000))).toBe('shutdown')
})

test('a spare takes over after a crash, and another is made; it goes with its thread', async () => {
  const tree = await grow([host('one', { spare: true })], [puppet('a', 'one')])
  const hasSpare = (): boolean => node(tree, 'threads', 'one').spare === 'ready'
  await until(hasSpare)
  await tree.channel<ControlCalls>('control').call('die', null)
  await answers(tree, 'a')
  expect(await tree.channel<ControlCalls>('control').call('epoch', null)).toEqual(ok(2))
  await until(hasSpare)
  await tree.request('root/threads', { type: 'terminate_child', id: 'one' })
  expect(node(tree, 'threads', 'one').spare).toBeUndefined()
  expect(await tree.request('root/threads', { type: 'restart_child', id: 'one' })).toMatchObject(ok(ok({ type: 'child' })))
  await answers(tree, 'a')
})

test.each([
  ['no thread of the tree', [puppet('a', 'nowhere')]],
  ['two actors of the tree are named a', [puppet('a', 'one'), actor({ id: 'other', thread: 'one', actor: 'puppet', name: 'a' })]],
] as const)('a plan with %s is a bug', (what, actors) => {
  expect(() => startTree({ root: supervisor({ id: 'root', children: [host('one'), ...actors] }) })).toThrow(what)
})
