/**
 * An actor: `init` and a pure `step(state, message, now) -> [state, effects]`. Everything an actor wants done is an effect,
 * run by the system it lives in (`actor-system.ts`), so the same actor runs under the real clock and under a simulated one.
 * Steps may throw only for our own bugs; that ends the actor with `uncaught` and its supervisor decides what then.
 *
 * A mailbox is bounded and names what happens when it is full:
 *   shed      the new message is dropped and counted; a call is answered `busy`
 *   coalesce  a message replaces the waiting one with the same `keyOf`, full or not; without one, as shed
 *   block     the sender is not run again until there is room
 */

import type { Failure } from '../base/failure.ts'
import type { Result } from '../base/result.ts'
import type { ExitReason } from './exit-reason.ts'
import type { LogFields, LogLevel } from './starter.ts'

/** One life of one actor. Never used twice within a system. */
export type Pid = number
/** A life, or whoever holds the name at the time of sending. */
export type Address = Pid | string

/** Whom a call came from; hand it back in a `reply`, now or later. */
export type ReplyTo = { readonly caller: Pid | 'outside'; readonly callId: number }

export type ActorMsg<Body> =
  | { readonly type: 'call'; readonly from: ReplyTo; readonly body: Body }
  | { readonly type: 'cast'; readonly body: Body }
  /** The timer armed by `after`. */
  | { readonly type: 'timer'; readonly name: string }
  /** The outcome of an own `call` or `run`. */
  | { readonly type: 'answer'; readonly tag: string; readonly result: Result<unknown, Failure> }
  /** A monitored actor has ended; `noproc` when there was none, `noconnection` when its thread is gone. */
  | { readonly type: 'down'; readonly tag: string; readonly reason: ExitReason }

/** To actors that trap exits only: a linked actor has ended, or somebody sent an `exit`. */
export type ExitMsg = { readonly type: 'exit'; readonly from: Pid; readonly reason: ExitReason }

export type ActorEffect =
  | { readonly type: 'reply'; readonly to: ReplyTo; readonly result: Result<unknown, Failure> }
  | { readonly type: 'call'; readonly to: Address; readonly body: unknown; readonly tag: string; readonly timeoutMs?: number | 'infinity' }
  | { readonly type: 'cast'; readonly to: Address; readonly body: unknown }
  /**
   * Arms the timer `name`, replacing an armed one of that name. With `unless` it waits for a message as Erlang's
   * `receive … after` does: taking any message but a timer's (`'message'`), or an answer or news with one of these tags,
   * disarms it, even when it has run out meanwhile.
   */
  | { readonly type: 'after'; readonly name: string; readonly ms: number; readonly unless?: 'message' | readonly string[] }
  | { readonly type: 'cancel'; readonly name: string }
  /** Has a port of the system (store, file system, channel) do something; the outcome arrives as `answer`. */
  | { readonly type: 'run'; readonly port: string; readonly operation: unknown; readonly tag: string }
  | { readonly type: 'monitor'; readonly target: Address; readonly tag: string }
  /** Ends all monitors of this tag; news of them that waits is dropped. */
  | { readonly type: 'demonitor'; readonly tag: string }
  /** The end of either ends the other, unless it is `normal` or the other traps exits. Within one thread only. */
  | { readonly type: 'link' | 'unlink'; readonly target: Address }
  /** Ends another actor as a link would; `killed` cannot be trapped. */
  | { readonly type: 'exit'; readonly target: Address; readonly reason: ExitReason }
  | { readonly type: 'stop'; readonly reason: ExitReason }
  | { readonly type: 'log'; readonly level: LogLevel; readonly message: string; readonly fields?: LogFields }

export type Stepped<State> = readonly [State, readonly ActorEffect[]]

export type ActorStartup<State> =
  | { readonly type: 'ok'; readonly state: State; readonly effects?: readonly ActorEffect[] }
  | { readonly type: 'ignore' }
  | { readonly type: 'stop'; readonly reason: ExitReason }

export type MailboxSpec<Body> =
  | { readonly capacity: number; readonly overflow: 'shed' | 'block' }
  | { readonly capacity: number; readonly overflow: 'coalesce'; readonly keyOf: (body: Body) => string | undefined }

export type Actor<State, Body, Args = unknown> = {
  readonly mailbox: MailboxSpec<Body>
  init(args: Args, nowMs: number): ActorStartup<State>
  step(state: State, msg: ActorMsg<Body>, nowMs: number): Stepped<State>
  /** Last effects before an orderly end or after a `stop` of its own; replies and casts only make sense here. */
  terminate?(state: State, reason: ExitReason): readonly ActorEffect[]
}

/** An actor that takes the ends of those it is linked to as messages, instead of ending with them. */
export type TrappingActor<State, Body, Args = unknown> = Omit<Actor<State, Body, Args>, 'step'> & {
  readonly trapsExits: true
  step(state: State, msg: ActorMsg<Body> | ExitMsg, nowMs: number): Stepped<State>
}

/** An actor whose types are forgotten, as systems and specs hold it. */
export type AnyActor = {
  readonly mailbox: { readonly capacity: number; readonly overflow: 'shed' | 'block' | 'coalesce'; readonly keyOf?: (body: never) => string | undefined }
  readonly trapsExits?: true
  init(args: never, nowMs: number): ActorStartup<unknown>
  step(state: never, msg: never, nowMs: number): Stepped<unknown>
  terminate?(state: never, reason: ExitReason): readonly ActorEffect[]
}
