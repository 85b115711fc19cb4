/**
 * A file of up to 64 sealed blocks, and the unit of pruning. It grows by whole entries; once finished it ends in a footer:
 *
 *     file = magic u32 | version u8 x 4 | entry x n | [magic u32 | table of keys x kinds | footer (MessagePack) | trailer]
 *     trailer = magic u32 | crc32 u32 of the footer | its length u32 | 0 u32
 *
 * A file without a sound footer is read by walking its entries. The last footer is the truth: what it does not name is not
 * there any more, so a damaged block leaves the file by a new footer behind the old one.
 *
 * Invariant: an entry counts only when it is whole and synced; what a failed write left is cut off, and where that fails the
 * file takes nothing more. A block may then stand in two files: its number says that it is one.
 */

import { crc32 } from 'node:zlib'
import { failure, type Failure } from '../base/failure.ts'
import { fail, ok, type Result } from '../base/result.ts'
import { type BlockFacts, decodeHead, type EncodedEntry, type EntryHead, entryLengths, packValue, PREFIX_BYTES, type SoundEntry, soundEntry, unpackValue } from './block-entry.ts'
import type { BlockKeys, KeyKind } from './block-keys.ts'
import { attempt, type Disk, type DiskFile } from './disk.ts'
import { encodeTable, FILE_BLOCKS, tablesOf } from './footer.ts'
import { type Codec, pack } from './section-codec.ts'

const FILE_MAGIC = 0x46_42_53_45 // ESBF
const FOOTER_MAGIC = 0x54_46_53_45 // ESFT
const FOOTER_BYTES = Buffer.from('ESFT')
/** 2: summaries tell calls within calls of their function apart. 3: sites say which version of a file their node is named in. */
const VERSION = 3
const HEADER_BYTES = 8
const TRAILER_BYTES = 16

export type FileEntry = BlockFacts & { readonly at: number; readonly nBytes: number }

export type TableRef = { readonly kind: KeyKind; readonly at: number; readonly codec: Codec; readonly nBytes: number; readonly nStored: number; readonly crc: number }

/** What is known of a file without reading its blocks. */
export type FileIndex = {
  readonly name: string
  readonly path: string
  readonly entries: readonly FileEntry[]
  readonly isFinished: boolean
  /** Whether this version of the format began it: only then may it grow. */
  readonly isOurs: boolean
  /** Of a finished file its size, else where its last whole entry ends. */
  readonly nBytes: number
  /** Last numbers of the sessions when its last block was sealed. */
  readonly sessions: EntryHead['sessions']
  /** Of a finished file, the kinds that have one. */
  readonly tables: readonly TableRef[]
}

type Footer = Pick<FileIndex, 'entries' | 'sessions' | 'tables'>

/** A file that is written to. */
export type GrowingFile = {
  index: FileIndex
  readonly file: DiskFile
  /** Of each entry; the footer is made of them. */
  readonly keys: BlockKeys[]
  isBroken: boolean
}

/** A file is named after its first block. */
export function blockFileName(firstBlock: number): string {
  return `${String(firstBlock).padStart(10, '0')}.blocks`
}

/** The number of the first block of the file of this name; undefined when it is no block file's. */
export function blockFileNumber(name: string): number | undefined {
  const [, digits] = /^(\d{10})\.blocks$/.exec(name) ?? []
  return digits === undefined ? undefined : Number(digits)
}

export function createBlockFile(disk: Disk, path: string, name: string): Result<GrowingFile, Failure> {
  return attempt('begin a file of events', () => {
    const file = disk.open(path, 'new')
    const header = Buffer.alloc(HEADER_BYTES)
    header.writeUInt32LE(FILE_MAGIC, 0)
    header.fill(VERSION, 4)
    file.write([header], 0)
    return { index: { name, path, entries: [], isFinished: false, isOurs: true, nBytes: HEADER_BYTES, sessions: [], tables: [] }, file, keys: [], isBroken: false }
  })
}

/** Goes on with an unfinished file: what is in it beyond its last whole entry is cut off. `keys` are those of its entries. */
export function reopenBlockFile(disk: Disk, index: FileIndex, keys: readonly BlockKeys[]): Result<GrowingFile, Failure> {
  return attempt('go on with a file of events', () => {
    const file = disk.open(index.path, 'write')
    if (file.size() > index.nBytes) file.truncate(index.nBytes)
    return { index, file, keys: [...keys], isBroken: false }
  })
}

/** Undefined when the block is durable. After a failure the file is as it was. */
export function addBlock(growing: GrowingFile, { parts, nBytes, head, keys }: EncodedEntry): Failure | undefined {
  const { index, file } = growing
  const added = attempt('write a block of events', () => {
    file.write(parts, index.nBytes)
    file.sync()
  })
  if (!added.ok) {
    takeBack(growing)
    return added.error
  }
  growing.index = { ...index, entries: [...index.entries, entryAt(head, index.nBytes, nBytes)], nBytes: index.nBytes + nBytes, sessions: head.sessions }
  growing.keys.push(keys)
  return undefined
}

