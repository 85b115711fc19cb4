/**
 * A whole simulated world: heart, a daemon, four clients, faults. It starts up, goes through chaos for so many steps, comes to
 * rest, proves that everything works again, and ends. What must always hold is looked at on the way; the first breach ends
 * the world and is told with its step and what came before it. A seed and the number of steps say everything about a world.
 */

import { DEFAULTS } from '../../config/defaults.ts'
import { heartStep, NEW_HEART } from '../../src/host/heart.ts'
import type { HeartEffect, HeartEvent } from '../../src/host/heart.ts'
import type { HeartTerms } from '../../src/host/starter-report.ts'
import type { Timer } from '../../src/base/clock.ts'
import type { NodeSpec } from '../../src/otp/node/tree-spec.ts'
import type { TreeNode } from '../../src/otp/starter.ts'
import { MEMORY_ACTORS } from '../../src/memory/protocol.ts'
import { CORE } from '../../src/engine/core.actor.ts'
import { PARSER } from '../../src/project/parser.actor.ts'
import { createClient } from './client.ts'
import type { Client } from './client.ts'
import { describe, startDaemon, WIRES } from './daemon.ts'
import type { Daemon, DaemonFlaw } from './daemon.ts'
import { createDisk } from './disk.ts'
import type { DiskFlaw } from './disk.ts'
import { BY_REQUEST, FAULTS, STORE_TRAP } from './faults.ts'
import type { Fault, FaultWorld } from './faults.ts'
import { createRandom } from './random.ts'
import type { Random } from './random.ts'
import { createScheduler } from './scheduler.ts'
import type { ClockFlaw, Happening, Scheduler } from './scheduler.ts'
import { createPorts } from './threads.ts'

export type Flaw = DiskFlaw | DaemonFlaw | ClockFlaw

export type WorldOptions = {
  readonly seed: number
  /** Steps of chaos; coming to rest takes some more. */
  readonly nSteps: number
  readonly flaw?: Flaw
}

export type Outcome = {
  readonly seed: number
  readonly nSteps: number
  readonly faults: Readonly<Record<string, number>>
  readonly nCommits: number
  readonly nDaemons: number
  readonly breach: string | undefined
}

const N_CLIENTS = 4
const CHECK_EVERY = 64
const GRACE_MS = 30_000
const REST_MS = 300_000
const TERMS: HeartTerms = { intensity: 100_000, periodS: 60, backOffMs: 100, maxBackOffMs: 2000, silenceMs: 0, logFormat: 'json' }

type World = FaultWorld & {
  readonly options: WorldOptions
  readonly clients: Client[]
  readonly counts: Map<string, number>
  readonly broken: string[]
  up: boolean
  heartEnded: boolean
  nDaemons: number
  feedHeart(event: HeartEvent): void
  /** Commits looked at, and the requests they carried out, each with the life of Core. */
  readonly carriedOut: Set<string>
  nLooked: number
}

class Breach extends Error {}

export async function runWorld(options: WorldOptions): Promise<Outcome> {
  const world = createWorld(options)
  const { scheduler, clients } = world
  try {
    world.feedHeart({ type: 'begin' })
    await until(world, 60_000, 'the daemon is up', () => world.up)
    const baseline = countsAtRest(world)
    for (let n = 0; n < N_CLIENTS; n++) clients.push(openClient(world, n))
    await chaos(world)
    await rest(world)
    await prove(world)
    await noLeaks(world, baseline)
    await end(world)
  } catch (thrown) {
    if (!(thrown instanceof Breach)) throw thrown
  }
  const [breach] = world.broken
  return {
    seed: options.seed, nSteps: scheduler.nSteps(), faults: Object.fromEntries(world.counts), nCommits: world.disk.log.length, nDaemons: world.nDaemons,
    breach: breach === undefined ? undefined : `${breach}\n  at step ${scheduler.nSteps()}, ${Math.round(scheduler.clock.nowMs())} ms, after\n${scheduler.last().map(line).join('\n')}`,
  }
}

