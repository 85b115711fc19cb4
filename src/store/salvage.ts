/**
 * What clients had stated, read from a damaged store as far as it goes: row by row, past what cannot be read. Only whole
 * statements count, for each carries a checksum. Bounded in rows and in failures. What their requests were answered is
 * read as a whole, or not at all.
 *
 * Absent on purpose: facts from files, which the files still say.
 */

import { DatabaseSync } from 'node:sqlite'
import { FailureError } from '../base/failure.ts'
import { CLIENT_ORIGIN } from './apply-module.ts'
import { readDocument } from './client-modules.ts'
import { connect, one, type Connection } from './connection.ts'
import type { KeptRequest } from './contract.ts'
import { readRequests } from './requests.ts'

export type Salvaged = {
  /** As clients stated them. */
  readonly documents: readonly unknown[]
  /** How many there were; null when that cannot be read. */
  readonly stated: number | null
  readonly requests: readonly KeptRequest[]
}

const MAX_ROWS = 1_000_000
const MAX_FAILURES = 500
/** Ids that a reading skips at most when it cannot go on where it is. */
const MAX_STEP = 1 << 20

export function salvage(databasePath: string): Salvaged {
  let db: DatabaseSync | undefined
  try {
    db = new DatabaseSync(databasePath, { readOnly: true, timeout: 1000 })
    // Reads on when the definition of another table or index is damaged.
    db.exec('PRAGMA writable_schema = ON')
    const connection = connect(db)
    return { documents: readDocuments(connection), stated: readOr(null, () => statedIn(connection)), requests: readOr([], () => readRequests(connection)) }
  } catch (caught) {
    return giveUp(caught)
  } finally {
    if (db?.isOpen === true) db.close()
  }
}

function giveUp(caught: unknown): Salvaged {
  if (!isOfTheStore(caught)) throw caught
  return { documents: [], stated: null, requests: [] }
}

/** Whatever SQLite says: with a damaged definition of a table, even our own statements may be wrong. */
function isOfTheStore(caught: unknown): boolean {
  return caught instanceof FailureError || (caught instanceof Error && 'errcode' in caught)
}

function statedIn(connection: Connection): number | null {
  const count = one<{ n: unknown }>(connection, 'SELECT n_client_modules AS n FROM state WHERE id = 1')?.n
  return typeof count === 'number' ? count : null
}

type Row = { readonly id: number; readonly document: Uint8Array | null }

function readDocuments(connection: Connection): unknown[] {
  const documents: unknown[] = []
  let after = 0
  let step = 1
  let failures = 0
  while (documents.length < MAX_ROWS && failures < MAX_FAILURES && step <= MAX_STEP) {
    const row = readOr('unreadable', () => one<Row>(connection,
      'SELECT id, document FROM modules WHERE id > ? AND origin = ? ORDER BY id LIMIT 1', after, CLIENT_ORIGIN))
    if (row === undefined) break
    // Where pages have changed places, ids may lead back.
    if (row === 'unreadable' || row.id <= after) {
      failures++
      after += step
      step *= 2
      continue
    }
    step = 1
    after = row.id
    const document = readOr(null, () => readDocument(row.document, String(row.id)))
    if (document === null) failures++
    else documents.push(document)
  }
  return documents
}

function readOr<T, O>(otherwise: O, read: () => T): T | O {
  try {
    return read()
  } catch (caught) {
    if (!isOfTheStore(caught)) throw caught
    return otherwise
  }
}
