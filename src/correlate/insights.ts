/**
 * What the figures of blocks tell of code: by node, function and module, and joined to what is written. Everything follows
 * from sums over whole blocks (`src/event/summary.ts`), so that nothing is kept beside them. What was not traced is never called
 * unused. Absent on purpose: on which time an answer rests and what is missing in it, which whoever gathered the figures says.
 *
 * Names are those of the source: funs belong to the function that they stand in, and are not calls of it. Pure.
 */

import type { Site } from '../event/names.ts'
import { mergeSummaries, NO_SUMMARY, quantile, type SiteSummary } from '../event/summary.ts'
import type { EventFunction } from '../model/event.ts'
import { formatMfa, type ModuleName } from '../model/names.ts'
import type { NodeId } from '../model/node-id.ts'
import { sourceFunction } from './beam-names.ts'

/** All that was counted of one site. */
export type SiteFigures = { readonly site: Site; readonly summary: SiteSummary }

export type Insight = {
  readonly calls: number
  readonly returns: number
  readonly exceptions: number
  /** Returns and exceptions whose duration is known; null figures where there is none. */
  readonly timed: number
  readonly totalNs: number
  /** Without calls within another of their function: how long one was under way, however deep it recursed. */
  readonly outerNs: number
  readonly ownNs: number
  readonly meanNs: number | null
  readonly p50Ns: number | null
  readonly p95Ns: number | null
  readonly p99Ns: number | null
  readonly maxNs: number | null
  /** By calls, falling; `null` where the caller is not known. */
  readonly callers: readonly Counted[]
  readonly callees: readonly Counted[]
}
export type Counted = { readonly function: string | null; readonly calls: number }

/** Of the written side, as the store has it. */
export type WrittenFunction = { readonly module: ModuleName; readonly name: string; readonly arity: number; readonly defaults: number; readonly cyclomatic: number }
/** Callers and callees as `formatMfa` prints them, with the arity of the definition. */
export type WrittenEdge = { readonly caller: string; readonly callee: string; readonly node: NodeId }

/** By node id, by function as `formatMfa` prints it, or by module. */
export function insightsBy(by: 'node' | 'function' | 'module', figures: readonly SiteFigures[], written: readonly WrittenFunction[] = []): ReadonlyMap<string, Insight> {
  const names = definitionsOf(written)
  const groups = new Map<string, Group>()
  const groupOf = (key: string): Group => {
    const known = groups.get(key)
    if (known !== undefined) return known
    const group: Group = { summary: NO_SUMMARY, callers: new Map(), callees: new Map() }
    groups.set(key, group)
    return group
  }
  for (const { site, summary } of figures) {
    const callee = calledBy(site, names)
    const key = by === 'node' ? site.nodeId : by === 'function' ? callee?.function : callee?.module
    const caller = callerOf(site, names)
    if (key !== null && key !== undefined && callee !== undefined) {
      const group = groupOf(key)
      group.summary = mergeSummaries(group.summary, summary)
      add(group.callers, caller?.function ?? null, summary.calls)
    }
    const from = by === 'function' ? caller?.function : by === 'module' ? caller?.module : undefined
    if (from !== undefined && callee !== undefined) add(groupOf(from).callees, callee.function, summary.calls)
  }
  return new Map(Array.from(groups, ([key, group]) => [key, insightOf(group)]))
}

/** Functions that are written and were traced, whatever their arity, and never called. */
export function neverExecuted(written: readonly WrittenFunction[], figures: readonly SiteFigures[], isTraced: (fn: EventFunction) => boolean): readonly string[] {
  const executed = insightsBy('function', figures, written)
  return written.filter((fn) => (executed.get(formatMfa(fn))?.calls ?? 0) === 0 && aritiesOf(fn).every((arity) => isTraced({ module: fn.module, function: fn.name, arity }))).map(formatMfa)
}

/** Executed, but not while a test ran. `tested`: the figures of events that carry the mark of a test. */
export function executedButUntested(written: readonly WrittenFunction[], figures: readonly SiteFigures[], tested: readonly SiteFigures[]): readonly string[] {
  const executed = insightsBy('function', figures, written)
  const inTests = insightsBy('function', tested, written)
  return written.map(formatMfa).filter((mfa) => (executed.get(mfa)?.calls ?? 0) > 0 && (inTests.get(mfa)?.calls ?? 0) === 0)
}

export type ObservedEdge = {
  readonly caller: string
  readonly callee: string
  /** The call's node where the edge is written. */
  readonly node: NodeId | null
  readonly calls: number
  /** `observed`: seen, and written nowhere, e.g. a callback or a call through a variable. */
  readonly grade: 'written' | 'written and observed' | 'observed'
}

/**
 * Written edges with how often each was seen, then those that are only seen. Where the place of a call is not known but
 * its function is, it counts for the pair; it is shared by all places of the pair and given to none of them.
 */
