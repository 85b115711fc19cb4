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
import { isRedefinition } from './module-keys.ts'
import { eachCall, openChunk } from './postings.ts'
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
  { table: 'requests', column: 'answer', decode: unpack },
]

function checkBlobs(connection: Connection): string[] {
  return BLOBS.flatMap(({ table, column, decode }) => {
    const rows = connection.statement(`SELECT id, ${column} AS data FROM ${table} WHERE ${column} IS NOT NULL`).iterate()
    const wrong: string[] = []
    for (const row of rows as Iterable<{ id: number; data: Uint8Array }>) if (!decodes(row.data, decode)) wrong.push(`${table} ${row.id}: ${column} is damaged`)
    return wrong
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

/** Rows of a kind that are named. */
const SHOWN = 10

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
    const ids = all<{ id: number | string }>(connection, `${sql} LIMIT ${SHOWN}`).map((row) => row.id)
    return ids.length === 0 ? [] : [`${what}: ${ids.join(', ')}`]
  })
}

type KeyedRow = { readonly id: number; readonly key: string; readonly name: string; readonly problem: number | null }

/** Keys by (path, offset), and a problem for each further definition. */
function checkKeys(connection: Connection): string[] {
  const rows = connection.statement(`SELECT m.id, m.key, m.name, p.seq AS problem FROM modules m JOIN files f ON f.id = m.file_id
    LEFT JOIN problems p ON p.path = f.path AND p.seq = 1000000 + m.id WHERE m.origin = 0 ORDER BY m.name, f.path, m.start, m.position`).iterate()
  const names = new Set(all<{ name: string }>(connection, "SELECT DISTINCT name FROM modules WHERE origin = 0 AND name LIKE '%@%'").map((row) => row.name))
  const wrong: string[] = []
  let number = 0
  let before = ''
  for (const row of rows as Iterable<KeyedRow>) {
    number = row.name === before ? number + 1 : 1
    before = row.name
    // What is the true name of another module is passed over.
    while (number > 1 && names.has(`${row.name}@${number}`)) number++
    const wanted = number === 1 ? row.name : `${row.name}@${number}`
    if (row.key !== wanted) wrong.push(`module ${row.id}: key ${row.key} should be ${wanted}`)
    else if ((row.problem !== null) !== isRedefinition(row.key, row.name)) wrong.push(`module ${row.id}: problem of ${row.key} missing or left over`)
  }
  return wrong
}

type Tally = { stored: number; derived: number; difference: number }

/**
 * What is held grows with the names that are called, not with the callers: of these, only how many there are in both, and a sum
 * that does not depend on their order. A chunk's codes ascend, so each is there once unless the chunk says it twice.
 */
function checkPostings(connection: Connection): string[] {
  const tallies = new Map<string, Tally>()
  const tally = (name: string): Tally => {
    const known = tallies.get(name)
    if (known !== undefined) return known
    const fresh = { stored: 0, derived: 0, difference: 0 }
    tallies.set(name, fresh)
    return fresh
  }
  const wrong = new Set<string>()
  for (const { name, codes } of storedPostings(connection)) {
    const of = tally(name)
    of.stored += codes.length
    for (const code of codes) of.difference += spread(code)
    if (codes.some((code, index) => code === codes[index - 1]) || codes.length === 0) wrong.add(name)
  }
  for (const { name, code } of eachCall(connection)) {
    const of = tally(name)
    of.derived += 1
    of.difference -= spread(code)
  }
  for (const [name, of] of tallies) if (of.stored !== of.derived || of.difference !== 0) wrong.add(name)
  for (const name of uncalled(connection)) wrong.add(name)
  return [...wrong].map((name) => {
    const { stored, derived } = tally(name)
    return `postings of ${name}: ${stored} callers, but the rows say ${derived === stored ? 'others' : derived}`
  })
}

/** Of a callee without a name: as that of nothing. */
function* storedPostings(connection: Connection): Generator<{ name: string; codes: number[] }, void, undefined> {
  const rows = connection.statement('SELECT c.name, p.callee_id AS id, p.chunk, p.data FROM postings p LEFT JOIN callees c ON c.id = p.callee_id').iterate()
  for (const row of rows as Iterable<{ name: string | null; id: number; chunk: number; data: Uint8Array }>) {
    yield { name: row.name ?? `callee ${row.id}, which has no name`, codes: openChunk(row.data, row.id, row.chunk) }
  }
}

function uncalled(connection: Connection): string[] {
  return all<{ name: string }>(connection, 'SELECT name FROM callees WHERE id NOT IN (SELECT callee_id FROM postings)').map((row) => row.name)
}

/** Codes that are near each other become numbers that are not; below 2 ** 32, so that a million of them add up exactly. */
function spread(code: number): number {
  let mixed = Math.imul(code ^ (code >>> 16), 0x45d9f3b)
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x45d9f3b)
  return (mixed ^ (mixed >>> 16)) >>> 0
}

function checkCounts(connection: Connection): string[] {
  const state: Readonly<Record<string, string | number>> = loadState(connection)
  return Object.entries(deriveCounts(connection))
    .filter(([name, value]) => state[name] !== value)
    .map(([name, value]) => `${name} is ${state[name]}, but the rows say ${value}`)
}
