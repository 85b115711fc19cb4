/**
 * Who calls a function, and where: the callers' codes from the postings, the call sites from the callers' own rows.
 * Callers come by code, that is by id, then in source order.
 */

import { formatMfa } from '../model/names.ts'
import { open, type RowName } from './bytes.ts'
import { baseName, calleeKey, decodeCallsTo, type Callee } from './calls-codec.ts'
import { one, type Connection } from './connection.ts'
import type { CallerSite, Page, PageRequest } from './contract.ts'
import { originName } from './module-reads.ts'
import { readCursor, toPage } from './pages.ts'
import { callerOf, CHUNK, openChunk } from './postings.ts'

type Site = { readonly code: number; readonly index: number; readonly site: CallerSite }

export function callers(connection: Connection, callee: Callee, request: PageRequest): Page<CallerSite> {
  const wanted = aritiesOf(connection, callee).map((arity): Callee => ({ ...callee, arity }))
  const ids = wanted.flatMap((each) => calleeIds(connection, each))
  const [code, index] = readCursor(request, [-1, -1])
  const sites: Site[] = []
  for (const caller of codesFrom(connection, ids, Math.max(code, 0))) {
    for (const site of sitesOf(connection, caller, wanted)) {
      if (caller > code || site.index > index) sites.push(site)
    }
    if (sites.length > request.limit) break
  }
  return toPage(sites, request.limit, (site) => site.site, (site) => [site.code, site.index])
}

/** Asked with the arity of a definition: all that its defaults generate, else the one. */
function aritiesOf(connection: Connection, callee: Callee): number[] {
  if (callee.module === null) return [callee.arity]
  const found = one<{ defaults: number | null }>(connection, `SELECT max(fn.defaults) AS defaults FROM modules m CROSS JOIN functions fn ON fn.module_id = m.id
    WHERE m.key = ? AND fn.name = ? AND fn.arity = ?`, callee.module, callee.name, callee.arity)
  return Array.from({ length: (found?.defaults ?? 0) + 1 }, (_, fewer) => callee.arity - fewer)
}

function calleeIds(connection: Connection, callee: Callee): number[] {
  const row = one<{ id: number }>(connection, 'SELECT id FROM callees WHERE name = ?', calleeKey(callee))
  return row === undefined ? [] : [row.id]
}

/** Ascending codes of callers of any of the callees, from `first` on; a chunk is read when the one before is used up. */
function* codesFrom(connection: Connection, calleeIdxs: readonly number[], first: number): Generator<number> {
  let chunk = Math.floor(first / CHUNK)
  for (;;) {
    const found = calleeIdxs.flatMap((id) => {
      const row = one<{ chunk: number; data: Uint8Array }>(connection,
        'SELECT chunk, data FROM postings WHERE callee_id = ? AND chunk >= ? ORDER BY chunk LIMIT 1', id, chunk)
      return row === undefined ? [] : [{ id, chunk: row.chunk, data: row.data }]
    })
    if (found.length === 0) return
    const next = Math.min(...found.map((row) => row.chunk))
    const lists = found.filter((row) => row.chunk === next).map((row) => openChunk(row.data, row.id, next))
    for (const code of merged(lists)) if (code >= first) yield code
    chunk = next + 1
  }
}

/** Ascending and distinct, as each list is. */
function merged(lists: readonly (readonly number[])[]): readonly number[] {
  const [only = [], ...others] = lists
  return others.length === 0 ? only : [...new Set(lists.flat())].sort((a, b) => a - b)
}

type CallerColumns = {
  readonly id: number
  readonly key: string
  readonly name: string
  readonly arity: number
  readonly origin: number
  readonly path: string | null
  readonly calls: Uint8Array
}

const FUNCTION_CALLER = `SELECT fn.id, m.key, fn.name, fn.arity, m.origin, coalesce(f.path, m.client_path) AS path, fn.calls
  FROM functions fn CROSS JOIN modules m ON m.id = fn.module_id LEFT JOIN files f ON f.id = m.file_id WHERE fn.id = ? AND fn.calls IS NOT NULL`
const BODY_CALLER = `SELECT m.id, m.key, '' AS name, 0 AS arity, m.origin, coalesce(f.path, m.client_path) AS path, m.body_calls AS calls
  FROM modules m LEFT JOIN files f ON f.id = m.file_id WHERE m.id = ? AND m.body_calls IS NOT NULL`

function sitesOf(connection: Connection, code: number, wanted: readonly Callee[]): Site[] {
  const caller = callerOf(code)
  const isFunction = caller.kind === 'function'
  const row = one<CallerColumns>(connection, isFunction ? FUNCTION_CALLER : BODY_CALLER, caller.id)
  if (row === undefined) return []
  const owner = isFunction ? formatMfa({ module: row.key, name: row.name, arity: row.arity }) : row.key
  const name: RowName = { table: isFunction ? 'functions' : 'modules', column: isFunction ? 'calls' : 'body_calls', row: owner, path: row.path }
  const calls = open(row.calls, name, (payload) => decodeCallsTo(payload, owner, (callee) => wanted.some((each) => sameCallee(each, callee))))
  const fn = isFunction ? { id: row.id, name: row.name, arity: row.arity } : null
  return calls.map((call, index) => ({
    code, index,
    site: {
      caller: { moduleKey: row.key, function: fn }, origin: originName(row.origin), path: row.path,
      line: call.line, column: call.column, node: call.node, kind: call.kind, grade: call.grade, arity: call.arity,
    },
  }))
}

function sameCallee(a: Callee, b: Callee): boolean {
  if (a.name !== b.name || a.arity !== b.arity) return false
  return a.module === null || b.module === null ? a.module === b.module : baseName(a.module) === baseName(b.module)
}
