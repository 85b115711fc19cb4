/**
 * Where code can be traced, joined with what a plan traces there and what was seen. Static points are a function's entry and
 * exit, its calls (traced by tracing the callee with its caller's line), and the variables and expressions of its clauses;
 * the last two need a probe, which no plan can ask for yet: they are never enabled.
 *
 * Costs are those of one run on OTP 25 (1.16 µs for the message of a call, 0.99 more for that of its end, 0.42 for the
 * caller's line), without what copying arguments or results takes: 40 ns for each element of a tuple, say.
 */

import { childIdsOf, indexNodes, labelOf, readFor, resolveNode, type NodeIndex } from '../../analysis/node-ids.ts'
import { insightsBy } from '../../correlate/insights.ts'
import { failure, type Failure } from '../../base/failure.ts'
import { fail, ok, type Result } from '../../base/result.ts'
import type { EventFilter } from '../../event/query/filter.ts'
import type { Evidence } from '../../model/event.ts'
import { formatMfa, isModuleName, parseMfa } from '../../model/names.ts'
import { parseNodeId, type NodeId } from '../../model/node-id.ts'
import type { FunctionRow } from '../../store/contract.ts'
import { lineColumn } from '../../syntax/tree.ts'
import type { Args, Value } from '../../wire/methods.ts'
import { basisOf, callsIn } from './basis.ts'
import { plansInForce } from './captures.ts'
import { completenessOf } from './completeness.ts'
import type { ActivePlan, PlanPoint, RuntimeContext } from './context.ts'
import { figuresIn } from './figures.ts'
import { placesOf } from './node-places.ts'
import { lastEvents, rowsOf } from './read-insights.ts'
import { definitions, namesFunction, namesModule, withoutHandovers, writtenOf } from './written.ts'

type Point = Value<'get_instrumentation_points'>['points'][number]
type Kind = Point['instrumentation_type']

/** A place as the source has it. `traced`: the function that is traced to trace it; null where none does. */
type StaticPoint = {
  readonly kind: Kind
  readonly node: NodeId
  readonly location: Point['source_location']
  readonly traced: { readonly module: string; readonly function: string; readonly arity: number } | null
  readonly description: string
}

const OVERHEAD_NS: Readonly<Record<Kind, number>> = { function_entry: 1160, function_exit: 990, call: 1580, expression: 1160, variable: 1160 }
/** Share of one core. */
const IMPACT = { low: 0.001, medium: 0.01 } as const
const LATEST = 3

export function getInstrumentationPoints(context: RuntimeContext, { of, limit, cursor }: Args<'get_instrumentation_points'>): Result<Value<'get_instrumentation_points'>, Failure> {
  const from = startOf(context, cursor)
  if (!from.ok) return from
  const points = staticPoints(context, of)
  if (!points.ok) return points
  const shown = points.value.slice(from.value, from.value + limit)
  const seen = seenOf(context)
  const to = from.value + shown.length
  return ok({ points: shown.map((point) => pointRecord(context, point, seen)), cursor: to < points.value.length ? `${context.snapshot.epoch}.${to}` : null, ...basisOf(context, {}, callsIn(seen.figures), 'calls by function and by place in all that is kept') })
}

/** The order of points holds for an epoch. */
function startOf({ snapshot }: RuntimeContext, cursor: string | undefined): Result<number, Failure> {
  if (cursor === undefined) return ok(0)
  const [, epoch, from] = /^(\d{1,15})\.(\d{1,9})$/.exec(cursor) ?? []
  if (from === undefined) return fail(failure('invalid_argument', 'the cursor is none that a page gave', { hint: 'give it back as it came' }))
  if (Number(epoch) !== snapshot.epoch) return fail(failure('invalid_argument', 'the code has changed since the page before', { hint: 'begin again without a cursor' }))
  return ok(Number(from))
}

function staticPoints(context: RuntimeContext, of: string): Result<readonly StaticPoint[], Failure> {
  const root = parseMfa(of) === undefined && !isModuleName(of) ? parseNodeId(of)?.root : undefined
  if (root === undefined) {
    const rows = rowsOf(context, of)
    return rows.ok ? ok(rows.value.flatMap((row) => pointsOf(context, row))) : rows
  }
  const rows = rowsOf(context, root.kind === 'body' ? root.module : formatMfa(root.mfa))
  if (!rows.ok) return rows
  const within = rows.value.flatMap((row) => pointsOf(context, row)).filter(({ node }) => node === of || node.startsWith(`${of}/`))
  return within.length > 0 ? ok(within) : fail(failure('not_found', `nothing can be traced at ${of}`, { hint: `get_instrumentation_points of ${of.split('#')[0]} names what can` }))
}

