/**
 * A thread's side of the actors that it hosts for supervisors in main: starts, stops and kills them as told, and reports
 * what becomes of them. Once the thread itself stops nothing is reported any more: main takes all of them for lost.
 */

import { failure } from '../../base/failure.ts'
import type { ActorPort } from '../actor-cells.ts'
import type { ActorSystem } from '../actor-system.ts'
import type { AnyActor } from '../actor.ts'
import { NORMAL, uncaught } from '../exit-reason.ts'
import type { ExitReason } from '../exit-reason.ts'
import type { HostedLoad, ToHosted } from '../placed-actor.ts'
import type { ChildEvent } from '../starter.ts'

export type ActorPorts = Readonly<Record<string, ActorPort>>

/** Makes the actor of one start. `args` is as in the child spec; `init` is given it as well. */
export type ActorFactory = (args: never, ports: ActorPorts) => AnyActor

export type HostedActors = {
  receive(message: ToHosted): void
  loads(): readonly (readonly [key: number, load: HostedLoad])[]
  stopAll(reason: ExitReason): void
}

export type HostedOptions = {
  readonly system: ActorSystem
  readonly factories: Readonly<Record<string, ActorFactory>>
  readonly ports: ActorPorts
  readonly report: (key: number, event: ChildEvent) => void
}

export function createHostedActors({ system, factories, ports, report }: HostedOptions): HostedActors {
  const pids = new Map<number, number>()
  let isStopping = false

  const start = ({ key, actor, args, name }: Extract<ToHosted, { type: 'start_actor' }>): void => {
    const factory = Object.hasOwn(factories, actor) ? factories[actor] : undefined
    if (factory === undefined) {
      return report(key, { type: 'start_failed', reason: { kind: 'failed', failure: failure('internal', `this thread hosts no actor ${actor}`) } })
    }
    const made = make(factory, args, ports)
    if ('kind' in made) return report(key, { type: 'start_failed', reason: made })
    let earlyEnd: ExitReason | undefined
    let onExit = (reason: ExitReason): void => void (earlyEnd = reason)
    const spawned = system.spawn({ actor: made, args, ...(name === undefined ? {} : { name }), onExit: (reason) => onExit(reason) })
    if (spawned.type === 'ignore') return report(key, { type: 'ignored' })
    const failed = spawned.type === 'stop' ? spawned.reason : earlyEnd
    if (spawned.type === 'stop' || failed !== undefined) return report(key, { type: 'start_failed', reason: failed ?? NORMAL })
    pids.set(key, spawned.pid)
    onExit = (reason) => {
      pids.delete(key)
      if (!isStopping) report(key, { type: 'exit', reason })
    }
    report(key, { type: 'started' })
  }
  return {
    receive(message) {
      if (isStopping) return
      if (message.type === 'start_actor') return start(message)
      const pid = pids.get(message.key)
      if (pid === undefined) return
      if (message.type === 'stop_actor') system.stop(pid, message.reason)
      else if (message.type === 'kill_actor') system.kill(pid)
      else system.crash(pid)
    },
    loads: () => [...pids].map(([key, pid]) => [key, system.info(pid) ?? { mailbox: 0, nShed: 0 }] as const),
    stopAll(reason) {
      isStopping = true
      system.stopAll(reason)
    },
  }
}

/** A factory that throws is a failed start, as an `init` that throws is. */
function make(factory: ActorFactory, args: unknown, ports: ActorPorts): AnyActor | ExitReason {
  try {
    return factory(args as never, ports)
  } catch (thrown) {
    return uncaught(thrown)
  }
}
