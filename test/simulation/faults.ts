/**
 * What can befall a simulated world, each with how often it does in proportion. A fault answers whether it has happened:
 * only then it counts. Those that last (a hung thread, a full disk) end by themselves.
 */

import type { Client } from './client.ts'
import { POINTS } from './disk.ts'
import { WATCH_LOSSES } from './files.ts'
import type { Tree } from '../../src/otp/node/tree.ts'
import { Sabotage } from './daemon.ts'
import type { Daemon, DaemonWorld } from './daemon.ts'

export type FaultWorld = DaemonWorld & {
  readonly clients: readonly Client[]
  /** Undefined while none runs. */
  daemon(): Daemon | undefined
  abort(): void
  /** A tree whose children somebody is stopping and starting by hand. */
  operatedOn: Tree | undefined
  /** Paths of actors in the tree, their names, ids of threads; supervisors with their children. */
  readonly actorPaths: readonly string[]
  readonly actorNames: readonly string[]
  readonly threadIds: readonly string[]
  readonly children: readonly (readonly [supervisorPath: string, child: string])[]
}

export type Fault = { readonly name: string; readonly weight: number; inject(world: FaultWorld): boolean }

/** As in OTP, a child whose restart fails stays stopped, and so do those that waited for it: whoever stopped it sees to them. */
export const BY_REQUEST = 'child stopped and started by request'

export const STORE_TRAP = 'store trap'

const OUT_OF_MEMORY = Object.assign(new Sabotage('out of memory'), { code: 'ERR_WORKER_OUT_OF_MEMORY' })

export const FAULTS: readonly Fault[] = [
  { name: 'messages delayed', weight: 100, inject: ({ scheduler }) => scheduler.delaySome(1 + 10 ** (scheduler.random.unit() * scheduler.random.unit() * 3.6)) },
  { name: 'connection dropped', weight: 8, inject: ({ clients, scheduler: { random } }) => {
    random.pick(clients).drop()
    return true
  } },
  { name: STORE_TRAP, weight: 40, inject: (world) => {
    if (world.disk.trap !== undefined) return false
    const { random } = world.scheduler
    const at = random.pick(POINTS)
    // What has been committed cannot fail any more.
    world.disk.trap = { at, what: random.pick(at === 'answer' ? ['die', 'stall'] : ['fail', 'fail', 'die', 'die', 'stall']) }
    // Counted when somebody runs into it.
    return false
  } },
  { name: 'disk full', weight: 2, inject: ({ disk, scheduler }) => {
    if (disk.isFull) return false
    disk.isFull = true
    scheduler.clock.after(scheduler.random.below(5000), () => void (disk.isFull = false))
    return true
  } },
  { name: 'changes of files not reported', weight: 2, inject: ({ files, scheduler: { random } }) => files.lose(random.pick(WATCH_LOSSES)) },
  { name: 'pool trap', weight: 4, inject: (world) => {
    if (world.poolTrap !== undefined) return false
    world.poolTrap = world.scheduler.random.pick(['a thread dies', 'a task is slow', 'the pool ends'])
    return true
  } },
  { name: 'memory pressure', weight: 3, inject: (world) => {
    world.usedRatio = world.scheduler.random.unit()
    return true
  } },
  { name: 'burst of calls', weight: 0.8, inject: (world) => {
    const { clients, scheduler: { random } } = world
    random.pick(clients).burst(100 + random.below(200))
    // Queues fill when nobody takes from them.
    if (random.chance(0.5)) hangMain(world, 100 + random.below(1000))
    return true
  } },
  { name: 'actor killed', weight: 6, inject: (world) => world.daemon()?.tree.kill(world.scheduler.random.pick(world.actorPaths)) ?? false },
  { name: 'actor throws', weight: 6, inject: ({ sabotaged, actorNames, scheduler: { random } }) => {
    const name = random.pick(actorNames)
    if (sabotaged.has(name)) return false
    sabotaged.add(name)
    return true
  } },
  { name: BY_REQUEST, weight: 3, inject: stopAndStart },
  { name: 'thread dies', weight: 3, inject: (world) => {
    const thread = someThread(world)
    thread?.die(world.scheduler.random.pick([{ code: 1 }, { code: 0 }, { error: new Sabotage('made to die') }, { error: OUT_OF_MEMORY }]))
    return thread !== undefined
  } },
  { name: 'thread killed through the tree', weight: 2, inject: (world) => world.daemon()?.tree.kill(world.scheduler.random.pick(world.threadIds)) ?? false },
  { name: 'thread hangs', weight: 2, inject: (world) => {
    const thread = someThread(world)
    if (thread === undefined || thread.process.isHung) return false
    const { scheduler } = world
    if (scheduler.random.chance(0.3)) thread.burialMs = scheduler.random.below(20_000)
    scheduler.hang(thread.process)
    scheduler.clock.after(10 ** (2 + scheduler.random.unit() * 2.6), () => scheduler.resume(thread.process))
    return true
  } },
  { name: 'main hangs', weight: 0.5, inject: (world) => hangMain(world, 10 ** (1 + world.scheduler.random.unit() * 3)) },
  { name: 'start of a thread fails', weight: 1, inject: (world) => {
    if (world.startTrap !== undefined) return false
    world.startTrap = world.scheduler.random.pick(['fails', 'fails', 'hangs'])
    return true
  } },
  { name: 'wire cut', weight: 1, inject: cutWire },
  { name: 'daemon aborted', weight: 0.4, inject: (world) => {
    if (world.daemon() === undefined) return false
    world.abort()
    return true
  } },
]

function hangMain({ daemon, scheduler }: FaultWorld, ms: number): boolean {
  const main = daemon()?.process
  if (main === undefined || main.isHung) return false
  scheduler.hang(main)
  scheduler.clock.after(ms, () => scheduler.resume(main))
  return true
}

function someThread({ daemon, scheduler: { random } }: FaultWorld) {
  const living = daemon()?.threads.living() ?? []
  return living.length === 0 ? undefined : random.pick(living)
}

/** A port between two living threads closes only because one of them is about to end. */
function cutWire(world: FaultWorld): boolean {
  const thread = someThread(world)
  if (thread === undefined) return false
  const { ports, scheduler } = world
  const open = ports.openOf(thread.process).filter(({ peer }) => !peer.owner?.name.startsWith('client'))
  if (open.length === 0) return false
  ports.close(scheduler.random.pick(open))
  scheduler.clock.after(scheduler.random.below(5000), () => thread.die({ code: 1 }))
  return true
}

/** One after the other: requests wait in supervisors that are busy, and hundreds of them would keep these busy for ever. */
function stopAndStart(world: FaultWorld): boolean {
  const { scheduler, children } = world
  const tree = world.daemon()?.tree
  if (tree === undefined || world.operatedOn === tree) return false
  world.operatedOn = tree
  const [path, id] = scheduler.random.pick(children)
  const start = async (): Promise<void> => {
    await tree.request(path, { type: 'restart_child', id })
    world.operatedOn = undefined
  }
  void tree.request(path, { type: 'terminate_child', id })
  scheduler.clock.after(scheduler.random.below(3000), () => void start())
  return true
}