// Making a world

function createWorld(options: WorldOptions): World {
  const random = createRandom(options.seed)
  const { flaw } = options
  const broken: string[] = []
  const breach = (what: string): void => void broken.push(what)
  const scheduler: Scheduler = createScheduler({
    random, flaw: flaw as ClockFlaw | undefined,
    onThrow: (process, thrown) => breach(`${process.name} threw: ${describe(thrown)}`),
  })
  const ports = createPorts(scheduler)
  let daemon: Daemon | undefined
  const disk = createDisk({
    scheduler, flaw: flaw as DiskFlaw | undefined,
    onTrap(trap, process) {
      count(world, STORE_TRAP)
      if (trap.what === 'die') daemon?.threads.living().find((thread) => thread.process === process)?.die({ code: 1 })
    },
  })
  // Real intensities in every other world: there a tree gives up, and heart takes over.
  const intensityFactor = random.chance(0.5) ? 1 : 100
  const world: World = {
    options, scheduler, ports, disk, breach, broken,
    flaw: flaw as DaemonFlaw | undefined,
    config: { ...DEFAULTS, supervision: { ...DEFAULTS.supervision, intensityFactor } },
    sabotaged: new Set(), startTrap: undefined, poolTrap: undefined, usedRatio: 0.3, socket: undefined, nLives: 0, open: new Set(),
    clients: [], counts: new Map(), up: false, heartEnded: false, nDaemons: 0, carriedOut: new Set(), nLooked: 0,
    actorPaths: [], actorNames: [], threadIds: [], children: [],
    daemon: () => daemon,
    abort: () => ended(null, 'SIGKILL'),
    feedHeart: (event) => feed(event),
  }
  const ended = (code: number | null, signal: NodeJS.Signals | null): void => {
    if (daemon === undefined) return
    const gone = daemon
    daemon = undefined
    world.up = false
    scheduler.end(gone.process)
    feed({ type: 'daemon_ended', end: { code, signal } })
  }
  const spawn = (): void => {
    world.nDaemons += 1
    const started = startDaemon(world, `main ${world.nDaemons}`)
    daemon = started
    Object.assign(world, placesIn(started.root))
    void hearStart(started)
    void hearEnd(started)
  }
  const hearStart = async (started: Daemon): Promise<void> => {
    const { ok } = await started.tree.started
    if (daemon !== started || !ok) return
    world.up = true
    feed({ type: 'said', message: { type: 'ready', state: {} as never, terms: TERMS } })
    // What the daemon does by itself when it is up.
    void started.tree.channel('imports').call('import', {}, { timeoutMs: 'infinity' })
  }
  const hearEnd = async (started: Daemon): Promise<void> => {
    await started.tree.ended
    if (daemon === started) ended(isStopping ? 0 : 70, null)
  }
  let heart = NEW_HEART
  let timer: Timer | undefined
  let isStopping = false
  const run = (effect: HeartEffect): void => {
    if (effect.type === 'spawn') spawn()
    if (effect.type === 'timer') {
      timer?.cancel()
      timer = effect.ms === null ? undefined : scheduler.clock.after(effect.ms, () => feed({ type: 'time_is_up' }))
    }
    if (effect.type === 'kill' && effect.signal === 'SIGKILL') ended(null, 'SIGKILL')
    if (effect.type === 'kill' && effect.signal === 'SIGTERM') {
      isStopping = true
      void daemon?.tree.stop(world.config.supervision.stopTimeoutMs)
    }
    if (effect.type === 'exit') world.heartEnded = true
  }
  const feed = (event: HeartEvent): void => {
    scheduler.note('heart', event)
    const [next, effects] = heartStep(heart, event, scheduler.clock.nowMs())
    heart = next
    effects.forEach(run)
  }
  return world
}

