/**
 * What nodes truly traced, and when: the plan that a node was told or was started with (`run`, `attach`), from its
 * `capture_start` to its `capture_end`. Its next capture ends the one before, said or not. Nodes of one name are told apart by when they
 * started: two may be there at once (all that were given no name are of one), and one that ended without a word traced nothing since.
 *
 * Absent on purpose: points for the modules of an application, which the node alone can name, and what kept plans ask of nodes
 * that never came. An agent of before tells the name of its plan alone: its captures are left out, and so is one whose beginning has
 * been deleted with other old events.
 */

import { payloadOf, processName, timestampNs, type BlockView } from '../../event/query/columns.ts'
import { scan, snapshotOf } from '../../event/query/scan.ts'
import { EVENT_TYPES } from '../../model/event.ts'
import { finishWithin, type ActivePlan, type PlanPoint, type RuntimeContext } from './context.ts'
import type { Window } from './figures.ts'
import { lastHeard, lifeOf } from './lives.ts'
import { readPayload } from './payload.ts'
import { fieldOf, type Term } from './terms.ts'

/** `life`: which node, and which start of it. `toNs`: null where its end was not seen. */
type Capture = { readonly node: string; readonly life: string; readonly plan: ActivePlan; readonly fromNs: bigint; toNs: bigint | null }

/** Looked at; later ones are not known of. */
const MAX_CAPTURES = 10_000
const CAPTURE = ['return', 'exceptions', 'caller']
const PRIORITIES = ['low', 'medium', 'high', 'critical'] as const

/** The plans that were in force some time within the window. */
export function capturedPlans(context: RuntimeContext, window: Window): readonly ActivePlan[] {
  const { sinceNs } = window
  const captures = capturesUntil(context, window)
  if (sinceNs === undefined) return captures.map(({ plan }) => plan)
  const isOpen = captures.some(({ fromNs, toNs }) => toNs === null && fromNs < sinceNs)
  const heard = isOpen ? lastHeard(context, window) : new Map<string, bigint>()
  return captures.filter(({ life, fromNs, toNs }) => fromNs >= sinceNs || (toNs ?? heard.get(life) ?? fromNs) >= sinceNs).map(({ plan }) => plan)
}

/** Those whose end was not seen, and of whose node more was heard than that another of its name began. */
export function plansInForce(context: RuntimeContext): readonly ActivePlan[] {
  const captures = capturesUntil(context, {})
  const begun = new Map(captures.map(({ node, fromNs }) => [node, fromNs]))
  const open = captures.filter(({ toNs }) => toNs === null)
  const isLatest = ({ node, fromNs }: Capture): boolean => fromNs === begun.get(node)
  const heard = open.every(isLatest) ? new Map<string, bigint>() : lastHeard(context, {})
  return open.filter((capture) => isLatest(capture) || (heard.get(capture.life) ?? capture.fromNs) > (begun.get(capture.node) ?? 0n)).map(({ plan }) => plan)
}

function capturesUntil(context: RuntimeContext, { untilNs }: Window): readonly Capture[] {
  const { queries } = context
  const captures: Capture[] = []
  const latest = new Map<string, Capture>()
  const filter = { types: ['capture_start', 'capture_end'] as const, ...(untilNs === undefined ? {} : { untilNs }) }
  finishWithin(context, scan(queries, snapshotOf(queries), { filter, order: 'asc' }, (view, row) => {
    const { source } = processName(view, view.block.pid[row] ?? 0)
    const life = lifeOf(source)
    const ns = timestampNs(view, row)
    const before = latest.get(life)
    if (before !== undefined) before.toNs = ns
    latest.delete(life)
    const plan = view.block.type[row] === EVENT_TYPES.capture_start ? planOf(context, view, row) : undefined
    if (plan === undefined) return 'more'
    const capture: Capture = { node: source.node, life, plan, fromNs: ns, toNs: null }
    latest.set(life, capture)
    return captures.push(capture) < MAX_CAPTURES ? 'more' : 'enough'
  }))
  return captures
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
function pointOf(point: Term): PlanPoint[] {
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
