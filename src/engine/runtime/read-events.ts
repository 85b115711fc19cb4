/** Events by what they are about: pages, one by its id, counts. */

import { failure, type Failure } from '../../base/failure.ts'
import { fail, ok, type Result } from '../../base/result.ts'
import { groupEvents } from '../../event/query/count.ts'
import { formatCursor, parseCursor, type EventFilter, type EventQuery } from '../../event/query/filter.ts'
import { getEvent, runQuery } from '../../event/query/run.ts'
import type { EventRecord } from '../../model/event.ts'
import { formatMfa } from '../../model/names.ts'
import type { Args, EventMethod, Value } from '../../wire/methods.ts'
import type { EventWire } from '../../wire/event-records.ts'
import { completenessOf } from './completeness.ts'
import { finishWithin, type RuntimeContext } from './context.ts'
import { readPayload } from './payload.ts'
import { timeNs } from './time.ts'

export function queryEvents(context: RuntimeContext, args: Args<'query_events'>): Result<Value<'query_events'>, Failure> {
  const filter = filterOf(args)
  if (!filter.ok) return filter
  const query = queryOf(filter.value, args)
  if (!query.ok) return query
  const { events, next, outcome } = finishWithin(context, runQuery(context.queries, query.value))
  return ok({
    events: events.map(presentEvent), cursor: next === null ? null : formatCursor(next), completeness: completenessOf(context, filter.value),
    plan: args.explain ? outcome : null,
  })
}

export function getEventById({ queries }: RuntimeContext, { event_id: id }: Args<'get_event_by_id'>): Result<Value<'get_event_by_id'>, Failure> {
  const event = getEvent(queries, id)
  return event === undefined ? noEvent(id) : ok(presentEvent(event))
}

export function countEvents(context: RuntimeContext, args: Args<'count_events'>): Result<Value<'count_events'>, Failure> {
  const filter = filterOf(args)
  if (!filter.ok) return filter
  const { groups } = finishWithin(context, groupEvents(context.queries, filter.value, args.by))
  return ok({
    groups: groups.slice(0, args.limit).map(({ key, count }) => ({ key: key ?? '(none)', count })), total: groups.reduce((sum, { count }) => sum + count, 0),
    completeness: completenessOf(context, filter.value),
  })
}

export function noEvent(id: string): { readonly ok: false; readonly error: Failure } {
  return fail(failure('not_found', `there is no event ${JSON.stringify(id)}`, { hint: 'old events are deleted; capture.maxAgeMs, maxEvents and maxBytes say when' }))
}

type FilterArgs = Partial<Pick<Args<'query_events'>, 'since' | 'until' | 'node' | 'pid' | 'event_type' | 'correlation_id' | 'node_id' | 'module' | 'function' | 'arity' | 'min_duration_ns'>>

/** What is left out asks for nothing. */
export function filterOf({ since, until, node, pid, event_type: type, correlation_id: correlationId, node_id: nodeId, module, function: name, arity, min_duration_ns: minDurationNs }: FilterArgs): Result<EventFilter, Failure> {
  const sinceNs = since === undefined ? undefined : timeNs(since)
  const untilNs = until === undefined ? undefined : timeNs(until)
  if (sinceNs !== undefined && untilNs !== undefined && sinceNs > untilNs) return fail(failure('invalid_argument', 'since is later than until'))
  return ok({
    ...(type === undefined ? {} : { types: typeof type === 'string' ? [type] : type }), ...(pid === undefined ? {} : { pid: plainPid(pid) }), ...(node === undefined ? {} : { node }),
    ...(module === undefined ? {} : { module }), ...(name === undefined ? {} : { function: name }), ...(arity === undefined ? {} : { arity }), ...(nodeId === undefined ? {} : { nodeId }),
    ...(correlationId === undefined ? {} : { correlationId }), ...(sinceNs === undefined ? {} : { sinceNs }), ...(untilNs === undefined ? {} : { untilNs }), ...(minDurationNs === undefined ? {} : { minDurationNs }),
  })
}

export function queryOf(filter: EventFilter, { limit, cursor, order }: { readonly limit: number; readonly cursor?: string | undefined; readonly order: 'asc' | 'desc' }): Result<EventQuery, Failure> {
  if (cursor === undefined) return ok({ filter, order, limit })
  const after = parseCursor(cursor)
  return after === undefined ? fail(failure('invalid_argument', 'the cursor is none that a page gave', { hint: 'give it back as it came' })) : ok({ filter, order, limit, after })
}

export function presentEvent({ id, type, timestampNs, source, pid, peer, mfa, caller, correlationId, nodeId, evidence, durationNs, ownNs, payload }: EventRecord): EventWire {
  return {
    event_id: id, event_type: type, timestamp_ns: timestampNs, node: source.node, node_start_ns: source.startNs, pid, peer, mfa: mfa === null ? null : formatMfa({ ...mfa, name: mfa.function }),
    caller: caller === null ? null : { mfa: formatMfa({ ...caller, name: caller.function }), file: caller.file, line: caller.line }, correlation_id: correlationId, node_id: nodeId,
    evidence, duration_ns: durationNs, own_ns: ownNs, payload: payload === null ? null : (readPayload(payload) ?? null),
  }
}

/** As `self()` is printed: `#PID<0.113.0>`, `<0.113.0>` or `0.113.0`. */
export function plainPid(pid: string): string {
  return /^(?:#PID)?<(.*)>$/.exec(pid)?.[1] ?? pid
}

export type EventHandler<M extends EventMethod> = (context: RuntimeContext, args: Args<M>) => Result<Value<M>, Failure>
