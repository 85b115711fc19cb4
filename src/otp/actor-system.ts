/**
 * Where actors live: their mailboxes, timers, names, monitors and calls under way, and a minimal scheduler that runs one
 * step at a time. Under the real clock `defer` asks for a turn; under a simulated one the test calls `runReady` itself and
 * `pick` chooses who is next, so that a seed repeats a run exactly.
 *
 * Invariants. Messages from one sender to one receiver arrive in order. A call settles once: by its reply, its deadline, or
 * at once when the callee ends; a reply sent before the callee's end counts. News of an end comes after its name is free.
 * Timers, answers and news do not count against the mailbox: an actor's own effects bound them.
 */

import { createBoundedQueue } from '../base/bounded-queue.ts'
import type { BoundedQueue } from '../base/bounded-queue.ts'
import type { Clock, Timer } from '../base/clock.ts'
import { failure } from '../base/failure.ts'
import type { Failure } from '../base/failure.ts'
import { fail } from '../base/result.ts'
import type { Result } from '../base/result.ts'
import type { ActorEffect, ActorMsg, ActorStartup, Address, AnyActor, Pid, Stepped } from './actor.ts'
import { formatReason, isOrderly, KILLED, uncaught } from './exit-reason.ts'
import type { ExitReason } from './exit-reason.ts'
import { createRegistry } from './registry.ts'
import type { Registry } from './registry.ts'
import type { Log } from './starter.ts'

/** Does one operation and calls back once, now or later. */
export type ActorPort = (operation: unknown, done: (result: Result<unknown, Failure>) => void) => void

export type ActorSystemOptions = {
  readonly clock: Clock
  readonly log: Log
  readonly ports: Readonly<Record<string, ActorPort>>
  /** Asks for `run` to be called soon. Called once per batch. */
  readonly defer: (run: () => void) => void
  /** Which of `n` ready actors runs next, 0 to n - 1. Default: the one that has waited longest. */
  readonly pick?: (nReady: number) => number
}

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

export type ActorSystem = {
  spawn(spawn: Spawn): Spawned
  /** An orderly end: `terminate` runs. */
  stop(pid: Pid, reason: ExitReason): void
  kill(pid: Pid): void
  call(to: Address, body: unknown, timeoutMs?: number | 'infinity'): Promise<Result<unknown, Failure>>
  /** False when the message was shed or nobody is there. */
  cast(to: Address, body: unknown): boolean
  whereis(name: string): Pid | undefined
  info(pid: Pid): { readonly mailbox: number; readonly nShed: number } | undefined
  /** Runs up to `maxSteps` steps and answers how many there were to run. */
  runReady(maxSteps: number): number
}

type Envelope = { readonly seq: number; readonly msg: ActorMsg<unknown> }

type Cell = {
  readonly pid: Pid
  readonly name: string | undefined
  readonly actor: AnyActor
  state: unknown
  readonly mailbox: BoundedQueue<Envelope>
  /** Timers, answers and news. */
  readonly signals: Envelope[]
  readonly timers: Map<string, Timer>
  readonly watchers: { readonly watcher: Pid; readonly tag: string }[]
  /** Calls that this actor has to answer. */
  readonly owed: Set<number>
  /** Messages that found no room, in order; while there are any, this actor does not run. */
  readonly outbox: { readonly to: Pid; readonly msg: ActorMsg<unknown> }[]
  /** Actors that wait for room in this mailbox. */
  readonly waiters: Set<Pid>
  readonly onExit: (reason: ExitReason) => void
  nShed: number
  isReady: boolean
}

type PendingCall = { readonly callee: Pid; readonly settle: (result: Result<unknown, Failure>) => void; readonly timer: Timer | undefined }

type System = {
  readonly options: ActorSystemOptions
  readonly cells: Map<Pid, Cell>
  readonly registry: Registry
  readonly calls: Map<number, PendingCall>
  readonly ready: Pid[]
  lastPid: Pid
  lastCallId: number
  lastSeq: number
  isDeferred: boolean
}

const DEFAULT_CALL_MS = 5000
const STEPS_PER_TURN = 256

