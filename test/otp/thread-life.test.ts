/** The life of a thread as a table: what happens to it, in order, and what its supervisor is told. */

import fc from 'fast-check'
import { expect, test } from 'vitest'

import { failure } from '../../src/base/failure.ts'
import { formatReason, SHUTDOWN } from '../../src/otp/exit-reason.ts'
import { drawThreadLife } from '../../src/otp/thread-diagram.ts'
import { startThreadLife, stepThreadLife } from '../../src/otp/thread-life.ts'
import type { ThreadEffect, ThreadMode, ThreadMsg, ThreadTimer } from '../../src/otp/thread-life.ts'

const TIMES = { startTimeoutMs: 100, heartbeatMs: 10, silenceMs: 50, burialMs: 30 }
const READY: ThreadMsg = { type: 'ready' }
const exit = (code: number): ThreadMsg => ({ type: 'exit', code })
const error = (code?: string): ThreadMsg => ({ type: 'error', error: { name: 'Error', message: 'x', ...(code === undefined ? {} : { code }) } })
const due = (timer: ThreadTimer, lateMs = 0): ThreadMsg => ({ type: `${timer}_due`, lateMs })
const beats = (n: number): ThreadMsg[] => Array<ThreadMsg>(n).fill(due('heartbeat'))
const PING = 'ping, arm heartbeat 10'

function print(effect: ThreadEffect): string {
  if (effect.type === 'arm') return `arm ${effect.timer} ${effect.ms}`
  if (effect.type !== 'report') return effect.type.replace('_', ' ')
  return 'reason' in effect.event ? `${effect.event.type} ${formatReason(effect.event.reason)}` : effect.event.type
}

function check(msgs: readonly ThreadMsg[], expected: string, mode: ThreadMode): void {
  let [life, effects] = startThreadLife(TIMES)
  const seen = effects.map(print)
  for (const msg of msgs) {
    ;[life, effects] = stepThreadLife(life, msg)
    seen.push(...effects.map(print))
  }
  expect(seen[0]).toBe('arm start 100')
  expect(seen.slice(1).join(', ')).toBe(expected)
  expect(life.value).toBe(mode)
}

test.each<[string, ...Parameters<typeof check>]>([
  ['ready', [READY], 'started, arm heartbeat 10', 'running'],
  ['an orderly end', [READY, { type: 'stop', reason: SHUTDOWN }, { type: 'exiting', reason: SHUTDOWN }, exit(0)], 'started, arm heartbeat 10, ask stop, exit shutdown', 'ended'],
  ['an end by itself', [READY, exit(0)], 'started, arm heartbeat 10, exit normal', 'ended'],
  ['process.exit(n)', [READY, exit(9)], 'started, arm heartbeat 10, exit {exit_code, 9}', 'ended'],
  ['an error', [READY, error(), exit(1)], 'started, arm heartbeat 10, exit {uncaught, "Error: x"}', 'ended'],
  ['a full heap', [READY, error('ERR_WORKER_OUT_OF_MEMORY'), exit(1)], 'started, arm heartbeat 10, exit oom', 'ended'],
  ['killed', [READY, { type: 'kill' }, exit(1)], 'started, arm heartbeat 10, terminate, arm burial 30, exit killed', 'ended'],
  ['killed after its error', [READY, error(), { type: 'kill' }, exit(1)], 'started, arm heartbeat 10, terminate, arm burial 30, exit {uncaught, "Error: x"}', 'ended'],
  ['killed twice', [READY, { type: 'kill' }, { type: 'kill' }], 'started, arm heartbeat 10, terminate, arm burial 30', 'dying'],
  ['heartbeats that are answered', [READY, ...beats(5), { type: 'pong' }, ...beats(5)], `started, arm heartbeat 10, ${Array(10).fill(PING).join(', ')}`, 'running'],
  ['heartbeats that are not', [READY, ...beats(6), exit(1)], `started, arm heartbeat 10, ${Array(5).fill(PING).join(', ')}, terminate, arm burial 30, exit {unresponsive, 60}`, 'ended'],
  ['a heartbeat that comes late counts once', [READY, due('heartbeat', 99_999), ...beats(4)], `started, arm heartbeat 10, ${Array(5).fill(PING).join(', ')}`, 'running'],
  ['silence that was announced', [READY, { type: 'excuse', ms: 100 }, ...beats(15)], `started, arm heartbeat 10, ${Array(15).fill(PING).join(', ')}`, 'running'],
  ['silence that was announced, and an answer from before', [READY, { type: 'excuse', ms: 100 }, { type: 'pong' }, ...beats(15)], `started, arm heartbeat 10, ${Array(15).fill(PING).join(', ')}`, 'running'],
  ['silence beyond what was announced', [READY, { type: 'excuse', ms: 10 }, ...beats(7), exit(1)], `started, arm heartbeat 10, ${Array(6).fill(PING).join(', ')}, terminate, arm burial 30, exit {unresponsive, 60}`, 'ended'],
  ['silence after an announced one ended early', [READY, { type: 'excuse', ms: 100 }, { type: 'excuse', ms: 0 }, ...beats(6), exit(1)], `started, arm heartbeat 10, ${Array(5).fill(PING).join(', ')}, terminate, arm burial 30, exit {unresponsive, 60}`, 'ended'],
  ['no heartbeat while stopping', [READY, { type: 'stop', reason: SHUTDOWN }, ...beats(9)], 'started, arm heartbeat 10, ask stop', 'stopping'],
  ['never ready', [due('start'), exit(1)], 'terminate, arm burial 30, start_failed {start_timeout, 100}', 'ended'],
  ['a deadline of the start that comes late is set once more', [due('start', 11), due('start', 10)], 'arm start 100, terminate, arm burial 30', 'dying'],
  ['ready in time', [READY, due('start')], 'started, arm heartbeat 10', 'running'],
  ['a typed failure to start', [{ type: 'failed', failure: failure('damaged', 'bad store') }, exit(1)], 'terminate, arm burial 30, start_failed {failed, damaged, "bad store"}', 'ended'],
  ['a typed failure of a start that is to stop', [{ type: 'stop', reason: SHUTDOWN }, { type: 'failed', failure: failure('damaged', 'bad store') }, exit(1)], 'ask stop, terminate, arm burial 30, start_failed {failed, damaged, "bad store"}', 'ended'],
  ['an error while starting', [error(), exit(1)], 'start_failed {uncaught, "Error: x"}', 'ended'],
  ['stopped while starting', [{ type: 'stop', reason: SHUTDOWN }, READY, { type: 'exiting', reason: SHUTDOWN }, exit(0)], 'ask stop, start_failed shutdown', 'ended'],
  ['a burial that comes late is waited for once more', [{ type: 'kill' }, due('burial', 11), exit(1)], 'terminate, arm burial 30, arm burial 30, start_failed killed', 'ended'],
  ['a zombie is reported once and heard no more', [READY, { type: 'kill' }, due('burial'), { type: 'pong' }, error(), exit(1)], 'started, arm heartbeat 10, terminate, arm burial 30, exit killed', 'ended'],
  ['a zombie until it ends', [READY, { type: 'kill' }, due('burial'), READY, { type: 'stop', reason: SHUTDOWN }], 'started, arm heartbeat 10, terminate, arm burial 30, exit killed', 'zombie'],
])('%s', (_name, msgs, expected, mode) => {
  expect.hasAssertions()
  check(msgs, expected, mode)
})

