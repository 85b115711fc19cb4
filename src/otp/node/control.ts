/**
 * What main and a thread say to each other outside all channels: the start data, and the control messages both ways. Only
 * `run-thread.ts` and `thread-child.ts` speak it. Data never goes this way.
 */

import type { MessagePort } from 'node:worker_threads'

import type { Failure } from '../../base/failure.ts'
import type { Result } from '../../base/result.ts'
import type { ExitReason } from '../exit-reason.ts'
import type { HostedLoad, ToHosted } from '../placed-actor.ts'
import type { ChildEvent, Fault, LogFields, LogLevel } from '../starter.ts'

/** A channel as data: `from` calls, `to` answers under the service `name`. `main` may be either. */
export type Wire = {
  readonly from: string
  readonly to: string
  readonly name: string
  readonly maxInFlight?: number
  readonly maxCasts?: number
  readonly timeoutMs?: number
}

/** The workerData of a thread; a spare has it before it knows which life it will be. */
export type ThreadData = {
  readonly name: string
  readonly init: unknown
  /** The wires on which this thread calls. */
  readonly wires: readonly Wire[]
}

export type ToThread =
  /** The ports of wires whose callees are up have been sent: the thread may start. */
  | { readonly type: 'begin'; readonly epoch: number; readonly places: ReadonlyMap<string, string> }
  /** The actor of this name lives in `thread` from now on. */
  | { readonly type: 'place'; readonly name: string; readonly thread: string }
  | ToHosted
  /** Answer calls that come in on this port with the service `name`. */
  | { readonly type: 'serve'; readonly name: string; readonly port: MessagePort }
  /** Call `name` through this port from now on. */
  | { readonly type: 'attach'; readonly name: string; readonly port: MessagePort }
  /** Whoever answered under `name` is dead. */
  | { readonly type: 'detach'; readonly name: string; readonly why: Failure }
  | { readonly type: 'ping' }
  /** Write the heap to a new file; the thread stands still meanwhile. */
  | { readonly type: 'write_heap'; readonly path: string }
  | { readonly type: 'suffer'; readonly fault: Fault }
  | { readonly type: 'stop'; readonly reason: ExitReason }

export type FromThread =
  /** The module has been loaded; only spares have a use for it. */
  | { readonly type: 'loaded' }
  | { readonly type: 'ready' }
  | { readonly type: 'failed'; readonly failure: Failure }
  | { readonly type: 'pong'; readonly heapBytes: number; readonly mailbox: number; readonly stats?: Readonly<Record<string, number>>
    readonly actors: readonly (readonly [key: number, load: HostedLoad])[] }
  | { readonly type: 'actor'; readonly key: number; readonly event: ChildEvent }
  /** After `write_heap`. */
  | { readonly type: 'heap_written'; readonly outcome: Result<null, Failure> }
  | { readonly type: 'exiting'; readonly reason: ExitReason }
  | { readonly type: 'log'; readonly level: LogLevel; readonly message: string; readonly fields?: LogFields }
