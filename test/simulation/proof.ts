/**
 * What must hold of a simulated world when its faults stop: the tree becomes whole, every call is answered and well, monitors
 * hear of ends, imports get through, nothing acknowledged is lost, nothing is left over, and the daemon ends when asked to.
 */

import { CORE } from '../../src/engine/core.actor.ts'
import { MEMORY_ACTORS } from '../../src/memory/protocol.ts'
import type { TreeNode } from '../../src/otp/starter.ts'
import { PARSER } from '../../src/project/parser.actor.ts'
import type { Client } from './client.ts'
import { pass, until } from './drive.ts'
import type { World } from './drive.ts'
import { BY_REQUEST } from './faults.ts'
import { behind } from './files.ts'

const REST_MS = 300_000

export async function rest(world: World): Promise<void> {
  world.sabotaged.clear()
  Object.assign(world, { startTrap: undefined, poolTrap: undefined, usedRatio: 0.3 })
  Object.assign(world.disk, { trap: undefined, isFull: false })
  for (const client of world.clients) client.rest()
  world.isResting = true
  const whatIsMissing = (): string[] => [
    ...(world.up ? missingIn(world.daemon()?.tree.view()) : ['the daemon']),
    ...world.clients.filter((client) => client.nOpen() > 0).map((_client, n) => `answers to client ${n}`),
  ]
  seeToStopped(world)
  await until(world, REST_MS, 'all is well again', () => whatIsMissing().length === 0, () => whatIsMissing().join(', '))
  // Restarts of the past count no more, circuits let through again.
  await pass(world, 60_000)
}

/** Whoever has stopped children by hand starts those that are still stopped; in other worlds nobody does. */
function seeToStopped(world: World): void {
  if (!world.counts.has(BY_REQUEST)) return
  const tree = world.daemon()?.tree
  const missing = missingIn(tree?.view()).map((text) => text.split(' ')[0])
  const again = async (): Promise<void> => {
    for (const [path, id] of world.children) if (missing.includes(id)) await tree?.request(path, { type: 'restart_child', id })
    world.scheduler.clock.after(5000, () => seeToStopped(world))
  }
  void again()
}

/** Children that should run and do not. */
function missingIn(node: TreeNode | undefined): string[] {
  if (node === undefined) return []
  const own = node.restart === 'permanent' && node.state !== 'running' ? [`${node.id} (${node.state}, ${node.lastExit ?? 'no exit'})`] : []
  return [...own, ...(node.children ?? []).flatMap(missingIn)]
}

export async function prove(world: World): Promise<void> {
  const { clients } = world
  for (const client of clients) client.answers()
  await serve(world)
  await hearOfEnds(world)
  await serve(world)
  const [first] = clients
  for (let n = 0; n < 4 && world.disk.importState !== 'complete'; n++) {
    first?.ask('import', 120_000)
    await until(world, 200_000, 'the import is answered', () => first?.nOpen() === 0)
    await pass(world, 40_000)
  }
  if (world.disk.importState !== 'complete') world.breach(`the project could not be imported: ${first?.answers().bad.join(', ')}`)
  await follow(world)
  for (const client of clients) checkAcknowledged(world, client)
  const late = behind(world.disk, world.files)
  if (late.length > 0) world.breach(`the store does not have the files as they are: ${late.join(', ')}`)
}

const SAVES = 12

/** Files are saved, one by one and many at once, during imports too, and every wait for them is answered, and well. */
async function follow(world: World): Promise<void> {
  const { clients, files, scheduler: { random } } = world
  for (let n = 0; n < SAVES; n++) {
    const client = random.pick(clients)
    if (random.chance(0.2)) client.ask('import', 120_000)
    for (let saves = random.chance(0.1) ? 6 : 1; saves > 0; saves--) files.change()
    await pass(world, random.below(60))
    client.settle()
  }
  await until(world, 200_000, 'every wait for files is answered', () => clients.every((client) => client.nOpen() === 0))
  for (const client of clients) {
    const { bad } = client.answers()
    if (bad.length > 0) world.breach(`a wait for files failed although nothing was wrong: ${bad.join(', ')}`)
    client.settle()
  }
  await until(world, 100_000, 'the last wait for files is answered', () => clients.every((client) => client.nOpen() === 0))
}

