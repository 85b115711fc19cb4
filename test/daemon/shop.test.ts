/**
 * The whole way on a real BEAM: the example shop runs under the agent with a load of its own, crashes included, and the daemon's
 * counts are those that the shop counted itself. Skipped where mix is missing. Build output goes to a temporary directory.
 */

import { execFile, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterEach, expect, test } from 'vitest'
import type { Client } from '../../src/client/client.ts'
import { formatMfa } from '../../src/model/names.ts'
import { createSandbox, start, value, type RunningDaemon, type Sandbox } from './running-daemon.ts'

const SHOP = fileURLToPath(new URL('../../examples/shop', import.meta.url))
const AGENT = fileURLToPath(new URL('../../agent/lib/elixir_scope_agent', import.meta.url))
const hasMix = spawnSync('mix', ['--version']).status === 0
const CUSTOMERS = 150

let sandbox: Sandbox | undefined
let daemon: RunningDaemon | undefined

afterEach(async () => {
  await daemon?.stop()
  sandbox?.dispose()
})

/** By the shop's own books, restocking included. Nothing is loaded by hand: that is the agent's to see to. */
const SCRIPT = `
before = Shop.Stats.snapshot()
ran = Shop.Load.run(${CUSTOMERS})
counted = Shop.Stats.diff(before, Shop.Stats.snapshot())
for {{:call, module, function, arity}, n} <- counted, do: IO.puts("#{inspect(module)}|#{function}|#{arity}|#{n}")
IO.puts("total|#{ran.calls}|#{Shop.Stats.crashes(counted)}")
ElixirScopeAgent.Session.drain()
`

type Counted = { readonly byFunction: ReadonlyMap<string, number>; readonly crashes: number }

async function runShop(box: Sandbox, agentSocket: string, more: Readonly<Record<string, string>>): Promise<Counted> {
  const beams = join(box.root, 'agent-beams')
  mkdirSync(beams, { recursive: true })
  const env = { ...process.env, MIX_ENV: 'dev', MIX_BUILD_PATH: join(box.home, 'build') }
  await promisify(execFile)('sh', ['-c', `elixirc -o "$1" "$2"/*.ex`, 'sh', beams, AGENT], { env })
  await promisify(execFile)('mix', ['compile'], { cwd: box.root, env })
  const { stdout } = await promisify(execFile)('mix', ['run', '-e', SCRIPT], {
    cwd: box.root, env: { ...env, ...more, ELIXIR_SCOPE_SOCKET: agentSocket, ERL_AFLAGS: `-pa ${beams} -s Elixir.ElixirScopeAgent.Boot start` }, maxBuffer: 1 << 24,
  })
  const rows = stdout.trim().split('\n').map((line) => line.split('|'))
  const [, , crashes = ''] = rows.find(([first]) => first === 'total') ?? []
  const byFunction = rows.flatMap(([module = '', name = '', arity = '', n = '']) => (n === '' || module === 'total' ? [] : [[formatMfa({ module, name, arity: Number(arity) }), Number(n)] as const]))
  return { byFunction: new Map(byFunction), crashes: Number(crashes) }
}

async function calls(client: Client): Promise<ReadonlyMap<string, number>> {
  const { groups } = await value(client.call('count_events', { event_type: 'call', by: 'function', limit: 1000 }))
  return new Map(groups.map(({ key, count }) => [key, count]))
}

test.skipIf(!hasMix).each([
  ['loaded before it runs', { ELIXIR_SCOPE_PRELOAD: '1' }], ['loaded as it runs', {}],
] as const)('the daemon counts what the shop counts, knows where it happened, and sees its crashes: its code %s (skipped without mix)', { timeout: 120_000 }, async (_name, more) => {
  sandbox = createSandbox({})
  for (const part of ['lib', 'config', 'mix.exs']) cpSync(join(SHOP, part), join(sandbox.root, part), { recursive: true })
  daemon = await start(sandbox)
  const { client } = daemon
  await value(client.call('import_project', {}))
  for (const [method, args] of [
    ['store_instrumentation_plan', { name: 'shop', plan: { points: [{ module: '*' }] } }], ['activate_instrumentation_plan', { name: 'shop' }],
  ] as const) expect(await client.call(method, args as never)).toMatchObject({ ok: true })

  const counted = await runShop(sandbox, sandbox.paths.agentSocket, more)
  const seen = await calls(client)
  expect(counted.byFunction.size).toBeGreaterThan(10)
  const { completeness } = await value(client.call('query_events', {}))
  for (const [mfa, n] of counted.byFunction) {
    // A node that is short of time says what it left out; else nothing is missing.
    if (completeness.complete) expect([mfa, seen.get(mfa)]).toEqual([mfa, n])
    else expect({ mfa, isAccountedFor: (seen.get(mfa) ?? 0) + completeness.dropped >= n }).toEqual({ mfa, isAccountedFor: true })
  }

  // Every call that a function of the shop was reported to make has its place in the shop's code.
  const page = await value(client.call('query_events', { event_type: 'call', module: 'Shop.Payment', function: 'charge', limit: 1000 }))
  const fromShop = page.events.filter(({ caller }) => caller?.mfa.startsWith('Shop.') === true)
  expect(fromShop.length).toBeGreaterThan(0)
  for (const event of fromShop) {
    expect(event).toMatchObject({ evidence: 'exact', node_id: expect.stringMatching(/^Shop\..*\/Payment\.charge$/) as unknown })
  }
  // As many processes ended badly as the shop counted crashes, at least.
  const exits = await value(client.call('query_events', { event_type: 'exit', limit: 1000 }))
  const badly = exits.events.filter(({ payload }) => !/"\$atom":"(?:normal|shutdown|noproc)"/.test(JSON.stringify(payload)))
  expect(badly.length).toBeGreaterThanOrEqual(counted.crashes)
  // The tree of a process is whole: what it called stands within what called it.
  const [one] = fromShop
  const tree = await value(client.call('get_call_tree', { pid: one?.pid ?? '' }))
  expect(JSON.stringify(tree.roots, (_key, inner: unknown) => (typeof inner === 'bigint' ? String(inner) : inner))).toContain('Shop.Payment.charge/3')
})
