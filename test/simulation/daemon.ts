/**
 * One daemon in a simulated world: the product's own tree, supervisors, wiring, channels, actors and control services, in
 * threads that are simulated. What the product's `workers/*.thread.ts` do with SQLite, sockets and Node is modelled here, around the
 * same actors under the same names; a thread or an actor that the tree has and the model does not know stands idle.
 */

import { DEFAULTS } from '../../config/defaults.ts'
import type { Config } from '../../config/schema.ts'
import { failure, isFailure } from '../../src/base/failure.ts'
import type { Failure } from '../../src/base/failure.ts'
import { fail, ok } from '../../src/base/result.ts'
import type { Result } from '../../src/base/result.ts'
import { CORE, coreActor, STORE_PORT } from '../../src/engine/core.actor.ts'
import type { StoreOperation } from '../../src/engine/core.actor.ts'
import { createMetricRecorder } from '../../src/host/metric-recorder.ts'
import { admitWrite, insufficientMemory } from '../../src/memory/admission.ts'
import { cacheManagerActor } from '../../src/memory/cache-manager.actor.ts'
import { cleanerActor } from '../../src/memory/cleaner.actor.ts'
import { DEFAULT_THRESHOLDS } from '../../src/memory/levels.ts'
import { monitorActor } from '../../src/memory/monitor.actor.ts'
import { levelOf } from '../../src/memory/pressure-cell.ts'
import type { PressureCell } from '../../src/memory/pressure-cell.ts'
import { pressurePort } from '../../src/memory/ports.ts'
import { pressureHandlerActor } from '../../src/memory/pressure-handler.actor.ts'
import { MEMORY_ACTORS, MEMORY_PORTS } from '../../src/memory/protocol.ts'
import type { MemorySample } from '../../src/memory/sample.ts'
import type { Actor, AnyActor } from '../../src/otp/actor.ts'
import type { ActorPort } from '../../src/otp/actor-system.ts'
import type { Channel } from '../../src/otp/channel.ts'
import type { Wire } from '../../src/otp/node/control.ts'
import type { ThreadContext, ThreadParts } from '../../src/otp/node/run-thread.ts'
import { startTree } from '../../src/otp/node/start-tree.ts'
import type { NodeSpec } from '../../src/otp/node/tree-spec.ts'
import type { Tree } from '../../src/otp/node/tree.ts'
import { promisePort } from '../../src/otp/promise-port.ts'
import type { AnyService } from '../../src/otp/service.ts'
import { BATCH_PROCESSOR, batchProcessorActor, IMPORTS_PORT } from '../../src/project/batch-processor.actor.ts'
import type { ImportOperation } from '../../src/project/batch-processor.actor.ts'
import { CIRCUITS_PORT, PARSER_POOL_PORT, RESUME_PORT } from '../../src/project/parser.actor.ts'
import { incrementalUpdaterActor } from '../../src/project/sync/incremental-updater.actor.ts'
import { INCREMENTAL_UPDATER, SYNC_PORTS } from '../../src/project/sync/protocol.ts'
import { QUERY_POOL_PORT, type Made } from '../../src/querying/protocol.ts'
import { createTaskSink } from '../../src/project/task-sink.ts'
import { SYNCHRONIZER } from '../../src/project/watch/protocol.ts'
import { parserPoolPort, supervisionService } from '../../supervisors/control.ts'
import { startOnDemand } from '../../supervisors/supervisor-calls.ts'
import { createQuerying, slotsFor } from '../../supervisors/querying.ts'
import { supervisionTree } from '../../supervisors/tree.ts'
import { wiresFor } from '../../supervisors/wires.ts'
import type { QueryCalls } from '../../workers/calls.ts'
import { answerState, createSharedState, type SharedState } from '../../workers/shared-state.ts'
import type { Reply, Request, WriteArgs } from './client.ts'
import type { Disk } from './disk.ts'
import type { Files } from './files.ts'
import { startPool } from './pool.ts'
import type { PoolTrap } from './pool.ts'
import type { Process, Scheduler } from './scheduler.ts'
import { createImports, syncParts } from './sync.ts'
import type { SyncFlaw } from './sync.ts'
import { createThreads, platformOf } from './threads.ts'
import type { Half, Ports, Thread, Threads } from './threads.ts'

