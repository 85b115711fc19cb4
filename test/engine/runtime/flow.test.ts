/** Call trees, messages, causes; and events of places in the code through versions of it. */

import { pack } from 'msgpackr'
import { expect, test } from 'vitest'
import { RATES } from '../../../src/correlate/resolution.ts'
import type { TestEvent } from '../../event/batches.ts'
import { runtime, T0, type Runtime } from './runtime.ts'

const HOUR_MS = 3_600_000

function program(events: readonly TestEvent[]): Runtime {
  const made = runtime(60)
  made.take(events)
  return made
}

type Tree = ReturnType<typeof treeOf>['roots']
function treeOf(made: Runtime, args: object = {}) {
  return made.answer('get_call_tree', { pid: '#PID<0.1.0>', ...args })
}

function printed(frames: Tree): string {
  return frames.map(({ mfa, outcome, children, left_out: leftOut }) => `${mfa} ${outcome}${children.length > 0 ? `(${printed(children)})` : ''}${leftOut > 0 ? ` +${leftOut}` : ''}`).join(', ')
}

test('what a process called, as a tree: returned, raised, still open, seen from its end alone', () => {
  const made = program([
    { type: 'return', ts: 5, pid: '0.1.0', mfa: 'A.before/0' }, { type: 'call', ts: 10, pid: '0.1.0', mfa: 'A.f/0' }, { type: 'call', ts: 20, pid: '0.1.0', mfa: 'A.g/1' }, { type: 'return', ts: 30, pid: '0.1.0', mfa: 'A.g/1' },
    { type: 'call', ts: 40, pid: '0.1.0', mfa: 'A.h/0' }, { type: 'exception', ts: 50, pid: '0.1.0', mfa: 'A.h/0' }, { type: 'call', ts: 60, pid: '0.1.0', mfa: 'A.tail/0' }, { type: 'call', ts: 70, pid: '0.2.0', mfa: 'B.f/0' },
    { type: 'return', ts: 80, pid: '0.1.0', mfa: 'A.f/0' }, { type: 'call', ts: 90, pid: '0.1.0', mfa: 'A.loop/0' },
  ])
  const tree = treeOf(made)
  expect(printed(tree.roots)).toBe('A.before/0 returned, A.f/0 returned(A.g/1 returned, A.h/0 raised, A.tail/0 unknown), A.loop/0 open')
  expect(tree).toMatchObject({ calls: 6, left_out: 0, inferred: 1, cut_at_ns: null })
  expect(tree.roots[1]).toMatchObject({ event_id: 'shop@host:1:1', start_ns: T0 + 10n, duration_ns: 70 })
  expect(treeOf(made, { max_depth: 1 })).toMatchObject({ calls: 3, left_out: 3 })
  expect(printed(treeOf(made, { since: T0 + 15n, until: T0 + 55n }).roots)).toBe('A.g/1 returned, A.h/0 raised')
})

test('a pid means a process of one node, and of its latest start', () => {
  const made = program([{ type: 'call', ts: 10, pid: '0.1.0', mfa: 'A.old/0' }])
  made.take([{ type: 'call', ts: 20, pid: '0.1.0', mfa: 'A.new/0' }], { node: 'shop@host', startNs: 9n })
  expect(printed(treeOf(made).roots)).toBe('A.new/0 open')
  const [old] = treeOf(made).others
  expect(treeOf(made)).toMatchObject({ node: 'shop@host', node_start_ns: 9n, others: [{ node: 'shop@host', events: 1 }] })
  expect(treeOf(made, { node_start: old?.node_start_ns })).toMatchObject({ roots: [{ mfa: 'A.old/0' }], others: [{ node_start_ns: 9n }] })
  made.take([{ type: 'call', ts: 30, pid: '0.1.0', mfa: 'A.other/0' }], { node: 'other@host', startNs: 9n })
  expect(made.failure('get_call_tree', { pid: '0.1.0' })).toMatchObject({ message: expect.stringContaining('other@host, shop@host'), details: { processes: [{ node: 'other@host', node_start_ns: 9n, events: 1 }, { node: 'shop@host' }, { node: 'shop@host' }] } })
  expect(printed(treeOf(made, { node: 'other@host' }).roots)).toBe('A.other/0 open')
  expect(made.failure('get_call_tree', { pid: '0.99.0' }).code).toBe('not_found')
})

