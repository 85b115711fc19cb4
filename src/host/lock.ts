/**
 * One daemon per project: a lock that the operating system holds for the process and drops when it dies, however it
 * dies. It is SQLite's lock on an empty file, because Node offers no file locks of its own and a file with a pid in it
 * cannot be taken over without a race. Beside it, `lock.json` tells people who holds it; nothing is decided by that.
 * Heart holds one too, so this file loads nothing that costs memory.
 */

import { readFileSync, rmSync } from 'node:fs'
import { DatabaseSync, type DatabaseSyncOptions } from 'node:sqlite'
import { failure, type Failure } from '../base/failure.ts'
import { fail, ok, type Result } from '../base/result.ts'
import { writeFailure, writeWhole } from './private-files.ts'

export type Lock = { release(): void }

export type LockOwner = { readonly pid: number; readonly started_at: string }

/** Whoever only asks whether the lock is held holds it for microseconds; this outwaits them. */
const ASKERS_MS = 500
const SQLITE_BUSY = 5
const SQLITE_NOTADB = 26

/** Takes the lock at `path`, or says who has it: `conflict`. */
export function acquireLock(path: string, owner: LockOwner): Result<Lock, Failure> {
  const opened = open(path, 'BEGIN EXCLUSIVE', { timeout: ASKERS_MS })
  if (opened === 'held') return fail(heldFailure(path))
  if (!opened.ok) return opened
  const noted = writeWhole(ownerPath(path), `${JSON.stringify(owner)}\n`)
  if (!noted.ok) {
    opened.value.close()
    return noted
  }
  let held = true
  return ok({
    release: () => {
      if (!held) return
      held = false
      rmSync(ownerPath(path), { force: true })
      opened.value.close()
    },
  })
}

/** Whether a living process holds the lock. A lock that was never taken, or cannot be opened, is free. */
export function isLockHeld(path: string): boolean {
  const opened = open(path, 'SELECT count(*) FROM sqlite_schema', { timeout: 0, readOnly: true })
  if (opened === 'held') return true
  if (opened.ok) opened.value.close()
  return false
}

/** Who said to hold the lock last; meaningful while it is held. */
export function readLockOwner(path: string): LockOwner | undefined {
  try {
    const { pid, started_at } = JSON.parse(readFileSync(ownerPath(path), 'utf8')) as { pid?: unknown; started_at?: unknown }
    return Number.isSafeInteger(pid) && typeof started_at === 'string' ? { pid: pid as number, started_at } : undefined
  } catch {
    return undefined // not written yet, or damaged: then nobody is named
  }
}

function open(path: string, statement: string, options: DatabaseSyncOptions): Result<DatabaseSync, Failure> | 'held' {
  let database: DatabaseSync | undefined
  try {
    database = new DatabaseSync(path, options)
    database.exec(statement)
    return ok(database)
  } catch (error) {
    database?.close()
    const { errcode } = error as { errcode?: number }
    if (errcode === SQLITE_BUSY) return 'held'
    if (errcode !== SQLITE_NOTADB) return fail(writeFailure(path, error))
    return fail(failure('damaged', `${path} is not a lock file`, { hint: 'remove it and start again' }))
  }
}

function heldFailure(path: string): Failure {
  const owner = readLockOwner(path)
  const who = owner === undefined ? '' : ` (pid ${owner.pid}, since ${owner.started_at})`
  return failure('conflict', `a daemon is already running for this project${who}`, {
    hint: '`elixir-scope status` shows it, `elixir-scope stop` ends it',
    ...(owner === undefined ? {} : { details: { pid: owner.pid, started_at: owner.started_at } }),
  })
}

function ownerPath(path: string): string {
  return `${path}.json`
}
