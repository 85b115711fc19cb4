/**
 * A file of lines that is set aside when it would grow beyond its limit: `daemon.log` becomes `daemon.log.1`, that
 * becomes `.2`, and the oldest goes. Lines are written at once and whole, so that the last words before a crash are there.
 *
 * Invariant: writing never throws. A line that cannot be written (disk full, directory gone) is dropped and counted.
 */

import { closeSync, fstatSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import type { Failure } from '../base/failure.ts'
import { fail, ok, type Result } from '../base/result.ts'
import { writeFailure } from './private-files.ts'

export type RotatingFileOptions = {
  readonly path: string
  readonly maxBytes: number
  /** Files kept, the one in use among them; at least 1. */
  readonly files: number
}

export type RotatingFile = {
  write(line: string): void
  nDropped(): number
  close(): void
}

export function openRotatingFile(options: RotatingFileOptions): Result<RotatingFile, Failure> {
  let fd: number | undefined
  let size = 0
  let nDropped = 0
  const reopen = (): void => {
    fd = openSync(options.path, 'a', 0o600)
    size = fstatSync(fd).size
  }
  const close = (): void => {
    if (fd !== undefined) closeSync(fd)
    fd = undefined
  }
  try {
    reopen()
  } catch (error) {
    return fail(writeFailure(options.path, error))
  }
  return ok({
    close,
    nDropped: () => nDropped,
    write(line) {
      const bytes = Buffer.from(line)
      try {
        if (size > 0 && size + bytes.length > options.maxBytes) {
          close()
          shift(options)
        }
        if (fd === undefined) reopen()
        size += writeSync(fd as number, bytes)
      } catch {
        nDropped += 1
      }
    },
  })
}

function shift({ path, files }: RotatingFileOptions): void {
  if (files <= 1) return rmSync(path, { force: true })
  for (let age = files - 1; age >= 1; age--) {
    try {
      renameSync(age === 1 ? path : `${path}.${age - 1}`, `${path}.${age}`)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error // a gap in the row: nothing to set aside
    }
  }
}
