/**
 * A connection to the database with its prepared statements, and how SQLite's errors become failures. Every statement
 * is prepared once per connection and run to its end at once, so none is ever open between two calls.
 */

import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import { failure, FailureError, type Failure } from '../base/failure.ts'
import { fail } from '../base/result.ts'

export type Sql = SQLInputValue

export type Connection = {
  readonly db: DatabaseSync
  /** The prepared statement of this text, cached. */
  statement(sql: string): StatementSync
}

export function connect(db: DatabaseSync): Connection {
  const statements = new Map<string, StatementSync>()
  return {
    db,
    statement(sql) {
      const known = statements.get(sql)
      if (known !== undefined) return known
      const prepared = db.prepare(sql)
      statements.set(sql, prepared)
      return prepared
    },
  }
}

/** First row as `T` (the caller knows its own select list), or undefined. */
export function one<T>(connection: Connection, sql: string, ...values: Sql[]): T | undefined {
  return connection.statement(sql).get(...values) as T | undefined
}

export function all<T>(connection: Connection, sql: string, ...values: Sql[]): T[] {
  return connection.statement(sql).all(...values) as T[]
}

export function run(connection: Connection, sql: string, ...values: Sql[]): number {
  return Number(connection.statement(sql).run(...values).changes)
}

/** The value of a pragma that answers with one number. */
export function pragmaNumber(db: DatabaseSync, pragma: string): number {
  const row = db.prepare(`PRAGMA ${pragma}`).get() ?? {}
  return Number(Object.values(row)[0] ?? 0)
}

/** The failure that a thrown value stands for; undefined for what is a bug of ours. */
export function failureOf(caught: unknown, path: string): Failure | undefined {
  if (caught instanceof FailureError) return caught.failure
  if (!(caught instanceof Error) || !('errcode' in caught)) {
    return isClosed(caught) ? failure('unavailable', 'the store is closed', { hint: 'try again' }) : fileFailure(caught, path)
  }
  return sqliteFailure(Number(caught.errcode), caught.message, path)
}

/** The failure as a result; a bug of ours is thrown on. */
export function asFailure(caught: unknown, path: string): { readonly ok: false; readonly error: Failure } {
  const failed = failureOf(caught, path)
  if (failed === undefined) throw caught
  return fail(failed)
}

function isClosed(caught: unknown): boolean {
  return caught instanceof Error && 'code' in caught && caught.code === 'ERR_INVALID_STATE'
}

/** Of the files beside the database, which are read and written without SQLite. */
function fileFailure(caught: unknown, path: string): Failure | undefined {
  if (!(caught instanceof Error) || !('syscall' in caught) || !('code' in caught)) return undefined
  const details = { path, code: caught.code, message: caught.message }
  if (caught.code === 'ENOSPC' || caught.code === 'EDQUOT') {
    return failure('storage_full', `no space is left for the store ${path}`, { hint: 'free disk space; nothing that was acknowledged is lost', details })
  }
  return failure('unavailable', `a file of the store ${path} cannot be used: ${caught.message}`, { hint: 'check the disk, and the owner and mode of the files', details })
}

/** What becomes of a damaged store, wherever damage is met. */
export const DAMAGE_HINT = 'it is set aside and built anew from the files; ask again shortly'

/** Our statements are fixed and the schema's version was checked: a table or column that is not there was there. */
const SCHEMA_GONE = /^no such |has no column named|^unsupported file format/

function damagedFailure(message: string, path: string, details: Record<string, unknown>): Failure {
  return failure('damaged', `the store ${path} is damaged: ${message}`, { hint: DAMAGE_HINT, details })
}

/** `code` is SQLite's result code, extended or primary (https://sqlite.org/rescode.html). */
function sqliteFailure(code: number, message: string, path: string): Failure | undefined {
  const details = { path, sqlite_code: code, sqlite_message: message }
  switch (code & 0xff) {
    case 1:
      return SCHEMA_GONE.test(message) ? damagedFailure(message, path, details) : undefined
    case 5: case 6:
      return failure('busy', 'the store is locked by another process or reader', { hint: 'try again shortly', details })
    case 8: case 3: case 23:
      return failure('unavailable', `the store ${path} may not be written`, { hint: 'check the owner and mode of the file and of its directory', details })
    case 10:
      return failure('unavailable', `the disk failed under the store ${path}: ${message}`, { hint: 'check the disk; nothing of the last change was kept', details })
    case 11: case 26:
      return damagedFailure(message, path, details)
    case 13:
      return failure('storage_full', `no space is left for the store ${path}`, { hint: 'free disk space or raise the limit; nothing of the last change was kept', details })
    case 14:
      return failure('unavailable', `the store ${path} cannot be opened`, { hint: 'check that the directory exists and can be written', details })
    case 18:
      return failure('too_large', 'a value is too large for the store', { details })
    default:
      return undefined
  }
}

/** For reads inside a snapshot: what the disk caused becomes a FailureError, a bug stays as it is. */
export function rethrow(caught: unknown, path: string): never {
  const failed = failureOf(caught, path)
  if (failed === undefined || caught instanceof FailureError) throw caught
  throw new FailureError(failed, { cause: caught })
}
