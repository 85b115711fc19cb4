/**
 * Brings the rows of one file in step with its encoded facts, or removes them. Invariant: afterwards the rows are those
 * that a fresh store would have, but for ids and versions of what was there before.
 */

import type { Problem } from '../model/problem.ts'
import { all, one, run, type Connection } from './connection.ts'
import { noteFile } from './change-log.ts'
import type { AppliedFile, FileState } from './contract.ts'
import { baseName } from './calls-codec.ts'
import { decodeFileRows, problemRow, type FileRows, type ProblemRows } from './encoded-file.ts'
import { deleteModule, FILE_ORIGIN, insertModule, sameBlob, storedModules, updateModule, type ModulePlace, type StoredModule } from './apply-module.ts'
import { dropRedefinition, STORE_PROBLEMS } from './module-keys.ts'
import { keepVersion, nextNumber, type Content } from './versions.ts'
import type { Work } from './work.ts'

export type DiskState = { readonly size: number; readonly changedNs: bigint }

type FileColumns = { readonly source_id: number; readonly bytes: number; readonly lines: number; readonly readable: number }
type StoredFile = FileColumns & Content & { readonly id: number }

/** Problems of a file that parses. */
const HARMLESS: ReadonlySet<string> = new Set(['too_many_targets'])

/** The `source_id` of a file that could not be read. */
const NO_SOURCE = 0

export function applyFile(work: Work, encoded: Uint8Array, disk: DiskState): AppliedFile {
  const rows = decodeFileRows(encoded)
  const before = work.rowsChanged
  const broken = rows.problems.find(([code]) => !HARMLESS.has(code))
  work.file = { path: rows.path, brokenBy: broken === undefined ? null : `line ${broken[2]}: ${broken[1]}` }
  if (broken === undefined) work.changes.mended.add(rows.path)
  const sourceId = internSource(work, rows)
  const fileId = putFile(work, rows.path, { source_id: sourceId, bytes: rows.bytes, lines: rows.lines, readable: 1 }, disk)
  putModules(work, fileId, rows)
  putProblems(work, rows.path, rows.problems)
  const rowsChanged = work.rowsChanged - before
  if (rowsChanged > 0) run(work.connection, 'UPDATE files SET version = ?, updated_at_ms = ? WHERE id = ?', work.version, work.nowMs, fileId)
  return { modules: rows.modules.length, functions: rows.modules.reduce((sum, module) => sum + module[10].length, 0), rowsChanged }
}

export function markUnreadable(work: Work, path: string, problem: Problem, disk: DiskState): void {
  const before = work.rowsChanged
  noStale(work, path)
  const fileId = putFile(work, path, { source_id: NO_SOURCE, bytes: 0, lines: 0, readable: 0 }, disk)
  for (const module of storedModules(work.connection, fileId)) dropModule(work, path, module)
  putProblems(work, path, [problemRow(problem)])
  if (work.rowsChanged > before) run(work.connection, 'UPDATE files SET version = ?, updated_at_ms = ? WHERE id = ?', work.version, work.nowMs, fileId)
}

/** What goes with a file that is no more, or cannot be read, is not stale: nothing says that it is still there. */
function noStale(work: Work, path: string): void {
  work.file = { path, brokenBy: null }
  work.changes.mended.add(path)
}

export function touchFile(work: Work, path: string, disk: DiskState): boolean {
  return run(work.connection, 'UPDATE files SET size = ?, mtime_ns = ? WHERE path = ?', disk.size, disk.changedNs, path) > 0
}

export function removeFile(work: Work, path: string): boolean {
  const stored = storedFile(work.connection, path)
  if (stored === undefined) return false
  noStale(work, path)
  keepVersion(work, path, stored)
  noteFile(work.changes, path, 'removed')
  for (const module of storedModules(work.connection, stored.id)) dropModule(work, path, module)
  work.state.n_problems -= run(work.connection, 'DELETE FROM problems WHERE path = ?', path)
  run(work.connection, 'DELETE FROM files WHERE id = ?', stored.id)
  countFile(work, stored, -1)
  work.rowsChanged++
  return true
}

export function fileStates(connection: Connection): Map<string, FileState> {
  const rows = all<{ path: string; hash: Uint8Array | null; size: number; mtime: string; readable: number }>(connection,
    `SELECT f.path, s.hash, f.size, CAST(f.mtime_ns AS TEXT) AS mtime, f.readable FROM files f LEFT JOIN sources s ON s.id = f.source_id ORDER BY f.path`)
  return new Map(rows.map((row) => [row.path, {
    sourceHash: Buffer.from(row.hash ?? []).toString('hex'), size: row.size, changedNs: BigInt(row.mtime), readable: row.readable === 1,
  }]))
}

function storedFile(connection: Connection, path: string): StoredFile | undefined {
  return one(connection, 'SELECT id, source_id, bytes, lines, readable, number, content_epoch, content_at_ms FROM files WHERE path = ?', path)
}

