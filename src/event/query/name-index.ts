/**
 * From a string to its code in a block: open addressing over the hashes of the block's strings, four or two bytes a string
 * instead of a Map's hundred, because thousands of blocks are held at once. Strings are only ever added to a block, so the
 * index of an open block is carried on; a sealed block's is made once.
 */

import { LRUCache } from 'lru-cache'
import type { BlockView } from './columns.ts'
import { stringEnd, stringStart } from './columns.ts'

/** A string to look for, hashed once for all blocks. */
export type Needle = { readonly bytes: Uint8Array; readonly hash: number }

type NameIndex = { readonly slots: Uint32Array | Uint16Array; nStrings: number }

/** Indexes by block number, bounded by bytes. */
export type NameIndexes = LRUCache<number, NameIndex>

export function createNameIndexes(maxBytes: number): NameIndexes {
  return new LRUCache<number, NameIndex>({ maxSize: maxBytes, sizeCalculation: ({ slots }) => slots.byteLength + 64 })
}

export function needleOf(text: string): Needle {
  const bytes = Buffer.from(text)
  return { bytes, hash: hashOf(bytes, 0, bytes.length) }
}

/** The code of the string in this block, 0 where the block has no such string. */
export function codeOf(indexes: NameIndexes, view: BlockView, needle: Needle): number {
  const { slots } = indexOf(indexes, view)
  const mask = slots.length - 1
  for (let at = needle.hash & mask; ; at = (at + 1) & mask) {
    const code = slots[at] ?? 0
    if (code === 0 || isString(view, code, needle.bytes)) return code
  }
}

function indexOf(indexes: NameIndexes, view: BlockView): NameIndex {
  const nStrings = view.counts.strings
  const known = indexes.get(view.number)
  if (known !== undefined && known.nStrings >= nStrings) return known
  if (known !== undefined && nStrings * 2 <= known.slots.length) {
    fill(known, view, nStrings)
    return known
  }
  // An open block gets room to grow, so that it is not hashed anew for every few names.
  const room = nextPowerOfTwo((view.sealed ? 2 : 4) * nStrings + 2)
  const made: NameIndex = { slots: room <= 65_536 ? new Uint16Array(room) : new Uint32Array(room), nStrings: 0 }
  fill(made, view, nStrings)
  indexes.set(view.number, made)
  return made
}

function fill(index: NameIndex, { block }: BlockView, nStrings: number): void {
  const { slots } = index
  const mask = slots.length - 1
  let start = index.nStrings === 0 ? 0 : stringStart(block, index.nStrings + 1)
  for (let code = index.nStrings + 1; code <= nStrings; code++) {
    const end = stringEnd(block, code)
    let at = hashOf(block.stringBytes, start, end) & mask
    while (slots[at] !== 0) at = (at + 1) & mask
    slots[at] = code
    start = end
  }
  index.nStrings = nStrings
}

function isString({ block }: BlockView, code: number, bytes: Uint8Array): boolean {
  const start = stringStart(block, code)
  if (stringEnd(block, code) - start !== bytes.length) return false
  for (let i = 0; i < bytes.length; i++) if (block.stringBytes[start + i] !== bytes[i]) return false
  return true
}

/** FNV-1a with a last mixing, since the low bits alone choose the slot. */
function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c_9dc5
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ (bytes[i] ?? 0), 0x0100_0193)
  hash ^= hash >>> 15
  hash = Math.imul(hash, 0x2c1b_3c6d)
  return (hash ^ (hash >>> 13)) >>> 0
}

function nextPowerOfTwo(n: number): number {
  return 2 ** Math.ceil(Math.log2(n))
}
