/**
 * From the names of a call to its place in the code. The order of evidence: the call of that name at that line of the
 * caller, in the version of the source that runs; a call that the line points to in another way (`places.ts`); the only
 * call of that name in the caller; the function that was called; the function that called.
 *
 * What went before in the process tells more than the names (`Situation`): a call that is reported to come from the same
 * caller and line as the innermost one that has not returned cannot be that caller's own, which waits. It is in tail position
 * of what has not returned, or of what that called in tail position. And of several calls of a name at a line, the first
 * to be evaluated is the first to be reported.
 *
 * Pure: the same names, code and fit give the same place. Absent on purpose: what is loaded (`correlator.ts`).
 */

import type { SiteNames, Situation } from '../event/names.ts'
import type { EventFunction } from '../model/event.ts'
import { sourceFunction, type SourceFunction } from './beam-names.ts'
import { findFunction, functionKey, type CallSite, type FunctionCode, type ModuleCode, type StaticIndex } from './code.ts'
import { moved, type ClauseLines, type Fit } from './fit.ts'
import { around, callsBefore, callsOf, captures, inOrderOfEvaluation, nCertain, perhapsAt, preferPart, tailCallsOf, type Callee } from './places.ts'
import { mayFollow } from './sequence.ts'
import { METHODS, type Method, type Resolution } from './resolution.ts'

/** What is known of the caller's module on that node. */
export type Running = { readonly fit: Fit; readonly table: ClauseLines | null }

/** Steps of a chain of tail calls that are followed, and calls looked at on the way. */
const TAIL_DEPTH = 4
const TAIL_BUDGET = 200

const NOWHERE: Resolution = { nodeId: null, evidence: 'none', method: 'unknown', isAny: true, isUnsettled: false, candidates: [], version: null }

export function resolve(index: StaticIndex, names: SiteNames, running: Running, situation?: Situation): Resolution {
  const { mfa, caller } = names
  const callee = mfa === null ? undefined : calleeOf(mfa)
  if (callee === undefined) return theFunction(index, names)
  const via = situation?.via ?? null
  if (via !== null && !isSame(via, caller)) return throughVia(index, names, via, callee, situation?.after)
  if (caller === null) return theFunction(index, names)
  const from = sourceFunction(caller.function, caller.arity)
  const found: Resolution[] = []
  for (const code of running.fit.codes) {
    const fn = code.functions.get(functionKey(from.name, from.arity))
    if (fn === undefined) continue
    const search: Search = { index, fn, callee, caller, part: from.part === 'within' ? 'within' : 'function', line: lineIn(fn, caller.line, running), certainty: running.fit.certainty, before: situation, isAgain: via !== null }
    const place = findPlace(search)
    if (place !== undefined) found.push(answer(place, code, running.fit.certainty, situation === undefined ? 'alone' : 'in order'))
  }
  const [newest] = found
  if (newest === undefined) return theFunction(index, names)
  const isAny = found.every((one) => one.isAny)
  if (found.some((one) => one.nodeId !== newest.nodeId)) return { ...severalVersions(found), isAny, isUnsettled: found.some((one) => one.isUnsettled) }
  return { ...(found.find(({ evidence }) => evidence !== 'exact') ?? newest), isAny, isUnsettled: found.some((one) => one.isUnsettled) }
}

/** A function that calls itself is its own caller, in another activation. */
function isSame(a: EventFunction, b: EventFunction | null): boolean {
  return a.module === b?.module && a.function === b.function && a.arity === b.arity
}

/** What is called, as the source has it; an anonymous function is called by no name. */
function calleeOf(mfa: EventFunction): Callee | undefined {
  const { name, arity, part } = sourceFunction(mfa.function, mfa.arity)
  return part === 'within' ? undefined : { module: mfa.module, name, arity }
}

/** Where no version fits, lines have moved: but often a function as a whole. 0: nothing is known of the line. */
function lineIn(fn: FunctionCode, line: number, { fit, table }: Running): number {
  if (fit.certainty !== 'none fits' || line === 0) return line
  const by = table === null ? 0 : moved(fn, table)
  return by === undefined ? 0 : line - by
}