/** Without faults every call is answered, and well. */
async function serve(world: World): Promise<void> {
  const { clients } = world
  for (const client of clients) {
    for (let n = 0; n < 6; n++) {
      client.write()
      client.read()
    }
    client.settle()
    for (const method of ['health', 'pressure', 'clean']) client.ask(method, 70_000)
  }
  await until(world, 100_000, 'every client is answered', () => clients.every((client) => client.nOpen() === 0))
  for (const client of clients) {
    const { bad } = client.answers()
    if (bad.length > 0) world.breach(`a call failed although nothing was wrong: ${bad.join(', ')}`)
  }
}

/** Whoever monitors an actor hears of its end, once. */
async function hearOfEnds(world: World): Promise<void> {
  const tree = world.daemon()?.tree
  if (tree === undefined) return
  const heard = new Map<string, number>()
  for (const name of [CORE, PARSER, MEMORY_ACTORS.monitor]) {
    const path = world.actorPaths.find((each) => each.endsWith(`/${name}`)) ?? ''
    tree.actors.monitor(name, () => heard.set(name, (heard.get(name) ?? 0) + 1))
    await pass(world, 1000)
    if (!tree.kill(path)) world.breach(`${name} does not run`)
    await pass(world, 5000)
    if (heard.get(name) !== 1) world.breach(`the end of ${name} was heard of ${heard.get(name) ?? 0} times`)
  }
  await until(world, 60_000, 'the tree is whole', () => missingIn(tree.view()).length === 0, () => missingIn(tree.view()).join(', '))
}

function checkAcknowledged({ disk, breach }: World, client: Client): void {
  for (const [token, epoch] of client.acknowledged()) {
    if (disk.log[epoch - 1]?.changes[0]?.token !== token) return breach(`the write ${token} was acknowledged with epoch ${epoch} and is lost`)
  }
}

export type AtRest = { readonly timers: number; readonly ports: number }

export function countsAtRest(world: World): AtRest {
  const daemon = world.daemon()
  const processes = daemon === undefined ? [] : [daemon.process, ...daemon.threads.living().map(({ process }) => process)]
  const sum = (of: (process: (typeof processes)[number]) => number): number => processes.reduce((total, process) => total + of(process), 0)
  return { timers: sum(({ timers }) => timers.size), ports: sum((process) => world.ports.openOf(process).length) }
}

/** After all of it the daemon holds no more than when it was new, but for what its clients hold and what is under way. */
export async function noLeaks(world: World, baseline: AtRest): Promise<void> {
  for (const client of world.clients) client.close()
  const leaks = (): string[] => {
    const { timers, ports } = countsAtRest(world)
    return [
      ...(timers > baseline.timers + 8 ? [`${timers} timers where there were ${baseline.timers}`] : []),
      ...(ports > baseline.ports ? [`${ports} ports where there were ${baseline.ports}`] : []),
      ...(world.daemon()?.channels() ?? []).filter(({ channel }) => channel.stats().nInFlight > 0).map(({ channel }) => `a call of ${channel.name}`),
    ]
  }
  await until(world, 120_000, 'nothing is left over', () => leaks().length === 0, () => leaks().join(', '))
}

export async function end(world: World): Promise<void> {
  const main = world.daemon()?.process
  const atEnd: string[] = []
  main?.atEnd.add(() => {
    if (main.timers.size > 0) atEnd.push(`${main.timers.size} timers`)
    const open = world.ports.openOf(main).length
    if (open > 0) atEnd.push(`${open} ports`)
  })
  world.feedHeart({ type: 'asked_to_stop', signal: 'SIGTERM' })
  await until(world, 60_000, 'the daemon has stopped', () => world.heartEnded)
  if (atEnd.length > 0) world.breach(`main ended with ${atEnd.join(', ')}`)
}
