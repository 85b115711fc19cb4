/**
 * What the runtime half keeps beside the events, in one file that is replaced whole: plans of what to trace, which node follows
 * which, and insights that clients state. Small by nature; what does not fit is refused.
 *
 * Deliberately absent: the disk (`load` and `save` are given), and what a plan means to a node (the agent's business).
 */

import { z } from 'zod'
import { failure, type Failure } from '../base/failure.ts'
import { fail, ok, type Result } from '../base/result.ts'
import { capturePlan } from '../wire/event-records.ts'

export type CapturePlan = z.output<typeof capturePlan>
export type CapturePoint = CapturePlan['points'][number]

const keptShape = z.object({
  version: z.literal(1),
  plans: z.record(z.string(), z.object({ plan: capturePlan, stored_at: z.string() })),
  /** Node, or `*` for every node without one of its own, to the name of a plan. */
  active: z.record(z.string(), z.string()),
  /** MFA, module or node id, to source, to what it said. */
  stated: z.record(z.string(), z.record(z.string(), z.object({ at: z.string(), insights: z.record(z.string(), z.unknown()) }))),
})
export type Kept = z.output<typeof keptShape>

export const EVERY_NODE = '*'
const NOTHING: Kept = { version: 1, plans: {}, active: {}, stated: {} }
const MAX_BYTES = 32 << 20

export type KeptPorts = {
  /** The text of the file; undefined where there is none. */
  load(): string | undefined
  save(text: string): Result<unknown, Failure>
}

export type Keeper = {
  readonly kept: () => Kept
  /** Keeps what `change` makes of it, on disk when this returns. */
  update(change: (kept: Kept) => Kept): Result<Kept, Failure>
}

/** A file that cannot be read is no reason not to capture: it is said, and kept aside by the next change. */
export function openKept({ load, save }: KeptPorts): { readonly keeper: Keeper; readonly problem: string | null } {
  const read = readKept(load())
  let kept = read.ok ? read.value : NOTHING
  return {
    problem: read.ok ? null : read.error,
    keeper: {
      kept: () => kept,
      update: (change) => {
        const next = change(kept)
        const text = JSON.stringify(next)
        if (text.length > MAX_BYTES) return fail(failure('too_large', `plans and stated insights would take more than ${MAX_BYTES} bytes`, { hint: 'delete plans that nobody follows' }))
        const saved = save(text)
        if (!saved.ok) return saved
        kept = next
        return ok(next)
      },
    },
  }
}

export function readKept(text: string | undefined): Result<Kept, string> {
  if (text === undefined) return ok(NOTHING)
  try {
    const read = keptShape.safeParse(JSON.parse(text))
    return read.success ? ok(read.data) : fail(z.prettifyError(read.error))
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error))
  }
}

/** What is kept under a name that anybody may have chosen: `constructor` too. */
export function under<T>(kept: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(kept, name) ? kept[name] : undefined
}

/** The plan that a node is to follow, with the name that it has. */
export function planFor(kept: Kept, node: string): { readonly name: string; readonly plan: CapturePlan } | undefined {
  const name = under(kept.active, node) ?? kept.active[EVERY_NODE]
  const found = name === undefined ? undefined : under(kept.plans, name)
  return name === undefined || found === undefined ? undefined : { name, plan: found.plan }
}

/**
 * A plan as the agent takes it: every field there, every point with an id. A point for every module stands for those of the
 * plan's scope, and without one for `own`: the first parts of the names of the project's modules.
 */
export function planForAgent(name: string, { scope, ...plan }: CapturePlan, own: readonly string[]): Record<string, unknown> {
  const within = prefixesOf(scope, own)
  return { id: name, ...plan, points: plan.points.map(wholePoint).flatMap((point) => (point.module === '*' ? within.flatMap((prefix) => beneath(prefix, point)) : [point])) }
}

/** How many points a plan comes to on a node. */
export function pointsForAgent({ scope, points }: CapturePlan, own: readonly string[]): number {
  const nForAll = points.filter(({ module }) => module === '*').length
  return points.length - nForAll + nForAll * 2 * prefixesOf(scope, own).length
}

function prefixesOf(scope: readonly string[], own: readonly string[]): readonly string[] {
  return scope.length > 0 ? scope : own
}

/** The module of that name, and those whose names go on from it. */
function beneath(prefix: string, point: ReturnType<typeof wholePoint>) {
  return [{ ...point, id: `${point.id} ${prefix}`, module: prefix }, { ...point, id: `${point.id} ${prefix}.`, scope: { prefix: `${prefix}.` } }]
}

export function wholePoint(point: CapturePoint) {
  const id = point.id ?? `${point.module}.${point.function ?? '*'}/${point.arity ?? '*'}`
  return {
    id, module: point.module, function: point.function ?? null, arity: point.arity ?? null, capture: point.capture ?? ['return', 'exceptions', 'caller'],
    sampling: point.sampling ?? 1, condition: point.condition ?? null, enabled: point.enabled ?? true, priority: point.priority ?? 'medium', tags: point.tags ?? [],
  }
}
