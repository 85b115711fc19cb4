/**
 * What was executed and what was not, against what is written. Nothing is said of functions that were not traced, and no
 * call is called unseen where it may have been seen.
 */

import { complexAndHot, executedButUntested, insightsBy, neverExecuted, observedEdges, type SiteFigures, type WrittenEdge } from '../../correlate/insights.ts'
import type { Failure } from '../../base/failure.ts'
import { ok, type Result } from '../../base/result.ts'
import { formatMfa, type Mfa } from '../../model/names.ts'
import type { Args, Value } from '../../wire/methods.ts'
import { findFunction, readMfa } from '../find.ts'
import { basisOf, callsIn, figuresRecord, QUANTILES } from './basis.ts'
import { capturedPlans } from './captures.ts'
import type { ActivePlan, RuntimeContext, Written } from './context.ts'
import { figuresIn, type Window } from './figures.ts'
import { placesOf } from './node-places.ts'
import { filterOf } from './read-events.ts'
import { testedFigures } from './tested.ts'
import { definitions, isPlaced, runningName, tracedBy, withoutHandovers, writtenFunctions, writtenOf } from './written.ts'

type Ranked = Pick<Args<'find_untested'>, 'since' | 'until' | 'module_prefix' | 'limit'>
type Listed = Value<'find_untested'>

export function findNeverExecuted(context: RuntimeContext, args: Args<'find_never_executed'>): Result<Value<'find_never_executed'>, Failure> {
  return listed(context, args, ({ written, figures, window }) => ({
    mfas: neverExecuted(written.map(({ fn }) => fn), figures, tracedBy(plansIn(context, window), figures)),
    method: 'functions without a call, of modules that a plan traced whole or, where none names them, of which something was seen',
  }))
}

/** What nodes traced then; where none of them told, what they are to trace. */
function plansIn(context: RuntimeContext, window: Window): readonly ActivePlan[] {
  const captured = capturedPlans(context, window)
  return captured.length > 0 ? captured : context.activePlans()
}

export function findUntested(context: RuntimeContext, args: Args<'find_untested'>): Result<Value<'find_untested'>, Failure> {
  return listed(context, args, ({ written, figures, window }) => {
    const { figures: tested, state } = testedFigures(context, window)
    const told = { tests: '', 'no tests': '; no test was seen', cut: '; later tests were not looked at' }[state]
    return {
      mfas: executedButUntested(written.map(({ fn }) => fn), figures, tested),
      method: `calls in all, without those that carry a test's correlation id or come from its processes${told}`,
    }
  })
}

export function findComplexAndHot(context: RuntimeContext, { min_complexity: cyclomatic, ...args }: Args<'find_complex_and_hot'>): Result<Value<'find_complex_and_hot'>, Failure> {
  return listed(context, args, ({ written, figures }) => ({
    mfas: complexAndHot(written.map(({ fn }) => fn), figures, cyclomatic), method: 'cyclomatic complexity times own time, or calls where no durations are known',
  }))
}

type Asked = { readonly written: readonly Written[]; readonly figures: readonly SiteFigures[]; readonly window: Window }

function listed(context: RuntimeContext, { since, until, module_prefix: prefix = '', limit }: Ranked, find: (asked: Asked) => { readonly mfas: readonly string[]; readonly method: string }): Result<Listed, Failure> {
  const window = filterOf({ since, until })
  if (!window.ok) return window
  const written = writtenFunctions(context, prefix)
  const figures = figuresIn(context, window.value)
  const { mfas, method } = find({ written, figures, window: window.value })
  const byName = new Map(written.map((one) => [one.mfa, one]))
  const names = [...new Set(mfas)].filter((mfa) => byName.has(mfa))
  const shown = names.slice(0, limit)
  const insights = insightsBy('function', figures, written.map(({ fn }) => fn))
  return ok({
    functions: shown.flatMap((mfa) => {
      const row = byName.get(mfa)?.row
      const insight = insights.get(mfa)
      return row === undefined ? [] : [{
        mfa, node_id: formatMfa({ module: row.moduleKey, name: row.name, arity: row.arity }), cyclomatic_complexity: row.cyclomatic, source_file: row.path, line: row.line,
        figures: insight === undefined ? null : figuresRecord(insight),
      }]
    }),
    total: names.length, ...basisOf(context, window.value, callsIn(figures), `${method}; ${QUANTILES}`),
  })
}

type PlacedEdge = WrittenEdge & { readonly line: number; readonly isCapture: boolean }

