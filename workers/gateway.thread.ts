/**
 * The gateway thread: the socket and HTTP. It reads from a connection of its own to the store, passes writes on to the
 * repository thread and questions about the daemon to main. When it dies its sockets close; clients connect again.
 */

import type { Config } from '../config/schema.ts'
import { failure, FailureError, isFailure, type Failure } from '../src/base/failure.ts'
import { fail, ok, type Result } from '../src/base/result.ts'
import { CORE, type CoreBody } from '../src/engine/core.actor.ts'
import { changedRecord } from '../src/engine/present-changes.ts'
import { actorFor, type CaptureBody } from '../src/capture/protocol.ts'
import type { Identity } from '../src/engine/read-context.ts'
import { isReadMethod } from '../src/engine/reads.ts'
import { createAnswerCache } from '../src/gateway/answer-cache.ts'
import { answerCall, restoreAnswer, type CallPorts } from '../src/gateway/answer-call.ts'
import { createHotAnswers, type HotAnswers } from '../src/gateway/hot-answers.ts'
import { serveHttp, type HttpServer } from '../src/gateway/http/serve-http.ts'
import { serveIpc, type IpcOptions, type IpcServer } from '../src/gateway/ipc/serve-ipc.ts'
import { createSubscribers, type Subscribers } from '../src/gateway/subscribers.ts'
import { createTreeCache } from '../src/gateway/tree-cache.ts'
import { turnSnapshot } from '../src/gateway/turn-snapshot.ts'
import { collectGarbage } from '../src/host/collect-garbage.ts'
import { createMetricRecorder, type HistogramHandle, type MetricRecorder } from '../src/host/metric-recorder.ts'
import { writeWhole } from '../src/host/private-files.ts'
import type { MemoryBudget } from '../src/memory/budget.ts'
import { createCache, type Cache } from '../src/memory/cache.ts'
import { N_HOTTEST } from '../src/memory/hottest.ts'
import { LEVEL_POLICIES } from '../src/memory/levels.ts'
import { runOnCaches } from '../src/memory/ports.ts'
import { levelOf } from '../src/memory/pressure-cell.ts'
import type { PressureFields } from '../src/memory/pressure-effects.ts'
import type { CacheOperation, CleanupStep } from '../src/memory/protocol.ts'
import type { CallMap, Channel } from '../src/otp/channel.ts'
import { runThread, type ThreadContext } from '../src/otp/node/run-thread.ts'
import type { Settled, SynchronizerBody } from '../src/project/sync/protocol.ts'
import { SYNCHRONIZER } from '../src/project/watch/protocol.ts'
import type { CommitChanges, Reader } from '../src/store/contract.ts'
import { openReader } from '../src/store/reader.ts'
import type { Args, TaskMethod } from '../src/wire/methods.ts'
import type { Health } from '../src/wire/records.ts'
import { EncodedResult } from '../src/wire/rpc.ts'
import type { ControlCalls, ImportCalls, ImportCasts, MetricCasts, QueryCalls, RuntimeCasts, TaskCalls } from './calls.ts'
import { measureCaches } from './cache-metrics.ts'
import { isVerified, pendingFiles, pressureCellOf, storeGeneration, type SharedState } from './shared-state.ts'

export type GatewayInit = {
  readonly storePath: string
  readonly socketPath: string
  /** Where the keys of what is asked for most outlive this thread. */
  readonly hotKeysPath: string
  readonly budget: Pick<MemoryBudget, 'maxBytes' | 'cacheBytes'>
  readonly identity: Identity
  readonly config: Pick<Config, 'capture' | 'gateway' | 'http' | 'metrics' | 'query' | 'storage'>
  readonly shared: SharedState
}

type Context = ThreadContext<GatewayInit>
type Served = { readonly ipc: IpcServer; readonly http: HttpServer | null }

/** How long calls under way may take to finish when the gateway stops. */
const DRAIN_MS = 2000
const REPORT_MS = 1000