const TALK: readonly TestEvent[] = [
  { type: 'spawn', ts: 1, pid: '0.1.0', peer: '0.2.0' }, { type: 'spawned', ts: 2, pid: '0.2.0', peer: '0.1.0' }, { type: 'call', ts: 5, pid: '0.1.0', mfa: 'A.ask/0' },
  { type: 'send', ts: 10, pid: '0.1.0', peer: '0.2.0', mfa: 'A.ask/0', corr: 'r1' }, { type: 'receive', ts: 14, pid: '0.2.0', peer: '0.1.0', corr: 'r1' },
  { type: 'call', ts: 20, pid: '0.2.0', mfa: 'B.outer/0' }, { type: 'call', ts: 21, pid: '0.2.0', mfa: 'B.done/0' }, { type: 'call', ts: 21, pid: '0.2.0', mfa: 'B.tail/0' }, { type: 'return', ts: 22, pid: '0.2.0', mfa: 'B.done/0' }, { type: 'call', ts: 23, pid: '0.2.0', mfa: 'B.inner/0' },
  { type: 'send', ts: 30, pid: '0.2.0', peer: '0.3.0' },
]

test('an event is known by its block and its place there, with or without its node', () => {
  const made = program(TALK)
  const whole = made.answer('get_event_by_id', { event_id: 'shop@host:1:2' })
  expect(made.answer('get_event_by_id', { event_id: '1:2' })).toEqual(whole)
  expect(made.answer('get_causal_chain', { event_id: '1:4' })).toEqual(made.answer('get_causal_chain', { event_id: 'shop@host:1:4' }))
  for (const id of ['other@host:1:2', '1:999', '9:2', 'two']) expect(made.failure('get_event_by_id', { event_id: id }).code).toBe('not_found')
})

test('who sent to whom, and how long it waited', () => {
  const made = program(TALK)
  expect(made.answer('get_message_flow', {})).toMatchObject({
    messages: [{ send: 'shop@host:1:3', receive: 'shop@host:1:4', from: '0.1.0', to: '0.2.0', at_ns: T0 + 10n, waited_ns: 4, paired_by: 'correlation' }], lone: { sends: 1, receives: 0 },
  })
  expect(made.answer('get_message_flow', { correlation_id: 'r1' })).toMatchObject({ lone: { sends: 0 } })
  expect(made.answer('get_message_flow', { pid: '<0.3.0>' })).toMatchObject({ messages: [], lone: { sends: 1 } })
  expect(made.answer('get_message_flow', { node: 'other@host' })).toMatchObject({ messages: [], lone: { sends: 0, receives: 0 } })
})

test('what led to an event: its callers, the message before, its sender, the start of the process', () => {
  const made = program(TALK)
  const chain = (row: number, limit = 100) => {
    const { chain: links, complete } = made.answer('get_causal_chain', { event_id: `shop@host:1:${row}`, limit })
    return [...links.map(({ event, because }) => `${because} ${event.event_type}${event.mfa === null ? '' : ` ${event.mfa}`}`), complete ? 'complete' : 'cut']
  }
  expect(chain(10)).toEqual(['asked send', 'called_by call B.inner/0', 'called_by call B.outer/0', 'received receive', 'sent_by send A.ask/0', 'complete'])
  expect(chain(10, 2)).toEqual(['asked send', 'called_by call B.inner/0', 'cut'])
  expect(chain(1)).toEqual(['asked spawned', 'spawned_by spawn', 'complete'])
  expect(made.failure('get_causal_chain', { event_id: 'shop@host:1:99' }).code).toBe('not_found')
})

const FIRST = 'defmodule A do\n  def f(1), do: one()\n  def f(x), do: log(x)\nend\n'
/** A clause before the others: what was the second is the third. */
const SECOND = 'defmodule A do\n  def f(0), do: log(0)\n  def f(1), do: one()\n  def f(x), do: log(x)\nend\n'

