/** Sealed blocks in files: what is read is what was sealed, section by section; damage is found, and costs its own block alone. */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { must } from '../../src/base/assert.ts'
import { type Block, counts, lengthOf, SECTION_NAMES } from '../../src/event/block.ts'
import { blockOf, encodeEntry, keysIn, type SoundEntry, soundEntry } from '../../src/event/block-entry.ts'
import { addBlock, blockFileName, blockFileNumber, createBlockFile, examineFile, finishFile, type GrowingFile, readEntry, readIndex, readTable } from '../../src/event/block-file.ts'
import { KEY_KINDS, keyHash, keysOf } from '../../src/event/block-keys.ts'
import { decodeTable, encodeTable, FILE_BLOCKS, tableMayHold, tableOf } from '../../src/event/footer.ts'
import { seal } from '../../src/event/seal.ts'
import { pack, packTimes, unpack } from '../../src/event/section-codec.ts'
import { append, beginBlock } from '../../src/event/writer.ts'
import { openWriter } from '../../src/event/writer-state.ts'
import { formatMfa } from '../../src/model/names.ts'
import { batches, batchOf, seed } from './batches.ts'
import { memoryDisk, type MemoryDisk } from './memory-disk.ts'
import { newBlock, rowsOf } from './rows.ts'
import { numbered, SOURCE } from './stores.ts'

const PATH = 'events/0000000001.blocks'
const NO_SESSIONS = new Map<string, number>()

function sealedBlock(number: number, given: readonly Parameters<typeof append>[1][]): Block {
  const block = newBlock()
  const writer = openWriter()
  beginBlock(writer, block, number)
  for (const batch of given) append(writer, batch, SOURCE, ({ mfa }) => (mfa === null ? { nodeId: null, evidence: 'none' } : { nodeId: `node of ${mfa.function}`, evidence: 'exact' }))
  seal(block)
  return block
}

function entryOf(block: Block, sessions = NO_SESSIONS): SoundEntry {
  return must(soundEntry(Buffer.concat(encodeEntry(block, sessions, 0).parts)), 'a sound entry')
}

function fileOf(disk: MemoryDisk, blocks: readonly Block[]): GrowingFile {
  const created = createBlockFile(disk, PATH, blockFileName(1))
  if (!created.ok) throw new Error(created.error.message)
  for (const block of blocks) expect(addBlock(created.value, encodeEntry(block, NO_SESSIONS, 0))).toBeUndefined()
  return created.value
}

function valueOf<T>(result: { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: { readonly message: string } }): T {
  if (!result.ok) throw new Error(result.error.message)
  return result.value
}

/** What readers may look at: each section as far as it is counted, the order only where the rows need one. */
function sections(block: Block): Record<string, readonly number[]> {
  const filled = counts(block)
  return Object.fromEntries(SECTION_NAMES.map((name) => [name, [...block[name].subarray(0, lengthOf(name, filled))]]))
}

test('a block read from its entry has every section of the one that was sealed', () => {
  fc.assert(fc.property(fc.array(batches(60), { minLength: 1, maxLength: 4 }), (given) => {
    const block = sealedBlock(7, given)
    fc.pre(counts(block).rows > 0)
    const read = blockOf(entryOf(block))
    expect(counts(read)).toEqual(counts(block))
    expect([...read.header.subarray(0, 3)]).toEqual([...block.header.subarray(0, 3)])
    expect(read.base).toEqual(block.base)
    const expected = sections(block)
    // Asked for in any order: each is unpacked from what is stored, whatever was asked for before.
    for (const name of SECTION_NAMES.toReversed()) expect([name, [...read[name].subarray(0, lengthOf(name, counts(block)))]]).toEqual([name, expected[name]])
    expect(rowsOf(blockOf(entryOf(block)))).toEqual(rowsOf(block))
  }), { ...seed, numRuns: 150 })
})

test('the buffer of a block from disk holds all of it', () => {
  const block = sealedBlock(7, [numbered(1, 1, 30)])
  const { buffer } = blockOf(entryOf(block))
  const untouched = blockOf(entryOf(block))
  expect(Buffer.from(buffer as ArrayBuffer).equals(Buffer.from(untouched.buffer as ArrayBuffer))).toBe(true)
  expect(Buffer.from(buffer as ArrayBuffer).includes('Mod1')).toBe(true)
})

