/** Reads of files, their sources and their problems; and of everything, for an export, in pages. */

import { decompress } from './encoded-file.ts'
import { open } from './bytes.ts'
import { all, one, type Connection } from './connection.ts'
import type { ExportRow, FileRow, Page, PageRequest, ProblemRow } from './contract.ts'
import { functionCalls, functionRecord, FUNCTION_RECORDS, type FunctionBlobs } from './function-reads.ts'
import { bodyCalls, moduleRecord, MODULE_RECORDS, type ModuleBlobs } from './module-reads.ts'
import { badCursor, readCursor, toPage, writeCursor } from './pages.ts'

type FileColumns = {
  readonly id: number
  readonly path: string
  readonly hash: Uint8Array | null
  readonly bytes: number
  readonly lines: number
  readonly readable: number
  readonly version: number
  readonly updated_at_ms: number
}

type ProblemColumns = {
  readonly path: string
  readonly seq: number
  readonly code: string
  readonly message: string
  readonly line: number
  readonly col: number
  readonly start: number
  readonly end: number
}

const FILES = `SELECT f.id, f.path, s.hash, f.bytes, f.lines, f.readable, f.version, f.updated_at_ms
  FROM files f LEFT JOIN sources s ON s.id = f.source_id`

function fileRow(columns: FileColumns): FileRow {
  return {
    id: columns.id, path: columns.path, sourceHash: Buffer.from(columns.hash ?? []).toString('hex'), bytes: columns.bytes, lines: columns.lines,
    readable: columns.readable === 1, version: columns.version, updatedAtMs: columns.updated_at_ms,
  }
}

function problemRow(columns: ProblemColumns): ProblemRow {
  const { path, code, message, line, col, start, end } = columns
  return { path, code, message, line, column: col, start, end }
}

export function findFile(connection: Connection, path: string): FileRow | undefined {
  const found = one<FileColumns>(connection, `${FILES} WHERE f.path = ?`, path)
  return found === undefined ? undefined : fileRow(found)
}

/** In order of path. A path below `lib` is greater than `lib/` and less than `lib0`, because `0` follows `/`. */
export function filesBelow(connection: Connection, directory: string, limit: number): FileRow[] {
  return all<FileColumns>(connection, `${FILES} WHERE f.path > ? AND f.path < ? ORDER BY f.path LIMIT ?`, `${directory}/`, `${directory}0`, limit).map(fileRow)
}

export function sourceHashOf(connection: Connection, path: string): string | undefined {
  return findFile(connection, path)?.sourceHash
}

export function sourceOf(connection: Connection, path: string): Uint8Array | undefined {
  const found = one<{ id: number; data: Uint8Array }>(connection,
    'SELECT s.id, s.data FROM files f CROSS JOIN sources s ON s.id = f.source_id WHERE f.path = ?', path)
  return found === undefined ? undefined : open(found.data, { table: 'sources', column: 'data', row: found.id, path }, decompress)
}

/** By path, then those of the facts as the parse met them, then those that the store makes by their place: a function of the sources. */
export function problems(connection: Connection, request: PageRequest & { readonly path?: string | undefined }): Page<ProblemRow> {
  const after = readCursor(request, [request.path ?? '', -1, 0, 0, ''])
  const sql = `SELECT path, min(seq, 1000000) AS seq, code, message, line, col, start, "end" FROM problems WHERE path ${request.path === undefined ? '>=' : '='} ?1
    AND (path, min(seq, 1000000), start, "end", message) > (?1, ?2, ?3, ?4, ?5) ORDER BY path, min(seq, 1000000), start, "end", message LIMIT ?6`
  const rows = all<ProblemColumns>(connection, sql, ...after, request.limit + 1)
  return toPage(rows, request.limit, problemRow, (row) => [row.path, row.seq, row.start, row.end, row.message])
}

/** A page holds rows of one table; the cursor is the table's place below, and the last key. */
export function exportRows(connection: Connection, request: PageRequest): Page<ExportRow> {
  const [table, after] = readCursor(request, [0, ''])
  const exporter = EXPORTS[table]
  if (exporter === undefined) throw badCursor()
  const page = exporter(connection, { limit: request.limit, after: after === '' ? undefined : after })
  const more = page.next ?? (table + 1 < EXPORTS.length ? '' : null)
  return { items: page.items, next: more === null ? null : writeCursor([page.next === null ? table + 1 : table, more]) }
}

type Export = (connection: Connection, request: PageRequest) => Page<ExportRow>

const EXPORTS: readonly Export[] = [exportFiles, exportModules, exportFunctions, exportProblems]

function exportFiles(connection: Connection, request: PageRequest): Page<ExportRow> {
  const [id] = readCursor(request, [0])
  const rows = all<FileColumns>(connection, `${FILES} WHERE f.id > ? ORDER BY f.id LIMIT ?`, id, request.limit + 1)
  return toPage(rows, request.limit, (row): ExportRow => ({ table: 'file', row: fileRow(row) }), (row) => [row.id])
}

function exportModules(connection: Connection, request: PageRequest): Page<ExportRow> {
  const [id] = readCursor(request, [0])
  const sql = `${MODULE_RECORDS.replace('m.document', 'm.document, m.body_calls')} WHERE m.id > ? ORDER BY m.id LIMIT ?`
  const rows = all<ModuleBlobs & { body_calls: Uint8Array | null }>(connection, sql, id, request.limit + 1)
  return toPage(rows, request.limit, (row): ExportRow => ({ table: 'module', row: moduleRecord(row), bodyCalls: bodyCalls(row) }), (row) => [row.id])
}

function exportFunctions(connection: Connection, request: PageRequest): Page<ExportRow> {
  const [id] = readCursor(request, [0])
  const sql = `${FUNCTION_RECORDS.replace('fn.data', 'fn.data, fn.calls')} WHERE fn.id > ? ORDER BY fn.id LIMIT ?`
  const rows = all<FunctionBlobs & { calls: Uint8Array | null }>(connection, sql, id, request.limit + 1)
  return toPage(rows, request.limit, (row): ExportRow => ({ table: 'function', row: functionRecord(row), calls: functionCalls(row) }), (row) => [row.id])
}

function exportProblems(connection: Connection, request: PageRequest): Page<ExportRow> {
  const page = problems(connection, request)
  return { items: page.items.map((row): ExportRow => ({ table: 'problem', row })), next: page.next }
}
