/**
 * A block: up to 65,536 events as columns in one buffer, and the names they use. The buffer is shared memory while the
 * block is resident, else a private copy read from disk: both have the same layout, so that one code reads both.
 *
 *     header     Int32 x 32   magic, number, state, generation, then the published counts (COUNT)
 *     base       BigInt64     ns since 1970 that the column `ts` counts from
 *     directory  Int32        byte offset and capacity (elements) of each section, in the order of SECTIONS
 *     sections   each aligned to 8 bytes
 *
 * Rows stand in order of arrival: the row is the event's sequence. Codes count from 1, 0 is none; they are the block's own.
 * The one writer fills rows and names first and publishes the counts last, with Atomics (`publish`); a reader takes the
 * counts once (`counts`) and never looks beyond them. Postings are there once the block is sealed.
 *
 * Absent on purpose: what the names mean (correlation), the disk, and who may reuse the buffer (slabs).
 */

import { assert } from '../base/assert.ts'

export const BLOCK_ROWS = 65_536
export const MAGIC = 0x45_53_42_31 // ESB1

/** Where the numbers stand in the header, as Int32 indexes. */
export const HEADER = { magic: 0, number: 1, state: 2, generation: 3 } as const
export const BLOCK_STATES = { free: 0, open: 1, sealed: 2 } as const

/** What is counted, and where it is published in the header. Everything a section holds is counted by one of these. */
export const COUNT = { rows: 8, sites: 9, pids: 10, correlations: 11, sources: 12, strings: 13, stringBytes: 14, arenaBytes: 15, summaryBytes: 16 } as const
export type CountName = keyof typeof COUNT
export type Counts = Readonly<Record<CountName, number>>

/** Room for any batch that can be decoded, in an empty block. It is virtual: pages that are never touched cost nothing. */
export const BLOCK_CAPACITY: Counts = {
  rows: BLOCK_ROWS, sites: 65_534, pids: 65_534, correlations: 65_534, sources: 1024, strings: 1 << 18,
  stringBytes: 16 << 20, arenaBytes: (8 << 20) + (1 << 17), summaryBytes: 4 << 20,
}

/**
 * A site is what was called from where: ten words. `module` to `file` and `node` are codes of strings (0: none), arities
 * and line are numbers. The word `evidence` has that in its lowest byte, and above it the version of the file that the node is named in
 * (`versionedEvidence`). A return has the site of its call.
 */
export const SITE = { module: 0, function: 1, arity: 2, callerModule: 3, callerFunction: 4, callerArity: 5, file: 6, line: 7, node: 8, evidence: 9 } as const
export const SITE_WORDS = 10
const EVIDENCE_BITS = 8
const MAX_VERSION = 2 ** 24 - 1

/** A version of a file counts from 1; 0 where it is not known, or beyond what there is room for. */
export function versionedEvidence(evidence: number, version: number): number {
  return (evidence | ((version > MAX_VERSION ? 0 : version) << EVIDENCE_BITS)) >>> 0
}

export function evidenceIn(word: number): { readonly evidence: number; readonly version: number } {
  return { evidence: word & ((1 << EVIDENCE_BITS) - 1), version: word >>> EVIDENCE_BITS }
}

/** A process: codes of its source and of its string. */
export const PID = { source: 0, pid: 1 } as const
export const PID_WORDS = 2
/** A BEAM node: code of its name's string, low and high 32 bits of its start in ns. */
export const SOURCE = { node: 0, startLow: 1, startHigh: 2 } as const
export const SOURCE_WORDS = 3

/** The columns that have postings. */
export const POSTED = ['type', 'pid', 'site', 'corr'] as const
export type Posted = (typeof POSTED)[number]

type Elements = {
  f64: Float64Array
  f32: Float32Array
  u32: Uint32Array
  u16: Uint16Array
  u8: Uint8Array
}
type Kind = keyof Elements
type Section = { readonly kind: Kind; readonly counted: CountName; readonly words: number; readonly extra: number }

const section = <K extends Kind>(kind: K, counted: CountName, words = 1, extra = 0): Section & { readonly kind: K } => ({ kind, counted, words, extra })

/**
 * Every section: its elements, what counts them, how many elements each takes, and how many stand beside. Postings of a
 * column are the rows sorted by code and, for each code c, where its rows begin: rows[starts[c] .. starts[c + 1]).
 */
export const SECTIONS = {
  /** ns after the block's base; always a whole number. */
  ts: section('f64', 'rows'),
  /** Of returns and exceptions: ns since the call; NaN where unknown. Negative where the call is nested: see `isNested`. */
  took: section('f64', 'rows'),
  /** `took` without the traced calls within. */
  own: section('f32', 'rows'),
  type: section('u8', 'rows'),
  pid: section('u16', 'rows'),
  peer: section('u16', 'rows'),
  site: section('u16', 'rows'),
  corr: section('u16', 'rows'),
  /** Where the payload begins in the arena, plus 1; 0 is none. There: its length (u32, little-endian), its bytes. */
  payload: section('u32', 'rows'),
  arena: section('u8', 'arenaBytes'),
  sites: section('u32', 'sites', SITE_WORDS),
  pids: section('u32', 'pids', PID_WORDS),
  correlations: section('u32', 'correlations'),
  sources: section('u32', 'sources', SOURCE_WORDS),
  /** Where each string ends in `stringBytes` (UTF-8); string c begins where string c - 1 ends. */
  strings: section('u32', 'strings'),
  stringBytes: section('u8', 'stringBytes'),
  typeRows: section('u16', 'rows'),
  typeStarts: section('u32', 'rows', 0, 257),
  pidRows: section('u16', 'rows'),
  pidStarts: section('u32', 'pids', 1, 2),
  siteRows: section('u16', 'rows'),
  siteStarts: section('u32', 'sites', 1, 2),
  corrRows: section('u16', 'rows'),
  corrStarts: section('u32', 'correlations', 1, 2),
  /** The rows in order of (ts, row); only where the rows do not stand so already, else empty (see `sorted`). */
  order: section('u16', 'rows'),
  /** What the block sums up for each site (`summary.ts`). */
  summary: section('u8', 'summaryBytes'),
} as const satisfies Record<string, Section>

