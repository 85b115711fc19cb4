/**
 * Earlier contents of files. A content that gives way becomes a row that says from which epoch until before which it was
 * the file's; the present one stands with the file itself, so that a first import writes nothing here. Of a file that was
 * away for a while the rows have a gap.
 *
 * Invariant: for every epoch from the horizon on, the content that each file had then is known, or that it had none.
 * Absent on purpose: version maps and diffs, which follow from two contents (src/analysis/versions).
 */

import { failure, type Failure } from '../base/failure.ts'
import { fail, ok, type Result } from '../base/result.ts'
import { open, unsealed } from './bytes.ts'
import { all, one, run, type Connection } from './connection.ts'
import type { FileVersion, HistoryLimits, PastFile } from './contract.ts'
import { decompress } from './encoded-file.ts'
import type { Work } from './work.ts'

/** What a file had, as its row says. */
export type Content = { readonly source_id: number; readonly number: number; readonly content_epoch: number; readonly content_at_ms: number }

const NO_SOURCE = 0

/** The file's content is about to be another, or the file to go. What no commit has shown is not kept, nor what is damaged. */
export function keepVersion(work: Work, path: string, content: Content): void {
  if (content.content_epoch === work.version) return
  const problem = content.source_id === NO_SOURCE ? problemOf(work.connection, path) : null
  const source = one<{ data: Uint8Array }>(work.connection, 'SELECT data FROM sources WHERE id = ?', content.source_id)?.data
  if (source !== undefined && unsealed(source) === undefined) {
    work.state.horizon = work.version
    return
  }
  const bytes = source?.length ?? 0
  run(work.connection, `INSERT INTO versions (path, number, source_id, problem, bytes, epoch, at_ms, until_epoch, until_ms) VALUES (?,?,?,?,?,?,?,?,?)`,
    path, content.number, content.source_id, problem, bytes, content.content_epoch, content.content_at_ms, work.version, work.nowMs)
  work.state.n_versions++
  work.state.version_bytes += bytes
  work.superseded.add(path)
}

/** The number that a new file's content has: it goes on where an earlier file of that path had ended. */
export function nextNumber({ connection, state }: Work, path: string): number {
  if (state.n_versions === 0) return 1
  return (one<{ number: number | null }>(connection, 'SELECT max(number) AS number FROM versions WHERE path = ?', path)?.number ?? 0) + 1
}

type Pruned = { readonly path: string; readonly number: number; readonly source_id: number; readonly bytes: number; readonly until_epoch: number }

/** Lets go of what is beyond the limits, with the sources that nothing has any more. */
export function pruneVersions(work: Work, limits: HistoryLimits): void {
  const { connection, state, superseded } = work
  for (const path of superseded) {
    const beyond = all<Pruned>(connection, 'SELECT path, number, source_id, bytes, until_epoch FROM versions WHERE path = ? ORDER BY number DESC LIMIT -1 OFFSET ?',
      path, limits.versions)
    for (const row of beyond) drop(work, row)
  }
  while (state.version_bytes > limits.bytes) {
    const oldest = all<Pruned>(connection, 'SELECT path, number, source_id, bytes, until_epoch FROM versions ORDER BY until_epoch LIMIT 100')
    if (oldest.length === 0) break
    for (const row of oldest) if (state.version_bytes > limits.bytes) drop(work, row)
  }
  superseded.clear()
}

function drop({ connection, state }: Work, row: Pruned): void {
  run(connection, 'DELETE FROM versions WHERE path = ? AND number = ?', row.path, row.number)
  state.n_versions--
  state.version_bytes -= row.bytes
  state.horizon = Math.max(state.horizon, row.until_epoch)
  const isUsed = one(connection, 'SELECT 1 FROM files WHERE source_id = ?1 UNION ALL SELECT 1 FROM versions WHERE source_id = ?1 LIMIT 1', row.source_id)
  if (isUsed !== undefined) return
  const source = one<{ bytes: number }>(connection, 'SELECT length(data) AS bytes FROM sources WHERE id = ?', row.source_id)
  state.stored_bytes -= source?.bytes ?? 0
  run(connection, 'DELETE FROM sources WHERE id = ?', row.source_id)
}

