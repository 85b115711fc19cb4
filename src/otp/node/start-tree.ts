/**
 * Starts a supervision tree in this process: the root supervisor, and behind it the starters of every kind of child. Main
 * calls it once. A tree that ends by itself has given up; whoever started it decides what that means (the daemon exits, and
 * its heart starts it again).
 */

import { Worker } from 'node:worker_threads'

import { must } from '../../base/assert.ts'
import { failure } from '../../base/failure.ts'
import { fail, ok } from '../../base/result.ts'
import type { Result } from '../../base/result.ts'
import { startActor } from '../actor-child.ts'
import { actorService, actorWireOf, createElsewhere } from '../actor-service.ts'
import type { ActorCalls, ActorCasts } from '../actor-service.ts'
import { createActorSystem } from '../actor-system.ts'
import type { ActorSystem } from '../actor-system.ts'
import { calleeUnavailable } from '../channel.ts'
import type { CallMap, Channel } from '../channel.ts'
import { SHUTDOWN } from '../exit-reason.ts'
import type { ExitReason } from '../exit-reason.ts'
import { startPlacedActor } from '../placed-actor.ts'
import type { ChildState, Log, RunningChild, StartContext, Starter } from '../starter.ts'
import { rootView, startSupervisor } from '../supervision.ts'
import type { Household, SupervisorStart } from '../supervision.ts'
import { createHosts } from './actor-hosts.ts'
import type { Hosts } from './actor-hosts.ts'
import type { ActorPorts } from './hosted-actors.ts'
import { NODE_PLATFORM } from './platform.ts'
import { createPoolLedger, startPool } from './pool-child.ts'
import type { PoolLedger, RunningPool } from './pool-child.ts'
import { mainProfiled } from './profiled.ts'
import type { Profiled } from './profiled.ts'
import { createSpares } from './spares.ts'
import type { Spares } from './spares.ts'
import { spawn, startThread } from './thread-child.ts'
import type { ThreadHooks } from './thread-child.ts'
import type { Pool, Tree, TreeOptions, TreePlatform } from './tree.ts'
import { actorWires, planOf } from './tree-plan.ts'
import type { NodeStart } from './tree-spec.ts'
import { createWiring, MAIN } from './wiring.ts'
import type { Wiring } from './wiring.ts'

const DEFAULT_STOP_MS = 30_000

const NODE_TREE: TreePlatform = { ...NODE_PLATFORM, openThread: (url, options) => new Worker(url, options), startPool }

type PoolSlot = { readonly ledger: PoolLedger; running: RunningPool | undefined }

export function startTree({ root, wires = [], services = {}, ports = {}, log = () => undefined, platform = NODE_TREE }: TreeOptions): Tree {
  const { clock } = platform
  const plan = planOf(root)
  const hosts = createHosts(plan.places)
  const spares = createSpares(clock, log)
  const actors = openActors({ hosts, ports, platform, log, channelTo: (thread) => wiring.findChannel(actorWireOf(thread)) })
  const wiring: Wiring = createWiring({
    wires: [...wires, ...actorWires(plan)], services: { ...services, [actorWireOf(MAIN)]: actorService(actors) }, threads: plan.threads, platform,
  })
  const pools = new Map([...plan.pools].map((id): [string, PoolSlot] => [id, { ledger: createPoolLedger(), running: undefined }]))
  const running = new Map<string, RunningChild>()
  const profiled = new Map<string, Profiled>([[MAIN, mainProfiled]])
  const hooks = hooksOf({ wiring, hosts, spares, platform })
  const household = createHousehold({ platform, hooks, hosts, spares, actors, pools, running, profiled })
  const started = Promise.withResolvers<Result<void, ExitReason>>()
  const ended = Promise.withResolvers<ExitReason>()
  const seen: { state: ChildState; startedAt: number | undefined; running: RunningChild | undefined } = { state: 'starting', startedAt: undefined, running: undefined }
  const id = must(root.id, 'an id of the root')
  const end = (reason: ExitReason): void => {
    seen.state = 'stopped'
    wiring.close()
    started.resolve(fail(reason))
    void spares.close().then(() => ended.resolve(reason))
  }
  const context: StartContext = {
    id, path: id, epoch: 1, args: undefined, clock, log,
    report(event) {
      if (event.type === 'exit' || event.type === 'start_failed') return end(event.reason)
      seen.state = 'running'
      seen.startedAt = clock.wallMs()
      started.resolve(ok(undefined))
    },
  }
  // All load at once; each begins when it is its turn.
  for (const [name, start] of plan.threads) spares.loadAhead(name, () => spawn(name, start, hooks))
  const top = startSupervisor(root.start as SupervisorStart<NodeStart>, context, household)
  seen.running = top
  running.set(id, top)
  return {
    clock,
    started: started.promise,
    ended: ended.promise,
    async stop(deadlineMs = DEFAULT_STOP_MS) {
      if (seen.state !== 'stopped') seen.state = 'stopping'
      top.stop(SHUTDOWN)
      const deadline = clock.after(deadlineMs, () => top.kill())
      const reason = await ended.promise
      deadline.cancel()
      return reason
    },
    view: () => rootView(id, seen.state, seen.running, seen.startedAt),
    channel: (name) => wiring.channel(name),
    actors,
    pool: <Calls extends CallMap>(poolId: string) => poolOf<Calls>(poolId, must(pools.get(poolId), `a pool ${poolId} in the tree`)),
    connect: (thread, service) => wiring.connect(thread, service),
    kill(idOrPath) {
      const child = running.get(idOrPath)
      child?.kill()
      return child !== undefined
    },
    inject(path, fault) {
      const child = running.get(path)
      child?.suffer?.(fault)
      return child?.suffer !== undefined
    },
    profiled,
    async request(path, request) {
      const supervisor = household.supervisors.get(path)
      if (supervisor === undefined) return fail(failure('not_found', `no supervisor runs at ${path}`, { hint: 'the tree view lists the paths' }))
      return ok(await supervisor.request(request))
    },
  }
}

