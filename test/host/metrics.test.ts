/** What threads record -> what Prometheus reads; nothing is lost or doubled on the way. */

import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { METRICS } from '../../src/host/metric-names.ts'
import { createMetricRecorder, type MetricRecord } from '../../src/host/metric-recorder.ts'
import { createMetrics, recordTree } from '../../src/host/metrics.ts'
import type { TreeNode } from '../../src/otp/starter.ts'

async function rendered(use: (metrics: ReturnType<typeof createMetrics>) => void): Promise<string[]> {
  const metrics = createMetrics({ process: 'left out' })
  use(metrics)
  const { text } = await metrics.render()
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
}

test('names, units and labels follow the conventions', () => {
  const wrong = Object.entries(METRICS).filter(([name, { kind, help, labels }]) =>
    !/^elixir_scope_[a-z_]+$/.test(name) || (kind === 'counter') !== name.endsWith('_total') || (kind === 'histogram' && !name.endsWith('_seconds'))
    || !help.endsWith('.') || /_(ms|kb|mb)\b/.test(name) || labels.some((label) => !/^[a-z_]+$/.test(label)))
  expect(wrong).toEqual([])
})

test('every metric has its help and type from the first moment', async () => {
  const { text } = await createMetrics({ process: 'left out' }).render()
  expect(Object.entries(METRICS).filter(([name, { kind }]) => !text.includes(`# TYPE ${name} ${kind}\n`) && !text.endsWith(`# TYPE ${name} ${kind}`))).toEqual([])
})

test('the process is measured too', async () => {
  const { contentType, text } = await createMetrics({ process: 'collected' }).render()
  expect(contentType).toMatch(/^text\/plain; version=/)
  expect(text).toMatch(/^process_resident_memory_bytes \d+$/m)
  expect(text).toMatch(/^nodejs_eventloop_lag_seconds /m)
})

test('counters, gauges, labels that need escaping', async () => {
  const lines = await rendered(({ recorder }) => {
    recorder.counter('elixir_scope_rpc_errors_total', ['get_module', 'not_found']).add()
    recorder.counter('elixir_scope_rpc_errors_total', ['get_module', 'not_found']).add(2)
    recorder.gauge('elixir_scope_rpc_connections', []).set(5)
    recorder.gauge('elixir_scope_health_status', ['a"\n\\']).set(1)
  })
  expect(lines).toEqual([
    String.raw`elixir_scope_health_status{service="a\"\n\\"} 1`,
    'elixir_scope_rpc_errors_total{method="get_module",code="not_found"} 3', 'elixir_scope_rpc_connections 5',
  ])
})

test('a histogram counts what is up to each bound', async () => {
  const lines = await rendered(({ recorder }) => {
    const calls = recorder.histogram('elixir_scope_rpc_duration_seconds', ['hello'])
    for (const seconds of [0.000_01, 0.001, 0.0011, 1000]) calls.observe(seconds)
  })
  const bounds = METRICS.elixir_scope_rpc_duration_seconds.buckets
  const upTo = (bound: number): number => [0.000_01, 0.001, 0.0011].filter((seconds) => seconds <= bound).length
  expect(lines).toEqual([
    ...bounds.map((bound) => `elixir_scope_rpc_duration_seconds_bucket{method="hello",le="${bound}"} ${upTo(bound)}`),
    'elixir_scope_rpc_duration_seconds_bucket{method="hello",le="+Inf"} 4',
    'elixir_scope_rpc_duration_seconds_sum{method="hello"} 1000.00211', 'elixir_scope_rpc_duration_seconds_count{method="hello"} 4',
  ])
})

test('a total that is counted elsewhere: adds what came, and starts again where it fell', () => {
  const recorder = createMetricRecorder()
  const rows = recorder.counter('elixir_scope_store_rows_written_total', [])
  const drained = [3, 5, 5, 2].map((total) => {
    rows.advanceTo(total)
    return recorder.drain().map((record) => record.value)
  })
  expect(drained).toEqual([[3], [2], [], [2]])
})

test('a drained gauge is told again, a drained count is not', () => {
  const recorder = createMetricRecorder()
  recorder.gauge('elixir_scope_rpc_in_flight', []).set(1)
  recorder.counter('elixir_scope_store_rows_written_total', []).add(1)
  expect([recorder.drain().length, recorder.drain().map((record) => record.name)]).toEqual([2, ['elixir_scope_rpc_in_flight']])
})

type Action = { readonly thread: number; readonly method: string; readonly value: number; readonly drain: boolean }

test('however often threads hand over, the sums are those of one recorder', () => {
  const action: fc.Arbitrary<Action> = fc.record({
    thread: fc.nat(2), method: fc.constantFrom('hello', 'get_module'), value: fc.integer({ min: 0, max: 100 }), drain: fc.boolean(),
  })
  const seed = process.env['FC_SEED'] === undefined ? {} : { seed: Number(process.env['FC_SEED']) }
  fc.assert(fc.property(fc.array(action), (actions) => {
    const alone = createMetricRecorder()
    const main = createMetricRecorder()
    const threads = [0, 1, 2].map(createMetricRecorder)
    for (const { thread, method, value, drain } of actions) {
      const own = threads[thread] ?? alone
      for (const recorder of [alone, own]) {
        recorder.histogram('elixir_scope_rpc_duration_seconds', [method]).observe(value)
        recorder.counter('elixir_scope_rpc_errors_total', [method, 'busy']).add(value)
      }
      if (drain) main.merge(structuredClone(own.drain()))
    }
    for (const thread of threads) main.merge(thread.drain())
    const filled = (records: readonly MetricRecord[]): readonly MetricRecord[] => records.filter((record) => record.value > 0 || record.buckets?.some((n) => n > 0))
    expect(filled(main.records())).toEqual(filled(alone.records()))
  }), seed)
})

test('the tree as metrics', async () => {
  const leaf = (id: string, more: Partial<TreeNode>): TreeNode => ({ id, kind: 'thread', state: 'running', restart: 'permanent', restarts: 0, ...more })
  const tree: TreeNode = leaf('root', { kind: 'supervisor', children: [
    leaf('gateway', { restarts: 2, heapBytes: 1000, utilization: 0.5, mailbox: 3 }), leaf('parser', { kind: 'pool', state: 'restarting' }),
    leaf('tasks', { kind: 'supervisor', strategy: 'simple_one_for_one', children: [leaf('Task#1', {}), leaf('Task#7', {})] }),
  ] })
  const lines = await rendered(({ recorder }) => {
    recordTree(recorder, tree)
    recordTree(recorder, tree)
  })
  expect(lines).toEqual([
    'elixir_scope_child_up{child="root"} 1', 'elixir_scope_child_up{child="root/gateway"} 1', 'elixir_scope_child_up{child="root/parser"} 0', 'elixir_scope_child_up{child="root/tasks"} 1',
    'elixir_scope_child_restarts_total{child="root"} 0', 'elixir_scope_child_restarts_total{child="root/gateway"} 2', 'elixir_scope_child_restarts_total{child="root/parser"} 0', 'elixir_scope_child_restarts_total{child="root/tasks"} 0',
    'elixir_scope_dynamic_children{child="root/tasks"} 2',
    'elixir_scope_child_mailbox_length{child="root/gateway"} 3', 'elixir_scope_thread_heap_bytes{thread="gateway"} 1000', 'elixir_scope_thread_utilization_ratio{thread="gateway"} 0.5',
  ])
})
