/**
 * What watching costs: memory and processor time while nothing changes, and how long a save takes to the cast that tells
 * of it, by each means and at three sizes. Every measurement is a process of its own; memory is what it holds more than
 * before it watched.
 */

import { fork } from 'node:child_process'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { DEFAULTS } from '../config/defaults.ts'
import { createActorSystem } from '../src/otp/actor-system.ts'
import type { Actor } from '../src/otp/actor.ts'
import { NORMAL } from '../src/otp/exit-reason.ts'
import { systemClock } from '../src/otp/node/message-port.ts'
import { fileWatcherActor } from '../src/project/watch/file-watcher.actor.ts'
import { FILE_WATCHER, SYNCHRONIZER, WATCHER_PORT } from '../src/project/watch/protocol.ts'
import type { ChangedMessage, Means } from '../src/project/watch/protocol.ts'
import { nodeWatchSystem } from '../src/project/watch/watch-system.ts'
import { watcherPort } from '../src/project/watch/watcher-port.ts'

const SIZES = [1000, 5000, 50_000]
const ALL_MEANS: readonly Means[] = ['chokidar', 'directories', 'polling']
const FILES_PER_DIRECTORY = 10
const SAVES = 200
const IDLE_MS = 10_000
const NFS = 0x6969

export async function benchWatch(): Promise<object> {
  const figures: Record<string, object> = {}
  for (const nFiles of SIZES) {
    const home = realpathSync(mkdtempSync(join(tmpdir(), 'watch-bench-')))
    try {
      generate(join(home, 'project'), nFiles)
      for (const means of ALL_MEANS) figures[`${nFiles}_files_${means}`] = await inChild(home, means)
    } finally {
      rmSync(home, { recursive: true, force: true })
    }
  }
  return figures
}

function generate(root: string, nFiles: number): void {
  for (let n = 0; n < nFiles; n++) {
    const directory = join(root, 'lib', `d${Math.floor(n / FILES_PER_DIRECTORY / 20)}`, `e${Math.floor(n / FILES_PER_DIRECTORY)}`)
    if (n % FILES_PER_DIRECTORY === 0) mkdirSync(directory, { recursive: true })
    writeFileSync(join(directory, `f${n}.ex`), 'defmodule A do\nend\n')
  }
}

function inChild(home: string, means: Means): Promise<object> {
  return new Promise((resolve, reject) => {
    const child = fork(import.meta.filename, ['measure', home, means], { execArgv: ['--expose-gc'] })
    child.on('message', (figures) => resolve(figures as object))
    child.on('exit', (code) => reject(new Error(`the measurement ended with ${code}`)))
  })
}

// In the child

type Scene = { readonly barrier: () => Promise<unknown>; readonly next: () => Promise<ChangedMessage>; readonly stop: () => void }

async function measure(home: string, means: Means): Promise<object> {
  const before = memory()
  const started = performance.now()
  const scene = open(home, means)
  await scene.next()
  const openMs = performance.now() - started
  await delay(1000)
  const held = memory() - before
  const cpu = process.cpuUsage()
  await delay(IDLE_MS)
  const { user, system } = process.cpuUsage(cpu)
  const latencies = means === 'polling' ? [] : await save(home, scene)
  const barriers = await waitForBarriers(scene)
  scene.stop()
  return {
    open_ms: Math.round(openMs), held_mb: Math.round(held / 1e5) / 10, idle_cpu_percent: Math.round((user + system) / IDLE_MS * 10) / 100,
    ...(latencies.length === 0 ? {} : { save_to_cast_ms: percentiles(latencies) }), barrier_ms: percentiles(barriers),
  }
}

function open(home: string, means: Means): Scene {
  let told: (message: ChangedMessage) => void = () => undefined
  const synchronizer: Actor<null, ChangedMessage> = {
    mailbox: { capacity: 100, overflow: 'shed' },
    init: () => ({ type: 'ok', state: null }),
    step: (state, msg) => {
      if (msg.type === 'cast') told(msg.body)
      return [state, []]
    },
  }
  const port = watcherPort({
    tree: { ...DEFAULTS.project, include: ['lib'], root: join(home, 'project') }, cookieDirectory: join(home, 'cookies'),
    maxChokidarFiles: means === 'chokidar' ? Infinity : 0, system: { ...nodeWatchSystem, fileSystemType: () => (means === 'polling' ? NFS : 0) },
  })
  const system = createActorSystem({ clock: systemClock, log: () => undefined, defer: (run) => void setImmediate(run), ports: { [WATCHER_PORT]: port } })
  system.spawn({ actor: synchronizer, name: SYNCHRONIZER })
  system.spawn({ actor: fileWatcherActor, name: FILE_WATCHER })
  return {
    barrier: () => system.call(FILE_WATCHER, { type: 'barrier' }, 'infinity'),
    next: () => new Promise((resolve) => void (told = resolve)),
    stop: () => system.stopAll(NORMAL),
  }
}

async function save(home: string, { next }: Scene): Promise<number[]> {
  const latencies: number[] = []
  for (let n = 0; n < SAVES; n++) {
    const told = next()
    const started = performance.now()
    writeFileSync(join(home, 'project/lib/d0', `e${n % 20}`, `f${(n % 20) * FILES_PER_DIRECTORY}.ex`), `# ${n}\n`)
    await told
    latencies.push(performance.now() - started)
    await delay(30)
  }
  return latencies
}

async function waitForBarriers({ barrier }: Scene): Promise<number[]> {
  const times: number[] = []
  for (let n = 0; n < 20; n++) {
    const started = performance.now()
    await barrier()
    times.push(performance.now() - started)
  }
  return times
}

function percentiles(times: readonly number[]): { readonly p50: number; readonly p95: number } {
  const sorted = times.toSorted((a, b) => a - b)
  const at = (share: number): number => Math.round((sorted[Math.floor(sorted.length * share)] ?? 0) * 100) / 100
  return { p50: at(0.5), p95: at(0.95) }
}

function memory(): number {
  globalThis.gc?.()
  return process.memoryUsage().rss
}

if (process.argv[2] === 'measure') process.send?.(await measure(process.argv[3] ?? '', process.argv[4] as Means), () => process.exit(0))
