/**
 * Files for Perfetto and speedscope, held to what their formats say: what is opened is closed in order, times never go back, units and
 * names are as published. Programs whose calls are known, and event sequences of every kind, with returns and calls missing.
 */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { timelinesOf } from '../../src/cli/timelines.ts'
import { traceText } from '../../src/cli/trace-files.ts'
import { runCli } from '../../src/cli/program.ts'
import type { EventWire } from '../../src/wire/event-records.ts'
import { makeWorld } from './fake.ts'
import { answerOf, event, EVENTS, NODE, RUNTIME, T0, WITH_GAPS } from './runtime-fake.ts'

const seed = process.env['FC_SEED'] === undefined ? {} : { seed: Number(process.env['FC_SEED']) }

type Chrome = { traceEvents: { name: string; ph: string; pid: number; tid: number; ts?: number; s?: string; args?: Record<string, unknown> }[]; displayTimeUnit: string; otherData: Record<string, unknown> }
type Speedscope = {
  $schema: string; exporter: string; name: string; activeProfileIndex: number; shared: { frames: { name: string }[] }
  profiles: { type: string; name: string; unit: string; startValue: number; endValue: number; events: { type: string; frame: number; at: number }[] }[]
}

function chromeOf(events: readonly EventWire[]): Chrome {
  return JSON.parse([...traceText('chrome', timelinesOf(events), 'test')].join('')) as Chrome
}

function speedscopeOf(events: readonly EventWire[]): Speedscope {
  return JSON.parse([...traceText('speedscope', timelinesOf(events), 'test')].join('')) as Speedscope
}

/** The rules of the trace event format for begin and end events; answers with the calls as `name start..end`, in order of their end. */
function checkChrome({ traceEvents, displayTimeUnit }: Chrome): string[] {
  expect(['ms', 'ns']).toContain(displayTimeUnit)
  const stacks = new Map<string, { name: string; ts: number }[]>()
  const last = new Map<string, number>()
  const named = new Set(traceEvents.filter((one) => one.ph === 'M').map((one) => `${one.name} ${one.pid} ${one.tid}`))
  const calls: string[] = []
  for (const one of traceEvents) {
    expect([Number.isInteger(one.pid), Number.isInteger(one.tid)]).toEqual([true, true])
    if (one.ph === 'M') {
      expect([['process_name', 'thread_name'].includes(one.name), typeof one.args?.['name']]).toEqual([true, 'string'])
      continue
    }
    const thread = `${one.pid} ${one.tid}`
    expect([named.has(`thread_name ${thread}`), named.has(`process_name ${one.pid} 0`)]).toEqual([true, true])
    expect(one.ts).toBeGreaterThanOrEqual(last.get(thread) ?? 0)
    last.set(thread, one.ts ?? NaN)
    const stack = stacks.get(thread) ?? []
    stacks.set(thread, stack)
    if (one.ph === 'B') stack.push({ name: one.name, ts: one.ts ?? NaN })
    else if (one.ph === 'E') {
      const opened = stack.pop()
      expect(opened?.name).toBe(one.name)
      calls.push(`${one.name} ${opened?.ts}..${one.ts}`)
    } else expect([one.ph, one.s]).toEqual(['i', 't'])
  }
  expect([...stacks.values()].flat()).toEqual([])
  return calls
}

/** The rules of the evented format: balanced, in order, frames that exist, times between start and end. */
function checkSpeedscope(file: Speedscope): string[] {
  expect(file.$schema).toBe('https://www.speedscope.app/file-format-schema.json')
  expect(file.profiles.length === 0 || file.activeProfileIndex < file.profiles.length).toBe(true)
  return file.profiles.flatMap(({ type, unit, startValue, endValue, events }) => {
    expect([type, unit]).toEqual(['evented', 'nanoseconds'])
    const stack: { frame: number; at: number }[] = []
    const calls: string[] = []
    let last = startValue
    for (const one of events) {
      expect(one.at).toBeGreaterThanOrEqual(last)
      expect(one.at).toBeLessThanOrEqual(endValue)
      expect(file.shared.frames[one.frame]).toBeDefined()
      last = one.at
      if (one.type === 'O') stack.push(one)
      else {
        const opened = stack.pop()
        expect([one.type, opened?.frame]).toEqual(['C', one.frame])
        calls.push(`${file.shared.frames[one.frame]?.name} ${(opened?.at ?? NaN) / 1000}..${one.at / 1000}`)
      }
    }
    expect(stack).toEqual([])
    return calls
  })
}

type Program = { name: string; inner: Program[] }
const program = fc.letrec<{ call: Program }>((tie) => ({
  call: fc.record({ name: fc.constantFrom('A.a/0', 'A.b/1', 'B.c/2'), inner: fc.oneof({ maxDepth: 5 }, fc.constant<Program[]>([]), fc.array(tie('call'), { maxLength: 3 })) }),
})).call

