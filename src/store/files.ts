/** The files that a database is made of: sizes and removal. */

import { rmSync, statSync } from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'
import { pragmaNumber } from './connection.ts'

/** Removes the database with its log. */
export function removeStore(path: string): void {
  for (const suffix of ['', '-wal', '-shm']) rmSync(path + suffix, { force: true })
}

export function databaseBytes(db: DatabaseSync): number {
  return pragmaNumber(db, 'page_count') * pragmaNumber(db, 'page_size')
}

/** 0 for a file that is not there. */
export function fileBytes(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0
}
