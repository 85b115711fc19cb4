/**
 * Child specs of the supervision tree: what stands in `placement.ts`, with what starts each node. Nothing here runs;
 * `src/otp/node/start-tree.ts` reads it.
 */

import type { ResourceLimits } from 'node:worker_threads'
import { must } from '../src/base/assert.ts'
import type { Config } from '../config/schema.ts'
import { actor, moduleUrl, pool, supervisor, thread, type NodeSpec, type PoolStart } from '../src/otp/node/tree-spec.ts'
import type { AnyActor } from '../src/otp/actor.ts'
import type { ActorStart } from '../src/otp/actor-child.ts'
import { PROFILE_PORT } from '../src/host/profiler.ts'
import { taskActor, taskName, type TaskArgs } from '../src/host/task.actor.ts'
import { CAPTURE_ACTORS } from '../src/capture/protocol.ts'
import { PARSER, parserActor } from '../src/project/parser.actor.ts'
import { EXECUTOR, QUERY_CACHE } from '../src/querying/protocol.ts'
import type { CaptureInit } from '../workers/capture.thread.ts'
import type { GatewayInit } from '../workers/gateway.thread.ts'
import type { MemoryInit } from '../workers/memory.thread.ts'
import type { QueryInit } from '../workers/query.pool.ts'
import type { RepositoryInit } from '../workers/repository-parts.ts'
import type { SyncInit } from '../workers/sync.thread.ts'
import { CAPTURE_SUPERVISOR, INTENSITIES, QUERYING, SYNCHRONIZATION, TASK, TREE, type Place, type SupervisorPlace, type WorkerPlace } from './placement.ts'

/** What a thread is handed at each start, by its name. */
export type TreeInits = {
  readonly repository: RepositoryInit
  readonly gateway: GatewayInit
  readonly memory: MemoryInit
  readonly sync: SyncInit
  readonly capture: CaptureInit
  readonly query: QueryInit
  /** The actors of Querying, which live in main with what they need. */
  readonly querying: { readonly executor: AnyActor; readonly cache: AnyActor }
}

/** A thread that needs little is kept from taking more; those that work hard may take what the daemon's other heaps may not. */
const RESOURCE_LIMITS: Readonly<Record<string, ResourceLimits>> = {
  memory: { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 64 },
  parser: { maxYoungGenerationSizeMb: 48 },
  verifier: { maxYoungGenerationSizeMb: 32, maxOldGenerationSizeMb: 512 },
}

export function supervisionTree(config: Config, inits: TreeInits): NodeSpec {
  return specOf(treeFor(config), { config, inits })
}

/** Without watching nobody needs the sync thread, and without capture neither its thread nor those who ask about events. */
export function treeFor({ sync, capture }: Config): SupervisorPlace {
  const left = [...(sync.watch ? [] : ['sync', SYNCHRONIZATION]), ...(capture.enabled ? [] : ['capture', CAPTURE_SUPERVISOR, QUERYING, CAPTURE_ACTORS.enhanced, CAPTURE_ACTORS.mapper])]
  return left.length === 0 ? TREE : without(TREE, new Set(left))
}

function without(place: SupervisorPlace, names: ReadonlySet<string>): SupervisorPlace {
  const children = place.children.filter(({ name }) => !names.has(name))
  return { ...place, children: children.map((child) => (child.kind === 'supervisor' ? without(child, names) : child)) }
}

type Means = { readonly config: Config; readonly inits: TreeInits }

function specOf(place: Place, means: Means): NodeSpec {
  switch (place.kind) {
    case 'supervisor':
      return supervisorSpec(place, means)
    case 'thread':
      return threadSpec(place, means)
    case 'pool':
      return poolSpec(place, means)
    case 'actor':
      return actorSpec(place, means)
  }
}

function supervisorSpec({ name, strategy, intensity, children }: SupervisorPlace, means: Means): NodeSpec {
  const { intensity: restarts, period } = INTENSITIES[intensity]
  return supervisor({
    id: name, strategy, period, intensity: restarts * means.config.supervision.intensityFactor,
    children: children.map((child) => specOf(child, means)),
  })
}

/** Actors that live in main itself. */
const IN_MAIN: Readonly<Record<string, (inits: TreeInits) => Pick<ActorStart, 'actor' | 'name' | 'nameOf'>>> = {
  [PARSER]: () => ({ name: PARSER, actor: parserActor }),
  [EXECUTOR]: ({ querying }) => ({ name: EXECUTOR, actor: querying.executor }),
  [QUERY_CACHE]: ({ querying }) => ({ name: QUERY_CACHE, actor: querying.cache }),
  [TASK]: () => ({ nameOf: (args) => taskName((args as TaskArgs).id), actor: taskActor(PROFILE_PORT) }),
}

function actorSpec({ name, thread: where, restart, shutdown }: WorkerPlace, { inits }: Means): NodeSpec {
  return actor({ id: name, restart, shutdown, ...(IN_MAIN[name]?.(inits) ?? { name, thread: where, actor: name }) })
}

function threadSpec({ name, restart, shutdown }: WorkerPlace, { config, inits }: Means): NodeSpec {
  const { startTimeoutMs, heartbeatMs, unresponsiveMs } = config.supervision
  return thread({
    id: name, restart, shutdown, url: moduleUrl(`../workers/${name}.thread`, import.meta.url),
    init: must(inits[name as keyof TreeInits], `what thread ${name} is handed`), times: { startTimeoutMs, heartbeatMs, silenceMs: unresponsiveMs },
    ...limitsOf(name),
  })
}

function poolSpec({ name, restart, shutdown }: WorkerPlace, means: Means): NodeSpec {
  return pool({
    id: name, restart, shutdown, url: moduleUrl(`../workers/${name}.pool`, import.meta.url), ...limitsOf(name),
    startTimeoutMs: means.config.supervision.startTimeoutMs, ...must(POOL_SIZES[name], `the size of pool ${name}`)(means),
  })
}

type PoolSize = Pick<PoolStart, 'size' | 'maxQueue'> & Partial<Pick<PoolStart, 'init' | 'overflow' | 'idleMs' | 'taskTimeoutMs'>>

const POOL_SIZES: Readonly<Record<string, (means: Means) => PoolSize>> = {
  parser: ({ config, inits }) => parserSize(config, inits),
  // The Executor asks for no more than there are threads; what a life of it that has ended began may still run.
  query: ({ config: { query }, inits }) => ({ init: inits.query, size: query.threads, maxQueue: query.threads, idleMs: query.idleMs, taskTimeoutMs: query.timeoutMs + QUERY_GRACE_MS }),
  /** One thread, which ends when it has nothing to do. */
  verifier: () => ({ size: 1, maxQueue: 1, idleMs: 100 }),
}

/** A question ends by itself when its time is over; a thread that does not notice is ended so long after. */
const QUERY_GRACE_MS = 2000

function parserSize(config: Config, { repository: { parserThreads: size } }: TreeInits) {
  const { queue, idleMs, taskTimeoutMs, overflow } = config.parser
  return { size, overflow: overflow ?? Math.max(1, Math.round(size / 2)), maxQueue: queue, idleMs, taskTimeoutMs }
}

function limitsOf(name: string): { readonly resourceLimits?: ResourceLimits } {
  const resourceLimits = RESOURCE_LIMITS[name]
  return resourceLimits === undefined ? {} : { resourceLimits }
}
