/**
 * Functions and modules of files that are no more: when they were first and last seen, so that one that comes back has its
 * history; and, for a function that went while its file did not parse, its last good facts. Those are stale: they are
 * shown as such, nobody finds callers by them, and they are gone once the file parses or the function is back.
 *
 * Invariant: nothing here is part of the facts; a fresh store has the same facts and none of these.
 */

import type { Mfa } from '../model/names.ts'
import type { CallFacts } from '../model/facts.ts'
import type { GoneFunction, GoneModule, Moments } from './change-log.ts'
import { all, one, run, type Connection } from './connection.ts'
import type { FunctionRecord, Moments as ShownMoments } from './contract.ts'
import { functionCalls, functionRecord, type FunctionBlobs, type FunctionColumns } from './function-reads.ts'
import type { Work } from './work.ts'

/** The longest gone are forgotten beyond this. */
const MOST_DEPARTED = 100_000
/** The name and arity that a module's own row has. */
const MODULE = ['', -1] as const

export function putDepartedFunction(work: Work, gone: GoneFunction): void {
  const { key, name, arity, path, first_epoch, first_ms, modified_epoch, modified_ms, brokenBy, defaults, kind, line, clauses, n_calls, cyclomatic, loc } = gone
  const [data, calls] = brokenBy === null ? [null, null] : [gone.data, gone.calls]
  put(work, [
    key, name, arity, path, first_epoch, first_ms, modified_epoch, modified_ms, work.version, work.nowMs, brokenBy, defaults, kind, line, clauses, n_calls,
    cyclomatic, loc, data, calls,
  ])
  if (brokenBy !== null) work.state.n_stale++
}

export function putDepartedModule(work: Work, { key, path, first_epoch, first_ms, modified_epoch, modified_ms }: GoneModule): void {
  put(work, [key, ...MODULE, path, first_epoch, first_ms, modified_epoch, modified_ms, work.version, work.nowMs, null, 0, 0, 0, 0, 0, 0, 0, null, null])
}

function put(work: Work, values: (string | number | Uint8Array | null)[]): void {
  remove(work, String(values[0]), String(values[1]), Number(values[2]))
  run(work.connection, `INSERT INTO departed (module, name, arity, path, first_epoch, first_ms, modified_epoch, modified_ms, gone_epoch, gone_ms, reason,
    defaults, kind, line, clauses, n_calls, cyclomatic, loc, data, calls) VALUES (${values.map(() => '?').join(',')})`, ...values)
  work.state.n_departed++
}

/** What was known of a function that is back. */
export function takeDeparted(work: Work, module: string, name: string, arity: number): Moments | undefined {
  const found = one<Moments>(work.connection, `SELECT first_epoch, first_ms, modified_epoch, modified_ms FROM departed
    WHERE module = ? AND name = ? AND arity = ?`, module, name, arity)
  if (found !== undefined) remove(work, module, name, arity)
  return found
}

export function takeDepartedModule(work: Work, module: string): Moments | undefined {
  return takeDeparted(work, module, ...MODULE)
}

function remove({ connection, state }: Work, module: string, name: string, arity: number): void {
  const found = one<{ stale: number }>(connection, 'SELECT data IS NOT NULL AS stale FROM departed WHERE module = ? AND name = ? AND arity = ?', module, name, arity)
  if (found === undefined) return
  run(connection, 'DELETE FROM departed WHERE module = ? AND name = ? AND arity = ?', module, name, arity)
  state.n_departed--
  state.n_stale -= found.stale
}

/** The files parse now, or are gone. */
export function dropStale({ connection, state }: Work, paths: Iterable<string>): void {
  if (state.n_stale === 0) return
  for (const path of paths) {
    state.n_stale -= run(connection, 'UPDATE departed SET data = NULL, calls = NULL, reason = NULL WHERE path = ? AND data IS NOT NULL', path)
  }
}

