/**
 * The last look at a transaction before it is committed: whether the rows that it touched agree with each other. Each
 * touched function belongs to a module; callees know their callers and no callers that are gone; modules and the store
 * count what is there. A breach throws the failure `damaged`, which rolls everything back: either the store was damaged
 * before, or a change of ours is wrong.
 *
 * Cost: by what was touched, up to a limit, so that an import pays for a few hundred functions only. Absent on purpose:
 * everything else (`verify.ts`).
 */

import { failure, FailureError } from '../base/failure.ts'
import { formatMfa } from '../model/names.ts'
import { unsealed } from './bytes.ts'
import { calleeKey, decodeCallees } from './calls-codec.ts'
import { one } from './connection.ts'
import { CHUNK, functionCode, openChunk } from './postings.ts'
import type { Counts } from './state.ts'
import type { Work } from './work.ts'

/** Functions, and modules, that are looked at. */
const MOST = 200

/** To be run when postings are flushed. `before` are the counts at the beginning of the transaction. */
export function checkConsistency(work: Work, before: Readonly<Counts>): void {
  const violations = [...checkFunctions(work), ...checkGone(work), ...checkModules(work), ...checkCounts(work, before)]
  if (violations.length === 0) return
  throw new FailureError(failure('damaged', `the update contradicts the store: ${violations[0]}`, {
    hint: 'nothing of it was kept; the store is built anew from the files', details: { violations: violations.slice(0, 20) },
  }))
}

type Touched = { readonly module: string | null; readonly name: string; readonly arity: number; readonly calls: Uint8Array | null }

function checkFunctions({ connection, changes }: Work): string[] {
  const ids = new Set([...changes.addedFunctions, ...changes.modifiedFunctions].slice(0, MOST).map(({ id }) => id))
  return [...ids].flatMap((id) => {
    const row = one<Touched>(connection, 'SELECT m.key AS module, fn.name, fn.arity, fn.calls FROM functions fn LEFT JOIN modules m ON m.id = fn.module_id WHERE fn.id = ?', id)
    if (row === undefined) return []
    if (row.module === null) return [`function ${id} belongs to no module`]
    const mfa = formatMfa({ module: row.module, name: row.name, arity: row.arity })
    return calleesIn(row.calls).filter((key) => !isCaller({ connection }, key, functionCode(id))).map((key) => `${mfa} calls ${key}, which does not know it`)
  })
}

function checkGone({ connection, changes }: Work): string[] {
  return changes.goneFunctions.filter(({ moved }) => moved === 'no').slice(0, MOST).flatMap(({ id, key: module, name, arity, calls }) =>
    calleesIn(calls).filter((key) => isCaller({ connection }, key, functionCode(id)))
      .map((key) => `${key} knows ${formatMfa({ module, name, arity })}, which is gone, as a caller`))
}

/** A damaged list tells nothing; reads name it. */
function calleesIn(calls: Uint8Array | null): string[] {
  const payload = calls === null ? undefined : unsealed(calls)
  return payload === undefined ? [] : [...new Set(decodeCallees(payload).map(calleeKey))]
}

function isCaller({ connection }: Pick<Work, 'connection'>, callee: string, code: number): boolean {
  const chunk = Math.floor(code / CHUNK)
  const row = one<{ id: number; data: Uint8Array }>(connection, `SELECT c.id, p.data FROM callees c CROSS JOIN postings p ON p.callee_id = c.id
    WHERE c.name = ? AND p.chunk = ?`, callee, chunk)
  return row !== undefined && openChunk(row.data, row.id, chunk).includes(code)
}

function checkModules({ connection, changes }: Work): string[] {
  const ids = [...changes.addedModules, ...changes.changedModules].slice(0, MOST)
  return ids.flatMap((id) => {
    const row = one<{ key: string; functions: number; counted: number; homeless: number }>(connection, `SELECT m.key, m.functions,
      (SELECT count(*) FROM functions fn WHERE fn.module_id = m.id) AS counted,
      m.file_id IS NOT NULL AND m.file_id NOT IN (SELECT id FROM files WHERE id = m.file_id) AS homeless FROM modules m WHERE m.id = ?`, id)
    if (row === undefined) return []
    if (row.homeless === 1) return [`${row.key} belongs to no file`]
    return row.functions === row.counted ? [] : [`${row.key} has ${row.counted} functions and counts ${row.functions}`]
  })
}

function checkCounts({ state, changes }: Work, before: Readonly<Counts>): string[] {
  const functions = changes.addedFunctions.length - changes.goneFunctions.length
  const counted = state.n_functions - before.n_functions
  return functions === counted ? [] : [`functions came to ${functions} more and were counted as ${counted}`]
}
