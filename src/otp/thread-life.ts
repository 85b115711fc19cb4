/**
 * The life of one thread as its supervisor's side sees it: a pure step, its effects run by `node/thread-child.ts`.
 *
 *   starting --ready--> running --stop--> stopping --exit--> ended
 *   starting --failed | deadline--> dying      running --heartbeat missed--> dying
 *   any of them --kill--> dying --exit--> ended
 *   dying --exit overdue--> zombie --exit--> ended
 *   any of them --exit--> ended
 *
 * A zombie is a thread that does not end although told to (it sits in a system call): it is reported as gone, and whatever
 * it still says is ignored. Silence that was announced (`excuse`) counts from the end of that time. Why a thread ended is settled in this order: the error it died of, what we meant by terminating
 * it, what it announced, its exit code. Absent on purpose: waiting for an orderly stop, which is the supervisor's deadline.
 */

import type { Failure } from '../base/failure.ts'
import { KILLED, NORMAL } from './exit-reason.ts'
import type { ErrorValue, ExitReason } from './exit-reason.ts'
import type { ChildEvent } from './starter.ts'

export type ThreadTimes = {
  /** From start to ready. */
  readonly startTimeoutMs: number
  readonly heartbeatMs: number
  /** Silence after which a running thread is taken for hung. */
  readonly silenceMs: number
  /** From terminate to exit. */
  readonly burialMs: number
}

export type ThreadMode = 'starting' | 'running' | 'stopping' | 'dying' | 'zombie' | 'ended'

export type ThreadLife = {
  readonly mode: ThreadMode
  readonly times: ThreadTimes
  readonly wasReady: boolean
  readonly heardMs: number
  /** Until then silence is expected. */
  readonly excusedUntilMs: number
  readonly intent: ExitReason | undefined
  readonly announced: ExitReason | undefined
  readonly error: ErrorValue | undefined
}

export type ThreadMsg =
  | { readonly type: 'ready' }
  | { readonly type: 'failed'; readonly failure: Failure }
  | { readonly type: 'pong' }
  | { readonly type: 'exiting'; readonly reason: ExitReason }
  | { readonly type: 'error'; readonly error: ErrorValue }
  | { readonly type: 'exit'; readonly code: number }
  | { readonly type: 'stop'; readonly reason: ExitReason }
  | { readonly type: 'kill' }
  /** The thread may be silent for so long, e.g. while its heap is written; 0 ends that. */
  | { readonly type: 'excuse'; readonly ms: number }
  | { readonly type: 'due'; readonly timer: ThreadTimer }

export type ThreadTimer = 'start' | 'heartbeat' | 'burial'

export type ThreadEffect =
  | { readonly type: 'arm'; readonly timer: ThreadTimer; readonly ms: number }
  | { readonly type: 'ping' }
  | { readonly type: 'ask_stop'; readonly reason: ExitReason }
  | { readonly type: 'terminate' }
  | { readonly type: 'report'; readonly event: ChildEvent }

type Stepped = readonly [ThreadLife, readonly ThreadEffect[]]

export function startThreadLife(times: ThreadTimes, nowMs: number): Stepped {
  const life: ThreadLife = {
    mode: 'starting', times, wasReady: false, heardMs: nowMs, excusedUntilMs: nowMs, intent: undefined, announced: undefined, error: undefined,
  }
  return [life, [{ type: 'arm', timer: 'start', ms: times.startTimeoutMs }]]
}

export function stepThreadLife(life: ThreadLife, msg: ThreadMsg, nowMs: number): Stepped {
  if (msg.type === 'exit') return exited(life, msg.code)
  if (life.mode === 'ended' || life.mode === 'zombie') return [life, []]
  const heard = { ...life, heardMs: nowMs }
  switch (msg.type) {
    case 'ready':
      if (life.mode !== 'starting') return [life, []]
      return [
        { ...heard, mode: 'running', wasReady: true },
        [{ type: 'report', event: { type: 'started' } }, { type: 'arm', timer: 'heartbeat', ms: life.times.heartbeatMs }],
      ]
    case 'failed':
      return die(life, { kind: 'failed', failure: msg.failure })
    case 'pong':
      return [heard, []]
    case 'exiting':
      return [{ ...heard, announced: msg.reason }, []]
    case 'error':
      return [{ ...life, error: msg.error }, []]
    case 'stop':
      if (life.mode !== 'starting' && life.mode !== 'running') return [life, []]
      return [{ ...life, mode: 'stopping' }, [{ type: 'ask_stop', reason: msg.reason }]]
    case 'kill':
      return die(life, KILLED)
    case 'excuse':
      return [{ ...life, excusedUntilMs: nowMs + msg.ms }, []]
    case 'due':
      return due(life, msg.timer, nowMs)
  }
}

function due(life: ThreadLife, timer: ThreadTimer, nowMs: number): Stepped {
  const { mode, times, heardMs, excusedUntilMs } = life
  if (timer === 'start' && mode === 'starting') return die(life, { kind: 'start_timeout', ms: times.startTimeoutMs })
  if (timer === 'burial' && mode === 'dying') return [{ ...life, mode: 'zombie' }, [reportEnd(life, reasonOf(life, 1))]]
  if (timer !== 'heartbeat' || mode !== 'running') return [life, []]
  const silenceMs = Math.round(nowMs - Math.max(heardMs, excusedUntilMs))
  if (silenceMs > times.silenceMs) return die(life, { kind: 'unresponsive', ms: silenceMs })
  return [life, [{ type: 'ping' }, { type: 'arm', timer: 'heartbeat', ms: times.heartbeatMs }]]
}

function die(life: ThreadLife, intent: ExitReason): Stepped {
  if (life.mode === 'dying') return [life, []]
  return [{ ...life, mode: 'dying', intent }, [{ type: 'terminate' }, { type: 'arm', timer: 'burial', ms: life.times.burialMs }]]
}

function exited(life: ThreadLife, code: number): Stepped {
  const ended: ThreadLife = { ...life, mode: 'ended' }
  if (life.mode === 'ended' || life.mode === 'zombie') return [ended, []]
  return [ended, [reportEnd(life, reasonOf(life, code))]]
}

function reportEnd(life: ThreadLife, reason: ExitReason): ThreadEffect {
  return { type: 'report', event: { type: life.wasReady ? 'exit' : 'start_failed', reason } }
}

function reasonOf({ error, intent, announced }: ThreadLife, code: number): ExitReason {
  if (error !== undefined) return error.code === 'ERR_WORKER_OUT_OF_MEMORY' ? { kind: 'oom' } : { kind: 'uncaught', error }
  if (intent !== undefined) return intent
  if (announced !== undefined) return announced
  return code === 0 ? NORMAL : { kind: 'exit_code', code }
}