/** How the daemon can be made wrong, to see that it is noticed. */
export type DaemonFlaw = SyncFlaw | 'an actor loses replies' | 'an actor is not started again' | 'a handler throws' | 'wires have no bound' | 'answers are kept whatever changes'

export type DaemonWorld = {
  readonly scheduler: Scheduler
  readonly ports: Ports
  readonly disk: Disk
  readonly files: Files
  readonly config: Config
  readonly flaw: DaemonFlaw | undefined
  /** Names of actors whose next step throws. */
  readonly sabotaged: Set<string>
  /** What befalls the next start of a thread. */
  startTrap: 'fails' | 'hangs' | undefined
  poolTrap: PoolTrap | undefined
  /** 0 to 1 of the memory allowed, as the sampler sees it. */
  usedRatio: number
  /** The gateway that listens: connections are handed to it. */
  socket: { readonly process: Process; accept(half: Half): void } | undefined
  breach(what: string): void
  /** Calls under way inside the daemon, with what was promised of them. */
  readonly open: Set<Promised>
}

export type Promised = { readonly what: string; readonly process: Process; readonly dueMs: number }

export type Daemon = {
  readonly process: Process
  readonly tree: Tree
  readonly threads: Threads
  readonly root: NodeSpec
  /** Channels of threads that live. */
  channels(): readonly { readonly process: Process; readonly channel: Channel }[]
}

/** Thrown on purpose. */
export class Sabotage extends Error {}

const MAX_BYTES = 1 << 30

export const WIRES: readonly Wire[] = wiresFor(DEFAULTS)

export function startDaemon(world: DaemonWorld, name: string): Daemon {
  const { scheduler, ports } = world
  const process = scheduler.open(name)
  const platform = platformOf(process, scheduler, ports, (thrown) => world.breach(`main crashed: ${describe(thrown)}`))
  const channels: { process: Process; channel: Channel }[] = []
  const cell: PressureCell = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))
  const threads = createThreads({
    scheduler, ports, main: process,
    onCrash(_thread, thrown) {
      if (!isSabotage(thrown)) world.breach(`a thread crashed: ${describe(thrown)}`)
    },
    starterOf: (thread) => async (context) => {
      const trap = world.startTrap
      world.startTrap = undefined
      if (trap === 'fails') return failure('unavailable', 'made to fail at its start')
      if (trap === 'hangs') return new Promise(() => undefined)
      for (const { name: wire } of WIRES.filter(({ from }) => from === thread.name)) channels.push({ process: thread.process, channel: context.channel(wire) })
      const parts = await PARTS[thread.name]?.({ world, context, thread, cell }) ?? {}
      return isFailure(parts) ? parts : { actors: hosted(world, {}), ...parts, services: { ...stubsFor(thread.name), ...parts.services } }
    },
  })
  const shared = createSharedState()
  const querying = createQuerying({ tree: () => tree, config: world.config, slots: slotsFor(world.config), shared, cacheBytes: 1 << 20, nowMs: platform.clock.nowMs, recorder: createMetricRecorder() })
  const inits = { repository: { parserThreads: 2 }, querying: querying.actors }
  const root = specWith(supervisionTree(world.config, new Proxy(inits, { get: (known, key) => Reflect.get(known, key) ?? {} }) as never), world)
  const tree: Tree = startTree({
    root, wires: world.flaw === 'wires have no bound' ? WIRES.map((wire) => ({ ...wire, maxInFlight: 1e6, maxCasts: 1e6 })) : WIRES,
    log: (level, message, fields) => level === 'debug' ? undefined : scheduler.note(name, { log: message, ...fields }),
    ports: {
      [PARSER_POOL_PORT]: parserPoolPort(() => tree), [CIRCUITS_PORT]: (_report, done) => done(ok(null)),
      [RESUME_PORT]: promisePort(() => startOnDemand({ tree, root }, BATCH_PROCESSOR)), [QUERY_POOL_PORT]: querying.poolPort,
    },
    services: {
      ...stubsFor('main'), events: querying.service, supervision: supervisionService(root, () => tree),
      control: { calls: { control: () => ok('healthy'), listening: () => ok(null) } },
    },
    platform: {
      ...platform,
      openThread: (_url, options) => threads.open(options),
      startPool: (start, context) => startPool(start, context, {
        random: scheduler.random, platform,
        takeTrap() {
          const { poolTrap } = world
          world.poolTrap = undefined
          return poolTrap
        },
        outcome: () => context.id === 'query' ? answerOf(world, shared) : null,
      }),
    },
  })
  return { process, tree, threads, root, channels: () => channels.filter((each) => each.process.isAlive) }
}