type Search = {
  readonly index: StaticIndex
  readonly fn: FunctionCode
  readonly callee: Callee
  readonly caller: EventFunction
  readonly part: 'function' | 'within'
  readonly line: number
  readonly certainty: Fit['certainty']
  /** Undefined: calls in tail position of others may be among them. */
  readonly before: Situation | undefined
  /** What has not returned is the caller itself, called from this line. */
  readonly isAgain: boolean
}
type Place = { readonly method: Method; readonly calls: readonly CallSite[]; readonly isAny: boolean; readonly isUnsettled?: boolean }

function findPlace(search: Search): Place | undefined {
  const { fn, callee, line, before: situation, certainty } = search
  const fitting = callsOf(fn, callee)
  if (line === 0) return onlyCall(fitting)
  if (certainty === 'none fits') return guess(fitting, line)
  const { there, before, isAny: isOne } = reportedAt(fitting, search)
  const near = [...there, ...before]
  const own = near.length === 0 && situation !== undefined && !search.isAgain ? fitting.filter((call) => perhapsAt(call, line)) : near
  const isAny = isOne && own.length < 2
  const tails = situation !== undefined && own.length > 0 ? againTail(search, own) : tailsFrom(search, there)
  if (own.length + tails.length > 1) return { ...inSequence(ofSeveral(fn, own, tails, situation?.nth), fn, search.caller, situation?.after), isAny }
  if (own.length === 1) {
    const isOnly = near.length > 0 && !fitting.some((call) => call !== own[0] && perhapsAt(call, line))
    return { method: isOnly ? 'site' : there.length === 1 ? 'site, order not known' : 'next line', calls: own, isAny }
  }
  if (tails.length === 1) return { method: 'tail call', calls: tails, isAny }
  return elsewhere(search, fitting)
}

/** A function that called itself at this line, and whose other activation may call in tail position now. */
function againTail({ fn, callee, isAgain }: Search, own: readonly CallSite[]): CallSite[] {
  return isAgain ? callsOf({ ...fn, calls: tailCallsOf(fn) }, callee).filter((call) => !own.includes(call)) : []
}

/** Calls that are reported at this line: their own, or that of what runs next. */
function reportedAt(fitting: readonly CallSite[], { line, part, before: situation }: Search): { readonly there: readonly CallSite[]; readonly before: readonly CallSite[]; readonly isAny: boolean } {
  const at = fitting.filter((call) => call.line === line)
  // One in tail position is reported with the caller's own caller, unless what it stands in was inlined.
  const staying = at.filter((call) => !call.isTail)
  const before = preferPart(callsBefore(fitting.filter((call) => !call.isTail), line), part)
  const there = preferPart(staying.length + before.length > 0 ? staying : at, part)
  const nth = situation === undefined ? 0 : (situation.nth ?? Infinity)
  const own = there.filter(({ alsoAt }) => alsoAt.length === 0)
  return { there: own.length + before.length > nth ? own : there, before, isAny: there.length + before.length < 2 }
}

function ofSeveral(fn: FunctionCode, own: readonly CallSite[], tails: readonly CallSite[], nth: number | undefined): Omit<Place, 'isAny'> {
  const all = inOrderOfEvaluation(fn.calls).filter((call) => own.includes(call))
  const chosen = nth !== undefined && tails.length === 0 && nth < nCertain(all) ? all[nth] : undefined
  return chosen === undefined ? { method: 'several', calls: [...all, ...tails] } : { method: 'nth at the line', calls: [chosen] }
}

/** Of several places those that may come next after the call that the activation made last. */
function inSequence<P extends Pick<Place, 'method' | 'calls'>>(place: P, fn: FunctionCode, activation: EventFunction, after: Situation['after']): P & Pick<Place, 'isUnsettled'> {
  if (place.method !== 'several' || isOne(place.calls)) return place
  const before = after === undefined ? [] : madeAs(fn, activation, after)
  if (before?.length === 0) return { ...place, isUnsettled: after === undefined }
  const next = mayFollow(fn, place.calls, before)
  if (next.length === 0 || next.length === place.calls.length) return place
  return { ...place, method: isOne(next) ? 'next in order' : 'several', calls: next }
}

const isOne = (calls: readonly CallSite[]) => calls.every(({ node }) => node === calls[0]?.node)

/** The places in a function that a call that an activation of it made may come from; null for no call, empty where it made it elsewhere. */
function madeAs(fn: FunctionCode, activation: EventFunction, made: SiteNames | null): readonly CallSite[] | null {
  if (made === null) return null
  const { mfa, caller } = made
  const callee = mfa === null || !isSame(activation, caller) ? undefined : calleeOf(mfa)
  const line = caller?.line ?? 0
  const fitting = callee === undefined ? [] : callsOf(fn, callee)
  const there = fitting.filter((call) => call.line === line || call.alsoAt.includes(line))
  return there.length > 0 ? there : fitting.filter((call) => perhapsAt(call, line))
}

