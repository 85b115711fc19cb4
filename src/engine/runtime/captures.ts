/**
 * What nodes truly traced, and when: the plan that a node was told or was started with (`run`, `attach`), from its
 * `capture_start` to its `capture_end`. A node's next capture, in this life or another, ends the one before, said or not.
 *
 * Absent on purpose: points for the modules of an application, which the node alone can name, and what kept plans ask of nodes
 * that never came. An agent of before tells the name of its plan alone: its captures are left out, and so is one whose beginning has
 * been deleted with other old events.
 */

import { payloadOf, processName, timestampNs, type BlockView } from '../../event/query/columns.ts'
import { runQuery } from '../../event/query/run.ts'
import { scan, snapshotOf } from '../../event/query/scan.ts'
import { EVENT_TYPES } from '../../model/event.ts'
import { finishWithin, type ActivePlan, type PlanPoint, type RuntimeContext } from './context.ts'
import type { Window } from './figures.ts'
import { readPayload } from './payload.ts'

/** `toNs`: null where its end was not seen. */
export type Capture = { readonly node: string; readonly plan: ActivePlan; readonly fromNs: bigint; toNs: bigint | null }

/** Looked at; later ones are not known of. */
const MAX_CAPTURES = 10_000
const CAPTURE = ['return', 'exceptions', 'caller']
const PRIORITIES = ['low', 'medium', 'high', 'critical'] as const

/** The plans that were in force some time within the window. */
export function capturedPlans(context: RuntimeContext, window: Window): readonly ActivePlan[] {
  const { sinceNs } = window
  return capturesUntil(context, window).filter((capture) => {
    const { fromNs, toNs } = capture
    if (sinceNs === undefined || fromNs >= sinceNs) return true
    return toNs === null ? wasHeardOf(context, capture, window) : toNs >= sinceNs
  }).map(({ plan }) => plan)
}

/** Those whose end was not seen: as far as is known they are in force now. */
export function plansInForce(context: RuntimeContext): readonly ActivePlan[] {
  return capturesUntil(context, {}).filter(({ toNs }) => toNs === null).map(({ plan }) => plan)
}

function capturesUntil(context: RuntimeContext, { untilNs }: Window): readonly Capture[] {
  const { queries } = context
  const captures: Capture[] = []
  const latest = new Map<string, Capture>()
  const filter = { types: ['capture_start', 'capture_end'] as const, ...(untilNs === undefined ? {} : { untilNs }) }
  finishWithin(context, scan(queries, snapshotOf(queries), { filter, order: 'asc' }, (view, row) => {
    const { node } = processName(view, view.block.pid[row] ?? 0).source
    const ns = timestampNs(view, row)
    const before = latest.get(node)
    if (before !== undefined) before.toNs ??= ns
    if (view.block.type[row] !== EVENT_TYPES.capture_start) return 'more'
    latest.delete(node)
    const plan = planOf(context, view, row)
    if (plan === undefined) return 'more'
    const capture: Capture = { node, plan, fromNs: ns, toNs: null }
    latest.set(node, capture)
    return captures.push(capture) < MAX_CAPTURES ? 'more' : 'enough'
  }))
  return captures
}

/** A node that ended without a word traced nothing since. */
function wasHeardOf(context: RuntimeContext, { node }: Capture, window: Window): boolean {
  return finishWithin(context, runQuery(context.queries, { filter: { ...window, node }, order: 'desc', limit: 1 })).events.length > 0
}

function planOf({ caches: { captured } }: RuntimeContext, view: BlockView, row: number): ActivePlan | undefined {
  const key = `${view.number} ${row}`
  const known = captured.get(key)
  if (known !== undefined) return known
  const payload = payloadOf(view, row)
  const told = payload === null ? undefined : readPayload(payload)
  const points = fieldOf(told, 'points')
  if (!Array.isArray(points)) return undefined
  const storedAt = new Date(Number(timestampNs(view, row) / 1_000_000n)).toISOString()
  const plan: ActivePlan = { name: textOf(fieldOf(told, 'plan')) ?? '', storedAt, scope: [], points: points.flatMap(pointOf) }
  captured.set(key, plan)
  return plan
}

/** A point as docs/AGENT.md has it; what is no point of ours to understand is none. */
function pointOf(point: unknown): PlanPoint[] {
  const module = textOf(fieldOf(point, 'module'))
  const scope = fieldOf(point, 'scope')
  const prefix = textOf(fieldOf(scope, 'prefix')) ?? textOf(scope)
  if (module === undefined || (module === '*' && prefix === undefined)) return []
  const [arity, sampling, tags, capture, priority] = ['arity', 'sampling', 'tags', 'capture', 'priority'].map((name) => fieldOf(point, name))
  return [{
    id: textOf(fieldOf(point, 'id')) ?? '', module, function: textOf(fieldOf(point, 'function')) ?? null, arity: typeof arity === 'number' ? arity : null,
    capture: Array.isArray(capture) ? textsIn(capture) : CAPTURE, sampling: typeof sampling === 'number' ? sampling : 1, condition: fieldOf(point, 'condition') ?? null,
    enabled: fieldOf(point, 'enabled') !== false, priority: PRIORITIES.find((each) => each === priority) ?? 'medium', tags: Array.isArray(tags) ? textsIn(tags) : [],
    ...(module === '*' && prefix !== undefined ? { prefix } : {}),
  }]
}

function textsIn(items: readonly unknown[]): readonly string[] {
  return items.filter((item) => typeof item === 'string')
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function fieldOf(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key) ? (value as Record<string, unknown>)[key] : undefined
}
