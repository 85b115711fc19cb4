/** What a function, module or node did when it ran; the hottest functions; complexity as written beside what ran. */

import { sourceFunction } from '../../correlate/beam-names.ts'
import { insightsBy, type Counted, type Insight, type SiteFigures } from '../../correlate/insights.ts'
import { failure, type Failure } from '../../base/failure.ts'
import { fail, ok, type Result } from '../../base/result.ts'
import type { Site } from '../../event/names.ts'
import { siteNames } from '../../event/query/columns.ts'
import type { EventFilter } from '../../event/query/filter.ts'
import { linkedNode } from '../../event/query/links.ts'
import { runQuery } from '../../event/query/run.ts'
import { snapshotOf } from '../../event/query/scan.ts'
import { isModuleName, parseMfa } from '../../model/names.ts'
import { parseNodeId } from '../../model/node-id.ts'
import type { FunctionRow } from '../../store/contract.ts'
import type { Args, Value } from '../../wire/methods.ts'
import { findFunction, findModule } from '../find.ts'
import { basisOf, callsIn, figuresRecord, NO_FIGURES, QUANTILES } from './basis.ts'
import { finishWithin, type RuntimeContext } from './context.ts'
import { figuresIn, figuresOfRows, type Window } from './figures.ts'
import { placesOf, type NodePlace } from './node-places.ts'
import { readPayload } from './payload.ts'
import { filterOf } from './read-events.ts'
import { raisedText } from './raised.ts'
import { fieldOf, termText, type Term } from './terms.ts'
import { definitions, isPlaced, runningName, withoutHandovers, writtenOf } from './written.ts'

type Insights = Value<'get_runtime_insights'>
/** The events of what is asked about: several filters where it has several names. */
type Subject = { readonly kind: Insights['kind']; readonly key: string; readonly figures: readonly SiteFigures[]; readonly filters: readonly EventFilter[] }

const EXECUTED = ['call', 'return', 'exception'] as const
const MAX_ERRORS = 1000
const MAX_ERROR_TEXT = 200

export function getRuntimeInsights(context: RuntimeContext, { of, since, until }: Args<'get_runtime_insights'>): Result<Insights, Failure> {
  const window = filterOf({ since, until })
  if (!window.ok) return window
  const subject = subjectOf(context, of, window.value)
  if (!subject.ok) return subject
  const { kind, key, figures, filters } = subject.value
  const names = definitions(context)
  const insight = insightsBy(kind, figures, names.written(figures)).get(key)
  const own = kind === 'node' ? figures : figures.filter(({ site }) => (kind === 'module' ? site.mfa?.module : names.calledBy(site)) === key)
  const placeOfCaller = (counted: string) => onlyNode(own.filter(({ site }) => site.caller !== null && names.nameOf(site.caller) === counted))
  const placeOfCallee = (counted: string) => onlyNode(figures.filter(({ site }) => names.calledBy(site) === counted))
  return ok({
    of: key, kind, ...basisOf(context, window.value, insight?.calls ?? 0, `sums over whole blocks, rows of blocks that the window cuts; ${QUANTILES}`),
    figures: insight === undefined ? NO_FIGURES : figuresRecord(insight), last_executed_ns: lastExecuted(context, filters),
    callers: countedRecords(insight?.callers, placeOfCaller), callees: countedRecords(insight?.callees, placeOfCallee),
    errors: errorsOf(context, filters), stated: statedOf(context, new Set([of, key])),
  })
}

function subjectOf(context: RuntimeContext, of: string, window: Window): Result<Subject, Failure> {
  const mfa = parseMfa(of)
  if (mfa !== undefined) return functionSubject(context, mfa, window)
  if (isModuleName(of)) return moduleSubject(context, of, window)
  const root = parseNodeId(of)?.root
  if (root === undefined) return fail(failure('invalid_argument', `of: ${JSON.stringify(of)} is no function, module or node`, { hint: 'e.g. MyApp.Cart.add/2, MyApp.Cart or MyApp.Cart.add/2#1/case' }))
  const known = root.kind === 'body' ? findModule(context.snapshot, root.module) : findFunction(context.snapshot, root.mfa)
  if (!known.ok) return known
  const places = placesOf(context, of, window)
  const seen = places.flatMap((place) => figuresAt(context, place)).map((one) => ({ ...one, site: { ...one.site, nodeId: of } }))
  const figures = withoutHandovers(seen, definitions(context))
  return ok({ kind: 'node', key: of, figures, filters: places })
}

