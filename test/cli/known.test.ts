/** Names that are known neither from the code nor from the events, and which was probably meant. */

import { expect, test } from 'vitest'
import { failure, FailureError } from '../../src/base/failure.ts'
import { runCli } from '../../src/cli/program.ts'
import { makeWorld, type Ran, type WorldOptions } from './fake.ts'
import { answerOf, COMPLETE, CONNECTED, HOTSPOTS, RUNTIME } from './runtime-fake.ts'

/** Only Traced.Dep ran, which is of no file. */
const NOTHING: NonNullable<WorldOptions['handlers']> = {
  ...RUNTIME,
  query_events: () => answerOf({ events: [], cursor: null, completeness: COMPLETE, plan: null }),
  get_correlated_events: () => answerOf({ events: [], cursor: null, completeness: COMPLETE }),
  get_hotspots: () => answerOf({ ...HOTSPOTS, functions: [], total: 0 }),
  get_message_flow: () => answerOf({ messages: [], lone: { sends: 0, receives: 0 }, cut_at_ns: null, completeness: COMPLETE }),
  count_events: ({ by, module, pid }) => answerOf({
    groups: by === 'function' ? [{ key: 'Traced.Dep.fetch/1', count: 2 }] : by === 'pid' ? [{ key: '0.113.0', count: 2 }] : [],
    total: by !== undefined || module === 'Traced.Dep' || pid === '0.113.0' ? 2 : 0, completeness: COMPLETE,
  }),
}

async function ask(words: readonly string[], handlers = NOTHING, files: Readonly<Record<string, string>> = {}): Promise<Ran> {
  const world = makeWorld({ handlers })
  for (const [path, text] of Object.entries(files)) world.files.set(path, text)
  const code = await runCli(words, world.ports)
  return { code, out: world.written.out, err: world.written.err }
}

test.each([
  ['events --module Shop.Crt', 'no module Shop.Crt\n  did you mean Shop.Cart?'],
  ['events --module Shop.Crt --all', 'no module Shop.Crt\n  did you mean Shop.Cart?'],
  ['events --module Traced.Dpe', 'no module Traced.Dpe\n  did you mean Traced.Dep?'],
  ['events --module Zzz', 'no module Zzz\n  the command `modules` lists all modules'],
  ['events --mfa Shop.Cart.ad', 'no function Shop.Cart.ad\n  did you mean Shop.Cart.add/2?'],
  ['events --mfa Shop.Cart.totl/1', 'no function Shop.Cart.totl/1\n  did you mean Shop.Cart.total/1?'],
  ['events --function totl', 'no function is called totl\n  did you mean total?'],
  ['events --pid 0.9.0', 'no event of the process 0.9.0\n  those with most events: 0.113.0'],
  ['events --node shop@127.0.0.2', 'no node shop@127.0.0.2\n  did you mean shop@127.0.0.1?'],
  ['events --at Shop.Cart.ad/2', 'no node Shop.Cart.ad/2\n  did you mean Shop.Cart.add/2?'],
  ['messages 0.9.0', 'no event of the process 0.9.0\n  those with most events: 0.113.0'],
  ['export-trace --pid 0.9.0', 'no event of the process 0.9.0\n  those with most events: 0.113.0'],
  ['hot Shpo', 'no module begins with Shpo\n  did you mean Shop?'],
  ['cover Shop.Crt', 'no module begins with Shop.Crt\n  did you mean Shop.Cart?'],
])('%s', async (line, message) => {
  expect(await ask(line.split(' '))).toEqual({ code: 3, out: '', err: `error: ${message}\n` })
})

test('a name that is known is none of these, though nothing is found', async () => {
  for (const line of ['events --module Shop.Cart', 'events --module Traced.Dep', 'events --mfa Shop.Cart.add/2', 'events --function add', 'events --pid 0.113.0 --type exit', 'events --at Shop.Cart.add/2#1/Money.sum', `events --node ${CONNECTED.node}`]) {
    expect(await ask(line.split(' '))).toMatchObject({ code: 0, out: 'no such events\n' })
  }
  expect(await ask(['hot', 'Traced'])).toMatchObject({ code: 0 })
})

test('trace: what only events tell of is suggested too', async () => {
  const missing = { ...NOTHING, get_runtime_insights: () => { throw new FailureError(failure('not_found', 'no module Traced.Dpe')) } }
  expect(await ask(['trace', 'Traced.Dpe'], missing)).toEqual({ code: 3, out: '', err: 'error: no module Traced.Dpe\n  did you mean Traced.Dep?\n' })
})

test('events --follow goes on with a name that is not known, and says so', async () => {
  const { code, err } = await ask(['events', '--follow', '--module', 'Shop.Crt'], { ...NOTHING, get_event_stats: () => ({ newest_ns: null }) })
  expect([code, err]).toEqual([0, 'note: no module Shop.Crt; did you mean Shop.Cart?\nevents as they come in; Ctrl-C ends\n'])
})

test('plan activate for a node that was never there keeps it, and names the one that was', async () => {
  expect(await ask(['plan', 'activate', 'money', '--node', 'shop@127.0.0.2'], { ...NOTHING, activate_instrumentation_plan: () => ({ nodes: [], planned: {} }) })).toEqual({
    code: 0, out: 'shop@127.0.0.2 follows money\nit is not connected now; the plan is told when it is\n', err: 'note: no node shop@127.0.0.2 has been there yet; did you mean shop@127.0.0.1?\n',
  })
})

test('plan store names what is not in the project, and stores it', async () => {
  const points = [{ module: 'Shop.Crt' }, { module: 'Shop.Cart', function: 'ad', arity: 2 }, { module: 'Shop.Cart', function: 'add' }, { module: 'Traced.Dep' }, { module: ':gen_server', function: 'call' }, { module: 'Zzz' }, { module: '*' }]
  const files = { '/tmp/p.json': JSON.stringify({ points, scope: ['Shp'] }) }
  const stored = await ask(['plan', 'store', '/tmp/p.json'], NOTHING, files)
  expect(stored).toEqual({ code: 0, out: 'stored as p; to have it followed: elixir-scope plan activate p\n', err: [
    'note: no module begins with Shp in the project; did you mean Shop?', 'note: no module Shop.Crt in the project; did you mean Shop.Cart?',
    'note: no function Shop.Cart.ad/2 in the project; did you mean Shop.Cart.add/2?', 'note: no module Zzz in the project',
    '  what is of a dependency, of Elixir or of Erlang is traced all the same', '',
  ].join('\n') })
  const json = JSON.parse((await ask(['--json', 'plan', 'store', '/tmp/p.json'], NOTHING, files)).out) as { unknown: unknown[] }
  expect(json.unknown[1]).toEqual({ message: 'no module Shop.Crt in the project', near: 'Shop.Cart' })
})
