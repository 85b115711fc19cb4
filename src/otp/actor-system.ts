/**
 * Where actors live: their mailboxes, timers, names, monitors, links and calls under way, and a minimal scheduler that runs
 * one step at a time. Under the real clock `defer` asks for a turn; under a simulated one the test calls `runReady` itself
 * and `pick` chooses who is next, so that a seed repeats a run exactly.
 *
 * Invariants. Messages from one sender to one receiver arrive in order. A call settles once: by its reply, its deadline, or
 * at once when the callee ends; a reply sent before the callee's end counts. News of an end comes after its name is free.
 * Timers, answers and news do not count against the mailbox: an actor's own effects bound them. Names that nobody here has
 * are asked for `elsewhere`: actors of other threads are called, told and monitored by name just as those of this one.
 */

import { createBoundedQueue } from '../base/bounded-queue.ts'
import { failure } from '../base/failure.ts'
import type { Failure } from '../base/failure.ts'
import type { Result } from '../base/result.ts'
import type { ActorStartup, Address, AnyActor, Pid, Stepped } from './actor.ts'
import { castTo, DEFAULT_CALL_MS, makeRoom, startCall, takeNext, wake } from './actor-cells.ts'
import type { ActorSystemOptions, Cell, Msg, System } from './actor-cells.ts'
import { runEffects, settleTimers, stop } from './actor-effects.ts'
import { end, watch } from './actor-ends.ts'
import { KILLED, uncaught } from './exit-reason.ts'
import type { ExitReason } from './exit-reason.ts'
import { createRegistry } from './registry.ts'

export type { ActorPort, ActorSystemOptions } from './actor-cells.ts'

export type Spawn = {
  readonly actor: AnyActor
  readonly args?: unknown
  readonly name?: string
  readonly onExit?: (reason: ExitReason) => void
}

export type Spawned =
  | { readonly type: 'ok'; readonly pid: Pid }
  | { readonly type: 'ignore' }
  | { readonly type: 'stop'; readonly reason: ExitReason }

/** Calling actors by name or pid. What a thread's own code holds of the actors of all threads. */
export type Actors = {
  /** `timeoutMs`: 5,000 by default. */
  call(to: Address, body: unknown, timeoutMs?: number | 'infinity'): Promise<Result<unknown, Failure>>
  /** False when the message was shed or nobody is there. */
  cast(to: Address, body: unknown): boolean
  /** Calls `down` once when it ends: `noproc` when there is none, `noconnection` when its thread is gone. */
  monitor(target: Address, down: (reason: ExitReason) => void): () => void
}

export type ActorSystem = Actors & {
  spawn(spawn: Spawn): Spawned
  /** An orderly end: `terminate` runs. */
  stop(pid: Pid, reason: ExitReason): void
  kill(pid: Pid): void
  /** Ends it as a step that throws would. */
  crash(pid: Pid): void
  /** An orderly end of everybody, the youngest first. */
  stopAll(reason: ExitReason): void
  whereis(name: string): Pid | undefined
  info(pid: Pid): { readonly mailbox: number; readonly nShed: number } | undefined
  /** Runs up to `maxSteps` steps and answers how many there were to run. */
  runReady(maxSteps: number): number
}

const STEPS_PER_TURN = 256

export function createActorSystem(options: ActorSystemOptions): ActorSystem {
  const system: System = {
    options, cells: new Map(), registry: createRegistry(), calls: new Map(), ready: [], turn: () => void runReady(system, STEPS_PER_TURN),
    lastPid: 0, lastCallId: 0, lastSeq: 0, isDeferred: false,
  }
  return {
    spawn: (request) => spawn(system, request),
    stop(pid, reason) {
      const cell = system.cells.get(pid)
      if (cell !== undefined) stop(system, cell, reason)
    },
    kill(pid) {
      const cell = system.cells.get(pid)
      if (cell !== undefined) end(system, cell, KILLED)
    },
    crash(pid) {
      const cell = system.cells.get(pid)
      if (cell !== undefined) end(system, cell, uncaught(new Error('a fault on purpose')))
    },
    stopAll(reason) {
      for (const cell of [...system.cells.values()].toReversed()) stop(system, cell, reason)
    },
    call: (to, body, timeoutMs = DEFAULT_CALL_MS) =>
      new Promise((resolve) => startCall(system, { caller: 'outside', to, body, timeoutMs, settle: resolve })),
    cast: (to, body) => castTo(system, undefined, to, body),
    monitor: (target, down) => watch(system, target, down),
    whereis: (name) => system.registry.resolve(name),
    info(pid) {
      const cell = system.cells.get(pid)
      return cell === undefined ? undefined : { mailbox: cell.mailbox.size() + cell.signals.length, nShed: cell.nShed }
    },
    runReady: (maxSteps) => runReady(system, maxSteps),
  }
}

function spawn(system: System, { actor, args, name, onExit = () => undefined }: Spawn): Spawned {
  const startup = startupOf(actor, args, system.options.clock.nowMs())
  if (startup.type !== 'ok') return startup
  system.lastPid += 1
  const pid = system.lastPid
  if (name !== undefined && !system.registry.register(name, pid)) {
    return { type: 'stop', reason: { kind: 'failed', failure: failure('conflict', `the name ${name} is taken`) } }
  }
  const cell: Cell = {
    pid, name, actor, state: startup.state, mailbox: createBoundedQueue(actor.mailbox.capacity), signals: [], timers: new Map(), nSelective: 0,
    watchers: new Set(), monitors: new Map(), links: new Set(), owed: new Set(), outbox: [], waiters: new Set(), onExit, nShed: 0, isReady: false,
  }
  system.cells.set(pid, cell)
  runEffects(system, cell, startup.effects ?? [])
  return { type: 'ok', pid }
}

function startupOf(actor: AnyActor, args: unknown, nowMs: number): ActorStartup<unknown> {
  try {
    return actor.init(args as never, nowMs)
  } catch (thrown) {
    return { type: 'stop', reason: uncaught(thrown) }
  }
}

// Steps

function runReady(system: System, maxSteps: number): number {
  let nSteps = 0
  while (nSteps < maxSteps && system.ready.length > 0) {
    const at = system.options.pick?.(system.ready.length) ?? 0
    const [pid] = at === 0 ? [system.ready.shift()] : system.ready.splice(at, 1)
    const cell = system.cells.get(pid ?? 0)
    if (cell === undefined) continue
    cell.isReady = false
    runStep(system, cell)
    nSteps += 1
  }
  return nSteps
}

function runStep(system: System, cell: Cell): void {
  const envelope = takeNext(cell)
  if (envelope === undefined) return
  makeRoom(system, cell)
  settleTimers(cell, envelope.msg)
  const outcome = stepOf(cell, envelope.msg, system.options.clock.nowMs())
  if ('thrown' in outcome) return end(system, cell, uncaught(outcome.thrown))
  const [state, effects] = outcome.stepped
  cell.state = state
  runEffects(system, cell, effects)
  if (system.cells.has(cell.pid)) wake(system, cell)
}

function stepOf(cell: Cell, msg: Msg, nowMs: number): { readonly stepped: Stepped<unknown> } | { readonly thrown: unknown } {
  try {
    return { stepped: cell.actor.step(cell.state as never, msg as never, nowMs) }
  } catch (thrown) {
    return { thrown }
  }
}
