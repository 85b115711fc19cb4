/**
 * How actors end, and who hears of it: monitors, links, exits. Invariants. Whoever hears of an end finds the name free.
 * `normal` ends nobody by link; an actor that traps exits gets a message instead; only a `killed` sent on purpose cannot
 * be trapped. An actor that is ended by a link does not run its `terminate`, as in OTP.
 */

import { failure } from '../base/failure.ts'
import type { Failure } from '../base/failure.ts'
import { fail } from '../base/result.ts'
import type { Address, Pid } from './actor.ts'
import { cellAt, makeRoom, settleCall, signal } from './actor-cells.ts'
import type { Cell, System } from './actor-cells.ts'
import { formatReason, isOrderly, KILLED } from './exit-reason.ts'
import type { ExitReason } from './exit-reason.ts'

const NOPROC: ExitReason = { kind: 'noproc' }
/** Whom the exit is from when a name to link to is nobody's. */
const NOBODY: Pid = 0

export function end(system: System, cell: Cell, reason: ExitReason): void {
  const { pid, name } = cell
  if (!system.cells.delete(pid)) return
  for (const { timer } of cell.timers.values()) timer.cancel()
  for (const ends of cell.monitors.values()) for (const endMonitor of ends) endMonitor()
  if (name !== undefined) system.registry.release(name)
  for (const callId of cell.owed) settleCall(system, callId, fail(endedWith(cell, reason)))
  for (const watcher of cell.watchers) watcher(reason)
  makeRoom(system, cell)
  if (!isOrderly(reason)) system.options.log('error', 'actor ended', { actor: name ?? pid, reason: formatReason(reason) })
  cell.onExit(reason)
  for (const other of cell.links) {
    const linked = system.cells.get(other)
    linked?.links.delete(pid)
    if (linked !== undefined) hearExit(system, linked, pid, reason)
  }
}

function endedWith({ pid, name }: Cell, reason: ExitReason): Failure {
  return failure('unavailable', `${name ?? `actor ${pid}`} ended with ${formatReason(reason)}`, { hint: 'try again in a moment' })
}

// Monitors

/** Calls `down` when the target ends, or at once when there is none. The answer ends the monitor. */
export function watch(system: System, target: Address, down: (reason: ExitReason) => void): () => void {
  const cell = cellAt(system, target)
  if (cell === undefined) {
    const remote = typeof target === 'string' ? system.options.elsewhere?.monitor(target, down) : undefined
    if (remote !== undefined) return remote
    down(NOPROC)
    return () => undefined
  }
  cell.watchers.add(down)
  return () => void cell.watchers.delete(down)
}

export function monitor(system: System, { pid, monitors }: Cell, target: Address, tag: string): void {
  const endMonitor = watch(system, target, (reason) => signal(system, pid, { type: 'down', tag, reason }))
  monitors.set(tag, [...(monitors.get(tag) ?? []), endMonitor])
}

export function demonitor(cell: Cell, tag: string): void {
  for (const endMonitor of cell.monitors.get(tag) ?? []) endMonitor()
  cell.monitors.delete(tag)
  cell.signals = cell.signals.filter(({ msg }) => msg.type !== 'down' || msg.tag !== tag)
}

// Links

export function link(system: System, cell: Cell, target: Address): void {
  const other = cellAt(system, target)
  if (other === undefined) return hearExit(system, cell, typeof target === 'number' ? target : NOBODY, NOPROC)
  if (other === cell) return
  cell.links.add(other.pid)
  other.links.add(cell.pid)
}

/** An exit of the other that already waits is dropped. */
export function unlink(system: System, cell: Cell, target: Address): void {
  const pid = system.registry.resolve(target)
  if (pid === undefined) return
  cell.links.delete(pid)
  system.cells.get(pid)?.links.delete(cell.pid)
  cell.signals = cell.signals.filter(({ msg }) => msg.type !== 'exit' || msg.from !== pid)
}

export function sendExit(system: System, from: Pid, target: Address, reason: ExitReason): void {
  const cell = cellAt(system, target)
  if (cell === undefined) return
  if (reason.kind === 'killed') return end(system, cell, KILLED)
  hearExit(system, cell, from, reason)
}

function hearExit(system: System, cell: Cell, from: Pid, reason: ExitReason): void {
  if (cell.actor.trapsExits === true) return signal(system, cell.pid, { type: 'exit', from, reason })
  if (reason.kind !== 'normal') end(system, cell, reason)
}
