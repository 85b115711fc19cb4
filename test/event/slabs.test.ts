/**
 * Slabs: no reader that is within ever sees a block change. Once as a model, with the steps of readers and the writer taken in
 * any order; and once with threads, where each row says which block it was written for.
 */

import { Worker } from 'node:worker_threads'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { must } from '../../src/base/assert.ts'
import { type Block, blockNumber, publish } from '../../src/event/block.ts'
import { createSlabs, openSlabReader, openSlabWriter, releaseReader } from '../../src/event/slabs.ts'
import { seed } from './batches.ts'
import { SMALL } from './rows.ts'

const TINY = { ...SMALL, rows: 4, sites: 1, pids: 1, correlations: 1, strings: 1, stringBytes: 8, arenaBytes: 8, summaryBytes: 8 }

type Step = { readonly kind: 'take' | 'retire' | 'enter' | 'find' | 'leave' | 'die' | 'restart'; readonly who: number; readonly which: number }
const step = fc.record({ kind: fc.constantFrom<Step['kind']>('take', 'take', 'take', 'retire', 'retire', 'enter', 'find', 'find', 'leave', 'die', 'restart'), who: fc.nat(2), which: fc.nat(9) })

test('what a reader found stays what it is until the reader leaves, in any interleaving', () => {
  fc.assert(fc.property(fc.array(step, { maxLength: 200, size: 'max' }), (steps) => {
    const slabs = createSlabs(3, 3, TINY)
    let writer = openSlabWriter(slabs)
    const readers = [0, 1, 2].map((reader) => ({ slab: openSlabReader(slabs, reader), depth: 0, held: new Map<number, Block>() }))
    let last = 0
    const live = new Set<number>()
    for (const { kind, who, which } of steps) {
      const reader = must(readers[who], 'a reader')
      const number = [...live][which % Math.max(1, live.size)] ?? 0
      if (kind === 'take') {
        const block = writer.take(++last)
        if (block !== undefined) {
          live.add(last)
          expect(blockNumber(block)).toBe(last)
        }
        // With nobody within, a slab that holds no block is never refused.
        else expect(live.size === 3 || readers.some(({ depth }) => depth > 0)).toBe(true)
      } else if (kind === 'retire' && number > 0) {
        writer.retire(number)
        live.delete(number)
      } else if (kind === 'enter') {
        reader.slab.enter()
        reader.depth++
      } else if (kind === 'find' && reader.depth > 0) {
        const found = reader.slab.find(number)
        expect(found === undefined ? 0 : blockNumber(found)).toBe(number)
        if (found !== undefined) reader.held.set(number, found)
      } else if (kind === 'leave' && reader.depth > 0) {
        reader.slab.leave()
        if (--reader.depth === 0) reader.held.clear()
      } else if (kind === 'die') {
        releaseReader(slabs, who)
        readers[who] = { slab: openSlabReader(slabs, who), depth: 0, held: new Map() }
      } else if (kind === 'restart') {
        writer = openSlabWriter(slabs)
        live.clear()
      }
      expect(writer.resident()).toEqual([...live].sort((a, b) => a - b))
      for (const { held } of readers) for (const [held1, block] of held) expect(blockNumber(block)).toBe(held1)
    }
  }), { ...seed, numRuns: 500 })
})

test('a slab that a reader may be reading is not taken, and is once it has left or died', () => {
  const slabs = createSlabs(1, 2, TINY)
  const writer = openSlabWriter(slabs)
  const [first, second] = [openSlabReader(slabs, 0), openSlabReader(slabs, 1)]
  expect(writer.take(1)).toBeDefined()
  expect(writer.take(2)).toBeUndefined()
  first.enter()
  writer.retire(1)
  expect(first.find(1)).toBeUndefined()
  expect(writer.take(2)).toBeUndefined()
  second.enter()
  first.leave()
  // Entered after the block was retired: it cannot have found it.
  expect(writer.take(2)).toBeDefined()
  writer.retire(2)
  expect(writer.take(3)).toBeUndefined()
  releaseReader(slabs, 1)
  expect(writer.take(3)).toBeDefined()
})