export function createActorSystem(options: ActorSystemOptions): ActorSystem {
  const system: System = {
    options, cells: new Map(), registry: createRegistry(), calls: new Map(), ready: [], lastPid: 0, lastCallId: 0, lastSeq: 0, isDeferred: false,
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
    call: (to, body, timeoutMs = DEFAULT_CALL_MS) =>
      new Promise((resolve) => startCall(system, { caller: 'outside', to, body, timeoutMs, settle: resolve })),
    cast: (to, body) => send(system, undefined, to, { type: 'cast', body }),
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
    pid, name, actor, state: startup.state, mailbox: createBoundedQueue(actor.mailbox.capacity), signals: [], timers: new Map(),
    watchers: [], owed: new Set(), outbox: [], waiters: new Set(), onExit, nShed: 0, isReady: false,
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

// Scheduling

function wake(system: System, cell: Cell): void {
  if (cell.isReady || cell.outbox.length > 0 || cell.mailbox.size() + cell.signals.length === 0) return
  cell.isReady = true
  system.ready.push(cell.pid)
  schedule(system)
}

function schedule(system: System): void {
  if (system.isDeferred || system.ready.length === 0) return
  system.isDeferred = true
  system.options.defer(() => {
    runReady(system, STEPS_PER_TURN)
    system.isDeferred = false
    schedule(system)
  })
}

function runReady(system: System, maxSteps: number): number {
  let nSteps = 0
  while (nSteps < maxSteps && system.ready.length > 0) {
    const at = system.options.pick?.(system.ready.length) ?? 0
    const [pid] = system.ready.splice(at, 1)
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
  const outcome = stepOf(cell, envelope.msg, system.options.clock.nowMs())
  if ('thrown' in outcome) return end(system, cell, uncaught(outcome.thrown))
  const [state, effects] = outcome.stepped
  cell.state = state
  runEffects(system, cell, effects)
  if (system.cells.has(cell.pid)) wake(system, cell)
}

function stepOf(cell: Cell, msg: ActorMsg<unknown>, nowMs: number): { readonly stepped: Stepped<unknown> } | { readonly thrown: unknown } {
  try {
    return { stepped: cell.actor.step(cell.state as never, msg as never, nowMs) }
  } catch (thrown) {
    return { thrown }
  }
}

/** The older of the first signal and the first message. */
function takeNext(cell: Cell): Envelope | undefined {
  const [signal] = cell.signals
  if (signal === undefined) return cell.mailbox.shift()
  const message = cell.mailbox.peek()
  if (message !== undefined && message.seq < signal.seq) return cell.mailbox.shift()
  return cell.signals.shift()
}

// Messages

/** Delivers or holds back; false when the message is lost. */
function send(system: System, sender: Cell | undefined, to: Address, msg: ActorMsg<unknown>): boolean {
  const pid = system.registry.resolve(to)
  const target = pid === undefined ? undefined : system.cells.get(pid)
  if (target === undefined) return false
  if (sender !== undefined && sender.outbox.length > 0) {
    sender.outbox.push({ to: target.pid, msg })
    return true
  }
  if (enqueue(system, target, msg)) return true
  if (target.actor.mailbox.overflow === 'block' && sender !== undefined && sender !== target) {
    sender.outbox.push({ to: target.pid, msg })
    target.waiters.add(sender.pid)
    return true
  }
  target.nShed += 1
  if (msg.type === 'call') settleCall(system, msg.from.callId, fail(mailboxFull(target)))
  return false
}

function enqueue(system: System, target: Cell, msg: ActorMsg<unknown>): boolean {
  system.lastSeq += 1
  const envelope: Envelope = { seq: system.lastSeq, msg }
  const isIn = coalesce(target, envelope) || target.mailbox.push(envelope)
  if (isIn) wake(system, target)
  return isIn
}

/** Only casts replace each other: every call is owed an answer. */
function coalesce({ actor, mailbox }: Cell, envelope: Envelope): boolean {
  const { keyOf } = actor.mailbox
  const { msg } = envelope
  if (keyOf === undefined || msg.type !== 'cast') return false
  const key = keyOf(msg.body as never)
  if (key === undefined) return false
  return mailbox.replace((other) => other.msg.type === 'cast' && keyOf(other.msg.body as never) === key, envelope)
}

function signal(system: System, pid: Pid, msg: ActorMsg<unknown>): void {
  const cell = system.cells.get(pid)
  if (cell === undefined) return
  system.lastSeq += 1
  cell.signals.push({ seq: system.lastSeq, msg })
  wake(system, cell)
}

/** Lets those go on who waited for room here. */
function makeRoom(system: System, cell: Cell): void {
  const waiters = [...cell.waiters]
  cell.waiters.clear()
  for (const pid of waiters) {
    const waiter = system.cells.get(pid)
    if (waiter !== undefined) flush(system, waiter)
  }
}

function flush(system: System, sender: Cell): void {
  for (let held = sender.outbox[0]; held !== undefined; held = sender.outbox[0]) {
    const target = system.cells.get(held.to)
    if (target !== undefined && !enqueue(system, target, held.msg)) {
      target.waiters.add(sender.pid)
      return
    }
    sender.outbox.shift()
  }
  wake(system, sender)
}

function mailboxFull({ name, pid, mailbox }: Cell): Failure {
  return failure('busy', `${name ?? `actor ${pid}`} has ${mailbox.capacity} messages waiting`, { hint: 'try again in a moment' })
}

// Calls

type CallStart = {
  readonly caller: Pid | 'outside'
  readonly to: Address
  readonly body: unknown
  readonly timeoutMs: number | 'infinity'
  readonly settle: (result: Result<unknown, Failure>) => void
}

function startCall(system: System, { caller, to, body, timeoutMs, settle }: CallStart): void {
  const pid = system.registry.resolve(to)
  const callee = pid === undefined ? undefined : system.cells.get(pid)
  if (callee === undefined) return settle(fail(failure('unavailable', `${to} is not running`, { hint: 'try again in a moment', details: { reason: 'noproc' } })))
  if (callee.pid === caller) return settle(fail(failure('internal', `${to} called itself`, { details: { reason: 'calling_self' } })))
  system.lastCallId += 1
  const callId = system.lastCallId
  const timer = timeoutMs === 'infinity' ? undefined : system.options.clock.after(timeoutMs, () => {
    settleCall(system, callId, fail(failure('timeout', `${to} gave no answer within ${timeoutMs} ms`, { details: { timeout_ms: timeoutMs } })))
  })
  system.calls.set(callId, { callee: callee.pid, settle, timer })
  callee.owed.add(callId)
  const sender = caller === 'outside' ? undefined : system.cells.get(caller)
  send(system, sender, callee.pid, { type: 'call', from: { caller, callId }, body })
}

function settleCall(system: System, callId: number, result: Result<unknown, Failure>): void {
  const call = system.calls.get(callId)
  if (call === undefined) return
  system.calls.delete(callId)
  system.cells.get(call.callee)?.owed.delete(callId)
  call.timer?.cancel()
  call.settle(result)
}

// Effects

function runEffects(system: System, cell: Cell, effects: readonly ActorEffect[]): void {
  for (const effect of effects) {
    if (!system.cells.has(cell.pid)) return
    runEffect(system, cell, effect)
  }
}

function runEffect(system: System, cell: Cell, effect: ActorEffect): void {
  const { options } = system
  const { pid } = cell
  switch (effect.type) {
    case 'reply':
      return settleCall(system, effect.to.callId, effect.result)
    case 'call': {
      const { to, body, timeoutMs = DEFAULT_CALL_MS, tag } = effect
      return startCall(system, { caller: pid, to, body, timeoutMs, settle: (result) => signal(system, pid, { type: 'answer', tag, result }) })
    }
    case 'cast':
      return void send(system, cell, effect.to, { type: 'cast', body: effect.body })
    case 'after':
      cell.timers.get(effect.name)?.cancel()
      cell.timers.set(effect.name, options.clock.after(effect.ms, () => {
        cell.timers.delete(effect.name)
        signal(system, pid, { type: 'timer', name: effect.name })
      }))
      return
    case 'cancel':
      cell.timers.get(effect.name)?.cancel()
      return void cell.timers.delete(effect.name)
    case 'run':
      return runOperation(system, pid, effect)
    case 'monitor':
      return monitor(system, pid, effect)
    case 'log':
      return options.log(effect.level, effect.message, { actor: cell.name ?? pid, ...effect.fields })
    case 'stop':
      return stop(system, cell, effect.reason)
  }
}

function runOperation(system: System, pid: Pid, { port, operation, tag }: Extract<ActorEffect, { type: 'run' }>): void {
  const run = system.options.ports[port]
  if (run === undefined) return signal(system, pid, { type: 'answer', tag, result: fail(failure('internal', `there is no port ${port}`)) })
  run(operation, (result) => signal(system, pid, { type: 'answer', tag, result }))
}

function monitor(system: System, watcher: Pid, { target, tag }: Extract<ActorEffect, { type: 'monitor' }>): void {
  const pid = system.registry.resolve(target)
  const cell = pid === undefined ? undefined : system.cells.get(pid)
  if (cell === undefined) return signal(system, watcher, { type: 'down', tag, reason: { kind: 'noproc' } })
  cell.watchers.push({ watcher, tag })
}

// Ends

function stop(system: System, cell: Cell, reason: ExitReason): void {
  const last = lastEffects(cell, reason)
  if ('thrown' in last) return end(system, cell, uncaught(last.thrown))
  runEffects(system, cell, last.effects.filter(({ type }) => type !== 'stop'))
  end(system, cell, reason)
}

function lastEffects(cell: Cell, reason: ExitReason): { readonly effects: readonly ActorEffect[] } | { readonly thrown: unknown } {
  try {
    return { effects: cell.actor.terminate?.(cell.state as never, reason) ?? [] }
  } catch (thrown) {
    return { thrown }
  }
}

function end(system: System, cell: Cell, reason: ExitReason): void {
  const { pid, name } = cell
  if (!system.cells.delete(pid)) return
  for (const timer of cell.timers.values()) timer.cancel()
  if (name !== undefined) system.registry.release(name)
  const why = failure('unavailable', `${name ?? `actor ${pid}`} ended with ${formatReason(reason)}`, { hint: 'try again in a moment' })
  for (const callId of cell.owed) settleCall(system, callId, fail(why))
  for (const { watcher, tag } of cell.watchers) signal(system, watcher, { type: 'down', tag, reason })
  makeRoom(system, cell)
  if (!isOrderly(reason)) system.options.log('error', 'actor ended', { actor: name ?? pid, reason: formatReason(reason) })
  cell.onExit(reason)
}
