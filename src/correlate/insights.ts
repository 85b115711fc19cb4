/**
 * What the figures of blocks tell of code: by node, function and module, and joined to what is written. Everything follows
 * from sums over whole blocks (`src/event/summary.ts`), so that nothing is kept beside them. An answer says which time its
 * blocks cover, how many calls it rests on and what is missing in it; what was not traced is never called unused.
 *
 * Names are those of the source: funs belong to the function that they stand in, and are not calls of it. Pure.
 */

import { siteOf, type Site } from '../event/names.ts'
import type { Block } from '../event/block.ts'
import { mergeSummaries, NO_SUMMARY, quantile, RELATIVE_ERROR, summarise, type SiteSummary } from '../event/summary.ts'
import type { EventFunction } from '../model/event.ts'
import { formatMfa, type ModuleName } from '../model/names.ts'
import type { NodeId } from '../model/node-id.ts'
import { sourceFunction } from './beam-names.ts'

/** All that was counted of one site. */
export type SiteFigures = { readonly site: Site; readonly summary: SiteSummary }

/** A stretch of time from which events are missing, as the agent or the daemon said. */
export type Gap = { readonly fromNs: bigint; readonly toNs: bigint; readonly dropped: number; readonly reason: string }

/** What the figures rest on. `fromNs` and `toNs`: of the first and the last event in the blocks that the window touches. */
export type Basis = {
  readonly fromNs: bigint
  readonly toNs: bigint
  readonly gaps: readonly Gap[]
  /** Whether a function was traced all that time; what was not is unknown, and not unused. */
  readonly traced: (fn: EventFunction) => boolean
}

export type Completeness = { readonly gaps: number; readonly dropped: number; readonly state: 'complete' | 'gaps' }
export type Told<T> = {
  readonly value: T
  readonly window: { readonly fromNs: bigint; readonly toNs: bigint }
  /** Calls that the answer rests on. */
  readonly n: number
  readonly method: string
  readonly completeness: Completeness
}

export type Insight = {
  readonly calls: number
  readonly returns: number
  readonly exceptions: number
  /** Returns and exceptions whose duration is known; null figures where there is none. */
  readonly timed: number
  readonly totalNs: number
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

/** The figures of some blocks, a site once; sites that differ in line alone stay apart. */
export function gatherFigures(blocks: Iterable<Block>): SiteFigures[] {
  const all = new Map<string, SiteFigures>()
  for (const block of blocks) {
    for (const [code, summary] of summarise(block)) {
      const site = siteOf(block, code)
      if (site === undefined) continue
      const key = JSON.stringify([site.mfa, site.caller, site.nodeId])
      all.set(key, { site, summary: mergeSummaries(all.get(key)?.summary ?? NO_SUMMARY, summary) })
    }
  }
  return [...all.values()]
}

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

/** Functions that are written and were traced, and never called. */
export function neverExecuted(written: readonly WrittenFunction[], figures: readonly SiteFigures[], basis: Basis): Told<readonly string[]> {
  const executed = insightsBy('function', figures, written)
  const never = written.filter((fn) => (executed.get(formatMfa(fn))?.calls ?? 0) === 0 && aritiesOf(fn).every((arity) => basis.traced({ module: fn.module, function: fn.name, arity })))
  return told(never.map(formatMfa), figures, basis, 'calls of any arity, of functions that were traced all the time')
}

/** Executed, but not while a test ran. `tested`: the figures of events that carry the mark of a test. */
export function executedButUntested(written: readonly WrittenFunction[], figures: readonly SiteFigures[], tested: readonly SiteFigures[], basis: Basis): Told<readonly string[]> {
  const executed = insightsBy('function', figures, written)
  const inTests = insightsBy('function', tested, written)
  const untested = written.map(formatMfa).filter((mfa) => (executed.get(mfa)?.calls ?? 0) > 0 && (inTests.get(mfa)?.calls ?? 0) === 0)
  return told(untested, figures, basis, 'calls without, and with, the mark of a test')
}

/** Written callers of a function that were never seen to call it. */
export function callersNeverSeen(callee: string, edges: readonly WrittenEdge[], written: readonly WrittenFunction[], figures: readonly SiteFigures[], basis: Basis): Told<readonly WrittenEdge[]> {
  const seen = observedEdges(edges, written, figures)
  return told(seen.filter((edge) => edge.callee === callee && edge.grade === 'written' && edge.node !== null).map(({ caller, node }) => ({ caller, callee, node: node ?? '' })), figures, basis, 'calls by caller and place')
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

export type Hot = { readonly function: string; readonly insight: Insight; /** Of all own time, or of all calls where no time is known. */ readonly share: number }

/** Functions by their share of own time, falling. */
export function hotspots(written: readonly WrittenFunction[], figures: readonly SiteFigures[], basis: Basis, limit: number): Told<readonly Hot[]> {
  const insights = insightsBy('function', figures, written)
  const own = sum(insights.values(), ({ ownNs }) => ownNs)
  const calls = sum(insights.values(), (insight) => insight.calls)
  const hot = Array.from(insights, ([fn, insight]) => ({ function: fn, insight, share: own > 0 ? insight.ownNs / own : calls > 0 ? insight.calls / calls : 0 }))
  hot.sort((a, b) => b.share - a.share || (a.function < b.function ? -1 : 1))
  return told(hot.filter(({ share }) => share > 0).slice(0, limit), figures, basis, own > 0 ? 'own time' : 'calls')
}

/** Functions that are complex and hot: by complexity times share, of those with at least this complexity. */
export function complexAndHot(written: readonly WrittenFunction[], figures: readonly SiteFigures[], basis: Basis, limits: { readonly cyclomatic: number; readonly limit: number }): Told<readonly (Hot & { readonly cyclomatic: number })[]> {
  const complexity = new Map(written.map((fn) => [formatMfa(fn), fn.cyclomatic]))
  const { value, ...rest } = hotspots(written, figures, basis, Infinity)
  const both = value.map((hot) => ({ ...hot, cyclomatic: complexity.get(hot.function) ?? 0 })).filter(({ cyclomatic }) => cyclomatic >= limits.cyclomatic)
  both.sort((a, b) => b.cyclomatic * b.share - a.cyclomatic * a.share)
  return { ...rest, value: both.slice(0, limits.limit), method: `cyclomatic complexity times share of ${rest.method}` }
}

export function told<T>(value: T, figures: readonly SiteFigures[], { fromNs, toNs, gaps }: Basis, method: string): Told<T> {
  const within = gaps.filter((gap) => gap.toNs >= fromNs && gap.fromNs <= toNs)
  return {
    value, window: { fromNs, toNs }, n: sum(figures, ({ summary }) => summary.calls),
    method: `${method}; durations within ${(100 * RELATIVE_ERROR).toFixed(1)} %`,
    completeness: { gaps: within.length, dropped: sum(within, ({ dropped }) => dropped), state: within.length === 0 ? 'complete' : 'gaps' },
  }
}

type Group = { summary: SiteSummary; readonly callers: Map<string | null, number>; readonly callees: Map<string | null, number> }
type Named = { readonly function: string; readonly module: ModuleName }

function insightOf({ summary, callers, callees }: Group): Insight {
  const { calls, returns, exceptions, timed, sumNs, ownNs, maxNs } = summary
  const at = (q: number) => quantile(summary, q) ?? null
  return {
    calls, returns, exceptions, timed, totalNs: sumNs, ownNs, meanNs: timed === 0 ? null : sumNs / timed,
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
