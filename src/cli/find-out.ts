/**
 * What an import found, as far as it interests somebody who sees the project for the first time: counts, the most complex
 * functions, and names to try next that really give an answer.
 */

import type { Failure } from '../base/failure.ts'
import { ok, type Result } from '../base/result.ts'
import type { FunctionSummary, ImportResult } from '../wire/records.ts'
import { eachPage } from './pages.ts'
import type { Connection } from './ports.ts'
import { mostComplex, type Found } from './render/found.ts'

/** More functions than this are not looked through: the summary is no analysis. */
const FUNCTIONS_SEARCHED = 50_000
/** Callees asked for their callers until one has some. */
const CALLEES_TRIED = 10

export async function findOut(connection: Connection, imported: ImportResult): Promise<Result<Found, Failure>> {
  const statistics = await connection.call('get_statistics', {})
  if (!statistics.ok) return statistics
  let complex: FunctionSummary[] = []
  let seen = 0
  const read = await eachPage(connection, 'list_functions', { origin: 'file' }, (page) => {
    complex = mostComplex(complex, page.value.functions)
    seen += page.value.functions.length
    return seen < FUNCTIONS_SEARCHED ? 'more' : 'enough'
  })
  if (!read.ok) return read
  const [top] = complex
  const called = top === undefined ? undefined : await calledInProject(connection, complex)
  return ok({ statistics: statistics.value.value, imported, complex, module: top?.module_name, mfa: top?.mfa, called })
}

/** A function that one of these calls and the project defines; else whatever one of them calls. */
async function calledInProject(connection: Connection, functions: readonly FunctionSummary[]): Promise<string | undefined> {
  const candidates = new Set<string>()
  for (const row of functions) {
    const callees = await connection.call('get_callees', { mfa: row.mfa, limit: 50 })
    if (!callees.ok) continue
    for (const call of callees.value.value.callees) {
      if (!call.dynamic && call.module !== null && call.callee !== row.mfa) candidates.add(call.callee)
    }
  }
  const tried = [...candidates].slice(0, CALLEES_TRIED)
  for (const mfa of tried) {
    const found = await connection.call('get_function', { mfa, text_limit: 0 })
    if (found.ok) return mfa
  }
  return tried[0]
}
