import { afterAll, beforeAll, expect, test } from 'vitest'
import { connect as connectSocket } from 'node:net'
import { once } from 'node:events'
import type { TreeNode } from '../../src/wire/records.ts'
import { DEFAULTS } from '../../config/defaults.ts'
import { placesOf, TASK } from '../../supervisors/placement.ts'
import { treeFor } from '../../supervisors/tree.ts'
import { createSandbox, start, tryStart, value, type RunningDaemon, type Sandbox } from './running-daemon.ts'

const CART = `defmodule Shop.Cart do
  @moduledoc "The cart of one customer."
  alias Shop.Money

  @doc "Adds."
  @spec add(list, term, integer) :: list
  def add(items, item, count \\\\ 1)
  def add([], item, count) when count > 0, do: [{item, count}]
  def add(items, item, count) do
    case List.keyfind(items, item, 0) do
      nil -> [{item, count} | items]
      {_, n} -> items |> List.keyreplace(item, 0, {item, Money.plus(n, count)})
    end
  end
end
`
const MONEY = 'defmodule Shop.Money do\n  def plus(a, b), do: a + b\nend\n'
const BROKEN = 'defmodule Shop.Broken do\n  def fine(x), do: x\n  def broken(x), do: (x\nend\n'

let sandbox: Sandbox
let daemon: RunningDaemon

beforeAll(async () => {
  sandbox = createSandbox({ 'mix.exs': 'defmodule Shop.MixProject do\n  use Mix.Project\nend\n', 'lib/cart.ex': CART, 'lib/money.ex': MONEY, 'lib/broken.ex': BROKEN })
  // What is imported when is the tests' own business here; test/daemon/sync.test.ts has files followed.
  daemon = await start(sandbox, { flags: { 'sync.watch': 'false' } })
})

afterAll(async () => {
  expect(await daemon.stop()).toBe(0)
  sandbox.dispose()
})

test('an import says what it found, tells its progress, and a second one parses nothing', async () => {
  const heard: string[] = []
  daemon.client.onNotification('import_progress', ({ phase }) => heard.push(phase))
  const first = await value(daemon.client.call('import_project', {}))
  expect(first).toMatchObject({ files: 4, parsed: 4, unchanged: 0, modules: 4, problems: 1 })
  expect([...new Set(heard)]).toEqual(['scanning', 'parsing', 'writing', 'done'])
  expect(await value(daemon.client.call('import_project', {}))).toMatchObject({ files: 4, parsed: 0, unchanged: 4, modules: 4 })
  expect(await value(daemon.client.call('import_project', { force: true }))).toMatchObject({ parsed: 4 })
})

test('an answer names its epoch, and says that it is complete and verified', async () => {
  const answer = await daemon.client.call('get_module', { module_name: 'Shop.Cart' })
  expect(answer).toMatchObject({ ok: true, value: { complete: true, verified: true, value: { source_file: 'lib/cart.ex', exports: ['add/2', 'add/3'] } } })
})

test('a function by any arity that its defaults generate, with its calls', async () => {
  const found = await value(daemon.client.call('get_function', { mfa: 'Shop.Cart.add/2' }))
  expect(found).toMatchObject({ mfa: 'Shop.Cart.add/3', arities: [2, 3], doc: { text: 'Adds.' }, cyclomatic_complexity: 3 })
  expect(found.clauses).toHaveLength(2)
  expect(found.calls_made.map((call) => call.callee)).toEqual(['List.keyfind/3', 'List.keyreplace/4', 'Shop.Money.plus/2'])
})

test('callers over the project, and the node behind one', async () => {
  const { callers } = await value(daemon.client.call('get_callers', { mfa: 'Shop.Money.plus/2' }))
  expect(callers).toMatchObject([{ caller: 'Shop.Cart.add/3', path: 'lib/cart.ex', line: 12, grade: 'resolved' }])
  const node = await value(daemon.client.call('get_ast_node', { node_id: callers[0]?.node_id ?? '' }))
  expect(node).toMatchObject({ kind: 'RemoteCall', text: 'Money.plus(n, count)', source_file: 'lib/cart.ex', location: { line: 12 } })
  expect(node.quoted).toContain(':plus')
  const parent = await value(daemon.client.call('get_ast_node', { node_id: node.parent_id ?? '' }))
  expect(parent.children_ids).toContain(node.node_id)
})

test('functions outside the broken part of a file are found, its problem is listed', async () => {
  expect(await value(daemon.client.call('get_function', { mfa: 'Shop.Broken.fine/1' }))).toMatchObject({ source_file: 'lib/broken.ex' })
  const { problems } = await value(daemon.client.call('list_problems', {}))
  expect(problems).toMatchObject([{ path: 'lib/broken.ex', line: 3 }])
})

