/**
 * SQLite's write-ahead log, read as a file (https://sqlite.org/fileformat2.html#the_write_ahead_log): which frames count, and
 * what the pages in them sum up to. Invariant: `readLog` says of a log what SQLite's own recovery would make of it, which
 * drops everything from the first bad checksum on.
 *
 *     header  magic, version, page size, sequence, salt 1, salt 2, checksum 1, checksum 2    8 words, big endian
 *     frame   page, pages of the database after a commit or 0, salt 1, salt 2, checksum 1, checksum 2, then the page
 *
 * Each checksum goes on from that of the frame before. A log that starts over gets new salts; frames with others are left over.
 */

import { closeSync, fstatSync, linkSync, openSync, readSync, rmSync } from 'node:fs'
import { crc32 } from 'node:zlib'

/** Of every store: SQLite's default, never changed. */
export const PAGE_BYTES = 4096
const HEADER_BYTES = 32
const FRAME_HEADER_BYTES = 24
const FRAME_BYTES = FRAME_HEADER_BYTES + PAGE_BYTES
const FRAME_WORDS = FRAME_BYTES / 4
const PAGE_WORD = FRAME_HEADER_BYTES / 4
/** Frames read at a time: 1 MB, and what most commits write. */
const CHUNK_FRAMES = 256
const COMMIT_FRAMES = 32
/** The last bit tells the byte order of the checksums. */
const MAGIC = 0x377f0682

/** A place in a log: which log, and how many of its frames are before it. */
export type LogMark = { readonly salt1: number; readonly salt2: number; readonly frames: number }

/** `frame`: from 0; `sum`: of `sumOf`. */
export type LoggedPage = { readonly frame: number; readonly sum: number }

/** What is committed in a log, from a place on. */
export type Log = LogMark & {
  /** The last content of each page, by page from 0. */
  readonly pages: ReadonlyMap<number, LoggedPage>
  /** Pages of the database after the last commit; 0 without a commit. */
  readonly databasePages: number
}

export const NO_LOG: Log = { salt1: 0, salt2: 0, frames: 0, pages: new Map(), databasePages: 0 }

/** Never 0. */
export function sumOf(page: Uint8Array): number {
  return crc32(page) || 1
}

/** All that is committed in the log beside the database; every checksum of it is computed anew. 1 ms per MB. */
export function readLog(databasePath: string): Log {
  return readWhole(logPath(databasePath))
}

/** The same of the log's second name. */
export function readKeptLog(databasePath: string): Log {
  return readWhole(keptLogPath(databasePath))
}

/**
 * Gives the log that SQLite has open a second name. SQLite removes the first when the last connection is closed, also in a
 * thread that dies, and then only the second can tell what was moved into the database.
 */
export function keepLog(databasePath: string): void {
  dropKeptLog(databasePath)
  try {
    linkSync(logPath(databasePath), keptLogPath(databasePath))
  } catch (caught) {
    if (!(caught instanceof Error && 'code' in caught && NO_LINKS.has(caught.code))) throw caught
  }
}

export function dropKeptLog(databasePath: string): void {
  rmSync(keptLogPath(databasePath), { force: true, recursive: true })
}

/** What file systems say that know no second names. */
const NO_LINKS: ReadonlySet<unknown> = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'])

function logPath(databasePath: string): string {
  return `${databasePath}-wal`
}

function keptLogPath(databasePath: string): string {
  return `${databasePath}-wal-kept`
}

function readWhole(path: string): Log {
  return withLog(path, (fd) => {
    const header = readHeader(fd)
    if (header === undefined) return NO_LOG
    const sum = header.sum
    return readFrames(fd, { ...header, frames: 0 }, CHUNK_FRAMES, (chunk, words, index) => {
      const at = index * FRAME_BYTES
      const [one, two] = [chunk.readUInt32BE(at + 16), chunk.readUInt32BE(at + 20)]
      if (header.order === 'swapped') chunk.subarray(at, at + FRAME_BYTES).swap32()
      addTo(sum, words, index * FRAME_WORDS, 2)
      addTo(sum, words, index * FRAME_WORDS + PAGE_WORD, PAGE_BYTES / 4)
      if (header.order === 'swapped') chunk.subarray(at, at + FRAME_BYTES).swap32()
      return sum.one >>> 0 === one && sum.two >>> 0 === two
    })
  })
}

