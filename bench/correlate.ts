/**
 * How much of the code that people write correlation can tell apart. Of every call that is written under a folder and stays in its
 * function: what is answered at its own line. And where `elixir` has the modules compiled (on its code path, ERL_LIBS): of
 * every call in the compiled code, which line is reported of it, and whether the place answered is where it is written.
 *
 * Calls of functions that the folder defines; those that nobody wrote (a macro's) are counted apart. Lines tell what is
 * right: of several calls of a name at a line any is, unless it is called exact. Absent on purpose: what runs, and how often.
 */

import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { analyseSource } from '../src/analysis/analyse.ts'
import { sourceFunction } from '../src/correlate/beam-names.ts'
import { findFunction, functionKey, type ModuleCode, type StaticIndex } from '../src/correlate/code.ts'
import { callsOf } from '../src/correlate/places.ts'
import type { Method } from '../src/correlate/resolution.ts'
import { resolve } from '../src/correlate/resolve.ts'
import { moduleCode, readModules } from '../src/correlate/static-index.ts'
import type { EventFunction } from '../src/model/event.ts'

type Shares = Readonly<Partial<Record<Method, number>>>
type CompiledReport = {
  readonly calls: number
  /** By a macro, or by the compiler. */
  readonly writtenByNobody: number
  readonly reportedAtAnotherLine: number
  /** No other call of the same function from the same function is reported at the line. */
  readonly toldApart: number
  readonly exact: number
  readonly exactAndWrong: number
  readonly right: number
  readonly methods: Shares
}
export type CorrelateReport = { readonly files: number; readonly modules: number; readonly written: { readonly calls: number; readonly methods: Shares }; readonly compiled: CompiledReport | undefined }

export function benchCorrelate(dir: string): CorrelateReport {
  const files = readdirSync(dir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile() && entry.name.endsWith('.ex')).map((entry) => join(entry.parentPath, entry.name))
  const index = indexOf(files)
  return { files: files.length, modules: index.codes.length, written: writtenCalls(index), compiled: compiledCalls(index) }
}

type Index = StaticIndex & { readonly codes: readonly ModuleCode[] }

/** A name that is defined twice is left out: which of the two is compiled is not known. */
function indexOf(files: readonly string[]): Index {
  const all = files.flatMap((path) => readModules(analyseSource, path, readFileSync(path)).map((read) => moduleCode(read, { key: read.facts.name, path, number: 1 })))
  const byName = Map.groupBy(all, ({ module }) => module)
  const codes = all.filter(({ module }) => byName.get(module)?.length === 1)
  const known = new Map(codes.map((code) => [code.module, [code]]))
  return { codes, versionsOf: (module) => known.get(module) ?? [] }
}

function answer(index: Index, code: ModuleCode, caller: EventFunction, mfa: EventFunction, line: number, nth: number) {
  return resolve(index, { mfa, caller: { ...caller, file: code.path, line } }, { fit: { codes: [code], certainty: 'sure' }, table: null }, { via: null, nth })
}

function writtenCalls(index: Index): CorrelateReport['written'] {
  const methods = new Map<Method, number>()
  for (const code of index.codes) {
    for (const fn of new Set(code.functions.values())) {
      for (const { module, name, arity, line, isTail } of fn.calls) {
        if (isTail || module === null || !isTraced(index, { module, function: name, arity })) continue
        count(methods, answer(index, code, { module: code.module, function: fn.name, arity: fn.arity }, { module, function: name, arity }, line, 0).method)
      }
    }
  }
  return { calls: sum(methods), methods: sharesOf(methods) }
}

/** The compiler has its own way with what `Kernel` defines. */
function isTraced(index: Index, { module, function: name, arity }: EventFunction): boolean {
  const kind = findFunction(index, module, name, arity)?.kind
  return module !== 'Kernel' && (kind === 'def' || kind === 'defp' || kind === 'defdelegate')
}

type Compiled = { readonly caller: EventFunction; readonly mfa: EventFunction; readonly written: number; readonly reported: number }

/** In the order of the code; undefined where `elixir` is missing or knows none of the modules. */
function readCompiled({ codes }: Index): readonly Compiled[] | undefined {
  const ran = spawnSync('elixir', [join(import.meta.dirname, 'compiled-calls.exs')], { input: codes.map(({ module }) => module).join('\n'), encoding: 'utf8', maxBuffer: 1 << 28 })
  if (ran.status !== 0 || ran.stdout === '') return undefined
  return ran.stdout.trimEnd().split('\n').map((row) => {
    const [module = '', name = '', arity, calledModule = '', calledName = '', calledArity, written, reported] = row.split('\t')
    return { caller: { module, function: name, arity: Number(arity) }, mfa: { module: calledModule, function: calledName, arity: Number(calledArity) }, written: Number(written), reported: Number(reported) }
  })
}

function compiledCalls(index: Index): CompiledReport | undefined {
  const calls = readCompiled(index)?.filter(({ mfa, written }) => written > 0 && sourceFunction(mfa.function, mfa.arity).part === 'function' && isTraced(index, mfa))
  if (calls === undefined) return undefined
  const methods = new Map<Method, number>()
  const tally = { writtenByNobody: 0, reportedAtAnotherLine: 0, toldApart: 0, exact: 0, exactAndWrong: 0, right: 0 }
  for (const same of Map.groupBy(calls, ({ caller, mfa, reported }) => JSON.stringify([caller, mfa, reported])).values()) {
    for (const [nth, { caller, mfa, written, reported }] of same.entries()) {
      const [code] = index.versionsOf(caller.module)
      if (code === undefined) continue
      const found = answer(index, code, caller, mfa, reported, nth)
      const there = placesAt(code, caller, mfa, written)
      const isRight = there.some(({ node }) => node === found.nodeId)
      if (found.evidence === 'exact' && (!isRight || there.length > 1)) tally.exactAndWrong++
      if (there.length === 0) {
        tally.writtenByNobody++
        continue
      }
      count(methods, found.method)
      if (written !== reported) tally.reportedAtAnotherLine++
      if (same.length === 1) tally.toldApart++
      if (found.evidence === 'exact') tally.exact++
      if (isRight) tally.right++
    }
  }
  const n = sum(methods)
  return { calls: n, writtenByNobody: tally.writtenByNobody, reportedAtAnotherLine: tally.reportedAtAnotherLine / n, toldApart: tally.toldApart / n, exact: tally.exact / n, exactAndWrong: tally.exactAndWrong, right: tally.right / n, methods: sharesOf(methods) }
}

function placesAt(code: ModuleCode, caller: EventFunction, mfa: EventFunction, line: number) {
  const { name, arity } = sourceFunction(caller.function, caller.arity)
  const fn = code.functions.get(functionKey(name, arity))
  return fn === undefined ? [] : callsOf(fn, { module: mfa.module, name: mfa.function, arity: mfa.arity }).filter((call) => call.line === line && !call.isTail)
}

function count(methods: Map<Method, number>, method: Method): void {
  methods.set(method, (methods.get(method) ?? 0) + 1)
}

const sum = (methods: ReadonlyMap<Method, number>) => Array.from(methods.values()).reduce((all, n) => all + n, 0)

function sharesOf(methods: ReadonlyMap<Method, number>): Shares {
  const all = sum(methods)
  return Object.fromEntries(Array.from(methods).toSorted((a, b) => b[1] - a[1]).map(([method, n]) => [method, n / all]))
}
