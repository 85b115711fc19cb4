/**
 * A sealed block as it stands in a file. Numbers are little-endian:
 *
 *     entry = magic u32 | crc32 u32 of the two lengths and the head | length u32 of the whole | length u32 of the head
 *             | head (MessagePack) | sections and keys, each as the head says where, with its own crc32
 *
 * Postings and order are not stored: they take more than the columns they come from (131 KB each, which zstd makes no
 * smaller), and to count them again takes as long as to unpack them. A block from disk unpacks a section when it is first
 * asked for; its checksums were all compared when it was opened, so that nothing can be wrong later.
 */

import { crc32 } from 'node:zlib'
import { Packr, Unpackr } from 'msgpackr'
import { type Block, blockBytes, BLOCK_STATES, COUNT, type CountName, counts, type Counts, HEADER, isSorted, layOut, lengthOf, type Posted, publish, SECTION_NAMES, type SectionName, setSorted, widthOf } from './block.ts'
import { type BlockKeys, KEY_KINDS, type KeyKind, keysOf } from './block-keys.ts'
import { postings } from './postings.ts'
import { timeRange } from './seal.ts'
import { CODECS, pack, type Packed, packTimes, unpack } from './section-codec.ts'
import { mergeRuns } from './time-order.ts'

export const ENTRY_MAGIC = 0x4b_42_53_45 // ESBK
export const PREFIX_BYTES = 16
const AT = { crc: 4, length: 8, headLength: 12 } as const

/** What is known of a block without reading it. */
export type BlockFacts = {
  readonly number: number
  readonly nRows: number
  readonly minNs: bigint
  readonly maxNs: bigint
  /** When the block was sealed, by the clock of this machine: those of nodes may say anything. */
  readonly sealedMs: number
  /** Code of `EVENT_TYPES` and how many rows have it. */
  readonly byType: readonly (readonly [code: number, n: number])[]
  /** Distinct keys, in the order of KEY_KINDS. */
  readonly nKeys: readonly number[]
}

/** codec (index of CODECS), bytes when unpacked, bytes stored, crc32 of these. */
type Stored = readonly [codec: number, nBytes: number, nStored: number, crc: number]
type DiskSection = 'ts' | 'took' | 'own' | 'type' | 'pid' | 'peer' | 'site' | 'corr' | 'payload' | 'arena' | 'sites' | 'pids' | 'correlations' | 'sources' | 'strings' | 'stringBytes' | 'summary'
/** In the order in which they stand in the file. */
const DISK_SECTIONS: readonly DiskSection[] = ['ts', 'took', 'own', 'type', 'pid', 'peer', 'site', 'corr', 'payload', 'sites', 'pids', 'correlations', 'sources', 'strings', 'stringBytes', 'summary', 'arena']
const COUNT_NAMES = Object.keys(COUNT) as readonly CountName[]

export type EntryHead = BlockFacts & {
  readonly base: bigint
  readonly sorted: boolean
  /** In the order of COUNT. */
  readonly counts: readonly number[]
  /** Last numbers of the sessions when the block was sealed: those before it and those in it. */
  readonly sessions: readonly (readonly [session: string, no: number])[]
  /** In the order of DISK_SECTIONS, then of KEY_KINDS. */
  readonly sections: readonly Stored[]
}

const packr = new Packr({ useRecords: false })
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true, int64AsType: 'bigint' })

export function packValue(value: unknown): Buffer {
  return packr.pack(value)
}

export function unpackValue(bytes: Uint8Array): unknown {
  return unpackr.unpack(bytes)
}

export type EncodedEntry = { readonly parts: readonly Uint8Array[]; readonly nBytes: number; readonly head: EntryHead; readonly keys: BlockKeys }

