/**
 * Actors as children of a supervisor: started in the actor system of this thread, stopped in order, killed at once.
 */

import type { AnyActor } from './actor.ts'

export type ActorStart = {
  readonly kind: 'actor'
  readonly actor: AnyActor
  readonly args?: unknown
  /** Registered under this name while it lives. */
  readonly name?: string
}
