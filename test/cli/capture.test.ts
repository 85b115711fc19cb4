/** record, plan, run, attach: what they have nodes trace, in which order, and that nothing stays switched on. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { failure, FailureError } from '../../src/base/failure.ts'
import { runCli } from '../../src/cli/program.ts'
import { capturePlan } from '../../src/wire/event-records.ts'
import { makeWorld, ROOT, run, type Ran, type World, type WorldOptions } from './fake.ts'
import { answerOf, CONNECTED, NODE, PLAN, RUNTIME } from './runtime-fake.ts'

function world(more: WorldOptions = {}): World {
  return makeWorld({ ...more, handlers: { ...RUNTIME, ...more.handlers } })
}

async function ask(line: string, more: WorldOptions = {}): Promise<Ran & { readonly made: World }> {
  const made = world(more)
  const code = await runCli(line.split(' '), made.ports)
  return { code, ...made.written, made }
}

const told = (made: World): [string, unknown][] => made.calls.filter(({ method }) => method.endsWith('_instrumentation_plan')).map(({ method, args }) => [method.replace('_instrumentation_plan', ''), method === 'store_instrumentation_plan' ? args['name'] : args])
const MODULES_TRACED = ['Shop.Cart', 'Shop.Describe']

test('record: traces the modules of the project, ends it, shows the hot functions', async () => {
  const { code, out, err, made } = await ask('record --for 2s --args --messages --rate 1000', { pauses: 9 })
  expect(code).toBe(0)
  expect(told(made)).toEqual([['store', 'record'], ['activate', { name: 'record', node: NODE }], ['delete', { name: 'record' }]])
  expect(made.calls.find(({ method }) => method === 'store_instrumentation_plan')?.args['plan']).toMatchObject({
    points: MODULES_TRACED.map((module) => ({ module, capture: ['return', 'exceptions', 'caller', 'args'] })), messages: true, limits: { duration_ms: 7000, rate_per_s: 1000 },
  })
  expect(err).toBe(`recording calls of 2 modules on ${NODE} for 2.00 s; Ctrl-C ends it sooner\nthe plan that ${NODE} was started with is over; it traces nothing now\n`)
  expect(out).toMatch(/^5 events: 3 call, 2 gap\n\nFUNCTION .*\nShop\.Cart\.add\/2 /)
  expect(out).toMatch(/\n880 calls from .*\nnothing is known to be missing in this window\n\nwhat to type next: elixir-scope trace Shop\.Cart\.add\/2 --since 2026-11-21T08:01:0\dZ?.*\n$/)
})

test('record: the plan that a node followed before is in force again', async () => {
  const { made } = await ask('record --for 1', { pauses: 9, handlers: { list_instrumentation_plans: () => ({ plans: [{ name: 'money', ...PLAN, active_on: [NODE] }, { name: 'all', ...PLAN, active_on: ['*'] }] }) } })
  expect(told(made).slice(1)).toEqual([['activate', { name: 'record', node: NODE }], ['activate', { name: 'money', node: NODE }], ['delete', { name: 'record' }]])
})

test('record: a node that refuses leaves nothing behind', async () => {
  const { code, made } = await ask('record', { pauses: 9, handlers: { activate_instrumentation_plan: () => { throw new FailureError(failure('busy', 'too many')) } } })
  expect(code).toBe(1)
  expect(told(made).at(-1)).toEqual(['delete', { name: 'record' }])
})

test.each([
  ['record --module Shop.Crat', 3, 'no module Shop.Crat in the project\n  did you mean Shop.Cart?'],
  ['record --module Nope.*', 3, 'no module of the project begins with Nope.\n  the command `modules` lists all modules'],
  ['record --module nope', 2, '"nope" is no module\n  write e.g. MyApp.Cart, or MyApp.* for all below'],
  ['record --node other@host', 3, `other@host is not connected\n  connected: ${NODE}`],
])('%s', async (line, code, message) => {
  const ran = await ask(line)
  expect([ran.code, ran.out]).toEqual([code, ''])
  expect(ran.err).toContain(`error: ${message}\n`)
  expect(told(ran.made)).toEqual([])
})

test('record without a node says how one is connected', async () => {
  const ran = await ask('record', { handlers: { list_nodes: () => ({ nodes: [{ ...CONNECTED, connected: false }], listening: [] }) } })
  expect(ran).toMatchObject({ code: 4, err: 'error: no node is connected\n  to connect one: elixir-scope run -- mix run, or elixir-scope attach NODE\n' })
})

test('record: the names that are meant', async () => {
  const points = async (line: string): Promise<string[]> => {
    const stored = (await ask(line, { pauses: 9 })).made.calls.find(({ method }) => method === 'store_instrumentation_plan')
    return ((stored?.args['plan'] ?? { points: [] }) as { points: { module: string }[] }).points.map(({ module }) => module)
  }
  expect(await points('record --module Shop.D*')).toEqual(['Shop.Describe'])
  expect(await points('record --module Shop.Cart --module Enum')).toEqual(['Enum', 'Shop.Cart'])
})

test('plan: list, show, store, activate, deactivate, delete', async () => {
  expect((await ask('plan list')).out).toBe('no plans\n')
  expect((await ask('plan list', { handlers: { list_instrumentation_plans: () => ({ plans: [{ name: 'money', ...PLAN }] }) } })).out).toBe(
    'PLAN   POINTS  BESIDES              FOLLOWED BY  STORED\nmoney       1  messages, lifecycle  every node   2026-11-21T08:00:00.000Z\n')
  expect((await ask('plan show money')).out).toBe([
    'money', 'followed by    every node', 'processes      all', 'besides calls  messages, lifecycle', 'limits         rate_per_s 1,000', 'redacted       what is always redacted', 'stored         2026-11-21T08:00:00.000Z', '',
    'POINT            RECORDS  SAMPLING  ON  TAGS', 'Shop.Cart.add/2  args            1  on', '',
  ].join('\n'))
  const store = world()
  store.files.set('/tmp/money.json', '{"points":[{"module":"Shop.Cart"}]}')
  expect(await runCli(['plan', 'store', '/tmp/money.json'], store.ports)).toBe(0)
  expect(store.calls.slice(0, 1)).toEqual([{ method: 'store_instrumentation_plan', args: { name: 'money', plan: { points: [{ module: 'Shop.Cart' }] } } }])
  expect(store.written.out).toBe('stored as money; to have it followed: elixir-scope plan activate money\n')
  expect((await ask('plan activate money')).out).toBe(`every node follows money\n1 node told at once: ${NODE}\n`)
  expect((await ask(`plan deactivate --node ${NODE}`)).made.calls).toEqual([{ method: 'activate_instrumentation_plan', args: { name: null, node: NODE } }])
  expect((await ask('plan delete money')).out).toBe('money is deleted; nodes that followed it trace nothing, or what every node does\n')
})

test('the plan that docs/RUNTIME.md shows is one, and the commands that it names exist', async () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/RUNTIME.md'), 'utf8')
  const [, shown = ''] = /```json\n([\s\S]*?)```/.exec(page) ?? []
  expect(capturePlan.safeParse(JSON.parse(shown))).toMatchObject({ success: true, data: { scope: ['MyApp.Web'] } })
  const { out } = await run('--help')
  const named = [...page.matchAll(/elixir-scope ([a-z-]+)/g)].map(([, name]) => name ?? '')
  expect(named.length).toBeGreaterThan(8)
  for (const name of new Set(named)) expect(out).toMatch(new RegExp(`^  ${name} `, 'm'))
})

test.each([
  ['plan show', 2, 'plan show needs the name of a plan'],
  ['plan store', 2, 'plan store needs the file of a plan, or - for standard input'],
  ['plan store -', 2, 'a plan from standard input needs --name'],
  ['plan store nope.json', 3, 'there is no nope.json'],
  ['plan store b.ex', 2, 'b.ex is no JSON'],
  ['plan forget money', 2, "'forget' is invalid"],
])('%s', async (line, code, message) => {
  const ran = await ask(line)
  expect([ran.code, ran.made.calls]).toEqual([code, []])
  expect(ran.err).toContain(message)
})

test('a plan that is not there: what there is, in words of the command', async () => {
  const missing = (hint: string) => ({ get_instrumentation_plan: (): never => { throw new FailureError(failure('not_found', 'there is no plan "x"', { hint })) } })
  expect((await ask('plan show x', { handlers: missing('store_instrumentation_plan stores one') })).err).toBe('error: there is no plan "x"\n  there are none; `plan store FILE` keeps one\n')
  expect((await ask('run --plan x -- ls', { handlers: missing('there are: money') })).err).toContain('error: there is no plan "x"\n  there are: money\n')
  expect(await ask('attach shop')).toMatchObject({ code: 2, err: expect.stringContaining('"shop" is no whole name of a node\n  write name@host') as string })
})

test('run: the program has the agent, the plan and all arguments; its exit code is the answer', async () => {
  const { code, out, err, made } = await ask('run --results -- mix test --trace --json', { pauses: 9, exits: 3, env: { HOME: '/home/ann', ERL_LIBS: '/opt/libs', ERL_AFLAGS: '+fnu' } })
  expect([code, out]).toEqual([3, ''])
  expect(made.agent.ran).toEqual({ command: ['mix', 'test', '--trace', '--json'], env: {
    HOME: '/home/ann', ERL_LIBS: '/cache/agent/lib:/opt/libs', ERL_AFLAGS: expect.stringMatching(/^-eval \S+ -s Elixir\.ElixirScopeAgent\.Boot start \+fnu$/) as string, elixir_scope_agent: '/cache/agent/lib/elixir_scope_agent/ebin',
    ELIXIR_SCOPE_SOCKET: '/run/user/1000/es/1a2b.agent', ELIXIR_SCOPE_PLAN: '/state/plan.msgpack', ELIXIR_SCOPE_PRELOAD: '1', ELIXIR_SCOPE_TESTS: '1',
  } })
  expect(made.agent.plan).toMatchObject({ id: 'run', messages: false, points: MODULES_TRACED.map((module) => ({ id: `${module}.*/*`, module, function: null, capture: ['return', 'exceptions', 'caller', 'result'], sampling: 1, enabled: true })) })
  expect(err).toMatch(/^compiling the agent for OTP 25; this happens once\nelixir-scope: 5 events of shop@127\.0\.0\.1, and 150 more that were not recorded; see: elixir-scope hot --since \S+\n$/)
})

test('run starts the daemon where none runs, and imports', async () => {
  const { code, err, made } = await ask('run -- iex -S mix', { pauses: 9, running: false })
  expect(code).toBe(0)
  expect(err).toContain(`started the daemon for ${ROOT} (process 4711); it goes on until: elixir-scope stop\n`)
  expect(made.calls.map(({ method }) => method).slice(0, 2)).toEqual(['import_project', 'list_modules'])
  expect(made.agent.ran?.env['ELIXIR_SCOPE_TESTS']).toBeUndefined()
})

test('run: a plan by its name, or the one that every node follows', async () => {
  expect((await ask('run --plan money -- mix run', { pauses: 9 })).made.agent.plan).toMatchObject({ id: 'money', points: [{ module: 'Shop.Cart', function: 'add', arity: 2, capture: ['args'] }] })
  const every = await ask('run -- mix run', { pauses: 9, handlers: { list_instrumentation_plans: () => ({ plans: [{ name: 'all', ...PLAN }] }) } })
  expect(every.made.agent.plan).toMatchObject({ id: 'all' })
  expect(every.err).toContain('every node follows the plan all, so this one does; to trace the whole project: elixir-scope plan deactivate\n')
})

test('run: without Elixir, or with nothing to run, nothing is started', async () => {
  const missing = await ask('run -- mix run', { agent: 'missing' })
  expect([missing.code, missing.made.agent.ran]).toEqual([1, undefined])
  expect(missing.err).toBe('error: mix was not found\n  install Elixir\n')
  expect(await run('run')).toMatchObject({ code: 2, err: expect.stringContaining("missing required argument 'program'") as string })
})

test('run that recorded nothing says so', async () => {
  const ran = await ask('run -- ls', { pauses: 9, handlers: { count_events: () => answerOf({ groups: [], total: 0, completeness: { complete: true, gaps: 0, dropped: 0, lost: [], since_ns: null, until_ns: null, events: 0 } }) } })
  expect(ran.err).toContain('elixir-scope: nothing was recorded: did the program start Elixir, and run code of the project?\n')
})

test('attach: the cookie never stands among the arguments; after the time the agent goes', async () => {
  const { code, err, out, made } = await ask(`attach ${NODE} --cookie-stdin --duration 2s`, { pauses: 9, stdin: 'monster\n' })
  expect(code).toBe(0)
  expect(made.agent.ran?.command).toEqual([
    'erl', '-noshell', '-hidden', '-start_epmd', 'false', '-setcookie', 'none', '-s', 'Elixir.ElixirScopeAgent.Attach', 'main', '-extra',
    NODE, '--socket', '/run/user/1000/es/1a2b.agent', '--plan', '/state/plan.msgpack', '--cookie-stdin',
  ])
  expect(made.agent.ran?.input).toBe('monster\n')
  expect(made.agent.finished).toBe(1)
  expect(err).toContain(`attached to ${NODE} for 2.00 s; Ctrl-C takes the agent away again\ndetached from ${NODE}; nothing of the agent is left there\n`)
  expect(out).toContain('5 events: 3 call, 2 gap\n')
})

test('attach: Ctrl-C takes the agent away', async () => {
  const made = world({ stdin: 'monster', pauses: 9 })
  const done = runCli(['attach', NODE, '--cookie-stdin'], made.ports)
  await expect.poll(() => made.written.err, { timeout: 30_000 }).toContain('attached to')
  made.interrupt()
  expect(await done).toBe(0)
  expect(made.agent.finished).toBe(1)
})

test('attach: the cookie of the user where none is named; what to do where there is none', async () => {
  const made = world({ pauses: 9, env: { HOME: '/home/ann' } })
  made.files.set('/home/ann/.erlang.cookie', 'monster')
  expect(await runCli(['attach', NODE, '--duration', '1s'], made.ports)).toBe(0)
  expect(made.agent.ran?.command.slice(-2)).toEqual(['--cookie-file', '/home/ann/.erlang.cookie'])
  expect(await ask(`attach ${NODE} --cookie-file nope`)).toMatchObject({ code: 2, err: 'error: there is no nope\n  name the file that holds the cookie of the node with --cookie-file, or give it with --cookie-stdin\n' })
  expect(await ask(`attach ${NODE} --cookie-stdin`)).toMatchObject({ code: 2, err: expect.stringContaining('no cookie on standard input') as string })
})

test.each([
  ['failed connect shop@127.0.0.1 does not answer, or its cookie is another', 4, 'shop@127.0.0.1 does not answer, or its cookie is another\n  is the name whole'],
  ['failed busy the agent is in that node already', 1, 'shop@127.0.0.1: the agent is in that node already\n  another attach'],
  ['failed version the node runs OTP 24, the agent needs 25', 1, 'the node runs OTP 24, the agent needs 25\n  the node must run OTP 25'],
  ['Crash dump is being written', 1, 'the program that attaches ended with exit code 3\n  is `erl` in PATH?'],
])('attach: %s', async (line, code, message) => {
  const ran = await ask(`attach ${NODE} --cookie-stdin`, { stdin: 'x', attaches: [line, 3] })
  expect([ran.code, ran.out]).toEqual([code, ''])
  expect(ran.err).toContain(message)
})
