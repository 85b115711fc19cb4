/** What main answers about memory: to clients, and to the memory thread, which sees the heaps of others only through main. */

import { readFileSync } from 'node:fs'
import { totalmem } from 'node:os'
import type { Config } from '../config/schema.ts'
import { failure, type Failure } from '../src/base/failure.ts'
import { fail, ok, type Result } from '../src/base/result.ts'
import { collectGarbage } from '../src/host/collect-garbage.ts'
import type { MemoryState } from '../src/host/health.ts'
import type { MetricRecorder } from '../src/host/metric-recorder.ts'
import { memoryBudget, type MemoryBudget } from '../src/memory/budget.ts'
import type { CacheStats } from '../src/memory/cache.ts'
import { severityOf } from '../src/memory/levels.ts'
import type { MonitorStatistics } from '../src/memory/monitor.actor.ts'
import { levelOf } from '../src/memory/pressure-cell.ts'
import type { PressureStatus } from '../src/memory/pressure-handler.actor.ts'
import { MEMORY_ACTORS, type CacheManagerBody, type CleanupReport, type CleanupStep, type MonitorBody, type PressureHandlerBody } from '../src/memory/protocol.ts'
import { readMemoryReadings } from '../src/memory/readings.ts'
import type { ThreadHeap } from '../src/memory/sample.ts'
import type { Tree } from '../src/otp/node/tree.ts'
import type { AnyService, CallHandlers } from '../src/otp/service.ts'
import type { TreeNode } from '../src/otp/starter.ts'
import type { Reply } from '../src/wire/methods.ts'
import type { MemoryCleanup } from '../src/wire/records.ts'
import type { HeapCalls } from '../workers/calls.ts'
import { pressureCellOf, type SharedState } from '../workers/shared-state.ts'

/** A cleaning may take as long as its steps may. */
const CLEANUP_TIMEOUT_MS = 60_000

export function readBudget({ memory }: Config): MemoryBudget {
  const readText = (path: string): string | undefined => {
    try {
      return readFileSync(path, 'utf8')
    } catch {
      return undefined // no such limit here
    }
  }
  return memoryBudget(readMemoryReadings({ totalBytes: totalmem(), readText }), memory)
}

export function memoryState(shared: SharedState, { maxBytes }: MemoryBudget): MemoryState {
  return { level: levelOf(pressureCellOf(shared)), usedBytes: process.memoryUsage.rss(), maxBytes }
}

export function measureMemory(recorder: MetricRecorder, { level, maxBytes }: MemoryState): void {
  recorder.gauge('elixir_scope_memory_pressure_level', []).set(severityOf(level))
  recorder.gauge('elixir_scope_memory_limit_bytes', []).set(maxBytes)
}

export function memoryCalls(tree: () => Tree, budget: MemoryBudget) {
  const ask = async <T>(actor: string, body: MonitorBody | CacheManagerBody | PressureHandlerBody, timeoutMs?: number) =>
    (await tree().actors.call(actor, body, timeoutMs)) as Result<T, Failure>
  return {
    memory_status: async (): Promise<Result<Reply<'memory_status'>, Failure>> => {
      const [monitor, handler, caches] = await Promise.all([
        ask<MonitorStatistics>(MEMORY_ACTORS.monitor, { type: 'statistics' }),
        ask<PressureStatus>(MEMORY_ACTORS.pressureHandler, { type: 'status' }),
        ask<CacheStats>(MEMORY_ACTORS.cacheManager, { type: 'stats' }),
      ])
      if (!monitor.ok) return monitor
      if (!handler.ok) return handler
      return caches.ok ? presentMemory(monitor.value, handler.value, caches.value, budget) : caches
    },
    emergency_cleanup: async (): Promise<Result<MemoryCleanup, Failure>> => {
      const report = await ask<CleanupReport>(MEMORY_ACTORS.pressureHandler, { type: 'emergency_cleanup' }, CLEANUP_TIMEOUT_MS)
      return report.ok ? ok(presentCleanup(report.value)) : report
    },
  }
}

export function memoryService(tree: () => Tree): AnyService {
  const calls: CallHandlers<HeapCalls> = {
    heaps: () => {
      const threads = threadsOf(tree().view())
      const heaps: ThreadHeap[] = threads.flatMap(({ id, heapBytes }) => (heapBytes === undefined ? [] : [{ thread: id, usedBytes: heapBytes }]))
      const { heapUsed, external } = process.memoryUsage()
      return ok({
        heaps: [{ thread: 'main', usedBytes: heapUsed }, ...heaps],
        externalBytes: threads.reduce((sum, { stats }) => sum + (stats?.['externalBytes'] ?? 0), external),
      })
    },
    free: (step: CleanupStep) => {
      if (step === 'release_idle_pools') tree().pool('parser').releaseIdle()
      return ok(step === 'collect_garbage' ? collectGarbage() : 0)
    },
  }
  return { calls }
}

function threadsOf(node: TreeNode): readonly TreeNode[] {
  return node.kind === 'thread' ? [node] : (node.children ?? []).flatMap(threadsOf)
}

function presentMemory(monitor: MonitorStatistics, handler: PressureStatus, caches: CacheStats, { source }: MemoryBudget): Result<Reply<'memory_status'>, Failure> {
  const { last, usedBytes, maxBytes } = monitor
  if (last === undefined) return fail(failure('unavailable', 'memory has not been sampled yet', { hint: 'try again in a moment' }))
  return ok({
    level: handler.level, used_bytes: usedBytes, max_bytes: maxBytes, limit_from: source, peak_bytes: monitor.peakBytes,
    growth_bytes_per_second: monitor.growthBytesPerSecond,
    resident_bytes: last.rssBytes, external_bytes: last.externalBytes, shared_bytes: last.sharedBytes, database_bytes: last.databaseBytes, wal_bytes: last.walBytes,
    heaps: last.heaps.map(({ thread, usedBytes: used }) => ({ thread, used_bytes: used })),
    caches: {
      bytes: caches.bytes, max_bytes: caches.maxBytes, ratio: caches.ratio,
      views: Object.entries(caches.views).map(([name, { entries, bytes, hits, misses }]) => ({ name, entries, bytes, hits, misses })),
    },
    moves: handler.nMoves, cleaning: handler.cleaning ?? null, cleanups: handler.nCleanups, freed_bytes: handler.freedBytes,
    last_cleanup: handler.lastCleanup === undefined ? null : presentCleanup(handler.lastCleanup),
  })
}

function presentCleanup({ mode, freedBytes, tookMs, steps }: CleanupReport): MemoryCleanup {
  return {
    mode, freed_bytes: freedBytes, took_ms: tookMs,
    steps: steps.map(({ step, freedBytes: freed, failed }) => ({ step, freed_bytes: freed, failed: failed ?? null })),
  }
}
