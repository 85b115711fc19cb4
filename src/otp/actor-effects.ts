/**
 * Runs what an actor's step asked for. Effects run in the order given and end with the actor: nothing is done for one that
 * has stopped. Timers that wait for a message are disarmed here when it is taken.
 */

import { failure } from '../base/failure.ts'
import { fail } from '../base/result.ts'
import type { ActorEffect } from './actor.ts'
import { castTo, DEFAULT_CALL_MS, settleCall, signal, startCall } from './actor-cells.ts'
import type { Cell, Msg, System } from './actor-cells.ts'
import { demonitor, end, link, monitor, sendExit, unlink } from './actor-ends.ts'
import { uncaught } from './exit-reason.ts'
import type { ExitReason } from './exit-reason.ts'

export function runEffects(system: System, cell: Cell, effects: readonly ActorEffect[]): void {
  for (const effect of effects) {
    if (!system.cells.has(cell.pid)) return
    runEffect(system, cell, effect)
  }
}

function runEffect(system: System, cell: Cell, effect: ActorEffect): void {
  const { pid } = cell
  switch (effect.type) {
    case 'reply':
      return settleCall(system, effect.to.callId, effect.result)
    case 'call': {
      const { to, body, timeoutMs = DEFAULT_CALL_MS, tag } = effect
      return startCall(system, { caller: pid, to, body, timeoutMs, settle: (result) => signal(system, pid, { type: 'answer', tag, result }) })
    }
    case 'cast':
      return void castTo(system, cell, effect.to, effect.body)
    case 'after':
      return arm(system, cell, effect)
    case 'cancel':
      return disarm(cell, effect.name)
    case 'run':
      return runOperation(system, cell, effect)
    case 'monitor':
      return monitor(system, cell, effect.target, effect.tag)
    case 'demonitor':
      return demonitor(cell, effect.tag)
    case 'link':
      return link(system, cell, effect.target)
    case 'unlink':
      return unlink(system, cell, effect.target)
    case 'exit':
      return sendExit(system, pid, effect.target, effect.reason)
    case 'log':
      return system.options.log(effect.level, effect.message, { actor: cell.name ?? pid, ...effect.fields })
    case 'stop':
      return stop(system, cell, effect.reason)
  }
}

function runOperation(system: System, { pid }: Cell, { port, operation, tag }: Extract<ActorEffect, { type: 'run' }>): void {
  const run = Object.hasOwn(system.options.ports, port) ? system.options.ports[port] : undefined
  if (run === undefined) return signal(system, pid, { type: 'answer', tag, result: fail(failure('internal', `there is no port ${port}`)) })
  run(operation, (result) => signal(system, pid, { type: 'answer', tag, result }))
}

// Timers

function arm(system: System, cell: Cell, { name, ms, unless }: Extract<ActorEffect, { type: 'after' }>): void {
  disarm(cell, name)
  if (unless !== undefined) cell.nSelective += 1
  // The entry stays until its message is taken: until then it can be disarmed.
  const timer = system.options.clock.after(ms, () => signal(system, cell.pid, { type: 'timer', name }))
  cell.timers.set(name, { timer, unless })
}

function disarm(cell: Cell, name: string): void {
  const armed = cell.timers.get(name)
  if (armed === undefined) return
  forgetTimer(cell, name)
  armed.timer.cancel()
  cell.signals = cell.signals.filter(({ msg }) => msg.type !== 'timer' || msg.name !== name)
}

function forgetTimer(cell: Cell, name: string): void {
  if (cell.timers.get(name)?.unless !== undefined) cell.nSelective -= 1
  cell.timers.delete(name)
}

/** To be told of each message before its step. */
export function settleTimers(cell: Cell, msg: Msg): void {
  if (msg.type === 'timer') return forgetTimer(cell, msg.name)
  if (cell.nSelective === 0) return
  const tag = msg.type === 'answer' || msg.type === 'down' ? msg.tag : undefined
  for (const [name, { unless }] of cell.timers) {
    if (unless === 'message' || (tag !== undefined && unless?.includes(tag) === true)) disarm(cell, name)
  }
}

// Orderly ends

export function stop(system: System, cell: Cell, reason: ExitReason): void {
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
