/**
 * `verify` and `repair` of a running daemon: in a thread of its own, while files are saved and questions are answered;
 * cancelled when the client goes; and whatever is planted in the store is found and mended, at last by building it anew.
 */

import { existsSync, readdirSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Client } from '../../src/client/client.ts'
import type { NotificationParams, Reply } from '../../src/wire/methods.ts'
import type { TreeNode } from '../../src/wire/records.ts'
import { untilAnswered, value, type Sandbox } from './running-daemon.ts'
import { startOn, type Live } from './set-up.ts'

const moduleText = (n: number, body = 'x'): string => `defmodule M${n} do\n  def f(x), do: ${body}\n  def g(x), do: M${(n + 1) % 40}.f(x)\nend\n`

const startAll = (flags: Readonly<Record<string, string>> = {}): Promise<Live> =>
  startOn(Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`lib/m${n}.ex`, moduleText(n)])), { flags })

async function verify(client: Client): Promise<Reply<'verify'>> {
  const verified = await client.call('verify', {}, { timeoutMs: Infinity })
  return verified.ok ? verified.value : expect.unreachable(verified.error.message)
}

const scratch = ({ paths }: Sandbox): string[] => {
  const directory = join(paths.stateDir, 'verify')
  return existsSync(directory) ? readdirSync(directory) : []
}

/** Through a connection of its own, which the page sums of the daemon do not know: read before they are looked at. */
function plant({ paths }: Sandbox, sql: string): void {
  const db = new DatabaseSync(paths.database, { timeout: 5000 })
  db.exec(sql)
  db.close()
}

test('no differences; progress is told; the second store is gone; one at a time', async () => {
  const { box, live: { client } } = await startAll()
  const phases: NotificationParams<'verify_progress'>['phase'][] = []
  client.onNotification('verify_progress', ({ phase }) => phases.push(phase))
  const [first, second] = await Promise.all([client.call('verify', {}, { timeoutMs: Infinity }), client.call('verify', {}, { timeoutMs: Infinity })])
  const [done, refused] = first.ok ? [first, second] : [second, first]
  expect(done).toMatchObject({ ok: true, value: { total: 0, differences: [], files: 41, modules: 41 } })
  expect(refused).toMatchObject({ ok: false, error: { code: 'busy' } })
  expect([...new Set(phases)]).toEqual(['rebuilding', 'comparing', 'checking'])
  expect(scratch(box)).toEqual([])
})

test('while files are saved and questions are answered', async () => {
  const { box, live: { client } } = await startAll()
  const standing = { isRunning: true }
  const verified = verify(client).finally(() => (standing.isRunning = false))
  let saves = 0
  while (standing.isRunning || saves < 5) {
    saves += 1
    box.write(`lib/m${saves % 40}.ex`, moduleText(saves % 40, `x + ${saves}`))
    expect(await client.call('get_module', { module_name: 'M0', wait: saves % 5 === 0 })).toMatchObject({ ok: true })
    if (saves > 60) break
  }
  const { differences, not_compared: { files_changing: changing } } = await verified
  expect(differences.filter(({ path }) => path === null || !changing.includes(path))).toEqual([])
  await untilAnswered(() => client.call('hello', { wait: true }))
  expect(await verify(client)).toMatchObject({ total: 0, differences: [] })
})

test('a client that goes ends it: another can verify, and nothing is left', async () => {
  const { box, live: { client, connect } } = await startAll()
  const another = await connect()
  const began = Promise.withResolvers<void>()
  another.onNotification('verify_progress', () => began.resolve())
  const lost = another.call('verify', {}, { timeoutMs: Infinity })
  await began.promise
  another.close()
  expect(await lost).toMatchObject({ ok: false })
  const again = await untilNotBusy(() => client.call('verify', {}, { timeoutMs: Infinity }))
  expect(again).toMatchObject({ total: 0 })
  expect(scratch(box)).toEqual([])
})

async function untilNotBusy<T>(ask: () => Promise<{ ok: true; value: T } | { ok: false; error: { code: string; message: string } }>): Promise<T> {
  for (;;) {
    const answer = await ask()
    if (answer.ok) return answer.value
    if (answer.error.code !== 'busy') return expect.unreachable(answer.error.message)
    await new Promise((resolve) => setImmediate(resolve))
  }
}

test('a file that was not brought in, for nobody watches: repair brings it in', async () => {
  const { box, live: { client } } = await startAll({ 'sync.watch': 'false' })
  box.write('lib/m3.ex', moduleText(3, 'x * 2'))
  box.remove('lib/m4.ex')
  const found = await verify(client)
  expect(found.differences.map(({ what, where }) => `${what} ${where}`)).toEqual(expect.arrayContaining(['source lib/m3.ex', 'module M4', 'count modules']))
  const repaired = await client.call('repair', {}, { timeoutMs: Infinity })
  expect(repaired).toMatchObject({ ok: true, value: { found: { files_differing: found.files_differing }, steps: [expect.stringContaining('brought in step')], left: { total: 0 } } })
  expect(await client.call('get_module', { module_name: 'M4' })).toMatchObject({ ok: false, error: { code: 'not_found' } })
  expect(await client.call('repair', {}, { timeoutMs: Infinity })).toMatchObject({ ok: true, value: { steps: [], left: { total: 0 } } })
})

test('rows of a store in memory are mended in place', async () => {
  const { box, live: { client } } = await startAll({ 'storage.backend': 'memory' })
  plant(box, "UPDATE functions SET cyclomatic = 40 WHERE name = 'f'; DELETE FROM postings")
  const found = await verify(client)
  expect(found.files_differing).toBe(40)
  expect(found.differences).toContainEqual({ what: 'function', where: 'M1.f/1', path: 'lib/m1.ex', field: 'cyclomatic', live: '40', rebuilt: '1' })
  expect(await client.call('repair', {}, { timeoutMs: Infinity })).toMatchObject({ ok: true, value: { left: { total: 0 } } })
  expect(await value(client.call('get_callers', { mfa: 'M1.f/1' }))).toMatchObject({ callers: [{ caller: 'M0.g/1' }] })
})

test('what stands in no file is mended by building the store anew; what clients stated is kept', async () => {
  const { box, live: { client } } = await startAll()
  await value(client.call('store_module', { module: { module_name: 'Stated' } }))
  plant(box, "INSERT INTO problems VALUES ('lib/none.ex', 0, 'x', 'y', 1, 1, 0, 0)")
  for (;;) {
    const repaired = await client.call('repair', {}, { timeoutMs: Infinity })
    if (repaired.ok) {
      expect(repaired.value.left).toMatchObject({ total: 0, not_compared: { client_modules: 1 } })
      break
    }
    expect(['unavailable', 'busy', 'timeout']).toContain(repaired.error.code)
    await new Promise((resolve) => setImmediate(resolve))
  }
  const { value: { children } } = await untilAnswered(() => client.call('supervision_tree', {}))
  const find = (nodes: readonly TreeNode[]): TreeNode | undefined => nodes.map((node) => (node.name === 'repository' ? node : find(node.children))).find((node) => node !== undefined)
  expect(find(children)?.state).toBe('running')
  await client.call('import_project', {})
  expect(await verify(client)).toMatchObject({ total: 0, modules: 41 })
})
