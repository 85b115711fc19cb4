/** What is said of functions, modules, nodes and calls, on a program whose every call is known. */

import { pack } from 'msgpackr'
import { expect, test } from 'vitest'
import type { PlanPoint } from '../../../src/engine/runtime/context.ts'
import type { TestEvent } from '../../event/batches.ts'
import { runtime, T0, type Runtime } from './runtime.ts'

const SHOP = `defmodule Shop do
  def run(n) do
    total(n)
    log(n)
    log(n)
    :ok
  end

  def total(n, tax \\\\ 2), do: n * tax

  defp log(n), do: Printer.print(n)

  def idle(x) do
    value = x + 1

    case value do
      1 -> total(x)
      _ -> log(x)
    end
  end

  defmacro twice(x), do: x
end
`
const PRINTER = `defmodule Printer do
  def print(x), do: x
  def flush, do: Enum.map([1], &print/1)
end
`

const RUN = 'Shop.run/1'
const at = (line: number) => `${RUN} lib/shop.ex:${line}`

/** A call and its return, `took` ns later. */
function called(ts: number, took: number, mfa: string, more: Partial<TestEvent> = {}): TestEvent[] {
  const { caller: _caller, ...rest } = more
  return [{ type: 'call', ts, pid: '0.1.0', mfa, ...more }, { type: 'return', ts: ts + took, pid: '0.1.0', mfa, ...rest }]
}

/** `total(n)` at line 3 of `run`: what the default generated hands over in tail position, so that it is reported from there as well. */
function totalled(ts: number): TestEvent[] {
  const [pid, caller] = ['0.1.0', at(3)]
  return [
    { type: 'call', ts, pid, mfa: 'Shop.total/1', caller }, { type: 'call', ts: ts + 5, pid, mfa: 'Shop.total/2', caller }, { type: 'return', ts: ts + 20, pid, mfa: 'Shop.total/2' },
    { type: 'return', ts: ts + 20, pid, mfa: 'Shop.total/1' },
  ]
}

/** `run` called from outside: total at line 3, log at 4 and 5. */
function ran(ts: number): TestEvent[] {
  const pid = '0.1.0'
  return [
    { type: 'call', ts, pid, mfa: RUN, caller: 'Outside.main/0 lib/outside.ex:1' },
    ...totalled(ts + 10), ...called(ts + 40, 10, 'Shop.log/1', { pid, caller: at(4) }), ...called(ts + 60, 10, 'Shop.log/1', { pid, caller: at(5) }),
    { type: 'return', ts: ts + 100, pid, mfa: RUN },
  ]
}

function shop(): Runtime {
  const program = runtime(60)
  program.put('lib/shop.ex', SHOP)
  program.put('lib/printer.ex', PRINTER)
  return program
}

test('a function: its figures, callers, callees, errors, and what clients stated', () => {
  const program = shop()
  program.take([...ran(0), ...ran(1000)])
  program.seal()
  program.take([
    ...ran(2000), { type: 'call', ts: 3000, pid: '0.1.0', mfa: RUN },
    { type: 'exception', ts: 3050, pid: '0.1.0', mfa: RUN, payload: pack({ class: 'error', value: 'bad' }) },
  ])
  program.stated[RUN] = { profiler: { at: '2026-01-01T00:00:00Z', insights: { memory: 7 } } }
  const told = program.answer('get_runtime_insights', { of: RUN })
  expect(told).toMatchObject({
    kind: 'function', of: RUN, n: 4, figures: { calls: 4, returns: 3, exceptions: 1, duration_ns: { n: 4, sum: 350, max: 100 }, own_ns: 3 * 60 + 50 }, last_executed_ns: T0 + 3050n,
    callers: [{ mfa: 'Outside.main/0', calls: 3, node_id: null }, { mfa: '(unknown)', calls: 1, node_id: null }],
    callees: [{ mfa: 'Shop.log/1', calls: 6, node_id: null }, { mfa: 'Shop.total/2', calls: 3, node_id: 'Shop.run/1#1/total' }],
    errors: [{ class: 'error', value: '** (ErlangError) Erlang error: "bad"', count: 1 }], stated: [{ source: 'profiler', insights: { memory: 7 } }], completeness: { complete: true },
    window: { since_ns: T0, until_ns: T0 + 3050n },
  })
  expect(program.answer('get_runtime_insights', { of: RUN, since: T0 + 1000n, until: T0 + 2000n })).toMatchObject({ n: 1, figures: { calls: 1, exceptions: 0 }, errors: [], window: { since_ns: T0 + 1000n } })
  // By the arity that a default generates, it is the function as it is defined.
  for (const of of ['Shop.total/1', 'Shop.total/2']) expect(program.answer('get_runtime_insights', { of })).toMatchObject({ of: 'Shop.total/2', figures: { calls: 3 }, callers: [{ mfa: RUN, node_id: 'Shop.run/1#1/total' }], last_executed_ns: T0 + 2030n })
})

