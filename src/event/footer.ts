/**
 * Which blocks of a file have a key: for each kind a table of hash to 64 bits, one per block, in the order of the file.
 *
 *     table = hash u32 x n, rising | lower half of the bits u32 x n | upper half u32 x n
 *
 * Absent on purpose: exact keys. A table answers "certainly not" or "maybe", for 12 bytes a key.
 */

import { type BlockKeys, KEY_KINDS, type KeyKind, search } from './block-keys.ts'

export const FILE_BLOCKS = 64
/** A kind with more keys in a file has no table: every block may have it. Takes 12 MiB. */
const MAX_KEYS = 1 << 20

export type KeyTable = { readonly hashes: Uint32Array; readonly lower: Uint32Array; readonly upper: Uint32Array }

/** Undefined for a kind that has too many keys. */
export function tableOf(kind: KeyKind, blocks: readonly BlockKeys[]): KeyTable | undefined {
  const nKeys = blocks.reduce((sum, keys) => sum + keys[kind].length, 0)
  // Hash and block in one number sort at the speed of memory: 32 and 6 bits of the 53 that are exact.
  const pairs = new Float64Array(nKeys)
  let at = 0
  for (const [idx, keys] of blocks.entries()) for (const hash of keys[kind]) pairs[at++] = hash * FILE_BLOCKS + idx
  pairs.sort()
  const table = { hashes: new Uint32Array(nKeys), lower: new Uint32Array(nKeys), upper: new Uint32Array(nKeys) }
  let n = -1
  for (const pair of pairs) {
    const hash = Math.floor(pair / FILE_BLOCKS)
    const idx = pair - hash * FILE_BLOCKS
    if (n < 0 || table.hashes[n] !== hash) table.hashes[++n] = hash
    const half = idx < 32 ? table.lower : table.upper
    half[n] = (half[n] ?? 0) | (1 << (idx & 31))
  }
  const size = n + 1
  if (size > MAX_KEYS) return undefined
  return { hashes: table.hashes.slice(0, size), lower: table.lower.slice(0, size), upper: table.upper.slice(0, size) }
}

export function tableMayHold(table: KeyTable, hash: number, blockIdx: number): boolean {
  const at = search(table.hashes, hash)
  if (at < 0) return false
  return (((blockIdx < 32 ? table.lower : table.upper)[at] ?? 0) & (1 << (blockIdx & 31))) !== 0
}

export function encodeTable({ hashes, lower, upper }: KeyTable): Uint8Array {
  const bytes = new Uint8Array(hashes.length * 12)
  const words = new Uint32Array(bytes.buffer)
  words.set(hashes, 0)
  words.set(lower, hashes.length)
  words.set(upper, hashes.length * 2)
  return bytes
}

/** `bytes` begins at a multiple of 4 in its buffer. */
export function decodeTable(bytes: Uint8Array): KeyTable {
  const n = bytes.length / 12
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, n * 3)
  return { hashes: words.subarray(0, n), lower: words.subarray(n, n * 2), upper: words.subarray(n * 2) }
}

/** Every kind's table. */
export function tablesOf(blocks: readonly BlockKeys[]): readonly (readonly [KeyKind, KeyTable])[] {
  return KEY_KINDS.flatMap((kind) => {
    const table = tableOf(kind, blocks)
    return table === undefined ? [] : [[kind, table] as const]
  })
}
