/**
 * All that a store says of one file, as pieces that can be compared with those of another store: nothing in them tells when
 * or how the facts came to be (ids, epochs, times, history), and none depends on the order of ids.
 *
 * What a piece is read by is read here as well: a module by its key, a file by its path, callers by their callee, so that an
 * index that does not lead to its row shows. Absent on purpose: what clients stated, and functions that are stale.
 */

import { createHash } from 'node:crypto'
import { formatFunctionName } from '../../model/names.ts'
import type { CallerSite, FunctionRecord, ModuleRow, Page, Snapshot } from '../../store/contract.ts'

export type Piece = {
  readonly what: 'file' | 'source' | 'modules' | 'module' | 'functions' | 'function' | 'callers' | 'problems'
  /** Path, module or MFA; what is there twice has a number. */
  readonly where: string
  /** Plain data. */
  readonly value: unknown
  /** Of callers: the function that they call. */
  readonly callee?: FunctionRecord
}

const PAGE = 1000

/** Nothing for a file that the store does not know. */
export function* factsOfFile(snapshot: Snapshot, path: string): Generator<Piece, void, undefined> {
  const file = snapshot.findFile(path)
  if (file === undefined) return
  const { sourceHash, bytes, lines, readable } = file
  yield { what: 'file', where: path, value: { sourceHash, bytes, lines, readable } }
  const source = snapshot.sourceOf(path)
  yield { what: 'source', where: path, value: source === undefined ? null : createHash('sha256').update(source).digest('hex') }
  yield { what: 'problems', where: path, value: [...pages((page) => snapshot.problems({ ...page, path }))] }
  const modules = snapshot.modulesOfFile(path) ?? []
  yield { what: 'modules', where: path, value: modules.map(({ key }) => key) }
  for (const row of modules) yield* factsOfModule(snapshot, row)
}

function* factsOfModule(snapshot: Snapshot, row: ModuleRow): Generator<Piece, void, undefined> {
  const found = snapshot.findModule(row.key, 'file')
  const { id: _, version: _version, updatedAtMs: _updated, ...value } = row
  const bodyCalls = [...pages((page) => snapshot.bodyCallsOf(row.id, page))]
  yield { what: 'module', where: row.key, value: { ...value, facts: found?.facts ?? null, isFoundByKey: found?.id === row.id, bodyCalls } }
  const names: string[] = []
  const seen = new Map<string, number>()
  for (const { id, name, arity, stale } of pages((page) => snapshot.functionsOf(row.id, page))) {
    if (stale !== null) continue
    const plain = `${formatFunctionName(name)}/${arity}`
    const nth = (seen.get(plain) ?? 0) + 1
    seen.set(plain, nth)
    names.push(plain)
    const record = snapshot.functionById(id)
    const where = `${row.key}.${plain}${nth === 1 ? '' : ` (${nth})`}`
    if (record === undefined) continue
    yield { what: 'function', where, value: valueOf(snapshot, record) }
    yield { what: 'callers', where, value: callersOf(snapshot, record), callee: record }
  }
  yield { what: 'functions', where: row.key, value: names }
}

function valueOf(snapshot: Snapshot, record: FunctionRecord): object {
  const { id, moduleId, version: _, updatedAtMs: _updated, stale: _stale, calls: nCalls, ...value } = record
  const found = snapshot.findFunction({ module: record.moduleKey, name: record.name, arity: record.arity }, 'file')
  return { ...value, nCalls, isFoundByName: found?.moduleId === moduleId, calls: [...pages((page) => snapshot.calleesOf(id, page))] }
}

/**
 * How many call sites in files the function has, and a sum over them that does not depend on their order: there may be more
 * than fit into memory.
 */
function callersOf(snapshot: Snapshot, record: FunctionRecord): object {
  let sites = 0
  let sum = 0
  for (const line of callSites(snapshot, record)) {
    sites += 1
    sum = (sum + createHash('md5').update(line).digest().readUIntBE(0, 6)) % 2 ** 48
  }
  return { sites, sum: sum.toString(16) }
}

/** A line for each call site of the function in a file. A client may have stated more defaults: what only those take is left out. */
export function* callSites(snapshot: Snapshot, { moduleKey: module, name, arity, defaults }: FunctionRecord): Generator<string, void, undefined> {
  for (const site of pages((page) => snapshot.callers({ module, name, arity }, page))) {
    if (site.origin === 'file' && site.arity >= arity - defaults) yield lineOf(site)
  }
}

function lineOf({ caller, path, line, column, node, kind, grade, arity }: CallerSite): string {
  const by = caller.function === null ? '' : `.${formatFunctionName(caller.function.name)}/${caller.function.arity}`
  return `${caller.moduleKey}${by} at ${path}:${line}:${column}, ${node} (${kind}, ${grade}, arity ${arity})`
}

function* pages<T>(read: (request: { readonly limit: number; readonly after?: string }) => Page<T>): Generator<T, void, undefined> {
  for (let page = read({ limit: PAGE }); ; page = read({ limit: PAGE, after: page.next })) {
    yield* page.items
    if (page.next === null) return
  }
}
