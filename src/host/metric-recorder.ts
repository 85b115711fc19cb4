/**
 * Counts and measures within one thread, cheaply: whoever counts often keeps the handle. What was recorded is handed on
 * as plain records (`drain`) and added up in the main thread (`merge`), so that a thread that dies takes at most the last
 * interval with it. Pure: no clock, no registry.
 *
 * Invariant: draining one recorder into another loses and doubles nothing, in whatever order and however often.
 */

import { METRICS, type LabelValues, type MetricName, type MetricSpec, type NamesOf } from './metric-names.ts'

/** Counters and histograms hold what came since the last drain, gauges what is. Crosses threads as it is. */
export type MetricRecord = {
  readonly name: MetricName
  readonly labels: readonly string[]
  /** The count, the gauge, or the sum of a histogram's values. */
  readonly value: number
  /** Values per bucket (not cumulative), one more than the bounds for those above all. Histograms only. */
  readonly buckets?: readonly number[]
}

export type CounterHandle = {
  add(n?: number): void
  /** For what is counted elsewhere from 0 on: adds what came since. A total that fell was started anew. */
  advanceTo(total: number): void
}
export type GaugeHandle = { set(value: number): void }
export type HistogramHandle = { observe(value: number): void }

export type MetricRecorder = {
  counter<N extends NamesOf<'counter'>>(name: N, labels: LabelValues<N>): CounterHandle
  gauge<N extends NamesOf<'gauge'>>(name: N, labels: LabelValues<N>): GaugeHandle
  histogram<N extends NamesOf<'histogram'>>(name: N, labels: LabelValues<N>): HistogramHandle
  /** All that is recorded, by name and labels. */
  records(): MetricRecord[]
  /** The same, without what is zero, and counts from zero again. */
  drain(): MetricRecord[]
  merge(records: readonly MetricRecord[]): void
}

type Cell = { readonly name: MetricName; readonly labels: readonly string[]; value: number; total: number; readonly buckets: number[] | undefined }

export function createMetricRecorder(): MetricRecorder {
  const cells = new Map<string, Cell>()
  const cellOf = (name: MetricName, labels: readonly string[]): Cell => {
    const key = [name, ...labels].join('\0')
    let cell = cells.get(key)
    if (!cell) {
      const { buckets }: MetricSpec = METRICS[name]
      cell = { name, labels: [...labels], value: 0, total: 0, buckets: buckets && Array.from({ length: buckets.length + 1 }, () => 0) }
      cells.set(key, cell)
    }
    return cell
  }
  const recorder: MetricRecorder = {
    counter: (name, labels) => counterHandle(cellOf(name, labels)),
    gauge: (name, labels) => {
      const cell = cellOf(name, labels)
      return {
        set: (value) => {
          cell.value = value
        },
      }
    },
    histogram: (name, labels) => histogramHandle(cellOf(name, labels), METRICS[name].buckets),
    records: () => [...cells.values()].sort(byNameAndLabels).map(recordOf),
    drain: () => {
      const records = recorder.records().filter((record) => !isEmpty(record))
      for (const cell of cells.values()) if (METRICS[cell.name].kind !== 'gauge') clear(cell)
      return records
    },
    merge: (records) => {
      for (const record of records) addTo(cellOf(record.name, record.labels), record)
    },
  }
  return recorder
}

function counterHandle(cell: Cell): CounterHandle {
  return {
    add: (n = 1) => {
      cell.value += n
    },
    advanceTo: (total) => {
      cell.value += total >= cell.total ? total - cell.total : total
      cell.total = total
    },
  }
}

function histogramHandle(cell: Cell, bounds: readonly number[]): HistogramHandle {
  return {
    observe: (value) => {
      let at = 0
      while (at < bounds.length && value > (bounds[at] ?? Infinity)) at += 1
      if (cell.buckets) cell.buckets[at] = (cell.buckets[at] ?? 0) + 1
      cell.value += value
    },
  }
}

function addTo(cell: Cell, { value, buckets }: MetricRecord): void {
  cell.value = METRICS[cell.name].kind === 'gauge' ? value : cell.value + value
  buckets?.forEach((n, at) => {
    if (cell.buckets) cell.buckets[at] = (cell.buckets[at] ?? 0) + n
  })
}

function recordOf({ name, labels, value, buckets }: Cell): MetricRecord {
  return { name, labels, value, ...(buckets === undefined ? {} : { buckets: [...buckets] }) }
}

function isEmpty({ name, value, buckets }: MetricRecord): boolean {
  return METRICS[name].kind !== 'gauge' && value === 0 && (buckets?.every((n) => n === 0) ?? true)
}

function clear(cell: Cell): void {
  cell.value = 0
  cell.buckets?.fill(0)
}

function byNameAndLabels(a: Cell, b: Cell): number {
  const [left, right] = [[a.name, ...a.labels].join('\0'), [b.name, ...b.labels].join('\0')]
  if (left === right) return 0
  return left < right ? -1 : 1
}