test.each([
  ['get_module', { module_name: 'Shop.Crat' }, 'not_found'],
  ['get_module', { module_name: 'not a name' }, 'invalid_argument'],
  ['get_function', { mfa: 'Shop.Cart.ad/1' }, 'not_found'],
  ['get_function', { mfa: 'nonsense' }, 'invalid_argument'],
  ['get_ast_node', { node_id: 'Shop.Cart.add/3#9' }, 'not_found'],
  ['list_modules', { limit: 0 }, 'invalid_argument'],
  ['list_modules', { cursor: 'made up' }, 'invalid_argument'],
  ['get_module_by_file', { path: 'lib/nothing.ex' }, 'not_found'],
  ['list_problems', { path: 'lib/nothing.ex' }, 'not_found'],
  ['get_modul', {}, 'unknown_method'],
])('%s %j fails with %s and a hint', async (method, args, code) => {
  const answer = await daemon.client.request(method, args)
  expect(answer).toMatchObject({ ok: false, error: { code } })
  if (!answer.ok) expect(`${answer.error.message} ${answer.error.hint ?? ''}`).not.toMatch(/undefined|\[object/)
})

test('lists come in pages that join without gap or overlap', async () => {
  const names: string[] = []
  let cursor: string | undefined
  do {
    const page = await value(daemon.client.call('list_modules', { limit: 1, ...(cursor === undefined ? {} : { cursor }) }))
    names.push(...page.modules.map((module) => module.module_name))
    cursor = page.cursor ?? undefined
  } while (cursor !== undefined)
  expect(names).toEqual(['Shop.Broken', 'Shop.Cart', 'Shop.MixProject', 'Shop.Money'])
})

test('everything can be exported as lines of JSON', async () => {
  const records: { record: string }[] = []
  let cursor: string | undefined
  do {
    const page = await value(daemon.client.call('export_data', { limit: 3, ...(cursor === undefined ? {} : { cursor }) }))
    records.push(...page.lines.map((line) => JSON.parse(line) as { record: string }))
    cursor = page.cursor ?? undefined
  } while (cursor !== undefined)
  expect(records).toHaveLength(4 + 4 + 4 + 1)
  expect(new Set(records.map(({ record }) => record))).toEqual(new Set(['file', 'module', 'function', 'problem']))
})

test('health, metrics and status over HTTP', async () => {
  const base = daemon.state.http ?? ''
  expect((await fetch(`${base}/livez`)).status).toBe(200)
  expect((await fetch(`${base}/readyz`)).status).toBe(200)
  expect(await (await fetch(`${base}/healthz`)).json()).toMatchObject({ status: 'healthy' })
  const metrics = await (await fetch(`${base}/metrics`)).text()
  for (const line of [
    'elixir_scope_child_up{child="ElixirScope.Supervisor/ElixirScope.Gateway.Supervisor/gateway"} 1',
    'elixir_scope_circuit_state{name="parse"} 0', 'elixir_scope_circuit_state{name="import"} 0',
    'elixir_scope_pool_tasks{pool="parser",lane="batch",state="waiting"} 0', 'elixir_scope_pool_refused_total{pool="parser",lane="single"} 0',
  ]) expect(metrics).toContain(line)
})

function nodesOf(node: TreeNode): TreeNode[] {
  return [node, ...node.children.flatMap(nodesOf)]
}

test('the tree shows every node running, but for the import, which has ended, and tasks, of which there are none', async () => {
  const answer = await daemon.client.call('supervision_tree', {})
  if (!answer.ok) throw new Error(answer.error.message)
  const states = nodesOf(answer.value).map(({ name, state }) => [name, state])
  expect(states).toEqual(placesOf(treeFor({ ...DEFAULTS, sync: { ...DEFAULTS.sync, watch: false } })).filter(({ name }) => name !== TASK).map(({ name }) => [name, name.endsWith('.BatchProcessor') ? 'stopped' : 'running']))
})

test('bytes that are no message end that connection alone', async () => {
  const socket = connectSocket(daemon.state.socket)
  await once(socket, 'connect')
  socket.resume().write(Buffer.from([0xc1, 0xff, 0x00]))
  await once(socket, 'close')
  expect(await daemon.client.call('hello', {})).toMatchObject({ ok: true })
})

test('a second daemon for the project is refused with the pid of the first', async () => {
  const second = await tryStart(sandbox)
  expect(second).toMatchObject({ type: 'failed', failures: [{ code: 'conflict' }] })
  expect(JSON.stringify(second)).toContain(String(daemon.process.pid))
})

test('a file that comes, changes and goes', async () => {
  sandbox.write('lib/extra.ex', 'defmodule Shop.Extra do\n  def one, do: 1\nend\n')
  expect(await value(daemon.client.call('import_project', {}))).toMatchObject({ parsed: 1, unchanged: 4 })
  sandbox.write('lib/extra.ex', 'defmodule Shop.Extra do\n  def two, do: 2\nend\n')
  await value(daemon.client.call('import_project', {}))
  expect(await daemon.client.call('get_function', { mfa: 'Shop.Extra.one/0' })).toMatchObject({ ok: false })
  expect(await value(daemon.client.call('get_function', { mfa: 'Shop.Extra.two/0' }))).toMatchObject({ source_file: 'lib/extra.ex' })
  sandbox.remove('lib/extra.ex')
  expect(await value(daemon.client.call('import_project', {}))).toMatchObject({ removed: 1, parsed: 0 })
  expect(await daemon.client.call('get_module', { module_name: 'Shop.Extra' })).toMatchObject({ ok: false, error: { code: 'not_found' } })
})
