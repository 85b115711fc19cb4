/**
 * Every metric of our own: name, kind, help, labels. Names follow the Prometheus conventions (base units, `_total` for
 * what only grows). Label values come from small fixed sets, never from what a client or a file says.
 */

export type MetricSpec = {
  readonly kind: 'counter' | 'gauge' | 'histogram'
  readonly help: string
  readonly labels: readonly string[]
  /** Upper bounds of a histogram's buckets, rising. */
  readonly buckets?: readonly number[]
}

/** From a lookup in memory to an import. */
const SECONDS = [0.000_05, 0.0001, 0.000_25, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2.5, 5, 10, 30, 60]

const counter = <L extends readonly string[]>(help: string, ...labels: L) => ({ kind: 'counter', help, labels }) as const
const gauge = <L extends readonly string[]>(help: string, ...labels: L) => ({ kind: 'gauge', help, labels }) as const
const histogram = <L extends readonly string[]>(help: string, ...labels: L) => ({ kind: 'histogram', help, labels, buckets: SECONDS }) as const

export const METRICS = {
  elixir_scope_info: gauge('Always 1; the labels say what runs.', 'version', 'node_version', 'profile'),
  elixir_scope_health_status: gauge('0 healthy, 1 degraded, 2 unhealthy.', 'service'),

  elixir_scope_rpc_duration_seconds: histogram('Time from a request read to its answer written.', 'method'),
  elixir_scope_rpc_errors_total: counter('Requests answered with an error.', 'method', 'code'),
  elixir_scope_rpc_in_flight: gauge('Requests under way.'),
  elixir_scope_rpc_connections: gauge('Open connections.'),
  elixir_scope_rpc_shed_total: counter('Connections and notifications turned away to keep memory bounded.', 'what'),

  elixir_scope_reads_total: counter('Reads by who answered: cache_hit, store_hit, or nobody (store_miss).', 'outcome'),
  elixir_scope_cache_hits_total: counter('Lookups that a cache answered, by the tier that the value was in.', 'cache', 'tier'),
  elixir_scope_cache_hit_ratio: gauge('Share of lookups that a cache answered since its thread started.', 'cache'),
  elixir_scope_cache_misses_total: counter('Lookups that a cache did not answer.', 'cache'),
  elixir_scope_cache_evictions_total: counter('Values that left a cache, and why.', 'cache', 'why'),
  elixir_scope_cache_bytes: gauge('Bytes that a cache keeps.', 'cache'),
  elixir_scope_cache_tier_bytes: gauge('Bytes in a tier, over the caches of the gateway.', 'tier'),
  elixir_scope_cache_limit_bytes: gauge('Bytes that the caches of the gateway together may keep at the present memory pressure.'),

  elixir_scope_memory_pressure_level: gauge('0 normal, 1 warning, 2 critical, 3 emergency.'),
  elixir_scope_memory_limit_bytes: gauge('What the daemon may use (memory.maxBytes).'),
  elixir_scope_memory_bytes: gauge('Memory in use (resident; heap and external are parts of it), and files.', 'kind'),
  elixir_scope_memory_cleanup_steps_total: counter('Steps of cleaning outside the caches.', 'step', 'outcome'),
  elixir_scope_memory_freed_bytes_total: counter('Bytes that they freed, as far as known.', 'step'),
  elixir_scope_writes_total: counter('Writes of clients: stored, stored_with_pressure, storage_rejected.', 'outcome'),

  elixir_scope_events_total: counter('Events taken from nodes.'),
  elixir_scope_events_unpaired_total: counter('Returns and exceptions whose call was not seen: they have no duration.'),
  elixir_scope_open_calls: gauge('Calls that wait for their return.'),
  elixir_scope_calls_given_up_total: counter('Calls that wait no more, since events were missing or too many calls were open.'),
  elixir_scope_event_places_left_out_total: counter('Places in the code that found no room in a block: their events have none.'),
  elixir_scope_questions_total: counter('Questions about events: cached, joined (another asked the same at that moment), worked_out, failed.', 'outcome'),
  elixir_scope_questions: gauge('Questions about events that have been asked and not answered.'),

  elixir_scope_import_duration_seconds: histogram('Time of an import.', 'outcome'),
  elixir_scope_import_files_total: counter('Files that imports dealt with.', 'outcome'),
  elixir_scope_repository_rows: gauge('What the repository holds.', 'kind'),
  elixir_scope_repository_bytes: gauge('Size on disk.', 'file'),
  elixir_scope_disk_free_bytes: gauge('Free where the state directory is.'),
  elixir_scope_repository_epoch: gauge('Number of the last state written.'),
  elixir_scope_store_transactions_total: counter('Write transactions.', 'outcome'),
  elixir_scope_store_rows_written_total: counter('Rows written.'),
  elixir_scope_store_wait_seconds_total: counter('Time that the writer waited for its lock.'),
  elixir_scope_store_commit_seconds_total: counter('Time spent in commits.'),
  elixir_scope_store_set_aside_total: counter('Damaged stores that were set aside and built anew.', 'reason'),
  elixir_scope_store_snapshot_age_seconds: gauge('Age of the oldest state that a reader holds.', 'thread'),
  elixir_scope_store_snapshots_expired_total: counter('Snapshots ended because they were held too long.', 'thread'),

  elixir_scope_child_up: gauge('1 while the child of the supervision tree runs.', 'child'),
  elixir_scope_child_restarts_total: counter('Restarts of a child of the supervision tree.', 'child'),
  elixir_scope_dynamic_children: gauge('Children of a supervisor that starts one for each task.', 'child'),
  elixir_scope_child_mailbox_length: gauge('Messages and calls that a child has yet to deal with.', 'child'),
  elixir_scope_thread_heap_bytes: gauge('Heap in use.', 'thread'),
  elixir_scope_thread_utilization_ratio: gauge('Share of time that the event loop was busy.', 'thread'),
  elixir_scope_pool_threads: gauge('Threads of the pool.', 'pool'),
  elixir_scope_pool_tasks: gauge('Tasks of the pool, by the kind of work (lane).', 'pool', 'lane', 'state'),
  elixir_scope_pool_refused_total: counter('Tasks answered busy, by the kind of work (lane).', 'pool', 'lane'),
  elixir_scope_pool_quarantined: gauge('What the pool does not try again before it changes.', 'pool'),
  elixir_scope_pool_deaths_total: counter('Threads of the pool that died.', 'pool'),

  elixir_scope_circuit_state: gauge('0 closed, 1 half open, 2 open.', 'name'),
  elixir_scope_circuit_transitions_total: counter('Changes of state of a circuit breaker.', 'name', 'to'),
  elixir_scope_circuit_refused_total: counter('Calls refused because a circuit was open.', 'name'),

  elixir_scope_log_lines_total: counter('Lines logged.', 'level'),
  elixir_scope_log_lines_dropped_total: counter('Lines that could not be written.'),
} as const satisfies Readonly<Record<string, MetricSpec>>

export type MetricName = keyof typeof METRICS
export type NamesOf<K extends MetricSpec['kind']> = { [N in MetricName]: (typeof METRICS)[N]['kind'] extends K ? N : never }[MetricName]
type Texts<L extends readonly string[]> = { readonly [I in keyof L]: string }
/** One text per label of the metric, in the order of its labels. */
export type LabelValues<N extends MetricName> = Texts<(typeof METRICS)[N]['labels']>