/** Nothing of that name is at the line. */
function elsewhere({ index, fn, callee, line }: Search, fitting: readonly CallSite[]): Place | undefined {
  const [above, ...others] = fitting.filter((call) => perhapsAt(call, line))
  if (above !== undefined && others.length === 0) return { method: 'next line', calls: [above], isAny: true }
  if (fn.calls.some((call) => call.line === line && call.module !== null && isHandedOn(index, { module: call.module, function: call.name, arity: call.arity }, callee))) return undefined
  const only = onlyCall(fitting)
  if (only !== undefined) return only
  const expanding = fn.calls.filter((call) => call.line === line && mayExpand(index, call))
  return expanding.length === 1 && !isOwnDefault(fn, callee) ? { method: 'expansion', calls: expanding, isAny: true } : undefined
}

/** Lines are of another text: that one of several calls of a name stands where the function's own move puts it says little. */
function guess(fitting: readonly CallSite[], line: number): Place | undefined {
  const there = fitting.filter((call) => call.line === line)
  return onlyCall(fitting) ?? (there.length === 1 ? { method: 'site', calls: there, isAny: true } : undefined)
}

function onlyCall(fitting: readonly CallSite[]): Place | undefined {
  return fitting.length === 1 ? { method: 'only call', calls: fitting, isAny: true } : undefined
}

function throughVia(index: StaticIndex, names: SiteNames, via: EventFunction, callee: Callee, after: Situation['after']): Resolution {
  const calls = isHandedOn(index, via, callee) || isHandedOut(index, names.caller, via, callee) ? [] : tailsOfFunction(index, via, callee)
  const [code] = index.versionsOf(via.module)
  if (calls.length === 0 || code === undefined) return theFunction(index, names)
  const place: Place = { method: calls.length === 1 ? 'tail call' : 'several', calls, isAny: true }
  const { name, arity } = sourceFunction(via.function, via.arity)
  const fn = code.functions.get(functionKey(name, arity))
  return answer(fn === undefined ? place : inSequence(place, fn, via, after), code, 'sure', 'in order')
}

/** What defaults generated calls the function with all arguments: written nowhere. */
function isHandedOn(index: StaticIndex, via: EventFunction, callee: Callee): boolean {
  const fn = findFunction(index, callee.module, callee.name, callee.arity)
  return fn?.arity === callee.arity && via.module === callee.module && via.function === callee.name && via.arity < fn.arity && via.arity >= fn.arity - fn.defaults
}

/**
 * Code of others, such as `Enum.map`, called `via`, which may have had it call what it captures, and from the same line. It may
 * be in tail position as well: what is sure is the function alone.
 */
function isHandedOut(index: StaticIndex, caller: EventFunction | null, via: EventFunction, callee: Callee): boolean {
  const { name, arity } = sourceFunction(via.function, via.arity)
  const fn = findFunction(index, via.module, name, arity)
  return fn !== undefined && captures(fn, callee) && caller !== null && index.versionsOf(caller.module).length === 0
}

/** A function that the project defines is what it is; anything else may be a macro. */
function mayExpand(index: StaticIndex, call: CallSite): boolean {
  if (call.module === null) return true
  const kind = findFunction(index, call.module, call.name, call.arity)?.kind
  return kind === undefined ? !WITHOUT_MACROS.has(call.module) : kind === 'defmacro' || kind === 'defmacrop'
}

/** Modules of Elixir that are named often and have no macros, or none that call what is traced. */
const WITHOUT_MACROS: ReadonlySet<string> = new Set(['Kernel', 'Enum', 'Map', 'List', 'String', 'Keyword', 'Stream', 'Process', 'GenServer', 'Agent', 'Task', 'File', 'IO', 'Tuple', 'MapSet'])

/** The function itself, called with all arguments by what defaults generated. */
function isOwnDefault(fn: FunctionCode, callee: Callee): boolean {
  return fn.name === callee.name && fn.arity === callee.arity && fn.defaults > 0
}

