/**
 * Brings the rows of one module and of its functions in step with encoded facts: rows that are equal are not written, a
 * function that is still there keeps its id, and postings follow the callers that changed.
 *
 * Absent on purpose: which stored module the facts belong to (apply-file.ts, client-modules.ts), and the final key
 * (module-keys.ts).
 */

import { unsealed } from './bytes.ts'
import type { FunctionNote, Moments } from './change-log.ts'
import { calleeKey, decodeCallees } from './calls-codec.ts'
import { all, one, run, type Connection } from './connection.ts'
import type { FunctionRows, ModuleRows } from './encoded-file.ts'
import { isSameButPlace, moduleSourceHash } from './facts-codec.ts'
import { bodyCode, functionCode } from './postings.ts'
import type { Work } from './work.ts'

export const FILE_ORIGIN = 0
export const CLIENT_ORIGIN = 1

/** As selected by `storedModules`. */
export type StoredModule = {
  readonly id: number
  readonly key: string
  readonly name: string
  readonly origin: number
  readonly kind: number
  readonly client_path: string | null
  readonly position: number
  readonly start: number
  readonly line: number
  readonly functions: number
  readonly n_body_calls: number
  readonly loc: number
  readonly cyclomatic: number
  readonly version: number
  readonly data: Uint8Array
  readonly body_calls: Uint8Array | null
  readonly document: Uint8Array | null
} & Moments

/** Where a module belongs: a place in a file, or what a client stated with it. */
export type ModulePlace = {
  readonly name: string
  readonly origin: number
  readonly fileId: number | null
  readonly clientPath: string | null
  readonly position: number
  readonly document: Uint8Array | null
}

type StoredFunction = {
  readonly id: number
  readonly name: string
  readonly arity: number
  readonly ordinal: number
  readonly defaults: number
  readonly kind: number
  readonly position: number
  readonly line: number
  readonly clauses: number
  readonly n_calls: number
  readonly cyclomatic: number
  readonly loc: number
  readonly data: Uint8Array
  readonly calls: Uint8Array | null
} & Moments

const MOMENTS = 'first_epoch, first_ms, modified_epoch, modified_ms'
const MODULE_COLUMNS = 'id, key, name, origin, kind, client_path, position, start, line, functions, n_body_calls, loc, cyclomatic, version, data, body_calls, document, ' + MOMENTS
const FUNCTION_COLUMNS = 'id, name, arity, ordinal, defaults, kind, position, line, clauses, n_calls, cyclomatic, loc, data, calls, ' + MOMENTS

export function storedModules(connection: Connection, fileId: number): StoredModule[] {
  return all(connection, `SELECT ${MODULE_COLUMNS} FROM modules WHERE file_id = ? ORDER BY position`, fileId)
}

export function storedClientModule(connection: Connection, key: string): StoredModule | undefined {
  return one(connection, `SELECT ${MODULE_COLUMNS} FROM modules WHERE key = ? AND origin = ?`, key, CLIENT_ORIGIN)
}

/** `callees` is what the rows' callee indexes mean. */
export function insertModule(work: Work, place: ModulePlace, rows: ModuleRows, callees: readonly string[]): void {
  const id = work.state.next_module_id++
  const [, kind, start, line, loc, cyclomatic, data, nBodyCalls, bodyCalls, bodyCallees, functions] = rows
  run(work.connection, `INSERT INTO modules (id, key, name, origin, kind, file_id, client_path, position, start, line, functions,
    n_body_calls, loc, cyclomatic, version, updated_at_ms, data, body_calls, document, first_epoch, first_ms, modified_epoch, modified_ms)
    VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?15,?16,?17,?18,?19,?15,?16,?15,?16)`,
    id, freshKey(work, place, id), place.name, place.origin, kind, place.fileId, place.clientPath, place.position, start, line, functions.length,
    nBodyCalls, loc, cyclomatic, work.version, work.nowMs, data, bodyCalls, place.document)
  for (const index of bodyCallees) work.postings.add(calleeAt(callees, index), bodyCode(id))
  for (const [position, fn] of functions.entries()) insertFunction(work, id, position, fn, callees)
  work.changes.addedModules.add(id)
  countModule(work, place.origin, 1)
  work.state.n_calls += nBodyCalls
  work.rowsChanged++
}

/** The name itself when it is free; else a key that `settleKeys` replaces before the transaction ends. */
function freshKey(work: Work, place: ModulePlace, id: number): string {
  const taken = one(work.connection, 'SELECT 1 FROM modules WHERE key = ? AND origin = ?', place.name, place.origin)
  if (taken === undefined) return place.name
  work.unsettled.add(place.name)
  return `${place.name}@+${id}`
}

