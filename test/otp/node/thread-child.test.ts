/** The shell of a thread's life against a Worker on paper and a clock that can be late, as after the process was stopped. */

import { EventEmitter } from 'node:events'
import type { Worker } from 'node:worker_threads'
import { expect, test } from 'vitest'

import type { Clock } from '../../../src/base/clock.ts'
import { formatReason } from '../../../src/otp/exit-reason.ts'
import type { FromThread, ToThread } from '../../../src/otp/node/control.ts'
import { startThread } from '../../../src/otp/node/thread-child.ts'
import type { ThreadHooks } from '../../../src/otp/node/thread-child.ts'

const TIMES = { startTimeoutMs: 10_000, heartbeatMs: 1000, silenceMs: 10_000, burialMs: 3000 }

type Timer = { readonly dueMs: number; readonly run: () => void }

/** `trace`: what the thread and its supervisor are told. */
function world() {
  let nowMs = 0
  const timers = new Set<Timer>()
  const trace: string[] = []
  const deferred: (() => void)[] = []
  const clock: Clock = {
    nowMs: () => nowMs, wallMs: () => nowMs,
    after(ms, run) {
      const timer = { dueMs: nowMs + ms, run }
      timers.add(timer)
      return { cancel: () => void timers.delete(timer) }
    },
  }
  const worker = Object.assign(new EventEmitter(), {
    postMessage: ({ type }: ToThread) => trace.push(type),
    terminate: () => Promise.resolve(trace.push('terminate')),
    performance: { eventLoopUtilization: () => ({ idle: 0, active: 0, utilization: 0 }) },
  }) as unknown as Worker
  const nothing = (): void => undefined
  const hooks: ThreadHooks = {
    openThread: () => worker, defer: (run) => void deferred.push(run), places: new Map(), takeSpare: () => undefined, wantSpare: nothing, spareState: () => undefined,
    wiresFrom: () => [], spawned: nothing, ready: nothing, gone: nothing, actorEvent: nothing, actorLoads: nothing,
  }
  startThread({ kind: 'thread', url: new URL('file:///nowhere'), times: TIMES }, {
    id: 'it', path: 'root/it', epoch: 1, args: undefined, clock, log: nothing,
    report: (event) => trace.push('reason' in event ? `${event.type} ${formatReason(event.reason)}` : event.type),
  }, hooks)
  const runDue = (): void => {
    for (const timer of [...timers].filter(({ dueMs }) => dueMs <= nowMs)) {
      timers.delete(timer)
      timer.run()
    }
    for (const run of deferred.splice(0)) run()
  }
  return {
    says: (message: FromThread) => void worker.emit('message', message),
    exits: () => void worker.emit('exit', 1),
    /** Time passes, and what falls due runs when it does. */
    pass(ms: number) {
      const untilMs = nowMs + ms
      for (let next = Math.min(...[...timers].map(({ dueMs }) => dueMs)); next <= untilMs; next = Math.min(...[...timers].map(({ dueMs }) => dueMs))) {
        nowMs = next
        runDue()
      }
      nowMs = untilMs
    },
    /** Time passes, and nothing runs before it has. */
    standStill(ms: number) {
      nowMs += ms
      runDue()
    },
    news: () => trace.splice(0).join(', '),
  }
}

const PONG: FromThread = { type: 'pong', heapBytes: 1, mailbox: 0, actors: [] }

test('a process that was stopped and goes on takes none of its threads for hung', () => {
  const { says, pass, standStill, news } = world()
  says({ type: 'ready' })
  pass(1000)
  says(PONG)
  expect(news()).toBe('begin, started, ping')
  standStill(40_000)
  expect(news()).toBe('ping')
  pass(9000)
  expect(news()).toBe(Array(9).fill('ping').join(', '))
  says(PONG)
  pass(5000)
  expect(news()).toBe(Array(5).fill('ping').join(', '))
})

test('one that hangs is found out after it, when it has been asked for as long as ever', () => {
  const { says, pass, standStill, exits, news } = world()
  says({ type: 'ready' })
  standStill(40_000)
  expect(news()).toBe('begin, started, ping')
  pass(9000)
  news()
  pass(1000)
  expect(news()).toBe('terminate')
  exits()
  expect(news()).toBe('exit {unresponsive, 11000}')
})

test('a process that is stopped while a thread starts, or is to end, gives it its whole time afterwards', () => {
  const { says, pass, standStill, news } = world()
  standStill(40_000)
  pass(9999)
  expect(news()).toBe('begin')
  pass(1)
  expect(news()).toBe('terminate')
  standStill(40_000)
  pass(2999)
  expect(news()).toBe('')
  pass(1)
  expect(news()).toBe('start_failed {start_timeout, 10000}')
  says({ type: 'ready' })
  expect(news()).toBe('')
})