/** What a thread of the query pool makes of a question: the epoch that it was answered from. */
function answerOf(world: DaemonWorld, shared: SharedState): Made {
  return { bytes: new Uint8Array(new Uint32Array([world.disk.log.length]).buffer), state: answerState(shared, factsIn(world)), costUs: 1000 }
}

function factsIn({ disk, flaw }: DaemonWorld): string {
  return flaw === 'answers are kept whatever changes' ? '' : String(disk.log.length)
}

function specWith(spec: NodeSpec, world: DaemonWorld): NodeSpec {
  const { start } = spec
  if (start?.kind === 'supervisor') return { ...spec, start: { ...start, children: start.children.map((child) => specWith(child, world)) } }
  if (start?.kind === 'actor' && !('thread' in start)) return { ...spec, start: { ...start, actor: watched(start.actor, start.name ?? '', world) } }
  return world.flaw === 'an actor is not started again' && spec.id === CORE ? { ...spec, restart: 'temporary' } : spec
}

/** What answers on wires that nothing here depends on. */
function stubsFor(thread: string): Readonly<Record<string, AnyService>> {
  const stub: AnyService = { calls: { free: () => ok(0), heaps: () => ok(null) }, casts: { records: () => undefined, pressure: () => undefined } }
  return Object.fromEntries(WIRES.filter(({ to }) => to === thread).map(({ name }) => [name, stub]))
}

/** The actor, which throws when it is its turn to. */
function watched(actor: AnyActor, name: string, world: DaemonWorld): AnyActor {
  return {
    ...actor,
    step(state, msg, nowMs) {
      if (world.sabotaged.delete(name)) throw new Sabotage(`${name} was made to throw`)
      const [next, effects] = actor.step(state, msg, nowMs)
      const isLost = world.flaw === 'an actor loses replies' && world.scheduler.random.chance(0.05)
      return [next, isLost ? effects.filter(({ type }) => type !== 'reply') : effects]
    },
  }
}

// Threads

type Means = { readonly world: DaemonWorld; readonly context: ThreadContext<unknown>; readonly thread: Thread; readonly cell: PressureCell }

const PARTS: Readonly<Record<string, (means: Means) => ThreadParts | Promise<ThreadParts | Failure>>> = { repository, memory, gateway, sync }

function hosted(world: DaemonWorld, actors: Readonly<Record<string, () => AnyActor>>): NonNullable<ThreadParts['actors']> {
  const known = Object.fromEntries(Object.entries(actors).map(([name, make]) => [name, () => watched(make(), name, world)]))
  // Own properties are asked for: an actor that the model does not know stands idle.
  return new Proxy(known, {
    getOwnPropertyDescriptor: (target, name) => Reflect.getOwnPropertyDescriptor(target, name) ?? { value: () => IDLE, configurable: true, enumerable: true },
    get: (target, name: string) => target[name] ?? (() => IDLE),
  })
}

const IDLE: Actor<null, unknown> = {
  mailbox: { capacity: 16, overflow: 'shed' },
  init: () => ({ type: 'ok', state: null }),
  step: (state, msg) => [state, msg.type === 'call' ? [{ type: 'reply', to: msg.from, result: ok(null) }] : []],
}

function given<State, Body, Args>(actor: Actor<State, Body, Args>, args: Args): AnyActor {
  return { ...actor, init: (_none: unknown, nowMs: number) => actor.init(args, nowMs) }
}