const anything = fc.oneof(
  fc.constantFrom<ThreadMsg>(
    READY, { type: 'pong' }, { type: 'kill' }, { type: 'failed', failure: failure('damaged', 'bad store') }, { type: 'exiting', reason: SHUTDOWN },
    { type: 'stop', reason: SHUTDOWN }, error(), { type: 'excuse', ms: 20 },
  ),
  fc.record({ timer: fc.constantFrom<ThreadTimer>('start', 'heartbeat', 'burial'), lateMs: fc.integer({ min: 0, max: 30 }) }).map(({ timer, lateMs }) => due(timer, lateMs)),
)

test('whatever happens, its end is told once, nothing is done after it, and what a timer sets off has a timer too', () => {
  fc.assert(fc.property(fc.array(anything, { maxLength: 40 }), (history) => {
    let [life, effects] = startThreadLife(TIMES)
    const told: string[] = []
    for (const msg of [...history, ...Array<ThreadMsg>(2).fill(exit(1))]) {
      const isOver = life.value === 'zombie' || life.value === 'ended'
      ;[life, effects] = stepThreadLife(life, msg)
      if (isOver) expect(effects).toEqual([])
      const isDue = msg.type.endsWith('_due') && effects.length > 0
      if (isDue && life.value !== 'zombie') expect(effects.map(({ type }) => type)).toContain('arm')
      told.push(...effects.flatMap((effect) => (effect.type === 'report' ? [effect.event.type] : [])))
    }
    expect(life.value).toBe('ended')
    expect(['start_failed', 'started,exit']).toContain(told.join())
  }), process.env['FC_SEED'] === undefined ? {} : { seed: Number(process.env['FC_SEED']) })
})

test('every move of the machine is drawn', () => {
  const drawn = drawThreadLife().split('\n').filter((line) => line.includes('-->')).map((line) => line.trim())
  expect(drawn).toEqual([
    '[*] --> starting',
    'starting --> running : ready', 'starting --> dying : failed', 'starting --> starting : start_due, late', 'starting --> dying : start_due',
    'starting --> stopping : stop', 'starting --> dying : kill', 'starting --> ended : exit',
    'running --> dying : heartbeat_due, silent for too long', 'running --> running : heartbeat_due', 'running --> running : pong', 'running --> running : excuse',
    'running --> stopping : stop', 'running --> dying : kill', 'running --> ended : exit',
    'stopping --> dying : failed', 'stopping --> dying : kill', 'stopping --> ended : exit',
    'dying --> dying : burial_due, late', 'dying --> zombie : burial_due', 'dying --> ended : exit',
    'zombie --> ended : exit', 'ended --> [*]',
  ])
})
