/**
 * The disk, as the event store needs it: a few synchronous steps, so that tests can fail any of them (no space, broken
 * disk, an end of the process after so many steps). Each step throws the system's error; `attempt` makes it a Failure.
 *
 * Invariant: a write is whole or throws, though a part of it may then be in the file: whoever writes truncates.
 */

import {
  closeSync, fdatasyncSync, fstatSync, fsyncSync, ftruncateSync, mkdirSync, openSync, readdirSync, readSync, renameSync, statSync, unlinkSync, utimesSync, writevSync,
} from 'node:fs'
import { failure, type Failure } from '../base/failure.ts'
import { fail, ok, type Result } from '../base/result.ts'

export type DiskFile = {
  size(): number
  /** Fills `into` from `at` on; how many bytes there were. */
  read(into: Uint8Array, at: number): number
  write(parts: readonly Uint8Array[], at: number): void
  truncate(nBytes: number): void
  /** What was written survives the loss of power. */
  sync(): void
  close(): void
}

export type Disk = {
  /** Names in a directory, in no order. */
  list(directory: string): readonly string[]
  /** `lastUsedMs`: as `touch` said last, else when it was last written. Undefined when it is not there. */
  stat(path: string): { readonly nBytes: number; readonly lastUsedMs: number } | undefined
  /** `new` truncates what is there. */
  open(path: string, how: 'read' | 'write' | 'new'): DiskFile
  rename(from: string, to: string): void
  remove(path: string): void
  makeDirectory(path: string): void
  /** Names that came and went survive the loss of power. */
  syncDirectory(path: string): void
  touch(path: string, nowMs: number): void
}

const FLAGS = { read: 'r', write: 'r+', new: 'w+' } as const

export const realDisk: Disk = {
  list: (directory) => readdirSync(directory),
  stat: (path) => {
    const stat = statSync(path, { throwIfNoEntry: false })
    return stat === undefined ? undefined : { nBytes: stat.size, lastUsedMs: stat.mtimeMs }
  },
  open: (path, how) => fileOf(openSync(path, FLAGS[how], 0o600)),
  rename: renameSync,
  remove: unlinkSync,
  makeDirectory: (path) => void mkdirSync(path, { recursive: true, mode: 0o700 }),
  syncDirectory: (path) => {
    const fd = openSync(path, 'r')
    try {
      fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
  },
  touch: (path, nowMs) => utimesSync(path, nowMs / 1000, nowMs / 1000),
}

function fileOf(fd: number): DiskFile {
  return {
    size: () => fstatSync(fd).size,
    read: (into, at) => {
      let nRead = 0
      while (nRead < into.length) {
        const n = readSync(fd, into, nRead, into.length - nRead, at + nRead)
        if (n === 0) break
        nRead += n
      }
      return nRead
    },
    write: (parts, at) => writeAll(fd, parts, at),
    truncate: (nBytes) => ftruncateSync(fd, nBytes),
    sync: () => fdatasyncSync(fd),
    close: () => closeSync(fd),
  }
}

/** The system may take a part of what it is given, e.g. just before the disk is full. */
function writeAll(fd: number, parts: readonly Uint8Array[], from: number): void {
  let rest = parts
  let at = from
  while (rest.length > 0) {
    let n = writevSync(fd, rest, at)
    at += n
    let nWhole = 0
    for (; nWhole < rest.length && n >= (rest[nWhole]?.length ?? 0); nWhole++) n -= rest[nWhole]?.length ?? 0
    const torn = rest[nWhole]
    rest = torn === undefined ? [] : [torn.subarray(n), ...rest.slice(nWhole + 1)]
  }
}

/** The value of a step on the disk, or what failed: `doing` says what was to be done. */
export function attempt<T>(doing: string, step: () => T): Result<T, Failure> {
  try {
    return ok(step())
  } catch (caught) {
    return fail(diskFailure(doing, caught))
  }
}

const NO_ROOM: readonly unknown[] = ['ENOSPC', 'EDQUOT', 'EFBIG']

function diskFailure(doing: string, caught: unknown): Failure {
  const code = caught instanceof Error && 'code' in caught ? caught.code : undefined
  // Only the system's errors are the disk's; anything else is a bug of ours and goes on.
  if (typeof code !== 'string') throw caught
  const message = `cannot ${doing}: ${(caught as Error).message}`
  if (NO_ROOM.includes(code)) return failure('storage_full', message, { hint: 'make room on the disk, or remove old events; what was acknowledged is safe', details: { code } })
  return failure('unavailable', message, { hint: 'check the disk of the state directory', details: { code } })
}
