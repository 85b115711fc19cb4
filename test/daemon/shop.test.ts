/**
 * The whole way on a real BEAM: the example shop runs under the agent with a load of its own, crashes included, and the daemon's
 * counts are those that the shop counted itself. Skipped where mix is missing.
 */

import { expect, test } from 'vitest'
import type { Client } from '../../src/client/client.ts'
import { formatMfa } from '../../src/model/names.ts'
import { value, type Sandbox } from './running-daemon.ts'
import { startIn } from './set-up.ts'
import { createShop, hasMix, mixUnderAgent, traceAll } from './shop-under-agent.ts'

const CUSTOMERS = 150

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

async function runShop(box: Sandbox, more: Readonly<Record<string, string>>): Promise<Counted> {
  const stdout = await mixUnderAgent(box, ['run', '-e', SCRIPT], more)
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
  const box = createShop()
  const { client } = await startIn(box)
  await traceAll(client)

  const counted = await runShop(box, more)
  const seen = await calls(client)
  expect(counted.byFunction.size).toBeGreaterThan(10)
  const { completeness } = await value(client.call('query_events', {}))
  const gaps = (await value(client.call('query_events', { event_type: 'gap', limit: 1000 }))).events.map(({ payload }) => (payload as { gap: { reason: string; unknown?: string[] } }).gap)
  // A node that is short of time says what it left out, or that it could not count it; else nothing is missing.
  const isCounted = gaps.every(({ unknown = [] }) => !unknown.includes('call'))
  for (const [mfa, n] of counted.byFunction) {
    if (completeness.complete) expect([mfa, seen.get(mfa)]).toEqual([mfa, n])
    else expect({ mfa, isAccountedFor: !isCounted || (seen.get(mfa) ?? 0) + completeness.dropped >= n, gaps }).toEqual({ mfa, isAccountedFor: true, gaps })
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
