/**
 * One call from its message to its answer: validated against the method map and handed to the handler. This is the one
 * place of the socket where what a handler throws is caught: a bug costs its own call an `internal` failure and nothing
 * else. Knows nothing of sockets and buffers.
 */

import { type Failure, type FailureCode, FailureError, toFailure } from '../../base/failure.ts'
import { fail, type Result } from '../../base/result.ts'
import type { Clock } from '../../base/clock.ts'
import type { Args, Method, Notification, NotificationParams } from '../../wire/methods.ts'
import { validateCall } from '../../wire/validate.ts'

export type CallContext = {
  /** Sends a notification to the client that called; false when it was shed because that client does not read. */
  notify<N extends Notification>(name: N, params: NotificationParams<N>): boolean
  /** Aborted when the connection is: a client that is gone, or that sends no more and has had no answer for `drainMs`. */
  readonly signal: AbortSignal
}

export type Answer = Result<unknown, Failure>

/** Answers a call; `method` and `args` belong together. An answer that is no promise goes out in the same turn. */
export type Handle = (method: Method, args: Args<Method>, context: CallContext) => Answer | Promise<Answer>

export type DispatchPorts = {
  readonly handle: Handle
  readonly clock: Clock
  /** Told of every answer; `code` is undefined for a success, `method` for one that does not exist. */
  readonly onCall?: (method: Method | undefined, durationMs: number, code: FailureCode | undefined) => void
  /** Told of what a handler threw, unless the arguments were at fault. */
  readonly onBug?: (error: unknown) => void
}

export type Dispatch = (method: string, params: readonly unknown[], context: CallContext) => Answer | Promise<Answer>

export function createDispatch(ports: DispatchPorts): Dispatch {
  const { handle, clock, onCall, onBug } = ports

  const caught = (error: unknown): { readonly ok: false; readonly error: Failure } => {
    if (!isOfTheCaller(error)) onBug?.(error)
    return fail(toFailure(error))
  }

  const told = (method: Method | undefined, startedMs: number, answer: Answer): Answer => {
    onCall?.(method, clock.nowMs() - startedMs, answer.ok ? undefined : answer.error.code)
    return answer
  }

  return (method, params, context) => {
    const startedMs = clock.nowMs()
    const call = validateCall(method, params)
    if (!call.ok) return told(undefined, startedMs, call)
    const { method: known, args } = call.value
    try {
      const answer = handle(known, args, context)
      if (!(answer instanceof Promise)) return told(known, startedMs, answer)
      return answer.then((settled) => told(known, startedMs, settled), (error: unknown) => told(known, startedMs, caught(error)))
    } catch (error) {
      return told(known, startedMs, caught(error))
    }
  }
}

/** A failure that the arguments caused and that could only be thrown (a cursor that no page gave): clients could fill the log with it. */
function isOfTheCaller(error: unknown): boolean {
  return error instanceof FailureError && error.failure.code === 'invalid_argument'
}
