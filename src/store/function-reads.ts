/**
 * Reads of functions and of the calls they make: rows to records. Every query here goes by a key or an index (a test
 * looks at the plans).
 */

import type { CallFacts } from '../model/facts.ts'
import { formatMfa, type Mfa } from '../model/names.ts'
import { open } from './bytes.ts'
import { decodeCalls } from './calls-codec.ts'
import { all, one, type Connection, type Sql } from './connection.ts'
import type { FunctionRecord, FunctionRow, ModuleFilter, Origin, Page, PageRequest } from './contract.ts'
import { decodeFunction, FUNCTION_KINDS } from './facts-codec.ts'
import { originName, originRange } from './module-reads.ts'
import { afterPrefix, readCursor, slicePage, toPage } from './pages.ts'

export type FunctionColumns = {
  readonly id: number
  readonly module_id: number
  readonly key: string
  readonly name: string
  readonly arity: number
  readonly ordinal: number
  readonly defaults: number
  readonly kind: number
  readonly position: number
  readonly origin: number
  readonly path: string | null
  readonly line: number
  readonly clauses: number
  readonly n_calls: number
  readonly cyclomatic: number
  readonly loc: number
  readonly version: number
  readonly updated_at_ms: number
  /** Of one that is no more (departed.ts). */
  readonly gone_epoch?: number
  readonly gone_ms?: number
  readonly reason?: string
}

export type FunctionBlobs = FunctionColumns & { readonly data: Uint8Array }

const COLUMNS = `fn.id, fn.module_id, m.key, fn.name, fn.arity, fn.ordinal, fn.defaults, fn.kind, fn.position, m.origin,
  coalesce(f.path, m.client_path) AS path, fn.line, fn.clauses, fn.n_calls, fn.cyclomatic, fn.loc, fn.version, fn.updated_at_ms`
/** The order of the joins is given: the module is found first, or the function by its id. */
const BY_MODULE = 'FROM modules m CROSS JOIN functions fn ON fn.module_id = m.id LEFT JOIN files f ON f.id = m.file_id'
const BY_ID = 'FROM functions fn CROSS JOIN modules m ON m.id = fn.module_id LEFT JOIN files f ON f.id = m.file_id'
export const FUNCTION_RECORDS = `SELECT ${COLUMNS}, fn.data ${BY_ID}`

function functionRow(columns: FunctionColumns): FunctionRow {
  return {
    id: columns.id, moduleId: columns.module_id, moduleKey: columns.key, name: columns.name, arity: columns.arity, defaults: columns.defaults,
    kind: FUNCTION_KINDS[columns.kind] ?? 'def', origin: originName(columns.origin), path: columns.path,
    line: columns.line === 0 ? null : columns.line, clauses: columns.clauses, calls: columns.n_calls, cyclomatic: columns.cyclomatic,
    linesOfCode: columns.loc, version: columns.version, updatedAtMs: columns.updated_at_ms,
    stale: columns.gone_epoch === undefined ? null : { since: { epoch: columns.gone_epoch, atMs: columns.gone_ms ?? 0 }, reason: columns.reason ?? '' },
  }
}

export function functionRecord(columns: FunctionBlobs): FunctionRecord {
  const row = functionRow(columns)
  const name = { table: 'functions', column: 'data', row: mfaOf(row), path: row.path }
  return { ...row, facts: open(columns.data, name, (payload) => decodeFunction(payload, row)) }
}

export function findFunction(connection: Connection, mfa: Mfa, origin: Origin | undefined): FunctionRecord | undefined {
  // A file's function comes before a client's, then the nearest arity from above: its own, else one that defaults reach.
  const sql = `SELECT ${COLUMNS}, fn.data ${BY_MODULE} WHERE m.key = ? AND m.origin BETWEEN ? AND ? AND fn.name = ? AND fn.arity >= ?
    AND fn.arity - fn.defaults <= ? ORDER BY m.origin, fn.arity, fn.ordinal LIMIT 1`
  const found = one<FunctionBlobs>(connection, sql, mfa.module, ...originRange(origin), mfa.name, mfa.arity, mfa.arity)
  return found === undefined ? undefined : functionRecord(found)
}

export function functionById(connection: Connection, id: number): FunctionRecord | undefined {
  const found = one<FunctionBlobs>(connection, `${FUNCTION_RECORDS} WHERE fn.id = ?`, id)
  return found === undefined ? undefined : functionRecord(found)
}

/** The id that a cursor has of a stale function. */
const STALE_ID = -1

