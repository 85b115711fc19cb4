/**
 * The code of modules as correlation asks for it, from a store: every kept version of a module's file, analysed. What was
 * analysed is kept by the content's hash, so that an epoch costs a look at the hashes alone; the least recently asked goes
 * first when there is too much.
 *
 * Names: a definition that the store calls `Name@2` runs as `Name`, so its versions stand beside those of `Name`, each with
 * the ids the store gives. Absent on purpose: modules that clients stated (nobody runs their lines), and analysis itself,
 * which comes in as a function.
 */

import type { FileFacts, FunctionFacts, ModuleFacts } from '../model/facts.ts'
import { formatMfa, type ModuleName } from '../model/names.ts'
import type { NodeId } from '../model/node-id.ts'
import type { Snapshot } from '../store/contract.ts'
import { parse } from '../syntax/parse.ts'
import { byArity, type FunctionCode, type ModuleCode, type StaticIndex } from './code.ts'
import { readFlow, type Following } from './flow.ts'
import { readPositions } from './positions.ts'

export type Analyse = (path: string, source: Uint8Array) => FileFacts

export type StaticCache = {
  /** What the snapshot has. To be asked only while that is held. */
  at(snapshot: Snapshot): StaticIndex
  /** Functions and calls that are held. */
  size(): number
}

/** A function or call is about 250 bytes. */
const DEFAULT_LIMIT = 400_000

export function createStaticCache(analyse: Analyse, limit: number = DEFAULT_LIMIT): StaticCache {
  const files = new Map<string, readonly Read[]>()
  const modules = new Map<ModuleName, Known>()
  let size = 0
  const factsOf = (path: string, hash: string, read: () => Uint8Array | undefined): readonly Read[] => {
    const known = files.get(hash)
    if (known !== undefined) files.delete(hash)
    const source = known === undefined ? read() : undefined
    const facts = known ?? (source === undefined ? [] : readModules(analyse, path, source))
    files.set(hash, facts)
    if (known === undefined) size += weigh(facts)
    for (const [oldest, held] of files) {
      if (size <= limit || oldest === hash) break
      files.delete(oldest)
      size -= weigh(held)
    }
    return facts
  }
  const versionsOf = (snapshot: Snapshot, module: ModuleName): readonly ModuleCode[] => {
    const known = modules.get(module)
    if (known?.epoch === snapshot.epoch) return known.codes
    const places = placesOf(snapshot, module)
    const stamp = stampOf(snapshot, places)
    const codes = known?.stamp === stamp ? known.codes : places.flatMap((place) => codesAt(snapshot, module, place, factsOf))
    modules.delete(module)
    modules.set(module, { epoch: snapshot.epoch, stamp, codes })
    for (const oldest of modules.keys()) if (modules.size > MODULES) modules.delete(oldest)
    return codes
  }
  return {
    at: (snapshot) => ({ versionsOf: (module) => versionsOf(snapshot, module) }),
    size: () => size,
  }
}

const MODULES = 4096

type Known = { readonly epoch: number; readonly stamp: string; readonly codes: readonly ModuleCode[] }
/** Where a module is defined: its key in the store, and the how manieth definition of its name in the file it is. */
type Place = { readonly key: ModuleName; readonly path: string; readonly nth: number }

function placesOf(snapshot: Snapshot, module: ModuleName): Place[] {
  const places: Place[] = []
  for (let ordinal = 1; ; ordinal++) {
    const key = ordinal === 1 ? module : `${module}@${ordinal}`
    const path = snapshot.findModuleRow(key, 'file')?.path ?? (ordinal === 1 ? snapshot.pathOfDeparted(module) : undefined)
    if (typeof path !== 'string') return places
    places.push({ key, path, nth: places.filter((place) => place.path === path).length })
  }
}

function stampOf(snapshot: Snapshot, places: readonly Place[]): string {
  return places.map(({ key, path }) => `${key} ${path} ${snapshot.versionsOf(path)[0]?.number ?? 0} ${snapshot.findFile(path)?.sourceHash ?? ''}`).join('\n')
}

type FactsOf = (path: string, hash: string, read: () => Uint8Array | undefined) => readonly Read[]

function codesAt(snapshot: Snapshot, module: ModuleName, { key, path, nth }: Place, factsOf: FactsOf): ModuleCode[] {
  return snapshot.versionsOf(path).flatMap((version) => {
    if (!version.readable) return []
    const read = () => (version.until === null ? snapshot.sourceOf(path) : snapshot.versionSource(path, version.number))
    const found = factsOf(path, version.sourceHash, read).filter(({ facts }) => facts.name === module)[nth]
    return found === undefined ? [] : [moduleCode(found, { key, path, number: version.number })]
  })
}

/** What follows each call of a file, by line and column of the name. */
type Followed = ReadonlyMap<string, Following>
/** A module of a content, as analysed. */
export type Read = { readonly facts: ModuleFacts; readonly followed: Followed }

const placeOf = (line: number, column: number) => `${line}:${column}`

/** The modules that a content defines, in its order. */
export function readModules(analyse: Analyse, path: string, source: Uint8Array): readonly Read[] {
  const { lineOf, columnOf } = readPositions(source)
  const followed = new Map(Array.from(readFlow(parse(source), lineOf), ([offset, following]) => [placeOf(lineOf(offset), columnOf(offset)), following] as const))
  return analyse(path, source).modules.map((facts) => ({ facts, followed }))
}

function weigh(modules: readonly Read[]): number {
  return modules.reduce((sum, { facts: { functions } }) => sum + functions.reduce((of, fn) => of + 1 + fn.calls.length, 1), 0)
}

/** `key` is what node ids call the module. */
export function moduleCode({ facts, followed }: Read, { key, path, number }: { readonly key: ModuleName; readonly path: string; readonly number: number }): ModuleCode {
  const outward = (id: NodeId) => (key === facts.name || !id.startsWith(facts.name) ? id : key + id.slice(facts.name.length))
  return { module: facts.name, path, version: number, functions: byArity(facts.functions.map((fn) => functionCode(fn, { node: formatMfa({ ...fn, module: key }), outward, followed }))) }
}

type Naming = { readonly node: NodeId; readonly outward: (id: NodeId) => NodeId; readonly followed: Followed }

function functionCode(fn: FunctionFacts, { node, outward, followed }: Naming): FunctionCode {
  return {
    name: fn.name, arity: fn.arity, defaults: fn.defaults, kind: fn.kind, node,
    lines: fn.clauses.map(({ span }) => span.line), endLine: fn.span.endLine,
    captures: fn.calls.filter(({ kind }) => kind === 'capture'),
    calls: fn.calls.filter(({ kind }) => kind !== 'capture').map((call) => ({
      module: call.module, name: call.name, arity: call.arity, line: call.line, node: outward(call.node),
      ...(call.kind === 'delegate' ? DELEGATED : (followed.get(placeOf(call.line, call.column)) ?? UNKNOWN)),
    })),
  }
}

const DELEGATED: Following = { isTail: true, alsoAt: [], perhapsAt: null }
const UNKNOWN: Following = { isTail: false, alsoAt: [], perhapsAt: [0, Infinity] }
