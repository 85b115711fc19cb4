/** Between events and places in the code: where an event happened and how that is known, and the events of a place. */

import { parseNodeId } from '../../model/node-id.ts'
import { failure, type Failure } from '../../base/failure.ts'
import { fail, ok, type Result } from '../../base/result.ts'
import { fitVersions } from '../../correlate/fit.ts'
import { resolve } from '../../correlate/resolve.ts'
import { METHODS, RATES, type Method, type Resolution } from '../../correlate/resolution.ts'
import { formatCursor, parseEventId, type Position } from '../../event/query/filter.ts'
import { getEvent, runQuery } from '../../event/query/run.ts'
import type { EventRecord, Evidence } from '../../model/event.ts'
import type { Args, Value } from '../../wire/methods.ts'
import { completenessOf } from './completeness.ts'
import { finishWithin, type RuntimeContext } from './context.ts'
import { eventsAt, placesOf } from './node-places.ts'
import { filterOf, noEvent, presentEvent, queryOf } from './read-events.ts'

/** Where the event has no place yet, because the code was not known when it came, it is looked for in what is known now. */
export function correlateEvent(context: RuntimeContext, { event_id: id }: Args<'correlate_event'>): Result<Value<'correlate_event'>, Failure> {
  const event = getEvent(context.queries, id)
  if (event === undefined) return noEvent(id)
  const found = resolved(context, event)
  const isStored = event.nodeId !== null
  const agrees = found !== undefined && (!isStored || found.nodeId === event.nodeId)
  const { nodeId, evidence } = isStored || found === undefined ? event : found
  return ok({
    event_id: id, node_id: nodeId, evidence, ...confidenceOf(evidence, agrees ? found.method : undefined, isStored ? STORED : FOUND_NOW), candidates: agrees || evidence === 'ambiguous' ? [...(found?.candidates ?? [])] : [],
    version: agrees ? (found.version?.number ?? null) : null,
  })
}

/** From its names alone, as the kept versions have them. Which of several versions ran is not known here. */
function resolved({ code }: RuntimeContext, { mfa, caller }: EventRecord): Resolution | undefined {
  if (mfa === null && caller === null) return undefined
  const fit = fitVersions(caller === null ? [] : code.versionsOf(caller.module), null, [])
  const found = resolve(code, { mfa, caller }, { fit, table: null })
  return fit.codes.length > 1 ? { ...found, version: null } : found
}

/** By how the place was found where that is known again, else by the kind of evidence; nobody counted how often givers are right. */
function confidenceOf(evidence: Evidence, method: Method | undefined, known: readonly (keyof typeof RATES)[]): Pick<Value<'correlate_event'>, 'confidence' | 'n'> {
  const methods = method !== undefined && METHODS[method] === evidence ? [method] : METHOD_NAMES.filter((name) => METHODS[name] === evidence && evidence !== 'none')
  const rates = known.flatMap((calls) => methods.map((name) => RATES[calls][name]))
  const right = rates.reduce((sum, rate) => sum + rate.right, 0)
  const n = rates.reduce((sum, rate) => sum + rate.n, 0)
  return { confidence: n === 0 ? null : right / n, n }
}

/** What is stored was found with what went before in the process or without: both count. What is looked for now is found without. */
const STORED = ['paired', 'alone'] as const
const FOUND_NOW = ['alone'] as const
const METHOD_NAMES = Object.keys(METHODS) as readonly Method[]

export function getCorrelatedEvents(context: RuntimeContext, { node_id: nodeId, since, until, ...page }: Args<'get_correlated_events'>): Result<Value<'get_correlated_events'>, Failure> {
  if (parseNodeId(nodeId) === undefined) return fail(failure('invalid_argument', `node_id: ${JSON.stringify(nodeId)} is no node id`, { hint: 'e.g. MyApp.Cart.add/2#1/case' }))
  const window = filterOf({ since, until })
  if (!window.ok) return window
  const query = queryOf({}, page)
  if (!query.ok) return query
  const { events, next } = eventsAt(context, placesOf(context, nodeId, window.value), query.value)
  return ok({ events: events.map(presentEvent), cursor: next === null ? null : formatCursor(next), completeness: completenessOf(context, window.value) })
}

type Correlation = Value<'get_correlations'>['correlations'][number]

export function getCorrelations(context: RuntimeContext, { correlation_id: asked, limit, cursor }: Args<'get_correlations'>): Result<Value<'get_correlations'>, Failure> {
  const event = parseEventId(asked) === undefined ? undefined : getEvent(context.queries, asked)
  if (event !== undefined) return ok({ correlations: correlationOf(event), cursor: null })
  const first = queryOf({ correlationId: asked }, { limit, cursor, order: 'asc' })
  if (!first.ok) return first
  const correlations: Correlation[] = []
  let query = first.value
  let next: Position | null = null
  do {
    const page = finishWithin(context, runQuery(context.queries, { ...query, limit: limit - correlations.length }))
    correlations.push(...page.events.flatMap(correlationOf))
    ;({ next } = page)
    if (next !== null) query = { ...query, after: next }
    context.pause()
  } while (next !== null && correlations.length < limit)
  return ok({ correlations, cursor: next === null ? null : formatCursor(next) })
}

/** None where the event has no place. */
function correlationOf({ id, type, timestampNs, correlationId, nodeId, evidence }: EventRecord): Correlation[] {
  if (nodeId === null) return []
  return [{ correlation_id: correlationId, node_id: nodeId, event_id: id, event_type: type, timestamp_ns: timestampNs, sequence_number: parseEventId(id)?.row ?? 0, evidence }]
}
