/**
 * Following files, through a real daemon on a copy of a project: one file saved until a query sees it, a thousand files at
 * once, a restart after so many changes, a steady stream of saves, and what it costs while nothing happens.
 */

import { appendFileSync, cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Client } from '../src/client/client.ts'
import { must, startBenchDaemon, withHome, type BenchDaemon } from './daemon.ts'

export type SyncBench = { readonly dir: string; readonly streamSeconds: number }

const SAVES = 100
const MANY = 1000
const PER_SECOND = 100
const IDLE_MS = 10_000

export function benchSync({ dir, streamSeconds }: SyncBench): Promise<object> {
  return withHome(async (home) => {
    const root = join(home, 'project')
    cpSync(dir, root, { recursive: true })
    const files = sourcesIn(root)
    return { files: files.length, ...(await live(root, home, files, streamSeconds)), ...(await restarts(root, home, files)) }
  })
}

async function live(root: string, home: string, files: readonly string[], streamSeconds: number): Promise<object> {
  const daemon = await startBenchDaemon(root, home)
  try {
    must(await daemon.client.call('import_project', {}, { timeoutMs: Infinity }))
    await settled(daemon.client)
    const saves = await oneByOne(daemon.client, files)
    const idle = await idleFor(daemon)
    const stream = await streamFor(daemon, files, streamSeconds)
    return { one_save: saves, at_once: await atOnce(daemon.client, files), stream, idle }
  } finally {
    await daemon.stop()
  }
}

/** `visible_ms` is as a reader that keeps asking sees it, the watcher's window (10 ms) in it; `waited_ms` with one call that waits. */
async function oneByOne(client: Client, files: readonly string[]): Promise<object> {
  const [visible, waited]: [number[], number[]] = [[], []]
  for (let n = 0; n < SAVES; n++) {
    const name = `BenchSaved${n}`
    const path = files[n % files.length] ?? ''
    const before = performance.now()
    appendFileSync(path, `\ndefmodule ${name} do\n  def f(x), do: x\nend\n`)
    if (n % 2 === 0) {
      while (!(await client.call('get_module', { module_name: name })).ok);
      visible.push(performance.now() - before)
    } else {
      must(await client.call('get_module', { module_name: name, wait: true }))
      waited.push(performance.now() - before)
    }
  }
  return { saves: SAVES, visible_ms: spread(visible), waited_ms: spread(waited) }
}

async function atOnce(client: Client, files: readonly string[]): Promise<object> {
  const changed = files.slice(0, MANY)
  const before = performance.now()
  for (const path of changed) appendFileSync(path, '\n# changed with many others\ndefmodule Bench.Many.M' + changed.indexOf(path) + ' do\nend\n')
  const written = performance.now() - before
  await settled(client)
  return { files: changed.length, writing_ms: written, settled_ms: performance.now() - before }
}

/** Saves at a fixed rate, whatever becomes of them; how far behind the store is, once a second. */
async function streamFor(daemon: BenchDaemon, files: readonly string[], seconds: number): Promise<object> {
  const lags: number[] = []
  const cpuBefore = cpuSeconds(daemon.pid)
  const started = performance.now()
  for (let n = 0; n < seconds * PER_SECOND; n++) {
    const due = started + (n * 1000) / PER_SECOND
    await pause(due - performance.now())
    const path = files[n % files.length] ?? ''
    writeFileSync(path, `${readFileSync(path, 'utf8')}\n# ${n}\n`)
    if (n % PER_SECOND === 0) {
      const asked = performance.now()
      void settled(daemon.client).then(() => lags.push(performance.now() - asked))
    }
  }
  await settled(daemon.client)
  const took = (performance.now() - started) / 1000
  return { seconds: took, per_second: PER_SECOND, behind_ms: spread(lags), cpu_share: (cpuSeconds(daemon.pid) - cpuBefore) / took }
}

async function idleFor(daemon: BenchDaemon): Promise<object> {
  await pause(IDLE_MS / 2)
  const before = cpuSeconds(daemon.pid)
  await pause(IDLE_MS)
  return { cpu_share: (cpuSeconds(daemon.pid) - before) / (IDLE_MS / 1000), rss_bytes: rssBytes(daemon.pid) }
}

/** From the start of the process to the first answer, and until every change made meanwhile is in. */
async function restarts(root: string, home: string, files: readonly string[]): Promise<object> {
  const after: Record<string, object> = {}
  for (const nChanged of [0, 1, MANY]) {
    for (const path of files.slice(0, nChanged)) appendFileSync(path, `\n# while it was down ${nChanged}\n`)
    const before = performance.now()
    const daemon = await startBenchDaemon(root, home)
    must(await daemon.client.call('list_modules', { limit: 1 }))
    const first = performance.now() - before
    await settled(daemon.client)
    after[`changed_${nChanged}`] = { first_answer_ms: first, in_step_ms: performance.now() - before }
    await daemon.stop()
  }
  return { restart: after }
}

async function settled(client: Client): Promise<void> {
  must(await client.call('hello', { wait: true }, { timeoutMs: 120_000 }))
}

function sourcesIn(root: string): string[] {
  return readdirSync(join(root, 'lib'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ex')).map((entry) => join(entry.parentPath, entry.name)).sort()
}

/** User and system time of all threads, from /proc; 0 where there is none. */
function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) / 100
}

function rssBytes(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024
}

function spread(values: readonly number[]): object {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0
  return { p50: at(0.5), p95: at(0.95), max: at(1) }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)))
}
