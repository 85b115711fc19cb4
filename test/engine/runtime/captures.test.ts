/** What was truly traced, as nodes tell it with each capture: by session and by time. */

import { Packr } from 'msgpackr'
import { expect, test } from 'vitest'
import type { TestEvent } from '../../event/batches.ts'
import { runtime, T0, type Runtime } from './runtime.ts'

const packr = new Packr({ useRecords: false })
const SHOP = 'defmodule Shop do\n  def run(x), do: Printer.print(x)\n\n  def idle, do: 1\nend\n'
const PRINTER = 'defmodule Printer do\n  def print(x), do: x\n\n  def flush, do: 1\nend\n'
const START = { node: 'shop@host', startNs: 5n }

const began = (ts: number, points: unknown, plan = 'run'): TestEvent => ({ type: 'capture_start', ts, payload: packr.pack({ plan, ...(points === undefined ? {} : { points }) }) })
const ended = (ts: number): TestEvent => ({ type: 'capture_end', ts, payload: packr.pack({ reason: 'it is over', plan: 'run' }) })
const called = (ts: number): TestEvent => ({ type: 'call', ts, pid: '0.1.0', mfa: 'Shop.run/1' })

function written(): Runtime {
  const program = runtime()
  program.put('lib/shop.ex', SHOP)
  program.put('lib/printer.ex', PRINTER)
  return program
}

const at = (ns: number): bigint => T0 + BigInt(ns)

function never(program: Runtime, args: { since?: bigint; until?: bigint } = {}): readonly string[] {
  return program.answer('find_never_executed', args).functions.map(({ mfa }) => mfa)
}

const ALL = ['Printer.flush/0', 'Printer.print/1', 'Shop.idle/0']

test.each<readonly [what: string, points: unknown, found: readonly string[]]>([
  ['modules by name', [{ module: 'Shop' }, { module: 'Printer' }], ALL],
  ['a module of which nothing was seen, and one that is not named', [{ module: 'Printer' }], ALL],
  ['one function', [{ module: 'Shop', function: 'idle', arity: 0 }], ['Shop.idle/0']],
  ['a prefix', [{ module: '*', scope: { prefix: 'Pr' } }, { module: 'Shop', function: 'run' }], ['Printer.flush/0', 'Printer.print/1']],
  ['some calls only', [{ module: 'Shop', sampling: 0.5 }, { module: 'Printer', condition: { arg: 0, op: '==', value: 1 } }], []],
  ['a point that is switched off', [{ module: 'Printer', enabled: false }], ['Shop.idle/0']],
  ['an application, which only the node knows', [{ module: '*', scope: { app: 'printer' } }], ['Shop.idle/0']],
  ['an agent of before, that names its plan alone', undefined, ['Shop.idle/0']],
  ['what is no list of points', 'all', ['Shop.idle/0']],
])('a plan of the command line: %s', (_what, points, found) => {
  const program = written()
  program.take([began(0, points), called(10)])
  expect(never(program)).toEqual(found)
})

test('what was traced, not what was to be: a kept plan counts only where no node has told', () => {
  const program = written()
  program.plans.push({ name: 'kept', storedAt: '2026-01-01T00:00:00.000Z', scope: [], points: [{ id: 'p', module: 'Printer', function: null, arity: null, capture: [], sampling: 1, condition: null, enabled: true, priority: 'medium', tags: [] }] })
  program.take([called(10)])
  expect(never(program)).toEqual(ALL)
  program.take([began(20, [{ module: 'Shop', function: 'idle', arity: 0 }]), called(30)])
  expect(never(program)).toEqual(['Shop.idle/0'])
})

test('a plan counts for the time that it was in force', () => {
  const program = written()
  program.take([began(100, [{ module: 'Printer' }]), called(110), ended(200), called(250), began(300, [{ module: 'Shop', function: 'idle' }], 'attach'), called(310)])
  const windows = [{ until: at(200) }, { since: at(210), until: at(300) }, { since: at(210) }, { since: at(150), until: at(260) }, { since: at(305) }, {}]
  expect(windows.map((window) => never(program, window))).toEqual([ALL, ['Shop.idle/0'], ['Shop.idle/0'], ALL, ['Shop.idle/0'], ALL.filter((mfa) => mfa !== 'Shop.idle/0').concat('Shop.idle/0')])
})

test('a node that ended without a word traced nothing since; another life of it ends what the first one began', () => {
  const program = written()
  program.take([began(0, [{ module: 'Printer' }]), called(10)])
  program.take([called(500)], { node: 'other@host', startNs: 1n })
  expect([never(program, { since: at(5) }), never(program, { since: at(400) })]).toEqual([ALL, ['Shop.idle/0']])
  program.take([began(600, [{ module: 'Shop' }]), called(610)], { ...START, startNs: 9n })
  expect(never(program, { since: at(605) })).toEqual(['Shop.idle/0'])
})

test('of two runtime systems of one name at once each has its own captures', () => {
  const program = written()
  const other = { ...START, startNs: 9n }
  const planOf = (of: string) => program.answer('get_instrumentation_points', { of, limit: 1 }).points[0]?.plan?.name
  program.take([began(0, [{ module: 'Shop', function: 'run' }], 'server'), called(10)])
  program.take([began(20, [{ module: 'Printer' }], 'tests')], other)
  program.take([called(30)])
  expect([planOf('Shop.run/1'), planOf('Printer.flush/0')]).toEqual(['server', 'tests'])
  program.take([ended(60)], other)
  program.take([called(100)])
  expect([never(program, { since: at(50) }), never(program, { since: at(70) })]).toEqual([['Printer.flush/0', 'Printer.print/1'], []])
  expect([planOf('Shop.run/1'), planOf('Printer.flush/0')]).toEqual(['server', undefined])
  program.take([began(200, [{ module: 'Printer' }], 'again')], other)
  expect([planOf('Shop.run/1'), planOf('Printer.flush/0')]).toEqual([undefined, 'again'])
  program.take([called(210)])
  expect([planOf('Shop.run/1'), planOf('Printer.flush/0')]).toEqual(['server', 'again'])
})

test('points tell of a plan that came from the command line, for as long as it is in force', () => {
  const program = written()
  const entry = () => program.answer('get_instrumentation_points', { of: 'Shop.idle/0', limit: 1 }).points[0]
  expect(entry()).toMatchObject({ plan: null, enabled: false })
  program.take([began(0, [{ id: 'p1', module: 'Shop', capture: ['args', 'return'], sampling: 0.5, tags: ['slow'], priority: 'high' }])])
  expect(entry()).toMatchObject({ plan: { name: 'run', point_id: 'p1' }, enabled: true, sampling_rate: 0.5, tags: ['slow'], priority: 'high', capture_config: { args: true, result: false }, created_at: new Date(Number(T0 / 1_000_000n)).toISOString() })
  program.take([ended(50)])
  expect(entry()).toMatchObject({ plan: null, enabled: false })
})
