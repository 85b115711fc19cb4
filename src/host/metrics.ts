/**
 * The daemon's metrics as Prometheus reads them: those of the process, collected by prom-client, and our own, which all
 * threads record (`metric-recorder.ts`). Lives in the main thread; nothing here decides anything.
 */

import { collectDefaultMetrics, Registry, type Metric } from 'prom-client'
import type { TreeNode } from '../otp/starter.ts'
import { METRICS, type MetricName, type MetricSpec } from './metric-names.ts'
import { createMetricRecorder, type MetricRecord, type MetricRecorder } from './metric-recorder.ts'

export type Metrics = {
  readonly recorder: MetricRecorder
  /** Also for whoever wants to add to it. */
  readonly registry: Registry
  render(): Promise<{ readonly contentType: string; readonly text: string }>
}

/** `process: 'collected'` starts prom-client's own observers, once per process. */
export function createMetrics({ process }: { readonly process: 'collected' | 'left out' }): Metrics {
  const registry = new Registry()
  const recorder = createMetricRecorder()
  if (process === 'collected') collectDefaultMetrics({ register: registry })
  for (const name of Object.keys(METRICS) as MetricName[]) registry.registerMetric(asMetric(name, recorder))
  return {
    recorder, registry,
    render: async () => ({ contentType: registry.contentType, text: await registry.metrics() }),
  }
}

/** What the tree shows of its children, as gauges and restart counts; of those started for one task each, how many there are. */
export function recordTree(recorder: MetricRecorder, node: TreeNode, parent = ''): void {
  const path = parent === '' ? node.id : `${parent}/${node.id}`
  recorder.gauge('elixir_scope_child_up', [path]).set(node.state === 'running' ? 1 : 0)
  recorder.counter('elixir_scope_child_restarts_total', [path]).advanceTo(node.restarts)
  if (node.mailbox !== undefined) recorder.gauge('elixir_scope_child_mailbox_length', [path]).set(node.mailbox)
  if (node.kind === 'thread' && node.heapBytes !== undefined) recorder.gauge('elixir_scope_thread_heap_bytes', [node.id]).set(node.heapBytes)
  if (node.kind === 'thread' && node.utilization !== undefined) recorder.gauge('elixir_scope_thread_utilization_ratio', [node.id]).set(node.utilization)
  if (node.strategy === 'simple_one_for_one') recorder.gauge('elixir_scope_dynamic_children', [path]).set(node.children?.length ?? 0)
  else for (const child of node.children ?? []) recordTree(recorder, child, path)
}

/** The shape that a registry asks its metrics for; reading the recorder when asked, it holds nothing itself. */
function asMetric(name: MetricName, recorder: MetricRecorder): Metric {
  const spec: MetricSpec = METRICS[name]
  const metric = {
    name, help: spec.help, type: spec.kind, labelNames: spec.labels,
    get: () => Promise.resolve({
      name, help: spec.help, type: spec.kind, aggregator: 'sum',
      values: recorder.records().filter((record) => record.name === name).flatMap((record) => samples(record, spec)),
    }),
    reset: () => undefined,
  }
  return metric as unknown as Metric
}

type Sample = { readonly metricName?: string; readonly value: number; readonly labels: Readonly<Record<string, string | number>> }

function samples({ name, labels, value, buckets }: MetricRecord, spec: MetricSpec): Sample[] {
  const named = Object.fromEntries(spec.labels.map((label, at) => [label, labels[at] ?? '']))
  if (!buckets || !spec.buckets) return [{ value, labels: named }]
  let count = 0
  const cumulative = buckets.map((n, at): Sample => {
    count += n
    return { metricName: `${name}_bucket`, labels: { ...named, le: spec.buckets?.[at] ?? '+Inf' }, value: count }
  })
  return [...cumulative, { metricName: `${name}_sum`, labels: named, value }, { metricName: `${name}_count`, labels: named, value: count }]
}
