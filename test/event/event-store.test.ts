/** The write side: what it answers when the disk fails, what it removes, and what readers see meanwhile. */

import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { must } from '../../src/base/assert.ts'
import { ok } from '../../src/base/result.ts'
import { type Disk, realDisk } from '../../src/event/disk.ts'
import { appendLog, createLog } from '../../src/event/log.ts'
import { examine } from '../../src/event/examine.ts'
import { openEventReader } from '../../src/event/event-reader.ts'
import {
  applyRetention, cleanupOldEvents, clear, close, commit, durableOf, type EventStore, freeze, ingest, openEventStore, stats, thaw, tick,
} from '../../src/event/event-store.ts'
import { filesToRemove } from '../../src/event/retention.ts'
import { createSlabs, openSlabReader, openSlabWriter } from '../../src/event/slabs.ts'
import { seed } from './batches.ts'
import { memoryDisk } from './memory-disk.ts'
import { CONFIG, DIRECTORY, incoming, nameOf, namesIn, namesOf, numbered, type Opened, openStore, sessionOf, TINY } from './stores.ts'

const SECOND = 1_000_000_000n

/** Batches `from` to `to` of ten events each: two fill a block. */
function send(store: EventStore, from: number, to: number): string[] {
  const names: string[] = []
  for (let no = from; no <= to; no++) {
    expect(ingest(store, incoming(1, numbered(1, no, 10)))).toEqual({ ok: true, value: 'stored' })
    for (let idx = 0; idx < 10; idx++) names.push(nameOf(1, no, idx))
  }
  return names
}

/** A file has so many blocks of two batches. */
function withFiles(nBlocks: number): Opened & { disk: ReturnType<typeof memoryDisk> } {
  const disk = memoryDisk()
  const opened = openStore(disk, { config: { ...CONFIG, maxFileBytes: nBlocks * 400 } })
  return { ...opened, disk }
}

function keysFound({ slabReader, reader }: Opened, key: Parameters<ReturnType<typeof reader.blocks>['mayHold']>[1]): boolean[] {
  slabReader.enter()
  const blocks = reader.blocks()
  const found = blocks.refs().map((ref) => blocks.mayHold(ref, key))
  slabReader.leave()
  return found
}

test('what was ingested is seen at once and durable after a commit; a number that was there is a duplicate', () => {
  const opened = openStore(memoryDisk())
  const names = send(opened.store, 1, 3)
  expect(namesIn(opened)).toEqual(names)
  expect(durableOf(opened.store, sessionOf(1))).toBe(0)
  expect(ingest(opened.store, incoming(1, numbered(1, 2, 10)))).toEqual({ ok: true, value: 'duplicate' })
  expect(commit(opened.store).ok).toBe(true)
  expect(durableOf(opened.store, sessionOf(1))).toBe(3)
  expect(durableOf(opened.store, sessionOf(2))).toBe(0)
  expect(stats(opened.store)).toMatchObject({ events: 30, blocks: 2, commits: 1, waitingBlocks: 0, eventsByType: { call: 15, send: 15 } })
})

test('blocks that are not resident any more are read from their files, and the keys of files tell where not to look', () => {
  const opened = withFiles(3)
  const names = send(opened.store, 1, 12)
  expect(stats(opened.store)).toMatchObject({ events: 120, blocks: 6, residentBlocks: 2 })
  expect(namesIn(opened)).toEqual(names)
  opened.slabReader.enter()
  const refs = opened.reader.blocks().refs()
  opened.slabReader.leave()
  expect(refs.map(({ number, nRows, zone }) => [number, nRows, zone])).toEqual([[1, 20, 'warm'], [2, 20, 'warm'], [3, 20, 'warm'], [4, 20, 'warm'], [5, 20, 'hot'], [6, 20, 'hot']])
  // One of three slabs is free for the next block. Resident blocks are asked themselves; those in a finished file by its footer.
  expect(keysFound(opened, { kind: 'correlation', key: nameOf(1, 4, 9) }).slice(0, 2)).toEqual([false, true])
  expect(keysFound(opened, { kind: 'type', key: 'exit' })).toEqual([false, false, false, false, true, true])
  expect(opened.reader.problems()).toEqual([])
})

