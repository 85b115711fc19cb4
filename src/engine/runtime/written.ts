/**
 * The written side of questions about the runtime: functions of the project that can be called when it runs, and which of
 * them was traced. Macros and guards are gone when a program runs.
 */

import { sourceFunction } from '../../correlate/beam-names.ts'
import type { SiteFigures, WrittenFunction } from '../../correlate/insights.ts'
import type { EventFunction } from '../../model/event.ts'
import type { FunctionKind } from '../../model/facts.ts'
import { DYNAMIC, formatMfa } from '../../model/names.ts'
import type { FunctionRow } from '../../store/contract.ts'
import { latestOf, type ActivePlan, type PlanPoint, type RuntimeContext, type Written } from './context.ts'

const RUNNING: ReadonlySet<FunctionKind> = new Set(['def', 'defp', 'defdelegate'])
const LISTS = 8

/** Of modules whose name begins so. */
export function writtenFunctions(context: RuntimeContext, prefix: string = ''): readonly Written[] {
  const { snapshot, pause } = context
  const { written } = latestOf(context)
  const known = written.get(prefix)
  if (known !== undefined) return known
  const all: Written[] = []
  let after: string | undefined
  do {
    const page = snapshot.listFunctions({ limit: 1000, after, prefix })
    for (const row of page.items) if (row.stale === null && RUNNING.has(row.kind) && !isDynamic(row)) all.push(writtenOf(row))
    after = page.next ?? undefined
    pause()
  } while (after !== undefined)
  if (written.size >= LISTS) written.clear()
  written.set(prefix, all)
  return all
}

/** Known by name only when the module is compiled: no event can be told to be of it. */
function isDynamic({ moduleKey, name }: FunctionRow): boolean {
  return name.includes(DYNAMIC) || moduleKey.includes(DYNAMIC)
}

export function writtenOf(row: FunctionRow): Written {
  const fn = { module: runningName(row.moduleKey), name: row.name, arity: row.arity, defaults: row.defaults, cyclomatic: row.cyclomatic }
  return { row, fn, mfa: formatMfa(fn) }
}

/** Of a module's key in the store. */
export function runningName(key: string): string {
  return key.replace(/@\d+$/, '')
}

/** Names of the source for functions that ran, with the arity of the definition; asked often, looked up once. */
export function definitions({ snapshot }: RuntimeContext) {
  const known = new Map<string, Written | undefined>()
  const find = (mfa: string, fn: { module: string; name: string; arity: number }): Written | undefined => {
    if (known.has(mfa)) return known.get(mfa)
    const row = snapshot.findFunction(fn)
    const written = row === undefined ? undefined : writtenOf(row)
    known.set(mfa, written)
    return written
  }
  return {
    nameOf(fn: EventFunction): string {
      const { name, arity } = sourceFunction(fn.function, fn.arity)
      const mfa = formatMfa({ module: fn.module, name, arity })
      return find(mfa, { module: fn.module, name, arity })?.mfa ?? mfa
    },
    /** What was called; null for a fun, which has no name of its own. */
    calledBy({ mfa }: SiteFigures['site']): string | null {
      return mfa === null || sourceFunction(mfa.function, mfa.arity).part === 'within' ? null : this.nameOf(mfa)
    },
    /** Of all that the figures name. */
    written(figures: readonly SiteFigures[]): WrittenFunction[] {
      for (const { site } of figures) for (const fn of [site.mfa, site.caller]) if (fn !== null) this.nameOf(fn)
      return [...new Map([...known.values()].flatMap((one) => (one === undefined ? [] : [[one.mfa, one.fn] as const]))).values()]
    },
  }
}

/**
 * Calls with arguments left to their defaults, as calls of the function as it is defined: what defaults generated is called at
 * the place that is written, and calls the function itself once more, from no place of its own.
 */
export function withoutHandovers(figures: readonly SiteFigures[], names: ReturnType<typeof definitions>): readonly SiteFigures[] {
  const handed = new Map<string, number>()
  const arityOf = (mfa: EventFunction) => sourceFunction(mfa.function, mfa.arity).arity
  const own: SiteFigures[] = []
  const whole: SiteFigures[] = []
  for (const one of figures) {
    const { mfa, caller } = one.site
    const name = names.calledBy(one.site)
    const arity = name === null ? 0 : Number(name.slice(name.lastIndexOf('/') + 1))
    if (mfa === null || name === null || arityOf(mfa) === arity) {
      whole.push(one)
      continue
    }
    const pair = pairOf(name, caller)
    handed.set(pair, (handed.get(pair) ?? 0) + one.summary.calls)
    own.push({ summary: one.summary, site: { ...one.site, mfa: { ...mfa, arity } } })
  }
  for (const one of whole) {
    const pair = pairOf(names.calledBy(one.site) ?? '', one.site.caller)
    const over = isPlaced(one.site.evidence) ? 0 : Math.min(handed.get(pair) ?? 0, one.summary.calls)
    if (over > 0) handed.set(pair, (handed.get(pair) ?? 0) - over)
    own.push(over === 0 ? one : { ...one, summary: { ...one.summary, calls: one.summary.calls - over } })
  }
  return own
}

function pairOf(callee: string, caller: SiteFigures['site']['caller']): string {
  return JSON.stringify([callee, caller?.module, caller?.function, caller?.arity])
}

export function isPlaced(evidence: SiteFigures['site']['evidence']): boolean {
  return evidence === 'exact' || evidence === 'line' || evidence === 'given'
}

/**
 * Whether a function was traced, as far as can be told: a plan asks for all its calls and something was seen at all, or, where
 * no plan names its module, something of its module was seen. `plans`: what nodes truly traced, where they told.
 */
export function tracedBy(plans: readonly ActivePlan[], figures: readonly SiteFigures[]): (fn: EventFunction) => boolean {
  const seen = new Set(figures.map(({ site }) => site.mfa?.module))
  return (fn) => {
    const asked = plans.flatMap((plan) => plan.points.filter((point) => point.enabled && namesModule(plan, point, fn.module)))
    if (asked.length === 0) return seen.has(fn.module)
    return figures.length > 0 && asked.some((point) => point.sampling === 1 && point.condition === null && namesFunction(point, fn))
  }
}

export function namesModule({ scope }: ActivePlan, { module, prefix }: PlanPoint, name: string): boolean {
  if (prefix !== undefined) return name.startsWith(prefix)
  return module === '*' ? scope.length === 0 || scope.some((prefix) => name.startsWith(prefix)) : module === name
}

export function namesFunction({ function: name, arity }: PlanPoint, fn: EventFunction): boolean {
  return (name === null || name === fn.function) && (arity === null || arity === fn.arity)
}