function repository({ world, context, thread, cell }: Means): ThreadParts {
  const { disk } = world
  const { process } = thread
  if (disk.importState === 'running') disk.importState = 'interrupted'
  const sink = createTaskSink(context.clock)
  const supervision: Channel = context.channel('supervision')
  const startProcessor = async (): Promise<void> => {
    const started = await supervision.call('startOnDemand', { name: BATCH_PROCESSOR })
    if (!started.ok) context.clock.after(1000, () => void startProcessor())
  }
  const { queue, update, run } = createImports({ world, context, process, sink, wanted: () => void startProcessor() })
  const importsPort = promisePort(async (asked: ImportOperation): Promise<Result<unknown, Failure>> => asked.type === 'import'
    ? queue.run(asked.mode, run)
    : ok(await queue.next(asked.resume && disk.importState === 'interrupted')))
  const storePort: ActorPort = (operation, done) => {
    const { args } = operation as StoreOperation
    const { changes, request_id: requestId } = args as WriteArgs
    disk.write(process, { changes, requestId }, done)
  }
  const importNow = async (): Promise<Result<unknown, Failure>> => {
    const outcome = await queue.wish('changed')
    return outcome.ok ? ok({ epoch: disk.log.length }) : outcome
  }
  if (context.epoch > 1 && disk.importState === 'interrupted') void startProcessor()
  return {
    services: {
      imports: { calls: { import: importNow } }, sink: { casts: { take: sink.take } },
      'memory.repository': { calls: { free: () => ok(1) } },
    },
    actors: hosted(world, {
      [CORE]: () => coreActor(() => {
        const admission = admitWrite(levelOf(cell), 'client')
        if (admission.type === 'accept_and_clean') context.actors.cast(MEMORY_ACTORS.pressureHandler, { type: 'cleanup_wanted' })
        return admission.type === 'refuse' ? admission.failure : undefined
      }),
      [BATCH_PROCESSOR]: () => batchProcessorActor,
      [INCREMENTAL_UPDATER]: () => incrementalUpdaterActor(() => admitWrite(levelOf(cell), 'sync').type === 'wait' ? insufficientMemory(levelOf(cell)) : undefined),
    }),
    ports: { [STORE_PORT]: storePort, [IMPORTS_PORT]: importsPort, [SYNC_PORTS.update]: update },
  }
}

function sync({ world, context, thread }: Means): ThreadParts {
  const { actors, ports } = syncParts(world, context, thread.process)
  return { actors: hosted(world, actors), ports: ports ?? {} }
}

function memory({ world, context, cell }: Means): ThreadParts {
  const { random } = world.scheduler
  const gateway: Channel = context.channel('memory.gateway')
  const later: ActorPort = (_operation, done) => void context.clock.after(random.below(50), () => done(ok(1)))
  return {
    actors: hosted(world, {
      [MEMORY_ACTORS.monitor]: () => given(monitorActor, { maxBytes: MAX_BYTES }),
      [MEMORY_ACTORS.cacheManager]: () => given(cacheManagerActor, { nHottest: 10 }),
      [MEMORY_ACTORS.cleaner]: () => cleanerActor,
      [MEMORY_ACTORS.pressureHandler]: () => given(pressureHandlerActor, { cell, thresholds: DEFAULT_THRESHOLDS }),
    }),
    ports: {
      [MEMORY_PORTS.sampler]: promisePort(async () => {
        await context.channel('memory.main').call('heaps', null, { timeoutMs: 1000 })
        return random.chance(0.01) ? fail(failure('internal', 'no sample')) : ok({
          rssBytes: world.usedRatio * MAX_BYTES, heaps: [], externalBytes: 0, sharedBytes: 0, databaseBytes: 0, walBytes: 0, filesIn: 'disk',
        } as unknown as MemorySample)
      }),
      [MEMORY_PORTS.cleanup]: later,
      [MEMORY_PORTS.caches]: promisePort(async (operation) => {
        const done = await gateway.call('caches', operation)
        return !done.ok && done.error.code === 'unavailable' ? ok(0) : done
      }),
      [MEMORY_PORTS.pressure]: pressurePort(cell, (fields) => void gateway.cast('pressure', fields)),
      [MEMORY_PORTS.cleaner]: promisePort(() => context.channel('supervision').call('startOnDemand', { name: MEMORY_ACTORS.cleaner })),
    },
  }
}

