/**
 * The life of one thread as its supervisor's side sees it: a machine whose actions are effects, run by `node/thread-child.ts`.
 * docs/SUPERVISION.md draws it from here.
 *
 * A zombie is a thread that does not end although told to (it sits in a system call): it is reported as gone, and whatever
 * it still says is ignored. Silence is counted in heartbeats, an interval for each since the last answer, however late it
 * comes: time in which main itself stood still says nothing about a thread. For the same reason a deadline that comes late is
 * set once more. Why a thread ended is settled in this order: the error it died of, what we meant by
 * terminating it, what it announced, its exit code. Absent on purpose: a clock, and waiting for an orderly stop, which is the
 * supervisor's deadline.
 */

import { assign, initialTransition, setup, transition } from 'xstate'
import type { SnapshotFrom } from 'xstate'

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

export type ThreadTimer = 'start' | 'heartbeat' | 'burial'

export type ThreadMsg =
  | { readonly type: 'ready' | 'pong' | 'kill' }
  | { readonly type: 'failed'; readonly failure: Failure }
  | { readonly type: 'exiting' | 'stop'; readonly reason: ExitReason }
  | { readonly type: 'error'; readonly error: ErrorValue }
  | { readonly type: 'exit'; readonly code: number }
  /** The thread may be silent for so long, e.g. while its heap is written; 0 ends that. */
  | { readonly type: 'excuse'; readonly ms: number }
  | { readonly type: `${ThreadTimer}_due`; /** How long after it was due. */ readonly lateMs: number }

export type ThreadEffect =
  | { readonly type: 'arm'; readonly timer: ThreadTimer; readonly ms: number }
  | { readonly type: 'ping' | 'terminate' }
  | { readonly type: 'ask_stop'; readonly reason: ExitReason }
  | { readonly type: 'report'; readonly event: ChildEvent }

type Context = {
  readonly times: ThreadTimes
  readonly wasReady: boolean
  /** Below 0: silence that is still allowed on top. */
  readonly silentMs: number
  readonly intent: ExitReason | undefined
  readonly announced: ExitReason | undefined
  readonly error: ErrorValue | undefined
}

type Given = { readonly context: Context; readonly event: ThreadMsg }

const MS_OF = { start: 'startTimeoutMs', heartbeat: 'heartbeatMs', burial: 'burialMs' } as const

function arm(timer: ThreadTimer) {
  return { type: 'arm', params: ({ context }: Given) => ({ timer, ms: context.times[MS_OF[timer]] }) } as const
}

const REPORT_START = { type: 'report', params: { event: { type: 'started' } } } as const
const REPORT_END = { type: 'report', params: ({ context, event }: Given) => ({ event: endOf(context, event) }) } as const
const ASK_STOP = { type: 'ask_stop', params: ({ event }: Given) => ({ reason: event.type === 'stop' ? event.reason : NORMAL }) } as const

const STOP = { target: 'stopping', actions: ASK_STOP } as const
const DIE = { target: 'dying', actions: 'noteIntent' } as const
const END = { target: 'ended', actions: REPORT_END } as const

export const threadMachine = setup({
  types: { context: {} as Context, events: {} as ThreadMsg, input: {} as ThreadTimes },
  guards: {
    isLate: ({ context, event }) => 'lateMs' in event && event.lateMs > context.times.heartbeatMs,
    isHung: ({ context }) => silentAfter(context) > context.times.silenceMs,
  },
  actions: {
    arm: (_context, _params: { timer: ThreadTimer; ms: number }) => undefined,
    ping: () => undefined,
    terminate: () => undefined,
    ask_stop: (_context, _params: { reason: ExitReason }) => undefined,
    report: (_context, _params: { event: ChildEvent }) => undefined,
    noteReady: assign({ wasReady: true }),
    noteError: assign(({ event }) => (event.type === 'error' ? { error: event.error } : {})),
    noteAnnounced: assign(({ event }) => (event.type === 'exiting' ? { announced: event.reason } : {})),
    noteIntent: assign(({ context, event }) => ({ intent: intentOf(context, event) })),
    noteAnswer: assign(({ context }) => ({ silentMs: Math.min(0, context.silentMs) })),
    noteSilence: assign(({ context }) => ({ silentMs: silentAfter(context) })),
    allowSilence: assign(({ event }) => (event.type === 'excuse' ? { silentMs: -event.ms } : {})),
  },
}).createMachine({
  id: 'thread',
  initial: 'starting',
  context: ({ input }) => ({ times: input, wasReady: false, silentMs: 0, intent: undefined, announced: undefined, error: undefined }),
  on: {
    error: { actions: 'noteError' },
    exiting: { actions: 'noteAnnounced' },
  },
  states: {
    starting: {
      entry: arm('start'),
      on: {
        ready: 'running',
        failed: DIE,
        start_due: [{ guard: 'isLate', actions: arm('start') }, DIE],
        stop: STOP,
        kill: DIE,
        exit: END,
      },
    },
    running: {
      entry: ['noteReady', REPORT_START, arm('heartbeat')],
      on: {
        heartbeat_due: [{ ...DIE, guard: 'isHung' }, { actions: ['noteSilence', 'ping', arm('heartbeat')] }],
        pong: { actions: 'noteAnswer' },
        excuse: { actions: 'allowSilence' },
        stop: STOP,
        kill: DIE,
        exit: END,
      },
    },
    stopping: {
      on: { failed: DIE, kill: DIE, exit: END },
    },
    dying: {
      entry: ['terminate', arm('burial')],
      on: {
        burial_due: [{ guard: 'isLate', actions: arm('burial') }, { target: 'zombie', actions: REPORT_END }],
        exit: END,
      },
    },
    zombie: {
      on: { exit: 'ended' },
    },
    ended: {},
  },
})

export type ThreadLife = SnapshotFrom<typeof threadMachine>
export type ThreadMode = ThreadLife['value']

type Stepped = readonly [ThreadLife, readonly ThreadEffect[]]

export function startThreadLife(times: ThreadTimes): Stepped {
  const [life, actions] = initialTransition(threadMachine, times)
  return [life, actions.map(effectOf)]
}

export function stepThreadLife(life: ThreadLife, msg: ThreadMsg): Stepped {
  const [next, actions] = transition(threadMachine, life, msg)
  return [next, actions.map(effectOf)]
}

function effectOf({ type, params }: { readonly type: string; readonly params: unknown }): ThreadEffect {
  return { type, ...(params as object) } as ThreadEffect
}

function silentAfter({ times, silentMs }: Context): number {
  return silentMs + times.heartbeatMs
}

/** What is meant by terminating it. */
function intentOf(context: Context, event: ThreadMsg): ExitReason {
  if (event.type === 'failed') return { kind: 'failed', failure: event.failure }
  if (event.type === 'start_due') return { kind: 'start_timeout', ms: context.times.startTimeoutMs }
  return event.type === 'heartbeat_due' ? { kind: 'unresponsive', ms: silentAfter(context) } : KILLED
}

function endOf(context: Context, event: ThreadMsg): ChildEvent {
  return { type: context.wasReady ? 'exit' : 'start_failed', reason: reasonOf(context, event.type === 'exit' ? event.code : 1) }
}

function reasonOf({ error, intent, announced }: Context, code: number): ExitReason {
  if (error !== undefined) return error.code === 'ERR_WORKER_OUT_OF_MEMORY' ? { kind: 'oom' } : { kind: 'uncaught', error }
  if (intent !== undefined) return intent
  if (announced !== undefined) return announced
  return code === 0 ? NORMAL : { kind: 'exit_code', code }
}
