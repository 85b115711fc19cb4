/**
 * A running daemon: the supervision tree with what main answers for it. Started from a cleared preflight, stopped once,
 * in reverse. Knows nothing of signals, starters and terminals (main.ts).
 */

import { randomUUID } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import type { Config } from '../config/schema.ts'
import type { Failure } from '../src/base/failure.ts'
import { fail, ok, type Result } from '../src/base/result.ts'
import { thresholdsOf } from '../src/memory/levels.ts'
import type { MemoryBudget } from '../src/memory/budget.ts'
import type { MemoryState } from '../src/host/health.ts'
import type { Logger } from '../src/host/log.ts'
import type { Metrics } from '../src/host/metrics.ts'
import type { ProjectPaths } from '../src/host/paths.ts'
import { freeBytesAt } from '../src/host/preflight.ts'
import { createProfiler, PROFILE_PORT } from '../src/host/profiler.ts'
import type { DaemonState } from '../src/host/state-file.ts'
import { formatReason } from '../src/otp/exit-reason.ts'
import type { ActorPort } from '../src/otp/actor-system.ts'
import { systemClock } from '../src/otp/node/message-port.ts'
import { startTree } from '../src/otp/node/start-tree.ts'
import type { Tree } from '../src/otp/node/tree.ts'
import { promisePort } from '../src/otp/promise-port.ts'
import { BATCH_PROCESSOR } from '../src/project/batch-processor.actor.ts'
import { CIRCUITS_PORT, PARSER_POOL_PORT, RESUME_PORT } from '../src/project/parser.actor.ts'
import { QUERY_POOL_PORT } from '../src/querying/protocol.ts'
import { lastSetAside } from '../src/store/set-aside.ts'
import type { Reply } from '../src/wire/methods.ts'
import { WIRE_VERSION } from '../src/wire/version.ts'
import type { ImportCalls } from '../workers/calls.ts'
import { createSharedState, pendingFiles, type SharedState } from '../workers/shared-state.ts'
import { createCapturing } from './capturing.ts'
import { createCircuits } from './circuits.ts'
import { controlService, metricsService, parserPoolPort, supervisionService } from './control.ts'
import { startOnDemand } from './supervisor-calls.ts'
import { createMonitor } from './monitor.ts'
import { measureMemory, memoryService, memoryState, readBudget } from './memory.ts'
import { healthWatch } from './health-watch.ts'
import { startFailure } from './start-failure.ts'
import { supervisionTree } from './tree.ts'
import { createQuerying, slotsFor, type Querying, type Slots } from './querying.ts'
import { taskService } from './verification.ts'
import { createWatching, watchingRecord } from './watching.ts'
import { wiresFor } from './wires.ts'

/** Of what caches may use; the rest is the gateway's. */
const SHARE_OF_EVENT_ANSWERS = 1 / 8

export type DaemonOptions = {
  readonly config: Config
  readonly paths: ProjectPaths
  readonly version: string
  readonly logger: Logger
  readonly metrics: Metrics
  readonly logFile: string | null
  readonly startedAt: string
  /** The process that starts this one again, null when there is none. */
  readonly heart: DaemonState['heart']
  /** Somebody asked over the socket. */
  readonly onShutdown: () => void
}

export type Daemon = {
  readonly state: DaemonState
  /** Settles when the tree has ended: asked to, or because it gave up. */
  readonly ended: Promise<string>
  /** Brings the repository in step with the files, unless they are followed: then the Synchronizer does. */
  importProject(): void
  /** Ends a thread or pool by force; its supervisor starts it again. */
  kill(id: string): boolean
  stop(): Promise<string>
}