test('the events of a place, whatever its id was in the version that ran', () => {
  const made = runtime(60)
  made.clock.nowMs = Number(T0 / 1_000_000n)
  made.put('lib/a.ex', FIRST)
  made.take([{ type: 'probe', ts: 10, pid: '0.1.0', node: 'A.f/1#2/log' }, { type: 'probe', ts: 20, pid: '0.1.0', node: 'A.f/1#1/one' }])
  made.clock.nowMs += HOUR_MS
  made.put('lib/a.ex', SECOND)
  made.seal()
  const later = HOUR_MS * 1e6 + 1000
  made.take([{ type: 'probe', ts: later, pid: '0.1.0', node: 'A.f/1#3/log' }, { type: 'probe', ts: later + 1, pid: '0.1.0', node: 'A.f/1#2/one' }, { type: 'probe', ts: later + 2, pid: '0.1.0', node: 'A.f/1#1/log' }])
  const found = (nodeId: string, more = {}) => made.answer('get_correlated_events', { node_id: nodeId, ...more })
  const ids = (nodeId: string) => found(nodeId).events.map(({ event_id: id }) => id)
  expect([ids('A.f/1#3/log'), ids('A.f/1#2/one'), ids('A.f/1#1/log')]).toEqual([['shop@host:1:0', 'shop@host:2:0'], ['shop@host:1:1', 'shop@host:2:1'], ['shop@host:2:2']])
  const pages: string[] = []
  for (let cursor: string | undefined | null; cursor !== null; ) {
    const page = found('A.f/1#3/log', { limit: 1, order: 'desc', ...(cursor === undefined ? {} : { cursor }) })
    pages.push(...page.events.map(({ event_id: id }) => id))
    ;({ cursor } = page)
  }
  expect(pages).toEqual(['shop@host:2:0', 'shop@host:1:0'])
  expect(made.failure('get_correlated_events', { node_id: 'no id' }).code).toBe('invalid_argument')
})

test('an id that another place had before is that place’s until then', () => {
  const made = runtime(60)
  made.clock.nowMs = Number(T0 / 1_000_000n)
  made.put('lib/a.ex', 'defmodule A do\n  def f(x), do: log(x)\nend\n')
  made.take([{ type: 'probe', ts: 10, pid: '0.1.0', node: 'A.f/1#1/log' }])
  made.clock.nowMs += HOUR_MS
  made.put('lib/a.ex', 'defmodule A do\n  def f(0), do: log(0)\n  def f(x), do: log(x)\nend\n')
  const ids = (nodeId: string) => made.answer('get_correlated_events', { node_id: nodeId }).events.map(({ event_id: id }) => id)
  expect([ids('A.f/1#2/log'), ids('A.f/1#1/log')]).toEqual([['shop@host:1:0'], []])
})

test('an id that means another place since is told apart by the version that ran, whatever the time', () => {
  const made = runtime(60)
  made.clock.nowMs = Number(T0 / 1_000_000n)
  made.put('lib/a.ex', 'defmodule A do\n  def f(x) do\n    log(x)\n    :ok\n  end\n\n  def log(x), do: x\nend\n')
  const ran = (ts: number, line: number): TestEvent[] => [
    { type: 'call', ts, pid: '0.1.0', mfa: 'A.log/1', caller: `A.f/1 lib/a.ex:${line}` }, { type: 'return', ts: ts + 5, pid: '0.1.0', mfa: 'A.log/1' },
  ]
  made.take(ran(0, 3))
  made.seal()
  made.clock.nowMs += HOUR_MS
  made.put('lib/a.ex', 'defmodule A do\n  def f(0) do\n    log(0)\n    :ok\n  end\n  def f(x) do\n    log(x)\n    :ok\n  end\n\n  def log(x), do: x\nend\n')
  // The node's clock is an hour behind: by its time this ran before the file was saved.
  made.take([...ran(1000, 3), ...ran(2000, 7)])
  const ids = (nodeId: string) => made.answer('get_correlated_events', { node_id: nodeId }).events.map(({ event_id: id }) => id)
  const calls = (of: string) => made.answer('get_runtime_insights', { of }).figures.calls
  expect([ids('A.f/1#1/log'), ids('A.f/1#2/log')]).toEqual([['shop@host:2:0', 'shop@host:2:1'], ['shop@host:1:0', 'shop@host:1:1', 'shop@host:2:2', 'shop@host:2:3']])
  expect([calls('A.f/1#1/log'), calls('A.f/1#2/log')]).toEqual([1, 2])
  const points = made.answer('get_instrumentation_points', { of: 'A.f/1' }).points.filter(({ instrumentation_type: type }) => type === 'call')
  // Places are counted by their ids, each once, whatever the versions.
  expect(points.map(({ node_id: id, trigger_count: n }) => [id, n])).toEqual([['A.f/1#1/log', 2], ['A.f/1#2/log', 3]])
})

