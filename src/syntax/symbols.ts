/**
 * The symbol table of the lexer: bytes to symbol ids, by an open hash table that is reset, not rebuilt, for each file. The
 * well-known names are always there under their fixed ids. No string is made here.
 */

import type { Names } from './names.ts'
import { wellKnownNames } from './well-known.ts'

const KNOWN = wellKnownNames.length
const encoder = new TextEncoder()

export type Symbols = {
  /** id + 1 by hash slot, 0 where free. */
  slots: Int32Array
  hashes: Int32Array
  /** Where the bytes are: offsets into `bytes`. Well-known names first, then names of this file. */
  starts: Int32Array
  ends: Int32Array
  count: number
  /** Bytes of the well-known names, then of names that no source spells in one piece. */
  pool: Uint8Array
  poolUsed: number
  readonly poolKnown: number
  readonly freshSlots: Int32Array
}

const SLOTS = 1 << 12

/** Start of the hash of a name; each byte goes through `hashByte`. */
export const HASH_SEED = 17
export const hashByte = (hash: number, byte: number): number => (Math.imul(hash, 31) + byte) | 0

export function hashRange(bytes: Uint8Array, start: number, end: number): number {
  let hash = HASH_SEED
  for (let i = start; i < end; i++) hash = hashByte(hash, bytes[i] as number)
  return hash
}

const slotOf = (hash: number): number => hash ^ (hash >>> 15)

export function createSymbols(): Symbols {
  const known = encoder.encode(wellKnownNames.join(''))
  const pool = new Uint8Array(known.length + 4096)
  pool.set(known)
  const symbols: Symbols = {
    slots: new Int32Array(SLOTS),
    hashes: new Int32Array(1024),
    starts: new Int32Array(1024),
    ends: new Int32Array(1024),
    count: 0,
    pool,
    poolUsed: known.length,
    poolKnown: known.length,
    freshSlots: new Int32Array(SLOTS),
  }
  let offset = 0
  for (const known of wellKnownNames) {
    const end = offset + encoder.encode(known).length
    addSymbol(symbols, hashRange(pool, offset, end), -1 - offset, -1 - end)
    offset = end
  }
  symbols.freshSlots.set(symbols.slots)
  return symbols
}

export function resetSymbols(symbols: Symbols): void {
  if (symbols.slots.length === SLOTS) symbols.slots.set(symbols.freshSlots)
  else symbols.slots = symbols.freshSlots.slice()
  symbols.count = KNOWN
  symbols.poolUsed = symbols.poolKnown
}

/** The id of the name at [start, end) of `source`, whose hash is `hash`. */
export function intern(symbols: Symbols, source: Uint8Array, start: number, end: number, hash: number): number {
  const mask = symbols.slots.length - 1
  let slot = slotOf(hash) & mask
  let found = symbols.slots[slot] as number
  while (found !== 0) {
    if (symbols.hashes[found - 1] === hash && sameBytes(symbols, found - 1, source, start, end)) return found - 1
    slot = (slot + 1) & mask
    found = symbols.slots[slot] as number
  }
  return addSymbol(symbols, hash, start, end)
}

/** The id of a name that the source does not spell out: its bytes are kept in the pool. */
export function internBytes(symbols: Symbols, source: Uint8Array, bytes: Uint8Array): number {
  const end = symbols.poolUsed + bytes.length
  if (end > symbols.pool.length) {
    const pool = new Uint8Array(end * 2)
    pool.set(symbols.pool)
    symbols.pool = pool
  }
  symbols.pool.set(bytes, symbols.poolUsed)
  const start = symbols.poolUsed
  const hash = hashRange(symbols.pool, start, end)
  const mask = symbols.slots.length - 1
  for (let slot = slotOf(hash) & mask; symbols.slots[slot] !== 0; slot = (slot + 1) & mask) {
    const id = (symbols.slots[slot] as number) - 1
    if (symbols.hashes[id] === hash && sameAs(symbols, id, source, bytes)) return id
  }
  symbols.poolUsed = end
  return addSymbol(symbols, hash, -1 - start, -1 - end)
}

// A negative start is -1 minus an offset into the pool.
function sameBytes(symbols: Symbols, id: number, source: Uint8Array, start: number, end: number): boolean {
  let at = symbols.starts[id] as number
  const stop = symbols.ends[id] as number
  if (at >= 0) {
    if (stop - at !== end - start) return false
    for (let i = start; i < end; i++) if (source[i] !== source[at++]) return false
    return true
  }
  at = -1 - at
  if (-1 - stop - at !== end - start) return false
  for (let i = start; i < end; i++) if (source[i] !== symbols.pool[at++]) return false
  return true
}

/** The bytes of a symbol. */
export function symbolBytes(symbols: Symbols, id: number, source: Uint8Array): Uint8Array {
  const start = symbols.starts[id] as number
  const end = symbols.ends[id] as number
  return start >= 0 ? source.subarray(start, end) : symbols.pool.subarray(-1 - start, -1 - end)
}

function sameAs(symbols: Symbols, id: number, source: Uint8Array, bytes: Uint8Array): boolean {
  const own = symbolBytes(symbols, id, source)
  if (own.length !== bytes.length) return false
  for (let i = 0; i < bytes.length; i++) if (own[i] !== bytes[i]) return false
  return true
}

function addSymbol(symbols: Symbols, hash: number, start: number, end: number): number {
  const id = symbols.count++
  if (id === symbols.starts.length) growSymbols(symbols)
  symbols.hashes[id] = hash
  symbols.starts[id] = start
  symbols.ends[id] = end
  if (symbols.count * 2 > symbols.slots.length) rehash(symbols)
  else place(symbols.slots, hash, id)
  return id
}

function place(slots: Int32Array, hash: number, id: number): void {
  const mask = slots.length - 1
  let slot = slotOf(hash) & mask
  while (slots[slot] !== 0) slot = (slot + 1) & mask
  slots[slot] = id + 1
}

function growSymbols(symbols: Symbols): void {
  for (const key of ['hashes', 'starts', 'ends'] as const) {
    const wider = new Int32Array(symbols[key].length * 2)
    wider.set(symbols[key])
    symbols[key] = wider
  }
}

function rehash(symbols: Symbols): void {
  const slots = new Int32Array(symbols.slots.length * 4)
  for (let id = 0; id < symbols.count; id++) place(slots, symbols.hashes[id] as number, id)
  symbols.slots = slots
}

/** The names of the file just read, for its tree. */
export function takeNames(symbols: Symbols, source: Uint8Array): Names {
  const ranges = new Uint32Array((symbols.count - KNOWN) * 2)
  const extra = symbols.pool.slice(symbols.poolKnown, symbols.poolUsed)
  const base = source.length - symbols.poolKnown
  for (let id = KNOWN; id < symbols.count; id++) {
    const start = symbols.starts[id] as number
    const end = symbols.ends[id] as number
    ranges[(id - KNOWN) * 2] = start >= 0 ? start : base - 1 - start
    ranges[(id - KNOWN) * 2 + 1] = start >= 0 ? end : base - 1 - end
  }
  return { source, extra, ranges, strings: [] }
}
