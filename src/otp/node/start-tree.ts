/**
 * Starts a supervision tree in this process: the root supervisor, and behind it the starters of every kind of child. Main
 * calls it once. A tree that ends by itself has given up; whoever started it decides what that means (the daemon exits, and
 * its heart starts it again).
 */

import { assert, must } from '../../base/assert.ts'
import type { Clock } from '../../base/clock.ts'
import { failure } from '../../base/failure.ts'
import { fail, ok } from '../../base/result.ts'
import type { Result } from '../../base/result.ts'
import { startActor } from '../actor-child.ts'
import { createActorSystem } from '../actor-system.ts'
import { calleeUnavailable } from '../channel.ts'
import type { CallMap } from '../channel.ts'
import { SHUTDOWN } from '../exit-reason.ts'
import type { ExitReason } from '../exit-reason.ts'
import type { ChildState, Log, RunningChild, StartContext, Starter } from '../starter.ts'
import { rootView, startSupervisor } from '../supervision.ts'
import type { Household, SupervisorStart } from '../supervision.ts'
import { systemClock } from './message-port.ts'
import { createPoolLedger, startPool } from './pool-child.ts'
import type { PoolLedger, RunningPool } from './pool-child.ts'
import { startThread } from './thread-child.ts'
import type { Pool, Tree, TreeOptions } from './tree.ts'
import type { NodeSpec, NodeStart } from './tree-spec.ts'
import { createWiring } from './wiring.ts'
import type { Wiring } from './wiring.ts'

const DEFAULT_STOP_MS = 30_000

type PoolSlot = { readonly ledger: PoolLedger; running: RunningPool | undefined }

export function startTree({ root, wires = [], services = {}, log = () => undefined, clock = systemClock }: TreeOptions): Tree {
  const ids = collectIds(root)
  const wiring = createWiring({ wires, services, threads: ids.threads, clock })
  const pools = new Map([...ids.pools].map((id): [string, PoolSlot] => [id, { ledger: createPoolLedger(), running: undefined }]))
  const running = new Map<string, RunningChild>()
  const household = createHousehold({ wiring, pools, running, clock, log })
  const started = Promise.withResolvers<Result<void, ExitReason>>()
  const ended = Promise.withResolvers<ExitReason>()
  const seen: { state: ChildState; startedAt: number | undefined; running: RunningChild | undefined } = { state: 'starting', startedAt: undefined, running: undefined }
  const id = must(root.id, 'an id of the root')
  const end = (reason: ExitReason): void => {
    seen.state = 'stopped'
    wiring.close()
    started.resolve(fail(reason))
    ended.resolve(reason)
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
  const top = startSupervisor(root.start as SupervisorStart<NodeStart>, context, household)
  seen.running = top
  return {
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
    pool: <Calls extends CallMap>(poolId: string) => poolOf<Calls>(poolId, must(pools.get(poolId), `a pool ${poolId} in the tree`)),
    connect: (thread, service) => wiring.connect(thread, service),
    kill(childId) {
      const child = running.get(childId)
      child?.kill()
      return child !== undefined
    },
    async request(path, request) {
      const supervisor = household.supervisors.get(path)
      if (supervisor === undefined) return fail(failure('not_found', `no supervisor runs at ${path}`, { hint: 'the tree view lists the paths' }))
      return ok(await supervisor.request(request))
    },
  }
}

type Means = { readonly wiring: Wiring; readonly running: Map<string, RunningChild>; readonly pools: Map<string, PoolSlot>; readonly clock: Clock; readonly log: Log }

function createHousehold({ wiring, pools, running, clock, log }: Means): Household<NodeStart> {
  const actors = createActorSystem({ clock, log, ports: {}, defer: (run) => void setImmediate(run) })
  const remember = (id: string, child: RunningChild): RunningChild => {
    running.set(id, child)
    return child
  }
  const household: Household<NodeStart> = {
    supervisors: new Map(),
    starterOf: ({ kind }): Starter<NodeStart> => (start, context) => {
      switch (start.kind) {
        case 'thread':
          return remember(context.id, startThread(start, context, wiring))
        case 'actor':
          return startActor(start, context, actors)
        case 'supervisor':
          return startSupervisor(start, context, household)
        case 'pool': {
          const slot = must(pools.get(context.id), `a pool ${context.id}, and ${kind} to be one`)
          slot.running = startPool(start, context, slot.ledger)
          return remember(context.id, slot.running)
        }
      }
    },
  }
  return household
}

function poolOf<Calls extends CallMap>(id: string, slot: PoolSlot): Pool<Calls> {
  return {
    run: (method, args, options = {}) => slot.running?.run(method, args, options) ?? Promise.resolve(fail(calleeUnavailable(id, 'it has not started yet'))),
    stats: () => slot.running?.stats() ?? { nThreads: 0, nRunning: 0, nWaiting: 0, nDone: 0, nRefused: 0, nDeaths: 0, quarantined: [] },
  }
}

/** Threads and pools are found by id, so an id may occur once only. */
function collectIds(root: NodeSpec): { readonly threads: ReadonlySet<string>; readonly pools: ReadonlySet<string> } {
  const threads = new Set<string>()
  const pools = new Set<string>()
  const visit = ({ id, start }: NodeSpec): void => {
    if (start?.kind === 'supervisor') start.children.forEach(visit)
    if (start?.kind !== 'thread' && start?.kind !== 'pool') return
    const name = must(id, 'an id')
    assert(!threads.has(name) && !pools.has(name), `two children of the tree are named ${name}`)
    const kind = start.kind === 'thread' ? threads : pools
    kind.add(name)
  }
  assert(root.start?.kind === 'supervisor', 'the root of a tree is a supervisor')
  visit(root)
  return { threads, pools }
}
