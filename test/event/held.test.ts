/** A file that has lost its end, or is gone: a log tells what it held, and what is lost is set aside, told, and not forgotten. */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { cleanupOldEvents, clear, commit, freeze, ingest, thaw, tick } from '../../src/event/event-store.ts'
import { examine } from '../../src/event/examine.ts'
import { readLosses } from '../../src/event/losses.ts'
import { seed } from './batches.ts'
import { memoryDisk, type MemoryDisk } from './memory-disk.ts'
import { CONFIG, DIRECTORY, incoming, nameOf, namesIn, numbered, type Opened, openStore, TINY } from './stores.ts'

const FIRST = `${DIRECTORY}/0000000001.blocks`
const CUT_OFF = 'a file of events ends before events that it held'
type Begun = Opened & { readonly disk: MemoryDisk; readonly names: readonly string[] }

/** Batches of ten events, two of which fill a block; a file has so many blocks. */
function filled(nBatches: number, nBlocks: number): Begun {
  const disk = memoryDisk()
  const opened = openStore(disk, { config: { ...CONFIG, maxFileBytes: nBlocks * 400 } })
  const names = Array.from({ length: nBatches }, (_, at) => {
    expect(ingest(opened.store, incoming(1, numbered(1, at + 1, 10))).ok).toBe(true)
    return Array.from({ length: 10 }, (_event, idx) => nameOf(1, at + 1, idx))
  }).flat()
  expect(commit(opened.store).ok).toBe(true)
  return { ...opened, disk, names }
}

/** The file has lost what stood from there on. */
function truncate(disk: MemoryDisk, path: string, nBytes: number): void {
  const file = disk.open(path, 'write')
  file.truncate(nBytes)
  file.close()
}

const eventsLost = ({ reader }: Opened): number => reader.lost().reduce((sum, { events }) => sum + (events ?? Number.NaN), 0)

test('wherever a growing file is cut off, what is gone is set aside, told with its time, and known after every restart', () => {
  const before = filled(9, 100)
  const entries = before.store.growing?.index.entries ?? []
  expect(entries).toHaveLength(4)
  fc.assert(fc.property(fc.integer({ min: 0, max: (entries.at(-1)?.at ?? 0) + (entries.at(-1)?.nBytes ?? 0) }), (nBytes) => {
    const disk = before.disk.after(1)
    truncate(disk, FIRST, nBytes)
    const kept = entries.filter(({ at, nBytes: length }) => at + length <= nBytes)
    const gone = entries.slice(kept.length)
    const left = [...before.names.slice(0, 20 * kept.length), ...before.names.slice(80)]
    const first = openStore(disk)
    expect(namesIn(first)).toEqual(left)
    const end = kept.length === 0 ? 0 : (kept.at(-1)?.at ?? 0) + (kept.at(-1)?.nBytes ?? 0)
    expect(first.recovered.setAside).toEqual(gone.length === 0 ? [] : [{
      path: `${DIRECTORY}/set-aside/0000000001.blocks.${end}`, why: CUT_OFF, minNs: gone[0]?.minNs, maxNs: gone.at(-1)?.maxNs, events: 20 * gone.length,
    }])
    if (gone.length > 0) expect(disk.bytes(`${DIRECTORY}/set-aside/0000000001.blocks.${end}`)).toHaveLength(nBytes - end)
    const second = openStore(disk.after(1))
    expect(second.recovered.setAside).toEqual([])
    expect(namesIn(second)).toEqual(left)
    for (const opened of [first, second]) expect(opened.reader.lost()).toMatchObject(gone.length === 0 ? [] : [{ why: CUT_OFF, minNs: gone[0]?.minNs, maxNs: gone.at(-1)?.maxNs, events: 20 * gone.length }])
  }), { ...seed, numRuns: 60 })
})

test('a finished file that is cut off, and one that is gone', () => {
  const before = filled(21, 3)
  const [, second] = before.store.files
  if (second === undefined) throw new Error('there is no second file')
  const disk = before.disk.after(1)
  truncate(disk, second.path, (second.entries[1]?.at ?? 0) + 7)
  disk.remove(FIRST)
  const opened = openStore(disk)
  const nGone = before.store.files[0]?.entries.length ?? 0
  expect(opened.recovered.setAside).toMatchObject([
    { why: CUT_OFF, events: 20 * (second.entries.length - 1), maxNs: second.entries.at(-1)?.maxNs }, { why: 'a file of events is not there any more', events: 20 * nGone },
  ])
  expect(namesIn(opened)).toHaveLength(before.names.length - 20 * (nGone + second.entries.length - 1))
  expect(eventsLost(openStore(disk.after(1)))).toBe(20 * (nGone + second.entries.length - 1))
})

test('while nothing comes in it is known all the same', () => {
  const before = filled(4, 100)
  before.clock.nowMs += 5000
  tick(before.store)
  const disk = before.disk.after(1)
  truncate(disk, FIRST, 100)
  expect(openStore(disk).recovered.setAside).toMatchObject([{ why: CUT_OFF, events: 40 }])
})

test('a loss goes on being told when the file grows again', () => {
  const before = filled(9, 100)
  const disk = before.disk.after(1)
  truncate(disk, FIRST, (before.store.growing?.index.entries.at(-1)?.at ?? 0) + 1)
  const first = openStore(disk)
  for (const no of [10, 11, 12]) ingest(first.store, incoming(1, numbered(1, no, 10)))
  commit(first.store)
  const second = openStore(disk.after(1))
  expect(second.recovered.setAside).toEqual([])
  expect(second.reader.lost()).toMatchObject([{ events: 20 }])
  expect(namesIn(second)).toHaveLength(100)
})