function functionSubject(context: RuntimeContext, mfa: { module: string; name: string; arity: number }, window: Window): Result<Subject, Failure> {
  const found = findFunction(context.snapshot, mfa)
  const names = definitions(context)
  const key = names.nameOf({ module: mfa.module, function: mfa.name, arity: mfa.arity })
  const isIt = (fn: { module: string; function: string; arity: number } | null) => fn !== null && fn.module === mfa.module && sourceFunction(fn.function, fn.arity).name === mfa.name && names.nameOf(fn) === key
  const figures = figuresIn(context, window).filter(({ site }) => isIt(site.mfa) || isIt(site.caller))
  if (!found.ok && figures.length === 0) return found
  const defaults = found.ok ? found.value.defaults : 0
  const arity = found.ok ? found.value.arity : mfa.arity
  const filters = Array.from({ length: defaults + 1 }, (_, idx) => ({ ...window, module: mfa.module, function: mfa.name, arity: arity - idx }))
  return ok({ kind: 'function', key, figures, filters })
}

function moduleSubject(context: RuntimeContext, name: string, window: Window): Result<Subject, Failure> {
  const module = runningName(name)
  const figures = figuresIn(context, window).filter(({ site }) => site.mfa?.module === module || site.caller?.module === module)
  const found = findModule(context.snapshot, name)
  if (!found.ok && figures.length === 0) return found
  return ok({ kind: 'module', key: module, figures, filters: [{ ...window, module }] })
}

/** Events that were linked to a node are the node's: where there are such, rows are counted one by one. */
function figuresAt(context: RuntimeContext, { nodeId, versions, ...window }: NodePlace): readonly SiteFigures[] {
  const isThere = (site: Site): boolean => site.nodeId === nodeId && (versions?.includes(site.version ?? 0) ?? true)
  const { links } = snapshotOf(context.queries)
  if (links.size === 0) return figuresIn(context, window).filter(({ site }) => isThere(site))
  return figuresOfRows(context, window, (view) => {
    const sites = new Set<number>()
    for (let site = 1; site <= view.counts.sites; site++) if (isThere(siteNames(view, site))) sites.add(site)
    if (!links.has(view.number)) return sites.size === 0 ? null : (row) => sites.has(view.block.site[row] ?? 0)
    return (row) => {
      const linked = linkedNode(links, view, row)
      return linked === undefined ? sites.has(view.block.site[row] ?? 0) : linked === nodeId && versions?.includes(0) !== false
    }
  })
}

function lastExecuted(context: RuntimeContext, filters: readonly EventFilter[]): bigint | null {
  const [latest] = lastEvents(context, filters.map((filter) => ({ ...filter, types: EXECUTED })), 1)
  return latest?.timestampNs ?? null
}

export function lastEvents(context: RuntimeContext, filters: readonly EventFilter[], limit: number) {
  const events = filters.flatMap((filter) => finishWithin(context, runQuery(context.queries, { filter, order: 'desc', limit })).events)
  return events.sort((a, b) => (a.timestampNs < b.timestampNs ? 1 : a.timestampNs > b.timestampNs ? -1 : 0)).slice(0, limit)
}

function errorsOf(context: RuntimeContext, filters: readonly EventFilter[]): Insights['errors'] {
  const errors = new Map<string, { class: string; value: string; count: number }>()
  for (const { payload } of lastEvents(context, filters.map((filter) => ({ ...filter, types: ['exception'] as const })), MAX_ERRORS)) {
    const told = payload === null ? undefined : readPayload(payload)
    const [kind, text] = [fieldOf(told, 'class'), fieldOf(told, 'value')]
    const error = { class: kind === undefined ? 'unknown' : plainText(kind), value: raisedText(kind, text).slice(0, MAX_ERROR_TEXT), count: 1 }
    const known = errors.get(`${error.class} ${error.value}`)
    if (known === undefined) errors.set(`${error.class} ${error.value}`, error)
    else known.count++
  }
  return [...errors.values()].sort((a, b) => b.count - a.count)
}

/** `error` of the string and of the atom. */
function plainText(term: Term): string {
  return typeof term === 'string' ? term : termText(term).replace(/^:/, '')
}

function countedRecords(counted: readonly Counted[] | undefined, nodeOf: (fn: string) => string | null): Insights['callers'] {
  return (counted ?? []).map(({ function: fn, calls }) => ({ mfa: fn ?? '(unknown)', calls, node_id: fn === null ? null : nodeOf(fn) }))
}