test('a module, a node, and what was never heard of', () => {
  const program = shop()
  program.take([...ran(0), { type: 'gap', ts: 5, pid: '0.1.0', payload: pack({ gap: { reason: 'queue', dropped: { call: 3 } } }) }])
  expect(program.answer('get_runtime_insights', { of: 'Shop' })).toMatchObject({ kind: 'module', figures: { calls: 4, returns: 4 }, completeness: { complete: false, gaps: 1, dropped: 3 } })
  expect(program.answer('get_runtime_insights', { of: 'Shop.run/1#1/log:2' })).toMatchObject({ kind: 'node', n: 1, figures: { calls: 1, duration_ns: { sum: 10 } }, callers: [{ mfa: RUN, calls: 1 }] })
  expect(program.answer('get_runtime_insights', { of: 'Shop.idle/1' })).toMatchObject({ figures: { calls: 0, duration_ns: null }, last_executed_ns: null, n: 0 })
  expect(['Shop.nope/1', 'Nope', 'Nope.f/1#1', 'no name'].map((of) => program.failure('get_runtime_insights', { of }).code)).toEqual(['not_found', 'not_found', 'not_found', 'invalid_argument'])
})

test('an event that somebody linked to a node counts there, and no more where it was', () => {
  const program = shop()
  program.take(ran(0))
  const total = 'Shop.run/1#1/total'
  const idle = 'Shop.idle/1#1/case'
  const calls = (of: string) => program.answer('get_runtime_insights', { of }).figures.calls
  expect([calls(total), calls(idle)]).toEqual([1, 0])
  program.take([{ type: 'correlation', ts: 500, pid: '0.9.0', node: idle, payload: pack({ event: 'shop@host:1:1' }) }])
  expect([calls(total), calls(idle)]).toEqual([0, 1])
})

test('hot functions, by any measure, are those of a plain count', () => {
  const program = shop()
  program.take([...ran(0), ...ran(1000)])
  program.seal()
  program.take(ran(2000))
  const order = (by: 'own' | 'duration' | 'calls' | 'exceptions') => program.answer('get_hotspots', { by }).functions.map(({ mfa }) => mfa)
  expect(order('own')).toEqual([RUN, 'Shop.log/1', 'Shop.total/2'])
  expect(order('calls')).toEqual(['Shop.log/1', RUN, 'Shop.total/2'])
  expect(order('exceptions')).toEqual([])
  const { groups } = program.answer('count_events', { event_type: 'call', by: 'function' })
  const hot = program.answer('get_hotspots', { by: 'calls', limit: 2 })
  expect(hot).toMatchObject({ total: 3, n: groups.reduce((sum, { count }) => sum + count, 0), functions: [{ node_id: 'Shop.log/1', cyclomatic_complexity: 1 }, { module: 'Shop', function: 'run', arity: 1 }] })
  expect(hot.functions.map(({ mfa, figures }) => ({ key: mfa.replace('/2', '/1'), count: figures.calls }))).toEqual(groups.slice(0, 2))
  expect(program.answer('get_hotspots', { module_prefix: 'Printer' }).functions).toEqual([])
})

const POINT: PlanPoint = { id: 'p', module: 'Shop', function: null, arity: null, capture: ['return', 'caller'], sampling: 1, condition: null, enabled: true, priority: 'high', tags: ['slow'] }
const plan = (...points: PlanPoint[]) => ({ name: 'main', storedAt: '2026-01-01T00:00:00.000Z', scope: [], points })

