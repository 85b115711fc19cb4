/**
 * Directories and files that only their user may open, and files that are replaced whole or not at all. What goes wrong
 * is a Failure that names the path and what to do.
 */

import { chmodSync, closeSync, fsyncSync, lstatSync, mkdirSync, openSync, renameSync, rmSync, writeSync, type Stats } from 'node:fs'
import { dirname } from 'node:path'
import { failure, type Failure } from '../base/failure.ts'
import { fail, ok, type Result } from '../base/result.ts'

/**
 * Makes the directory with mode 0700, and those above it as needed. One that is there must be a real directory of this
 * user: in a shared place like /tmp, somebody else may have taken the name first.
 */
export function ensurePrivateDirectory(path: string, uid: number): Result<void, Failure> {
  try {
    makeDirectories(path)
    const stat = lstatSync(path)
    const problem = whyUnsafe(stat, uid)
    if (problem) return fail(failure('unavailable', `the directory ${path} ${problem}`, { hint: `remove it, or set ELIXIR_SCOPE_HOME to a directory of your own` }))
    if ((stat.mode & 0o077) !== 0) chmodSync(path, 0o700)
    return ok(undefined)
  } catch (error) {
    return fail(writeFailure(path, error))
  }
}

/** As mkdir's own `recursive`, which never ends where a directory exists but takes no entries, as in /proc. */
function makeDirectories(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST' && !lstatSync(path).isFile()) return
    if (code !== 'ENOENT' || dirname(path) === path) throw error
    makeDirectories(dirname(path))
    mkdirSync(path, { mode: 0o700 })
  }
}

/** Makes a file in the directory and removes it again. */
export function probeWritable(directory: string): Result<void, Failure> {
  const probe = `${directory}/.probe-${process.pid}`
  try {
    closeSync(openSync(probe, 'wx', 0o600))
    rmSync(probe)
    return ok(undefined)
  } catch (error) {
    return fail(writeFailure(directory, error))
  }
}

/** The file holds the whole text or what it held before, also after a crash. */
export function writeWhole(path: string, text: string): Result<void, Failure> {
  const draft = `${path}.${process.pid}.tmp`
  try {
    const fd = openSync(draft, 'w', 0o600)
    try {
      writeSync(fd, text)
      fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
    renameSync(draft, path)
    return ok(undefined)
  } catch (error) {
    rmSync(draft, { force: true })
    return fail(writeFailure(path, error))
  }
}

export function writeFailure(path: string, error: unknown): Failure {
  const code = (error as NodeJS.ErrnoException).code ?? String(error)
  if (code === 'ENOSPC' || code === 'EDQUOT') return failure('storage_full', `no space left for ${path}`, { hint: 'free disk space and start again' })
  const remedies: Readonly<Record<string, string>> = {
    EROFS: 'the file system is read-only: set ELIXIR_SCOPE_HOME to a directory that can be written',
    ENOENT: 'no directory can be made there: set ELIXIR_SCOPE_HOME to another place',
    EACCES: `make ${dirname(path)} writable for this user, or set ELIXIR_SCOPE_HOME to a directory that is`,
    ENOTDIR: `a file stands where a directory is needed: remove it, or set ELIXIR_SCOPE_HOME to another directory`,
    EEXIST: `a file stands where a directory is needed: remove it, or set ELIXIR_SCOPE_HOME to another directory`,
  }
  return failure('unavailable', `${path} cannot be written (${code})`, { hint: remedies[code] ?? 'set ELIXIR_SCOPE_HOME to a directory that can be written' })
}

function whyUnsafe(stat: Stats, uid: number): string | undefined {
  if (stat.isSymbolicLink()) return 'is a link, which somebody else may point elsewhere'
  if (!stat.isDirectory()) return 'is not a directory'
  return stat.uid === uid ? undefined : `belongs to another user (${stat.uid})`
}
