/**
 * Reads, parses and analyses files: the work of a parser thread. Every wanted file comes to exactly one outcome, whatever
 * is in it or happens to it. A file that changed while or just before it was read is stored without size and time, so that
 * the next import compares its content.
 */

import { createHash } from 'node:crypto'
import { closeSync, constants, fstatSync, openSync, readFileSync, type BigIntStats } from 'node:fs'
import { join } from 'node:path'
import { createAnalyser } from '../analysis/analyse.ts'
import type { Problem } from '../model/problem.ts'
import { encodeFileFacts } from '../store/encoded-file.ts'
import { changedNsOf } from './discover.ts'

export type WantedFile = {
  readonly path: string
  /** When it was found; a file that killed its parser is tried again once it has been written anew. */
  readonly changedNs: bigint
  /** Hash of the content that the store has; equal content is not parsed again. */
  readonly knownHash: string | null
}

export type FileStamp = { readonly size: number; readonly changedNs: bigint }

export type FileOutcome =
  | { readonly kind: 'parsed'; readonly path: string; readonly stamp: FileStamp; readonly bytes: number; readonly encoded: Uint8Array }
  /** Same bytes as the store has. */
  | { readonly kind: 'same'; readonly path: string; readonly stamp: FileStamp }
  | { readonly kind: 'unreadable'; readonly path: string; readonly stamp: FileStamp; readonly problem: Problem }
  | { readonly kind: 'gone'; readonly path: string }

export function* parseFiles(root: string, files: readonly WantedFile[], maxFileBytes: number): Generator<FileOutcome, void, undefined> {
  for (const file of files) yield parseFile(root, file, maxFileBytes)
}

const analyse = createAnalyser()

function parseFile(root: string, file: WantedFile, maxFileBytes: number): FileOutcome {
  const { path } = file
  const read = readStable(join(root, path), maxFileBytes)
  if (read.kind !== 'read') return read.kind === 'gone' ? { kind: 'gone', path } : unreadable(path, read.stamp, read.code, read.message)
  const { bytes, stamp } = read
  if (file.knownHash !== null && createHash('sha256').update(bytes).digest('hex') === file.knownHash) return { kind: 'same', path, stamp }
  const facts = analyse(path, bytes)
  return { kind: 'parsed', path, stamp, bytes: bytes.length, encoded: encodeFileFacts(facts, bytes) }
}

/** The outcome of a file that cannot be analysed: one problem that says why. */
export function unreadable(path: string, stamp: FileStamp, code: string, message: string): FileOutcome {
  return { kind: 'unreadable', path, stamp, problem: { code, message, line: 1, column: 1, start: 0, end: 0 } }
}

type ReadOutcome =
  | { readonly kind: 'read'; readonly bytes: Uint8Array; readonly stamp: FileStamp }
  | { readonly kind: 'refused'; readonly stamp: FileStamp; readonly code: string; readonly message: string }
  | { readonly kind: 'gone' }

const NO_STAMP: FileStamp = { size: 0, changedNs: 0n }

/** A file may be rewritten at the same size within the grain of its time: younger than this, its stamp proves nothing. */
const SETTLED_MS = 2000

function readStable(absolute: string, maxFileBytes: number): ReadOutcome {
  let handle: number | undefined
  try {
    // Without O_NONBLOCK, opening a pipe that has taken the file's place would wait for ever.
    handle = openSync(absolute, constants.O_RDONLY | constants.O_NONBLOCK)
    const before = fstatSync(handle, { bigint: true })
    if (!before.isFile()) return { kind: 'gone' }
    if (before.size > BigInt(maxFileBytes)) return tooLarge(before, maxFileBytes)
    const bytes = readFileSync(handle)
    const after = fstatSync(handle, { bigint: true })
    const unchanged = changedNsOf(after) === changedNsOf(before) && after.size === BigInt(bytes.length)
    const settled = after.mtimeNs / 1_000_000n < BigInt(Date.now() - SETTLED_MS)
    return { kind: 'read', bytes, stamp: unchanged && settled ? stampOf(after) : NO_STAMP }
  } catch (error) {
    return readError(error)
  } finally {
    if (handle !== undefined) closeSync(handle)
  }
}

function stampOf(stat: BigIntStats): FileStamp {
  return { size: Number(stat.size), changedNs: changedNsOf(stat) }
}

function tooLarge(stat: BigIntStats, maxFileBytes: number): ReadOutcome {
  return {
    kind: 'refused', stamp: stampOf(stat), code: 'file_too_large',
    message: `the file has ${stat.size} bytes, more than project.maxFileBytes (${maxFileBytes}) allows`,
  }
}

function readError(error: unknown): ReadOutcome {
  const { code = 'unknown', message } = error as NodeJS.ErrnoException
  if (code === 'ENOENT' || code === 'ENOTDIR') return { kind: 'gone' }
  const hint = code === 'EACCES' ? 'the daemon may not read it: check its permissions' : message
  return { kind: 'refused', stamp: NO_STAMP, code: 'unreadable_file', message: `the file cannot be read (${code}): ${hint}` }
}