export function updateModule(work: Work, stored: StoredModule, place: ModulePlace, rows: ModuleRows, callees: readonly string[]): void {
  const before = work.rowsChanged
  const nModified = nChanges(work)
  updateFunctions(work, stored, rows[10], callees)
  const [, kind, start, line, loc, cyclomatic, data, nBodyCalls, bodyCalls, bodyCallees, functions] = rows
  if (!sameBlob(stored.body_calls, bodyCalls)) {
    changeCallees(work, bodyCode(stored.id), stored.body_calls, bodyCallees.map((index) => calleeAt(callees, index)))
  }
  const same = work.rowsChanged === before && stored.kind === kind && stored.client_path === place.clientPath
    && stored.position === place.position && stored.start === start && stored.line === line && stored.loc === loc
    && stored.cyclomatic === cyclomatic && sameBlob(stored.data, data) && sameBlob(stored.body_calls, bodyCalls)
    && sameBlob(stored.document, place.document)
  if (same) return
  run(work.connection, `UPDATE modules SET kind = ?, client_path = ?, position = ?, start = ?, line = ?, functions = ?, n_body_calls = ?,
    loc = ?, cyclomatic = ?, version = ?, updated_at_ms = ?, data = ?, body_calls = ?, document = ? WHERE id = ?`,
    kind, place.clientPath, place.position, start, line, functions.length, nBodyCalls, loc, cyclomatic, work.version, work.nowMs,
    data, bodyCalls, place.document, stored.id)
  if (nModified < nChanges(work) || stored.kind !== kind || !sameBlob(stored.document, place.document) || moduleSourceHash(stored.data) !== moduleSourceHash(data)) {
    run(work.connection, 'UPDATE modules SET modified_epoch = ?, modified_ms = ? WHERE id = ?', work.version, work.nowMs, stored.id)
    work.changes.changedModules.add(stored.id)
  }
  work.state.n_calls += nBodyCalls - stored.n_body_calls
  work.rowsChanged++
  if (stored.key !== stored.name) work.unsettled.add(stored.name)
}

/** Deletes the module with its functions; how many functions there were. */
export function deleteModule(work: Work, stored: StoredModule): number {
  const functions = storedFunctions(work.connection, stored.id)
  for (const fn of functions) forgetFunction(work, stored, fn)
  run(work.connection, 'DELETE FROM functions WHERE module_id = ?', stored.id)
  changeCallees(work, bodyCode(stored.id), stored.body_calls, [])
  run(work.connection, 'DELETE FROM modules WHERE id = ?', stored.id)
  work.changes.goneModules.push({ ...stored, path: work.file?.path ?? '', source: moduleSourceHash(stored.data) })
  work.changes.addedModules.delete(stored.id)
  countModule(work, stored.origin, -1)
  work.state.n_calls -= stored.n_body_calls
  work.rowsChanged += functions.length + 1
  if (stored.origin === FILE_ORIGIN) work.unsettled.add(stored.name)
  return functions.length
}

function storedFunctions(connection: Connection, moduleId: number): StoredFunction[] {
  return all(connection, `SELECT ${FUNCTION_COLUMNS} FROM functions WHERE module_id = ?`, moduleId)
}

/** Grows with every function that is not what it was. */
function nChanges({ changes }: Work): number {
  return changes.addedFunctions.length + changes.modifiedFunctions.length + changes.goneFunctions.length
}

function updateFunctions(work: Work, module: StoredModule, rows: readonly FunctionRows[], callees: readonly string[]): void {
  const left = new Map(storedFunctions(work.connection, module.id).map((fn) => [`${fn.ordinal}/${fn.arity}/${fn.name}`, fn]))
  for (const [position, fn] of rows.entries()) {
    const [name, arity, ordinal] = fn
    const key = `${ordinal}/${arity}/${name}`
    const stored = left.get(key)
    if (stored === undefined) insertFunction(work, module.id, position, fn, callees)
    else updateFunction(work, module.id, stored, position, fn, callees)
    left.delete(key)
  }
  for (const gone of left.values()) {
    forgetFunction(work, module, gone)
    run(work.connection, 'DELETE FROM functions WHERE id = ?', gone.id)
    work.rowsChanged++
  }
}