/**
 * The cursor names the last function and its place: the page goes on after where it is now, or, when it is gone, after
 * where it was. Stale functions stand behind the others, by name.
 */
export function functionsOf(connection: Connection, moduleId: number, request: PageRequest, listStale: StaleOf | undefined): Page<FunctionRow> {
  const [lastId, lastPosition, name, arity] = readCursor(request, [0, -1, '', -1])
  const live = lastId === STALE_ID ? [] : liveFunctionsOf(connection, moduleId, [lastId, lastPosition], request.limit + 1)
  const stale = live.length > request.limit ? [] : listStale?.(moduleId, [name, arity], request.limit + 1 - live.length) ?? []
  const cursorOf = (row: FunctionColumns) => row.gone_epoch === undefined ? [row.id, row.position, '', -1] : [STALE_ID, 0, row.name, row.arity]
  return toPage([...live, ...stale], request.limit, functionRow, cursorOf)
}

type StaleOf = (moduleId: number, after: readonly [name: string, arity: number], limit: number) => readonly FunctionColumns[]

function liveFunctionsOf(connection: Connection, moduleId: number, [lastId, lastPosition]: readonly [number, number], limit: number): FunctionColumns[] {
  const last = one<{ position: number }>(connection, 'SELECT position FROM functions WHERE id = ? AND module_id = ?', lastId, moduleId)
  const after = last?.position ?? (lastId === 0 ? -1 : lastPosition - 1)
  const sql = `SELECT ${COLUMNS} ${BY_MODULE} WHERE m.id = ? AND fn.position > ? ORDER BY fn.position LIMIT ?`
  return all<FunctionColumns>(connection, sql, moduleId, after, limit)
}

/** Stale functions stand among the others. */
export function listFunctions(connection: Connection, request: PageRequest & ModuleFilter, listStale: ListStale | undefined): Page<FunctionRow> {
  const prefix = request.prefix ?? ''
  const [key, origin, name, arity, ordinal] = readCursor(request, [prefix, -1, '', -1, -1])
  const sql = `SELECT ${COLUMNS} ${BY_MODULE} WHERE m.key >= ?1 AND m.key < ?2 AND m.origin BETWEEN ?3 AND ?4
    AND ((m.key, m.origin) > (?1, ?5) OR (m.key = ?1 AND m.origin = ?5 AND (fn.name, fn.arity, fn.ordinal) > (?6, ?7, ?8)))
    ORDER BY m.key, m.origin, fn.name, fn.arity, fn.ordinal LIMIT ?9`
  const values: Sql[] = [key, afterPrefix(prefix), ...originRange(request.origin), origin, name, arity, ordinal, request.limit + 1]
  const live = all<FunctionColumns>(connection, sql, ...values)
  const stale = request.origin === 'client' ? [] : listStale?.([key, origin, name, arity], afterPrefix(prefix), request.limit + 1) ?? []
  const rows = stale.length === 0 ? live : [...live, ...stale].sort(inOrder).slice(0, request.limit + 1)
  return toPage(rows, request.limit, functionRow, (row) => [row.key, row.origin, row.name, row.arity, row.ordinal])
}

type ListStale = (after: readonly [key: string, origin: number, name: string, arity: number], before: string, limit: number) => readonly FunctionColumns[]

/** As SQLite orders them: texts by their bytes. */
function inOrder(a: FunctionColumns, b: FunctionColumns): number {
  return Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)) || a.origin - b.origin || Buffer.compare(Buffer.from(a.name), Buffer.from(b.name))
    || a.arity - b.arity || a.ordinal - b.ordinal
}

type CallsColumns = { readonly key: string; readonly name: string; readonly arity: number; readonly path: string | null; readonly calls: Uint8Array | null }

export function calleesOf(connection: Connection, functionId: number, request: PageRequest): Page<CallFacts> {
  const found = one<CallsColumns>(connection, `SELECT m.key, fn.name, fn.arity, coalesce(f.path, m.client_path) AS path, fn.calls ${BY_ID} WHERE fn.id = ?`, functionId)
  return slicePage(found === undefined ? [] : functionCalls(found), request)
}

export function functionCalls(columns: CallsColumns): CallFacts[] {
  if (columns.calls === null) return []
  const mfa = formatMfa({ module: columns.key, name: columns.name, arity: columns.arity })
  return open(columns.calls, { table: 'functions', column: 'calls', row: mfa, path: columns.path }, (payload) => decodeCalls(payload, mfa))
}

function mfaOf(row: FunctionRow): string {
  return formatMfa({ module: row.moduleKey, name: row.name, arity: row.arity })
}