/** Where all of these whose place is known come from one, and none may come from several, that place. */
function onlyNode(figures: readonly SiteFigures[]): string | null {
  const called = figures.filter(({ site, summary }) => summary.calls > 0 && (isPlaced(site.evidence) || site.evidence === 'ambiguous'))
  const nodes = new Set(called.map(({ site }) => (isPlaced(site.evidence) ? site.nodeId : null)))
  const [only = null] = nodes
  return nodes.size === 1 ? only : null
}

function statedOf(context: RuntimeContext, names: ReadonlySet<string>): Insights['stated'] {
  return [...names].flatMap((name) => Object.entries(context.statedOf(name)).map(([source, { at, insights }]) => ({ source, at, insights })))
}

const MEASURES = {
  own: (insight: Insight) => insight.ownNs, duration: (insight: Insight) => insight.outerNs, calls: (insight: Insight) => insight.calls,
  p95: (insight: Insight) => insight.p95Ns ?? 0, exceptions: (insight: Insight) => insight.exceptions,
} as const

export function getHotspots(context: RuntimeContext, { since, until, module_prefix: prefix = '', limit, by }: Args<'get_hotspots'>): Result<Value<'get_hotspots'>, Failure> {
  const window = filterOf({ since, until })
  if (!window.ok) return window
  const figures = figuresIn(context, window.value)
  const names = definitions(context)
  const measure = MEASURES[by]
  const hot = Array.from(insightsBy('function', figures, names.written(figures)), ([mfa, insight]) => ({ mfa, insight, by: measure(insight) }))
    .filter(({ mfa, by: amount }) => amount > 0 && mfa.startsWith(prefix))
    .sort((a, b) => b.by - a.by || (a.mfa < b.mfa ? -1 : 1))
  return ok({
    functions: hot.slice(0, limit).flatMap(({ mfa, insight }) => {
      const fn = parseMfa(mfa)
      const row = fn === undefined ? undefined : context.snapshot.findFunction(fn)
      return fn === undefined ? [] : [{
        module: fn.module, function: fn.name, arity: fn.arity, mfa, figures: figuresRecord(insight), node_id: row === undefined ? null : mfa, cyclomatic_complexity: row?.cyclomatic ?? null,
      }]
    }),
    total: hot.length, ...basisOf(context, window.value, callsIn(figures), `by ${by}; sums over blocks; ${QUANTILES}`),
  })
}

export function analyzeComplexity(context: RuntimeContext, { of }: Args<'analyze_complexity'>): Result<Value<'analyze_complexity'>, Failure> {
  const rows = rowsOf(context, of)
  if (!rows.ok) return rows
  const figures = figuresIn(context, {})
  const insights = insightsBy('function', figures, rows.value.map((row) => writtenOf(row).fn))
  const functions = rows.value.map((row) => {
    const { mfa } = writtenOf(row)
    const insight = insights.get(mfa)
    return { mfa, cyclomatic_complexity: row.cyclomatic, lines_of_code: row.linesOfCode, clauses: row.clauses, figures: insight === undefined ? null : figuresRecord(insight) }
  })
  return ok({
    of, functions, cyclomatic_total: sum(rows.value, ({ cyclomatic }) => cyclomatic), cyclomatic_max: rows.value.reduce((most, { cyclomatic }) => Math.max(most, cyclomatic), 0),
    lines_of_code: sum(rows.value, ({ linesOfCode }) => linesOfCode), ...basisOf(context, {}, functions.reduce((n, fn) => n + (fn.figures?.calls ?? 0), 0), `sums over blocks; ${QUANTILES}`),
  })
}

/** The functions that are asked about: one, or all of a module. */
export function rowsOf(context: RuntimeContext, of: string): Result<readonly FunctionRow[], Failure> {
  const mfa = parseMfa(of)
  if (mfa !== undefined) {
    const found = findFunction(context.snapshot, mfa)
    return found.ok ? ok([found.value]) : found
  }
  const module = findModule(context.snapshot, of)
  if (!module.ok) return module
  const rows: FunctionRow[] = []
  let after: string | undefined
  do {
    const page = context.snapshot.functionsOf(module.value.id, { limit: 1000, after })
    rows.push(...page.items.filter(({ stale }) => stale === null))
    after = page.next ?? undefined
  } while (after !== undefined)
  return ok(rows)
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0)
}
