/**
 * What main holds of a running tree: how to see it, call into it, and end it. Made by `startTree` (`start-tree.ts`).
 */

import type { MessagePort, Worker, WorkerOptions } from 'node:worker_threads'

import type { Clock } from '../../base/clock.ts'
import type { Failure } from '../../base/failure.ts'
import type { Result } from '../../base/result.ts'
import type { Actors } from '../actor-system.ts'
import type { LaneLoad } from '../bulkhead.ts'
import type { CallMap, CastMap, Channel } from '../channel.ts'
import type { ExitReason } from '../exit-reason.ts'
import type { AnyService } from '../service.ts'
import type { Fault, Log, StartContext, TreeNode } from '../starter.ts'
import type { SupervisorReply, SupervisorRequest } from '../supervisor-state.ts'
import type { Wire } from './control.ts'
import type { ActorPorts } from './hosted-actors.ts'
import type { Platform } from './platform.ts'
import type { PoolLedger, RunningPool } from './pool-child.ts'
import type { Profiled } from './profiled.ts'
import type { NodeSpec, NodeStart, PoolStart } from './tree-spec.ts'

export type TreePlatform = Platform & {
  openThread(url: URL, options: WorkerOptions): Worker
  startPool(start: PoolStart, context: StartContext, ledger: PoolLedger): RunningPool
}

export type TreeOptions = {
  readonly root: NodeSpec
  readonly wires?: readonly Wire[]
  /** What main itself answers, for wires whose `to` is `main`. Keep it to control: main must not block. */
  readonly services?: Readonly<Record<string, AnyService>>
  /** What actors in main can `run`. */
  readonly ports?: ActorPorts
  readonly log?: Log
  readonly platform?: TreePlatform
}

export type Tree = {
  /** The clock that it runs under. */
  readonly clock: Clock
  /** Settles when every child is up, or when one of them could not start; the rest is then down again. */
  readonly started: Promise<Result<void, ExitReason>>
  /** Settles when the root has ended, for whatever reason. `shutdown` without our asking means that it gave up. */
  readonly ended: Promise<ExitReason>
  /** Ends all children in reverse order. Past `deadlineMs` (default 30,000) what is left is killed. */
  stop(deadlineMs?: number): Promise<ExitReason>
  view(): TreeNode
  /** Main's end of a wire `{ from: 'main', name }`. */
  channel<Calls extends CallMap = CallMap, Casts extends CastMap = CastMap>(name: string): Channel<Calls, Casts>
  /** Calls, tells and monitors named actors, whatever thread they live in. */
  readonly actors: Actors
  /** The pool of this id, through all its lives. */
  pool<Calls extends CallMap = CallMap>(id: string): Pool<Calls>
  /** A port whose other end is answered by `service` of a running thread: for a pool task to call it directly. */
  connect(thread: string, service: string): Result<MessagePort, Failure>
  /**
   * Ends a running thread or pool (by id), or any child (by path, ids joined by `/`), by force, as a crash would: its
   * supervisor starts it again. False when none runs.
   */
  kill(idOrPath: string): boolean
  /** Has a fault happen inside the child at `path`: to test recovery. False when none runs there, or nothing can fail in it. */
  inject(path: string, fault: Fault): boolean
  /** Where profiles can be taken, by name: `main` and every thread and pool that has been started. */
  readonly profiled: ReadonlyMap<string, Profiled>
  /** OTP's calls (start_child, which_children …) on the supervisor at `path`, ids joined by `/`. */
  request(path: string, request: SupervisorRequest<NodeStart>): Promise<Result<SupervisorReply<NodeStart>, Failure>>
}

export type PoolRunOptions = {
  /** Which kind of work it is: lanes share the threads, and none can take all of them (`bulkhead.ts`). */
  readonly lane?: string
  /** What the task works on, e.g. a path. A key whose tasks struck twice, by a dead thread or a deadline, is refused from then on. */
  readonly key?: string
  /** At the first try; twice that at the second. */
  readonly timeoutMs?: number
  /** How often a task is tried that ends its thread or runs out of time. Default 2; 1 for one that its caller cuts up then. */
  readonly attempts?: 1 | 2
  readonly signal?: AbortSignal
}

/** Arguments that are made anew for each try, with the ports and buffers to move. */
export type PoolArgs<Args> = () => Result<{ readonly args: Args; readonly transfer: readonly object[] }, Failure>

export type Pool<Calls extends CallMap = CallMap> = {
  run<Method extends keyof Calls & string>(
    method: Method, args: Calls[Method]['args'] | PoolArgs<Calls[Method]['args']>, options?: PoolRunOptions,
  ): Promise<Result<Calls[Method]['result'], Failure>>
  stats(): PoolStats
  /** Ends threads that have nothing to do; new ones start for new tasks. */
  releaseIdle(): void
}

export type PoolStats = {
  readonly nThreads: number
  readonly nRunning: number
  readonly nDone: number
  readonly nDeaths: number
  /** What runs, waits and was answered `busy`, by lane. */
  readonly lanes: Readonly<Record<string, LaneLoad>>
  readonly quarantined: readonly string[]
}
