/**
 * The supervision tree as one table of data: node, kind, thread, strategy or restart type, deadline, intensity. Names are the
 * full dotted ones of the requirement documents; `tree.ts` makes child specs of it, docs/SUPERVISION.md is printed from it.
 * Nodes whose work has no code yet stand in `LATER`, and join where their supervisor is.
 */

import { MEMORY_ACTORS } from '../src/memory/protocol.ts'
import { CAPTURE_ACTORS } from '../src/capture/protocol.ts'
import { EXECUTOR, QUERY_CACHE } from '../src/querying/protocol.ts'
import { INCREMENTAL_UPDATER } from '../src/project/sync/protocol.ts'
import { FILE_WATCHER, SYNCHRONIZER } from '../src/project/watch/protocol.ts'
import type { Restart, Shutdown, Strategy } from '../src/otp/child-spec.ts'

/** Restarts allowed within a period of so many seconds; a chaos run raises them by `supervision.intensityFactor`. */
export const INTENSITIES = {
  root: { intensity: 3, period: 10 },
  service: { intensity: 5, period: 10 },
  pool: { intensity: 10, period: 5 },
} as const

export type IntensityClass = keyof typeof INTENSITIES

export type SupervisorPlace = {
  readonly kind: 'supervisor'
  readonly name: string
  readonly strategy: Strategy
  readonly intensity: IntensityClass
  readonly children: readonly Place[]
}

export type WorkerPlace = {
  readonly kind: 'actor' | 'thread' | 'pool'
  readonly name: string
  /** Where an actor lives. A thread is its own place; the threads of a pool are its own. */
  readonly thread: string
  readonly restart: Restart
  readonly shutdown: Shutdown
  /** What it is there for, for the table. */
  readonly does: string
}

export type Place = SupervisorPlace | WorkerPlace

export const ROOT = 'ElixirScope.Supervisor'
export const AST = 'ElixirScope.AST'
export const SYNCHRONIZATION = `${AST}.Synchronization.Supervisor`
export const CAPTURE_SUPERVISOR = 'ElixirScope.Capture.Supervisor'
export const QUERYING = `${AST}.Querying.Supervisor`
export const TASK_SUPERVISOR = `${AST}.TaskSupervisor`
/** What each of its children is started as. */
export const TASK = `${AST}.Task`
const GATEWAY = 'ElixirScope.Gateway.Supervisor'
const MEMORY_MANAGER = `${AST}.Repository.MemoryManager.Supervisor`

/** In order of start; the end is in reverse. */
export const TREE: SupervisorPlace = supervisor(ROOT, 'rest_for_one', 'root', [
  supervisor('ElixirScope.Threads', 'one_for_one', 'service', [
    thread('repository', 10_000, 'the one writer of the store'),
    thread('sync', 2000, 'watches the files, reads and analyses those that change'),
    thread('memory', 1000, 'samples memory, settles the pressure level, has memory freed'),
    thread('capture', 5000, 'the one writer of events; agents of BEAM nodes connect to it'),
    pool('verifier', 500, 'a thread while the store is verified against the files'),
  ]),
  supervisor(`${AST}.Supervisor`, 'one_for_one', 'root', [
    supervisor(`${AST}.Repository.Supervisor`, 'one_for_one', 'service', [
      actor(`${AST}.Repository.Core`, 'repository', 5000, 'takes what clients write, and has the store carry it out'),
      actor(CAPTURE_ACTORS.enhanced, 'capture', 1000, 'takes what is stated about the runtime beside events'),
      supervisor(MEMORY_MANAGER, 'rest_for_one', 'service', [
        actor(MEMORY_ACTORS.monitor, 'memory', 1000, 'samples the memory in use'),
        actor(MEMORY_ACTORS.cacheManager, 'memory', 1000, 'has caches resized, cleaned and their hottest keys saved'),
        { ...actor(MEMORY_ACTORS.cleaner, 'memory', 1000, 'frees memory, in steps'), restart: 'temporary' },
        actor(MEMORY_ACTORS.pressureHandler, 'memory', 1000, 'settles the level, and has what it means done'),
      ]),
    ]),
    supervisor(`${AST}.Parsing.Supervisor`, 'one_for_one', 'service', [
      supervisor(`${AST}.Parsing.WorkerPool`, 'one_for_one', 'pool', [
        pool('parser', 3000, 'threads that find, read, parse and analyse files'),
      ]),
      actor(`${AST}.Parsing.Parser`, 'main', 1000, 'lets work through to the parser threads, and none while they or imports fail again and again'),
      actor(CAPTURE_ACTORS.mapper, 'capture', 1000, 'keeps the plans of what to trace, and their points'),
      { ...actor(`${AST}.Parsing.BatchProcessor`, 'repository', 3000, 'one import; ends when the store is in step, and is started when it is not'), restart: 'transient' },
    ]),
    supervisor(QUERYING, 'one_for_one', 'service', [
      actor(EXECUTOR, 'main', 1000, 'admits questions about events, has each worked out once, and nobody wait for ever'),
      actor(QUERY_CACHE, 'main', 1000, 'keeps answers about events for as long as what they are made of stays as it is'),
      supervisor(`${AST}.Querying.WorkerPool`, 'one_for_one', 'pool', [
        pool('query', 3000, 'threads that answer questions about events'),
      ]),
    ]),
    supervisor(SYNCHRONIZATION, 'rest_for_one', 'service', [
      actor(FILE_WATCHER, 'sync', 2000, 'tells what changed in the project, and never loses a change in silence'),
      actor(SYNCHRONIZER, 'sync', 2000, 'keeps what changed until it is in the store'),
      actor(INCREMENTAL_UPDATER, 'repository', 5000, 'applies batches of changed files, each in one transaction'),
    ]),
    supervisor(TASK_SUPERVISOR, 'simple_one_for_one', 'service', [
      { ...actor(TASK, 'main', 1000, 'one for each task asked for, such as a profile; keeps its outcome for a minute'), restart: 'temporary' },
    ]),
  ]),
  supervisor(CAPTURE_SUPERVISOR, 'one_for_one', 'service', [
    actor(CAPTURE_ACTORS.eventStore, 'capture', 5000, 'stores, moves and deletes events, and talks to nodes'),
  ]),
  supervisor(GATEWAY, 'one_for_one', 'service', [
    thread('gateway', 2000, 'socket and HTTP; calls under way are finished first'),
  ]),
])

