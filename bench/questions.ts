/**
 * Questions about events through a daemon that holds a million: asked for the first time, and again while nothing changes; and in a store
 * that takes an event before each question, with the Cache and without it: what keeping costs where nothing is ever found.
 */

import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { must as present } from '../src/base/assert.ts'
import { QUERY_CACHE } from '../src/querying/protocol.ts'
import { QUERYING } from '../supervisors/placement.ts'
import type { EventMethod } from '../src/wire/methods.ts'
import { must, startBenchDaemon, withHome, type BenchDaemon } from './daemon.ts'

const BATCHES = 61
const TURNS = 8
const TIMES = 15

type Question = { readonly method: EventMethod; readonly args: Record<string, unknown> }

export async function benchQuestions(dir: string): Promise<object> {
  return withHome(async (home) => {
    const daemon = await startBenchDaemon(dir, home, { 'capture.maxAgeMs': 'null', 'query.idleMs': '600000', 'query.timeoutMs': '120000' })
    try {
      await daemon.client.call('import_project', {}, { timeoutMs: 600_000 })
      const agentSocket = present(must(await daemon.client.call('list_nodes', {})).listening[0], 'where agents connect')
      await promisify(execFile)(process.execPath, [join(import.meta.dirname, 'events-sender.ts'), agentSocket, '1', String(BATCHES)])
      const stats = must(await daemon.client.call('get_event_stats', {}))
      const questions = await questionsOn(daemon)
      const measured: Record<string, object> = {}
      for (const [name, question] of Object.entries(questions)) measured[name] = await measure(daemon, question)
      return { events: stats.total_events, questions: measured }
    } finally {
      await daemon.stop()
    }
  })
}

async function questionsOn({ client }: BenchDaemon): Promise<Record<string, Question>> {
  const { events } = must(await client.call('query_events', { limit: 1, event_type: 'call' })).value
  const { event_id, pid, mfa } = present(events[0], 'a call')
  return {
    by_id: { method: 'get_event_by_id', args: { event_id } },
    page_of_10: { method: 'query_events', args: { limit: 10, order: 'desc' } },
    page_of_1000: { method: 'query_events', args: { limit: 1000 } },
    by_pid: { method: 'query_events', args: { pid, limit: 100 } },
    counts: { method: 'count_events', args: { by: 'function', limit: 1000 } },
    insights: { method: 'get_runtime_insights', args: { of: mfa } },
    hotspots: { method: 'get_hotspots', args: {} },
    never_executed: { method: 'find_never_executed', args: {} },
    call_tree: { method: 'get_call_tree', args: { pid } },
  }
}

/** In turns, so that what else the machine does befalls all alike. */
async function measure({ client }: BenchDaemon, { method, args }: Question): Promise<object> {
  const cache = { supervisor: QUERYING, child: QUERY_CACHE }
  const ask = async (into: number[]): Promise<void> => {
    const startedMs = performance.now()
    must(await client.call(method, args as never, { timeoutMs: 120_000 }))
    into.push(performance.now() - startedMs)
  }
  const store = () => client.call('store_event', { event: { event_type: 'annotation' } })
  const times = { first: [] as number[], at_rest: { with_cache: [] as number[], without: [] as number[] }, live: { with_cache: [] as number[], without: [] as number[] } }
  await ask(times.first)
  for (let turn = 0; turn < TURNS; turn++) {
    for (const state of ['without', 'with_cache'] as const) {
      must(await client.call(`supervisor.${state === 'without' ? 'terminate' : 'restart'}_child`, cache))
      await ask([])
      for (let n = 0; n < TIMES; n++) await ask(times.at_rest[state])
      for (let n = 0; n < TIMES; n++) {
        await store()
        await ask(times.live[state])
      }
    }
  }
  return { first_ms: round(times.first[0] ?? 0), at_rest: figures(times.at_rest), live: figures(times.live) }
}

function figures(times: Readonly<Record<string, number[]>>): object {
  return Object.fromEntries(Object.entries(times).map(([name, all]) => {
    const sorted = all.toSorted((a, b) => a - b)
    const at = (share: number): number => round(sorted[Math.floor(sorted.length * share)] ?? 0)
    return [name, { p10_ms: at(0.1), p50_ms: at(0.5), p95_ms: at(0.95) }]
  }))
}

function round(ms: number): number {
  return Math.round(ms * 1000) / 1000
}