export function forgetLongGone({ connection, state }: Work): void {
  const tooMany = state.n_departed - MOST_DEPARTED
  if (tooMany <= 0) return
  state.n_departed -= run(connection, `DELETE FROM departed WHERE (module, name, arity) IN (
    SELECT module, name, arity FROM departed WHERE data IS NULL ORDER BY gone_epoch LIMIT ?)`, tooMany)
}

// ---------------------------------------------------------------------------------------------------------------- reads

const COLUMNS = `0 AS id, 0 AS module_id, d.module AS key, d.name, d.arity, 1 AS ordinal, d.defaults, d.kind, 0 AS position, 0 AS origin, d.path, d.line,
  d.clauses, d.n_calls, d.cyclomatic, d.loc, d.modified_epoch AS version, d.modified_ms AS updated_at_ms, d.gone_epoch, d.gone_ms, d.reason`

export type StaleFunction = { readonly record: FunctionRecord; readonly calls: readonly CallFacts[]; readonly moments: ShownMoments }

/** As `findFunction` finds those that are there. */
export function findStale(connection: Connection, mfa: Mfa): StaleFunction | undefined {
  const found = one<FunctionBlobs & Moments & { readonly calls: Uint8Array | null }>(connection,
    `SELECT ${COLUMNS}, d.first_epoch, d.first_ms, d.modified_epoch, d.modified_ms, d.data, d.calls FROM departed d
    WHERE d.module = ? AND d.name = ? AND d.arity >= ? AND d.arity - d.defaults <= ? AND d.data IS NOT NULL ORDER BY d.arity LIMIT 1`,
    mfa.module, mfa.name, mfa.arity, mfa.arity)
  if (found === undefined) return undefined
  return { record: functionRecord(found), calls: functionCalls({ ...found, calls: found.calls }), moments: momentsOf(found) }
}

/** Those from the place on that the cursor of `listFunctions` gives. */
export function listStale(connection: Connection, after: readonly [key: string, origin: number, name: string, arity: number], before: string, limit: number): FunctionColumns[] {
  const [key, origin, name, arity] = after
  return all<FunctionColumns>(connection, `SELECT ${COLUMNS} FROM departed d WHERE d.module >= ?1 AND d.module < ?2 AND d.data IS NOT NULL
    AND (d.module > ?1 OR ?3 < 0 OR (?3 = 0 AND (d.name, d.arity) > (?4, ?5))) ORDER BY d.module, d.name, d.arity LIMIT ?6`, key, before, origin, name, arity, limit)
}

/** Those of one module of a file. */
export function staleOf(connection: Connection, moduleId: number, [name, arity]: readonly [string, number], limit: number): FunctionColumns[] {
  return all<FunctionColumns>(connection, `SELECT ${COLUMNS} FROM modules m CROSS JOIN departed d ON d.module = m.key WHERE m.id = ? AND m.origin = 0
    AND d.data IS NOT NULL AND (d.name, d.arity) > (?, ?) ORDER BY d.name, d.arity LIMIT ?`, moduleId, name, arity, limit)
}

export function momentsIn(connection: Connection, table: 'functions' | 'modules', id: number): ShownMoments | undefined {
  const found = one<Moments>(connection, `SELECT first_epoch, first_ms, modified_epoch, modified_ms FROM ${table} WHERE id = ?`, id)
  return found === undefined ? undefined : momentsOf(found)
}

function momentsOf(row: Moments): ShownMoments {
  return { firstSeen: { epoch: row.first_epoch, atMs: row.first_ms }, lastModified: { epoch: row.modified_epoch, atMs: row.modified_ms } }
}

/** The file that a module was last in. */
export function pathOfDeparted(connection: Connection, module: string): string | undefined {
  return one<{ path: string }>(connection, 'SELECT path FROM departed WHERE module = ? AND name = ? AND arity = ?', module, ...MODULE)?.path
}