function pointsOf(context: RuntimeContext, row: FunctionRow): StaticPoint[] {
  const { snapshot, pause } = context
  pause()
  const { fn, mfa } = writtenOf(row)
  const node = formatMfa({ module: row.moduleKey, name: row.name, arity: row.arity })
  const self = { module: fn.module, function: fn.name, arity: fn.arity }
  const file = row.path ?? ''
  const location = { file, line: row.line ?? 0, column: snapshot.functionById(row.id)?.facts.span.column ?? 0 }
  const ends: StaticPoint[] = [
    { kind: 'function_entry', node, location, traced: self, description: `calls of ${mfa}` },
    { kind: 'function_exit', node, location, traced: self, description: `returns and exceptions of ${mfa}` },
  ]
  return [...ends, ...callPoints(context, row), ...valuePoints(context, row, node)]
}

function callPoints({ snapshot }: RuntimeContext, row: FunctionRow): StaticPoint[] {
  const points: StaticPoint[] = []
  let after: string | undefined
  do {
    const page = snapshot.calleesOf(row.id, { limit: 1000, after })
    for (const { module, name, arity, line, column, node, kind } of page.items) {
      if (kind === 'capture') continue
      const called = module === null ? `${name}/${arity}` : formatMfa({ module, name, arity })
      points.push({ kind: 'call', node, location: { file: row.path ?? '', line, column }, traced: module === null ? null : { module, function: name, arity }, description: `the call of ${called}` })
    }
    after = page.next ?? undefined
  } while (after !== undefined)
  return points
}

const EXPRESSIONS: ReadonlySet<string> = new Set(['case', 'cond', 'if', 'unless', 'with', 'receive', 'try', 'for'])
const MAX_VALUES = 2000

/** Matches bind variables; decisions have a value. */
function valuePoints(context: RuntimeContext, row: FunctionRow, node: NodeId): StaticPoint[] {
  const { path } = row
  const tree = path === null ? undefined : context.treeOf(path)
  const start = context.snapshot.moduleById(row.moduleId)?.facts.span.start
  if (path === null || tree === undefined) return []
  const index = readFor(indexNodes(tree), node)
  const points: StaticPoint[] = []
  const waiting = Array.from({ length: row.clauses }, (_, idx) => `${node}#${row.clauses - idx}`)
  for (let id = waiting.pop(); id !== undefined && points.length < MAX_VALUES; id = waiting.pop()) {
    const at = resolveNode(index, id, start)
    if (at === undefined) continue
    const kind = kindOf(index, at)
    if (kind !== undefined) {
      const place = lineColumn(tree, tree.start[at] ?? 0)
      points.push({ kind, node: id, location: { file: path, line: place.line, column: place.column }, traced: null, description: kind === 'variable' ? 'what a match binds; needs a probe' : `the value of ${labelOf(index, at) ?? 'it'}; needs a probe` })
    }
    waiting.push(...childIdsOf(index, at).toReversed())
  }
  return points
}

function kindOf(index: NodeIndex, node: number): Kind | undefined {
  const label = labelOf(index, node)
  if (label === '=') return 'variable'
  return label !== null && EXPRESSIONS.has(label) ? 'expression' : undefined
}

/** What was seen of functions and of places, in all that is kept. */
function seenOf(context: RuntimeContext) {
  const figures = figuresIn(context, {})
  const names = definitions(context)
  const { since_ns: first, until_ns: last } = completenessOf(context, {})
  return {
    names, figures, plans: [...context.activePlans(), ...plansInForce(context)], byFunction: insightsBy('function', figures, names.written(figures)), byNode: insightsBy('node', withoutHandovers(figures, names)),
    evidence: new Map(figures.flatMap(({ site }) => (site.nodeId === null ? [] : [[site.nodeId, site.evidence] as const]))),
    seconds: first === null || last === null ? 0 : Number(BigInt(last) - BigInt(first)) / 1e9,
  }
}
type Seen = ReturnType<typeof seenOf>

