/**
 * The tables as data, the statements that make them, and the migrations between versions. Invariant: `user_version` is
 * the number of migrations applied; a store from a later version is refused, never guessed at.
 *
 * Facts follow from the sources and from what clients stated, so a migration may drop what files gave (the next import
 * brings it back), but never a client's documents. History follows from nothing: a lost one stays lost.
 */

import { existsSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { failure, type Failure } from '../base/failure.ts'
import { fail, ok, type Result } from '../base/result.ts'
import { failureOf, pragmaNumber } from './connection.ts'

/** Marks the file as ours: `ExSc`. */
const APPLICATION_ID = 0x45785363

type Table = {
  readonly name: string
  /** What a row is, and what identifies it. */
  readonly row: string
  readonly columns: Readonly<Record<string, string>>
  /** Composite primary key: the table is then stored in its order. Others are keyed by `id`. */
  readonly key?: readonly string[]
  readonly unique?: readonly (readonly string[])[]
  readonly indexes?: readonly (readonly string[])[]
}

const INT = 'INTEGER NOT NULL'
const TEXT = 'TEXT NOT NULL'
const BLOB = 'BLOB NOT NULL'

/** The first form. Columns named `data`, `calls`, `body_calls`, `document` and `answer` hold sealed blobs (bytes.ts). */
const TABLES: readonly Table[] = [
  {
    name: 'state',
    row: 'the one row about the store itself; n_* are counts kept in step with the rows',
    columns: {
      id: 'INTEGER PRIMARY KEY CHECK (id = 1)', repository_id: TEXT, created_at_ms: INT, epoch: INT, written_at_ms: INT,
      import_state: TEXT, next_module_id: INT, next_function_id: INT, n_files: INT, n_unreadable: INT, n_modules: INT,
      n_client_modules: INT, n_functions: INT, n_clauses: INT, n_calls: INT, n_callees: INT, n_problems: INT,
      source_bytes: INT, stored_bytes: INT,
    },
  },
  {
    name: 'sources',
    row: 'the text of a file, by content; kept until vacuum when no file has it any more',
    columns: { id: 'INTEGER PRIMARY KEY', hash: BLOB, raw_bytes: INT, data: BLOB },
    unique: [['hash']],
  },
  {
    name: 'files',
    row: 'a file of the project, as it was analysed',
    columns: {
      id: 'INTEGER PRIMARY KEY', path: TEXT, source_id: INT, bytes: INT, size: INT, mtime_ns: INT, lines: INT, readable: INT,
      version: INT, updated_at_ms: INT,
    },
    unique: [['path']],
  },
  {
    name: 'modules',
    row: 'a definition of a module; key is name, or name@2, position its place in the file, start its byte offset',
    columns: {
      id: 'INTEGER PRIMARY KEY', key: TEXT, name: TEXT, origin: INT, kind: INT, file_id: 'INTEGER', client_path: 'TEXT', position: INT,
      start: INT, line: INT, functions: INT, n_body_calls: INT, loc: INT, cyclomatic: INT, version: INT,
      updated_at_ms: INT, data: BLOB, body_calls: 'BLOB', document: 'BLOB',
    },
    unique: [['key', 'origin']],
    indexes: [['file_id', 'position']],
  },
  {
    name: 'functions',
    row: 'a function; ordinal tells definitions of one name and arity apart, position is its place in the module',
    columns: {
      id: 'INTEGER PRIMARY KEY', module_id: INT, name: TEXT, arity: INT, ordinal: INT, defaults: INT, kind: INT, position: INT,
      line: INT, clauses: INT, n_calls: INT, cyclomatic: INT, loc: INT, version: INT, updated_at_ms: INT, data: BLOB, calls: 'BLOB',
    },
    unique: [['module_id', 'name', 'arity', 'ordinal']],
    indexes: [['module_id', 'position']],
  },
  { name: 'callees', row: 'a name that is called, interned', columns: { id: 'INTEGER PRIMARY KEY', name: TEXT }, unique: [['name']] },
  {
    name: 'postings',
    row: 'the callers of a callee with (caller code / 1024) = chunk',
    columns: { callee_id: INT, chunk: INT, data: BLOB },
    key: ['callee_id', 'chunk'],
  },
  {
    name: 'problems',
    row: 'a problem of a file; seq is its place among those of the facts, the rest is made by the store',
    columns: { path: TEXT, seq: INT, code: TEXT, message: TEXT, line: INT, col: INT, start: INT, end: INT },
    key: ['path', 'seq'],
  },
]

/** What the second form adds: how the facts came to be what they are. Nothing here follows from the sources of today. */
const HISTORY_TABLES: readonly Table[] = [
  {
    name: 'versions',
    row: 'an earlier content of a file, of the epochs from `epoch` until before `until_epoch`; source 0: it could not be read, `problem` says why',
    columns: {
      path: TEXT, number: INT, source_id: INT, problem: 'TEXT', bytes: INT, epoch: INT, at_ms: INT, until_epoch: INT, until_ms: INT,
    },
    key: ['path', 'number'],
    indexes: [['until_epoch'], ['source_id']],
  },
  {
    name: 'departed',
    row: 'a function of a file that is no more, or (name empty, arity -1) a module; one with `data` is stale: the file was broken when it went',
    columns: {
      module: TEXT, name: TEXT, arity: INT, path: TEXT, first_epoch: INT, first_ms: INT, modified_epoch: INT, modified_ms: INT, gone_epoch: INT,
      gone_ms: INT, reason: 'TEXT', defaults: INT, kind: INT, line: INT, clauses: INT, n_calls: INT, cyclomatic: INT, loc: INT, data: 'BLOB', calls: 'BLOB',
    },
    key: ['module', 'name', 'arity'],
  },
]

/** What the third form adds. */
const REQUEST_TABLES: readonly Table[] = [
  {
    name: 'requests',
    row: 'what was answered to a write with the id `request`, and at which epoch; `total`: bytes of this answer and all before it, `kept_ms`: when',
    columns: { id: 'INTEGER PRIMARY KEY', request: TEXT, call: TEXT, epoch: INT, at_ms: INT, kept_ms: INT, total: INT, answer: BLOB },
    unique: [['request']],
  },
]

const HISTORY = `
  CREATE INDEX departed_stale ON departed (path) WHERE data IS NOT NULL;
  CREATE INDEX departed_gone_epoch ON departed (gone_epoch);
  CREATE INDEX files_source_id ON files (source_id);
  ALTER TABLE files ADD COLUMN number INTEGER NOT NULL DEFAULT 1;
  ALTER TABLE files ADD COLUMN content_epoch INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE files ADD COLUMN content_at_ms INTEGER NOT NULL DEFAULT 0;
  UPDATE files SET content_epoch = version, content_at_ms = updated_at_ms;
  CREATE INDEX files_content_epoch ON files (content_epoch);
  ALTER TABLE state ADD COLUMN horizon INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE state ADD COLUMN n_versions INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE state ADD COLUMN version_bytes INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE state ADD COLUMN n_departed INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE state ADD COLUMN n_stale INTEGER NOT NULL DEFAULT 0;
  UPDATE state SET horizon = epoch;
`

/** Those that the store makes (seq from 1000000) are told apart by the number of a module, which is no place. */
const PROBLEMS_IN_ORDER = `
  CREATE INDEX problems_place ON problems (path, min(seq, 1000000), start, "end", message);
  DELETE FROM problems WHERE code = 'module_redefined' AND message GLOB '~dynamic*';
  UPDATE state SET n_problems = (SELECT count(*) FROM problems);
`

/** Of modules and functions; of what is older than this form, the last change is all that is known. */
const MOMENTS = (table: string): string => `
  ALTER TABLE ${table} ADD COLUMN first_epoch INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE ${table} ADD COLUMN first_ms INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE ${table} ADD COLUMN modified_epoch INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE ${table} ADD COLUMN modified_ms INTEGER NOT NULL DEFAULT 0;
  UPDATE ${table} SET first_epoch = version, first_ms = updated_at_ms, modified_epoch = version, modified_ms = updated_at_ms;
`

function createStatements(table: Table): string[] {
  const columns = Object.entries(table.columns).map(([name, type]) => `"${name}" ${type}`)
  const key = table.key === undefined ? [] : [`PRIMARY KEY (${table.key.join(', ')})`]
  const unique = (table.unique ?? []).map((names) => `UNIQUE (${names.join(', ')})`)
  return [
    `CREATE TABLE ${table.name} (${[...columns, ...key, ...unique].join(', ')}) STRICT${table.key === undefined ? '' : ', WITHOUT ROWID'}`,
    ...(table.indexes ?? []).map((names) => `CREATE INDEX ${table.name}_${names.join('_')} ON ${table.name} (${names.join(', ')})`),
  ]
}

export type Migration = { readonly summary: string; readonly up: (db: DatabaseSync) => void }

/** In order; never edited once released, only appended to. */
export const MIGRATIONS: readonly Migration[] = [
  {
    summary: 'first form',
    up: (db) => {
      db.exec(`PRAGMA application_id = ${APPLICATION_ID}`)
      for (const sql of TABLES.flatMap(createStatements)) db.exec(sql)
    },
  },
  {
    summary: 'versions of files, and what is known of functions over time',
    up: (db) => {
      for (const sql of HISTORY_TABLES.flatMap(createStatements)) db.exec(sql)
      for (const sql of [HISTORY, MOMENTS('modules'), MOMENTS('functions')]) db.exec(sql)
    },
  },
  {
    summary: 'what was answered to requests, for their repeats',
    up: (db) => {
      for (const sql of REQUEST_TABLES.flatMap(createStatements)) db.exec(sql)
    },
  },
  {
    summary: 'problems in the order of the source; modules whose names are made when the code runs redefine nothing',
    up: (db) => db.exec(PROBLEMS_IN_ORDER),
  },
]

export const SCHEMA_VERSION = MIGRATIONS.length

/** What keeps a writer away. */
export function refusalIn(db: DatabaseSync, path: string): Failure | undefined {
  return refuse(db, pragmaNumber(db, 'user_version'), SCHEMA_VERSION, path)
}

/** Brings the database to the newest version, in one transaction; the version it had. */
export function migrate(db: DatabaseSync, path: string, migrations: readonly Migration[] = MIGRATIONS): Result<number, Failure> {
  const found = pragmaNumber(db, 'user_version')
  const refused = refuse(db, found, migrations.length, path)
  if (refused !== undefined) return fail(refused)
  if (found === migrations.length) return ok(found)
  db.exec('BEGIN IMMEDIATE')
  for (const migration of migrations.slice(found)) migration.up(db)
  db.exec(`PRAGMA user_version = ${migrations.length}; COMMIT`)
  return ok(found)
}

/** For readers, which migrate nothing. */
export function checkVersion(db: DatabaseSync, path: string): Failure | undefined {
  const found = pragmaNumber(db, 'user_version')
  const refused = refuse(db, found, SCHEMA_VERSION, path)
  if (refused !== undefined || found === SCHEMA_VERSION) return refused
  return failure('unavailable', `the store ${path} has not been brought to schema ${SCHEMA_VERSION} yet`, { hint: 'start the daemon first' })
}

function refuse(db: DatabaseSync, found: number, supported: number, path: string): Failure | undefined {
  const id = pragmaNumber(db, 'application_id')
  if (id !== APPLICATION_ID && (id !== 0 || found !== 0 || pragmaNumber(db, 'schema_version') !== 0)) {
    return failure('unsupported', `${path} is a database of another program`, { hint: 'move it away, or choose another state directory' })
  }
  if (found <= supported) return undefined
  return failure('unsupported', `the store ${path} has schema ${found}; this version of ElixirScope reads up to schema ${supported}`, {
    hint: 'install the newer ElixirScope again, or remove the file and import the project again',
    details: { found, supported, path },
  })
}

/** What is at the path, for a check before the start: `found` is null where there is no store yet. */
export function storeVersion(path: string): Result<{ readonly found: number | null; readonly supported: number }, Failure> {
  if (!existsSync(path)) return ok({ found: null, supported: SCHEMA_VERSION })
  let db: DatabaseSync | undefined
  try {
    db = new DatabaseSync(path, { readOnly: true, timeout: 1000 })
    const found = pragmaNumber(db, 'user_version')
    const refused = refuse(db, found, SCHEMA_VERSION, path)
    return refused === undefined ? ok({ found, supported: SCHEMA_VERSION }) : fail(refused)
  } catch (caught) {
    const failed = failureOf(caught, path)
    if (failed === undefined) throw caught
    return fail(failed)
  } finally {
    db?.close()
  }
}
