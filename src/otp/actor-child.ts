/**
 * Actors as children of a supervisor: started in the actor system of this thread, stopped in order, killed at once.
 */

import type { ActorSystem } from './actor-system.ts'
import type { AnyActor } from './actor.ts'
import type { RunningChild, StartContext } from './starter.ts'

export type ActorStart = {
  readonly kind: 'actor'
  readonly actor: AnyActor
  readonly args?: unknown
  /** Registered under this name while it lives. */
  readonly name?: string
  /** The same for dynamic children, by their arguments. */
  readonly nameOf?: (args: unknown) => string
}

/** The extra arguments of a dynamic child take the place of `args`. */
export function startActor(start: ActorStart, context: StartContext, system: ActorSystem): RunningChild {
  const { actor } = start
  const name = start.nameOf?.(context.args) ?? start.name
  const spawned = system.spawn({
    actor,
    args: context.args ?? start.args,
    ...(name === undefined ? {} : { name }),
    onExit: (reason) => context.report({ type: 'exit', reason }),
  })
  if (spawned.type === 'ok') context.report({ type: 'started' })
  else if (spawned.type === 'ignore') context.report({ type: 'ignored' })
  else context.report({ type: 'start_failed', reason: spawned.reason })
  if (spawned.type !== 'ok') return { stop: () => undefined, kill: () => undefined, info: () => ({}) }
  const { pid } = spawned
  return {
    stop: (reason) => system.stop(pid, reason),
    kill: () => system.kill(pid),
    suffer: () => system.crash(pid),
    info: () => {
      const info = system.info(pid)
      return info === undefined ? {} : { mailbox: info.mailbox, stats: { shed: info.nShed } }
    },
  }
}