function internSource(work: Work, rows: FileRows): number {
  const hash = Buffer.from(rows.sourceHash, 'hex')
  const known = one<{ id: number; data: Uint8Array }>(work.connection, 'SELECT id, data FROM sources WHERE hash = ?', hash)
  if (known === undefined) {
    work.state.stored_bytes += rows.source.length
    const statement = work.connection.statement('INSERT INTO sources (hash, raw_bytes, data) VALUES (?, ?, ?)')
    return Number(statement.run(hash, rows.bytes, rows.source).lastInsertRowid)
  }
  if (!sameBlob(known.data, rows.source)) {
    // Damaged, or compressed by another version: the content is the same, so readers see no change.
    run(work.connection, 'UPDATE sources SET data = ? WHERE id = ?', rows.source, known.id)
    work.state.stored_bytes += rows.source.length - known.data.length
  }
  return known.id
}

function putFile(work: Work, path: string, file: FileColumns, disk: DiskState): number {
  const stored = storedFile(work.connection, path)
  const columns = [file.source_id, file.bytes, file.lines, file.readable, disk.size, disk.changedNs]
  if (stored === undefined) {
    const sql = 'INSERT INTO files (source_id, bytes, lines, readable, size, mtime_ns, path, version, updated_at_ms, number, content_epoch, content_at_ms) VALUES (?,?,?,?,?,?,?,?8,?9,?10,?8,?9)'
    work.rowsChanged++
    noteFile(work.changes, path, 'added')
    countFile(work, file, 1)
    return Number(work.connection.statement(sql).run(...columns, path, work.version, work.nowMs, nextNumber(work, path)).lastInsertRowid)
  }
  if (stored.source_id !== file.source_id) changeContent(work, path, stored)
  run(work.connection, 'UPDATE files SET source_id = ?, bytes = ?, lines = ?, readable = ?, size = ?, mtime_ns = ? WHERE id = ?', ...columns, stored.id)
  countFile(work, stored, -1)
  countFile(work, file, 1)
  if (stored.source_id !== file.source_id || stored.readable !== file.readable || stored.lines !== file.lines) {
    work.rowsChanged++
    noteFile(work.changes, path, 'changed')
  }
  return stored.id
}

function changeContent(work: Work, path: string, stored: StoredFile): void {
  keepVersion(work, path, stored)
  if (stored.content_epoch === work.version) return
  run(work.connection, 'UPDATE files SET number = ?, content_epoch = ?, content_at_ms = ? WHERE id = ?', stored.number + 1, work.version, work.nowMs, stored.id)
}

function countFile(work: Work, file: FileColumns, by: number): void {
  work.state.n_files += by
  work.state.source_bytes += by * file.bytes
  if (file.readable === 0) work.state.n_unreadable += by
}

/** Definitions are matched by name; several of one name in their order. */
function putModules(work: Work, fileId: number, rows: FileRows): void {
  const left = Map.groupBy(storedModules(work.connection, fileId), (module) => module.name)
  const places = rows.modules.map((module, position): ModulePlace =>
    ({ name: baseName(module[0]), origin: FILE_ORIGIN, fileId, clientPath: null, position, document: null }))
  const taken = new Map<string, number>()
  const matches = places.map((place) => {
    const index = taken.get(place.name) ?? 0
    taken.set(place.name, index + 1)
    return left.get(place.name)?.[index]
  })
  for (const [name, modules] of left) for (const module of modules.slice(taken.get(name) ?? 0)) dropModule(work, rows.path, module)
  for (const [position, place] of places.entries()) {
    const module = rows.modules[position]
    const stored = matches[position]
    if (module === undefined) continue
    if (stored === undefined) insertModule(work, place, module, rows.callees)
    else updateModule(work, stored, place, module, rows.callees)
  }
}

function dropModule(work: Work, path: string, module: StoredModule): void {
  deleteModule(work, module)
  dropRedefinition(work, path, module.id)
}

/** Replaces the problems of the facts when they differ; those that the store makes stay. */
function putProblems(work: Work, path: string, problems: readonly ProblemRows[]): void {
  const stored = all<Record<string, string | number>>(work.connection,
    'SELECT code, message, line, col, start, end FROM problems WHERE path = ? AND seq < ? ORDER BY seq', path, STORE_PROBLEMS)
  if (JSON.stringify(stored.map((row) => Object.values(row))) === JSON.stringify(problems)) return
  run(work.connection, 'DELETE FROM problems WHERE path = ? AND seq < ?', path, STORE_PROBLEMS)
  for (const [seq, [code, message, line, column, start, end]] of problems.entries()) {
    run(work.connection, 'INSERT INTO problems (path, seq, code, message, line, col, start, end) VALUES (?,?,?,?,?,?,?,?)',
      path, seq, code, message, line, column, start, end)
  }
  work.state.n_problems += problems.length - stored.length
  work.rowsChanged++
}