test('times are packed and unpacked whole, forwards and backwards, and anything else is refused', () => {
  const times = fc.array(fc.oneof(fc.integer({ min: -1000, max: 100_000 }), fc.integer({ min: -(2 ** 53), max: 2 ** 53 })), { maxLength: 100 })
  fc.assert(fc.property(times, (values) => {
    const column = Float64Array.from(values)
    const read = new Float64Array(column.length)
    unpack(packTimes(column), new Uint8Array(read.buffer))
    expect([...read]).toEqual([...column].map((value) => value + 0))
  }), seed)
  const packed = pack(new Uint8Array(1000))
  expect(packed).toMatchObject({ codec: 'zstd' })
  expect(() => unpack(packed, new Uint8Array(999))).toThrow(/larger than 999 bytes/)
  expect(() => unpack(packed, new Uint8Array(1001))).toThrow(/1000 bytes are stored/)
})

test('a flipped bit anywhere in an entry is found', () => {
  const whole = Buffer.concat(encodeEntry(sealedBlock(7, [numbered(1, 1, 30)]), new Map([['ab'.repeat(16), 9]]), 0).parts)
  expect(soundEntry(whole)?.head.sessions).toEqual([['ab'.repeat(16), 9]])
  fc.assert(fc.property(fc.nat({ max: whole.length - 1 }), fc.nat({ max: 7 }), (at, bit) => {
    const damaged = Buffer.from(whole)
    damaged[at] = (damaged[at] ?? 0) ^ (1 << bit)
    expect(soundEntry(damaged)).toBeUndefined()
  }), { ...seed, numRuns: 500 })
  expect(soundEntry(whole.subarray(0, whole.length - 1))).toBeUndefined()
})

test('the keys of a block are those of its rows, and the footer finds every one of them', () => {
  const blocks = [1, 2, 3].map((number) => sealedBlock(number, [numbered(number, number, 10), numbered(9, number, 5)]))
  const disk = memoryDisk()
  const growing = fileOf(disk, blocks)
  expect(finishFile(growing)).toBeUndefined()
  const index = valueOf(readIndex(disk, PATH, blockFileName(1)))
  expect(index).toEqual({ ...growing.index, path: PATH })
  expect(index.isFinished).toBe(true)
  const tableFor = (kind: string) => {
    const ref = must(index.tables.find((table) => table.kind === kind), 'a table')
    const bytes = new Uint8Array(ref.nBytes)
    unpack({ codec: ref.codec, stored: must(valueOf(readTable(disk, PATH, ref)), 'its bytes') }, bytes)
    return decodeTable(bytes)
  }
  const holds = (kind: string, key: string): boolean[] => blocks.map((_, idx) => tableMayHold(tableFor(kind), keyHash(key), idx))
  for (const [idx, block] of blocks.entries()) {
    for (const { corr, pid, site } of rowsOf(block)) {
      expect(holds('correlation', must(corr, 'a correlation'))[idx]).toBe(true)
      expect(holds('pid', must(pid, 'a pid'))[idx]).toBe(true)
      expect(holds('node', must(site?.nodeId, 'a node'))[idx]).toBe(true)
      const { module, function: name, arity } = must(site?.mfa, 'a function')
      expect(holds('function', formatMfa({ module, name, arity }))[idx]).toBe(true)
    }
    expect(keysIn(entryOf(block))).toEqual(keysOf(block, counts(block)))
  }
  expect(holds('pid', '0.2.0')).toEqual([false, true, false])
  expect(holds('pid', '0.9.0')).toEqual([true, true, true])
  expect(holds('correlation', '3/3/0')).toEqual([false, false, true])
  expect(holds('function', 'Mod7.fun/0')).toEqual([false, false, false])
  expect(index.entries.map(({ nKeys }) => nKeys[KEY_KINDS.indexOf('correlation')])).toEqual([15, 15, 15])
})

