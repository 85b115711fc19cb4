/** Figures about the store: counts from the state row, sizes from the files, bytes by table when asked. */

import { all, pragmaNumber, type Connection } from './connection.ts'
import type { BytesHeld, StoreStatistics } from './contract.ts'
import { SCHEMA_VERSION } from './schema.ts'
import { parseImportState, type State } from './state.ts'
import { databaseBytes, fileBytes } from './files.ts'

export function statistics(connection: Connection, path: string, state: State, withTables: 'yes' | 'no'): StoreStatistics {
  return {
    repositoryId: state.repository_id,
    createdAt: new Date(state.created_at_ms).toISOString(),
    lastUpdated: new Date(state.written_at_ms).toISOString(),
    schemaVersion: Math.min(pragmaNumber(connection.db, 'user_version'), SCHEMA_VERSION),
    epoch: state.epoch,
    files: state.n_files,
    unreadableFiles: state.n_unreadable,
    modules: state.n_modules,
    clientModules: state.n_client_modules,
    functions: state.n_functions,
    clauses: state.n_clauses,
    calls: state.n_calls,
    callees: state.n_callees,
    problems: state.n_problems,
    sourceBytes: state.source_bytes,
    sourceBytesStored: state.stored_bytes,
    versions: state.n_versions,
    versionBytes: state.version_bytes,
    oldestEpoch: state.horizon,
    staleFunctions: state.n_stale,
    databaseBytes: databaseBytes(connection.db),
    walBytes: fileBytes(`${path}-wal`),
    bytesByTable: withTables === 'yes' ? bytesByTable(connection) : null,
    import: parseImportState(state.import_state),
  }
}

/** Reads every page's header: milliseconds per 10 MB. */
function bytesByTable(connection: Connection): Record<string, number> {
  const rows = all<{ name: string; bytes: number }>(connection, 'SELECT name, sum(pgsize) AS bytes FROM dbstat GROUP BY name ORDER BY name')
  return Object.fromEntries(rows.map((row) => [row.name, row.bytes]))
}

export function bytesHeld(connection: Connection): BytesHeld {
  const [index] = all<{ bytes: number | null }>(connection, `SELECT sum(pgsize) AS bytes FROM dbstat
    WHERE name IN ('callees', 'postings') OR name IN (SELECT name FROM sqlite_schema WHERE type = 'index')`)
  const modules = all<{ linesOfCode: number; bytes: number }>(connection, `SELECT loc AS linesOfCode, length(data) + coalesce(length(body_calls), 0)
    + coalesce(length(document), 0) + coalesce((SELECT sum(length(f.data) + coalesce(length(f.calls), 0)) FROM functions f WHERE f.module_id = m.id), 0) AS bytes
    FROM modules m`)
  return { indexBytes: index?.bytes ?? 0, modules }
}
