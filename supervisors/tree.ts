/**
 * Child specs of the supervision tree: what stands in `placement.ts`, with what starts each node. Nothing here runs;
 * `src/otp/node/start-tree.ts` reads it.
 */

import { must } from '../src/base/assert.ts'
import type { Config } from '../config/schema.ts'
import { actor, moduleUrl, pool, supervisor, thread, type NodeSpec } from '../src/otp/node/tree-spec.ts'
import type { AnyActor } from '../src/otp/actor.ts'
import { PARSER, parserActor } from '../src/project/parser.actor.ts'
import type { GatewayInit } from '../workers/gateway.thread.ts'
import type { RepositoryInit } from '../workers/repository.thread.ts'
import { INTENSITIES, TREE, type Place, type SupervisorPlace, type WorkerPlace } from './placement.ts'

/** What a thread is handed at each start, by its name. */
export type TreeInits = { readonly repository: RepositoryInit; readonly gateway: GatewayInit }

export function supervisionTree(config: Config, inits: TreeInits): NodeSpec {
  return specOf(TREE, { config, inits })
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
      return actorSpec(place)
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
const IN_MAIN: Readonly<Record<string, AnyActor>> = { [PARSER]: parserActor }

function actorSpec({ name, thread: where, restart, shutdown }: WorkerPlace): NodeSpec {
  const made = IN_MAIN[name]
  return actor({ id: name, name, restart, shutdown, ...(made === undefined ? { thread: where, actor: name } : { actor: made }) })
}

function threadSpec({ name, restart, shutdown }: WorkerPlace, { config, inits }: Means): NodeSpec {
  const { startTimeoutMs, heartbeatMs, unresponsiveMs } = config.supervision
  return thread({
    id: name, restart, shutdown, url: moduleUrl(`../workers/${name}.thread`, import.meta.url),
    init: must(inits[name as keyof TreeInits], `what thread ${name} is handed`), times: { startTimeoutMs, heartbeatMs, silenceMs: unresponsiveMs },
  })
}

function poolSpec({ name, restart, shutdown }: WorkerPlace, { config, inits }: Means): NodeSpec {
  const { queue, idleMs, taskTimeoutMs, overflow } = config.parser
  const { parserThreads: size } = inits.repository
  return pool({
    id: name, restart, shutdown, url: moduleUrl(`../workers/${name}.pool`, import.meta.url),
    size, overflow: overflow ?? Math.max(1, Math.round(size / 2)), maxQueue: queue, idleMs, taskTimeoutMs, startTimeoutMs: config.supervision.startTimeoutMs,
  })
}