test('sessions are known after every block that had their batches was removed, and numbers are not given again', () => {
  const opened = withFiles(1)
  send(opened.store, 1, 6)
  commit(opened.store)
  expect(clear(opened.store)).toEqual({ ok: true, value: 60 })
  expect(namesIn(opened)).toEqual([])
  expect(stats(opened.store)).toMatchObject({ events: 0, blocks: 0, files: 0, oldestNs: null, newestNs: null })
  const again = openStore(opened.disk.after(1))
  expect(durableOf(again.store, sessionOf(1))).toBe(6)
  send(again.store, 7, 7)
  again.slabReader.enter()
  expect(again.reader.blocks().refs().map(({ number }) => number > 3)).toEqual([true])
  again.slabReader.leave()
})

test('a full disk: a typed error, nothing counted, nothing lost, and it goes on when there is room', () => {
  const disk = memoryDisk()
  const opened = openStore(disk)
  const names = send(opened.store, 1, 1)
  const used = disk.paths().reduce((sum, path) => sum + disk.bytes(path).length, 0)
  for (let nFree = 0; nFree < 4000; nFree += 37) {
    disk.room(used + nFree)
    const answer = ingest(opened.store, incoming(1, numbered(1, 2, 10)))
    if (answer.ok) break
    expect(answer.error.code).toBe('storage_full')
    expect(namesIn(opened)).toEqual(names)
    expect(stats(opened.store)).toMatchObject({ events: 10, lastProblem: { code: 'storage_full' } })
  }
  // The second batch fills the block: now it cannot be written to its file, and waits.
  names.push(...Array.from({ length: 10 }, (_, idx) => nameOf(1, 2, idx)))
  for (let nFree = 0; stats(opened.store).waitingBlocks === 0; nFree += 37) {
    disk.room(disk.paths().reduce((sum, path) => sum + disk.bytes(path).length, 0) + nFree)
    expect(ingest(opened.store, incoming(1, numbered(1, 3, 10)))).toMatchObject({ ok: false, error: { code: 'storage_full' } })
    expect(stats(opened.store).events).toBe(20)
  }
  expect(commit(opened.store)).toEqual({ ok: true, value: 'durable' })
  expect(durableOf(opened.store, sessionOf(1))).toBe(2)
  expect(namesIn(opened)).toEqual(names)
  expect(namesIn(openStore(disk.after(1)))).toEqual(names)
  opened.clock.nowMs += 10_000
  tick(opened.store)
  expect(stats(opened.store)).toMatchObject({ lastProblem: { code: 'storage_full' } })
  disk.room(Infinity)
  tick(opened.store)
  expect(stats(opened.store)).toMatchObject({ events: 20, waitingBlocks: 0, lastProblem: { code: 'storage_full' } })
  // It is over when it has been for a while.
  opened.clock.nowMs += 10_000
  tick(opened.store)
  expect(stats(opened.store)).toMatchObject({ events: 20, lastProblem: null })
  names.push(...send(opened.store, 3, 9))
  expect(namesIn(opened)).toEqual(names)
  commit(opened.store)
  expect(namesIn(openStore(disk.after(0)))).toEqual(names)
})

test('one slab is enough', () => {
  const opened = openStore(memoryDisk(), { nSlabs: 1 })
  expect(namesIn(opened)).toEqual([])
  const names = send(opened.store, 1, 9)
  expect(namesIn(opened)).toEqual(names)
})

