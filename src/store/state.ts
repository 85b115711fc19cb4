/**
 * The one row about the store itself: identity, epoch, import state, the next ids and the counts. Invariant: counts equal
 * what `deriveCounts` finds in the rows. Ids are handed out ascending and never again, so that an id from an older
 * snapshot can only miss, never mean another row.
 */

import type { ImportState } from './contract.ts'
import { DAMAGE_HINT, one, run, type Connection } from './connection.ts'
import { must } from '../base/assert.ts'
import { failure, FailureError } from '../base/failure.ts'

export type Counts = {
  n_files: number
  n_unreadable: number
  n_modules: number
  n_client_modules: number
  n_functions: number
  n_clauses: number
  n_calls: number
  n_callees: number
  n_problems: number
  /** Of the files, as they are on disk. */
  source_bytes: number
  /** Of the distinct sources, compressed. */
  stored_bytes: number
  /** Of earlier contents that are kept; one source may count several times. */
  n_versions: number
  version_bytes: number
  n_departed: number
  /** Departed functions whose last facts are still shown. */
  n_stale: number
}

export type State = Counts & {
  repository_id: string
  created_at_ms: number
  epoch: number
  written_at_ms: number
  /** JSON of an ImportState. */
  import_state: string
  next_module_id: number
  next_function_id: number
  /** The oldest epoch whose sources are all kept. */
  horizon: number
}

const COUNTS = [
  'n_files', 'n_unreadable', 'n_modules', 'n_client_modules', 'n_functions', 'n_clauses', 'n_calls', 'n_callees', 'n_problems',
  'source_bytes', 'stored_bytes', 'n_versions', 'version_bytes', 'n_departed', 'n_stale',
] as const satisfies readonly (keyof Counts)[]

const CHANGING = ['epoch', 'written_at_ms', 'import_state', 'next_module_id', 'next_function_id', 'horizon', ...COUNTS] as const satisfies readonly (keyof State)[]

const NEVER: ImportState = { state: 'never', filesDone: 0, filesTotal: 0, last: null }

/** Makes the row of a new store; leaves that of an older one. */
export function createState(connection: Connection, repositoryId: string, nowMs: number): void {
  const names = ['id', 'repository_id', 'created_at_ms', ...CHANGING]
  const fresh: Record<string, string | number> = {
    id: 1, repository_id: repositoryId, created_at_ms: nowMs, written_at_ms: nowMs, import_state: JSON.stringify(NEVER),
    next_module_id: 1, next_function_id: 1,
  }
  run(connection, `INSERT OR IGNORE INTO state (${names.join(', ')}) VALUES (${names.map(() => '?').join(', ')})`,
    ...names.map((name) => fresh[name] ?? 0))
}

export function loadState(connection: Connection): State {
  return { ...must(one<State>(connection, 'SELECT * FROM state WHERE id = 1'), 'the state row of the store') }
}

export function saveState(connection: Connection, state: State): void {
  run(connection, `UPDATE state SET ${CHANGING.map((name) => `${name} = ?`).join(', ')} WHERE id = 1`, ...CHANGING.map((name) => state[name]))
}

/** Throws the failure `damaged`: nothing else can make it no JSON. */
export function parseImportState(text: string): ImportState {
  try {
    return JSON.parse(text) as ImportState
  } catch (cause) {
    throw new FailureError(failure('damaged', 'state 1: import_state is damaged', { hint: DAMAGE_HINT }), { cause })
  }
}

/** The counts as they must be, from the rows alone. */
export function deriveCounts(connection: Connection): Counts {
  const calls = 'SELECT coalesce(sum(n_calls), 0) FROM functions'
  const bodyCalls = 'SELECT coalesce(sum(n_body_calls), 0) FROM modules'
  return { ...must(one<Counts>(connection, `SELECT
    (SELECT count(*) FROM files) AS n_files,
    (SELECT count(*) FROM files WHERE readable = 0) AS n_unreadable,
    (SELECT count(*) FROM modules WHERE origin = 0) AS n_modules,
    (SELECT count(*) FROM modules WHERE origin = 1) AS n_client_modules,
    (SELECT count(*) FROM functions) AS n_functions,
    (SELECT coalesce(sum(clauses), 0) FROM functions) AS n_clauses,
    (${calls}) + (${bodyCalls}) AS n_calls,
    (SELECT count(*) FROM callees) AS n_callees,
    (SELECT count(*) FROM problems) AS n_problems,
    (SELECT coalesce(sum(bytes), 0) FROM files) AS source_bytes,
    (SELECT coalesce(sum(length(data)), 0) FROM sources) AS stored_bytes,
    (SELECT count(*) FROM versions) AS n_versions,
    (SELECT coalesce(sum(bytes), 0) FROM versions) AS version_bytes,
    (SELECT count(*) FROM departed) AS n_departed,
    (SELECT count(*) FROM departed WHERE data IS NOT NULL) AS n_stale`), 'one row of counts') }
}