export function isFull({ index, isBroken }: GrowingFile, maxBytes: number): boolean {
  return isBroken || index.entries.length >= FILE_BLOCKS || index.nBytes >= maxBytes
}

/** Writes the footer. After a failure the file is as it was, and serves as well without. */
export function finishFile(growing: GrowingFile): Failure | undefined {
  const { index, file, keys } = growing
  const tables: TableRef[] = []
  const parts: Uint8Array[] = [FOOTER_BYTES]
  let at = index.nBytes + FOOTER_BYTES.length
  for (const [kind, table] of tablesOf(keys)) {
    const bytes = encodeTable(table)
    const { codec, stored } = pack(bytes)
    tables.push({ kind, at, codec, nBytes: bytes.length, nStored: stored.length, crc: crc32(stored) })
    parts.push(stored)
    at += stored.length
  }
  const footer = packValue({ entries: index.entries, sessions: index.sessions, tables } satisfies Footer)
  const trailer = Buffer.alloc(TRAILER_BYTES)
  trailer.writeUInt32LE(FOOTER_MAGIC, 0)
  trailer.writeUInt32LE(crc32(footer), 4)
  trailer.writeUInt32LE(footer.length, 8)
  const written = attempt('finish a file of events', () => {
    file.write([...parts, footer, trailer], index.nBytes)
    file.sync()
  })
  if (!written.ok) {
    takeBack(growing)
    return written.error
  }
  growing.index = { ...index, isFinished: true, nBytes: at + footer.length + TRAILER_BYTES, tables }
  return undefined
}

/** What a file holds. `known`, of the same file earlier, saves walking what was walked. Damage ends the walk; a later version is refused. */
export function readIndex(disk: Disk, path: string, name: string, known?: FileIndex): Result<FileIndex, Failure> {
  const read = withFile(disk, path, (file): FileIndex | 'unsupported' => {
    const nBytes = file.size()
    const header = bytesAt(file, 0, HEADER_BYTES)
    if (isLater(header)) return 'unsupported'
    const isOurs = header[4] === VERSION
    const footer = readFooter(file, nBytes)
    if (footer !== undefined) return { name, path, ...footer, isFinished: true, isOurs, nBytes }
    const entries = [...(known?.entries ?? [])]
    let sessions = known?.sessions ?? []
    let at = known?.nBytes ?? HEADER_BYTES
    for (let head = headAt(file, at, nBytes); head !== undefined; head = headAt(file, at, nBytes)) {
      entries.push(entryAt(head.head, at, head.nBytes))
      sessions = head.head.sessions
      at += head.nBytes
    }
    return { name, path, entries, isFinished: false, isOurs, nBytes: at, sessions, tables: [] }
  })
  if (!read.ok) return read
  return read.value === 'unsupported'
    ? fail(failure('unsupported', `${path} was written by a later version of ElixirScope`, { hint: 'use that version, or move the directory of events away', details: { path, version: VERSION } }))
    : ok(read.value)
}

/** `damaged` where its checksums disagree. */
export function readEntry(disk: Disk, path: string, { at, nBytes }: Pick<FileEntry, 'at' | 'nBytes'>): Result<SoundEntry | 'damaged', Failure> {
  return withFile(disk, path, (file) => soundEntry(bytesAt(file, at, nBytes)) ?? 'damaged')
}

/** The table of one kind as it is stored; undefined where it is damaged. */
export function readTable(disk: Disk, path: string, { at, nStored, crc }: TableRef): Result<Uint8Array | undefined, Failure> {
  return withFile(disk, path, (file) => {
    const stored = bytesAt(file, at, nStored)
    return crc32(stored) === crc ? stored : undefined
  })
}

/** What a file really holds: every checksum compared, what is damaged passed over. */
export type ExaminedFile = {
  readonly sound: readonly { readonly entry: FileEntry; readonly head: EntryHead; readonly block: SoundEntry }[]
  /** `head` where it can be read. */
  readonly damaged: readonly { readonly at: number; readonly nBytes: number; readonly head: EntryHead | undefined }[]
  /** Where the last sound entry ends. */
  readonly end: number
  readonly nBytes: number
}

