/**
 * What an actor system holds of each actor (a cell), and how messages reach it: mailboxes, signals, and the calls under way.
 * Cells are made by `actor-system.ts` and ended by `actor-ends.ts`. Absent on purpose: steps and effects.
 */

import type { BoundedQueue } from '../base/bounded-queue.ts'
import type { Clock, Timer } from '../base/clock.ts'
import { failure } from '../base/failure.ts'
import type { Failure } from '../base/failure.ts'
import { fail } from '../base/result.ts'
import type { Result } from '../base/result.ts'
import type { ActorMsg, Address, AnyActor, ExitMsg, Pid } from './actor.ts'
import type { ExitReason } from './exit-reason.ts'
import type { Registry } from './registry.ts'
import type { Log } from './starter.ts'

/** Does one operation and calls back once, now or later. */
export type ActorPort = (operation: unknown, done: (result: Result<unknown, Failure>) => void) => void

export type Settle = (result: Result<unknown, Failure>) => void

/** Actors known by name in other threads. Each method answers false or undefined when it knows nobody by this name. */
export type Elsewhere = {
  call(name: string, body: unknown, timeoutMs: number | 'infinity', settle: Settle): boolean
  /** The inner answer: false when the message was shed. */
  cast(name: string, body: unknown): { readonly sent: boolean } | undefined
  /** Calls `down` once, later; the answer ends the monitor. */
  monitor(name: string, down: (reason: ExitReason) => void): (() => void) | undefined
}

export type ActorSystemOptions = {
  readonly clock: Clock
  readonly log: Log
  readonly ports: Readonly<Record<string, ActorPort>>
  /** Asks for `run` to be called soon. Called once per batch. */
  readonly defer: (run: () => void) => void
  /** Which of `n` ready actors runs next, 0 to n - 1. Default: the one that has waited longest. */
  readonly pick?: (nReady: number) => number
  /** Asked for names that nobody here has. */
  readonly elsewhere?: Elsewhere
}

export type Msg = ActorMsg<unknown> | ExitMsg
type Envelope = { readonly seq: number; readonly msg: Msg }
type ArmedTimer = { readonly timer: Timer; readonly unless: 'message' | readonly string[] | undefined }

export type Cell = {
  readonly pid: Pid
  readonly name: string | undefined
  readonly actor: AnyActor
  state: unknown
  readonly mailbox: BoundedQueue<Envelope>
  /** Timers, answers, exits and news. */
  signals: Envelope[]
  readonly timers: Map<string, ArmedTimer>
  /** How many timers wait for a message. */
  nSelective: number
  /** Those who want to hear of the end. */
  readonly watchers: Set<(reason: ExitReason) => void>
  /** Own monitors by tag: each is ended by its function. */
  readonly monitors: Map<string, (() => void)[]>
  readonly links: Set<Pid>
  /** Calls that this actor has to answer. */
  readonly owed: Set<number>
  /** Messages that found no room, in order; while there are any, this actor does not run. */
  readonly outbox: { readonly to: Pid; readonly msg: Msg }[]
  /** Actors that wait for room in this mailbox. */
  readonly waiters: Set<Pid>
  readonly onExit: (reason: ExitReason) => void
  nShed: number
  isReady: boolean
}

export type PendingCall = { readonly callee: Pid; readonly settle: Settle; readonly timer: Timer | undefined }

export type System = {
  readonly options: ActorSystemOptions
  readonly cells: Map<Pid, Cell>
  readonly registry: Registry
  readonly calls: Map<number, PendingCall>
  readonly ready: Pid[]
  /** Runs a turn's worth of steps. */
  readonly turn: () => void
  lastPid: Pid
  lastCallId: number
  lastSeq: number
  isDeferred: boolean
}

export const DEFAULT_CALL_MS = 5000

export function cellAt(system: System, address: Address): Cell | undefined {
  const pid = system.registry.resolve(address)
  return pid === undefined ? undefined : system.cells.get(pid)
}

// Readiness

export function wake(system: System, cell: Cell): void {
  if (cell.isReady || cell.outbox.length > 0 || cell.mailbox.size() + cell.signals.length === 0) return
  cell.isReady = true
  system.ready.push(cell.pid)
  schedule(system)
}

export function schedule(system: System): void {
  if (system.isDeferred || system.ready.length === 0) return
  system.isDeferred = true
  system.options.defer(() => {
    system.turn()
    system.isDeferred = false
    schedule(system)
  })
}

/** The older of the first signal and the first message. */
export function takeNext(cell: Cell): Envelope | undefined {
  const [signal] = cell.signals
  if (signal === undefined) return cell.mailbox.shift()
  const message = cell.mailbox.peek()
  if (message !== undefined && message.seq < signal.seq) return cell.mailbox.shift()
  return cell.signals.shift()
}

// Messages

/** Delivers or holds back; false when the message is lost. */
export function send(system: System, sender: Cell | undefined, to: Address, msg: Msg): boolean {
  const target = cellAt(system, to)
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

export function castTo(system: System, sender: Cell | undefined, to: Address, body: unknown): boolean {
  if (typeof to === 'string' && cellAt(system, to) === undefined) return system.options.elsewhere?.cast(to, body)?.sent ?? false
  return send(system, sender, to, { type: 'cast', body })
}

function enqueue(system: System, target: Cell, msg: Msg): boolean {
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

export function signal(system: System, pid: Pid, msg: Msg): void {
  const cell = system.cells.get(pid)
  if (cell === undefined) return
  system.lastSeq += 1
  cell.signals.push({ seq: system.lastSeq, msg })
  wake(system, cell)
}

/** Lets those go on who waited for room here. */
export function makeRoom(system: System, cell: Cell): void {
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

export type CallStart = {
  readonly caller: Pid | 'outside'
  readonly to: Address
  readonly body: unknown
  readonly timeoutMs: number | 'infinity'
  readonly settle: Settle
}

export function startCall(system: System, { caller, to, body, timeoutMs, settle }: CallStart): void {
  const { elsewhere, clock } = system.options
  const callee = cellAt(system, to)
  if (callee === undefined) {
    if (typeof to === 'string' && elsewhere?.call(to, body, timeoutMs, settle) === true) return
    return settle(fail(failure('unavailable', `${to} is not running`, { hint: 'try again in a moment', details: { reason: 'noproc' } })))
  }
  if (callee.pid === caller) return settle(fail(failure('internal', `${to} called itself`, { details: { reason: 'calling_self' } })))
  system.lastCallId += 1
  const callId = system.lastCallId
  const timer = timeoutMs === 'infinity' ? undefined : clock.after(timeoutMs, () => {
    settleCall(system, callId, fail(failure('timeout', `${to} gave no answer within ${timeoutMs} ms`, { details: { timeout_ms: timeoutMs } })))
  })
  system.calls.set(callId, { callee: callee.pid, settle, timer })
  callee.owed.add(callId)
  const sender = caller === 'outside' ? undefined : system.cells.get(caller)
  send(system, sender, callee.pid, { type: 'call', from: { caller, callId }, body })
}

export function settleCall(system: System, callId: number, result: Result<unknown, Failure>): void {
  const call = system.calls.get(callId)
  if (call === undefined) return
  system.calls.delete(callId)
  system.cells.get(call.callee)?.owed.delete(callId)
  call.timer?.cancel()
  call.settle(result)
}
