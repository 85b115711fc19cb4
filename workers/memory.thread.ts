/**
 * The memory thread: the four actors of memory management, and what they need of others. It samples the process, settles
 * the pressure level in the cell that every thread reads, and has memory freed where it is: caches in the gateway thread and
 * the Cache of Querying in main, page caches and log of the store, idle parser threads, garbage everywhere. What it needs survives
 * in the cell, so a new life of it goes on where the last one was; while it is gone, the level stays.
 */

import { statfsSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { failure, type Failure } from '../src/base/failure.ts'
import { fail, ok, type Result } from '../src/base/result.ts'
import { collectGarbage } from '../src/host/collect-garbage.ts'
import { createMetricRecorder, type MetricRecorder } from '../src/host/metric-recorder.ts'
import { cacheManagerActor } from '../src/memory/cache-manager.actor.ts'
import { cleanerActor } from '../src/memory/cleaner.actor.ts'
import { N_HOTTEST } from '../src/memory/hottest.ts'
import type { Thresholds } from '../src/memory/levels.ts'
import { monitorActor } from '../src/memory/monitor.actor.ts'
import { inAll, pressurePort } from '../src/memory/ports.ts'
import { pressureHandlerActor } from '../src/memory/pressure-handler.actor.ts'
import { MEMORY_ACTORS, MEMORY_PORTS, type CacheOperation, type CleanupStep } from '../src/memory/protocol.ts'
import type { MemorySample } from '../src/memory/sample.ts'
import type { Actor } from '../src/otp/actor.ts'
import type { CallMap } from '../src/otp/channel.ts'
import { runThread, type ThreadContext } from '../src/otp/node/run-thread.ts'
import { promisePort } from '../src/otp/promise-port.ts'
import { QUERY_CACHE, type CacheBody } from '../src/querying/protocol.ts'
import type { CacheCalls, FreeCalls, HeapCalls, MetricCasts, PressureCasts, SupervisionCalls } from './calls.ts'
import { pressureCellOf, type SharedState } from './shared-state.ts'

export type MemoryInit = {
  readonly storePath: string
  readonly maxBytes: number
  readonly thresholds: Thresholds
  readonly shared: SharedState
}

type Context = ThreadContext<MemoryInit>

/** Below the deadline of a cleanup step. */
const FREE_TIMEOUT_MS = 9000
const HEAPS_TIMEOUT_MS = 1000
/** What statfs calls the file systems that live in memory. */
const TMPFS = 0x01021994
const RAMFS = 0x858458f6

runThread<MemoryInit>((context) => {
  const { init, channel } = context
  const recorder = createMetricRecorder()
  const cell = pressureCellOf(init.shared)
  const gateway = channel<CacheCalls, PressureCasts>('memory.gateway')
  return {
    actors: {
      [MEMORY_ACTORS.monitor]: () => given(monitorActor, { maxBytes: init.maxBytes }),
      [MEMORY_ACTORS.cacheManager]: () => given(cacheManagerActor, { nHottest: N_HOTTEST }),
      [MEMORY_ACTORS.cleaner]: () => cleanerActor,
      [MEMORY_ACTORS.pressureHandler]: () => given(pressureHandlerActor, { cell, thresholds: init.thresholds }),
    },
    ports: {
      [MEMORY_PORTS.sampler]: promisePort(async () => {
        const taken = await sample(context)
        measure(context, recorder, taken)
        return ok(taken)
      }),
      [MEMORY_PORTS.cleanup]: promisePort((step: CleanupStep) => free(context, recorder, step)),
      [MEMORY_PORTS.caches]: promisePort(async (operation: CacheOperation) => {
        // Whoever is not there has no caches; it sizes them by the level when it makes them.
        return inAll(await Promise.all([gateway.call('caches', operation), context.actors.call(QUERY_CACHE, operation satisfies CacheBody)]), operation)
      }),
      [MEMORY_PORTS.pressure]: pressurePort(cell, (fields) => void gateway.cast('pressure', fields)),
      [MEMORY_PORTS.cleaner]: promisePort(() => channel<SupervisionCalls>('supervision').call('startOnDemand', { name: MEMORY_ACTORS.cleaner })),
    },
  }
})

/** The actor with the arguments of its start. */
function given<State, Body, Args>(actor: Actor<State, Body, Args>, args: Args): Actor<State, Body> {
  return { ...actor, init: (_none, nowMs) => actor.init(args, nowMs) }
}

/** Main being late or gone leaves out the heaps, which only tell people where memory is. */
async function sample({ init, channel }: Context): Promise<MemorySample> {
  const heaps = await channel<HeapCalls>('memory.main').call('heaps', null, { timeoutMs: HEAPS_TIMEOUT_MS })
  return {
    rssBytes: process.memoryUsage.rss(), ...(heaps.ok ? heaps.value : { heaps: [], externalBytes: 0 }), sharedBytes: init.shared.buffer.byteLength,
    databaseBytes: sizeOf(init.storePath), walBytes: sizeOf(`${init.storePath}-wal`), filesIn: filesIn(dirname(init.storePath)),
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0
}

function filesIn(directory: string): MemorySample['filesIn'] {
  const { type } = statfsSync(directory)
  return type === TMPFS || type === RAMFS ? 'memory' : 'disk'
}

function measure({ channel }: Context, recorder: MetricRecorder, { rssBytes, heaps, externalBytes, sharedBytes, databaseBytes, walBytes }: MemorySample): void {
  const heapBytes = heaps.reduce((sum, { usedBytes }) => sum + usedBytes, 0)
  const sizes = { resident: rssBytes, heap: heapBytes, external: externalBytes, shared: sharedBytes, database: databaseBytes, wal: walBytes }
  for (const [kind, bytes] of Object.entries(sizes)) recorder.gauge('elixir_scope_memory_bytes', [kind]).set(bytes)
  channel<CallMap, MetricCasts>('metrics').cast('records', recorder.drain())
}

/** Every thread does of a step what it can. One that is being restarted holds nothing. */
async function free({ channel }: Context, recorder: MetricRecorder, step: CleanupStep): Promise<Result<number, Failure>> {
  const asked = ['memory.repository', 'memory.gateway', 'memory.main'].map((wire) => channel<FreeCalls>(wire).call('free', step, { timeoutMs: FREE_TIMEOUT_MS }))
  const answers = await Promise.all(asked)
  const freedBytes = answers.reduce((sum, answer) => sum + (answer.ok ? answer.value : 0), step === 'collect_garbage' ? collectGarbage() : 0)
  const failed = answers.find((answer) => !answer.ok && answer.error.code !== 'unavailable')
  recorder.counter('elixir_scope_memory_cleanup_steps_total', [step, failed === undefined ? 'done' : 'failed']).add()
  recorder.counter('elixir_scope_memory_freed_bytes_total', [step]).add(freedBytes)
  return failed === undefined || failed.ok ? ok(freedBytes) : fail(failure(failed.error.code, failed.error.message))
}