test('a new writer takes at once what was free, and waits for what its predecessor had, wherever that died', () => {
  for (const died of ['with a block', 'while it retired one'] as const) {
    const slabs = createSlabs(2, 1, TINY)
    const reader = openSlabReader(slabs, 0)
    must(openSlabWriter(slabs).take(1), 'a block')
    reader.enter()
    expect(reader.find(1)).toBeDefined()
    // The first slab: its number is gone, and when it was retired is not said yet.
    if (died === 'while it retired one') new Int32Array(slabs.directory).set([0, 1, 2 ** 31 - 1], 3)
    const next = openSlabWriter(slabs)
    expect([next.take(2), next.take(3)].map((block) => block !== undefined)).toEqual([true, false])
    reader.leave()
    reader.enter()
    expect(next.take(3)).toBeDefined()
  }
})

const READER = `
  const { workerData, parentPort } = require('node:worker_threads')
  const stop = new Int32Array(workerData.stop)
  ;(async () => {
    const { openSlabReader } = await import(workerData.url)
    const reader = openSlabReader(workerData.slabs, workerData.reader)
    let seen = 0, wrong = 0
    parentPort.postMessage('ready')
    while (Atomics.load(stop, 0) === 0) {
      reader.enter()
      for (const number of reader.resident()) {
        const block = reader.find(number)
        if (block === undefined) continue
        for (let again = 0; again < 20; again++) {
          const rows = Atomics.load(block.header, 8)
          for (let row = 0; row < rows; row++) if (block.ts[row] !== number) wrong++
          seen += rows
        }
      }
      reader.leave()
      if (seen > 0) Atomics.store(stop, 2 + workerData.reader, 1)
      Atomics.add(stop, 1, 1)
      Atomics.notify(stop, 1)
    }
    parentPort.postMessage({ seen, wrong })
  })().finally(() => {
    // Who fails does not leave the writer waiting.
    Atomics.store(stop, 0, 1)
    Atomics.add(stop, 1, 1)
    Atomics.notify(stop, 1)
  })
`

test('threads that read while slabs are used again see only rows of the block they asked for', async () => {
  const slabs = createSlabs(4, 2, { ...TINY, rows: 64 })
  /** Whether to stop, how often somebody left, and whether each reader has seen a row. */
  const stop = new Int32Array(new SharedArrayBuffer(16))
  const url = new URL('../../src/event/slabs.ts', import.meta.url).href
  const workers = [0, 1].map((reader) => new Worker(READER, { eval: true, workerData: { slabs, reader, stop: stop.buffer, url } }))
  const messages = workers.map((worker) => {
    const results: unknown[] = []
    const ready = new Promise<void>((resolve, reject) => {
      worker.once('message', () => resolve())
      worker.once('error', reject)
    })
    worker.on('message', (message) => results.push(message))
    return { ready, ended: new Promise<void>((resolve) => { worker.once('exit', () => resolve()) }), results }
  })
  await Promise.all(messages.map(({ ready }) => ready))
  const writer = openSlabWriter(slabs)
  let nTaken = 0
  // A machine under load may let one of them begin late.
  for (let number = 1; Atomics.load(stop, 0) === 0 && (nTaken < 2000 || Atomics.load(stop, 2) + Atomics.load(stop, 3) < 2); number++) {
    const left = Atomics.load(stop, 1)
    const block = writer.take(number)
    const oldest = writer.resident()[0]
    if (block !== undefined) {
      nTaken++
      block.ts.fill(number)
      publish(block, { rows: 64, sites: 0, pids: 0, correlations: 0, sources: 0, strings: 0, stringBytes: 0, arenaBytes: 0, summaryBytes: 0 })
    }
    if (oldest !== undefined && (block === undefined || writer.resident().length === 4)) writer.retire(oldest)
    // Every slab is pinned: until a reader leaves there is nothing to do.
    else if (block === undefined) Atomics.wait(stop, 1, left)
  }
  Atomics.store(stop, 0, 1)
  await Promise.all(messages.map(({ ended }) => ended))
  for (const { results } of messages) {
    const { seen, wrong } = results.at(-1) as { seen: number; wrong: number }
    expect(wrong).toBe(0)
    expect(seen).toBeGreaterThan(0)
  }
})