/** A sealed block with at least one row. */
export function encodeEntry(block: Block, sessions: ReadonlyMap<string, number>, sealedMs: number): EncodedEntry {
  const filled = counts(block)
  const keys = keysOf(block, filled)
  const packed = [
    ...DISK_SECTIONS.map((name) => (name === 'ts' ? packTimes(block.ts.subarray(0, filled.rows)) : pack(bytesOf(block, name, filled)))),
    ...KEY_KINDS.map((kind) => pack(bytesIn(keys[kind]))),
  ]
  const range = timeRange(block) ?? { minNs: 0n, maxNs: 0n }
  const sizes = [...DISK_SECTIONS.map((name) => lengthOf(name, filled) * widthOf(name)), ...KEY_KINDS.map((kind) => keys[kind].byteLength)]
  const head: EntryHead = {
    number: Atomics.load(block.header, HEADER.number), nRows: filled.rows, ...range, sealedMs,
    byType: typesOf(block), nKeys: KEY_KINDS.map((kind) => keys[kind].length),
    base: block.base[0] ?? 0n, sorted: isSorted(block), counts: COUNT_NAMES.map((name) => filled[name]), sessions: [...sessions],
    sections: packed.map(({ codec, stored }, idx): Stored => [CODECS.indexOf(codec), sizes[idx] ?? 0, stored.length, crc32(stored)]),
  }
  const headBytes = packValue(head)
  const nBytes = packed.reduce((sum, { stored }) => sum + stored.length, PREFIX_BYTES + headBytes.length)
  const prefix = Buffer.alloc(PREFIX_BYTES)
  prefix.writeUInt32LE(ENTRY_MAGIC, 0)
  prefix.writeUInt32LE(nBytes, AT.length)
  prefix.writeUInt32LE(headBytes.length, AT.headLength)
  prefix.writeUInt32LE(crc32(headBytes, crc32(prefix.subarray(AT.length))), AT.crc)
  return { parts: [prefix, headBytes, ...packed.map(({ stored }) => stored)], nBytes, head, keys }
}

/** The two lengths of what begins with these bytes; undefined where no entry does. The checksum is not compared yet. */
export function entryLengths(prefix: Buffer): { readonly nBytes: number; readonly headLength: number } | undefined {
  if (prefix.length < PREFIX_BYTES || prefix.readUInt32LE(0) !== ENTRY_MAGIC) return undefined
  const nBytes = prefix.readUInt32LE(AT.length)
  const headLength = prefix.readUInt32LE(AT.headLength)
  return PREFIX_BYTES + headLength <= nBytes ? { nBytes, headLength } : undefined
}

/** The head of an entry, of which at least prefix and head are given; undefined where it is damaged. */
export function decodeHead(bytes: Buffer): EntryHead | undefined {
  const lengths = entryLengths(bytes)
  if (lengths === undefined || bytes.length < PREFIX_BYTES + lengths.headLength) return undefined
  const checked = bytes.subarray(AT.length, PREFIX_BYTES + lengths.headLength)
  return crc32(checked) === bytes.readUInt32LE(AT.crc) ? (unpackValue(bytes.subarray(PREFIX_BYTES, PREFIX_BYTES + lengths.headLength)) as EntryHead) : undefined
}

/** A whole entry whose checksums agree. */
export type SoundEntry = { readonly head: EntryHead; readonly packed: readonly Packed[] }

/** Undefined where any checksum disagrees. */
export function soundEntry(bytes: Buffer): SoundEntry | undefined {
  const head = decodeHead(bytes)
  const lengths = entryLengths(bytes)
  if (head === undefined || lengths === undefined || bytes.length < lengths.nBytes) return undefined
  const packed: Packed[] = []
  let at = PREFIX_BYTES + lengths.headLength
  for (const [codec, , nStored, crc] of head.sections) {
    const stored = bytes.subarray(at, at + nStored)
    if (crc32(stored) !== crc) return undefined
    packed.push({ codec: CODECS[codec] ?? 'raw', stored })
    at += nStored
  }
  return { head, packed }
}

