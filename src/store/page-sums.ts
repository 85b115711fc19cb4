/**
 * A checksum for every page of the store, kept in a file beside it (`-sums`), because SQLite itself notices no bit that
 * flips inside a number, a text or an index. Invariant: the sums are those of the state after the commit at `mark`; what the
 * log has beyond it vouches for itself, also when it has been moved into the database since (`caughtUp`).
 *
 *     magic | salt 1, salt 2, frames, use, pages, crc | sum of each page, 0 where it is not known
 *     then for each commit since: entries, salt 1, salt 2, frames, pages, crc | (page, sum)*
 *
 * The first part is replaced as a whole and is on disk before the log is moved into the database. Commits are appended
 * without waiting for the disk: after a loss of power the last may be missing, never ahead of the log. All numbers are u32,
 * little endian. A page is not known when SQLite never wrote it, because it was free as soon as there was one.
 */

import { closeSync, fstatSync, fsyncSync, openSync, readFileSync, readSync, renameSync, writeFileSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { crc32 } from 'node:zlib'
import { isSameLog, PAGE_BYTES, readKeptLog, sumOf, type Log, type LogMark } from './log.ts'

export type PageSums = {
  readonly mark: LogMark
  /** `closed`: the last writer ended in order and left no log. */
  readonly use: 'open' | 'closed'
  readonly sums: Uint32Array<ArrayBuffer>
}

export type StoredSums =
  | { readonly state: 'absent' }
  /** Made by a later version, which alone knows what it says. */
  | { readonly state: 'newer' }
  | { readonly state: 'unusable'; readonly why: string }
  | { readonly state: 'condemned'; readonly why: string }
  | { readonly state: 'present'; readonly value: PageSums }

export const NO_MARK: LogMark = { salt1: 0, salt2: 0, frames: 0 }

const MAGIC = 'ESsums'
const VERSION = 1
const MAGIC_BYTES = 8
const CONDEMNED = 'condemned: '
const CONDEMNED_BYTES = 500
/** Words before the sums, and before the entries of a commit; the last is the crc. */
const HEAD_WORDS = 6

export function sumsPath(databasePath: string): string {
  return `${databasePath}-sums`
}

export function loadSums(databasePath: string): StoredSums {
  let bytes: Buffer
  try {
    bytes = readFileSync(sumsPath(databasePath))
  } catch (caught) {
    if (caught instanceof Error && 'code' in caught && caught.code === 'ENOENT') return { state: 'absent' }
    return { state: 'unusable', why: `its checksums cannot be read: ${caught instanceof Error ? caught.message : String(caught)}` }
  }
  const text = bytes.toString('utf8', 0, CONDEMNED_BYTES)
  if (text.startsWith(CONDEMNED)) return { state: 'condemned', why: text.slice(CONDEMNED.length) }
  const isOurs = bytes.length > MAGIC_BYTES && bytes.toString('latin1', 0, MAGIC.length) === MAGIC
  if (isOurs && bytes.readUInt16LE(MAGIC.length) > VERSION) return { state: 'newer' }
  const value = isOurs ? decode(bytes) : undefined
  return value === undefined ? { state: 'unusable', why: 'its checksums are damaged' } : { state: 'present', value }
}

/** On disk when it returns; a process that ends in between leaves the sums before. */
export function saveSums(databasePath: string, { mark, use, sums }: PageSums): void {
  const magic = Buffer.alloc(MAGIC_BYTES)
  magic.write(MAGIC, 0, 'latin1')
  magic.writeUInt16LE(VERSION, MAGIC.length)
  replace(databasePath, Buffer.concat([magic, encodePart([mark.salt1, mark.salt2, mark.frames, use === 'open' ? 1 : 0, sums.length], sums)]))
}

/** Appends what a commit has changed. */
export function appendSums(databasePath: string, { salt1, salt2, frames, pages, databasePages }: Log): void {
  const entries = new Uint32Array(pages.size * 2)
  let at = 0
  for (const [page, { sum }] of pages) {
    entries[at++] = page
    entries[at++] = sum
  }
  const fd = openSync(sumsPath(databasePath), 'a')
  try {
    writeSync(fd, encodePart([pages.size, salt1, salt2, frames, databasePages], entries))
  } finally {
    closeSync(fd)
  }
}

/** Makes the next examination find the store damaged, whatever else it finds. */
export function condemnStore(databasePath: string, why: string): void {
  replace(databasePath, Buffer.from(`${CONDEMNED}${why}`.slice(0, CONDEMNED_BYTES)))
}

/** The sums after what is committed in the log. Changes those before where their number stays. */
export function advance({ use, sums }: PageSums, log: Log): PageSums {
  const grown = resized(sums, log.databasePages)
  for (const [page, { sum }] of log.pages) grown[page] = sum
  return { mark: { salt1: log.salt1, salt2: log.salt2, frames: log.frames }, use, sums: grown }
}

/**
 * The sums after what a log told that is no more: a writer that dies between a commit and its sums takes the log with it,
 * because SQLite moves it into the database when the thread's connection is closed. `log` is the one that is there.
 */
export function caughtUp(databasePath: string, stored: PageSums, log: Log): PageSums {
  if (stored.use === 'closed' || log.frames > 0) return stored
  const kept = readKeptLog(databasePath)
  const isBeyond = kept.frames > 0 && (!isSameLog(kept, stored.mark) || kept.frames > stored.mark.frames)
  return isBeyond ? advance(stored, kept) : stored
}

/** The sums of the file as it is. */
export function computeSums(fd: number): Uint32Array<ArrayBuffer> {
  const sums = new Uint32Array(pagesOf(fd))
  eachPage(fd, 0, sums.length, (page, sum) => {
    sums[page] = sum
  })
  return sums
}

/** The first page of the range in the file that is not what its sum says; undefined when all are. 0.5 ms per MB. */
export function firstBadPage(fd: number, sums: Uint32Array, from: number, to: number, isElsewhere: (page: number) => boolean): number | undefined {
  const isWanted = (page: number): boolean => (sums[page] ?? 0) !== 0 && !isElsewhere(page)
  let bad: number | undefined
  const read = eachPage(fd, from, to, (page, sum) => {
    if (bad === undefined && sum !== sums[page] && isWanted(page)) bad = page
  })
  for (let page = read; bad === undefined && page < to; page++) if (isWanted(page)) bad = page
  return bad
}

export function pagesOf(fd: number): number {
  return Math.ceil(fstatSync(fd).size / PAGE_BYTES)
}

const CHUNK_PAGES = 256

/** Up to where the file goes; the first page that it does not have in whole. */
function eachPage(fd: number, from: number, to: number, use: (page: number, sum: number) => void): number {
  const chunk = Buffer.allocUnsafe(Math.min(CHUNK_PAGES, Math.max(to - from, 0)) * PAGE_BYTES)
  for (let first = from; first < to; first += CHUNK_PAGES) {
    const wanted = Math.min(CHUNK_PAGES, to - first)
    const whole = Math.floor(readSync(fd, chunk, 0, wanted * PAGE_BYTES, first * PAGE_BYTES) / PAGE_BYTES)
    for (let index = 0; index < whole; index++) use(first + index, sumOf(chunk.subarray(index * PAGE_BYTES, (index + 1) * PAGE_BYTES)))
    if (whole < wanted) return first + whole
  }
  return Math.max(from, to)
}

function resized(sums: Uint32Array<ArrayBuffer>, length: number): Uint32Array<ArrayBuffer> {
  if (sums.length === length) return sums
  const fresh = new Uint32Array(length)
  fresh.set(sums.subarray(0, length))
  return fresh
}

function encodePart(head: readonly number[], words: Uint32Array): Buffer {
  const bytes = Buffer.alloc((HEAD_WORDS + words.length) * 4)
  for (const [index, word] of head.entries()) bytes.writeUInt32LE(word, index * 4)
  bytes.set(Buffer.from(words.buffer, words.byteOffset, words.byteLength), HEAD_WORDS * 4)
  bytes.writeUInt32LE(crcOfPart(bytes), (HEAD_WORDS - 1) * 4)
  return bytes
}

/** Over all of it but the place of the crc itself. */
function crcOfPart(bytes: Buffer): number {
  return crc32(bytes.subarray(HEAD_WORDS * 4), crc32(bytes.subarray(0, (HEAD_WORDS - 1) * 4)))
}

type Part = { readonly head: readonly number[]; readonly words: Uint32Array<ArrayBuffer>; readonly end: number }

/** Undefined when there is no whole part at `at`. `length`: how many words follow the head. */
function decodePart(bytes: Buffer, at: number, length: (head: readonly number[]) => number): Part | undefined {
  if (at + HEAD_WORDS * 4 > bytes.length) return undefined
  const head = Array.from({ length: HEAD_WORDS }, (_, index) => bytes.readUInt32LE(at + index * 4))
  const end = at + (HEAD_WORDS + length(head)) * 4
  if (end > bytes.length || crcOfPart(bytes.subarray(at, end)) !== head[HEAD_WORDS - 1]) return undefined
  const words = new Uint32Array(length(head))
  Buffer.from(words.buffer).set(bytes.subarray(at + HEAD_WORDS * 4, end))
  return { head, words, end }
}

function decode(bytes: Buffer): PageSums | undefined {
  const first = decodePart(bytes, MAGIC_BYTES, ([, , , , pages = 0]) => pages)
  if (first === undefined) return undefined
  const [salt1 = 0, salt2 = 0, frames = 0, use] = first.head
  let value: PageSums = { mark: { salt1, salt2, frames }, use: use === 1 ? 'open' : 'closed', sums: first.words }
  for (let at = first.end; ;) {
    const commit = decodePart(bytes, at, ([entries = 0]) => entries * 2)
    if (commit === undefined) return value
    value = advance(value, logOf(commit))
    at = commit.end
  }
}

function logOf({ head, words }: Part): Log {
  const [, salt1 = 0, salt2 = 0, frames = 0, databasePages = 0] = head
  const pages = new Map<number, { frame: number; sum: number }>()
  for (let index = 0; index < words.length; index += 2) pages.set(words[index] ?? 0, { frame: 0, sum: words[index + 1] ?? 0 })
  return { salt1, salt2, frames, pages, databasePages }
}

function replace(databasePath: string, content: Buffer): void {
  const path = sumsPath(databasePath)
  const fd = openSync(`${path}.new`, 'w', 0o600)
  try {
    writeFileSync(fd, content)
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
  renameSync(`${path}.new`, path)
  const directory = openSync(dirname(path), 'r')
  try {
    fsyncSync(directory)
  } finally {
    closeSync(directory)
  }
}
