/**
 * The slabs that resident blocks stand in: a fixed number of shared buffers, made by main and used again and again, because
 * dropping a shared buffer frees nothing until every thread that had it has collected garbage. Pages that no block
 * has touched cost nothing.
 *
 *     directory   Int32   [0] epoch, [1] slabs, [2] readers
 *     slab        3 each  block number (0: none to be found), generation (how often taken), epoch of its retirement
 *     reader      1 each  the epoch it entered at, 0: not within
 *
 * A slab is used again only when nobody can be reading what it held. Why that is so: a reader, in this order, (1) reads the
 * epoch, (2) writes it in its place, (3) reads block numbers. The writer, to retire a slab, (a) clears its number, (b) adds
 * one to the epoch and notes the sum as the slab's, (c) reads the readers' places, and takes the slab if each is 0
 * or not below that sum. All of these are Atomics, so all threads see them in one order. Let a reader have found the
 * number at (3): then (3) was before (a), so (1) read less than the sum, and so says its place, which it wrote before (3) and
 * thus before (c): the slab is not taken until the reader leaves. A reader whose place still said 0 at (c) comes to (3) after (a),
 * and does not find the number. An epoch that was read long before it was written is too low, never too high: that only makes
 * the writer wait longer.
 *
 * The writer alone changes slabs; each reader has a place of its own; main clears the place of a reader that died. A writer
 * that died leaves its blocks to be found: the next one retires them, the half-written one included, and starts anew. What was free
 * stays so, since nobody can have found it: a slab that was just being retired says so, before its number goes.
 * Absent on purpose: which blocks are worth keeping, and what is on disk.
 */

import { assert } from '../base/assert.ts'
import { type Block, BLOCK_CAPACITY, blockBytes, blockIn, type Counts, HEADER, layOut } from './block.ts'

/** What main makes and hands to every thread. */
export type Slabs = { readonly buffers: readonly SharedArrayBuffer[]; readonly directory: SharedArrayBuffer; readonly capacity: Counts }

const EPOCH = 0
const N_SLABS = 1
const HEAD = 3
const SLAB = { number: 0, generation: 1, retiredAt: 2 } as const
const SLAB_WORDS = 3
/** Later than every epoch: a slab that is being retired. */
const NOT_YET = 2 ** 31 - 1

export function createSlabs(nSlabs: number, nReaders: number, capacity: Counts = BLOCK_CAPACITY): Slabs {
  const directory = new SharedArrayBuffer((HEAD + nSlabs * SLAB_WORDS + nReaders) * 4)
  new Int32Array(directory).set([1, nSlabs, nReaders])
  return { buffers: Array.from({ length: nSlabs }, () => new SharedArrayBuffer(blockBytes(capacity))), directory, capacity }
}

/** Main, when a reading thread has died: what it pinned is free again. */
export function releaseReader({ directory }: Slabs, reader: number): void {
  const words = new Int32Array(directory)
  Atomics.store(words, readerAt(words, reader), 0)
}

/** The one thread that writes. A new one, after the old one died, retires whatever that left. */
export type SlabWriter = {
  readonly nSlabs: number
  /** An empty block, which readers find from now on; undefined while every slab is in use or pinned. Numbers count from 1. */
  take(number: number): Block | undefined
  /** Readers find the block no more; its slab is used again once none that might hold it is within. */
  retire(number: number): void
  /** The blocks that readers find, by number, rising. */
  resident(): readonly number[]
}

export function openSlabWriter(slabs: Slabs): SlabWriter {
  const words = new Int32Array(slabs.directory)
  for (let slab = 0; slab < slabs.buffers.length; slab++) if (!wasFree(words, slab)) retireSlab(words, slab)
  return {
    nSlabs: slabs.buffers.length,
    take(number) {
      assert(number > 0 && findSlab(words, number) < 0, 'a number that no block has')
      const oldest = oldestEpoch(words)
      const slab = slabs.buffers.findIndex((_, idx) => isFree(words, idx, oldest))
      const buffer = slabs.buffers[slab]
      if (buffer === undefined) return undefined
      const block = layOut(buffer, slabs.capacity)
      const generation = Atomics.add(words, slabAt(slab) + SLAB.generation, 1) + 1
      Atomics.store(block.header, HEADER.generation, generation)
      Atomics.store(block.header, HEADER.number, number)
      // Last: from here on readers find it, empty.
      Atomics.store(words, slabAt(slab) + SLAB.number, number)
      return block
    },
    retire(number) {
      const slab = findSlab(words, number)
      if (slab >= 0) retireSlab(words, slab)
    },
    resident: () => residentOf(words),
  }
}

