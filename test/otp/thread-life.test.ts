/** The life of a thread as a table: what happens to it, in order, and what its supervisor is told. */

import { expect, test } from 'vitest'

import { failure } from '../../src/base/failure.ts'
import { formatReason, SHUTDOWN } from '../../src/otp/exit-reason.ts'
import { startThreadLife, stepThreadLife } from '../../src/otp/thread-life.ts'
import type { ThreadEffect, ThreadMsg } from '../../src/otp/thread-life.ts'

const TIMES = { startTimeoutMs: 100, heartbeatMs: 10, silenceMs: 50, burialMs: 30 }
const READY: ThreadMsg = { type: 'ready' }
const exit = (code: number): ThreadMsg => ({ type: 'exit', code })
const error = (code?: string): ThreadMsg => ({ type: 'error', error: { name: 'Error', message: 'x', ...(code === undefined ? {} : { code }) } })
const due = (timer: 'start' | 'heartbeat' | 'burial'): ThreadMsg => ({ type: 'due', timer })

function print(effect: ThreadEffect): string {
  if (effect.type === 'arm') return `arm ${effect.timer} ${effect.ms}`
  if (effect.type !== 'report') return effect.type.replace('_', ' ')
  return 'reason' in effect.event ? `${effect.event.type} ${formatReason(effect.event.reason)}` : effect.event.type
}

/** Each message at a time of its own when given as [ms, message]. */
function check(msgs: readonly (ThreadMsg | readonly [number, ThreadMsg])[], expected: string, mode: string): void {
  let [life, effects] = startThreadLife(TIMES, 0)
  const seen = effects.map(print)
  for (const entry of msgs) {
    const [at, msg] = 'type' in entry ? [0, entry] : entry
    ;[life, effects] = stepThreadLife(life, msg, at)
    seen.push(...effects.map(print))
  }
  expect(seen.slice(1).join(', ')).toBe(expected)
  expect(life.mode).toBe(mode)
}

test.each<[string, Parameters<typeof check>[0], string, string]>([
  ['ready', [READY], 'started, arm heartbeat 10', 'running'],
  ['an orderly end', [READY, { type: 'stop', reason: SHUTDOWN }, { type: 'exiting', reason: SHUTDOWN }, exit(0)], 'started, arm heartbeat 10, ask stop, exit shutdown', 'ended'],
  ['an end by itself', [READY, exit(0)], 'started, arm heartbeat 10, exit normal', 'ended'],
  ['process.exit(n)', [READY, exit(9)], 'started, arm heartbeat 10, exit {exit_code, 9}', 'ended'],
  ['an error', [READY, error(), exit(1)], 'started, arm heartbeat 10, exit {uncaught, "Error: x"}', 'ended'],
  ['a full heap', [READY, error('ERR_WORKER_OUT_OF_MEMORY'), exit(1)], 'started, arm heartbeat 10, exit oom', 'ended'],
  ['killed', [READY, { type: 'kill' }, exit(1)], 'started, arm heartbeat 10, terminate, arm burial 30, exit killed', 'ended'],
  ['killed after its error', [READY, error(), { type: 'kill' }, exit(1)], 'started, arm heartbeat 10, terminate, arm burial 30, exit {uncaught, "Error: x"}', 'ended'],
  ['killed twice', [READY, { type: 'kill' }, { type: 'kill' }], 'started, arm heartbeat 10, terminate, arm burial 30', 'dying'],
  ['a heartbeat that is answered', [READY, [10, due('heartbeat')], [12, { type: 'pong' }], [60, due('heartbeat')]], 'started, arm heartbeat 10, ping, arm heartbeat 10, ping, arm heartbeat 10', 'running'],
  ['a heartbeat that is not', [READY, [10, due('heartbeat')], [51, due('heartbeat')], exit(1)], 'started, arm heartbeat 10, ping, arm heartbeat 10, terminate, arm burial 30, exit {unresponsive, 51}', 'ended'],
  ['silence that was announced', [READY, { type: 'excuse', ms: 100 }, [60, due('heartbeat')], [149, due('heartbeat')]], 'started, arm heartbeat 10, ping, arm heartbeat 10, ping, arm heartbeat 10', 'running'],
  ['silence beyond what was announced', [READY, { type: 'excuse', ms: 100 }, [151, due('heartbeat')], exit(1)], 'started, arm heartbeat 10, terminate, arm burial 30, exit {unresponsive, 51}', 'ended'],
  ['silence after an announced one ended early', [READY, { type: 'excuse', ms: 100 }, [20, { type: 'excuse', ms: 0 }], [71, due('heartbeat')], exit(1)], 'started, arm heartbeat 10, terminate, arm burial 30, exit {unresponsive, 51}', 'ended'],
  ['no heartbeat while stopping', [READY, { type: 'stop', reason: SHUTDOWN }, [999, due('heartbeat')]], 'started, arm heartbeat 10, ask stop', 'stopping'],
  ['never ready', [due('start'), exit(1)], 'terminate, arm burial 30, start_failed {start_timeout, 100}', 'ended'],
  ['ready in time', [READY, due('start')], 'started, arm heartbeat 10', 'running'],
  ['a typed failure to start', [{ type: 'failed', failure: failure('damaged', 'bad store') }, exit(1)], 'terminate, arm burial 30, start_failed {failed, damaged, "bad store"}', 'ended'],
  ['an error while starting', [error(), exit(1)], 'start_failed {uncaught, "Error: x"}', 'ended'],
  ['stopped while starting', [{ type: 'stop', reason: SHUTDOWN }, READY, { type: 'exiting', reason: SHUTDOWN }, exit(0)], 'ask stop, start_failed shutdown', 'ended'],
  ['a zombie is reported once and heard no more', [READY, { type: 'kill' }, due('burial'), { type: 'pong' }, error(), exit(1)], 'started, arm heartbeat 10, terminate, arm burial 30, exit killed', 'ended'],
  ['a zombie until it ends', [READY, { type: 'kill' }, due('burial'), READY, { type: 'stop', reason: SHUTDOWN }], 'started, arm heartbeat 10, terminate, arm burial 30, exit killed', 'zombie'],
])('%s', (_name, msgs, expected, mode) => {
  expect.hasAssertions()
  check(msgs, expected, mode)
})