test('a table says of each key exactly the blocks that have it', () => {
  const keys = fc.array(fc.uniqueArray(fc.nat({ max: 40 }).map((key) => (key * 0x9e_37_79_b1) >>> 0), { maxLength: 20 }), { maxLength: FILE_BLOCKS, minLength: 1 })
  fc.assert(fc.property(keys, (blocks) => {
    const table = must(tableOf('pid', blocks.map((hashes) => ({ pid: Uint32Array.from(hashes).sort(), correlation: new Uint32Array(), node: new Uint32Array(), function: new Uint32Array() }))), 'a table')
    const read = decodeTable(encodeTable(table))
    for (let key = 0; key <= 40; key++) {
      const hash = (key * 0x9e_37_79_b1) >>> 0
      expect(blocks.map((_, idx) => tableMayHold(read, hash, idx))).toEqual(blocks.map((hashes) => hashes.includes(hash)))
    }
  }), { ...seed, numRuns: 60 })
})

test('a file without footer is walked, and read on from where it ended', () => {
  const disk = memoryDisk()
  const growing = fileOf(disk, [sealedBlock(1, [numbered(1, 1, 3)])])
  const first = valueOf(readIndex(disk, PATH, blockFileName(1)))
  expect(first).toEqual({ ...growing.index })
  expect(addBlock(growing, encodeEntry(sealedBlock(2, [numbered(1, 2, 4)]), NO_SESSIONS, 0))).toBeUndefined()
  const second = valueOf(readIndex(disk, PATH, blockFileName(1), first))
  expect(second.entries.map(({ number, nRows }) => [number, nRows])).toEqual([[1, 3], [2, 4]])
  expect(second).toEqual(growing.index)
  expect([blockFileNumber('0000000012.blocks'), blockFileNumber('12.blocks'), blockFileNumber('0000000012.log')]).toEqual([12, undefined, undefined])
})

test('a file that is cut or damaged anywhere gives the blocks that are whole', () => {
  const disk = memoryDisk()
  const growing = fileOf(disk, [1, 2, 3].map((number) => sealedBlock(number, [numbered(1, number, number * 3)])))
  const { entries } = growing.index
  finishFile(growing)
  const whole = Buffer.from(disk.bytes(PATH))
  fc.assert(fc.property(fc.nat({ max: whole.length - 1 }), fc.boolean(), (at, isCut) => {
    const other = memoryDisk()
    const bytes = Buffer.from(isCut ? whole.subarray(0, at) : whole)
    if (!isCut) bytes[at] = (bytes[at] ?? 0) ^ 16
    other.open(PATH, 'new').write([bytes], 0)
    const expected = entries.filter((entry) => (isCut ? entry.at + entry.nBytes <= at : at < entry.at || at >= entry.at + entry.nBytes)).map(({ number }) => number)
    const examined = valueOf(examineFile(other, PATH))
    expect(examined.sound.map(({ head }) => head.number)).toEqual(expected)
    if (isCut) expect(examined.damaged).toEqual([])
    const index = valueOf(readIndex(other, PATH, blockFileName(1)))
    const opened = index.entries.filter((entry) => valueOf(readEntry(other, PATH, entry)) !== 'damaged').map(({ number }) => number)
    // Without the footer nothing behind a damaged head is found by walking; examining does.
    expect(expected.slice(0, opened.length)).toEqual(opened)
    if (isCut || index.isFinished) expect(opened).toEqual(expected)
  }), { ...seed, numRuns: 300 })
})

test('a block that does not fit on the disk leaves the file as it was', () => {
  const disk = memoryDisk()
  const growing = fileOf(disk, [sealedBlock(1, [numbered(1, 1, 3)])])
  const before = Buffer.from(disk.bytes(PATH))
  disk.room(before.length + 100)
  const second = encodeEntry(sealedBlock(2, [batchOf([{ type: 'call', ts: 1, pid: '0.1.0', mfa: 'A.b/1' }])]), NO_SESSIONS, 0)
  expect(addBlock(growing, second)).toMatchObject({ code: 'storage_full' })
  expect(disk.bytes(PATH).equals(before)).toBe(true)
  expect(finishFile(growing)).toMatchObject({ code: 'storage_full' })
  expect(disk.bytes(PATH).equals(before)).toBe(true)
  disk.room(Infinity)
  expect(addBlock(growing, second)).toBeUndefined()
  expect(valueOf(readIndex(disk, PATH, blockFileName(1))).entries.map(({ number }) => number)).toEqual([1, 2])
})