test('of programs whose calls are known: exactly these, in both formats', () => {
  fc.assert(fc.property(fc.array(program, { minLength: 1, maxLength: 4 }), (programs) => {
    const events: EventWire[] = []
    const calls: string[] = []
    const play = ({ name, inner }: Program): void => {
      const start = events.length
      events.push(event(events.length, { event_type: 'call', mfa: name }))
      inner.forEach(play)
      calls.push(`${name} ${start}..${events.length}`)
      events.push(event(events.length, { event_type: events.length % 3 === 0 ? 'exception' : 'return', mfa: name }))
    }
    programs.forEach(play)
    expect(checkChrome(chromeOf(events))).toEqual(calls)
    expect(checkSpeedscope(speedscopeOf(events))).toEqual(calls)
  }), seed)
})

const anyEvent = fc.record({
  type: fc.constantFrom<EventWire['event_type'][]>('call', 'call', 'return', 'return', 'exception', 'send', 'receive', 'exit', 'gap', 'capture_start', 'register'), pid: fc.constantFrom('0.1.0', '0.2.0', ''),
  mfa: fc.constantFrom('A.a/0', 'A.b/1', 'B.c/2'), node: fc.constantFrom('a@h', 'b@h'), step: fc.integer({ min: -1, max: 3 }),
})

test('of any events, ends and calls missing: both files are sound, and hold the same calls', () => {
  fc.assert(fc.property(fc.array(anyEvent, { maxLength: 60 }), (made) => {
    let at = 0n
    const events = made.map(({ type, pid, mfa, node, step }, sequence) => {
      // Backwards now and then, which the daemon never gives.
      at += BigInt(step) * 1500n
      return event(sequence, { event_type: type, pid, mfa, node, timestamp_ns: T0 + at, payload: type === 'register' ? { name: { $atom: 'Elixir.Cart' } } : null })
    })
    const timelines = timelinesOf(events)
    const calls = checkChrome(chromeOf(events))
    expect([...checkSpeedscope(speedscopeOf(events))].sort()).toEqual([...calls].sort())
    const count = (types: readonly string[]): number => made.filter(({ type }) => types.includes(type)).length
    expect(calls.length).toBe(count(['call']))
    expect(calls.length - timelines.nCut).toBeGreaterThanOrEqual(0)
    expect(timelines.nWithoutCall).toBeLessThanOrEqual(count(['return', 'exception']))
  }), seed)
})

test('a gap ends what is open, of its node alone; an end that was not recorded says so', () => {
  const call = (sequence: number, more: object) => event(sequence, { event_type: 'call', mfa: 'A.a/0', ...more })
  const events = [call(0, { node: 'a@h' }), call(1, { node: 'b@h' }), event(2, { event_type: 'gap', node: 'a@h', pid: '' }), event(9, { event_type: 'return', mfa: 'A.a/0', node: 'b@h' })]
  expect(checkChrome(chromeOf(events))).toEqual(['A.a/0 0..2', 'A.a/0 1..9'])
  const file = chromeOf(events)
  expect(file.traceEvents.filter((one) => one.ph === 'E').map((one) => one.args?.['end'])).toEqual(['not recorded', 'return'])
  expect(file.otherData).toMatchObject({ started: '2026-11-21T08:01:00.000000Z', calls_cut: 1, returns_without_call: 0 })
})

test('of two nodes of one name, a gap of the one leaves the calls of the other open; a later start ends them', () => {
  const later = { node_start_ns: T0 }
  const twins = [event(0, { event_type: 'call', mfa: 'A.a/0' }), event(1, { event_type: 'gap', pid: '', ...later }), event(5, { event_type: 'return', mfa: 'A.a/0' })]
  expect(checkChrome(chromeOf(twins))).toEqual(['A.a/0 0..5'])
  const restarted = [event(0, { event_type: 'call', mfa: 'A.a/0' }), event(1, { event_type: 'capture_start', pid: '', ...later }), event(9, { event_type: 'call', mfa: 'A.b/1', ...later })]
  expect(checkChrome(chromeOf(restarted))).toEqual(['A.a/0 0..1', 'A.b/1 9..9'])
})

test('a tail call takes the place of its caller: a loop is no deeper than one call, and its returns are all known', () => {
  const from = (mfa: string, line = 1) => ({ caller: { mfa, file: '', line } })
  let at = 0
  const call = (mfa: string, more: object) => event(at++, { event_type: 'call', mfa, ...more })
  const back = (mfa: string) => event(at++, { event_type: 'return', mfa })
  // init goes on as loop, which reads by way of a call that waits, and by one of its own that takes its place.
  const events = [
    call('S.init/0', from(':proc_lib.run/1')), call('S.loop/1', from(':proc_lib.run/1')), call('S.read/1', from('S.loop/1')), back('S.read/1'), call('S.loop/1', from(':proc_lib.run/1')),
    call('S.read/1', from('S.loop/1')), call('S.loop/1', from('S.read/1')), back('S.loop/1'), back('S.read/1'), back('S.loop/1'), back('S.loop/1'), back('S.init/0'),
    call('S.sum/1', from('S.main/0')), call('S.sum/1', from('S.sum/1')), call('S.sum/1', from('S.sum/1')), back('S.sum/1'), back('S.sum/1'), back('S.sum/1'),
  ]
  expect(checkChrome(chromeOf(events))).toEqual([
    'S.init/0 0..1', 'S.read/1 2..3', 'S.loop/1 1..4', 'S.loop/1 6..7', 'S.read/1 5..8', 'S.loop/1 4..9', 'S.sum/1 14..15', 'S.sum/1 13..16', 'S.sum/1 12..17',
  ])
  expect(timelinesOf(events)).toMatchObject({ nWithoutCall: 0, nCut: 0 })
  // Whatever Enum calls, it may be calling it for what it called before.
  const walk = (n: number, type: 'call' | 'return') => event(n, { event_type: type, mfa: 'T.walk/1', ...from('Enum.map/2') })
  expect(checkChrome(chromeOf([walk(0, 'call'), walk(1, 'call'), walk(2, 'return'), walk(3, 'return')]))).toEqual(['T.walk/1 1..2', 'T.walk/1 0..3'])
  expect(chromeOf(events).traceEvents.filter((one) => one.args?.['end'] === 'a tail call').map((one) => one.name)).toEqual(['S.init/0', 'S.loop/1'])
})

