/**
 * Who calls what, inverted: for each callee the callers' codes, in chunks of 1024 codes, so that a change of one caller
 * rewrites its own chunks alone. The call sites stay in the caller's row.
 *
 *     caller code = function id * 2, or module id * 2 + 1 for a module's body
 *     chunk data  = sealed; n, then the codes' ascending places in the chunk as differences, all varints
 *
 * Changes are gathered during a transaction and merged at its end, callee by callee, each chunk read and written once.
 * Invariant: equal to what `derivePostings` builds from the rows; a callee without callers has no row.
 */

import { byteReader, byteWriter, open, SEAL_BYTES, seal } from './bytes.ts'
import { calleeKey, decodeCallees } from './calls-codec.ts'
import { all, one, run, type Connection } from './connection.ts'

export const CHUNK = 1024

export function functionCode(id: number): number {
  return id * 2
}

export function bodyCode(moduleId: number): number {
  return moduleId * 2 + 1
}

export function callerOf(code: number): { readonly kind: 'function' | 'body'; readonly id: number } {
  return code % 2 === 0 ? { kind: 'function', id: code / 2 } : { kind: 'body', id: (code - 1) / 2 }
}

/** `codes` ascend and share the chunk. */
export function encodeChunk(codes: readonly number[]): Buffer {
  const out = byteWriter()
  out.reset(SEAL_BYTES)
  out.varint(codes.length)
  let before = 0
  for (const code of codes) {
    const place = code % CHUNK
    out.varint(place - before)
    before = place
  }
  return seal(out.finish())
}

export function decodeChunk(payload: Buffer, chunk: number): number[] {
  const from = byteReader(payload)
  const codes: number[] = []
  let place = 0
  for (let n = from.varint(); n > 0; n--) {
    place += from.varint()
    codes.push(chunk * CHUNK + place)
  }
  if (place >= CHUNK || !from.ended()) throw new RangeError('codes out of bounds')
  return codes
}

export type PostingChanges = {
  add(callee: string, code: number): void
  remove(callee: string, code: number): void
  /** For a caller whose own list of callees cannot be read: takes it out of every chunk it may be in. Slow. */
  removeEverywhere(code: number): void
  /** Writes what was gathered; by how many the number of callees grew. */
  flush(): number
  /** Forgets what was gathered, and all ids: they may have been rolled back. */
  reset(): void
}

/** Interned names kept in memory; forgotten all at once when there are more. */
const MAX_NAMES = 200_000
/** Gathered changes kept in memory; merged early when there are more. */
const MAX_GATHERED = 1_000_000

type Pending = { readonly id: number; readonly fresh: boolean; readonly codes: number[] }

/** Gathered codes are `code` to add and `-1 - code` to remove; the last word about a code counts. */
export function postingChanges(connection: Connection): PostingChanges {
  const names = new Map<string, { id: number; fresh: boolean }>()
  const pending = new Map<string, Pending>()
  const emptied = new Map<number, string>()
  let gathered = 0
  let grown = 0

  const intern = (name: string): { id: number; fresh: boolean } => {
    const known = names.get(name)
    if (known !== undefined) return known
    const row = one<{ id: number }>(connection, 'SELECT id FROM callees WHERE name = ?', name)
    const fresh = row === undefined
    const id = row?.id ?? Number(connection.statement('INSERT INTO callees (name) VALUES (?)').run(name).lastInsertRowid)
    if (fresh) grown++
    const entry = { id, fresh }
    names.set(name, entry)
    return entry
  }
  const gather = (callee: string, word: number): void => {
    const entry = pending.get(callee)
    if (entry === undefined) pending.set(callee, { ...intern(callee), codes: [word] })
    else entry.codes.push(word)
    if (++gathered >= MAX_GATHERED) merge()
  }
  const merge = (): void => {
    for (const [name, entry] of [...pending].sort(([, a], [, b]) => a.id - b.id)) {
      if (mergeCallee(connection, entry) === 'emptied') emptied.set(entry.id, name)
      names.set(name, { id: entry.id, fresh: false })
    }
    pending.clear()
    gathered = 0
  }
  const dropUncalled = (): void => {
    for (const [id, name] of emptied) {
      if (one(connection, 'SELECT 1 FROM postings WHERE callee_id = ? LIMIT 1', id) !== undefined) continue
      grown -= run(connection, 'DELETE FROM callees WHERE id = ?', id)
      names.delete(name)
    }
    emptied.clear()
  }
  return {
    add: (callee, code) => gather(callee, code),
    remove: (callee, code) => gather(callee, -1 - code),
    removeEverywhere(code) {
      merge()
      const rows = all<{ id: number; name: string }>(connection,
        'SELECT c.id, c.name FROM postings p JOIN callees c ON c.id = p.callee_id WHERE p.chunk = ?', chunkOf(code))
      for (const row of rows) {
        const emptiedNow = mergeCallee(connection, { id: row.id, fresh: false, codes: [-1 - code] })
        if (emptiedNow === 'emptied') emptied.set(row.id, row.name)
      }
    },
    flush() {
      merge()
      dropUncalled()
      const result = grown
      grown = 0
      if (names.size > MAX_NAMES) names.clear()
      return result
    },
    reset() {
      names.clear()
      pending.clear()
      emptied.clear()
      gathered = 0
      grown = 0
    },
  }
}