export function observedEdges(edges: readonly WrittenEdge[], written: readonly WrittenFunction[], figures: readonly SiteFigures[]): ObservedEdge[] {
  const names = definitionsOf(written)
  const byNode = new Map<string, number>()
  const byPair = new Map<string, { caller: string; callee: string; calls: number }>()
  for (const { site, summary } of figures) {
    if (site.nodeId !== null && site.evidence !== 'function') add(byNode, site.nodeId, summary.calls)
    const [caller, callee] = [callerOf(site, names), calledBy(site, names)]
    if (callee === undefined || caller === undefined || summary.calls === 0) continue
    const pair = `${caller.function} ${callee.function}`
    byPair.set(pair, { caller: caller.function, callee: callee.function, calls: (byPair.get(pair)?.calls ?? 0) + summary.calls })
  }
  const placesOf = Map.groupBy(edges, ({ caller, callee }) => `${caller} ${callee}`)
  const all: ObservedEdge[] = edges.map((edge) => {
    const pair = `${edge.caller} ${edge.callee}`
    const calls = byNode.get(edge.node) ?? (placesOf.get(pair)?.length === 1 ? (byPair.get(pair)?.calls ?? 0) : 0)
    return { ...edge, calls, grade: calls > 0 ? 'written and observed' : 'written' }
  })
  for (const [pair, { caller, callee, calls }] of byPair) if (!placesOf.has(pair)) all.push({ caller, callee, node: null, calls, grade: 'observed' })
  return all
}

/** Functions that are complex and hot: by complexity times the share of own time, or of calls where no time is known. */
export function complexAndHot(written: readonly WrittenFunction[], figures: readonly SiteFigures[], leastCyclomatic: number): readonly string[] {
  const complexity = new Map(written.map((fn) => [formatMfa(fn), fn.cyclomatic]))
  const insights = insightsBy('function', figures, written)
  const isTimed = sum(insights.values(), ({ ownNs }) => ownNs) > 0
  const weighed = Array.from(insights, ([mfa, { ownNs, calls }]) => ({ mfa, cyclomatic: complexity.get(mfa) ?? 0, spent: isTimed ? ownNs : calls }))
    .filter(({ cyclomatic, spent }) => cyclomatic >= leastCyclomatic && spent > 0)
  weighed.sort((a, b) => b.cyclomatic * b.spent - a.cyclomatic * a.spent || b.spent - a.spent || (a.mfa < b.mfa ? -1 : 1))
  return weighed.map(({ mfa }) => mfa)
}

type Group = { summary: SiteSummary; readonly callers: Map<string | null, number>; readonly callees: Map<string | null, number> }
type Named = { readonly function: string; readonly module: ModuleName }

function insightOf({ summary, callers, callees }: Group): Insight {
  const { calls, returns, exceptions, timed, sumNs, outerNs, ownNs, maxNs } = summary
  const at = (q: number) => quantile(summary, q) ?? null
  return {
    calls, returns, exceptions, timed, totalNs: sumNs, outerNs, ownNs, meanNs: timed === 0 ? null : sumNs / timed,
    p50Ns: at(0.5), p95Ns: at(0.95), p99Ns: at(0.99), maxNs: timed === 0 ? null : maxNs, callers: falling(callers), callees: falling(callees),
  }
}

function falling(counts: ReadonlyMap<string | null, number>): Counted[] {
  return Array.from(counts, ([fn, calls]) => ({ function: fn, calls })).filter(({ calls }) => calls > 0)
    .sort((a, b) => b.calls - a.calls || ((a.function ?? '') < (b.function ?? '') ? -1 : 1))
}

/** Any arity that a function answers to -> the one of its definition. */
function definitionsOf(written: readonly WrittenFunction[]): ReadonlyMap<string, string> {
  const names = new Map(written.flatMap((fn) => aritiesOf(fn).map((arity) => [formatMfa({ ...fn, arity }), formatMfa(fn)] as const)))
  for (const fn of written) names.set(formatMfa(fn), formatMfa(fn))
  return names
}

const aritiesOf = ({ arity, defaults }: WrittenFunction) => Array.from({ length: defaults + 1 }, (_, idx) => arity - idx)

/**
 * The function that was called; undefined for a fun, and for an arity that a default generated: what that is called with
 * comes again with all arguments, from the same caller.
 */
function calledBy({ mfa }: Site, names: ReadonlyMap<string, string>): Named | undefined {
  if (mfa === null || sourceFunction(mfa.function, mfa.arity).part === 'within') return undefined
  const called = named(mfa, names)
  const { name, arity } = sourceFunction(mfa.function, mfa.arity)
  return called.function === formatMfa({ module: mfa.module, name, arity }) ? called : undefined
}

function callerOf({ caller }: Site, names: ReadonlyMap<string, string>): Named | undefined {
  return caller === null ? undefined : named(caller, names)
}

function named(fn: EventFunction, names: ReadonlyMap<string, string>): Named {
  const { name, arity } = sourceFunction(fn.function, fn.arity)
  const mfa = formatMfa({ module: fn.module, name, arity })
  return { function: names.get(mfa) ?? mfa, module: fn.module }
}

function add<K>(counts: Map<K, number>, key: K, n: number): void {
  counts.set(key, (counts.get(key) ?? 0) + n)
}

function sum<T>(items: Iterable<T>, of: (item: T) => number): number {
  let total = 0
  for (const item of items) total += of(item)
  return total
}
