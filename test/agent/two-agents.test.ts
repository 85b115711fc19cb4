/**
 * Two runtime systems of one name at once, as every command has that gives its node none: two sessions, whose events and processes stay
 * apart by when each was started. Skipped where mix is missing.
 */

import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { exactIsoOf } from '../../src/cli/render/moments.ts'
import { value } from '../daemon/running-daemon.ts'
import { startIn } from '../daemon/set-up.ts'
import { createShop, hasMix, mixUnderAgent, traceAll } from '../daemon/shop-under-agent.ts'

/** Each waits until the other is there, and does its work while both are. */
const script = (n: number, of: string, other: string) => `
File.write!("${of}", "")
wait = fn wait -> if(File.exists?("${other}"), do: :ok, else: (Process.sleep(5); wait.(wait))) end
wait.(wait)
for n <- 1..${n}, do: Shop.Money.new(n)
ElixirScopeAgent.Session.drain()
IO.puts("ran #{inspect(self())}")
`

test.skipIf(!hasMix)('two nodes of one name at once are two sessions, and nothing of theirs is mixed (skipped without mix)', { timeout: 120_000 }, async () => {
  const box = createShop()
  const { client } = await startIn(box)
  await traceAll(client)
  await mixUnderAgent(box, ['run', '-e', ':ok'], {})
  const env = {
    ...process.env, MIX_ENV: 'dev', MIX_BUILD_PATH: join(box.home, 'build'), ELIXIR_SCOPE_SOCKET: box.paths.agentSocket, ELIXIR_SCOPE_PRELOAD: '1',
    ERL_AFLAGS: `-pa ${join(box.root, 'agent-beams')} -s Elixir.ElixirScopeAgent.Boot start`,
  }
  const run = promisify(execFile)
  const ran = await Promise.all(([[3, 'one', 'two'], [5, 'two', 'one']] as const).map(async ([n, of, other]) => {
    const { stdout } = await run('mix', ['run', '--no-compile', '-e', script(n, of, other)], { cwd: box.root, env })
    return { n, pid: /ran #PID<([\d.]+)>/.exec(stdout)?.[1] ?? '' }
  }))

  const listed = await client.call('list_nodes', {})
  const both = listed.ok ? listed.value.nodes.slice(-2) : []
  expect(new Set(both.map(({ node }) => node))).toEqual(new Set(['nonode@nohost']))
  expect(new Set(both.map(({ node_start_ns: start }) => start)).size).toBe(2)

  // The two processes have the same pid, mostly: each has its own calls, and no other.
  const { events } = await value(client.call('query_events', { event_type: 'call', module: 'Shop.Money', function: 'new', arity: 2, limit: 1000 }))
  const starts = Object.entries(Object.groupBy(events, ({ node_start_ns: start }) => String(start))).map(([start, of = []]) => ({ start, n: of.length }))
  expect(starts.map(({ n }) => n).sort()).toEqual(ran.map(({ n }) => n))
  for (const { start, n } of starts) {
    const pid = ran.find((each) => each.n === n)?.pid ?? ''
    const tree = await value(client.call('get_call_tree', { pid, node_start: exactIsoOf(BigInt(start)) }))
    expect(tree).toMatchObject({ node: 'nonode@nohost', node_start_ns: BigInt(start) })
    expect(tree.roots.filter(({ mfa }) => mfa === 'Shop.Money.new/1')).toHaveLength(n)
  }
})
