/**
 * Puts right, inside a transaction, what follows from no single file: indexes that are missing, others than they should be,
 * or out of step with their tables, and rows that belong to nothing. What a file or a client stated is never touched.
 */

import { DatabaseSync } from 'node:sqlite'
import { failure, FailureError } from '../base/failure.ts'
import { all, DAMAGE_HINT, run, type Connection } from './connection.ts'
import { migrate } from './schema.ts'
import type { State } from './state.ts'

/** Rows that readers could see. */
export type Dropped = { readonly modules: number; readonly functions: number; readonly problems: number }

const CONSTRAINT = 19

type Index = { readonly name: string; readonly sql: string }

const INDEXES = "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL"

/** Throws the failure `damaged` when rows contradict a unique index, which only one built anew can help. */
export function mendIndexes(connection: Connection): void {
  const wanted = new Map(indexesOfNewStore().map(({ name, sql }) => [name, sql]))
  for (const { name, sql } of all<Index>(connection, INDEXES)) {
    if (wanted.get(name) === sql) wanted.delete(name)
    else connection.db.exec(`DROP INDEX "${name}"`)
  }
  for (const sql of wanted.values()) connection.db.exec(sql)
  try {
    connection.db.exec('REINDEX')
  } catch (caught) {
    if (!(caught instanceof Error && 'errcode' in caught && (Number(caught.errcode) & 0xff) === CONSTRAINT)) throw caught
    throw new FailureError(failure('damaged', `rows contradict an index: ${caught.message}`, { hint: DAMAGE_HINT }), { cause: caught })
  }
}

function indexesOfNewStore(): Index[] {
  const db = new DatabaseSync(':memory:')
  try {
    migrate(db, ':memory:')
    return db.prepare(INDEXES).all() as Index[]
  } finally {
    db.close()
  }
}

/** Also takes the next ids beyond those that are there. */
export function dropOrphans(connection: Connection, state: State): Dropped {
  const modules = run(connection, 'DELETE FROM modules WHERE origin = 0 AND (file_id IS NULL OR file_id NOT IN (SELECT id FROM files))')
  const functions = run(connection, 'DELETE FROM functions WHERE module_id NOT IN (SELECT id FROM modules)')
  const problems = run(connection, 'DELETE FROM problems WHERE path NOT IN (SELECT path FROM files)')
  for (const { until } of all<{ until: number }>(connection, `DELETE FROM versions WHERE source_id <> 0 AND source_id NOT IN (SELECT id FROM sources)
    RETURNING until_epoch AS until`)) state.horizon = Math.max(state.horizon, until)
  for (const [table, name] of [['modules', 'next_module_id'], ['functions', 'next_function_id']] as const) {
    for (const { next } of all<{ next: number }>(connection, `SELECT coalesce(max(id), 0) + 1 AS next FROM ${table}`)) state[name] = Math.max(state[name], next)
  }
  return { modules, functions, problems }
}
