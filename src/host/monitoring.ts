/**
 * What the requirement documents want watched, name by name: where each stands in /metrics and in `status`, or what it joins
 * with. And the figures of `status`, from the difference of two readings of the metrics. Pure.
 */

import { METHODS, type Method } from '../wire/methods.ts'
import type { Monitoring } from '../wire/records.ts'
import type { MetricName } from './metric-names.ts'
import type { MetricRecord } from './metric-recorder.ts'
import { quantileMs, requestTotals } from './request-window.ts'

export type Watched =
  /** `figure`: the field of `monitoring` in `daemon_status`. `ask`: how a Prometheus server is asked for it. */
  | { readonly metrics: readonly string[]; readonly ask: string; readonly figure: keyof Monitoring | null; readonly note?: string }
  | { readonly joinsWith: string }

/** Of the last bucket that has a bound. */
const LONGEST_MS = 60_000
const DURATION = 'elixir_scope_rpc_duration_seconds'

function quantile(methods: string): string {
  return `histogram_quantile(0.95, sum by (le) (rate(${DURATION}_bucket{method${methods}}[5m])))`
}

export const WATCHED: Readonly<Record<string, Watched>> = {
  query_latency: { metrics: [DURATION], ask: quantile('=~"get_.*|list_.*"'), figure: 'query_latency', note: 'p50, p95 and p99' },
  correlation_latency: { joinsWith: 'run-time capture' },
  update_latency: {
    metrics: [DURATION, 'elixir_scope_store_commit_seconds_total', 'elixir_scope_import_duration_seconds'], ask: quantile('=~"(store|update|delete|cleanup)_.*|batch_store|bulk_update"'), figure: 'update_latency',
    note: 'p50, p95 and p99; imports apart',
  },
  queries_per_second: { metrics: [DURATION], ask: `sum(rate(${DURATION}_count{method=~"get_.*|list_.*"}[5m]))`, figure: 'queries_per_second' },
  correlations_per_second: { joinsWith: 'run-time capture' },
  updates_per_second: { metrics: ['elixir_scope_store_transactions_total'], ask: 'sum(rate(elixir_scope_store_transactions_total[5m]))', figure: 'updates_per_second' },
  memory_usage: {
    metrics: ['process_resident_memory_bytes', 'elixir_scope_memory_bytes', 'elixir_scope_thread_heap_bytes'], ask: 'process_resident_memory_bytes', figure: 'memory_usage',
    note: 'growth: deriv(process_resident_memory_bytes[30m]), and `memory_status`',
  },
  cpu_usage: { metrics: ['process_cpu_seconds_total', 'elixir_scope_thread_utilization_ratio'], ask: 'rate(process_cpu_seconds_total[5m])', figure: 'cpu_usage', note: 'of one processor' },
  disk_usage: { metrics: ['elixir_scope_repository_bytes', 'elixir_scope_disk_free_bytes'], ask: 'sum(elixir_scope_repository_bytes)', figure: 'disk_usage' },
  correlation_accuracy: { joinsWith: 'run-time capture' },
  query_cache_hit_rate: {
    metrics: ['elixir_scope_cache_hits_total', 'elixir_scope_cache_misses_total'], figure: 'query_cache_hit_rate',
    ask: 'sum(rate(elixir_scope_cache_hits_total[5m])) / (sum(rate(elixir_scope_cache_hits_total[5m])) + sum(rate(elixir_scope_cache_misses_total[5m])))',
  },
  index_effectiveness: { joinsWith: 'queries' },
  error_rate: {
    metrics: ['elixir_scope_rpc_errors_total', DURATION], ask: `sum by (code) (rate(elixir_scope_rpc_errors_total[5m])) / ignoring(code) group_left sum(rate(${DURATION}_count[5m]))`,
    figure: 'error_rate', note: 'by code; `status` counts those that are our fault',
  },
  deadlock_frequency: {
    metrics: ['elixir_scope_store_wait_seconds_total', 'elixir_scope_store_snapshot_age_seconds'], ask: 'rate(elixir_scope_store_wait_seconds_total[5m])', figure: null,
    note: 'none can form: there is one writer, and readers take no lock. What would go wrong instead is a writer that waits or a reader that holds on',
  },
  consistency_violations: { metrics: ['elixir_scope_store_set_aside_total'], ask: 'sum(elixir_scope_store_set_aside_total)', figure: 'consistency_violations', note: 'since the daemon started' },
}