function chunkOf(code: number): number {
  return Math.floor(code / CHUNK)
}

/** Merges one callee's changes into its chunks; `emptied` when a chunk went away. */
function mergeCallee(connection: Connection, entry: Pending): 'emptied' | 'kept' {
  let result: 'emptied' | 'kept' = 'kept'
  for (const [chunk, words] of byChunk(entry.codes)) {
    const codes = entry.fresh ? new Set<number>() : new Set(readChunk(connection, entry.id, chunk))
    for (const word of words) {
      if (word < 0) codes.delete(-1 - word)
      else codes.add(word)
    }
    if (codes.size > 0) {
      run(connection, 'INSERT INTO postings (callee_id, chunk, data) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET data = excluded.data',
        entry.id, chunk, encodeChunk([...codes].sort((a, b) => a - b)))
    } else {
      run(connection, 'DELETE FROM postings WHERE callee_id = ? AND chunk = ?', entry.id, chunk)
      result = 'emptied'
    }
  }
  return result
}

function byChunk(words: readonly number[]): Map<number, number[]> {
  const chunks = new Map<number, number[]>()
  for (const word of words) {
    const chunk = chunkOf(word < 0 ? -1 - word : word)
    const list = chunks.get(chunk)
    if (list === undefined) chunks.set(chunk, [word])
    else list.push(word)
  }
  return chunks
}

function readChunk(connection: Connection, callee: number, chunk: number): number[] {
  const row = one<{ data: Uint8Array }>(connection, 'SELECT data FROM postings WHERE callee_id = ? AND chunk = ?', callee, chunk)
  return row === undefined ? [] : openChunk(row.data, callee, chunk)
}

/** Throws the failure `damaged` when the chunk is. */
export function openChunk(data: Uint8Array, callee: number, chunk: number): number[] {
  return open(data, { table: 'postings', column: 'data', row: `${callee}/${chunk}`, path: null }, (payload) => decodeChunk(payload, chunk))
}

/** Who calls whom, from the rows alone, each pair once. */
export function* eachCall(connection: Connection): Generator<{ readonly name: string; readonly code: number }, void, undefined> {
  for (const [table, column, codeOf] of [['functions', 'calls', functionCode], ['modules', 'body_calls', bodyCode]] as const) {
    const rows = connection.statement(`SELECT id, ${column} AS calls FROM ${table} WHERE ${column} IS NOT NULL ORDER BY id`).iterate()
    for (const row of rows as Iterable<{ id: number; calls: Uint8Array }>) {
      const callees = open(row.calls, { table, column, row: row.id, path: null }, decodeCallees)
      for (const name of new Set(callees.map(calleeKey))) yield { name, code: codeOf(row.id) }
    }
  }
}

/** The postings as they must be: callee -> ascending codes. */
function derivePostings(connection: Connection): Map<string, number[]> {
  const postings = new Map<string, number[]>()
  for (const { name, code } of eachCall(connection)) {
    const codes = postings.get(name)
    if (codes === undefined) postings.set(name, [code])
    else codes.push(code)
  }
  for (const codes of postings.values()) codes.sort((a, b) => a - b)
  return postings
}

/** Replaces all postings by derived ones; the number of callees. */
export function rebuildPostings(connection: Connection): number {
  const derived = derivePostings(connection)
  connection.db.exec('DELETE FROM postings; DELETE FROM callees')
  const names = [...derived.keys()].sort()
  for (const [index, name] of names.entries()) {
    run(connection, 'INSERT INTO callees (id, name) VALUES (?, ?)', index + 1, name)
    mergeCallee(connection, { id: index + 1, fresh: true, codes: derived.get(name) ?? [] })
  }
  return names.length
}
