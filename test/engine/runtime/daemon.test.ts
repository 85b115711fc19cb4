/** The methods about events through a real daemon: the thread that answers has the plans, statements, versions and blocks. */

import { expect, test } from 'vitest'
import { batchOf } from '../../event/batches.ts'
import { startStandIn } from '../../support/stand-in-agent.ts'
import { createSandbox, start, value } from '../../daemon/running-daemon.ts'

const FIRST = 'defmodule A do\n  def f(1), do: one()\n\n  def f(x) do\n    log(x)\n    :ok\n  end\n\n  def log(x), do: x\n  def idle, do: :ok\n  def one, do: 1\nend\n'
const SECOND = FIRST.replace('  def f(1)', '  def f(0), do: 0\n  def f(1)')
const T0 = BigInt(Date.now()) * 1_000_000n

test('what ran is told by every method', { timeout: 60_000 }, async () => {
  const sandbox = createSandbox({ 'mix.exs': 'defmodule P.MixProject do\nend\n', 'lib/a.ex': FIRST })
  const daemon = await start(sandbox)
  const agent = startStandIn({ socketPath: sandbox.paths.agentSocket, node: 'a@host' })
  const { client } = daemon
  try {
    await value(client.call('import_project', {}))
    const pid = '0.1.0'
    agent.give(batchOf([
      { type: 'call', ts: 0, pid, mfa: 'A.f/1', caller: 'Main.run/0 lib/main.ex:1' }, { type: 'call', ts: 10, pid, mfa: 'A.log/1', caller: 'A.f/1 lib/a.ex:5' }, { type: 'return', ts: 20, pid, mfa: 'A.log/1' },
      { type: 'return', ts: 50, pid, mfa: 'A.f/1' }, { type: 'send', ts: 60, pid, peer: '0.2.0' }, { type: 'receive', ts: 70, pid: '0.2.0', peer: pid },
    ], { t0Ns: T0 }))
    await agent.settled()
    const plan = await client.call('store_instrumentation_plan', { name: 'all', plan: { points: [{ module: 'A', tags: ['mine'] }] } })
    const active = await client.call('activate_instrumentation_plan', { name: 'all' })
    const stated = await client.call('update_runtime_insights', { of: 'A.f/1', source: 'profiler', insights: { heap: 3 } })
    expect([plan.ok, active.ok, stated.ok]).toEqual([true, true, true])

    const log = 'A.f/1#2/log'
    expect(await value(client.call('get_runtime_insights', { of: 'A.f/1' }))).toMatchObject({ figures: { calls: 1, own_ns: 40 }, callers: [{ mfa: 'Main.run/0' }], callees: [{ mfa: 'A.log/1', node_id: log }], stated: [{ source: 'profiler', insights: { heap: 3 } }] })
    expect((await value(client.call('get_hotspots', {}))).functions.map(({ mfa }) => mfa)).toEqual(['A.f/1', 'A.log/1'])
    expect((await value(client.call('find_never_executed', {}))).functions.map(({ mfa }) => mfa)).toEqual(['A.idle/0', 'A.one/0'])
    expect(await value(client.call('find_untested', {}))).toMatchObject({ total: 2 })
    expect(await value(client.call('find_unseen_callers', {}))).toMatchObject({ total: 0, n: 2 })
    expect(await value(client.call('find_complex_and_hot', { min_complexity: 1 }))).toMatchObject({ total: 2 })
    expect((await value(client.call('get_observed_calls', { mfa: 'A.f/1' }))).calls.find(({ node_id: id }) => id === log)).toMatchObject({ observed: 1, line: 5 })
    expect(await value(client.call('get_call_tree', { pid }))).toMatchObject({ roots: [{ mfa: 'A.f/1', children: [{ mfa: 'A.log/1', node_id: log }] }] })
    const { messages } = await value(client.call('get_message_flow', {}))
    expect(messages).toMatchObject([{ from: pid, to: '0.2.0', waited_ns: 10 }])
    expect((await value(client.call('get_causal_chain', { event_id: messages[0]?.receive ?? '' }))).chain.map(({ because }) => because)).toEqual(['asked', 'sent_by'])
    const { points } = await value(client.call('get_instrumentation_points', { of: log }))
    expect(points).toMatchObject([{ plan: { name: 'all' }, enabled: true, tags: ['mine'], trigger_count: 1 }])
    expect(await value(client.call('analyze_complexity', { of: 'A' }))).toMatchObject({ functions: [{ mfa: 'A.f/1', clauses: 2, figures: { calls: 1 } }, {}, { figures: null }, {}] })
    const { events } = await value(client.call('get_correlated_events', { node_id: log }))
    expect(events.map((event) => event.event_type)).toEqual(['call', 'return'])
    expect(await value(client.call('correlate_event', { event_id: events[0]?.event_id ?? '' }))).toMatchObject({ node_id: log, evidence: 'line', version: 1 })

    // A clause before it: today the place has another id, and what ran before is still its own.
    sandbox.write('lib/a.ex', SECOND)
    await value(client.call('import_project', {}))
    expect((await value(client.call('get_correlated_events', { node_id: 'A.f/1#3/log' }))).events).toEqual(events)
    // An id that no place has today is what it was.
    expect((await value(client.call('get_correlated_events', { node_id: log }))).events).toEqual(events)
    expect(await value(client.call('get_runtime_insights', { of: 'A.f/1#3/log' }))).toMatchObject({ figures: { calls: 1 } })
  } finally {
    await agent.bye()
    await daemon.stop()
    sandbox.dispose()
  }
})