export type SectionName = keyof typeof SECTIONS
export const SECTION_NAMES = Object.keys(SECTIONS) as readonly SectionName[]

export type Block = { readonly [S in SectionName]: Elements[(typeof SECTIONS)[S]['kind']] } & {
  readonly buffer: ArrayBufferLike
  readonly header: Int32Array
  readonly base: BigInt64Array
}

/** Of a value of `took`: ns, NaN where unknown. */
export function durationOf(took: number | undefined): number {
  return Math.abs(took ?? Number.NaN)
}

/** Of a value of `took`: made within another call of the same function, the time of which has its own in it. */
export function isNested(took: number): boolean {
  return took < 0
}

const HEADER_INTS = 32
/** Set when the rows stand in order of time, so that `order` is not filled. */
const SORTED = 20
const DIRECTORY_AT = (HEADER_INTS * 4 + 8) / 4
const WIDTH = { f64: 8, f32: 4, u32: 4, u16: 2, u8: 1 } as const

/** How many elements section `name` has when these are counted. */
export function lengthOf(name: SectionName, counts: Counts): number {
  const { counted, words, extra } = SECTIONS[name]
  return counts[counted] * words + extra
}

export function widthOf(name: SectionName): number {
  return WIDTH[SECTIONS[name].kind]
}

/** The bytes of a block with room for these counts. */
export function blockBytes(capacity: Counts): number {
  return SECTION_NAMES.reduce((at, name) => aligned(at + lengthOf(name, capacity) * widthOf(name)), headerBytes())
}

/** Lays an empty block out in a buffer of at least `blockBytes(capacity)`; what the buffer held is gone. */
export function layOut(buffer: ArrayBufferLike, capacity: Counts): Block {
  assert(buffer.byteLength >= blockBytes(capacity), 'the buffer is too small for the block')
  const words = new Int32Array(buffer, 0, headerBytes() / 4)
  words.fill(0)
  let at = headerBytes()
  for (const [idx, name] of SECTION_NAMES.entries()) {
    words[DIRECTORY_AT + 2 * idx] = at
    words[DIRECTORY_AT + 2 * idx + 1] = lengthOf(name, capacity)
    at = aligned(at + lengthOf(name, capacity) * widthOf(name))
  }
  words[HEADER.magic] = MAGIC
  return blockIn(buffer)
}

/** The block that stands in a buffer. */
export function blockIn(buffer: ArrayBufferLike): Block {
  const header = new Int32Array(buffer, 0, HEADER_INTS)
  assert(header[HEADER.magic] === MAGIC, 'there is no block in the buffer')
  const words = new Int32Array(buffer, 0, headerBytes() / 4)
  const views = SECTION_NAMES.map((name, idx) => [name, elements(SECTIONS[name].kind, buffer, words[DIRECTORY_AT + 2 * idx] ?? 0, words[DIRECTORY_AT + 2 * idx + 1] ?? 0)])
  return { buffer, header, base: new BigInt64Array(buffer, HEADER_INTS * 4, 1), ...Object.fromEntries(views) } as Block
}

/** What is published: take it once and do not read beyond. */
export function counts(block: Block): Counts {
  const read = (name: CountName) => Atomics.load(block.header, COUNT[name])
  // Rows first: the names they use were published before them.
  const rows = read('rows')
  return {
    rows,
    sites: read('sites'),
    pids: read('pids'),
    correlations: read('correlations'),
    sources: read('sources'),
    strings: read('strings'),
    stringBytes: read('stringBytes'),
    arenaBytes: read('arenaBytes'),
    summaryBytes: read('summaryBytes'),
  }
}

/** Publishes what the writer has filled; rows last. */
export function publish(block: Block, filled: Counts): void {
  for (const name of Object.keys(COUNT) as CountName[]) if (name !== 'rows') Atomics.store(block.header, COUNT[name], filled[name])
  Atomics.store(block.header, COUNT.rows, filled.rows)
}

export function isSealed(block: Block): boolean {
  return Atomics.load(block.header, HEADER.state) === BLOCK_STATES.sealed
}

export function blockNumber(block: Block): number {
  return Atomics.load(block.header, HEADER.number)
}

/** Whether the rows of a sealed block stand in order of time. */
export function isSorted(block: Block): boolean {
  return Atomics.load(block.header, SORTED) === 1
}

export function setSorted(block: Block, sorted: 'sorted' | 'out of order'): void {
  Atomics.store(block.header, SORTED, sorted === 'sorted' ? 1 : 0)
}

function headerBytes(): number {
  return aligned((DIRECTORY_AT + 2 * SECTION_NAMES.length) * 4)
}

function aligned(bytes: number): number {
  return (bytes + 7) & ~7
}

function elements(kind: Kind, buffer: ArrayBufferLike, at: number, length: number): Elements[Kind] {
  switch (kind) {
    case 'f64':
      return new Float64Array(buffer, at, length)
    case 'f32':
      return new Float32Array(buffer, at, length)
    case 'u32':
      return new Uint32Array(buffer, at, length)
    case 'u16':
      return new Uint16Array(buffer, at, length)
    case 'u8':
      return new Uint8Array(buffer, at, length)
  }
}