function problemOf(connection: Connection, path: string): string | null {
  const found = one<Record<string, unknown>>(connection, 'SELECT code, message, line, col AS "column", start, end FROM problems WHERE path = ? ORDER BY seq LIMIT 1', path)
  return found === undefined ? null : JSON.stringify(found)
}

type VersionColumns = {
  readonly number: number; readonly source_id: number; readonly hash: Uint8Array | null; readonly raw_bytes: number | null
  readonly epoch: number; readonly at_ms: number; readonly until_epoch: number | null; readonly until_ms: number | null
}

const PAST = `SELECT v.number, v.source_id, s.hash, s.raw_bytes, v.epoch, v.at_ms, v.until_epoch, v.until_ms
  FROM versions v LEFT JOIN sources s ON s.id = v.source_id WHERE v.path = ?`
const PRESENT = `SELECT f.number, f.source_id, s.hash, s.raw_bytes, f.content_epoch AS epoch, f.content_at_ms AS at_ms, NULL AS until_epoch, NULL AS until_ms
  FROM files f LEFT JOIN sources s ON s.id = f.source_id WHERE f.path = ?`

/** The newest first; empty for a path that never was a file, or of which nothing is kept. */
export function versionsOf(connection: Connection, path: string): FileVersion[] {
  const present = all<VersionColumns>(connection, PRESENT, path)
  return [...present, ...all<VersionColumns>(connection, `${PAST} ORDER BY v.number DESC`, path)].map(version)
}

export function versionSource(connection: Connection, path: string, number: number): Uint8Array | undefined {
  const found = one<{ id: number; data: Uint8Array }>(connection, `SELECT s.id, s.data FROM sources s WHERE s.id IN (
    SELECT source_id FROM versions WHERE path = ?1 AND number = ?2 UNION ALL SELECT source_id FROM files WHERE path = ?1 AND number = ?2)`, path, number)
  return found === undefined ? undefined : openSource(found, path)
}

function version(row: VersionColumns): FileVersion {
  return {
    number: row.number, sourceHash: Buffer.from(row.hash ?? []).toString('hex'), bytes: row.raw_bytes ?? 0, readable: row.source_id !== NO_SOURCE,
    epoch: row.epoch, atMs: row.at_ms, until: row.until_epoch === null || row.until_ms === null ? null : { epoch: row.until_epoch, atMs: row.until_ms },
  }
}

/** Every file that has another content now than it had at the epoch, with what it had; `content` is null where there was none. */
export function filesAt(work: Work, epoch: number): Result<PastFile[], Failure> {
  const { connection, state } = work
  if (epoch > state.epoch) return fail(failure('invalid_argument', `the repository has not reached epoch ${epoch}`, { hint: `it is at epoch ${state.epoch}` }))
  if (epoch < state.horizon) {
    return fail(failure('not_found', `the sources of epoch ${epoch} are no longer all kept`, {
      hint: `epochs from ${state.horizon} on are; sync.keepVersions and sync.keepVersionBytes say how much is kept`, details: { epoch, oldest_epoch: state.horizon },
    }))
  }
  const paths = all<{ path: string }>(connection, `SELECT path FROM versions WHERE until_epoch > ?1
    UNION SELECT path FROM files WHERE content_epoch > ?1 ORDER BY path`, epoch)
  return ok(paths.map(({ path }) => ({ path, content: contentAt(connection, path, epoch) })))
}

function contentAt(connection: Connection, path: string, epoch: number): PastFile['content'] {
  const row = one<{ id: number | null; data: Uint8Array | null; problem: string | null }>(connection,
    `SELECT s.id, s.data, v.problem FROM versions v LEFT JOIN sources s ON s.id = v.source_id WHERE v.path = ?1 AND v.epoch <= ?2 AND v.until_epoch > ?2`, path, epoch)
  if (row === undefined) return null
  if (row.id !== null && row.data !== null) return { source: openSource({ id: row.id, data: row.data }, path) }
  return { problem: row.problem === null ? UNKNOWN_PROBLEM : JSON.parse(row.problem) as typeof UNKNOWN_PROBLEM }
}

const UNKNOWN_PROBLEM = { code: 'unreadable_file', message: 'The file could not be read.', line: 1, column: 1, start: 0, end: 0 }

function openSource({ id, data }: { readonly id: number; readonly data: Uint8Array }, path: string): Uint8Array {
  return open(data, { table: 'sources', column: 'data', row: id, path }, decompress)
}
