/**
 * Events through a daemon: over the socket, decoded, tied to the code, stored, and on disk before they are acknowledged; from one
 * connection and from four, each in a process of its own. Then lookups as clients make them, while nothing comes in.
 */

import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { must as present } from '../src/base/assert.ts'
import { must, startBenchDaemon, withHome, type BenchDaemon } from './daemon.ts'

const BATCHES = 512
const LOOKUPS = 300

export async function benchEventsOverSocket(dir: string): Promise<object> {
  return withHome(async (home) => {
    const daemon = await startBenchDaemon(dir, home, { 'capture.residentBlocks': '256', 'capture.maxAgeMs': 'null' })
    try {
      await daemon.client.call('import_project', {}, { timeoutMs: 600_000 })
      const one = await from(daemon, 1)
      const four = await from(daemon, 4)
      const stats = must(await daemon.client.call('get_event_stats', {}))
      return { one_connection: one, four_connections: four, events: stats.total_events, disk_bytes_per_event: round(stats.bytes_on_disk / stats.total_events), lookups: await lookups(daemon), peak_rss_mb: round((daemon.peakRssBytes() ?? 0) / 2 ** 20) }
    } finally {
      await daemon.stop()
    }
  })
}

async function from(daemon: BenchDaemon, nConnections: number): Promise<object> {
  const agentSocket = present(must(await daemon.client.call('list_nodes', {})).listening[0], 'where agents connect')
  const cpuBefore = cpuSeconds(daemon.pid)
  const sent = await Promise.all(Array.from({ length: nConnections }, async (_, idx) => {
    const { stdout } = await promisify(execFile)(process.execPath, [join(import.meta.dirname, 'events-sender.ts'), agentSocket, String(nConnections * 10 + idx), String(Math.round(BATCHES / nConnections))])
    return JSON.parse(stdout) as { seconds: number; events: number }
  }))
  const events = sent.reduce((sum, each) => sum + each.events, 0)
  const seconds = Math.max(...sent.map((each) => each.seconds))
  const cpu = cpuSeconds(daemon.pid) - cpuBefore
  return { events, seconds: round(seconds), events_per_s: Math.round(events / seconds), daemon_cpu_ns_per_event: round((cpu / events) * 1e9) }
}

async function lookups({ client }: BenchDaemon): Promise<object> {
  const page = must(await client.call('query_events', { limit: 1000, event_type: 'call' })).value.events
  const timed = async (filterOf: (event: (typeof page)[number]) => Record<string, unknown>): Promise<object> => {
    const times: number[] = []
    for (let i = 0; i < LOOKUPS; i++) {
      const filter = filterOf(present(page[(i * 37) % page.length], 'an event'))
      const startedMs = performance.now()
      must(await client.call('query_events', { ...filter, limit: 100 }))
      times.push(performance.now() - startedMs)
    }
    times.sort((a, b) => a - b)
    return { p50_ms: round(times[Math.floor(times.length * 0.5)] ?? 0), p95_ms: round(times[Math.floor(times.length * 0.95)] ?? 0) }
  }
  return {
    by_pid: await timed(({ pid, node }) => ({ pid, node })),
    by_function: await timed(({ mfa }) => ({ module: mfa?.split('.').slice(0, -1).join('.'), function: /([^.]+)\/\d+$/.exec(mfa ?? '')?.[1] })),
    by_correlation: await timed(({ correlation_id: id }) => (id === null ? { event_type: 'exit' } : { correlation_id: id })),
  }
}

/** User and system time of all its threads, where the system tells. */
function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) / 100
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}