function placesIn(root: NodeSpec): Pick<FaultWorld, 'actorPaths' | 'actorNames' | 'threadIds' | 'children'> {
  const all = nodesOf(root, '')
  return {
    actorPaths: all.filter(({ spec }) => spec.start?.kind === 'actor').map(({ path }) => path),
    actorNames: all.filter(({ spec }) => spec.start?.kind === 'actor').map(({ spec }) => spec.id ?? ''),
    threadIds: all.filter(({ spec }) => spec.start?.kind === 'thread' || spec.start?.kind === 'pool').map(({ spec }) => spec.id ?? ''),
    children: all.filter(({ path }) => path.includes('/')).map(({ path, spec }) => [path.slice(0, path.lastIndexOf('/')), spec.id ?? ''] as const),
  }
}

function nodesOf(spec: NodeSpec, above: string): readonly { readonly path: string; readonly spec: NodeSpec }[] {
  const path = `${above}${spec.id ?? ''}`
  const children = spec.start?.kind === 'supervisor' ? spec.start.children : []
  return [{ path, spec }, ...children.flatMap((child) => nodesOf(child, `${path}/`))]
}

function openClient(world: World, n: number): Client {
  const { scheduler, ports, disk } = world
  const process = scheduler.open(`client ${n}`)
  const clock = scheduler.clockOf(process)
  return createClient({
    name: `c${n}`, clock, random: scheduler.random, disk, breach: world.breach,
    connect() {
      if (world.socket === undefined) return undefined
      const [mine, theirs] = ports.openPair(process)
      world.socket.accept(theirs)
      return ports.portOf(mine)
    },
  })
}

// Going on

/** One step at a time; promises settle in between. */
function drive(world: World, isDone: () => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const turn = (): void => {
      try {
        if (isDone()) return resolve()
        if (!world.scheduler.step()) world.breach('nothing will ever happen again')
        if (world.scheduler.nSteps() % CHECK_EVERY === 0) look(world)
        if (world.broken.length > 0) return reject(new Breach(world.broken[0]))
        setImmediate(turn)
      } catch (thrown) {
        reject(thrown)
      }
    }
    turn()
  })
}

/** Until it is so, but no longer than `ms`. */
async function until(world: World, ms: number, what: string, isSo: () => boolean, why: () => string = () => ''): Promise<void> {
  const dueMs = world.scheduler.clock.nowMs() + ms
  await drive(world, () => {
    if (isSo()) return true
    if (world.scheduler.clock.nowMs() > dueMs) world.breach(`not within ${ms} ms: ${what} ${why()}`)
    return world.broken.length > 0
  })
  if (world.broken.length > 0) throw new Breach(world.broken[0])
}

async function pass(world: World, ms: number): Promise<void> {
  const untilMs = world.scheduler.clock.nowMs() + ms
  await drive(world, () => world.scheduler.clock.nowMs() >= untilMs)
}

async function chaos(world: World): Promise<void> {
  const { scheduler: { random, nSteps, note }, options } = world
  const kinds = someOf(FAULTS, random)
  const rate = random.pick([0.1, 0.2, 0.4, 0.5])
  const last = nSteps() + options.nSteps
  await drive(world, () => {
    if (random.chance(rate)) {
      const fault = weighted(kinds, random)
      if (fault.inject(world)) {
        count(world, fault.name)
        if (fault.name !== 'messages delayed') note('fault', fault.name)
      }
    }
    return nSteps() >= last
  })
}

function count({ counts }: World, fault: string): void {
  counts.set(fault, (counts.get(fault) ?? 0) + 1)
}

/** Each world has faults of its own, some of them a hundred times as often as another; messages are late in all. */
function someOf(faults: readonly Fault[], random: Random): readonly Fault[] {
  return faults.filter(({ name }) => name === 'messages delayed' || random.chance(0.6)).map((fault) => ({ ...fault, weight: fault.weight * 10 ** (2 * random.unit() - 1.7) }))
}

