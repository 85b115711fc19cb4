/**
 * The facts of one store against those of another that was built anew from the files: what, where, and both values. Files
 * are compared one by one, so that what is held does not grow with the project. A row that cannot be read is a difference.
 */

import { FailureError } from '../../base/failure.ts'
import type { Reader, Snapshot, StoreStatistics } from '../../store/contract.ts'
import type { DifferenceRecord as Difference } from '../../wire/records.ts'
import { callSites, factsOfFile, type Piece } from './facts-of-file.ts'

/** Values are shown up to here. */
const SHOWN = 240
/** Fields of one piece, and call sites of one function, that are named. */
const NAMED = 10

/** Each in a snapshot of its own: writes go on meanwhile. */
export function compareFile(live: Reader, rebuilt: Reader, path: string): Difference[] {
  return rebuilt.snapshot((made) => live.snapshot((found) => {
    try {
      return [...differencesIn(found, made, path)]
    } catch (caught) {
      // Of the two only the live store can be damaged: the other has just been written.
      if (!(caught instanceof FailureError) || caught.failure.code !== 'damaged') throw caught
      return [{ what: 'file', where: path, path, field: null, live: cut(caught.failure.message), rebuilt: null }]
    }
  }))
}

function* differencesIn(live: Snapshot, rebuilt: Snapshot, path: string): Generator<Difference, void, undefined> {
  const missing = new Map<string, Piece>()
  for (const piece of factsOfFile(rebuilt, path)) missing.set(keyOf(piece), piece)
  for (const piece of factsOfFile(live, path)) {
    const { what, where } = piece
    const wanted = missing.get(keyOf(piece))
    missing.delete(keyOf(piece))
    if (wanted === undefined) yield { what, where, path, field: null, live: show(piece.value), rebuilt: null }
    else if (JSON.stringify(piece.value) !== JSON.stringify(wanted.value)) yield* inPiece(live, rebuilt, path, piece, wanted)
  }
  for (const { what, where, value } of missing.values()) yield { what, where, path, field: null, live: null, rebuilt: show(value) }
}

function keyOf({ what, where }: Piece): string {
  return `${what} ${where}`
}

function* inPiece(live: Snapshot, rebuilt: Snapshot, path: string, piece: Piece, wanted: Piece): Generator<Difference, void, undefined> {
  const { what, where } = piece
  for (const [field, a, b] of unequal(piece.value, wanted.value, '').slice(0, NAMED)) yield { what, where, path, field, live: show(a), rebuilt: show(b) }
  const sites = new Map<string, number>()
  for (const [snapshot, { callee }, by] of [[live, piece, 1], [rebuilt, wanted, -1]] as const) {
    for (const line of callee === undefined ? [] : callSites(snapshot, callee)) {
      const n = (sites.get(line) ?? 0) + by
      if (n === 0) sites.delete(line)
      else sites.set(line, n)
    }
  }
  for (const [line, n] of [...sites].slice(0, NAMED)) {
    yield { what, where, path, field: 'site', live: n > 0 ? cut(line) : null, rebuilt: n > 0 ? null : cut(line) }
  }
}

/** The innermost fields in which two values of plain data differ. */
function unequal(a: unknown, b: unknown, at: string): [field: string | null, a: unknown, b: unknown][] {
  if (JSON.stringify(a) === JSON.stringify(b)) return []
  if (!isTree(a) || !isTree(b) || Array.isArray(a) !== Array.isArray(b)) return [[at === '' ? null : at, a, b]]
  const names = new Set([...Object.keys(a), ...Object.keys(b)])
  return [...names].flatMap((name) => unequal(a[name], b[name], at === '' ? name : `${at}.${name}`))
}

function isTree(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}

function show(value: unknown): string | null {
  return value === undefined ? null : cut(typeof value === 'string' ? value : JSON.stringify(value))
}

export function cut(text: string): string {
  return text.length <= SHOWN ? text : `${text.slice(0, SHOWN)}…`
}

/** The counts that clients have no part in, or all of them when none has stated anything; and which tables and indexes there are. */
export function compareWhole(live: StoreStatistics, rebuilt: StoreStatistics): Difference[] {
  const names = live.clientModules === 0 ? [...COUNTS, ...COUNTS_WITH_CLIENTS] : COUNTS
  const counts = names.filter((name) => live[name] !== rebuilt[name])
    .map((name): Difference => ({ what: 'count', where: name, path: null, field: null, live: String(live[name]), rebuilt: String(rebuilt[name]) }))
  const [there, wanted] = [Object.keys(live.bytesByTable ?? {}), Object.keys(rebuilt.bytesByTable ?? {})]
  const tables = [...new Set([...there, ...wanted])].filter((name) => there.includes(name) !== wanted.includes(name))
    .map((name): Difference => ({ what: 'table or index', where: name, path: null, field: null, live: there.includes(name) ? 'there' : null, rebuilt: wanted.includes(name) ? 'there' : null }))
  return [...counts, ...tables]
}

const COUNTS = ['files', 'unreadableFiles', 'modules', 'problems', 'sourceBytes'] as const satisfies readonly (keyof StoreStatistics)[]
const COUNTS_WITH_CLIENTS = ['functions', 'clauses', 'calls', 'callees'] as const satisfies readonly (keyof StoreStatistics)[]
