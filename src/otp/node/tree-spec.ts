/**
 * How a supervision tree is written down: plain data, made by four small functions, read by `start-tree.ts`.
 *
 *   supervisor({ id: 'Root', strategy: 'rest_for_one', intensity: 3, period: 5, children: [
 *     thread({ id: 'repository', url: moduleUrl('../workers/repository.thread', import.meta.url), init: { path } }),
 *     actor({ id: 'Monitor', thread: 'repository', actor: 'monitor', name: 'Monitor' }),
 *     pool({ id: 'parser', url: moduleUrl('../workers/parser.pool', import.meta.url), size: 2, maxQueue: 64 }),
 *   ] })
 *
 * Ids of threads and pools are unique in the whole tree: wires and pools are named by them.
 */

import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ResourceLimits } from 'node:worker_threads'

import type { ActorStart } from '../actor-child.ts'
import type { ChildSpecInput, SupervisorFlagsInput } from '../child-spec.ts'
import type { PlacedStart } from '../placed-actor.ts'
import type { SupervisorStart } from '../supervision.ts'
import type { ThreadTimes } from '../thread-life.ts'

export type ThreadStart = {
  readonly kind: 'thread'
  readonly url: URL
  /** Copied into the thread at each start, as `context.init`. */
  readonly init?: unknown
  readonly times?: Partial<ThreadTimes>
  readonly resourceLimits?: ResourceLimits
  /**
   * Keeps a second Worker that has loaded the module and waits: after a crash it takes over at once. Costs the memory of a
   * loaded thread. `init` is copied when the spare is made.
   */
  readonly spare?: boolean
}

export type PoolStart = {
  readonly kind: 'pool'
  readonly url: URL
  /** Copied into each thread of the pool when it starts. */
  readonly init?: unknown
  /** Threads kept although idle. Default 0. */
  readonly minThreads?: number
  /** The most threads that tasks of one lane may have. */
  readonly size: number
  /** Threads beyond `size`, for tasks of other lanes. Default 0. */
  readonly overflow?: number
  /** Tasks that may wait in a lane; one more is answered `busy`. */
  readonly maxQueue: number
  /** How long a thread above `minThreads` may idle. Default 30,000. */
  readonly idleMs?: number
  /** From the first task to the first thread that is ready. Default 10,000. */
  readonly startTimeoutMs?: number
  /** Limit of a task that names none, at its first try; twice that at the second. Default 60,000. */
  readonly taskTimeoutMs?: number
  readonly resourceLimits?: ResourceLimits
}

export type NodeStart = ThreadStart | PoolStart | ActorStart | PlacedStart | SupervisorStart<NodeStart>
export type NodeSpec = ChildSpecInput<NodeStart>

type Supervised = Pick<NodeSpec, 'restart' | 'shutdown' | 'significant'> & { readonly id: string }
type Kindless<Start> = Omit<Start, 'kind'>

export function thread({ id, restart, shutdown, significant, ...start }: Supervised & Kindless<ThreadStart>): NodeSpec {
  return { id, ...given({ restart, shutdown, significant }), start: { kind: 'thread', ...start } }
}

export function pool({ id, restart, shutdown, significant, ...start }: Supervised & Kindless<PoolStart>): NodeSpec {
  return { id, ...given({ restart, shutdown, significant }), start: { kind: 'pool', ...start } }
}

/**
 * An actor in main (`actor: anActor`), or, with `thread`, one of those that this thread can host (`actor: 'its name there'`).
 * In another thread it is started, stopped and restarted by message; when the thread dies it is lost and started again
 * there, which does not count against it.
 */
export function actor({ id, restart, shutdown, significant, ...start }: Supervised & (Kindless<ActorStart> | Kindless<PlacedStart>)): NodeSpec {
  return { id, ...given({ restart, shutdown, significant }), start: { kind: 'actor', ...start } }
}

export function supervisor(
  { id, restart, shutdown, significant, children, ...flags }: Supervised & SupervisorFlagsInput & { readonly children: readonly NodeSpec[] },
): NodeSpec & { readonly start: SupervisorStart<NodeStart> } {
  return { id, type: 'supervisor', ...given({ restart, shutdown, significant }), start: { kind: 'supervisor', flags, children } }
}

/** The module `path` beside `base` (an import.meta.url), with the ending that `base` has: `.ts` in a checkout, `.js` in a package. */
export function moduleUrl(path: string, base: string): URL {
  return new URL(path + extname(fileURLToPath(base)), base)
}

function given({ restart, shutdown, significant }: { [Key in keyof Omit<Supervised, 'id'>]: Supervised[Key] | undefined }): Omit<Supervised, 'id'> {
  return {
    ...(restart === undefined ? {} : { restart }),
    ...(shutdown === undefined ? {} : { shutdown }),
    ...(significant === undefined ? {} : { significant }),
  }
}