const MAX_IN_FLIGHT = 256
const CORE_TIMEOUT_MS = 10_000
const SETTLE_TIMEOUT_MS = DEFAULTS.query.timeoutMs
const CLEAN_TIMEOUT_MS = 65_000
const QUESTION_TIMEOUT_MS = 25_000

async function gateway({ world, context, thread }: Means): Promise<ThreadParts | Failure> {
  const { disk, ports } = world
  const { process } = thread
  const promised = async (what: string, timeoutMs: number, call: Promise<Result<unknown, Failure>>): Promise<Result<unknown, Failure>> => {
    const promise: Promised = { what, process, dueMs: context.clock.nowMs() + timeoutMs }
    world.open.add(promise)
    const result = await call
    world.open.delete(promise)
    return result
  }
  const question = async (args: unknown): Promise<Result<unknown, Failure>> => {
    const asked = context.channel<QueryCalls>('events').call('query', { method: 'count_events', args, facts: factsIn(world) }, { timeoutMs: QUESTION_TIMEOUT_MS })
    const answer = await promised('question', QUESTION_TIMEOUT_MS, asked)
    return answer.ok ? ok(new Uint32Array((answer.value as Uint8Array).buffer)[0]) : answer
  }
  const answer = (method: string, args: unknown): Result<unknown, Failure> | Promise<Result<unknown, Failure>> => {
    switch (method) {
      case 'read': return ok(disk.read((args as { keys: string[] }).keys))
      case 'echo': return ok(null)
      case 'write': return promised('write', CORE_TIMEOUT_MS, context.actors.call(CORE, { method: 'batch_store', args }, CORE_TIMEOUT_MS))
      case 'import': return context.channel('imports').call('import', {}, { timeoutMs: 'infinity' })
      case 'health': if (world.flaw === 'a handler throws') throw new Error('a bug')
        return promised('health', 5000, context.channel('control').call('control', { method: 'health_check', args: {} }))
      case 'pressure': return promised('pressure', 5000, context.actors.call(MEMORY_ACTORS.pressureHandler, { type: 'status' }))
      case 'clean': return promised('clean', CLEAN_TIMEOUT_MS, context.actors.call(MEMORY_ACTORS.pressureHandler, { type: 'emergency_cleanup' }, CLEAN_TIMEOUT_MS))
      case 'settle': if (world.flaw === 'a settle does not wait') return ok({ epoch: disk.log.length })
        return promised('settle', SETTLE_TIMEOUT_MS, context.actors.call(SYNCHRONIZER, { type: 'settle' }, SETTLE_TIMEOUT_MS))
      case 'question': return question(args)
      case 'slow': return promised('slow', 2000, context.channel('imports').call('never', {}, { timeoutMs: 2000 }))
      default: return fail(failure('unknown_method', method))
    }
  }
  const accept = (half: Half): void => {
    ports.own(half, process)
    const port = ports.portOf(half)
    let nInFlight = 0
    port.listen((message) => {
      const [id, method, args] = message as Request
      if (nInFlight >= MAX_IN_FLIGHT) return port.post([id, fail(failure('busy', 'too many calls under way'))] satisfies Reply as never)
      nInFlight += 1
      void Promise.resolve(answer(method, args)).then((result) => {
        nInFlight -= 1
        return port.post([id, result] satisfies Reply as never)
      })
    }, () => undefined)
  }
  const told = await promised('listening', 5000, context.channel('control').call('listening', { http: null }))
  if (!told.ok) return told.error
  const tick = (): void => {
    for (let n = 0; n < 5; n++) context.channel('metrics').cast('records', [])
    context.clock.after(1000, tick)
  }
  tick()
  const socket = { process, accept }
  world.socket = socket
  process.atEnd.add(() => {
    if (world.socket === socket) world.socket = undefined
  })
  return {
    services: { 'memory.gateway': { calls: { caches: () => ok(1), free: () => ok(1) } } },
    stop: () => {
      if (world.socket === socket) world.socket = undefined
    },
  }
}

function isSabotage(thrown: unknown): boolean {
  return thrown instanceof Sabotage || (thrown instanceof Error && thrown.cause !== undefined && isSabotage(thrown.cause))
}

export function describe(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown)
  return `${thrown.stack ?? thrown.message}${thrown.cause === undefined ? '' : `, because ${describe(thrown.cause)}`}`
}
