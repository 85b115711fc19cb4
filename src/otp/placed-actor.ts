/**
 * An actor that lives in another thread, as its supervisor's side sees it: a child whose every start, stop and end is a
 * message. A thread is to us what a node is to Erlang: when it dies, its actors are lost (`noconnection`).
 *
 *   waiting --thread ready--> asked --started--> running --exit--> ended
 *   waiting --thread abandoned | too long--> ended
 *   asked --thread gone--> waiting              running --thread gone--> ended (`lost`)
 *   waiting --stop | kill--> ended               asked, running --kill--> ended at once; the thread is told
 *   asked --ignored | failed--> ended
 *
 * Each request to start has a key of its own, so that what a thread of an earlier life still says reaches nobody. A start
 * does not wait for a thread that has no supervisor any more, and for none for ever: whoever would bring it back may itself
 * wait for this start. Absent on purpose: how messages travel.
 */

import type { Timer } from '../base/clock.ts'
import { KILLED, NOCONNECTION, SHUTDOWN } from './exit-reason.ts'
import type { ExitReason } from './exit-reason.ts'
import type { ChildEvent, RunningChild, StartContext } from './starter.ts'

export type PlacedStart = {
  readonly kind: 'actor'
  /** The thread it lives in. */
  readonly thread: string
  /** Which of the actors that the thread can host. */
  readonly actor: string
  /** Copied into the thread at each start. */
  readonly args?: unknown
  /** Registered under this name while it lives; unique among all threads. */
  readonly name?: string
}

/** What is said to the thread. */
export type ToHosted =
  | { readonly type: 'start_actor'; readonly key: number; readonly actor: string; readonly args: unknown; readonly name?: string }
  | { readonly type: 'stop_actor'; readonly key: number; readonly reason: ExitReason }
  | { readonly type: 'kill_actor' | 'crash_actor'; readonly key: number }

export type HostedLoad = { readonly mailbox: number; readonly nShed: number }

/** One who has a stake in a thread. */
export type Guest = {
  ready(): void
  gone(): void
  /** The thread is gone, and so is the supervisor that would bring it back. */
  abandoned(): void
}
/** One request to start, and what becomes of it. */
export type Tenant = { event(event: ChildEvent): void; load(load: HostedLoad): void }

export type ActorHosts = {
  /** `ready` or `abandoned` is called at once when that is how things stand. The answer ends it. */
  join(thread: string, guest: Guest): () => void
  /** A new key, under which events come in until it is given back. */
  lease(thread: string, tenant: Tenant): number
  release(thread: string, key: number): void
  send(thread: string, message: ToHosted): void
}

/** Longer than a thread may take to start, and to be started once more. */
export const WAIT_FOR_THREAD_MS = 25_000

type Mode = 'waiting' | 'asked' | 'running' | 'ended'

type Placed = {
  readonly start: PlacedStart
  readonly context: StartContext
  readonly hosts: ActorHosts
  leave: () => void
  patience: Timer | undefined
  mode: Mode
  key: number
  isStopping: boolean
  load: HostedLoad
}

/** The extra arguments of a dynamic child take the place of `args`. */
export function startPlacedActor(start: PlacedStart, context: StartContext, hosts: ActorHosts): RunningChild {
  const placed: Placed = { start, context, hosts, leave: () => undefined, patience: undefined, mode: 'waiting', key: 0, isStopping: false, load: { mailbox: 0, nShed: 0 } }
  beginToWait(placed)
  placed.leave = hosts.join(start.thread, { ready: () => ask(placed), gone: () => threadGone(placed), abandoned: () => abandoned(placed) })
  if (placed.mode === 'ended') placed.leave()
  return {
    stop: (reason) => stop(placed, reason),
    kill() {
      if (placed.mode === 'asked' || placed.mode === 'running') hosts.send(start.thread, { type: 'kill_actor', key: placed.key })
      endWith(placed, KILLED)
    },
    suffer: () => hosts.send(start.thread, { type: 'crash_actor', key: placed.key }),
    info: () => ({ thread: start.thread, mailbox: placed.load.mailbox, stats: { shed: placed.load.nShed } }),
  }
}

function beginToWait(placed: Placed): void {
  placed.mode = 'waiting'
  placed.patience = placed.context.clock.after(WAIT_FOR_THREAD_MS, () => endWith(placed, NOCONNECTION))
}

function ask(placed: Placed): void {
  if (placed.mode !== 'waiting') return
  placed.patience?.cancel()
  const { start: { thread, actor, args, name }, context, hosts } = placed
  placed.mode = 'asked'
  placed.key = hosts.lease(thread, {
    event: (event) => hear(placed, event),
    load: (load) => void (placed.load = load),
  })
  hosts.send(thread, { type: 'start_actor', key: placed.key, actor, args: context.args ?? args, ...(name === undefined ? {} : { name }) })
}

function hear(placed: Placed, event: ChildEvent): void {
  if (event.type === 'started') placed.mode = 'running'
  else close(placed)
  placed.context.report(event)
}

function abandoned(placed: Placed): void {
  if (placed.mode === 'waiting') endWith(placed, NOCONNECTION)
}

function threadGone(placed: Placed): void {
  if (placed.mode === 'running') {
    close(placed)
    return placed.context.report({ type: 'lost' })
  }
  if (placed.mode !== 'asked') return
  if (placed.isStopping) return endWith(placed, NOCONNECTION)
  placed.hosts.release(placed.start.thread, placed.key)
  beginToWait(placed)
}

function stop(placed: Placed, reason: ExitReason): void {
  placed.isStopping = true
  if (placed.mode === 'waiting') endWith(placed, SHUTDOWN)
  else if (placed.mode !== 'ended') placed.hosts.send(placed.start.thread, { type: 'stop_actor', key: placed.key, reason })
}

function endWith(placed: Placed, reason: ExitReason): void {
  const { mode, context } = placed
  if (mode === 'ended') return
  close(placed)
  context.report({ type: mode === 'running' ? 'exit' : 'start_failed', reason })
}

function close(placed: Placed): void {
  placed.mode = 'ended'
  placed.patience?.cancel()
  placed.leave()
  placed.hosts.release(placed.start.thread, placed.key)
}