test('blocks that wait for room are never taken out of memory: when it is full of them, nothing more is taken', () => {
  const disk = memoryDisk()
  const opened = openStore(disk, { nSlabs: 2 })
  const names = send(opened.store, 1, 2)
  const write = disk.open.bind(disk)
  // Only files of blocks find no room.
  Object.assign(disk, { open: (path: string, how: 'read' | 'write' | 'new') => {
    if (how === 'new' && path.endsWith('.blocks')) throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' })
    return write(path, how)
  } })
  names.push(...send(opened.store, 3, 4))
  expect(ingest(opened.store, incoming(1, numbered(1, 5, 10)))).toMatchObject({ ok: false, error: { code: 'storage_full' } })
  expect(stats(opened.store)).toMatchObject({ waitingBlocks: 2, events: 40 })
  expect(namesIn(opened)).toEqual(names)
  Object.assign(disk, { open: write })
  tick(opened.store)
  expect([...names, ...send(opened.store, 5, 8)]).toEqual(namesIn(opened))
})

test('a sync that fails acknowledges nothing; what the log cannot hold any more becomes durable by the file', () => {
  const disk = memoryDisk()
  const opened = openStore(disk)
  const names = send(opened.store, 1, 1)
  disk.failWith('EIO', ['sync'])
  expect(commit(opened.store)).toMatchObject({ ok: false, error: { code: 'unavailable' } })
  expect(durableOf(opened.store, sessionOf(1))).toBe(0)
  expect(stats(opened.store).lastProblem).toMatchObject({ code: 'unavailable' })
  disk.failWith(undefined)
  expect(commit(opened.store)).toEqual({ ok: true, value: 'durable' })
  expect(durableOf(opened.store, sessionOf(1))).toBe(1)
  expect(namesIn(openStore(disk.after(0)))).toEqual(names)
})

test('an idle block is sealed, an empty one is left alone', () => {
  const opened = openStore(memoryDisk())
  send(opened.store, 1, 1)
  opened.clock.nowMs += 999
  tick(opened.store)
  expect(stats(opened.store)).toMatchObject({ files: 0 })
  opened.clock.nowMs += 1
  tick(opened.store)
  opened.clock.nowMs += 5000
  tick(opened.store)
  expect(stats(opened.store)).toMatchObject({ files: 1, blocks: 1, events: 10 })
})

test('cleaning up removes whole files that end before the time, and tells how many events that were', () => {
  const opened = withFiles(2)
  const names = send(opened.store, 1, 11)
  commit(opened.store)
  const before = stats(opened.store)
  expect(before.files).toBeGreaterThan(2)
  // Batch n begins n µs after the first second.
  expect(cleanupOldEvents(opened.store, SECOND)).toEqual({ ok: true, value: 0 })
  const removed = cleanupOldEvents(opened.store, SECOND + 8500n)
  if (!removed.ok) throw new Error(removed.error.message)
  expect(removed.value).toBeGreaterThan(0)
  expect(removed.value).toBeLessThanOrEqual(80)
  expect(namesIn(opened)).toEqual(names.slice(removed.value))
  expect(stats(opened.store)).toMatchObject({ events: 110 - removed.value })
  expect(namesIn(openStore(opened.disk.after(0)))).toEqual(names.slice(removed.value))
  // The open block stays, however old.
  expect(cleanupOldEvents(opened.store, 2n ** 62n).ok).toBe(true)
  expect(namesIn(opened)).toEqual(names.slice(-10))
})

test('retention by count, bytes and age', () => {
  for (const retention of [{ maxEvents: 55 }, { maxBytes: 2500 }, { maxAgeMs: 1000 }]) {
    const opened = withFiles(1)
    opened.clock.nowMs = 1_000_000
    const names = send(opened.store, 1, 11)
    opened.clock.nowMs += 1001
    const removed = applyRetention(opened.store, retention)
    if (!removed.ok) throw new Error(removed.error.message)
    expect(namesIn(opened)).toEqual(names.slice(removed.value))
    const after = stats(opened.store)
    expect(after.events).toBe(110 - removed.value)
    if (retention.maxEvents !== undefined) expect(after.events).toBe(50)
    if (retention.maxBytes !== undefined) expect(after.bytesOnDisk).toBeLessThanOrEqual(2500)
    if (retention.maxAgeMs !== undefined) expect(after.events).toBe(10)
  }
})

