/** The log of a block: what was written is read back, whatever became of its end or its middle. */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { appendLog, createLog, cutLog, type Log, type LoggedBatch, logName, logNumber, readLog, type ReadLog, reopenLog, syncLog } from '../../src/event/log.ts'
import { memoryDisk, type MemoryDisk } from './memory-disk.ts'

const PATH = 'events/0000000007.log'
const runs = { ...(process.env['FC_SEED'] === undefined ? {} : { seed: Number(process.env['FC_SEED']) }), numRuns: 300 }

const batches = fc.array(fc.record({
  session: fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes).toString('hex')),
  no: fc.nat(), source: fc.record({ node: fc.string({ maxLength: 20 }), startNs: fc.bigInt(0n, 2n ** 62n) }),
  receivedNs: fc.bigInt(0n, 2n ** 62n), bytes: fc.uint8Array({ minLength: 1, maxLength: 200 }),
}), { minLength: 1, maxLength: 8 })

function begin(disk: MemoryDisk, sessions = new Map<string, number>()): Log {
  const created = createLog(disk, PATH, 7, sessions)
  if (!created.ok) throw new Error(created.error.message)
  return created.value
}

function read(disk: MemoryDisk): ReadLog {
  const found = readLog(disk, PATH)
  if (!found.ok) throw new Error(found.error.message)
  return found.value
}

/** Comparable: bytes as plain arrays, without where they stood. */
function plain(found: readonly LoggedBatch[]): unknown[] {
  return found.map(({ session, no, source, receivedNs, bytes }) => ({ session, no, source: { ...source }, receivedNs, bytes: [...bytes] }))
}

function written(given: readonly LoggedBatch[], disk = memoryDisk()): { disk: MemoryDisk; ends: number[] } {
  const log = begin(disk)
  const ends = [log.nBytes]
  for (const batch of given) {
    expect(appendLog(log, batch)).toBeUndefined()
    ends.push(log.nBytes)
  }
  return { disk, ends }
}

test('names carry the number of the block', () => {
  expect(logName(7)).toBe('0000000007.log')
  expect([logNumber('0000000007.log'), logNumber('7.log'), logNumber('0000000007.log.bak')]).toEqual([7, undefined, undefined])
})

test('what was written is read, the sessions of before too', () => {
  fc.assert(fc.property(batches, (given) => {
    const disk = memoryDisk()
    const sessions = new Map([['00'.repeat(16), 12], ['ab'.repeat(16), 2 ** 40]])
    const log = begin(disk, sessions)
    for (const batch of given) expect(appendLog(log, batch)).toBeUndefined()
    const found = read(disk)
    expect(found).toMatchObject({ sessions, stranded: [], damaged: [], soundBytes: log.nBytes, tornBytes: 0 })
    expect(plain(found.batches)).toEqual(plain(given))
  }), runs)
})

test('a torn end is cut at the last whole batch, wherever it is torn', () => {
  fc.assert(fc.property(batches, fc.double({ min: 0, max: 1, noNaN: true }), (given, share) => {
    const { disk, ends } = written(given)
    const whole = disk.bytes(PATH)
    const nKept = Math.floor(whole.length * share)
    const opened = disk.open(PATH, 'write')
    opened.truncate(nKept)
    const nWhole = ends.filter((end) => end <= nKept).length
    const found = read(disk)
    expect(plain(found.batches)).toEqual(plain(given.slice(0, Math.max(0, nWhole - 1))))
    expect(found.damaged).toEqual([])
    expect(found.tornBytes).toBe(nKept - (ends[nWhole - 1] ?? 0))
  }), runs)
})

test('a flipped bit loses its own batch alone, and the bytes are kept', () => {
  fc.assert(fc.property(batches, fc.nat(), fc.integer({ min: 0, max: 7 }), (given, place, bit) => {
    const { disk, ends } = written(given)
    const bytes = disk.bytes(PATH)
    const at = place % bytes.length
    bytes[at] = (bytes[at] ?? 0) ^ (1 << bit)
    const hit = ends.filter((end) => end <= at).length
    const found = read(disk)
    const expected = given.filter((_, idx) => idx !== hit - 1)
    expect(plain([...found.batches, ...found.stranded])).toEqual(plain(expected))
    const nLost = (ends[hit] ?? 0) - (ends[hit - 1] ?? 0)
    const nTold = found.tornBytes + found.damaged.reduce((sum, each) => sum + each.bytes.length, 0)
    expect(nTold).toBe(nLost)
    // Only of the very last record can it be thought that it was never whole.
    if (hit < ends.length - 1) expect(found.tornBytes).toBe(0)
  }), runs)
})

test('a full disk is told as such, leaves nothing half written, and the log goes on when there is room', () => {
  const disk = memoryDisk()
  const log = begin(disk)
  const batch = { session: '01'.repeat(16), no: 1, source: { node: 'a@b', startNs: 1n }, receivedNs: 2n, bytes: Buffer.alloc(100, 1) }
  expect(appendLog(log, batch)).toBeUndefined()
  const { nBytes } = log
  disk.room(nBytes + 70)
  expect(appendLog(log, { ...batch, no: 2 })).toMatchObject({ code: 'storage_full' })
  expect(log.nBytes).toBe(nBytes)
  expect(disk.bytes(PATH).length).toBe(nBytes)
  disk.room(Infinity)
  expect(appendLog(log, { ...batch, no: 2 })).toBeUndefined()
  expect(read(disk).batches.map(({ no }) => no)).toEqual([1, 2])
})

test('a log that cannot be cut or synced is broken and takes nothing more', () => {
  const disk = memoryDisk()
  const log = begin(disk)
  const batch = { session: '01'.repeat(16), no: 1, source: { node: 'a@b', startNs: 1n }, receivedNs: 2n, bytes: Buffer.alloc(100, 1) }
  disk.failWith('EIO')
  expect(appendLog(log, batch)).toMatchObject({ code: 'unavailable' })
  disk.failWith(undefined)
  expect(log.isBroken).toBe(true)
  expect(appendLog(log, batch)).toMatchObject({ code: 'unavailable' })

  const other = begin(memoryDisk())
  expect(appendLog(other, batch)).toBeUndefined()
  cutLog(other, 56)
  expect([other.nBytes, other.isBroken]).toEqual([56, false])
  const failing = memoryDisk()
  const third = begin(failing)
  failing.failWith('EIO', ['sync'])
  expect(syncLog(third)).toMatchObject({ code: 'unavailable' })
  expect(third.isBroken).toBe(true)
})

test('a reopened log goes on where it was whole', () => {
  const given = [1, 2, 3].map((no) => ({ session: '01'.repeat(16), no, source: { node: 'a@b', startNs: 1n }, receivedNs: 2n, bytes: Buffer.alloc(10, no) }))
  const { disk, ends } = written(given)
  const reopened = reopenLog(disk, PATH, 7, ends[2] ?? 0)
  if (!reopened.ok) throw new Error(reopened.error.message)
  expect(appendLog(reopened.value, { ...given[2], no: 9, bytes: Buffer.alloc(2) } as LoggedBatch)).toBeUndefined()
  expect(read(disk)).toMatchObject({ batches: [{ no: 1 }, { no: 2 }, { no: 9 }], tornBytes: 0, damaged: [] })
})