/** Reads the whole file, entry by entry; for files without a footer and for those that are doubted. */
export function examineFile(disk: Disk, path: string): Result<ExaminedFile, Failure> {
  return withFile(disk, path, (file) => {
    const nBytes = file.size()
    const sound: { entry: FileEntry; head: EntryHead; block: SoundEntry }[] = []
    const damaged: { at: number; nBytes: number; head: EntryHead | undefined }[] = []
    let end = HEADER_BYTES
    let at = HEADER_BYTES
    while (at < nBytes) {
      const found = headAt(file, at, nBytes)
      const block = found === undefined ? undefined : soundEntry(bytesAt(file, at, found.nBytes))
      if (found !== undefined && block !== undefined) {
        sound.push({ entry: entryAt(found.head, at, found.nBytes), head: found.head, block })
        end = at + found.nBytes
      }
      const next = found === undefined ? nextHead(file, at + 1, nBytes) : at + found.nBytes
      if (found === undefined && next === nBytes && isTorn(bytesAt(file, at, nBytes - at), nBytes - at)) break
      if (block === undefined) damaged.push({ at, nBytes: next - at, head: found?.head })
      at = next
    }
    return { sound, damaged, end, nBytes }
  })
}

export function closeFile({ file }: GrowingFile): void {
  attempt('close a file of events', () => file.close())
}

/** After a failed sync the next one may lie about the same bytes, so they are cut off and written anew. */
function takeBack(growing: GrowingFile): void {
  const cut = attempt('cut a file of events', () => {
    growing.file.truncate(growing.index.nBytes)
    growing.file.sync()
  })
  if (!cut.ok) growing.isBroken = true
}

/** The version is written four times, so that a flipped bit is none. */
function isLater(header: Buffer): boolean {
  const version = header[4] ?? 0
  return version > VERSION && header.length === HEADER_BYTES && header.readUInt32LE(0) === FILE_MAGIC && header.subarray(4).every((byte) => byte === version)
}

/** What an end of the process leaves of an entry or a footer, or room that was given to the file but never written. */
function isTorn(rest: Buffer, nBytes: number): boolean {
  const lengths = entryLengths(rest)
  if (rest.length < PREFIX_BYTES || rest.subarray(0, FOOTER_BYTES.length).equals(FOOTER_BYTES)) return true
  return lengths === undefined ? rest.every((byte) => byte === 0) : lengths.nBytes > nBytes
}

function entryAt({ number, nRows, minNs, maxNs, sealedMs, byType, nKeys }: BlockFacts, at: number, nBytes: number): FileEntry {
  return { number, nRows, minNs, maxNs, sealedMs, byType, nKeys, at, nBytes }
}

function readFooter(file: DiskFile, nBytes: number): Footer | undefined {
  if (nBytes < HEADER_BYTES + TRAILER_BYTES) return undefined
  const trailer = bytesAt(file, nBytes - TRAILER_BYTES, TRAILER_BYTES)
  const length = trailer.readUInt32LE(8)
  if (trailer.readUInt32LE(0) !== FOOTER_MAGIC || length > nBytes - TRAILER_BYTES) return undefined
  const footer = bytesAt(file, nBytes - TRAILER_BYTES - length, length)
  return crc32(footer) === trailer.readUInt32LE(4) ? (unpackValue(footer) as Footer) : undefined
}

/** The head of the entry at `at`, where the whole of it lies within the file. */
function headAt(file: DiskFile, at: number, nBytes: number): { readonly head: EntryHead; readonly nBytes: number } | undefined {
  if (at + PREFIX_BYTES > nBytes) return undefined
  const lengths = entryLengths(bytesAt(file, at, PREFIX_BYTES))
  if (lengths === undefined || at + lengths.nBytes > nBytes) return undefined
  const head = decodeHead(bytesAt(file, at, PREFIX_BYTES + lengths.headLength))
  return head === undefined ? undefined : { head, nBytes: lengths.nBytes }
}

const SEARCHED_BYTES = 1 << 20
const MAGIC_BYTES = Buffer.from('ESBK')

/** Where the next entry with a sound head begins; the end of the file where none does. */
function nextHead(file: DiskFile, from: number, nBytes: number): number {
  for (let start = from; start < nBytes; start += SEARCHED_BYTES - MAGIC_BYTES.length) {
    const bytes = bytesAt(file, start, Math.min(SEARCHED_BYTES, nBytes - start))
    for (let at = bytes.indexOf(MAGIC_BYTES); at >= 0; at = bytes.indexOf(MAGIC_BYTES, at + 1)) {
      if (headAt(file, start + at, nBytes) !== undefined) return start + at
    }
  }
  return nBytes
}

/** Fewer than asked for at the end of the file. */
function bytesAt(file: DiskFile, at: number, nBytes: number): Buffer {
  const bytes = Buffer.allocUnsafeSlow(nBytes)
  return bytes.subarray(0, file.read(bytes, at))
}

function withFile<T>(disk: Disk, path: string, read: (file: DiskFile) => T): Result<T, Failure> {
  return attempt('read a file of events', () => {
    const file = disk.open(path, 'read')
    try {
      return read(file)
    } finally {
      file.close()
    }
  })
}