export function findUnseenCallers(context: RuntimeContext, { since, until, mfa: asked, module_prefix: prefix = '', limit }: Args<'find_unseen_callers'>): Result<Value<'find_unseen_callers'>, Failure> {
  const window = filterOf({ since, until })
  if (!window.ok) return window
  const callees = calleesAsked(context, asked, prefix)
  if (!callees.ok) return callees
  const figures = figuresIn(context, window.value)
  const names = definitions(context)
  const byCallee = Map.groupBy(withoutHandovers(figures, names), ({ site }) => names.calledBy(site))
  const unseen: PlacedEdge[] = []
  let undecided = 0
  for (const callee of callees.value) {
    const own = byCallee.get(callee.mfa) ?? []
    const calls = callsIn(own)
    if (calls === 0) continue
    context.pause()
    const edges = edgesTo(context, callee)
    const counted = edges.map((edge) => ({ edge, calls: callsAt(context, edge, own, window.value) }))
    const silent = counted.filter((one) => one.calls === 0 && !one.edge.isCapture)
    if (silent.length === 0) continue
    // Calls of unknown place may be those of any written call that no call is known of.
    if (counted.reduce((sum, one) => sum + one.calls, 0) < calls) undecided += silent.length
    else unseen.push(...silent.map(({ edge }) => edge))
  }
  return ok({
    calls: unseen.slice(0, limit).map(({ caller, callee, node, line }) => ({ caller, callee, node_id: node, line })), total: unseen.length, undecided,
    ...basisOf(context, window.value, callsIn(figures), 'written calls at whose place no call was seen, of functions all of whose calls have a known place'),
  })
}

function calleesAsked(context: RuntimeContext, asked: string | undefined, prefix: string): Result<readonly Written[], Failure> {
  if (asked === undefined) return ok(writtenFunctions(context, prefix))
  const mfa = readMfa(asked)
  if (!mfa.ok) return mfa
  const found = findFunction(context.snapshot, mfa.value)
  return found.ok ? ok([writtenOf(found.value)]) : found
}

/** The calls of a function as written, and its captures; the body of a module calls when it is compiled. */
function edgesTo({ snapshot }: RuntimeContext, { row, mfa }: Written): PlacedEdge[] {
  const edges: PlacedEdge[] = []
  let after: string | undefined
  do {
    const page = snapshot.callers({ module: runningName(row.moduleKey), name: row.name, arity: row.arity }, { limit: 1000, after })
    for (const { caller, node, line, kind } of page.items) {
      if (caller.function === null) continue
      edges.push({ caller: formatMfa({ ...caller.function, module: runningName(caller.moduleKey) }), callee: mfa, node, line, isCapture: kind === 'capture' })
    }
    after = page.next ?? undefined
  } while (after !== undefined)
  return edges
}

/** Calls seen at the place, under any name that it had. */
function callsAt(context: RuntimeContext, { node }: WrittenEdge, figures: readonly SiteFigures[], window: Window): number {
  const at = (id: string, among: readonly SiteFigures[]) => among.reduce((sum, { site, summary }) => (site.nodeId === id && isPlaced(site.evidence) ? sum + summary.calls : sum), 0)
  const here = at(node, figures)
  if (here > 0) return here
  const others = new Set(placesOf(context, node, window).map(({ nodeId }) => nodeId))
  others.delete(node)
  return [...others].reduce((sum, id) => sum + at(id, figures), 0)
}

export function getObservedCalls(context: RuntimeContext, { mfa: asked, since, until }: Args<'get_observed_calls'>): Result<Value<'get_observed_calls'>, Failure> {
  const window = filterOf({ since, until })
  if (!window.ok) return window
  const mfa = readMfa(asked)
  if (!mfa.ok) return mfa
  const found = findFunction(context.snapshot, mfa.value)
  if (!found.ok) return found
  const self = writtenOf(found.value)
  const names = definitions(context)
  const own = figuresIn(context, window.value).filter(({ site }) => site.mfa !== null && site.caller?.module === self.fn.module && names.nameOf(site.caller) === self.mfa)
  const calls = callsOf(context, self, names)
  const nodes = new Map(calls.flatMap((edge) => placesOf(context, edge.node, window.value).map(({ nodeId }) => [nodeId, edge.node] as const)))
  for (const { node } of calls) nodes.set(node, node)
  const today = withoutHandovers(own, names).map((one) => ({ ...one, site: { ...one.site, nodeId: one.site.nodeId === null ? null : (nodes.get(one.site.nodeId) ?? one.site.nodeId) } }))
  const lines = new Map(calls.map(({ node, line }) => [node, line]))
  const edges = observedEdges(calls, names.written(own), today).filter(({ caller }) => caller === self.mfa)
  return ok({
    calls: edges.map(({ callee, node, calls: observed, grade }) => ({ callee, node_id: node, line: node === null ? null : (lines.get(node) ?? null), observed, written: grade !== 'observed' })),
    ...basisOf(context, window.value, callsIn(today), 'calls by caller and place; where a call has one place only, all of the pair; calls of unknown place among several are given to none'),
  })
}

function callsOf({ snapshot }: RuntimeContext, { row, mfa }: Written, names: ReturnType<typeof definitions>): PlacedEdge[] {
  const edges: PlacedEdge[] = []
  let after: string | undefined
  do {
    const page = snapshot.calleesOf(row.id, { limit: 1000, after })
    for (const { module, name, arity, node, line, kind } of page.items) edges.push({ caller: mfa, callee: calleeName(names, { module, name, arity }), node, line, isCapture: kind === 'capture' })
    after = page.next ?? undefined
  } while (after !== undefined)
  return edges
}

function calleeName(names: ReturnType<typeof definitions>, { module, name, arity }: Omit<Mfa, 'module'> & { readonly module: string | null }): string {
  return module === null ? `${name}/${arity}` : names.nameOf({ module, function: name, arity })
}
