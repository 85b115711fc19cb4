/**
 * Checks a whole store against itself: SQLite's own check, seals, references, keys, and every derived row against what
 * is built from the rows it derives from. For tests, and for a user who doubts. Reads everything.
 */

import { DatabaseSync } from 'node:sqlite'
import type { Failure } from '../base/failure.ts'
import { fail, ok, type Result } from '../base/result.ts'
import { unsealed } from './bytes.ts'
import { decodeCalls } from './calls-codec.ts'
import { all, connect, failureOf, type Connection } from './connection.ts'
import { decodeFunction, decodeModule, unpack } from './facts-codec.ts'
import { decompress } from './encoded-file.ts'
import { derivePostings, openChunk } from './postings.ts'
import { checkVersion } from './schema.ts'
import { deriveCounts, loadState } from './state.ts'

/** What is wrong with the store at the path, in sentences; empty for a sound one. */
export function verifyPath(path: string): Result<readonly string[], Failure> {
  let db: DatabaseSync | undefined
  try {
    db = new DatabaseSync(path, { readOnly: true, timeout: 5000 })
    const refused = checkVersion(db, path)
    if (refused !== undefined) return fail(refused)
    db.exec('BEGIN')
    return ok(verifyStore(connect(db)))
  } catch (caught) {
    const failed = failureOf(caught, path)
    if (failed === undefined) throw caught
    return fail(failed)
  } finally {
    if (db?.isOpen === true) db.close()
  }
}

/** The caller holds a transaction. */
function verifyStore(connection: Connection): string[] {
  const blobs = checkBlobs(connection)
  return [
    ...checkPages(connection),
    ...blobs,
    ...checkReferences(connection),
    ...checkKeys(connection),
    // Derived rows cannot be built from damaged ones.
    ...(blobs.length === 0 ? [...checkPostings(connection), ...checkCounts(connection)] : []),
  ]
}

function checkPages(connection: Connection): string[] {
  const rows = all<{ integrity_check: string }>(connection, 'PRAGMA integrity_check')
  return rows.map((row) => row.integrity_check).filter((text) => text !== 'ok')
}

const BLOBS: readonly { readonly table: string; readonly column: string; readonly decode: (payload: Buffer) => unknown }[] = [
  { table: 'sources', column: 'data', decode: decompress },
  { table: 'modules', column: 'data', decode: (payload) => decodeModule(payload, { kind: 'module', linesOfCode: 0 }) },
  { table: 'modules', column: 'body_calls', decode: (payload) => decodeCalls(payload, '') },
  { table: 'modules', column: 'document', decode: unpack },
  {
    table: 'functions', column: 'data',
    decode: (payload) => decodeFunction(payload, { kind: 'def', name: '', arity: 0, defaults: 0, linesOfCode: 0, cyclomatic: 0 }),
  },
  { table: 'functions', column: 'calls', decode: (payload) => decodeCalls(payload, '') },
]

function checkBlobs(connection: Connection): string[] {
  return BLOBS.flatMap(({ table, column, decode }) => {
    const rows = connection.statement(`SELECT id, ${column} AS data FROM ${table} WHERE ${column} IS NOT NULL`).iterate()
    return [...(rows as Iterable<{ id: number; data: Uint8Array }>)]
      .filter((row) => !decodes(row.data, decode))
      .map((row) => `${table} ${row.id}: ${column} is damaged`)
  })
}

function decodes(blob: Uint8Array, decode: (payload: Buffer) => unknown): boolean {
  const payload = unsealed(blob)
  if (payload === undefined) return false
  try {
    decode(payload)
    return true
  } catch {
    return false
  }
}