/**
 * Supervisors whose children no client ends: everything stands on those of the root, in their order, and the gateway is the
 * only way by which it could be started again.
 */
export const LASTING: readonly string[] = [ROOT, GATEWAY]

/** Nodes of the requirement documents that are not in the tree yet, and the part of the product that brings them. */
export const LATER: Readonly<Record<string, string>> = {
  [`${AST}.Analysis.Supervisor`]: 'patterns',
  [`${AST}.Analysis.PatternMatcher.Supervisor`]: 'patterns',
  [`${AST}.Analysis.PatternMatcher.Core`]: 'patterns',
  [`${AST}.Analysis.PatternMatcher.PatternLibrary`]: 'patterns',
  [`${AST}.Analysis.PatternMatcher.Cache`]: 'patterns',
  [`${AST}.Analysis.PatternMatcher.WorkerPool`]: 'patterns',
  [`${AST}.Analysis.PerformanceOptimizer.Supervisor`]: 'queries',
  [`${AST}.Analysis.PerformanceOptimizer.BatchProcessor`]: 'queries',
  [`${AST}.Analysis.PerformanceOptimizer.LazyLoader`]: 'control and data flow',
  [`${AST}.Analysis.PerformanceOptimizer.OptimizationScheduler`]: 'queries',
  [`${AST}.Analysis.PerformanceOptimizer.StatisticsCollector`]: 'queries',
}

/**
 * Who cannot do its work without whom. Only for nodes that are in the tree: a dependency is waited for at the start and
 * named in health while it does not answer.
 */
export const DEPENDENCIES: Readonly<Record<string, readonly string[]>> = {
  [`${AST}.Parsing.Parser`]: ['parser'],
  [MEMORY_ACTORS.cacheManager]: [MEMORY_ACTORS.monitor],
  [MEMORY_ACTORS.pressureHandler]: [MEMORY_ACTORS.cacheManager],
  [SYNCHRONIZER]: [FILE_WATCHER, `${AST}.Repository.Core`],
  [INCREMENTAL_UPDATER]: [SYNCHRONIZER, `${AST}.Repository.Core`],
  [`${AST}.Parsing.BatchProcessor`]: [`${AST}.Repository.Core`, `${AST}.Parsing.Parser`],
  [CAPTURE_ACTORS.enhanced]: [`${AST}.Repository.Core`],
  gateway: [`${AST}.Repository.Core`],
}

/** Every node, parents before children. */
export function placesOf(place: Place): readonly Place[] {
  return place.kind === 'supervisor' ? [place, ...place.children.flatMap(placesOf)] : [place]
}

function supervisor(name: string, strategy: Strategy, intensity: IntensityClass, children: readonly Place[]): SupervisorPlace {
  return { kind: 'supervisor', name, strategy, intensity, children }
}

function actor(name: string, thread: string, shutdown: number, does: string): WorkerPlace {
  return { kind: 'actor', name, thread, restart: 'permanent', shutdown, does }
}

function thread(name: string, shutdown: number, does: string): WorkerPlace {
  return { kind: 'thread', name, thread: name, restart: 'permanent', shutdown, does }
}

function pool(name: string, shutdown: number, does: string): WorkerPlace {
  return { kind: 'pool', name, thread: `${name} pool`, restart: 'permanent', shutdown, does }
}