/** Calls in tail position of what is called at the line, and of what these call in turn. */
function tailsFrom({ index, fn, callee, line }: Search, there: readonly CallSite[]): CallSite[] {
  const starts = fn.calls.filter((call) => call.line === line || call.alsoAt.includes(line))
  const found = new Set<CallSite>()
  const walk = { index, callee, seen: new Set<FunctionCode>(), left: TAIL_BUDGET, found }
  for (const start of starts) if (start.module !== null) followTails(walk, start, TAIL_DEPTH)
  for (const call of there) found.delete(call)
  return [...found]
}

function tailsOfFunction(index: StaticIndex, from: EventFunction, callee: Callee): readonly CallSite[] {
  const { name, arity, part } = sourceFunction(from.function, from.arity)
  const fn = findFunction(index, from.module, name, arity)
  if (part === 'within') return fn === undefined ? [] : endingFun(callsOf(fn, callee))
  const found = new Set<CallSite>()
  const written = fn === undefined ? [] : callsOf(fn, callee)
  // `x = f(); x` and the like are calls in tail position as well.
  if (fn !== undefined && written.length > 0 && callsOf({ ...fn, calls: tailCallsOf(fn) }, callee).length === 0) return written
  followTails({ index, callee, seen: new Set(), left: TAIL_BUDGET, found }, { module: from.module, name, arity }, TAIL_DEPTH)
  return [...found]
}

/** Of a fun's calls those that it ends with, where there are any. */
function endingFun(calls: readonly CallSite[]): readonly CallSite[] {
  const within = preferPart(calls, 'within')
  const ending = within.filter(({ isTail }) => isTail)
  return ending.length > 0 ? ending : within
}

type TailWalk = { readonly index: StaticIndex; readonly callee: Callee; readonly seen: Set<FunctionCode>; left: number; readonly found: Set<CallSite> }

/** Those of the nearest functions that have one: a chain through more functions is not looked for beyond. */
function followTails(walk: TailWalk, from: Pick<CallSite, 'module' | 'name' | 'arity'>, depth: number): void {
  const fn = from.module === null ? undefined : findFunction(walk.index, from.module, from.name, from.arity)
  if (fn === undefined || walk.seen.has(fn) || depth === 0) return
  walk.seen.add(fn)
  const tails = tailCallsOf(fn)
  walk.left -= tails.length
  if (walk.left < 0) return
  const fitting = callsOf({ ...fn, calls: tails }, walk.callee)
  for (const call of fitting) walk.found.add(call)
  if (fitting.length === 0) for (const call of tails) followTails(walk, call, depth - 1)
}

function answer({ method, calls, isAny, isUnsettled = false }: Place, code: ModuleCode, certainty: Fit['certainty'], order: 'in order' | 'alone'): Resolution {
  const nodes = Array.from(new Set(calls.map(({ node }) => node)))
  const settled = nodes.length === 1 && method === 'several' ? 'site' : method
  const graded = settled === 'site' && certainty !== 'sure' ? 'site, version in doubt' : settled === 'site' && order === 'alone' ? 'site, order not known' : settled
  return {
    nodeId: graded === 'several' ? (around(nodes) ?? null) : (nodes[0] ?? null),
    evidence: METHODS[graded],
    method: graded,
    isAny, isUnsettled,
    candidates: graded === 'several' ? nodes : [],
    version: { path: code.path, number: code.version },
  }
}

function severalVersions(found: readonly Resolution[]): Omit<Resolution, 'isAny' | 'isUnsettled'> {
  const candidates = found.flatMap((one) => (one.candidates.length > 0 ? one.candidates : one.nodeId === null ? [] : [one.nodeId]))
  return { nodeId: found[0]?.nodeId ?? null, evidence: 'ambiguous', method: 'several', candidates: [...new Set(candidates)], version: found[0]?.version ?? null }
}

/** The function that was called, else the one that called; places in either are not known. */
function theFunction(index: StaticIndex, { mfa, caller }: SiteNames): Resolution {
  for (const one of [mfa, caller]) {
    if (one === null) continue
    const source: SourceFunction = sourceFunction(one.function, one.arity)
    const [code] = index.versionsOf(one.module)
    const fn = code?.functions.get(functionKey(source.name, source.arity))
    if (code !== undefined && fn !== undefined) {
      return { nodeId: fn.node, evidence: 'function', method: 'function', isAny: true, isUnsettled: false, candidates: [], version: { path: code.path, number: code.version } }
    }
  }
  return NOWHERE
}
