/**
 * The answering end of a channel: handlers by method, served on any number of ports. A handler answers with a Result, now
 * or later, and may report progress, hand over buffers and notice that the caller has given up. A handler that throws is a
 * bug of ours and is not caught here: it ends the thread, and callers learn so at once. What cannot be copied to the
 * caller becomes a typed failure. Absent on purpose: queues of its own; the caller's credits bound what can arrive.
 */

import { failure } from '../base/failure.ts'
import type { Failure } from '../base/failure.ts'
import { fail } from '../base/result.ts'
import type { Result } from '../base/result.ts'
import type { CallMap, CastMap } from './channel.ts'
import type { Port, ToCallee, Transfer } from './port.ts'

export type CallContext<Progress = unknown> = {
  /** Aborted when the caller has given up or is gone. */
  readonly signal: AbortSignal
  progress(value: Progress): void
  /** Moves these buffers or ports with the reply instead of copying them. */
  transfer(objects: Transfer): void
}

type MaybePromise<T> = T | Promise<T>

export type CallHandlers<Calls extends CallMap> = {
  readonly [Method in keyof Calls]: (
    args: Calls[Method]['args'], call: CallContext<Calls[Method]['progress']>,
  ) => MaybePromise<Result<Calls[Method]['result'], Failure>>
}

export type CastHandlers<Casts extends CastMap> = {
  readonly [Name in keyof Casts]: (args: Casts[Name]) => void
}

export type Service<Calls extends CallMap = CallMap, Casts extends CastMap = CastMap> = {
  readonly calls?: CallHandlers<Calls>
  readonly casts?: CastHandlers<Casts>
}

/** A service whose types are forgotten, as the wiring sees it. Method names and arguments are checked where it is made. */
export type AnyService = {
  readonly calls?: { readonly [method: string]: (args: never, call: CallContext<never>) => MaybePromise<Result<unknown, Failure>> }
  readonly casts?: { readonly [name: string]: (args: never) => void }
}

export type Serving = {
  /** Calls under way. */
  nRunning(): number
  stop(): void
}

type Handler = (args: unknown, call: CallContext) => MaybePromise<Result<unknown, Failure>>
type Running = { readonly abort: AbortController; transfer: object[] }

const CASTS_PER_READ = 32

/** Answers what arrives on `port`. A throwing handler, or a rejected promise of one, reaches `onBug`. */
export function serve(port: Port, service: AnyService, onBug: (thrown: unknown, method: string) => void): Serving {
  const running = new Map<number, Running>()
  let nCastsTaken = 0
  let stopped = false

  const reply = (id: number, method: string, result: Result<unknown, Failure>): void => {
    const call = running.get(id)
    if (call === undefined || stopped) return
    running.delete(id)
    try {
      port.post(['reply', id, result], call.transfer)
    } catch (uncloneable) {
      port.post(['reply', id, fail(cannotCopy(method, uncloneable))])
    }
  }
  const startCall = (id: number, method: string, args: unknown): void => {
    const call: Running = { abort: new AbortController(), transfer: [] }
    running.set(id, call)
    const handler = find(service.calls, method) as Handler | undefined
    if (handler === undefined) return reply(id, method, fail(failure('unknown_method', `there is no method ${method}`)))
    const context = contextOf(call, (value) => {
      if (!stopped && running.has(id)) port.post(['progress', id, value])
    })
    const outcome = handler(args, context)
    if (!(outcome instanceof Promise)) return reply(id, method, outcome)
    outcome.then((result) => reply(id, method, result)).catch((thrown: unknown) => onBug(thrown, method))
  }
  const takeCast = (name: string, args: unknown): void => {
    const handler = find(service.casts, name) as ((args: unknown) => void) | undefined
    nCastsTaken += 1
    if (nCastsTaken === CASTS_PER_READ) {
      port.post(['read', nCastsTaken])
      nCastsTaken = 0
    }
    handler?.(args)
  }
  const receive = (message: ToCallee): void => {
    if (message[0] === 'call') startCall(message[1], message[2], message[3])
    else if (message[0] === 'cast') takeCast(message[1], message[2])
    else running.get(message[1])?.abort.abort()
  }
  const stop = (): void => {
    if (stopped) return
    stopped = true
    port.close()
    for (const { abort } of running.values()) abort.abort()
    running.clear()
  }
  port.listen((message) => guard(() => receive(message as ToCallee), nameOf(message as ToCallee), onBug), stop)
  return { nRunning: () => running.size, stop }
}

function guard(run: () => void, method: string, onBug: (thrown: unknown, method: string) => void): void {
  try {
    run()
  } catch (thrown) {
    onBug(thrown, method)
  }
}

function nameOf(message: ToCallee): string {
  return message[0] === 'call' ? message[2] : String(message[1])
}

function contextOf(call: Running, progress: (value: unknown) => void): CallContext {
  return {
    signal: call.abort.signal,
    progress,
    transfer: (objects) => {
      call.transfer.push(...objects)
    },
  }
}

/** Own properties only: `constructor` and its like are no methods. */
function find(handlers: object | undefined, name: string): unknown {
  return handlers !== undefined && Object.hasOwn(handlers, name) ? (handlers as Record<string, unknown>)[name] : undefined
}

function cannotCopy(method: string, thrown: unknown): Failure {
  const message = thrown instanceof Error ? thrown.message : String(thrown)
  return failure('internal', `the answer of ${method} cannot be sent: ${message}`, { hint: 'this is a bug in ElixirScope; please report it' })
}
