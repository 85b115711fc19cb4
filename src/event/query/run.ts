/**
 * Queries answered with records: a page of events, the plan of a query with its figures, one event by its id.
 */

import type { EventRecord } from '../../model/event.ts'
import { type BlockView, processName, timestampNs, viewOf } from './columns.ts'
import { type EventQuery, type Position, parseEventId } from './filter.ts'
import { toRecord } from './record.ts'
import { type Outcome, type Queries, scan, snapshotOf } from './scan.ts'

export type Page = {
  readonly events: readonly EventRecord[]
  /** Where to go on; null when there is no more. */
  readonly next: Position | null
  readonly outcome: Outcome
}

export function* runQuery(queries: Queries, query: EventQuery): Generator<'yield', Page> {
  const snapshot = snapshotOf(queries)
  const events: EventRecord[] = []
  let next: Position | null = null
  const outcome = yield* scan(queries, snapshot, query, (view, row) => {
    events.push(toRecord(view, row, snapshot.links))
    if (events.length < query.limit) return 'more'
    next = { timestampNs: timestampNs(view, row), block: view.number, row }
    return 'enough'
  })
  return { events, next, outcome }
}

/** How a query is answered: it is run, and what it finds is counted alone. */
export function* explainQuery(queries: Queries, query: EventQuery): Generator<'yield', Outcome & { readonly found: number }> {
  let found = 0
  const outcome = yield* scan(queries, snapshotOf(queries), query, () => (++found < query.limit ? 'more' : 'enough'))
  return { ...outcome, found }
}

/** Undefined where there is no such event, or no longer. */
export function getEvent(queries: Queries, id: string): EventRecord | undefined {
  const place = findEvent(queries, id)
  return place === undefined ? undefined : toRecord(place.view, place.row, snapshotOf(queries).links)
}

/** Its block and its place there say which it is; an id may come without the node that they are of. */
export function findEvent(queries: Queries, id: string): { readonly view: BlockView; readonly row: number } | undefined {
  const place = parseEventId(id) ?? parseEventId(`:${id}`)
  const ref = place === undefined ? undefined : queries.blocks.refs().find((ref) => ref.number === place.block)
  if (place === undefined || ref === undefined || place.row >= ref.nRows) return undefined
  const block = queries.blocks.open(ref)
  if (block === 'gone') return undefined
  const view = viewOf(ref, block)
  return place.node === '' || processName(view, block.pid[place.row] ?? 0).source.node === place.node ? { view, row: place.row } : undefined
}

/** What a query comes to when nobody waits for anything else meanwhile. */
export function finish<T>(run: Generator<'yield', T>): T {
  for (;;) {
    const step = run.next()
    if (step.done === true) return step.value
  }
}