test('what came in is kept for as long as it should be, whatever the clock of its node says', () => {
  const opened = withFiles(1)
  opened.clock.nowMs = 1_700_000_000_000
  const yearNs = 31_536_000n * 1_000_000_000n
  const nowNs = BigInt(opened.clock.nowMs) * 1_000_000n
  for (const [idx, t0Ns] of [nowNs - 50n * yearNs, nowNs, nowNs + 74n * yearNs].entries()) {
    for (const no of [1, 2]) ingest(opened.store, incoming(idx + 1, { ...numbered(idx + 1, no, 10), t0Ns }))
  }
  commit(opened.store)
  const before = namesIn(opened).length
  opened.clock.nowMs += 1000
  expect(applyRetention(opened.store, { maxAgeMs: 1000 })).toEqual(ok(0))
  expect(namesIn(opened)).toHaveLength(before)
  opened.clock.nowMs += 1
  const removed = applyRetention(opened.store, { maxAgeMs: 1000 })
  // The open block stays.
  expect(removed).toEqual(ok(before - stats(opened.store).events))
  expect(stats(opened.store).files).toBe(0)
  const [beside] = namesIn(openStore(opened.disk.after(0), { clock: opened.clock }))
  expect(beside).toMatch(/^3\//)
})

test('which files go is right for any files and limits', () => {
  const file = fc.record({ nRows: fc.integer({ min: 1, max: 9 }), nBytes: fc.integer({ min: 1, max: 99 }), maxNs: fc.bigInt({ min: 0n, max: 50_000_000n }), sealedMs: fc.nat({ max: 50 }) })
  const limit = (max: number): fc.Arbitrary<number | undefined> => fc.option(fc.nat({ max }), { nil: undefined })
  fc.assert(fc.property(fc.array(file, { maxLength: 10 }), limit(60), limit(500), limit(50), (given, maxEvents, maxBytes, maxAgeMs) => {
    const files = given.map((each, idx) => ({ ...each, name: String(idx) }))
    const limits = { ...(maxEvents === undefined ? {} : { maxEvents }), ...(maxBytes === undefined ? {} : { maxBytes }), ...(maxAgeMs === undefined ? {} : { maxAgeMs }) }
    const gone = new Set(filesToRemove(files, limits, { nowMs: 50, rest: { nRows: 3, nBytes: 10 } }))
    const old = new Set(maxAgeMs === undefined ? [] : files.filter(({ sealedMs }) => sealedMs < 50 - maxAgeMs).map(({ name }) => name))
    const sums = (kept: typeof files): { n: number; bytes: number } => ({ n: kept.reduce((sum, { nRows }) => sum + nRows, 3), bytes: kept.reduce((sum, { nBytes }) => sum + nBytes, 10) })
    const holds = ({ n, bytes }: { n: number; bytes: number }): boolean => n <= (maxEvents ?? Infinity) && bytes <= (maxBytes ?? Infinity)
    const kept = files.filter(({ name }) => !gone.has(name))
    for (const name of old) expect(gone.has(name)).toBe(true)
    if (kept.length > 0) expect(holds(sums(kept))).toBe(true)
    // No younger file went than had to: with the last one that went for room, the limits would not hold.
    const last = files.findLast(({ name }) => gone.has(name) && !old.has(name))
    if (last !== undefined) expect(holds(sums([...kept, last]))).toBe(false)
    const firstKept = files.findIndex(({ name }) => !gone.has(name))
    if (last !== undefined && firstKept >= 0) expect(Number(last.name)).toBeLessThan(firstKept)
  }), seed)
})

test('frozen files are not looked at until they are thawed; others become cold when nobody uses them', () => {
  const opened = withFiles(1)
  const names = send(opened.store, 1, 9)
  commit(opened.store)
  opened.clock.nowMs += 100_000
  expect(stats(opened.store)).toMatchObject({ coldFiles: 4, frozenFiles: 0 })
  expect(freeze(opened.store, 200_000)).toEqual({ ok: true, value: 0 })
  // The first file, whose block is not resident, is read, and so warm.
  opened.slabReader.enter()
  const blocks = opened.reader.blocks()
  const [first] = blocks.refs()
  if (first === undefined) throw new Error('there is no block')
  expect(first.zone).toBe('cold')
  expect(blocks.open(first)).not.toBe('gone')
  opened.slabReader.leave()
  expect(stats(opened.store)).toMatchObject({ coldFiles: 3 })
  expect(freeze(opened.store, 50_000)).toEqual({ ok: true, value: 3 })
  expect(stats(opened.store)).toMatchObject({ events: 30, files: 1, frozenFiles: 3 })
  expect(namesIn(opened)).toEqual([...names.slice(0, 20), ...names.slice(80)])
  const again = openStore(opened.disk.after(0), { clock: { nowMs: 500_000 } })
  expect(namesIn(again)).toEqual([...names.slice(0, 20), ...names.slice(80)])
  expect(thaw(again.store, '0000000002.blocks')).toEqual({ ok: true, value: 20 })
  expect(thaw(again.store)).toEqual({ ok: true, value: 40 })
  expect(namesIn(again)).toEqual(names)
  expect(stats(again.store)).toMatchObject({ events: 90, frozenFiles: 0, files: 4 })
})

test('damage costs its own block or batch alone, is set aside and told', () => {
  const opened = withFiles(100)
  const names = send(opened.store, 1, 9)
  commit(opened.store)
  const disk = opened.disk.after(1)
  const file = `${DIRECTORY}/0000000001.blocks`
  const second = opened.store.growing?.index.entries[1]
  if (second === undefined) throw new Error('there is no second block')
  const at = second.at + second.nBytes - 5
  disk.bytes(file)[at] = (disk.bytes(file)[at] ?? 0) ^ 1
  const again = openStore(disk)
  expect(again.recovered.setAside).toEqual([{ path: `${DIRECTORY}/set-aside/0000000001.blocks.${second.at}`, why: expect.any(String), minNs: second.minNs, maxNs: second.maxNs, events: 20 }])
  expect(again.recovered).toMatchObject({ events: 70, replayedEvents: 10, cut: [] })
  expect(namesIn(again)).toEqual([...names.slice(0, 20), ...names.slice(40)])
  expect(disk.bytes(`${DIRECTORY}/set-aside/0000000001.blocks.${second.at}`).length).toBe(second.nBytes)
  // It is told once; later it is only not there.
  const third = openStore(disk.after(1))
  expect(third.recovered.setAside).toEqual([])
  expect(namesIn(third)).toEqual([...names.slice(0, 20), ...names.slice(40)])
})

test('a damaged place in a log: the batches behind it are kept, in a block of their own', () => {
  const opened = openStore(memoryDisk(), { capacity: { ...TINY, rows: 100 } })
  const names = send(opened.store, 1, 5)
  commit(opened.store)
  const disk = (opened.store.ports.disk as ReturnType<typeof memoryDisk>).after(1)
  const path = `${DIRECTORY}/0000000001.log`
  const whole = disk.bytes(path)
  const at = whole.indexOf(nameOf(1, 3, 4))
  whole[at] = 0
  const again = openStore(disk, { capacity: { ...TINY, rows: 100 } })
  expect(namesIn(again)).toEqual([...names.slice(0, 20), ...names.slice(30)])
  expect(again.recovered.setAside).toHaveLength(1)
  expect(again.recovered).toMatchObject({ events: 40, blocks: 2 })
  expect(durableOf(again.store, sessionOf(1))).toBe(5)
  again.slabReader.enter()
  expect(again.reader.blocks().refs().map(({ nRows }) => nRows)).toEqual([20, 20])
  again.slabReader.leave()
  expect(namesIn(openStore(disk.after(0), { capacity: { ...TINY, rows: 100 } }))).toEqual([...names.slice(0, 20), ...names.slice(30)])
})

test('a block that was being written when the power went is no damage: its log has it', () => {
  const opened = withFiles(100)
  const names = send(opened.store, 1, 5)
  commit(opened.store)
  const disk = opened.disk.after(1)
  const [, second] = opened.store.growing?.index.entries ?? []
  if (second === undefined) throw new Error('there is no second block')
  // Its log was there still, and of its last section nothing had reached the disk.
  const logged = createLog(disk, `${DIRECTORY}/0000000002.log`, 2, new Map())
  if (!logged.ok) throw new Error(logged.error.message)
  for (const no of [3, 4]) appendLog(logged.value, { ...incoming(1, numbered(1, no, 10)), no, receivedNs: 0n })
  disk.bytes(`${DIRECTORY}/0000000001.blocks`).fill(0, second.at + second.nBytes - 30, second.at + second.nBytes)
  const again = openStore(disk)
  expect(again.recovered).toMatchObject({ events: 50, setAside: [], replayedEvents: 30 })
  expect(namesIn(again).toSorted()).toEqual(names.toSorted())
})

test('a log whose block has become too small goes on in a block of a new number, and no batch is in two', () => {
  const large = { ...TINY, rows: 100 }
  for (const share of [0, 1]) {
    const disk = memoryDisk()
    const opened = openStore(disk, { capacity: large })
    const names = send(opened.store, 1, 7)
    commit(opened.store)
    for (let end = 0, ended = true; ended; end++) {
      // The process ends at each step of the recovery in turn.
      const next = disk.after(1)
      next.endAt(end, 0.7)
      try {
        openStore(next, { capacity: TINY })
        ended = false
      } catch {
        expect(end).toBeLessThan(100)
      }
      const again = openStore(next.after(share), { capacity: TINY })
      // A batch that was not moved before the end is moved after it: it comes in a later block then.
      expect(namesIn(again).toSorted()).toEqual(names.toSorted())
      expect(again.recovered).toMatchObject({ events: 70, setAside: [] })
      commit(again.store)
      expect(namesIn(openStore((again.store.ports.disk as typeof disk).after(share), { capacity: TINY })).toSorted()).toEqual(names.toSorted())
    }
  }
})

test('a block that is found damaged while it is read is gone, and told', () => {
  const opened = withFiles(1)
  const names = send(opened.store, 1, 9)
  const [entry] = opened.store.files[0]?.entries ?? []
  if (entry === undefined) throw new Error('there is no file')
  const bytes = opened.disk.bytes(`${DIRECTORY}/0000000001.blocks`)
  bytes[entry.at + entry.nBytes - 2] = (bytes[entry.at + entry.nBytes - 2] ?? 0) ^ 4
  expect(namesIn(opened)).toEqual(names.slice(20))
  expect(namesIn(opened)).toEqual(names.slice(20))
  expect(opened.reader.problems()).toMatchObject([{ code: 'damaged', details: { block: 1 } }])
})

test('a finished file is looked through: a damaged block is set aside and the others stay', () => {
  const opened = withFiles(3)
  const names = send(opened.store, 1, 9)
  commit(opened.store)
  const [file] = opened.store.files
  const entry = file?.entries[1]
  if (file === undefined || entry === undefined) throw new Error('there is no file')
  expect(examine(opened.store, file.name)).toEqual({ ok: true, value: [] })
  const bytes = opened.disk.bytes(file.path)
  bytes[entry.at + entry.nBytes - 2] = (bytes[entry.at + entry.nBytes - 2] ?? 0) ^ 4
  expect(examine(opened.store, file.name)).toEqual({ ok: true, value: [{
    path: `${DIRECTORY}/set-aside/${file.name}.${entry.at}`, why: expect.any(String), minNs: entry.minNs, maxNs: entry.maxNs, events: 20,
  }] })
  const rest = [...names.slice(0, 20), ...names.slice(40)]
  expect(stats(opened.store)).toMatchObject({ events: 70 })
  expect(namesIn(opened)).toEqual(rest)
  expect(examine(opened.store, file.name)).toEqual({ ok: true, value: [] })
  const again = openStore(opened.disk.after(0))
  expect(again.recovered).toMatchObject({ events: 70, setAside: [], cut: [] })
  expect(namesIn(again)).toEqual(rest)
  expect(keysFound(again, { kind: 'correlation', key: nameOf(1, 5, 1) }).slice(0, 2)).toEqual([false, true])
})

test('what cannot be read for a while is told for that while', () => {
  const disk = memoryDisk()
  let isBroken = false
  const open: Disk['open'] = (path, how) => {
    if (isBroken && how === 'read') throw Object.assign(new Error('planted'), { code: 'EMFILE' })
    return disk.open(path, how)
  }
  const opened = openStore({ ...disk, open }, { config: { ...CONFIG, maxFileBytes: 1200 } })
  const names = send(opened.store, 1, 12)
  isBroken = true
  expect(namesIn(opened)).toEqual(names.slice(-40))
  expect(opened.reader.lost()[0]).toMatchObject({ minNs: null, maxNs: null, events: null })
  isBroken = false
  expect(namesIn(opened)).toEqual(names)
  expect([opened.reader.problems(), opened.reader.lost()]).toEqual([[], []])
})

test('while a long question holds the memory no more is given up than one block, and afterwards as many are kept as before', () => {
  const opened = openStore(memoryDisk(), { nSlabs: 6 })
  send(opened.store, 1, 20)
  const kept = stats(opened.store).residentBlocks
  opened.slabReader.enter()
  const answers = Array.from({ length: 20 }, (_, idx) => ingest(opened.store, incoming(1, numbered(1, 21 + idx, 10))).ok)
  expect(answers.lastIndexOf(true)).toBeLessThan(answers.indexOf(false))
  expect(stats(opened.store).residentBlocks).toBeGreaterThanOrEqual(kept - 1)
  opened.slabReader.leave()
  send(opened.store, 21 + answers.indexOf(false), 50)
  expect(stats(opened.store).residentBlocks).toBe(kept)
})

test('copies hold up nobody, however long they are read: what comes in is stored, and they stay what they were', () => {
  const opened = openStore(memoryDisk(), { nSlabs: 6 })
  const names = send(opened.store, 1, 21)
  const blocks = opened.reader.copies()
  send(opened.store, 22, 80)
  expect(namesOf(blocks)).toEqual(names)
  // The block that was open then is copied once.
  const last = must(blocks.refs().at(-1), 'the open block')
  expect(blocks.open(last)).toBe(blocks.open(last))
  expect(opened.reader.problems()).toEqual([])
})

test('a store opens while somebody reads what the writer before had', () => {
  const disk = memoryDisk()
  const first = openStore(disk)
  const names = send(first.store, 1, 1)
  commit(first.store)
  first.slabReader.enter()
  const ports = { disk: disk.after(1), slabs: openSlabWriter(first.slabs), nowMs: () => 1000, resolve: () => ({ nodeId: null, evidence: 'none' as const }) }
  expect(openEventStore(DIRECTORY, ports, CONFIG)).toMatchObject({ ok: true, value: { recovered: { replayedEvents: 10 } } })
  first.slabReader.leave()
  expect(namesIn(first)).toEqual(names)
})

test('a store opens on a full disk and can be read; it takes events when there is room', () => {
  const disk = memoryDisk()
  const before = openStore(disk)
  const names = send(before.store, 1, 4)
  commit(before.store)
  clear(before.store)
  names.splice(0, names.length, ...send(before.store, 5, 6))
  commit(before.store)
  const full = disk.after(1)
  full.room(full.paths().reduce((sum, path) => sum + full.bytes(path).length, 0))
  const opened = openStore(full)
  expect(namesIn(opened)).toEqual(names)
  expect(ingest(opened.store, incoming(1, numbered(1, 7, 10)))).toMatchObject({ ok: false, error: { code: 'storage_full' } })
  full.room(Infinity)
  expect(namesIn(opened)).toEqual(names)
  names.push(...send(opened.store, 7, 12))
  expect(namesIn(opened)).toEqual(names)
})

test('files of an earlier version are read and take no blocks any more', () => {
  const opened = withFiles(100)
  const names = send(opened.store, 1, 5)
  commit(opened.store)
  const disk = opened.disk.after(1)
  for (const version of [1, 2]) {
    const old = disk.after(1)
    old.bytes(`${DIRECTORY}/0000000001.blocks`).fill(version, 4, 8)
    const again = openStore(old)
    const more = [...names, ...send(again.store, 6, 9)]
    commit(again.store)
    expect(namesIn(again)).toEqual(more)
    expect(stats(again.store).files).toBe(2)
    expect(namesIn(openStore(old.after(1)))).toEqual(more)
  }
})

test('files of a later version are refused and left as they are', () => {
  const opened = withFiles(1)
  send(opened.store, 1, 5)
  const disk = opened.disk.after(1)
  disk.bytes(`${DIRECTORY}/0000000001.blocks`).fill(9, 4, 8)
  expect(() => openStore(disk)).toThrow(/later version/)
})

test('a list of blocks that was made before blocks were retired and pruned: each is what it was, or gone', () => {
  const opened = withFiles(1)
  const names = send(opened.store, 1, 5)
  opened.slabReader.enter()
  const blocks = opened.reader.blocks()
  const refs = blocks.refs()
  opened.slabReader.leave()
  send(opened.store, 6, 15)
  cleanupOldEvents(opened.store, SECOND + 2500n)
  opened.slabReader.enter()
  expect(refs.map((ref) => blocks.open(ref) === 'gone')).toEqual([true, false, false])
  opened.slabReader.leave()
  expect(namesIn(opened).slice(0, 30)).toEqual(names.slice(20))
})

test('a list of blocks that is made while the writer goes on ends where the writer was: no later block without the rows before it', () => {
  const disk = memoryDisk()
  const { slabReader, store } = openStore(disk, { config: { ...CONFIG, maxFileBytes: 400 }, nSlabs: 6 })
  const names = send(store, 1, 3)
  let isAhead = false
  const overtaken = {
    ...disk,
    list: (directory: string) => {
      if (!isAhead) send(store, 4, 9)
      isAhead = true
      return disk.list(directory)
    },
  }
  const reader = openEventReader({ directory: DIRECTORY, slabs: slabReader, disk: overtaken, nowMs: () => 1000, cacheBytes: 1 << 24, warmMs: 60_000 })
  expect(namesIn({ slabReader, reader })).toEqual(names)
  expect(namesIn({ slabReader, reader })).toHaveLength(90)
})

test('on a real disk: closed and opened again, everything is there', () => {
  const directory = mkdtempSync(join(tmpdir(), 'events-'))
  try {
    const slabs = createSlabs(2, 1, TINY)
    const ports = { disk: realDisk, slabs: openSlabWriter(slabs), nowMs: () => 1000, resolve: () => ({ nodeId: null, evidence: 'none' as const }) }
    const opened = openEventStore(join(directory, 'deep', 'events'), ports, { ...CONFIG, maxFileBytes: 2000 })
    if (!opened.ok) throw new Error(opened.error.message)
    const names = send(opened.value.store, 1, 31)
    expect(commit(opened.value.store).ok).toBe(true)
    close(opened.value.store)
    const again = openEventStore(join(directory, 'deep', 'events'), { ...ports, slabs: openSlabWriter(slabs) }, { ...CONFIG, maxFileBytes: 2000 })
    if (!again.ok) throw new Error(again.error.message)
    expect(again.value.recovered).toMatchObject({ events: 310, replayedBatches: 1, cut: [], setAside: [] })
    const slabReader = openSlabReader(slabs, 0)
    const reader = openEventReader({ directory: join(directory, 'deep', 'events'), slabs: slabReader, disk: realDisk, nowMs: () => 1000, cacheBytes: 1 << 20, warmMs: 1000 })
    expect(namesIn({ slabReader, reader })).toEqual(names)
    expect(reader.problems()).toEqual([])
    expect(clear(again.value.store)).toEqual({ ok: true, value: 310 })
    expect(readdirSync(join(directory, 'deep', 'events'))).toHaveLength(1)
    close(again.value.store)
  } finally {
    rmSync(directory, { recursive: true })
  }
})
