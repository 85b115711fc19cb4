/**
 * Reads of modules: rows to records. Every query here goes by a key or an index (a test looks at the plans).
 */

import { open } from './bytes.ts'
import { decodeCalls } from './calls-codec.ts'
import { all, one, type Connection, type Sql } from './connection.ts'
import type { ModuleFilter, ModuleRecord, ModuleRow, Origin, Page, PageRequest } from './contract.ts'
import { CLIENT_ORIGIN, FILE_ORIGIN } from './apply-module.ts'
import { readDocument } from './client-modules.ts'
import { decodeModule, MODULE_KINDS } from './facts-codec.ts'
import { afterPrefix, readCursor, slicePage, toPage } from './pages.ts'
import type { CallFacts } from '../model/facts.ts'

type ModuleColumns = {
  readonly id: number
  readonly key: string
  readonly origin: number
  readonly kind: number
  readonly path: string | null
  readonly line: number
  readonly functions: number
  readonly loc: number
  readonly cyclomatic: number
  readonly version: number
  readonly updated_at_ms: number
}

export type ModuleBlobs = ModuleColumns & { readonly data: Uint8Array; readonly document: Uint8Array | null }

const COLUMNS = `m.id, m.key, m.origin, m.kind, coalesce(f.path, m.client_path) AS path, m.line, m.functions, m.loc, m.cyclomatic,
  m.version, m.updated_at_ms`
const FROM = 'FROM modules m LEFT JOIN files f ON f.id = m.file_id'
const MODULE_ROWS = `SELECT ${COLUMNS} ${FROM}`
export const MODULE_RECORDS = `SELECT ${COLUMNS}, m.data, m.document ${FROM}`

function originCode(origin: Origin): number {
  return origin === 'file' ? FILE_ORIGIN : CLIENT_ORIGIN
}

export function originName(code: number): Origin {
  return code === FILE_ORIGIN ? 'file' : 'client'
}

/** The range of origin codes that a filter lets through. */
export function originRange(origin: Origin | 'all' | undefined): readonly [number, number] {
  if (origin === undefined || origin === 'all') return [FILE_ORIGIN, CLIENT_ORIGIN]
  return [originCode(origin), originCode(origin)]
}

function moduleRow(columns: ModuleColumns): ModuleRow {
  return {
    id: columns.id, key: columns.key, kind: MODULE_KINDS[columns.kind] ?? 'module', origin: originName(columns.origin), path: columns.path,
    line: columns.line === 0 ? null : columns.line, functions: columns.functions, linesOfCode: columns.loc, cyclomatic: columns.cyclomatic,
    version: columns.version, updatedAtMs: columns.updated_at_ms,
  }
}

export function moduleRecord(columns: ModuleBlobs): ModuleRecord {
  const row = moduleRow(columns)
  const name = { table: 'modules', column: 'data', row: row.key, path: row.path }
  const facts = open(columns.data, name, (payload) => decodeModule(payload, { kind: row.kind, linesOfCode: row.linesOfCode }))
  return { ...row, facts, document: readDocument(columns.document, row.key) }
}

export function findModuleRow(connection: Connection, key: string, origin: Origin | undefined): ModuleRow | undefined {
  const found = one<ModuleColumns>(connection, `${MODULE_ROWS} WHERE m.key = ? AND m.origin BETWEEN ? AND ? ORDER BY m.origin LIMIT 1`, key, ...originRange(origin))
  return found === undefined ? undefined : moduleRow(found)
}

export function findModule(connection: Connection, key: string, origin: Origin | undefined): ModuleRecord | undefined {
  const found = one<ModuleBlobs>(connection, `${MODULE_RECORDS} WHERE m.key = ? AND m.origin BETWEEN ? AND ? ORDER BY m.origin LIMIT 1`, key, ...originRange(origin))
  return found === undefined ? undefined : moduleRecord(found)
}

export function moduleById(connection: Connection, id: number): ModuleRecord | undefined {
  const found = one<ModuleBlobs>(connection, `${MODULE_RECORDS} WHERE m.id = ?`, id)
  return found === undefined ? undefined : moduleRecord(found)
}

export function modulesOfFile(connection: Connection, path: string): readonly ModuleRow[] | undefined {
  const file = one<{ id: number }>(connection, 'SELECT id FROM files WHERE path = ?', path)
  if (file === undefined) return undefined
  return all<ModuleColumns>(connection, `${MODULE_ROWS} WHERE m.file_id = ? ORDER BY m.position`, file.id).map(moduleRow)
}

export function listModules(connection: Connection, request: PageRequest & ModuleFilter): Page<ModuleRow> {
  const prefix = request.prefix ?? ''
  const [key, origin] = readCursor(request, [prefix, -1])
  const sql = `${MODULE_ROWS} WHERE (m.key, m.origin) > (?, ?) AND m.key < ? AND m.origin BETWEEN ? AND ? ORDER BY m.key, m.origin LIMIT ?`
  const values: Sql[] = [key, origin, afterPrefix(prefix), ...originRange(request.origin), request.limit + 1]
  return toPage(all<ModuleColumns>(connection, sql, ...values), request.limit, moduleRow, (row) => [row.key, row.origin])
}

type BodyColumns = { readonly key: string; readonly path: string | null; readonly body_calls: Uint8Array | null }

export function bodyCallsOf(connection: Connection, moduleId: number, request: PageRequest): Page<CallFacts> {
  const found = one<BodyColumns>(connection, `SELECT m.key, coalesce(f.path, m.client_path) AS path, m.body_calls ${FROM} WHERE m.id = ?`, moduleId)
  return slicePage(found === undefined ? [] : bodyCalls(found), request)
}

export function bodyCalls(columns: BodyColumns): CallFacts[] {
  if (columns.body_calls === null) return []
  const name = { table: 'modules', column: 'body_calls', row: columns.key, path: columns.path }
  return open(columns.body_calls, name, (payload) => decodeCalls(payload, columns.key))
}