export async function startDaemon(options: DaemonOptions): Promise<Result<Daemon, Failure>> {
  const { config, logger, metrics } = options
  metrics.recorder.gauge('elixir_scope_info', [options.version, process.versions.node, config.profile]).set(1)
  const shared = createSharedState()
  const http: { address: string | null } = { address: null }
  const circuits = createCircuits(metrics.recorder)
  const budget = readBudget(config)
  for (const problem of budget.problems) logger.log('warn', problem)
  const memory = (): MemoryState => memoryState(shared, budget)
  const watching = createWatching(() => tree, config.sync.watch ? 'watched' : 'not watched')
  const capturing = createCapturing(() => tree, config.capture.enabled ? 'captured' : 'not captured')
  const watch = healthWatch(options, { shared, circuits, memory, watching, capturing, tree: () => tree })
  const monitor = createMonitor({
    recorder: metrics.recorder, view: () => tree.view(), directory: options.paths.stateDir, intervalMs: config.health.intervalMs,
  })
  const slots = slotsFor(config)
  const [answersBytes, cacheBytes] = config.capture.enabled ? [budget.cacheBytes * SHARE_OF_EVENT_ANSWERS, budget.cacheBytes * (1 - SHARE_OF_EVENT_ANSWERS)] : [0, budget.cacheBytes]
  const querying = createQuerying({ tree: () => tree, config, slots, shared, cacheBytes: answersBytes, nowMs: systemClock.nowMs, recorder: metrics.recorder })
  const root = treeOf(options, { shared, budget: { ...budget, cacheBytes }, slots, querying: querying.actors })
  const tree: Tree = startTree({
    root, wires: wiresFor(config), log: logger.log,
    ports: {
      [PARSER_POOL_PORT]: parserPoolPort(() => tree), [CIRCUITS_PORT]: circuits.port, [PROFILE_PORT]: profilerOf(options, () => tree),
      [QUERY_POOL_PORT]: querying.poolPort,
      [RESUME_PORT]: promisePort(() => startOnDemand({ tree, root }, BATCH_PROCESSOR)),
    },
    services: {
      supervision: supervisionService(root, () => tree),
      metrics: metricsService(metrics),
      tasks: taskService({
        tree: () => tree, config, shared, root: options.paths.projectRoot, storePath: options.paths.database,
        scratchPath: join(options.paths.stateDir, 'verify', 'rebuilt.db'),
      }),
      events: querying.service,
      'memory.main': memoryService(() => tree),
      control: controlService({
        tree: () => tree, root, metrics, health: watch.check, wallMs: systemClock.wallMs, budget, profile: config.profile,
        measure: () => {
          monitor.measure()
          measureMemory(metrics.recorder, memory())
          querying.measure()
        },
        status: async () => {
          const [questions] = await Promise.all([querying.status(), watching.refresh(), capturing.refresh()])
          return { ...statusOf(options, http.address, memory()), monitoring: monitor.figures(), watching: watchingRecord(watching, pendingFiles(shared)), capture: capturing.record(), questions }
        },
        listening: (address) => {
          http.address = address
        },
        shutdown: options.onShutdown,
      }),
    },
  })
  const started = await tree.started
  if (!started.ok) {
    watch.stop()
    monitor.stop()
    return fail(startFailure(started.error, options.logFile))
  }
  return ok({
    state: stateOf(options, http.address),
    ended: tree.ended.then(formatReason),
    importProject: () => void (config.sync.watch || firstImport(tree, logger)),
    kill: (id) => tree.kill(id),
    stop: async () => {
      watch.stop()
      monitor.stop()
      return formatReason(await tree.stop(config.supervision.stopTimeoutMs))
    },
  })
}

type TreeMeans = { readonly shared: SharedState; readonly budget: MemoryBudget; readonly slots: Slots; readonly querying: Querying['actors'] }

function treeOf({ config, paths, version }: DaemonOptions, { shared, budget, slots, querying }: TreeMeans) {
  const { projectRoot: root } = paths
  const events = { storePath: paths.database, eventsPath: paths.events, keptPath: paths.capture, shared }
  return supervisionTree(config, {
    repository: {
      storePath: paths.database, repositoryId: randomUUID(), root, shared,
      config: { project: config.project, storage: config.storage, parser: config.parser, sync: config.sync },
      parserThreads: config.parser.threads ?? availableParallelism(),
    },
    sync: { root, storePath: paths.database, cookieDirectory: join(paths.stateDir, 'cookies'), config: { project: config.project }, shared },
    capture: { ...events, slabs: slots.slabs, tokenPath: paths.captureToken, socketPath: paths.agentSocket, config: { capture: config.capture, storage: config.storage } },
    query: { ...events, slots, config: { query: config.query } },
    querying,
    memory: { storePath: paths.database, maxBytes: budget.maxBytes, thresholds: thresholdsOf(config.memory), shared },
    gateway: {
      storePath: paths.database, socketPath: paths.socket, hotKeysPath: paths.hotKeys, budget, shared, identity: { version, projectRoot: root, pid: process.pid },
      config: { capture: config.capture, gateway: config.gateway, http: config.http, metrics: config.metrics, query: config.query, storage: config.storage },
    },
  })
}

function profilerOf({ config, paths, logger }: DaemonOptions, tree: () => Tree): ActorPort {
  return createProfiler({
    directory: join(paths.stateDir, 'profiles'), uid: process.getuid?.() ?? 0, profiled: () => tree().profiled, clock: systemClock, log: logger.log,
    minFreeBytes: config.storage.minFreeBytes, freeBytes: freeBytesAt,
  })
}

async function firstImport(tree: Tree, logger: Logger): Promise<void> {
  const done = await tree.channel<ImportCalls>('imports').call('import', { force: false }, { timeoutMs: 'infinity' })
  if (!done.ok) logger.log('warn', 'the first import did not finish', { ...done.error })
}

function stateOf({ config, paths, version, logFile, startedAt, heart }: DaemonOptions, http: string | null): DaemonState {
  return {
    pid: process.pid, version, wire_version: WIRE_VERSION, node_version: process.versions.node, project_root: paths.projectRoot,
    profile: config.profile, socket: paths.socket, http, log_file: logFile, started_at: startedAt, heart,
  }
}

function setAsideOf({ paths }: DaemonOptions): Reply<'daemon_status'>['store_set_aside'] {
  const found = lastSetAside(paths.database)
  if (found === undefined) return null
  const { path, at, why, carriedOver } = found
  return { path, at, why, client_modules_kept: carriedOver?.kept ?? null, client_modules_lost: carriedOver?.lost ?? null }
}

function statusOf(options: DaemonOptions, http: string | null, { level, usedBytes, maxBytes }: MemoryState) {
  const { wire_version: _, ...state } = stateOf(options, http)
  return {
    ...state, uptime_ms: Math.round(systemClock.wallMs() - Date.parse(options.startedAt)), state_dir: options.paths.stateDir, store_set_aside: setAsideOf(options),
    rss_bytes: usedBytes, memory: { level, max_bytes: maxBytes },
  }
}
