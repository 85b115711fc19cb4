/**
 * The frame of every `workers/x.pool.ts`: names its tasks and keeps what they answer apart from what kills a thread.
 *
 *   export default poolTasks<ParserCalls, Init>((init) => ({ parse: ({ path }) => ok(…) }))
 *
 * A task answers a Result. One that throws a FailureError answers that failure; any other throw is a bug, answered as
 * `internal` with its causes: the thread lives on, as a task keeps nothing between two calls. `init` runs once per thread.
 */

import { workerData } from 'node:worker_threads'
import type { MessagePort } from 'node:worker_threads'

import { failure, FailureError } from '../../base/failure.ts'
import type { Failure } from '../../base/failure.ts'
import { fail } from '../../base/result.ts'
import type { Result } from '../../base/result.ts'
import { createChannel } from '../channel.ts'
import type { CallMap, CastMap, Channel } from '../channel.ts'
import { formatReason, uncaught } from '../exit-reason.ts'
import type { Fault } from '../starter.ts'
import { SUFFER, suffer } from './faults.ts'
import { portOf, systemClock } from './message-port.ts'
import { WRITE_HEAP, writeHeap } from './profiled.ts'

type MaybePromise<T> = T | Promise<T>

export type PoolHandlers<Calls extends CallMap> = {
  readonly [Method in keyof Calls]: (args: Calls[Method]['args']) => MaybePromise<Result<Calls[Method]['result'], Failure>>
}

export type PoolTask = { readonly method: string; readonly args: unknown }

/** The task function of a pool: its module's default export. */
export function poolTasks<Calls extends CallMap, Init = unknown>(
  open: (init: Init) => PoolHandlers<Calls>,
): (task: PoolTask) => Promise<Result<unknown, Failure>> {
  const handlers = open(initOf<Init>())
  return async ({ method, args }) => {
    if (method === SUFFER) return new Promise(() => suffer(args as Fault))
    if (method === WRITE_HEAP) return writeHeap(args as string)
    if (!Object.hasOwn(handlers, method)) return fail(failure('unknown_method', `there is no task ${method}`))
    try {
      return await (handlers as PoolHandlers<CallMap>)[method]?.(args) ?? fail(failure('internal', `${method} answered nothing`))
    } catch (thrown) {
      if (thrown instanceof FailureError) return fail(thrown.failure)
      return fail(failure('internal', `${method} failed: ${formatReason(uncaught(thrown))}`, { hint: 'this is a bug in ElixirScope' }))
    }
  }
}

/** A channel over a port that came with a task: `tree.connect(thread, service)` makes such ports. Close it when done. */
export function channelOn<Calls extends CallMap = CallMap, Casts extends CastMap = CastMap>(
  name: string, messagePort: MessagePort,
): { readonly channel: Channel<Calls, Casts>; close(): void } {
  const channel = createChannel<Calls, Casts>({ name, clock: systemClock })
  channel.attach(portOf(messagePort))
  return { channel, close: () => channel.detach(failure('unavailable', `${name} was closed by this task`)) }
}

/** Piscina wraps the data it is given for its threads in nothing: workerData is ours. */
function initOf<Init>(): Init {
  return workerData as Init
}
