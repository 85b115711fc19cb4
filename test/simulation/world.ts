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
import { createClient } from './client.ts'
import type { Client } from './client.ts'
import { describe, startDaemon } from './daemon.ts'
import type { Daemon, DaemonFlaw } from './daemon.ts'
import { createDisk } from './disk.ts'
import type { DiskFlaw } from './disk.ts'
import { Breach, drive, until } from './drive.ts'
import type { World } from './drive.ts'
import { createFiles } from './files.ts'
import type { FilesFlaw } from './files.ts'
import { FAULTS, STORE_TRAP } from './faults.ts'
import type { Fault, FaultWorld } from './faults.ts'
import { countsAtRest, end, noLeaks, prove, rest } from './proof.ts'
import { createRandom } from './random.ts'
import type { Random } from './random.ts'
import { createScheduler } from './scheduler.ts'
import type { ClockFlaw, Happening, Scheduler } from './scheduler.ts'
import { createPorts } from './threads.ts'

export type Flaw = DiskFlaw | FilesFlaw | DaemonFlaw | ClockFlaw

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
const SAVES_MS = 500
const TERMS: HeartTerms = { intensity: 100_000, periodS: 60, backOffMs: 100, maxBackOffMs: 2000, silenceMs: 0, logFormat: 'json' }

export async function runWorld(options: WorldOptions): Promise<Outcome> {
  const world = createWorld(options)
  const { scheduler, clients } = world
  try {
    world.feedHeart({ type: 'begin' })
    await until(world, 60_000, 'the daemon is up', () => world.up)
    const baseline = countsAtRest(world)
    for (let n = 0; n < N_CLIENTS; n++) clients.push(openClient(world, n))
    saveFiles(world)
    await chaos(world, options.nSteps)
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
    scheduler, ports, disk, files: createFiles(scheduler, flaw as FilesFlaw | undefined), breach, broken,
    flaw: flaw as DaemonFlaw | undefined,
    config: { ...DEFAULTS, supervision: { ...DEFAULTS.supervision, intensityFactor } },
    sabotaged: new Set(), startTrap: undefined, poolTrap: undefined, usedRatio: 0.3, socket: undefined, open: new Set(),
    operatedOn: undefined, clients: [], counts: new Map(), up: false, heartEnded: false, nDaemons: 0, carriedOut: new Set(), following: new Map(), isResting: false, nLooked: 0,
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
  const { scheduler, ports, disk, files } = world
  const process = scheduler.open(`client ${n}`)
  const clock = scheduler.clockOf(process)
  return createClient({
    name: `c${n}`, clock, random: scheduler.random, disk, files, breach: world.breach,
    connect() {
      if (world.socket === undefined) return undefined
      const [mine, theirs] = ports.openPair(process)
      world.socket.accept(theirs)
      return ports.portOf(mine)
    },
  })
}

/** Somebody works on the project, a file now and then and sometimes several at once, until the world comes to rest. */
function saveFiles(world: World): void {
  const { scheduler: { clock, random }, files } = world
  if (world.isResting) return
  for (let n = random.chance(0.1) ? 6 : 1; n > 0; n--) files.change()
  clock.after(random.below(SAVES_MS), () => saveFiles(world))
}

async function chaos(world: World, n: number): Promise<void> {
  const { scheduler: { random, nSteps, note } } = world
  const kinds = someOf(FAULTS, random)
  const rate = random.pick([0.1, 0.2, 0.4, 0.5])
  const last = nSteps() + n
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

function line({ step, atMs, where, what }: Happening): string {
  const text = typeof what === 'string' ? what : JSON.stringify(what, (_key, value: unknown) => typeof value === 'symbol' ? String(value) : value) ?? ''
  return `  ${step} ${atMs.toFixed(0)} ms ${where}: ${text.length > 200 ? `${text.slice(0, 200)}…` : text}`
}