function insertFunction(work: Work, moduleId: number, position: number, row: FunctionRows, callees: readonly string[]): void {
  const [name, arity, ordinal, defaults, kind, line, clauses, nCalls, cyclomatic, loc, data, calls, calleeIdxs] = row
  const id = work.state.next_function_id++
  run(work.connection, `INSERT INTO functions (id, module_id, name, arity, ordinal, defaults, kind, position, line, clauses, n_calls,
    cyclomatic, loc, version, updated_at_ms, data, calls, first_epoch, first_ms, modified_epoch, modified_ms)
    VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?14,?15,?16,?17,?14,?15,?14,?15)`,
    id, moduleId, name, arity, ordinal, defaults, kind, position, line, clauses, nCalls, cyclomatic, loc, work.version, work.nowMs, data, calls)
  const code = functionCode(id)
  for (const index of calleeIdxs) work.postings.add(calleeAt(callees, index), code)
  work.changes.addedFunctions.push({ id, moduleId, name, arity, ordinal })
  countFunction(work, 1, clauses, nCalls)
  work.rowsChanged++
}

function updateFunction(work: Work, moduleId: number, stored: StoredFunction, position: number, row: FunctionRows, callees: readonly string[]): void {
  const [, , , defaults, kind, line, clauses, nCalls, cyclomatic, loc, data, calls, calleeIdxs] = row
  const sameCalls = sameBlob(stored.calls, calls)
  const same = sameCalls && stored.defaults === defaults && stored.kind === kind && stored.line === line && stored.clauses === clauses
    && stored.cyclomatic === cyclomatic && stored.loc === loc && sameBlob(stored.data, data)
  if (same) {
    // Its neighbours moved: the order is new, the function is not.
    if (stored.position !== position) work.rowsChanged += run(work.connection, 'UPDATE functions SET position = ? WHERE id = ?', position, stored.id)
    return
  }
  run(work.connection, `UPDATE functions SET defaults = ?, kind = ?, position = ?, line = ?, clauses = ?, n_calls = ?, cyclomatic = ?, loc = ?,
    version = ?, updated_at_ms = ?, data = ?, calls = ? WHERE id = ?`,
    defaults, kind, position, line, clauses, nCalls, cyclomatic, loc, work.version, work.nowMs, data, calls, stored.id)
  const callsElse = !sameCalls && changeCallees(work, functionCode(stored.id), stored.calls, calleeIdxs.map((index) => calleeAt(callees, index)))
  if (callsElse || stored.defaults !== defaults || stored.kind !== kind || !isSameButPlace(stored.data, data)) noteModified(work, { ...stored, moduleId })
  countFunction(work, 0, clauses - stored.clauses, nCalls - stored.n_calls)
  work.rowsChanged++
}

function noteModified(work: Work, note: FunctionNote): void {
  run(work.connection, 'UPDATE functions SET modified_epoch = ?, modified_ms = ? WHERE id = ?', work.version, work.nowMs, note.id)
  work.changes.modifiedFunctions.push(note)
}

function forgetFunction(work: Work, module: StoredModule, stored: StoredFunction): void {
  work.changes.goneFunctions.push({
    ...stored, moduleId: module.id, key: module.key, origin: module.origin, path: work.file?.path ?? '', brokenBy: work.file?.brokenBy ?? null, moved: 'no',
  })
  changeCallees(work, functionCode(stored.id), stored.calls, [])
  countFunction(work, -1, -stored.clauses, -stored.n_calls)
}

/**
 * `before` is the caller's blob as stored. When it is damaged, what it called is unknown: every posting is searched. True when
 * others are called than before.
 */
function changeCallees(work: Work, code: number, before: Uint8Array | null, after: readonly string[]): boolean {
  const old = calleeKeys(before)
  if (old === undefined) work.postings.removeEverywhere(code)
  const wanted = new Set(after)
  const gone = [...old ?? []].filter((key) => !wanted.has(key))
  const come = [...wanted].filter((key) => old === undefined || !old.has(key))
  for (const key of gone) work.postings.remove(key, code)
  for (const key of come) work.postings.add(key, code)
  return old === undefined || gone.length + come.length > 0
}

function calleeKeys(blob: Uint8Array | null): Set<string> | undefined {
  if (blob === null) return new Set()
  const payload = unsealed(blob)
  return payload === undefined ? undefined : new Set(decodeCallees(payload).map(calleeKey))
}

function countModule(work: Work, origin: number, by: number): void {
  if (origin === FILE_ORIGIN) work.state.n_modules += by
  else work.state.n_client_modules += by
}

function countFunction(work: Work, functions: number, clauses: number, calls: number): void {
  work.state.n_functions += functions
  work.state.n_clauses += clauses
  work.state.n_calls += calls
}

function calleeAt(callees: readonly string[], index: number): string {
  const key = callees[index]
  if (key === undefined) throw new RangeError('callee out of bounds')
  return key
}

export function sameBlob(a: Uint8Array | null, b: Uint8Array | null): boolean {
  if (a === null || b === null) return a === b
  return a.length === b.length && Buffer.compare(a, b) === 0
}