runThread<GatewayInit>(async (context) => {
  const generation = storeGeneration(context.init.shared)
  const reader = openReader({ path: context.init.storePath, now: context.clock.wallMs })
  if (!reader.ok) return reader.error
  const recorder = createMetricRecorder()
  const cache = createCache({ maxBytes: context.init.budget.cacheBytes, nowMs: context.clock.nowMs })
  cache.resize(LEVEL_POLICIES[levelOf(pressureCellOf(context.init.shared))].cacheRatio)
  const means = { reader: reader.value, generation, cache, recorder }
  const subscribers = createSubscribers()
  const ports = callPorts(context, means, subscribers)
  const served = await serve(context, means, ports)
  if (isFailure(served)) return served
  const hot = hotAnswers(context, ports)
  const timer = setInterval(() => {
    reader.value.expire(context.init.config.storage.snapshotMaxMs)
    void hot.loadOnce(isVerified(context.init.shared) ? 'ready' : 'not yet')
    measureCaches(recorder, cache.stats())
    context.channel<CallMap, MetricCasts>('metrics').cast('records', recorder.drain())
    const why = lostTouch(reader.value, served.ipc)
    if (why !== undefined) context.exit({ kind: 'failed', failure: why })
  }, REPORT_MS)
  return {
    services: {
      changes: { casts: { changed: (changes: CommitChanges) => subscribers.tell('changed', changedRecord(changes)) } },
      runtime: {
        casts: {
          instrumentationChanged: (changed: RuntimeCasts['instrumentationChanged']) => subscribers.tell('instrumentation_changed', changed),
          correlationUpdated: (updated: RuntimeCasts['correlationUpdated']) => subscribers.tell('correlation_updated', updated),
        },
      },
      'memory.gateway': {
        calls: {
          caches: (operation: CacheOperation) => runOnCaches(cache, hot.save, operation),
          free: (step: CleanupStep) => free(reader.value, step),
        },
        casts: {
          pressure: ({ from, to, usedBytes, maxBytes }: PressureFields) =>
            served.ipc.notifyAll('memory_pressure_changed', { from, to, used_bytes: usedBytes, max_bytes: maxBytes }),
        },
      },
    },
    stats: () => ({ ...served.ipc.stats(), ...reader.value.metrics(), externalBytes: process.memoryUsage().external }),
    stop: async () => {
      clearInterval(timer)
      if (cache.stats().ratio === 1) hot.save(cache.hottest(N_HOTTEST))
      await Promise.all([served.ipc.close(DRAIN_MS), served.http?.close()])
      reader.value.close()
    },
  }
})

/** Why a new life of this thread would serve better; a store that is removed comes back first, by the repository thread. */
function lostTouch(reader: Reader, ipc: IpcServer): Failure | undefined {
  if (!ipc.isInPlace()) return failure('unavailable', `the socket ${ipc.socketPath} was removed`)
  return reader.place() === 'replaced' ? failure('unavailable', 'the store was replaced') : undefined
}

function hotAnswers({ init, log }: Context, ports: CallPorts): HotAnswers {
  return createHotAnswers({
    path: init.hotKeysPath, write: writeWhole, restore: (saved) => restoreAnswer(ports, saved),
    pause: () => new Promise((resolve) => void setImmediate(resolve)),
    onProblem: (problem) => log('warn', problem, { path: init.hotKeysPath }),
  })
}

function free(reader: Reader, step: CleanupStep): Result<number, Failure> {
  if (step === 'shrink_store') reader.shrink()
  return ok(step === 'collect_garbage' ? collectGarbage() : 0)
}

type Means = { readonly reader: Reader; readonly generation: number; readonly cache: Cache; readonly recorder: MetricRecorder }

async function serve(context: Context, means: Means, ports: CallPorts): Promise<Served | Failure> {
  const { init, log, clock } = context
  const ipc = await serveIpc({
    socketPath: init.socketPath, clock,
    limits: {
      maxConnections: init.config.gateway.maxConnections, maxInFlight: init.config.gateway.maxInFlight,
      maxRequestBytes: init.config.gateway.maxRequestBytes, maxOutputBytes: init.config.gateway.maxOutputBytes,
    },
    handle: (method, args, call) => isReadMethod(method) && storeGeneration(init.shared) !== means.generation
      ? fail(failure('unavailable', 'the store is being replaced', { hint: 'ask again shortly' }))
      : answerCall(ports, method, args, call),
    onCall: callMeter(means.recorder),
    onBug: (error) => {
      log('error', 'a request failed by our fault', { error })
      tellOfDamage(context, means.reader, error)
    },
  })
  if (!ipc.ok) return ipc.error
  const http = init.config.http.enabled ? await serveWeb(context) : null
  if (isFailure(http)) {
    await ipc.value.close(0)
    return http
  }
  const told = await context.channel<ControlCalls>('control').call('listening', { http: http?.address ?? null })
  return told.ok ? { ipc: ipc.value, http } : told.error
}

