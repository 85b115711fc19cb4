/**
 * The configuration keys of the technical specification, each with its meaning here: the keys that carry it, or the
 * reason why none does yet. docs/CONFIG.md prints it; what deviates is explained in docs/DEVIATIONS.md.
 */

export type SpecifiedKey = {
  readonly name: string
  /** Default of the specification. */
  readonly specified: string
  /** Keys of the schema that carry the meaning; empty where there is none now. */
  readonly keys: readonly string[]
  readonly note: string
}

const none = (name: string, specified: string, note: string): SpecifiedKey => ({ name, specified, keys: [], note: `none: ${note}` })

export const SPECIFIED_KEYS: readonly SpecifiedKey[] = [
  { name: 'storage_backend', specified: 'ets', keys: ['storage.backend'], note: '`ets` is `memory` or `disk`; `mnesia` and `postgres` are refused' },
  { name: 'max_modules', specified: '10,000', keys: ['storage.maxModules'], note: '`null`, the default, sets no limit: a project is imported whole' },
  { name: 'max_correlations', specified: '1,000,000', keys: ['capture.maxEvents'], note: 'every event is tied to its place; `null`, the default, leaves the limit to age and bytes' },
  { name: 'cleanup_interval_ms', specified: '300,000', keys: ['capture.cleanupIntervalMs'], note: '' },
  { name: 'query_timeout_ms', specified: '30,000', keys: ['query.timeoutMs'], note: 'deadline of every call that reads' },
  { name: 'correlation_timeout_ms', specified: '5,000', keys: ['query.timeoutMs'], note: 'events are tied to their places as they come in; questions about them are reads' },
  { name: 'cache_size_mb', specified: '512', keys: ['memory.cachePercent'], note: 'a share of `memory.maxBytes`: 512 MiB of 2 GiB' },
  none('index_optimization_interval', '3,600 s', 'indexes are fixed; `optimize` runs when asked'),
  { name: 'max_concurrent_queries', specified: '100', keys: ['gateway.maxInFlight'], note: 'per connection; more are not read until one is answered' },
  none('max_concurrent_updates', '10', 'one writer applies updates one after the other; those that wait are bounded'),
  none('deadlock_timeout_ms', '10,000', 'no deadlock can form; `storage.snapshotMaxMs` bounds what a reader may hold up'),
  { name: 'transaction_timeout_ms', specified: '60,000', keys: ['storage.transactionTimeoutMs'], note: 'deadline of every call that writes' },
  none('consistency_level', 'eventual', 'every answer is from one snapshot and names its epoch'),
  none('validation_mode', 'strict', 'input is always validated'),
  none('repair_inconsistencies', 'true', 'a damaged store is always set aside and built anew from the files; `repair` mends what differs from them'),
  { name: 'metrics_enabled', specified: 'true', keys: ['metrics.enabled'], note: '' },
  { name: 'health_check_interval_ms', specified: '30,000', keys: ['health.intervalMs'], note: '' },
  {
    name: 'alert_thresholds', specified: '100 ms, 0.95, 2.0 GB, 0.01', keys: ['health.latencyP95Ms', 'memory.maxBytes', 'health.errorRate'],
    note: 'latency is the alert level of 200 ms; memory alerts at `memory.criticalPercent`; correlation accuracy is measured against probes once there are any',
  },
  { name: 'correlation_enabled', specified: 'true', keys: ['capture.enabled'], note: 'an event without its place costs as much' },
  { name: 'temporal_storage_enabled', specified: 'true', keys: ['capture.enabled'], note: '' },
  { name: 'incremental_updates_enabled', specified: 'true', keys: ['sync.watch'], note: '' },
  { name: 'cache_enabled', specified: 'true', keys: ['memory.cachePercent'], note: '`0` is `false`' },
  { name: 'debug_mode', specified: 'false', keys: ['log.level'], note: '`debug`' },
  { name: 'test_mode', specified: 'false', keys: ['profile'], note: '`test`' },
  none('profiling_enabled', 'false', 'costs nothing until `profile` asks for one'),
]