test('an end of the process at any step between the loss and its being told', () => {
  const before = filled(9, 100)
  for (let end = 0, isOver = false; !isOver; end++) {
    const disk = before.disk.after(1)
    truncate(disk, FIRST, (before.store.growing?.index.entries[1]?.at ?? 0) + 9)
    disk.endAt(end, 0.5)
    try {
      openStore(disk)
      isOver = true
    } catch {
      expect(end).toBeLessThan(100)
    }
    for (const share of [0, 1]) {
      const opened = openStore(disk.after(share))
      expect(eventsLost(opened)).toBe(60)
      expect(namesIn(opened)).toEqual([...before.names.slice(0, 20), ...before.names.slice(80)])
    }
  }
})

test('what the store itself removes, freezes, thaws or makes anew is not lost, wherever the process ends', () => {
  const acts: readonly ((opened: Opened) => unknown)[] = [
    ({ store }) => cleanupOldEvents(store, 1_000_008_500n), ({ store }) => clear(store),
    ({ store, clock }) => { clock.nowMs += 100_000; return freeze(store, 1000) },
    ({ store, clock }) => { clock.nowMs += 100_000; freeze(store, 1000); return thaw(store) },
    ({ store }) => store.files.flatMap(({ name }) => examine(store, name)),
  ]
  for (const act of acts) {
    for (let end = 0, isOver = false; !isOver; end++) {
      const opened = filled(17, 3)
      opened.disk.endAt(end, 0.5)
      try {
        act(opened)
        isOver = true
      } catch {
        expect(end).toBeLessThan(200)
      }
      for (const share of [0, 1]) expect(openStore(opened.disk.after(share)).recovered.setAside).toEqual([])
    }
  }
})

test('on a full disk old events can be removed, and are not taken for lost', () => {
  const opened = filled(17, 3)
  opened.disk.room(opened.disk.paths().reduce((sum, path) => sum + opened.disk.bytes(path).length, 0))
  expect(cleanupOldEvents(opened.store, 1_000_008_500n)).toMatchObject({ ok: true })
  expect(openStore(opened.disk.after(1)).recovered.setAside).toEqual([])
})

test('nor where the disk is so full that no block is open', () => {
  const opened = filled(17, 3)
  opened.disk.room(opened.disk.paths().reduce((sum, path) => sum + opened.disk.bytes(path).length, 0))
  opened.clock.nowMs += 5000
  tick(opened.store)
  expect(opened.store).toMatchObject({ open: undefined, waiting: [{ sealedMs: 6000 }] })
  expect(cleanupOldEvents(opened.store, 1_000_008_500n)).toMatchObject({ ok: true })
  expect(openStore(opened.disk.after(1)).recovered.setAside).toEqual([])
})

test('damage that is found is told for as long as events of that time are kept', () => {
  const opened = filled(17, 3)
  const [file] = opened.store.files
  const entry = file?.entries[1]
  if (file === undefined || entry === undefined) throw new Error('there is no file')
  const bytes = opened.disk.bytes(file.path)
  bytes[entry.at + entry.nBytes - 2] = (bytes[entry.at + entry.nBytes - 2] ?? 0) ^ 4
  const told = [{ why: 'a block of events has another checksum than when it was written', minNs: entry.minNs, maxNs: entry.maxNs, events: 20 }]
  // By who reads it first, then by the store, once; to who met it too no longer than to others.
  namesIn(opened)
  expect(opened.reader.lost()).toMatchObject(told)
  expect(examine(opened.store, file.name).ok).toBe(true)
  expect(opened.reader.lost()).toMatchObject(told)
  const disk = opened.disk.after(0)
  const again = openStore(disk, { config: { ...CONFIG, maxFileBytes: 1200 } })
  for (const one of [opened, again]) {
    const { store, reader } = one
    expect(reader.lost()).toMatchObject(told)
    for (let no = 18; no <= 27; no++) ingest(store, incoming(1, numbered(1, no, 10)))
    commit(store)
    expect(cleanupOldEvents(store, entry.minNs).ok).toBe(true)
    namesIn(one)
    expect(reader.lost()).toMatchObject(told)
    expect(cleanupOldEvents(store, 2n ** 62n).ok).toBe(true)
    namesIn(one)
    expect(reader.lost()).toEqual([])
  }
})

test('of a damaged place in a log nobody knows of when it is, but that it had come by now', () => {
  const disk = memoryDisk()
  const capacity = { ...TINY, rows: 100 }
  const opened = openStore(disk, { capacity })
  for (const no of [1, 2, 3]) ingest(opened.store, incoming(1, numbered(1, no, 10)))
  commit(opened.store)
  const bytes = disk.bytes(`${DIRECTORY}/0000000001.log`)
  bytes[bytes.indexOf(nameOf(1, 2, 4))] = 0
  const again = openStore(disk.after(1), { capacity, clock: { nowMs: 5000 } })
  const told = [{ why: 'a part of the log has another checksum than when it was written', minNs: null, maxNs: 5_000_000_000n, events: null }]
  expect(again.reader.lost()).toMatchObject(told)
  expect(openStore((again.store.ports.disk as MemoryDisk).after(1), { capacity }).reader.lost()).toMatchObject(told)
})

test('a list of losses that is damaged itself is a loss of which nothing is known', () => {
  const before = filled(9, 100)
  const disk = before.disk.after(1)
  truncate(disk, FIRST, 100)
  openStore(disk)
  const bytes = disk.bytes(`${DIRECTORY}/lost`)
  bytes[9] = (bytes[9] ?? 0) ^ 1
  expect(readLosses(disk, DIRECTORY)).toMatchObject({ ok: true, value: [{ why: 'the list of lost events is damaged itself', minNs: null, maxNs: null }] })
})
