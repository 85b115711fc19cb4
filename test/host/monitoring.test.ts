/** What is to be watched: its names against those of the requirement documents, its figures against known calls, its docs. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { metricsTables } from '../../src/host/metrics-reference.ts'
import { createMetricRecorder, type MetricRecorder } from '../../src/host/metric-recorder.ts'
import { METRICS } from '../../src/host/metric-names.ts'
import { monitoringBetween, WATCHED, WATCHED_HEALTH, type Reading } from '../../src/host/monitoring.ts'
import { monitoring } from '../../src/wire/records.ts'

const SPECIFIED = [
  'query_latency', 'correlation_latency', 'update_latency', 'queries_per_second', 'correlations_per_second', 'updates_per_second',
  'memory_usage', 'cpu_usage', 'disk_usage', 'correlation_accuracy', 'query_cache_hit_rate', 'index_effectiveness',
  'error_rate', 'deadlock_frequency', 'consistency_violations',
]
const SPECIFIED_CHECKS = ['check_repository_accessibility', 'check_correlation_system_health', 'check_index_integrity', 'check_memory_usage', 'check_performance_thresholds']

test('every name of the requirement documents is there, or says what it joins with', () => {
  expect(Object.keys(WATCHED)).toEqual(SPECIFIED)
  expect(Object.keys(WATCHED_HEALTH)).toEqual(SPECIFIED_CHECKS)
})

test('what is watched by a metric of our own is one, also in PromQL', () => {
  for (const watched of Object.values(WATCHED)) {
    if ('joinsWith' in watched) continue
    const asked = [...watched.ask.matchAll(/elixir_scope_[a-z_]+/g)].map(([name]) => name.replace(/_(?:bucket|count|sum)$/, ''))
    for (const name of [...watched.metrics.filter((metric) => metric.startsWith('elixir_scope_')), ...asked]) expect(Object.keys(METRICS)).toContain(name)
  }
})

test('every figure of status is watched', () => {
  const figures = Object.values(WATCHED).flatMap((watched) => ('joinsWith' in watched || watched.figure === null ? [] : [watched.figure]))
  expect([...figures, 'window_ms', 'errors'].toSorted()).toEqual(Object.keys(monitoring.shape).toSorted())
})

function reading(atMs: number, cpuMs: number, record: (recorder: MetricRecorder) => void, recorder = createMetricRecorder()): Reading {
  record(recorder)
  return { atMs, cpuMs, records: recorder.records() }
}

test('the figures are those of the time between two readings', () => {
  const recorder = createMetricRecorder()
  const call = (method: string, n: number, seconds: number): void => {
    for (let i = 0; i < n; i++) recorder.histogram('elixir_scope_rpc_duration_seconds', [method]).observe(seconds)
  }
  const before = reading(1000, 100, () => {
    call('get_module', 1000, 9)
    recorder.counter('elixir_scope_rpc_errors_total', ['get_module', 'internal']).add(500)
    recorder.counter('elixir_scope_store_set_aside_total', ['damaged']).add(1)
    recorder.counter('elixir_scope_store_transactions_total', ['committed']).add(7)
  }, recorder)
  const after = reading(11_000, 2600, () => {
    call('get_module', 60, 0.001)
    call('list_modules', 38, 0.01)
    call('get_function', 2, 999)
    call('store_module', 10, 0.05)
    call('import_project', 1, 30)
    call('health_check', 5, 0.2)
    recorder.counter('elixir_scope_rpc_errors_total', ['get_module', 'internal']).add(11)
    recorder.counter('elixir_scope_rpc_errors_total', ['get_module', 'not_found']).add(4)
    recorder.counter('elixir_scope_store_transactions_total', ['committed']).add(25)
    recorder.counter('elixir_scope_cache_hits_total', ['answers', 'l1']).add(30)
    recorder.counter('elixir_scope_cache_misses_total', ['answers']).add(10)
    for (const [file, bytes] of [['database', 4000], ['wal', 96]] as const) recorder.gauge('elixir_scope_repository_bytes', [file]).set(bytes)
  }, recorder)
  const figures = monitoringBetween(before, after, 777)
  expect(figures).toEqual({
    window_ms: 10_000, query_latency: { p50_ms: 1, p95_ms: 10, p99_ms: 60_000 }, update_latency: { p50_ms: 50, p95_ms: 50, p99_ms: 50 },
    queries_per_second: 10, updates_per_second: 2.5, memory_usage: 777, cpu_usage: 0.25, disk_usage: 4096, query_cache_hit_rate: 0.75,
    error_rate: 0.1, errors: { internal: 11, not_found: 4 }, consistency_violations: 1,
  })
  expect(monitoring.parse(figures)).toEqual(figures)
})

test('without calls there is no latency and no share', () => {
  const idle = reading(0, 0, () => undefined)
  expect(monitoringBetween(idle, { ...idle, atMs: 5000 }, 1)).toMatchObject({ query_latency: null, update_latency: null, queries_per_second: 0, query_cache_hit_rate: null, error_rate: null, errors: {} })
})

test('docs/METRICS.md shows these tables', async () => {
  const path = join(import.meta.dirname, '../../docs/METRICS.md')
  const written = readFileSync(path, 'utf8')
  const tables = metricsTables()
  for (const name of Object.keys(tables)) expect(written).toContain(`<!-- drawn: ${name} -->`)
  const drawn = written.replaceAll(/(<!-- drawn: (\w+) -->\n)[\s\S]*?(<!-- end -->)/g, (_all, opening: string, name: string, closing: string) => `${opening}${tables[name] ?? ''}\n${closing}`)
  await expect(drawn).toMatchFileSnapshot(path)
})
