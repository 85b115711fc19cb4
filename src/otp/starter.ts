/**
 * The one interface behind which every kind of child stands: thread, pool, actor, supervisor. A starter begins a start and
 * returns at once; everything that becomes of the child is reported as an event, exactly one of `started`, `ignored` or
 * `start_failed` first, and at most one `exit` after `started`. Reports may come during the call that caused them.
 */

import type { Clock } from '../base/clock.ts'
import type { ExitReason } from './exit-reason.ts'

export type ChildEvent =
  | { readonly type: 'started' }
  | { readonly type: 'ignored' }
  | { readonly type: 'start_failed'; readonly reason: ExitReason }
  /** Part of the child died and was replaced by the child itself: counts as a restart, restarts nothing. */
  | { readonly type: 'fault'; readonly reason: ExitReason }
  | { readonly type: 'exit'; readonly reason: ExitReason }
  /** The thread it lived in is gone: an end with `noconnection` that does not count against it. */
  | { readonly type: 'lost' }

/** What a child tells about itself for the tree view. Sizes in bytes, utilization 0 to 1. */
export type ChildInfo = {
  readonly thread?: string
  readonly mailbox?: number
  readonly heapBytes?: number
  readonly utilization?: number
  /** Of a thread that keeps one: whether its spare has loaded. */
  readonly spare?: 'loading' | 'ready'
  readonly stats?: Readonly<Record<string, number>>
  readonly children?: readonly TreeNode[]
  readonly strategy?: string
}

export type ChildState = 'starting' | 'running' | 'restarting' | 'stopping' | 'stopped'

/** One node of the live tree. */
export type TreeNode = ChildInfo & {
  readonly id: string
  readonly kind: string
  readonly state: ChildState
  readonly restart: string
  /** Restarts since its supervisor started. */
  readonly restarts: number
  /** Milliseconds since 1970; absent while it does not run. */
  readonly startedAt?: number
  /** Why its last life ended. */
  readonly lastExit?: string
}

/** What a test of recovery has happen inside a child; `exit_0` is an end that looks orderly, `array` may end the process. */
export const FAULTS = ['throw', 'exit', 'exit_0', 'loop', 'heap', 'array'] as const
export type Fault = (typeof FAULTS)[number]

export type RunningChild = {
  /** Asks for an orderly end; an `exit` follows, or does not. */
  stop(reason: ExitReason): void
  /** Ends it without asking; an `exit` follows in bounded time. */
  kill(): void
  info(): ChildInfo
  /** Absent where nothing can be made to fail inside it. */
  suffer?(fault: Fault): void
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'
export type LogFields = Readonly<Record<string, unknown>>
export type Log = (level: LogLevel, message: string, fields?: LogFields) => void

export type StartContext = {
  readonly id: string
  /** The supervisors above and the child itself, joined by `/`. */
  readonly path: string
  /** 1 for the first life, counting up. */
  readonly epoch: number
  /** The extra arguments of a dynamic child. */
  readonly args: unknown
  readonly clock: Clock
  readonly log: Log
  report(event: ChildEvent): void
}

export type Starter<Start> = (start: Start, context: StartContext) => RunningChild