/** The checks of the requirement documents -> the services of `health_check`; `joinsWith` as above. */
export const WATCHED_HEALTH: Readonly<Record<string, { readonly services: readonly string[]; readonly limits?: string } | { readonly joinsWith: string }>> = {
  check_repository_accessibility: { services: ['repository', 'ElixirScope.AST.Repository.Core', 'gateway'] },
  check_correlation_system_health: { joinsWith: 'run-time capture' },
  check_index_integrity: { services: ['store'] },
  check_memory_usage: { services: ['memory', 'disk'], limits: '`memory.*Percent`, `storage.minFreeBytes`' },
  check_performance_thresholds: { services: ['requests'], limits: '`health.latencyP95Ms`, `health.errorRate`' },
}

/** The metrics at one time. `cpuMs`: what the process has used of processors by then. */
export type Reading = { readonly atMs: number; readonly cpuMs: number; readonly records: readonly MetricRecord[] }

export function monitoringBetween(before: Reading, after: Reading, rssBytes: number): Monitoring {
  const windowMs = Math.max(1, after.atMs - before.atMs)
  const [reads, writes] = (['read', 'write'] as const).map((runs) => latency(before.records, after.records, runs))
  const since = (name: MetricName): number => sum(after.records, name) - sum(before.records, name)
  const [hits, misses] = [since('elixir_scope_cache_hits_total'), since('elixir_scope_cache_misses_total')]
  const totals = [before, after].map(({ records }) => requestTotals(records))
  const nFaults = (totals[1]?.nFaults ?? 0) - (totals[0]?.nFaults ?? 0)
  const nCalls = (reads?.n ?? 0) + (writes?.n ?? 0)
  return {
    window_ms: Math.round(windowMs),
    query_latency: reads?.quantiles ?? null, update_latency: writes?.quantiles ?? null,
    queries_per_second: perSecond(reads?.n ?? 0, windowMs), updates_per_second: perSecond(since('elixir_scope_store_transactions_total'), windowMs),
    memory_usage: rssBytes, cpu_usage: round((after.cpuMs - before.cpuMs) / windowMs), disk_usage: sum(after.records, 'elixir_scope_repository_bytes'),
    query_cache_hit_rate: hits + misses === 0 ? null : round(hits / (hits + misses)),
    error_rate: nCalls === 0 ? null : round(Math.min(1, nFaults / nCalls)), errors: errorsByCode(before.records, after.records),
    consistency_violations: sum(after.records, 'elixir_scope_store_set_aside_total'),
  }
}

type Latency = { readonly n: number; readonly quantiles: Monitoring['query_latency'] }

function latency(before: readonly MetricRecord[], after: readonly MetricRecord[], runs: 'read' | 'write'): Latency {
  const isMeant = ({ labels: [method = ''] }: MetricRecord): boolean => Object.hasOwn(METHODS, method) && METHODS[method as Method].runs === runs
  const [old, now] = [requestTotals(before.filter(isMeant)).buckets, requestTotals(after.filter(isMeant)).buckets]
  const counts = now.map((n, at) => n - (old[at] ?? 0))
  const n = counts.reduce((all, one) => all + one, 0)
  const at = (share: number): number => Math.min(LONGEST_MS, quantileMs(counts, n, share))
  return { n, quantiles: n === 0 ? null : { p50_ms: at(0.5), p95_ms: at(0.95), p99_ms: at(0.99) } }
}

function errorsByCode(before: readonly MetricRecord[], after: readonly MetricRecord[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const [records, sign] of [[before, -1], [after, 1]] as const) {
    for (const { name, labels: [, code = ''], value } of records) {
      if (name === 'elixir_scope_rpc_errors_total') counts[code] = (counts[code] ?? 0) + sign * value
    }
  }
  return Object.fromEntries(Object.entries(counts).filter(([, n]) => n > 0))
}

function sum(records: readonly MetricRecord[], name: MetricName): number {
  return records.reduce((all, record) => (record.name === name ? all + record.value : all), 0)
}

function perSecond(n: number, windowMs: number): number {
  return round((n * 1000) / windowMs)
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000
}