export function keysIn({ head, packed }: SoundEntry): BlockKeys {
  const keys = KEY_KINDS.map((kind, idx): [KeyKind, Uint32Array] => {
    const at = DISK_SECTIONS.length + idx
    const [, nBytes = 0] = head.sections[at] ?? []
    const hashes = new Uint32Array(nBytes / 4)
    unpackAt(packed, at, bytesIn(hashes))
    return [kind, hashes]
  })
  return Object.fromEntries(keys) as BlockKeys
}

/** The bytes that a block takes in memory once all its sections are unpacked. */
export function sizeOf(head: EntryHead): number {
  return blockBytes(countsOf(head))
}

/** The block in memory of its own; sections are unpacked when they are first asked for. */
export function blockOf(entry: SoundEntry): Block {
  const { head } = entry
  const filled = countsOf(head)
  const block = layOut(new ArrayBuffer(blockBytes(filled)), filled)
  block.header[HEADER.number] = head.number
  block.header[HEADER.state] = BLOCK_STATES.sealed
  block.base[0] = head.base
  setSorted(block, head.sorted ? 'sorted' : 'out of order')
  publish(block, filled)
  const lazy: Record<string, unknown> = { header: block.header, base: block.base }
  const counted = new Set<Posted>()
  for (const name of SECTION_NAMES) {
    define(lazy, name, () => {
      const posted = POSTINGS[name]
      if (posted === undefined) unpackSection(entry, block, name, lazy as Block)
      // Rows and starts are filled at once.
      else if (!counted.has(posted)) postings((lazy as Block)[posted], head.nRows, MAX_CODE[posted](filled), block[`${posted}Starts`], block[`${posted}Rows`])
      if (posted !== undefined) counted.add(posted)
      return block[name]
    })
  }
  define(lazy, 'buffer', () => {
    for (const name of SECTION_NAMES) void lazy[name]
    return block.buffer
  })
  return lazy as Block
}

/** A property that is found out once. */
function define(on: Record<string, unknown>, name: string, find: () => unknown): void {
  Object.defineProperty(on, name, {
    configurable: true, enumerable: true,
    get: () => {
      const value = find()
      Object.defineProperty(on, name, { value, enumerable: true })
      return value
    },
  })
}

const POSTINGS: Partial<Record<SectionName, Posted>> = {
  typeRows: 'type', typeStarts: 'type', pidRows: 'pid', pidStarts: 'pid', siteRows: 'site', siteStarts: 'site', corrRows: 'corr', corrStarts: 'corr',
}
const MAX_CODE = { type: () => 255, pid: (filled: Counts) => filled.pids, site: (filled: Counts) => filled.sites, corr: (filled: Counts) => filled.correlations } as const

/** Fills the section of `block`; what it is made of is taken from `lazy`, so that it is unpacked too. */
function unpackSection({ head, packed }: SoundEntry, block: Block, name: SectionName, lazy: Block): void {
  if (name === 'order') {
    if (!head.sorted) mergeRuns(lazy.ts, head.nRows, block.order)
  } else {
    unpackAt(packed, DISK_SECTIONS.indexOf(name as DiskSection), bytesIn(block[name]))
  }
}

function unpackAt(packed: readonly Packed[], idx: number, into: Uint8Array): void {
  const section = packed[idx]
  if (section !== undefined) unpack(section, into)
}

function countsOf({ counts: values }: EntryHead): Counts {
  return Object.fromEntries(COUNT_NAMES.map((name, idx) => [name, values[idx] ?? 0])) as Counts
}

function bytesOf(block: Block, name: SectionName, filled: Counts): Uint8Array {
  const section = block[name]
  return new Uint8Array(section.buffer, section.byteOffset, lengthOf(name, filled) * widthOf(name))
}

function bytesIn(values: Uint8Array | Uint16Array | Uint32Array | Float32Array | Float64Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
}

/** From the postings, which a sealed block has. */
function typesOf({ typeStarts }: Block): [number, number][] {
  return Array.from({ length: 255 }, (_, idx): [number, number] => [idx + 1, (typeStarts[idx + 2] ?? 0) - (typeStarts[idx + 1] ?? 0)]).filter(([, n]) => n > 0)
}