type ActorMeans = { readonly hosts: Hosts; readonly ports: ActorPorts; readonly platform: TreePlatform; readonly log: Log; readonly channelTo: (thread: string) => Channel<ActorCalls, ActorCasts> | undefined }

/** The actors of main itself. */
function openActors({ hosts, ports, platform, log, channelTo }: ActorMeans): ActorSystem {
  const elsewhere = createElsewhere({ here: MAIN, places: hosts.places, channelTo })
  return createActorSystem({ clock: platform.clock, ...platform.turns, log, ports, elsewhere })
}

/** Callers learn of an end first, then the supervisors of the actors that were lost, last that of the thread. */
function hooksOf({ wiring, hosts, spares, platform }: { wiring: Wiring; hosts: Hosts; spares: Spares; platform: TreePlatform }): ThreadHooks {
  return {
    openThread: (url, options) => platform.openThread(url, options),
    defer: (run) => platform.turns.defer(run),
    places: hosts.places,
    takeSpare: (name) => spares.take(name),
    wantSpare: (name, make) => spares.want(name, make),
    spareState: (name) => spares.stateOf(name),
    wiresFrom: (name) => wiring.wiresFrom(name),
    spawned(handle) {
      wiring.spawned(handle)
      hosts.spawned(handle)
    },
    ready(handle) {
      wiring.ready(handle)
      hosts.ready(handle)
    },
    gone(handle, reason) {
      wiring.gone(handle, reason)
      hosts.gone(handle)
    },
    actorEvent: (handle, key, event) => hosts.event(handle, key, event),
    actorLoads: (handle, loads) => hosts.loads(handle, loads),
  }
}

type Means = {
  readonly platform: TreePlatform
  readonly hooks: ThreadHooks
  readonly hosts: Hosts
  readonly spares: Spares
  readonly actors: ActorSystem
  readonly pools: Map<string, PoolSlot>
  /** By path; threads and pools by id as well. */
  readonly running: Map<string, RunningChild>
  readonly profiled: Map<string, Profiled>
}

function createHousehold({ platform, hooks, hosts, spares, actors, pools, running, profiled }: Means): Household<NodeStart> {
  const startOne: Starter<NodeStart> = (start, context) => {
    switch (start.kind) {
      case 'thread': {
        const child = startThread(start, context, hooks)
        for (const key of [context.id, context.path]) running.set(key, child)
        profiled.set(context.id, child.profiled)
        return withoutSpare(child, () => spares.drop(context.id))
      }
      case 'actor':
        if (start.name !== undefined) hosts.place(start.name, 'thread' in start ? start.thread : MAIN)
        return 'thread' in start ? startPlacedActor(start, context, hosts) : startActor(start, context, actors)
      case 'supervisor':
        return startSupervisor(start, withNews(context, start, hosts), household)
      case 'pool': {
        const slot = must(pools.get(context.id), `a pool ${context.id} in the tree as it was written`)
        slot.running = platform.startPool(start, context, slot.ledger)
        running.set(context.id, slot.running)
        profiled.set(context.id, slot.running.profiled)
        return slot.running
      }
    }
  }
  const household: Household<NodeStart> = {
    supervisors: new Map(),
    starterOf: () => (start, context) => {
      const child = startOne(start, context)
      if (start.kind !== 'thread') running.set(context.path, child)
      return child
    },
  }
  return household
}

/** Who waits for a thread is told when its supervisor has ended, once those above have had their chance to start both anew. */
function withNews(context: StartContext, { children }: SupervisorStart<NodeStart>, hosts: Hosts): StartContext {
  return {
    ...context,
    report(event) {
      context.report(event)
      if (event.type !== 'exit' && event.type !== 'start_failed') return
      for (const { id, start } of children) if (start?.kind === 'thread' && id !== undefined) hosts.abandoned(id)
    },
  }
}

/** A thread that its supervisor ends needs no spare; one that crashes, or is killed through the tree, does. */
function withoutSpare(child: RunningChild, drop: () => void): RunningChild {
  return {
    stop(reason) {
      drop()
      child.stop(reason)
    },
    kill() {
      drop()
      child.kill()
    },
    info: () => child.info(),
  }
}

function poolOf<Calls extends CallMap>(id: string, slot: PoolSlot): Pool<Calls> {
  return {
    run: (method, args, options = {}) => slot.running?.run(method, args, options) ?? Promise.resolve(fail(calleeUnavailable(id, 'it has not started yet'))),
    stats: () => slot.running?.stats() ?? { nThreads: 0, nRunning: 0, nDone: 0, nDeaths: 0, lanes: {}, quarantined: [] },
    releaseIdle: () => slot.running?.releaseIdle(),
  }
}
