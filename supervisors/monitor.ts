/**
 * Reads the metrics as a whole, for whoever asks, and keeps two earlier readings, so that the figures of `status` are always
 * those of the last one or two intervals.
 */

import type { MetricRecorder } from '../src/host/metric-recorder.ts'
import { monitoringBetween, type Reading } from '../src/host/monitoring.ts'
import { freeBytesAt } from '../src/host/preflight.ts'
import { systemClock } from '../src/otp/node/message-port.ts'
import type { TreeNode } from '../src/otp/starter.ts'
import type { Monitoring } from '../src/wire/records.ts'
import { measureTree } from './measure.ts'

export type MonitorPorts = {
  readonly recorder: MetricRecorder
  /** The live tree. */
  readonly view: () => TreeNode
  /** Where free space counts. */
  readonly directory: string
  readonly intervalMs: number
}

export type Monitor = {
  /** Brings the metrics up to date that are read when somebody asks. */
  measure(): void
  figures(): Monitoring
  stop(): void
}

export function createMonitor({ recorder, view, directory, intervalMs }: MonitorPorts): Monitor {
  const measure = (): void => {
    measureTree(recorder, view())
    const free = freeBytesAt(directory)
    if (free !== null) recorder.gauge('elixir_scope_disk_free_bytes', []).set(free)
  }
  let earlier: readonly [older: Reading, newer: Reading] = [read(recorder), read(recorder)]
  const timer = setInterval(() => {
    measure()
    earlier = [earlier[1], read(recorder)]
  }, intervalMs)
  timer.unref()
  return {
    measure,
    figures: () => {
      measure()
      return monitoringBetween(earlier[0], read(recorder), process.memoryUsage.rss())
    },
    stop: () => clearInterval(timer),
  }
}

function read(recorder: MetricRecorder): Reading {
  const { user, system } = process.cpuUsage()
  return { atMs: systemClock.nowMs(), cpuMs: (user + system) / 1000, records: recorder.records() }
}