function weighted(faults: readonly Fault[], random: Random): Fault {
  let at = random.unit() * faults.reduce((sum, { weight }) => sum + weight, 0)
  return faults.find(({ weight }) => (at -= weight) < 0) ?? (faults[0] as Fault)
}

// What must hold always

function look(world: World): void {
  const { disk, scheduler: { clock }, open, carriedOut, breach } = world
  for (const promise of open) {
    const { process, dueMs, what } = promise
    if (!process.isAlive) open.delete(promise)
    else if (!process.isHung && clock.nowMs() > Math.max(dueMs, process.resumedMs) + GRACE_MS) breach(`${process.name}: the call ${what} hangs`)
  }
  for (; world.nLooked < disk.log.length; world.nLooked++) {
    const { origin } = disk.log[world.nLooked] ?? {}
    if (origin === undefined) continue
    const request = `${origin.requestId} in life ${origin.life}`
    if (carriedOut.has(request)) breach(`the request ${request} of Core was carried out twice`)
    carriedOut.add(request)
  }
  for (const { channel, process } of world.daemon()?.channels() ?? []) {
    const { maxInFlight = 1024, maxCasts = 4096 } = WIRES.find(({ from, name }) => name === channel.name && process.name.startsWith(from)) ?? {}
    const { nInFlight, nCastsUnread } = channel.stats()
    if (nInFlight > maxInFlight || nCastsUnread > maxCasts) breach(`${process.name}: ${channel.name} has ${nInFlight} calls and ${nCastsUnread} casts under way`)
  }
  if (world.ports.longest() > 10_000) breach('more than 10,000 messages wait at a port')
}

// At rest

async function rest(world: World): Promise<void> {
  world.sabotaged.clear()
  Object.assign(world, { startTrap: undefined, poolTrap: undefined, usedRatio: 0.3 })
  Object.assign(world.disk, { trap: undefined, isFull: false })
  for (const client of world.clients) client.rest()
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
  for (const [path, id] of world.children) if (missing.includes(id)) void tree?.request(path, { type: 'restart_child', id })
  world.scheduler.clock.after(5000, () => seeToStopped(world))
}

/** Children that should run and do not. */
function missingIn(node: TreeNode | undefined): string[] {
  if (node === undefined) return []
  const own = node.restart === 'permanent' && node.state !== 'running' ? [`${node.id} (${node.state}, ${node.lastExit ?? 'no exit'})`] : []
  return [...own, ...(node.children ?? []).flatMap(missingIn)]
}

async function prove(world: World): Promise<void> {
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
  for (const client of clients) checkAcknowledged(world, client)
}

/** Without faults every call is answered, and well. */
async function serve(world: World): Promise<void> {
  const { clients } = world
  for (const client of clients) {
    for (let n = 0; n < 6; n++) {
      client.write()
      client.read()
    }
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

type AtRest = { readonly timers: number; readonly ports: number }

function countsAtRest(world: World): AtRest {
  const daemon = world.daemon()
  const processes = daemon === undefined ? [] : [daemon.process, ...daemon.threads.living().map(({ process }) => process)]
  const sum = (of: (process: (typeof processes)[number]) => number): number => processes.reduce((total, process) => total + of(process), 0)
  return { timers: sum(({ timers }) => timers.size), ports: sum((process) => world.ports.openOf(process).length) }
}

/** After all of it the daemon holds no more than when it was new, but for what its clients hold and what is under way. */
async function noLeaks(world: World, baseline: AtRest): Promise<void> {
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

async function end(world: World): Promise<void> {
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

function line({ step, atMs, where, what }: Happening): string {
  const text = typeof what === 'string' ? what : JSON.stringify(what, (_key, value: unknown) => typeof value === 'symbol' ? String(value) : value) ?? ''
  return `  ${step} ${atMs.toFixed(0)} ms ${where}: ${text.length > 200 ? `${text.slice(0, 200)}…` : text}`
}