test('never executed: functions, not macros, and only of modules that were traced', () => {
  const program = shop()
  const never = (args = {}) => program.answer('find_never_executed', args).functions.map(({ mfa }) => mfa)
  expect(never()).toEqual([])
  program.take(ran(0))
  expect(never()).toEqual(['Shop.idle/1'])
  program.plans.push(plan({ ...POINT, module: '*' }))
  expect(never()).toEqual(['Printer.flush/0', 'Printer.print/1', 'Shop.idle/1'])
  expect(never({ module_prefix: 'Pr', limit: 1 })).toEqual(['Printer.flush/0'])
  program.plans[0] = plan({ ...POINT, function: 'run' }, { ...POINT, module: 'Printer', sampling: 0.1 })
  expect(never()).toEqual([])
})

test('a function whose name is made when its module is compiled is not said to be never executed: nothing could tell', () => {
  const program = shop()
  program.put('lib/made.ex', 'defmodule Made do\n  for name <- [:a, :b], do: def unquote(name)(), do: name\n  def c, do: 1\nend\n')
  program.take(ran(0))
  program.plans.push(plan({ ...POINT, module: '*' }))
  expect(program.answer('find_never_executed', { module_prefix: 'Made' }).functions.map(({ mfa }) => mfa)).toEqual(['Made.c/0'])
})

test('untested: what ran, but neither with the mark of a test nor in its processes', () => {
  const program = shop()
  const untested = () => program.answer('find_untested', {})
  program.take([...called(0, 5, 'Shop.run/1'), ...called(10, 5, 'Shop.total/2'), ...called(20, 5, 'Shop.log/1'), ...called(30, 5, 'Printer.print/1'), ...called(40, 5, 'Printer.flush/0')])
  expect(untested()).toMatchObject({ total: 5, functions: [{ mfa: 'Printer.flush/0', figures: { calls: 1 } }, {}, {}, {}, {}] })
  program.take([
    { type: 'test_start', ts: 1000, pid: '0.5.0', corr: 't1' }, ...called(1010, 5, 'Shop.run/1', { pid: '0.5.0' }), { type: 'spawn', ts: 1020, pid: '0.5.0', peer: '0.6.0' },
    { type: 'test_end', ts: 1100, pid: '0.5.0', corr: 't1' },
    // After the test, in its process, or in one that it spawned then: not the test's.
    ...called(1200, 5, 'Shop.log/1', { pid: '0.5.0' }), { type: 'spawn', ts: 1210, pid: '0.5.0', peer: '0.9.0' }, ...called(1220, 5, 'Shop.log/1', { pid: '0.9.0' }),
  ])
  program.seal()
  program.take([
    ...called(1030, 5, 'Shop.total/2', { pid: '0.6.0' }), { type: 'spawn', ts: 1040, pid: '0.6.0', peer: '0.7.0' }, ...called(1050, 5, 'Printer.print/1', { pid: '0.7.0' }),
    ...called(1060, 5, 'Printer.flush/0', { pid: '0.8.0', corr: 't1' }),
  ])
  expect(untested().functions.map(({ mfa }) => mfa)).toEqual(['Shop.log/1'])
})

test('calls never seen: written minus observed; what may have been seen is undecided', () => {
  const program = shop()
  const unseen = (args = {}) => {
    const { calls, total, undecided } = program.answer('find_unseen_callers', args)
    return { calls: calls.map(({ node_id: id }) => id).sort(), total, undecided }
  }
  program.take([...called(0, 5, RUN), ...totalled(10), ...called(40, 5, 'Shop.log/1', { caller: at(4) })])
  expect(unseen()).toEqual({ calls: ['Shop.idle/1#1/case/clause/total', 'Shop.idle/1#1/case/clause:2/log', 'Shop.run/1#1/log:2'], total: 3, undecided: 0 })
  expect(unseen({ mfa: 'Shop.total/1' })).toMatchObject({ total: 1 })
  program.seal()
  program.take(called(50, 5, 'Shop.log/1', { caller: at(5) }))
  expect(unseen({ mfa: 'Shop.log/1' }).calls).toEqual(['Shop.idle/1#1/case/clause:2/log'])
  // A capture calls nothing where it is written.
  program.take(called(55, 5, 'Printer.print/1', { caller: 'Shop.log/1 lib/shop.ex:11' }))
  expect(unseen({ mfa: 'Printer.print/1' })).toEqual({ calls: [], total: 0, undecided: 0 })
  program.take(called(60, 5, 'Shop.log/1'))
  expect(unseen()).toEqual({ calls: ['Shop.idle/1#1/case/clause/total'], total: 1, undecided: 1 })
})