const REFERENCES = [
  ['files without source', 'SELECT id FROM files WHERE readable = 1 AND source_id NOT IN (SELECT id FROM sources)'],
  ['versions without source', 'SELECT path AS id FROM versions WHERE source_id <> 0 AND source_id NOT IN (SELECT id FROM sources)'],
  ['modules without file', 'SELECT id FROM modules WHERE (origin = 0) <> (file_id IS NOT NULL) OR (origin = 0 AND file_id NOT IN (SELECT id FROM files))'],
  ['functions without module', 'SELECT id FROM functions WHERE module_id NOT IN (SELECT id FROM modules)'],
  ['modules with a wrong number of functions', 'SELECT m.id FROM modules m WHERE m.functions <> (SELECT count(*) FROM functions fn WHERE fn.module_id = m.id)'],
  ['problems without file', 'SELECT path AS id FROM problems WHERE path NOT IN (SELECT path FROM files)'],
  ['ids to be handed out again', `SELECT id FROM modules WHERE id >= (SELECT next_module_id FROM state)
    UNION ALL SELECT id FROM functions WHERE id >= (SELECT next_function_id FROM state)`],
  ['rows of a later epoch', `SELECT id FROM modules WHERE version > (SELECT epoch FROM state)
    UNION ALL SELECT id FROM functions WHERE version > (SELECT epoch FROM state) UNION ALL SELECT id FROM files WHERE version > (SELECT epoch FROM state)`],
] as const

function checkReferences(connection: Connection): string[] {
  return REFERENCES.flatMap(([what, sql]) => {
    const ids = all<{ id: number | string }>(connection, sql).map((row) => row.id)
    return ids.length === 0 ? [] : [`${what}: ${ids.slice(0, 10).join(', ')}`]
  })
}

/** Keys by (path, offset), and a problem for each further definition. */
function checkKeys(connection: Connection): string[] {
  const rows = all<{ id: number; key: string; name: string; problem: number | null }>(connection,
    `SELECT m.id, m.key, m.name, p.seq AS problem FROM modules m JOIN files f ON f.id = m.file_id
    LEFT JOIN problems p ON p.path = f.path AND p.seq = 1000000 + m.id WHERE m.origin = 0 ORDER BY m.name, f.path, m.start, m.position`)
  const names = new Set(rows.map((row) => row.name))
  let number = 0
  let before = ''
  return rows.flatMap((row) => {
    number = row.name === before ? number + 1 : 1
    before = row.name
    // What is the true name of another module is passed over.
    while (number > 1 && names.has(`${row.name}@${number}`)) number++
    const wanted = number === 1 ? row.name : `${row.name}@${number}`
    if (row.key !== wanted) return [`module ${row.id}: key ${row.key} should be ${wanted}`]
    return (row.problem === null) === (row.key === row.name) ? [] : [`module ${row.id}: problem of ${row.key} missing or left over`]
  })
}

function checkPostings(connection: Connection): string[] {
  const stored = new Map<string, number[]>()
  const rows = all<{ name: string; id: number; chunk: number; data: Uint8Array }>(connection,
    'SELECT c.name, p.callee_id AS id, p.chunk, p.data FROM postings p LEFT JOIN callees c ON c.id = p.callee_id ORDER BY p.callee_id, p.chunk')
  for (const row of rows) stored.set(row.name, [...stored.get(row.name) ?? [], ...openChunk(row.data, row.id, row.chunk)])
  const derived = derivePostings(connection)
  const names = new Set([...derived.keys(), ...all<{ name: string }>(connection, 'SELECT name FROM callees').map((row) => row.name), ...stored.keys()])
  return [...names].filter((name) => JSON.stringify(stored.get(name)) !== JSON.stringify(derived.get(name)) || !stored.has(name))
    .map((name) => `postings of ${name}: ${JSON.stringify(stored.get(name))}, but the rows say ${JSON.stringify(derived.get(name))}`)
}

function checkCounts(connection: Connection): string[] {
  const state: Readonly<Record<string, string | number>> = loadState(connection)
  return Object.entries(deriveCounts(connection))
    .filter(([name, value]) => state[name] !== value)
    .map(([name, value]) => `${name} is ${state[name]}, but the rows say ${value}`)
}