/** What was committed since `from`: for right after commits of our own, whose checksums need no check. */
export function followLog(databasePath: string, from: LogMark): Log {
  return withLog(logPath(databasePath), (fd) => {
    const header = Buffer.alloc(HEADER_BYTES)
    if (readSync(fd, header, 0, HEADER_BYTES, 0) < HEADER_BYTES) return NO_LOG
    const [salt1, salt2] = [header.readUInt32BE(16), header.readUInt32BE(20)]
    return readFrames(fd, { salt1, salt2, frames: isSameLog(from, { salt1, salt2 }) ? from.frames : 0 }, COMMIT_FRAMES, () => true)
  })
}

export function isSameLog(a: Omit<LogMark, 'frames'>, b: Omit<LogMark, 'frames'>): boolean {
  return a.salt1 === b.salt1 && a.salt2 === b.salt2
}

function withLog(path: string, read: (fd: number) => Log): Log {
  let fd: number
  try {
    fd = openSync(path, 'r')
  } catch (caught) {
    if (caught instanceof Error && 'code' in caught && caught.code === 'ENOENT') return NO_LOG
    throw caught
  }
  try {
    return fstatSync(fd).isFile() ? read(fd) : NO_LOG
  } finally {
    closeSync(fd)
  }
}

type Sum = { one: number; two: number }
type Header = Omit<LogMark, 'frames'> & { readonly order: 'native' | 'swapped'; readonly sum: Sum }

/** Undefined when there is none that SQLite would accept. */
function readHeader(fd: number): Header | undefined {
  const bytes = Buffer.from(new ArrayBuffer(HEADER_BYTES))
  if (readSync(fd, bytes, 0, HEADER_BYTES, 0) < HEADER_BYTES) return undefined
  const magic = bytes.readUInt32BE(0)
  if ((magic & ~1) !== MAGIC || bytes.readUInt32BE(8) !== PAGE_BYTES) return undefined
  const [salt1, salt2, one, two] = [bytes.readUInt32BE(16), bytes.readUInt32BE(20), bytes.readUInt32BE(24), bytes.readUInt32BE(28)]
  const order = (magic & 1) === 0 ? 'native' : 'swapped'
  if (order === 'swapped') bytes.swap32()
  const sum = { one: 0, two: 0 }
  addTo(sum, wordsOf(bytes), 0, 6)
  return sum.one >>> 0 === one && sum.two >>> 0 === two ? { salt1, salt2, order, sum } : undefined
}

/** Up to the first frame of another log, or that `isGood` rejects. */
function readFrames(fd: number, from: LogMark, atOnce: number, isGood: (chunk: Buffer, words: Uint32Array, index: number) => boolean): Log {
  const { salt1, salt2 } = from
  const chunk = Buffer.from(new ArrayBuffer(atOnce * FRAME_BYTES))
  const words = wordsOf(chunk)
  const pages = new Map<number, LoggedPage>()
  let open: [page: number, logged: LoggedPage][] = []
  let { frames } = from
  let databasePages = 0
  for (let first = from.frames; ; first += atOnce) {
    const count = Math.floor(readSync(fd, chunk, 0, chunk.length, HEADER_BYTES + first * FRAME_BYTES) / FRAME_BYTES)
    for (let index = 0; index < count; index++) {
      const at = index * FRAME_BYTES
      const page = chunk.readUInt32BE(at)
      const isOfThisLog = page > 0 && isSameLog(from, { salt1: chunk.readUInt32BE(at + 8), salt2: chunk.readUInt32BE(at + 12) })
      if (!isOfThisLog || !isGood(chunk, words, index)) return { salt1, salt2, frames, pages, databasePages }
      open.push([page - 1, { frame: first + index, sum: sumOf(chunk.subarray(at + FRAME_HEADER_BYTES, at + FRAME_BYTES)) }])
      const size = chunk.readUInt32BE(at + 4)
      if (size === 0) continue
      for (const [each, logged] of open) pages.set(each, logged)
      open = []
      frames = first + index + 1
      databasePages = size
    }
    if (count < atOnce) return { salt1, salt2, frames, pages, databasePages }
  }
}

/** SQLite's checksum, carried on over `count` words; `count` is even. */
function addTo(sum: Sum, words: Uint32Array, from: number, count: number): void {
  let { one, two } = sum
  for (let index = from; index < from + count; index += 2) {
    one = (one + (words[index] ?? 0) + two) | 0
    two = (two + (words[index + 1] ?? 0) + one) | 0
  }
  sum.one = one
  sum.two = two
}

function wordsOf(bytes: Buffer): Uint32Array {
  return new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)
}