test('calls of a place under an id that it had in several ways are counted once, so that calls of unknown place leave it open', () => {
  const made = runtime(60)
  const clause = (head: string) => `  def f(${head}) do\n    log(1)\n    :ok\n  end\n`
  const program = (...heads: string[]) => `defmodule A do\n${heads.map(clause).join('')}  def log(x), do: x\nend\n`
  made.clock.nowMs = Number(T0 / 1_000_000n)
  made.put('lib/a.ex', program('x'))
  made.take([{ type: 'call', ts: 0, pid: '0.1.0', mfa: 'A.log/1', caller: 'A.f/1 lib/a.ex:3' }, { type: 'return', ts: 5, pid: '0.1.0', mfa: 'A.log/1' }])
  for (const ts of [10, 20]) made.take([{ type: 'call', ts, pid: '0.2.0', mfa: 'A.log/1' }, { type: 'return', ts: ts + 5, pid: '0.2.0', mfa: 'A.log/1' }])
  made.clock.nowMs += HOUR_MS
  made.put('lib/a.ex', program('0', 'x', '[]'))
  expect(made.answer('find_unseen_callers', { mfa: 'A.log/1' })).toMatchObject({ calls: [], undecided: 1 })
})

test('where an event happened, how that is known, and what one execution is tied to', () => {
  const made = runtime(60)
  // It returns: what is called from the same place while it is open would be its own tail call.
  made.take([{ type: 'call', ts: 0, pid: '0.1.0', mfa: 'A.log/1', caller: 'A.f/1 lib/a.ex:3' }, { type: 'return', ts: 5, pid: '0.1.0', mfa: 'A.log/1' }])
  expect(made.answer('correlate_event', { event_id: 'shop@host:1:0' })).toMatchObject({ node_id: null, evidence: 'none', confidence: null, n: 0 })
  made.put('lib/a.ex', 'defmodule A do\n  def f(x) do\n    log(x)\n    :ok\n  end\n\n  def log(x), do: x\nend\n')
  // What was not known when it came is known now; the store keeps what it found for as long as it fills the block.
  const { right, n: ofCases } = RATES.alone['site, version in doubt']
  expect(made.answer('correlate_event', { event_id: 'shop@host:1:0' })).toMatchObject({ node_id: 'A.f/1#1/log', evidence: 'line', version: 1, confidence: right / ofCases, n: ofCases })
  made.seal()
  made.take([
    { type: 'call', ts: 10, pid: '0.1.0', mfa: 'A.log/1', caller: 'A.f/1 lib/a.ex:3', corr: 'r1' }, { type: 'send', ts: 11, pid: '0.1.0', peer: '0.2.0', corr: 'r1' },
    { type: 'return', ts: 12, pid: '0.1.0', mfa: 'A.log/1', corr: 'r1' }, { type: 'probe', ts: 13, pid: '0.1.0', node: 'A.f/1#1', corr: 'r1' },
  ])
  expect(made.answer('correlate_event', { event_id: 'shop@host:2:0' })).toMatchObject({ node_id: 'A.f/1#1/log', version: 1, candidates: [] })
  // What is stored may have been found with what went before or without: both are counted.
  const { n, confidence } = made.answer('correlate_event', { event_id: 'shop@host:2:0' })
  const [paired, alone] = [RATES.paired['site, version in doubt'], RATES.alone['site, version in doubt']]
  expect({ n, confidence }).toEqual({ n: paired.n + alone.n, confidence: (paired.right + alone.right) / (paired.n + alone.n) })
  const ids = ({ correlations }: { correlations: readonly { event_id: string; node_id: string }[] }) => correlations.map((one) => `${one.event_id} ${one.node_id}`)
  const all = ids(made.answer('get_correlations', { correlation_id: 'r1' }))
  expect(all).toEqual(['shop@host:2:0 A.f/1#1/log', 'shop@host:2:2 A.f/1#1/log', 'shop@host:2:3 A.f/1#1'])
  const first = made.answer('get_correlations', { correlation_id: 'r1', limit: 2 })
  expect([...ids(first), ...ids(made.answer('get_correlations', { correlation_id: 'r1', limit: 2, cursor: first.cursor ?? '' }))]).toEqual(all)
  expect(ids(made.answer('get_correlations', { correlation_id: 'shop@host:2:3' }))).toEqual(['shop@host:2:3 A.f/1#1'])
  made.take([{ type: 'correlation', ts: 20, pid: '0.9.0', node: 'A.log/1#1', payload: pack({ event: 'shop@host:2:3' }) }])
  expect(made.answer('correlate_event', { event_id: 'shop@host:2:3' })).toMatchObject({ node_id: 'A.log/1#1', evidence: 'given', confidence: null })
})