test('complex and hot', () => {
  const program = shop()
  program.take([...called(0, 50, 'Shop.idle/1'), ...called(100, 80, 'Shop.total/2')])
  const found = program.answer('find_complex_and_hot', { min_complexity: 2 })
  expect(found).toMatchObject({ total: 1, functions: [{ mfa: 'Shop.idle/1', cyclomatic_complexity: 3, figures: { own_ns: 50 } }] })
  expect(program.answer('find_complex_and_hot', { min_complexity: 1 }).functions.map(({ mfa }) => mfa)).toEqual(['Shop.idle/1', 'Shop.total/2'])
})

test('the calls of a function as written, each with how often it was seen', () => {
  const program = shop()
  program.take([...ran(0), ...ran(1000), ...called(2000, 5, 'Hidden.f/0', { caller: at(5) })])
  const { calls, n } = program.answer('get_observed_calls', { mfa: RUN })
  expect(calls.filter(({ callee }) => callee !== 'Kernel.+/2')).toEqual([
    { callee: 'Shop.total/2', node_id: 'Shop.run/1#1/total', line: 3, observed: 2, written: true }, { callee: 'Shop.log/1', node_id: 'Shop.run/1#1/log', line: 4, observed: 2, written: true },
    { callee: 'Shop.log/1', node_id: 'Shop.run/1#1/log:2', line: 5, observed: 2, written: true }, { callee: 'Hidden.f/0', node_id: null, line: null, observed: 1, written: false },
  ])
  expect(n).toBe(7)
})

test('complexity as written and as it ran', () => {
  const program = shop()
  program.take(ran(0))
  const whole = program.answer('analyze_complexity', { of: 'Shop' })
  expect(whole).toMatchObject({ cyclomatic_max: 3, cyclomatic_total: whole.functions.reduce((sum, fn) => sum + fn.cyclomatic_complexity, 0) })
  expect(whole.functions.find(({ mfa }) => mfa === 'Shop.log/1')).toMatchObject({ clauses: 1, figures: { calls: 2 } })
  expect(program.answer('analyze_complexity', { of: 'Shop.idle/1' }).functions).toMatchObject([{ mfa: 'Shop.idle/1', cyclomatic_complexity: 3, figures: null }])
})

test('points: what can be traced, what a plan traces there, and how often it was met', () => {
  const program = shop()
  program.take([...ran(0), ...ran(1_000_000_000)])
  program.plans.push(plan({ ...POINT, id: 'off', enabled: false }, POINT))
  const { points } = program.answer('get_instrumentation_points', { of: 'Shop' })
  const point = (id: string) => points.find(({ point_id: one }) => one === id)
  expect(point('function_entry:Shop.run/1')).toMatchObject({
    enabled: true, plan: { name: 'main', point_id: 'p' }, trigger_count: 2, last_triggered_ns: T0 + 1_000_000_000n, source_location: { file: 'lib/shop.ex', line: 2 }, capture_config: { caller: true, args: false },
    tags: ['slow'], priority: 'high', created_at: '2026-01-01T00:00:00.000Z', average_duration_ns: 100, sampling_rate: 1,
  })
  expect(point('function_exit:Shop.run/1')).toMatchObject({ trigger_count: 2, last_triggered_ns: T0 + 1_000_000_100n })
  expect(point('call:Shop.run/1#1/log:2')).toMatchObject({ trigger_count: 2, enabled: true, correlation_metadata: { evidence: 'exact' }, source_location: { line: 5 } })
  expect(point('call:Shop.log/1#1/Printer.print')).toMatchObject({ trigger_count: 0, enabled: false, plan: null, execution_frequency: null, runtime_mapping: [] })
  expect(point('expression:Shop.idle/1#1/case')).toMatchObject({ enabled: false, source_location: { line: 16, column: 5 } })
  expect(points.filter((one) => one.instrumentation_type === 'variable').map(({ node_id: id }) => id)).toEqual(['Shop.idle/1#1/='])
  const paged: string[] = []
  for (let cursor: string | undefined | null; cursor !== null; ) {
    const page = program.answer('get_instrumentation_points', { of: 'Shop', limit: 4, ...(cursor === undefined ? {} : { cursor }) })
    paged.push(...page.points.map((one) => one.point_id))
    ;({ cursor } = page)
  }
  expect(paged).toEqual(points.map((one) => one.point_id))
  expect(program.answer('get_instrumentation_points', { of: 'Shop.run/1#1/log:2' }).points.map((one) => one.point_id)).toEqual(['call:Shop.run/1#1/log:2'])
  expect(program.failure('get_instrumentation_points', { of: 'Shop.run/1#1/nothing' }).code).toBe('not_found')
})

