/**
 * A child of TaskSupervisor: one task that somebody asked for and may leave. It has a port do the work, keeps the outcome for
 * a while for whoever comes to fetch it, and ends `normal`.
 *
 *   working  done -> kept      `cancel` -> the port is told, and answers      deadline -> the same, with `timeout`
 *   kept     KEPT_MS -> ends   `await` is answered at once
 *
 * Callers of `await` bound it by the timeout of their call. Whatever ends the task before, the port is told to cancel.
 */

import { failure, type Failure } from '../base/failure.ts'
import { fail, ok, type Result } from '../base/result.ts'
import type { Actor, ActorEffect, ReplyTo, Stepped } from '../otp/actor.ts'
import { NORMAL } from '../otp/exit-reason.ts'

export type TaskArgs = {
  readonly id: string
  /** What the port does; its answer is the outcome. */
  readonly operation: unknown
  readonly deadlineMs: number
}

/** What a task's port is asked for. `cancel` ends the work that began under this id, if it is still under way. */
export type TaskOperation = { readonly type: 'begin'; readonly id: string; readonly operation: unknown } | { readonly type: 'cancel'; readonly id: string }

/** `await` is answered with the TaskOutcome, as a value of its own; `cancel` at once. */
export type TaskBody = 'await' | 'cancel'
export type TaskOutcome = Result<unknown, Failure>

type TaskState = {
  readonly id: string
  readonly deadlineMs: number
  /** Undefined while working. */
  readonly outcome: TaskOutcome | undefined
  readonly waiting: readonly ReplyTo[]
}

export const KEPT_MS = 60_000

/** The last so many who asked are answered; the call of any other runs out, and it asks again. */
const MAX_WAITING = 16
const DONE = 'done'
const DEADLINE = 'deadline'
const FORGET = 'forget'

/** The name of a task's actor. */
export function taskName(id: string): string {
  return `task ${id}`
}

export function taskActor(port: string): Actor<TaskState, TaskBody, TaskArgs> {
  const tell = (operation: TaskOperation, tag: string): ActorEffect => ({ type: 'run', port, operation, tag })
  const cancelled = ({ id, outcome }: TaskState): ActorEffect[] => (outcome === undefined ? [tell({ type: 'cancel', id }, 'cancelled')] : [])
  return {
    mailbox: { capacity: MAX_WAITING, overflow: 'shed' },
    init: ({ id, operation, deadlineMs }) => ({
      type: 'ok', state: { id, deadlineMs, outcome: undefined, waiting: [] },
      effects: [{ type: 'after', name: DEADLINE, ms: deadlineMs }, tell({ type: 'begin', id, operation }, DONE)],
    }),
    step(state, msg) {
      switch (msg.type) {
        case 'call':
          return msg.body === 'await' ? wait(state, msg.from) : [state, [...cancelled(state), { type: 'reply', to: msg.from, result: ok(null) }]]
        case 'answer':
          return msg.tag === DONE && state.outcome === undefined ? keep(state, msg.result) : [state, []]
        case 'timer': {
          if (msg.name === FORGET) return [state, [{ type: 'stop', reason: NORMAL }]]
          const [kept, effects] = keep(state, fail(failure('timeout', `it took longer than ${state.deadlineMs} ms`, { details: { timeout_ms: state.deadlineMs } })))
          return [kept, [...cancelled(state), ...effects]]
        }
        case 'cast':
        case 'down':
          return [state, []]
      }
    },
    terminate: cancelled,
  }
}

function wait(state: TaskState, from: ReplyTo): Stepped<TaskState> {
  if (state.outcome !== undefined) return [state, [{ type: 'reply', to: from, result: ok(state.outcome) }]]
  return [{ ...state, waiting: [...state.waiting, from].slice(-MAX_WAITING) }, []]
}

function keep(state: TaskState, outcome: TaskOutcome): Stepped<TaskState> {
  return [{ ...state, outcome, waiting: [] }, [
    ...state.waiting.map((to): ActorEffect => ({ type: 'reply', to, result: ok(outcome) })),
    { type: 'cancel', name: DEADLINE }, { type: 'after', name: FORGET, ms: KEPT_MS },
  ]]
}
