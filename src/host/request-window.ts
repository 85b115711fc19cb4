/**
 * How the requests of the last interval went, from the difference of two readings of the metrics. Pure.
 */

import type { FailureCode } from '../base/failure.ts'
import { METRICS } from './metric-names.ts'
import type { MetricRecord } from './metric-recorder.ts'

/** Sums since the daemon started. */
export type RequestTotals = { readonly buckets: readonly number[]; readonly nFaults: number }

export type RequestWindow = {
  readonly nCalls: number
  /** Calls that failed by our fault, not by their caller's. */
  readonly nFaults: number
  /** Upper bound of the bucket that the 95th percentile falls into; Infinity beyond the last, 0 without calls. */
  readonly p95Ms: number
}

const FAULTS: ReadonlySet<string> = new Set<FailureCode>(['internal', 'unavailable', 'timeout', 'damaged', 'storage_full'])
const BOUNDS = METRICS.elixir_scope_rpc_duration_seconds.buckets

export const NO_REQUESTS: RequestTotals = { buckets: Array.from({ length: BOUNDS.length + 1 }, () => 0), nFaults: 0 }

/** An import takes as long as the project is large, and who waits for a task wants to wait: they say nothing about latency. */
const LONG_CALLS: readonly string[] = ['import_project', 'verify', 'repair', 'optimize', 'vacuum', 'task.await']
/** Answered with what became of something else, which may have been cancelled. */
const ABOUT_OTHERS: readonly string[] = ['task.await']

export function requestTotals(records: readonly MetricRecord[]): RequestTotals {
  const buckets = [...NO_REQUESTS.buckets]
  let nFaults = 0
  for (const record of records) {
    const [method = '', code = ''] = record.labels
    if (record.name === 'elixir_scope_rpc_errors_total' && FAULTS.has(code) && !ABOUT_OTHERS.includes(method)) nFaults += record.value
    if (record.name !== 'elixir_scope_rpc_duration_seconds' || LONG_CALLS.includes(method)) continue
    record.buckets?.forEach((n, at) => {
      buckets[at] = (buckets[at] ?? 0) + n
    })
  }
  return { buckets, nFaults }
}

export function requestWindow(before: RequestTotals, after: RequestTotals): RequestWindow {
  const counts = after.buckets.map((n, at) => n - (before.buckets[at] ?? 0))
  const nCalls = counts.reduce((sum, n) => sum + n, 0)
  return { nCalls, nFaults: after.nFaults - before.nFaults, p95Ms: quantileMs(counts, nCalls, 0.95) }
}

/** Upper bound of the bucket that this share of the calls falls into; Infinity beyond the last, 0 without calls. */
export function quantileMs(counts: readonly number[], nCalls: number, share: number): number {
  if (nCalls === 0) return 0
  let seen = 0
  const at = counts.findIndex((n) => {
    seen += n
    return seen >= nCalls * share
  })
  return (BOUNDS[at] ?? Infinity) * 1000
}
