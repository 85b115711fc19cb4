/**
 * What the four actors of memory management say to each other and to their ports: names, bodies, operations. The order of
 * start is Monitor, CacheManager, Cleaner, PressureHandler; each sends only to those before it, except the Monitor, which
 * casts its samples to the handler, and nothing waits for that.
 */

import type { CleanupMode } from './levels.ts'

/** The names under which the actors are registered. */
export const MEMORY_ACTORS = {
  monitor: 'ElixirScope.AST.Repository.MemoryManager.Monitor',
  cacheManager: 'ElixirScope.AST.Repository.MemoryManager.CacheManager',
  cleaner: 'ElixirScope.AST.Repository.MemoryManager.Cleaner',
  pressureHandler: 'ElixirScope.AST.Repository.MemoryManager.PressureHandler',
} as const

/** Ports that the system must have. What each operation answers stands beside it. */
export const MEMORY_PORTS = {
  /** `'sample'` -> MemorySample */
  sampler: 'memory.sampler',
  /** CacheOperation -> see there */
  caches: 'memory.caches',
  /** CleanupStep -> bytes freed, as far as known */
  cleanup: 'memory.cleanup',
  /** PressureAction -> nothing */
  pressure: 'memory.pressure',
  /** `'start'`: has the supervisor start the Cleaner again, which is temporary -> nothing */
  cleaner: 'memory.cleaner',
} as const

export type CacheOperation =
  | { readonly type: 'resize'; readonly ratio: number }
  /** -> bytes freed */
  | { readonly type: 'purge_expired' }
  /** -> bytes freed */
  | { readonly type: 'clear' }
  /** -> CacheStats */
  | { readonly type: 'stats' }
  | { readonly type: 'save_hottest'; readonly n: number }

/** Steps that free memory outside the caches. A port answers 0 for what it has nothing of. */
export const CLEANUP_STEPS = ['shrink_store', 'checkpoint_wal', 'release_idle_pools', 'collect_garbage'] as const
export type CleanupStep = (typeof CLEANUP_STEPS)[number]

export type MonitorBody =
  | { readonly type: 'sample_now' }
  | { readonly type: 'sample_every'; readonly ms: number }
  /** Answered with MonitorStatistics. */
  | { readonly type: 'statistics' }

/** `purge_expired` and `clear` answer bytes freed, `stats` CacheStats; `resize` is a cast. */
export type CacheManagerBody = Extract<CacheOperation, { type: 'resize' | 'purge_expired' | 'clear' | 'stats' }>

/** Answered with a CleanupReport. */
export type CleanerBody = { readonly type: 'clean'; readonly mode: CleanupMode }

export type CleanupReport = {
  readonly mode: CleanupMode
  readonly freedBytes: number
  readonly tookMs: number
  /** What was done, in order; a step that failed has `failed` and freed nothing. */
  readonly steps: readonly { readonly step: string; readonly freedBytes: number; readonly failed?: string }[]
}

export type PressureHandlerBody =
  | { readonly type: 'sampled'; readonly usedBytes: number; readonly maxBytes: number }
  /** A write that went ahead under pressure asks for cleaning. */
  | { readonly type: 'cleanup_wanted' }
  /** Answered with the CleanupReport of an emergency cleanup begun after the call. */
  | { readonly type: 'emergency_cleanup' }
  /** Answered with PressureStatus. */
  | { readonly type: 'status' }