type Observed = { readonly count: number; readonly meanNs: number | null; readonly filters: readonly EventFilter[]; readonly evidence: Evidence }

function observedAt(context: RuntimeContext, { kind, node, traced }: StaticPoint, seen: Seen): Observed {
  const nothing: Observed = { count: 0, meanNs: null, filters: [], evidence: 'none' }
  if (kind === 'call') {
    const places = placesOf(context, node, {})
    const insights = [...new Set(places.map(({ nodeId }) => nodeId))].flatMap((id) => seen.byNode.get(id) ?? [])
    const timed = insights.reduce((sum, insight) => sum + insight.timed, 0)
    return {
      count: insights.reduce((sum, insight) => sum + insight.calls, 0), meanNs: timed === 0 ? null : insights.reduce((sum, insight) => sum + insight.totalNs, 0) / timed,
      filters: places.map((place) => ({ ...place, types: ['call'] })), evidence: seen.evidence.get(node) ?? 'none',
    }
  }
  if (traced === null || (kind !== 'function_entry' && kind !== 'function_exit')) return nothing
  const insight = seen.byFunction.get(seen.names.nameOf(traced))
  const filter = { module: traced.module, function: traced.function, arity: traced.arity }
  if (insight === undefined) return nothing
  const count = kind === 'function_entry' ? insight.calls : insight.returns + insight.exceptions
  return { count, meanNs: insight.meanNs, filters: [{ ...filter, types: kind === 'function_entry' ? ['call'] : ['return', 'exception'] }], evidence: 'function' }
}

function pointRecord(context: RuntimeContext, point: StaticPoint, seen: Seen): Point {
  const { kind, node, location, traced } = point
  const observed = observedAt(context, point, seen)
  const latest = observed.count === 0 ? [] : lastEvents(context, observed.filters, LATEST)
  const rate = observed.count === 0 || seen.seconds === 0 ? null : observed.count / seen.seconds
  const followed = planPointOf(seen.plans, kind, traced)
  const captures = (what: string) => followed?.point.capture.includes(what) === true
  return {
    point_id: `${kind}:${node}`, node_id: node, source_location: location, instrumentation_type: kind,
    plan: followed === undefined ? null : { name: followed.plan.name, point_id: followed.point.id },
    capture_config: { args: captures('args'), result: captures('result'), exceptions: captures('exceptions'), caller: captures('caller') },
    sampling_rate: followed?.point.sampling ?? 0, conditions: followed === undefined || followed.point.condition === null ? [] : [followed.point.condition], custom_logic: null,
    correlation_strategy: kind === 'call' ? 'line_based' : 'pattern_based', correlation_metadata: { evidence: observed.evidence }, runtime_mapping: latest.map(({ id }) => id),
    overhead_estimate_ns: OVERHEAD_NS[kind], execution_frequency: rate, impact_assessment: impactOf((rate ?? 0) * OVERHEAD_NS[kind] * 1e-9),
    enabled: followed?.point.enabled === true, priority: followed?.point.priority ?? 'medium', tags: [...(followed?.point.tags ?? [])], description: point.description,
    created_at: followed?.plan.storedAt ?? null, last_triggered_ns: latest[0]?.timestampNs ?? null, trigger_count: observed.count, average_duration_ns: observed.meanNs,
  }
}

function impactOf(share: number): Point['impact_assessment'] {
  return share < IMPACT.low ? 'low' : share < IMPACT.medium ? 'medium' : 'high'
}

/** The point of an active plan that makes this one traced: enabled ones first. */
function planPointOf(plans: readonly ActivePlan[], kind: Kind, traced: StaticPoint['traced']): { readonly plan: ActivePlan; readonly point: PlanPoint } | undefined {
  if (traced === null) return undefined
  const fitting = plans.flatMap((plan) => plan.points.filter((point) => namesModule(plan, point, traced.module) && namesFunction(point, traced) && catches(point, kind)).map((point) => ({ plan, point })))
  return fitting.find(({ point }) => point.enabled) ?? fitting[0]
}

function catches({ capture }: PlanPoint, kind: Kind): boolean {
  if (kind === 'function_entry') return true
  return kind === 'call' ? capture.includes('caller') : ['return', 'result', 'exceptions'].some((what) => capture.includes(what))
}