test('what was stored and is lost leaves every answer incomplete whose window it touches, and the answer says why', () => {
  const program = shop()
  program.take(ran(0))
  expect(program.answer('query_events', {}).completeness).toMatchObject({ complete: true, lost: [] })
  program.lost.push({ why: 'a file ends too soon', minNs: T0 + 100n, maxNs: T0 + 200n, events: 7 })
  const told = { complete: false, gaps: 0, lost: [{ why: 'a file ends too soon', events: 7, since_ns: T0 + 100n, until_ns: T0 + 200n }] }
  const windows = [{}, { since: T0 + 200n }, { until: T0 + 101n }, { since: T0 + 120n, until: T0 + 130n }]
  for (const window of windows) {
    for (const { completeness } of [program.answer('query_events', window), program.answer('count_events', window), program.answer('get_hotspots', window), program.answer('get_runtime_insights', { of: 'Shop', ...window })]) expect(completeness).toMatchObject(told)
  }
  expect(program.answer('query_events', { node: 'shop@host' }).completeness.complete).toBe(false)
  for (const window of [{ since: T0 + 201n }, { until: T0 + 100n }]) expect(program.answer('query_events', window).completeness).toMatchObject({ complete: true, lost: [] })
  // From when to when is not known of all.
  program.lost.push({ why: 'a part of the log is damaged', minNs: null, maxNs: T0 + 50n, events: null })
  expect(program.answer('query_events', { until: T0 + 10n }).completeness).toMatchObject({ complete: false, lost: [{ since_ns: null, events: null }] })
})

test('a node that did less for a while: what it left out is a gap, unless no event is missing', () => {
  const step = (at: number, unknown?: readonly string[]): TestEvent => ({ type: 'degraded', ts: at, payload: pack({ gap: { reason: 'the ladder', from_ns: T0 + BigInt(at - 10), to_ns: T0 + BigInt(at), dropped: {}, ...(unknown === undefined ? {} : { unknown }) } }) })
  const program = shop()
  program.take([...ran(0), step(2000), step(3000, ['send'])])
  const told = (since: number) => program.answer('count_events', { since: T0 + BigInt(since), until: T0 + BigInt(since + 100) }).completeness
  expect([told(1950), told(2950)]).toMatchObject([{ complete: true, gaps: 0 }, { complete: false, gaps: 1, dropped: 0 }])
})

test('a gap counts for the time that it is of, whenever it was told', () => {
  const program = shop()
  const gap = { gap: { reason: 'queue', from_ns: T0 + 1000n, to_ns: T0 + 2000n, dropped: { call: 3 } } }
  program.take([...ran(0), { type: 'gap', ts: 9000, pid: '0.1.0', payload: pack(gap) }])
  const isComplete = (since: number, until: number): boolean => program.answer('count_events', { since: T0 + BigInt(since), until: T0 + BigInt(until) }).completeness.complete
  expect([isComplete(1500, 1600), isComplete(0, 1001), isComplete(2000, 2001)]).toEqual([false, false, false])
  expect([isComplete(0, 1000), isComplete(2001, 10_000)]).toEqual([true, true])
})
