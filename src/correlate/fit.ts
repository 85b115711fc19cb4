/**
 * Which version of a source the loaded code was compiled from. A module's md5 cannot tell: it stays when only lines move.
 * Two things can: the lines of clauses, which the agent reads from the debug info of the beam (docs/AGENT.md, Clause
 * lines), and every call that was observed with its line.
 *
 * A version fits when nothing speaks against it and no other explains more of what was observed. Several may fit; they are
 * `sure` when the table says so, or enough observations do, and a place is as sure where all of them have it.
 * Absent on purpose: time. A version that was written after the code was loaded is not excluded: clocks would have to agree.
 */

import { sourceFunction } from './beam-names.ts'
import { functionKey, type FunctionCode, type ModuleCode } from './code.ts'
import { callsOf } from './places.ts'

/** `[function, arity, line of each clause]`. */
export type ClauseLines = readonly (readonly [name: string, arity: number, lines: readonly number[]])[]

/** Of a call: who called, at which line, and what (names of the source). */
export type Observation = {
  readonly caller: string
  readonly line: number
  readonly callee: { readonly module: string; readonly name: string; readonly arity: number }
}

export type Fit = {
  /** Those that nothing speaks against, the newest first; all there are where something speaks against each. */
  readonly codes: readonly ModuleCode[]
  readonly certainty: 'sure' | 'in doubt' | 'none fits'
}

/** Without a table, so many calls at places that only this version has make it sure. */
export const ENOUGH_OBSERVATIONS = 3

/** The share of observations that a version must explain: a table may fit by chance, and the insides of functions have moved. */
const MOST = 0.6
/** The share that it must explain to be sure. */
const NEARLY_ALL = 0.9

export function fitVersions(codes: readonly ModuleCode[], table: ClauseLines | null, observed: readonly Observation[]): Fit {
  const possible = codes.filter((code) => (table === null || tableFits(code, table)) && explains(code, observed, MOST) && !observed.some((one) => against(codes, code, one)))
  if (possible.length === 0) return { codes, certainty: 'none fits' }
  const told = possible.map((code) => observed.filter((one) => speaksFor(code, one)).length)
  const most = Math.max(...told)
  const fits = possible.filter((_, idx) => told[idx] === most)
  const isTold = table !== null || most >= ENOUGH_OBSERVATIONS
  return { codes: fits, certainty: isTold && fits.every((code) => explains(code, observed, NEARLY_ALL)) ? 'sure' : 'in doubt' }
}

/** Every function that both know has its clauses at the same lines, and there is one. Unused private functions are compiled away. */
function tableFits(code: ModuleCode, table: ClauseLines): boolean {
  let nEqual = 0
  const compiled = new Set<string>()
  for (const [name, arity, lines] of table) {
    const source = sourceFunction(name, arity)
    const key = functionKey(source.name, source.arity)
    compiled.add(key)
    const fn = code.functions.get(key)
    if (fn === undefined || fn.arity !== source.arity || fn.lines.length === 0) continue
    if (!equalLines(fn.lines, lines)) return false
    nEqual++
  }
  return nEqual > 0 && Array.from(code.functions.values()).every((fn) => !PUBLIC.has(fn.kind) || fn.lines.length === 0 || compiled.has(functionKey(fn.name, fn.arity)))
}

const PUBLIC: ReadonlySet<string> = new Set(['def', 'defmacro'])

function equalLines(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((line, idx) => line === b[idx])
}

/** How far a function's clauses have all moved from this version to the table; undefined when they have not moved as one. */
export function moved(fn: FunctionCode, table: ClauseLines): number | undefined {
  const entry = table.find(([name, arity]) => {
    const source = sourceFunction(name, arity)
    return source.name === fn.name && source.arity === fn.arity
  })
  const by = (entry?.[2][0] ?? 0) - (fn.lines[0] ?? 0)
  return entry !== undefined && equalLines(fn.lines.map((line) => line + by), entry[2]) ? by : undefined
}

/** The caller is in another version and not in this one, or has no such line. What no version has is generated code. */
function against(codes: readonly ModuleCode[], code: ModuleCode, { caller, line }: Observation): boolean {
  const fn = code.functions.get(caller)
  if (fn === undefined) return codes.some(({ functions }) => functions.has(caller))
  return fn.lines.length > 0 && (line < Math.min(...fn.lines) || line > fn.endLine)
}

/** Most calls that are written in the caller were seen where they are written; an expansion may have one elsewhere. */
function explains(code: ModuleCode, observed: readonly Observation[], share: number): boolean {
  const written = observed.filter(({ caller, callee }) => {
    const fn = code.functions.get(caller)
    return fn !== undefined && callsOf(fn, callee).some(({ isTail }) => !isTail)
  })
  return written.length < ENOUGH_OBSERVATIONS || written.filter((one) => speaksFor(code, one)).length >= share * written.length
}

function speaksFor(code: ModuleCode, { caller, line, callee }: Observation): boolean {
  const fn = code.functions.get(caller)
  if (fn === undefined) return false
  return callsOf(fn, callee).some((call) => call.line === line || call.alsoAt.includes(line))
}
