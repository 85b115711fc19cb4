/**
 * What figures rest on, in words: the window, how many calls, how they were come by, and what was not recorded, why and how
 * much of it. Every answer about the runtime ends with these lines.
 */

import type { Value } from '../../wire/methods.ts'
import type { EventWire } from '../../wire/event-records.ts'
import { momentOf, percentOf, spanOf, type Ns } from './moments.ts'
import { formatCount, harmless, plural } from './text.ts'

type Insights = Value<'get_runtime_insights'>
export type Completeness = Insights['completeness']
export type Basis = Pick<Insights, 'window' | 'n' | 'method' | 'completeness'>

/** Reasons that are named; of more only the number is. */
const NAMED = 5

/** Of one reason. */
export type Gap = { readonly reason: string; readonly times: number; readonly events: number; readonly calls: number }

/** What the `gap` events say, by reason, the most first. */
export function gapsOf(events: readonly Pick<EventWire, 'event_type' | 'payload'>[]): Gap[] {
  const byReason = new Map<string, Gap>()
  for (const { event_type: type, payload } of events) {
    const gap = fieldOf(payload, 'gap')
    // No event is missing, but what was in them.
    if (type === 'degraded' && fieldOf(gap, 'unknown') === undefined) continue
    const dropped = Object.entries((fieldOf(gap, 'dropped') ?? {}) as Record<string, unknown>).map(([type, count]) => [type, Number(count)] as const)
    const told = textOf(fieldOf(gap, 'reason'))
    const reason = told.startsWith(LADDER) ? 'the node was too busy, so the agent sent less' : told
    const known = byReason.get(reason)
    byReason.set(reason, {
      reason, times: (known?.times ?? 0) + 1, events: (known?.events ?? 0) + dropped.reduce((sum, [, count]) => sum + count, 0),
      calls: (known?.calls ?? 0) + dropped.reduce((sum, [type, count]) => sum + (type === 'call' ? count : 0), 0),
    })
  }
  return [...byReason.values()].sort((a, b) => b.events - a.events || b.times - a.times || (a.reason < b.reason ? -1 : 1))
}

/** `n` calls are those of the answer; what is missing is told of all in the window, since nobody knows of which functions it was. */
export function renderBasis({ window, n, method, completeness }: Basis, gaps: readonly Gap[], nCallsInWindow: number): string[] {
  return [`${plural(n, 'call')} ${windowWords(window.since_ns, window.until_ns)}; ${harmless(method)}`, ...renderGaps(completeness, gaps, nCallsInWindow)]
}

export function windowWords(since: Ns | null, until: Ns | null): string {
  if (since === null || until === null) return since === null && until === null ? 'in all that is kept' : since === null ? `before ${momentOf(until ?? 0)} UTC` : `from ${momentOf(since)} UTC on`
  const span = Number(BigInt(until) - BigInt(since))
  const to = momentOf(until)
  return `from ${momentOf(since)} to ${momentOf(since).slice(0, 10) === to.slice(0, 10) ? to.slice(11) : to} UTC (${spanOf(Math.max(0, span))})`
}

/** How much is missing and why; that nothing is known to be missing is said too. `nCalls`: all that were recorded in the window, 0 where not counted. */
export function renderGaps(completeness: Completeness, gaps: readonly Gap[], nCalls: number): string[] {
  if (completeness.complete) return ['nothing is known to be missing in this window']
  return [...completeness.gaps === 0 ? [] : [gapWords(completeness, gaps, nCalls)], ...completeness.lost.slice(-NAMED).map(lossWords)]
}

function gapWords(completeness: Completeness, gaps: readonly Gap[], nCalls: number): string {
  const calls = gaps.reduce((sum, gap) => sum + gap.calls, 0)
  const how = gaps.length === 0 ? plural(completeness.gaps, 'gap') : reasonsOf(gaps)
  if (calls > 0 && nCalls > 0) return `${percentOf(calls, calls + nCalls)} of the calls in this window were not recorded: ${harmless(how)}`
  if (completeness.dropped > 0) return `${percentOf(completeness.dropped, completeness.dropped + completeness.events)} of the events in this window were not recorded: ${harmless(how)}`
  return `events are missing in this window: ${harmless(how)}`
}

function lossWords({ since_ns: since, until_ns: until, events, why }: Completeness['lost'][number]): string {
  return `${events === null ? 'events' : plural(events, 'event')} ${windowWords(since, until)} were stored and are lost: ${harmless(why)}`
}

/** That events are missing where nobody knows of how many. */
export function missingWords(gaps: readonly Gap[]): string {
  return `events are missing among these: ${harmless(reasonsOf(gaps))}`
}

function reasonsOf(gaps: readonly Gap[]): string {
  const named = gaps.slice(0, NAMED).map(({ reason, events, times }) => `${reason} (${events > 0 ? plural(events, 'event') : 'how many is not known'}${times > 1 ? `, ${formatCount(times)} times` : ''})`)
  return [...named, ...gaps.length > NAMED ? [`and for ${plural(gaps.length - NAMED, 'more reason')}`] : []].join('; ')
}

/** How the agent calls the steps by which it does less. */
const LADDER = 'the ladder'
const STEPS: ReadonlyMap<string, string> = new Map([
  ['full', 'sent everything'], ['no arguments', 'sent no arguments and results'], ['no messages', 'sent no messages'], ['silent', 'sent no calls'], ['counts only', 'only counted calls'], ['stopped', 'stopped tracing'],
])

/** What the agent did to spare a busy node, without the figures. */
export function plainReason(reason: string): string {
  if (!reason.startsWith(LADDER)) return reason
  const [from = -1, to = -1] = (/: ([a-z ]+) -> ([a-z ]+)/.exec(reason) ?? []).slice(1).map((step) => [...STEPS.keys()].indexOf(step))
  const step = [...STEPS.values()][to]
  if (step === undefined) return 'the node was too busy'
  if (to > from) return `the node was too busy, so the agent ${step}`
  return `the node was less busy again, so the agent ${to === 0 ? 'sent everything' : 'sent more'}`
}

function fieldOf(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined
}

/** Reasons come as strings or atoms. */
function textOf(value: unknown): string {
  if (typeof value === 'string') return value
  const atom = fieldOf(value, '$atom')
  return typeof atom === 'string' ? atom : 'the node did not say why'
}