test('names: nodes as processes, pids as threads with the name they registered; a restarted node is another', () => {
  const events = [
    event(0, { event_type: 'call', mfa: 'A.a/0' }), event(1, { event_type: 'register', payload: { name: { $atom: 'Shop.Cart' } } }),
    event(2, { event_type: 'call', mfa: 'A.a/0', node_start_ns: T0 }),
  ]
  expect(chromeOf(events).traceEvents.filter((one) => one.ph === 'M').map((one) => [one.name, one.pid, one.tid, one.args?.['name']])).toEqual([
    ['process_name', 1, 0, `${NODE}, started 2026-11-21 08:00:00`], ['thread_name', 1, 1, 'Shop.Cart (0.113.0)'], ['process_name', 2, 0, `${NODE}, started 2026-11-21 08:01:00`], ['thread_name', 2, 2, '0.113.0 A.a/0'],
  ])
  expect(speedscopeOf(events).profiles.map((profile) => profile.name)).toEqual([`Shop.Cart (0.113.0) on ${NODE}, started 2026-11-21 08:00:00`, `0.113.0 A.a/0 on ${NODE}, started 2026-11-21 08:01:00`])
  expect(speedscopeOf(events.slice(0, 2)).profiles.map((profile) => profile.name)).toEqual([`Shop.Cart (0.113.0) on ${NODE}`])
})

test('speedscope shows a process from its first call to its last, and first the one with the most calls', () => {
  const call = (sequence: number, pid: string, type: 'call' | 'return') => event(sequence, { event_type: type, mfa: 'A.a/0', pid })
  const file = speedscopeOf([
    event(0, { event_type: 'send', pid: '0.1.0', peer: '0.2.0' }), call(1000, '0.1.0', 'call'), call(1010, '0.1.0', 'return'), call(5000, '0.2.0', 'call'), call(5001, '0.2.0', 'return'), call(5002, '0.2.0', 'call'), call(5003, '0.2.0', 'return'),
    event(90_000, { event_type: 'send', pid: '0.1.0', peer: '0.2.0' }),
  ])
  expect(file.profiles.map(({ startValue, endValue }) => [startValue, endValue])).toEqual([[1_000_000, 1_010_000], [5_000_000, 5_003_000]])
  expect(file.activeProfileIndex).toBe(1)
})

test('export-trace writes the file, and says how to open it and what it lacks', async () => {
  const world = makeWorld({ handlers: { ...RUNTIME, query_events: ({ event_type: types }) => answerOf({ events: EVENTS.filter((one) => [types].flat().includes(one.event_type)), cursor: null, completeness: WITH_GAPS, plan: null }) } })
  expect(await runCli(['export-trace', '--out', 'trace.json', '--pid', '0.113.0'], world.ports)).toBe(0)
  expect(world.calls[0]?.args).toMatchObject({ pid: '0.113.0', order: 'asc' })
  expect(checkChrome(JSON.parse(world.files.get('trace.json') ?? '') as Chrome)).toEqual(['Shop.Cart.add/2 0..1'])
  expect(world.written).toEqual({ out: '', err: [
    '5 events of 2 processes in trace.json; open it at https://ui.perfetto.dev (nothing leaves your machine)',
    'note: 1 return left out, whose calls began before the window',
    'note: 15 % of the events in this window were not recorded: too many calls (150 events)', '',
  ].join('\n') })
  const shown = makeWorld({ handlers: RUNTIME, columns: 80 })
  expect(await runCli(['--no-color', 'export-trace', '--format', 'speedscope'], shown.ports)).toBe(2)
  expect(shown.written).toEqual({ out: '', err: 'error: a trace is nothing to be read in a terminal\n  name a file: --out trace.speedscope.json\n' })
  const none = makeWorld({ handlers: { ...RUNTIME, query_events: () => answerOf({ events: [], cursor: null, completeness: WITH_GAPS, plan: null }) } })
  expect(await runCli(['export-trace', '--format', 'speedscope'], none.ports)).toBe(3)
  expect(none.written).toEqual({ out: '', err: 'error: no call was recorded in this window\n  the command `events` shows what was\n' })
})
