/** What caches tell of themselves, as metrics: those of the gateway thread, and the views of any other. */

import type { MetricRecorder } from '../src/host/metric-recorder.ts'
import { hitRate, type CacheStats } from '../src/memory/cache.ts'

export function measureCaches(recorder: MetricRecorder, stats: CacheStats): void {
  recorder.gauge('elixir_scope_cache_limit_bytes', []).set(stats.maxBytes * stats.ratio)
  for (const [tier, { bytes }] of Object.entries(stats.tiers)) recorder.gauge('elixir_scope_cache_tier_bytes', [tier]).set(bytes)
  measureViews(recorder, stats)
}

export function measureViews(recorder: MetricRecorder, { views }: Pick<CacheStats, 'views'>): void {
  for (const [cache, view] of Object.entries(views)) {
    recorder.gauge('elixir_scope_cache_bytes', [cache]).set(view.bytes)
    recorder.gauge('elixir_scope_cache_hit_ratio', [cache]).set(hitRate(view) ?? 0)
    recorder.counter('elixir_scope_cache_misses_total', [cache]).advanceTo(view.misses)
    for (const [tier, hits] of Object.entries(view.hitsIn)) recorder.counter('elixir_scope_cache_hits_total', [cache, tier]).advanceTo(hits)
    for (const [why, n] of Object.entries(view.evictions)) recorder.counter('elixir_scope_cache_evictions_total', [cache, why]).advanceTo(n)
  }
}