/** A read has met damage: the repository thread sets the store aside, unless it has done so already. */
function tellOfDamage({ channel }: Context, reader: Reader, error: unknown): void {
  if (!(error instanceof FailureError) || error.failure.code !== 'damaged' || reader.place() !== 'in place') return
  channel<ImportCalls, ImportCasts>('imports').cast('metDamage', error.failure)
}

/** Counts and times every call. Handles are kept by method: making one costs more than the lookup it measures. */
function callMeter(recorder: MetricRecorder): NonNullable<IpcOptions['onCall']> {
  const durations = new Map<string, HistogramHandle>()
  return (known, durationMs, code) => {
    const method = known ?? 'unknown'
    let duration = durations.get(method)
    if (duration === undefined) {
      duration = recorder.histogram('elixir_scope_rpc_duration_seconds', [method])
      durations.set(method, duration)
    }
    duration.observe(durationMs / 1000)
    if (code !== undefined) recorder.counter('elixir_scope_rpc_errors_total', [method, code]).add()
  }
}

function callPorts({ init, channel, actors, clock }: Context, { reader, cache, recorder }: Means, subscribers: Subscribers): CallPorts {
  const repository: Channel<ImportCalls> = channel<ImportCalls>('imports')
  const main: Channel<ControlCalls> = channel<ControlCalls>('control')
  const reads = {
    cache_hit: recorder.counter('elixir_scope_reads_total', ['cache_hit']), store_hit: recorder.counter('elixir_scope_reads_total', ['store_hit']),
    store_miss: recorder.counter('elixir_scope_reads_total', ['store_miss']),
  }
  /** Then neither the thread nor the pool is there. */
  const isOff = (): Promise<Result<never, Failure>> | undefined => (init.config.capture.enabled ? undefined
    : Promise.resolve(fail(failure('unavailable', 'nothing is captured and no events can be read: capture.enabled is off', { hint: 'set capture.enabled to true and restart the daemon' }))))
  return {
    snapshot: turnSnapshot(reader, (run) => void setImmediate(run)),
    trees: createTreeCache(cache),
    answers: createAnswerCache({ cache, nowMs: clock.nowMs, onRead: (outcome) => reads[outcome].add() }),
    memory: { maxBytes: init.budget.maxBytes, usedBytes: () => process.memoryUsage.rss() },
    identity: init.identity,
    isVerified: () => isVerified(init.shared),
    isStale: () => pendingFiles(init.shared) > 0,
    settle: async () => {
      const settled = await actors.call(SYNCHRONIZER, { type: 'settle' } satisfies SynchronizerBody, init.config.query.timeoutMs)
      // The snapshot of this turn may be older than what it waited for.
      if (settled.ok) await new Promise<void>((resolve) => void setImmediate(resolve))
      return settled as Result<Settled, Failure>
    },
    subscribe: subscribers.add,
    write: (method, args) => actors.call(CORE, { method, args } satisfies CoreBody, init.config.storage.transactionTimeoutMs),
    importProject: ({ force }, { notify }) => repository.call('import', { force }, { timeoutMs: 'infinity', onProgress: (progress) => notify('import_progress', progress) }),
    task: (method, args, { notify, signal }) => channel<TaskCalls>('tasks').call(method, args as Args<TaskMethod>, {
      timeoutMs: 'infinity', signal, onProgress: (progress) => notify('verify_progress', progress),
    }),
    capture: (method, args) => isOff() ?? actors.call(actorFor(method), { method, args } satisfies CaptureBody, init.config.storage.transactionTimeoutMs),
    events: async (question, { signal }) => {
      const answer = await (isOff() ?? channel<QueryCalls>('events').call('query', question, { timeoutMs: 'infinity', signal }))
      return answer.ok ? ok(new EncodedResult(answer.value)) : answer
    },
    control: (method, args) => main.call('control', { method, args }, { timeoutMs: init.config.query.timeoutMs }),
  }
}

async function serveWeb({ init, channel }: Context): Promise<HttpServer | Failure> {
  const main = channel<ControlCalls>('control')
  const { host, port } = init.config.http
  const served: Result<HttpServer, Failure> = await serveHttp({
    host, port,
    health: async () => {
      const health = await main.call('control', { method: 'health_check', args: {} })
      return health.ok ? (health.value as Health) : health.error
    },
    metrics: init.config.metrics.enabled ? () => main.call('renderMetrics', null) : null,
  })
  return served.ok ? served.value : served.error
}
