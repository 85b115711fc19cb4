/** A writer in a process or thread of its own: killed anywhere, and read beside while it seals, retires and prunes. */

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { expect, test } from 'vitest'
import { realDisk } from '../../src/event/disk.ts'
import { openEventReader } from '../../src/event/event-reader.ts'
import { close, durableOf, openEventStore } from '../../src/event/event-store.ts'
import { createSlabs, openSlabReader, openSlabWriter } from '../../src/event/slabs.ts'
import { CONFIG, nameOf, namesIn, sessionOf, TINY } from './stores.ts'
import { EVENTS, type LoopData } from './write-loop.ts'

const LOOP = new URL('./write-loop.ts', import.meta.url)
const KILLS = 8

function withDirectory<T>(run: (directory: string) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'events-'))
  return run(directory).finally(() => rmSync(directory, { recursive: true }))
}

/** All names of the batches from `first` to `last`. */
function namesOf(first: number, last: number): string[] {
  return Array.from({ length: (last - first + 1) * EVENTS }, (_, idx) => nameOf(1, first + Math.floor(idx / EVENTS), idx % EVENTS))
}

test('killed anywhere, again and again: every batch that was acknowledged is there once, in order', () => withDirectory(async (directory) => {
  let acknowledged = 0
  for (let kill = 0; kill < KILLS; kill++) {
    const child = fork(LOOP, [directory], { execArgv: ['--no-warnings'] })
    let left = 5 + kill * 7
    await new Promise<void>((resolve, reject) => {
      child.on('message', (no: number) => {
        acknowledged = Math.max(acknowledged, no)
        if (left-- === 0) resolve()
      })
      child.once('exit', () => reject(new Error('the writer ended by itself')))
    })
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
    const slabs = createSlabs(3, 1, TINY)
    const opened = openEventStore(directory, { disk: realDisk, slabs: openSlabWriter(slabs), nowMs: () => 0, resolve: () => ({ nodeId: null, evidence: 'none' }) }, CONFIG)
    if (!opened.ok) throw new Error(opened.error.message)
    const durable = durableOf(opened.value.store, sessionOf(1))
    expect(durable).toBeGreaterThanOrEqual(acknowledged)
    expect(opened.value.recovered.setAside).toEqual([])
    const slabReader = openSlabReader(slabs, 0)
    const reader = openEventReader({ directory, slabs: slabReader, disk: realDisk, nowMs: () => 0, cacheBytes: 1 << 20, warmMs: 1000 })
    expect(namesIn({ slabReader, reader })).toEqual(namesOf(1, durable))
    close(opened.value.store)
  }
  expect(acknowledged).toBeGreaterThan(KILLS)
}))

test('read beside while blocks are sealed, retired and pruned: always all batches from one to another, without a hole', () => withDirectory(async (directory) => {
  const slabs = createSlabs(4, 1, TINY)
  const stop = new Int32Array(new SharedArrayBuffer(4))
  const worker = new Worker(LOOP, { workerData: { loop: directory, slabs, stop, maxEvents: 1500 } satisfies LoopData })
  const ended = once(worker, 'exit')
  await once(worker, 'message')
  const slabReader = openSlabReader(slabs, 0)
  const reader = openEventReader({ directory, slabs: slabReader, disk: realDisk, nowMs: () => 0, cacheBytes: 1 << 20, warmMs: 1000 })
  let first = 1
  let last = 0
  for (let reads = 0; reads < 300 || first < 300; reads++) {
    slabReader.enter()
    const blocks = reader.blocks()
    const refs = blocks.refs()
    slabReader.leave()
    await new Promise((resolve) => setImmediate(resolve))
    slabReader.enter()
    // The list is older than what is there by now: blocks of it may be gone, the oldest first.
    const isGone = refs.map((ref) => blocks.open(ref) === 'gone')
    slabReader.leave()
    expect(isGone.lastIndexOf(true)).toBeLessThan(isGone.includes(false) ? isGone.indexOf(false) : isGone.length)
    const names = namesIn({ slabReader, reader })
    const [from, to] = [names[0], names.at(-1)].map((name) => Number(name?.split('/')[1]))
    if (from === undefined || to === undefined || names.length === 0) continue
    expect(names).toEqual(namesOf(from, to))
    expect(from).toBeGreaterThanOrEqual(first)
    expect(to).toBeGreaterThanOrEqual(last)
    first = from
    last = to
  }
  Atomics.store(stop, 0, 1)
  await ended
  expect(namesIn({ slabReader, reader }).length).toBeGreaterThan(0)
  expect(reader.problems()).toEqual([])
}))