export type SlabReader = {
  /** Blocks found from here to `leave` stay what they are. May be nested; leave between slices of long work. */
  enter(): void
  leave(): void
  /** The block of that number, where it is resident. Only within. */
  find(number: number): Block | undefined
  /** The blocks that were resident at one and the same moment, by number, rising. */
  resident(): readonly number[]
}

/** `reader` counts from 0; no two threads have the same. */
export function openSlabReader(slabs: Slabs, reader: number): SlabReader {
  const words = new Int32Array(slabs.directory)
  const place = readerAt(words, reader)
  /** The layout of a slab never changes, so its views are made once. */
  const blocks: (Block | undefined)[] = []
  let depth = 0
  return {
    enter() {
      if (depth++ === 0) Atomics.store(words, place, Atomics.load(words, EPOCH))
    },
    leave() {
      assert(depth > 0, 'to be within')
      if (--depth === 0) Atomics.store(words, place, 0)
    },
    find(number) {
      assert(depth > 0, 'to be within')
      const slab = findSlab(words, number)
      const buffer = slabs.buffers[slab]
      return buffer === undefined ? undefined : (blocks[slab] ??= blockIn(buffer))
    },
    resident: () => residentOf(words),
  }
}

function slabAt(slab: number): number {
  return HEAD + slab * SLAB_WORDS
}

function readerAt(words: Int32Array, reader: number): number {
  const place = slabAt(words[N_SLABS] ?? 0) + reader
  assert(reader >= 0 && place < words.length, 'a place for the reader')
  return place
}

function findSlab(words: Int32Array, number: number): number {
  const nSlabs = number > 0 ? (words[N_SLABS] ?? 0) : 0
  for (let slab = 0; slab < nSlabs; slab++) if (Atomics.load(words, slabAt(slab)) === number) return slab
  return -1
}

/**
 * Read twice alike, the numbers stood so all at once in between, because none is given a second time. Otherwise a block that was
 * taken behind this reader's back might be left out, and the one after it not. The writer takes few, so it is soon alike.
 */
function residentOf(words: Int32Array): readonly number[] {
  let numbers = numbersIn(words)
  for (let before: readonly number[] = []; before.length !== numbers.length || before.some((number, slab) => number !== numbers[slab]);) {
    before = numbers
    numbers = numbersIn(words)
  }
  return numbers.filter((number) => number > 0).sort((a, b) => a - b)
}

function numbersIn(words: Int32Array): readonly number[] {
  return Array.from({ length: words[N_SLABS] ?? 0 }, (_, slab) => Atomics.load(words, slabAt(slab)))
}

function wasFree(words: Int32Array, slab: number): boolean {
  return Atomics.load(words, slabAt(slab) + SLAB.number) === 0 && Atomics.load(words, slabAt(slab) + SLAB.retiredAt) !== NOT_YET
}

function retireSlab(words: Int32Array, slab: number): void {
  Atomics.store(words, slabAt(slab) + SLAB.retiredAt, NOT_YET)
  Atomics.store(words, slabAt(slab) + SLAB.number, 0)
  Atomics.store(words, slabAt(slab) + SLAB.retiredAt, Atomics.add(words, EPOCH, 1) + 1)
}

/** The least epoch that a reader who is within entered at. */
function oldestEpoch(words: Int32Array): number {
  let oldest = Infinity
  for (let place = slabAt(words[N_SLABS] ?? 0); place < words.length; place++) {
    const entered = Atomics.load(words, place)
    if (entered > 0 && entered < oldest) oldest = entered
  }
  return oldest
}

function isFree(words: Int32Array, slab: number, oldest: number): boolean {
  return Atomics.load(words, slabAt(slab)) === 0 && Atomics.load(words, slabAt(slab) + SLAB.retiredAt) <= oldest
}
