/** The files that a database is made of: names, sizes and removal. */

import { rmSync, statSync } from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'
import { pragmaNumber } from './connection.ts'
import type { Place } from './contract.ts'

/** What stands beside a database. The checksums last: without a database they are nothing. */
export const BESIDE = ['-wal', '-wal-kept', '-shm', '-sums']

/** Removes the database with its log and its checksums. */
export function removeStore(path: string): void {
  for (const suffix of ['', ...BESIDE]) rmSync(path + suffix, { force: true })
}

export function databaseBytes(db: DatabaseSync): number {
  return pragmaNumber(db, 'page_count') * pragmaNumber(db, 'page_size')
}

/** What tells whether the file that was just opened is still the one at its path: SQLite writes on into a removed file. */
export function placeOf(path: string): () => Place {
  const opened = statSync(path, { throwIfNoEntry: false })
  return () => {
    const found = statSync(path, { throwIfNoEntry: false })
    if (found === undefined) return 'removed'
    return found.ino === opened?.ino && found.dev === opened.dev ? 'in place' : 'replaced'
  }
}

/** 0 for a file that is not there. */
export function fileBytes(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0
}
