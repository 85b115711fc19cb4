/** What the live tree tells of itself, as metrics: read when somebody asks for them, never in between. */

import type { MetricRecorder } from '../src/host/metric-recorder.ts'
import { recordTree } from '../src/host/metrics.ts'
import type { TreeNode } from '../src/otp/starter.ts'
import { PARSER_LANES } from '../src/project/parser.actor.ts'

type Stats = Readonly<Record<string, number>>

export function measureTree(recorder: MetricRecorder, tree: TreeNode): void {
  recordTree(recorder, tree)
  measureRepository(recorder, statsOf(tree, 'repository'))
  measureGateway(recorder, statsOf(tree, 'gateway'))
  measureParser(recorder, statsOf(tree, 'parser'))
}

function measureRepository(recorder: MetricRecorder, stats: Stats | undefined): void {
  if (stats === undefined) return
  for (const kind of ['files', 'modules', 'functions', 'calls', 'problems']) {
    recorder.gauge('elixir_scope_repository_rows', [kind]).set(stats[kind] ?? 0)
  }
  recorder.gauge('elixir_scope_repository_bytes', ['database']).set(stats['databaseBytes'] ?? 0)
  recorder.gauge('elixir_scope_repository_bytes', ['wal']).set(stats['walBytes'] ?? 0)
  recorder.gauge('elixir_scope_repository_epoch', []).set(stats['epoch'] ?? 0)
  const rolledBack = stats['rolledBack'] ?? 0
  recorder.counter('elixir_scope_store_transactions_total', ['committed']).advanceTo((stats['transactions'] ?? 0) - rolledBack)
  recorder.counter('elixir_scope_store_transactions_total', ['rolled back']).advanceTo(rolledBack)
  recorder.counter('elixir_scope_store_rows_written_total', []).advanceTo(stats['rowsWritten'] ?? 0)
  recorder.counter('elixir_scope_store_wait_seconds_total', []).advanceTo((stats['waitMs'] ?? 0) / 1000)
  recorder.counter('elixir_scope_store_commit_seconds_total', []).advanceTo((stats['commitMs'] ?? 0) / 1000)
}

function measureGateway(recorder: MetricRecorder, stats: Stats | undefined): void {
  if (stats === undefined) return
  recorder.gauge('elixir_scope_rpc_connections', []).set(stats['connections'] ?? 0)
  recorder.gauge('elixir_scope_rpc_in_flight', []).set(stats['inFlight'] ?? 0)
  recorder.counter('elixir_scope_rpc_shed_total', ['connection']).advanceTo(stats['refused'] ?? 0)
  recorder.counter('elixir_scope_rpc_shed_total', ['notification']).advanceTo(stats['notificationsShed'] ?? 0)
  recorder.gauge('elixir_scope_store_snapshot_age_seconds', ['gateway']).set((stats['oldestSnapshotMs'] ?? 0) / 1000)
  recorder.counter('elixir_scope_store_snapshots_expired_total', ['gateway']).advanceTo(stats['expired'] ?? 0)
}

function measureParser(recorder: MetricRecorder, stats: Stats | undefined): void {
  if (stats === undefined) return
  const pool = 'parser'
  recorder.gauge('elixir_scope_pool_threads', [pool]).set(stats['threads'] ?? 0)
  recorder.gauge('elixir_scope_pool_quarantined', [pool]).set(stats['quarantined'] ?? 0)
  for (const lane of PARSER_LANES) {
    recorder.gauge('elixir_scope_pool_tasks', [pool, lane, 'running']).set(stats[`${lane}.running`] ?? 0)
    recorder.gauge('elixir_scope_pool_tasks', [pool, lane, 'waiting']).set(stats[`${lane}.waiting`] ?? 0)
    recorder.counter('elixir_scope_pool_refused_total', [pool, lane]).advanceTo(stats[`${lane}.refused`] ?? 0)
  }
  recorder.counter('elixir_scope_pool_deaths_total', [pool]).advanceTo(stats['deaths'] ?? 0)
}

function statsOf(node: TreeNode, id: string): Stats | undefined {
  if (node.id === id) return node.stats
  for (const child of node.children ?? []) {
    const found = statsOf(child, id)
    if (found !== undefined) return found
  }
  return undefined
}
