/** What an answer about a window of time leaves open: gaps that the nodes told of. */

import { countEvents } from '../../event/query/count.ts'
import type { EventFilter } from '../../event/query/filter.ts'
import { runQuery } from '../../event/query/run.ts'
import type { Value } from '../../wire/methods.ts'
import { finishWithin, type RuntimeContext } from './context.ts'
import { readPayload } from './terms.ts'

type Completeness = Value<'query_events'>['completeness']

/** Gaps looked at one by one; of more it is only said that there are. */
const MAX_GAPS = 1000

export function completenessOf(context: RuntimeContext, { sinceNs, untilNs, node }: EventFilter): Completeness {
  const window: EventFilter = { ...(sinceNs === undefined ? {} : { sinceNs }), ...(untilNs === undefined ? {} : { untilNs }), ...(node === undefined ? {} : { node }) }
  const { queries } = context
  const events = finishWithin(context, countEvents(queries, window)).count
  const gaps = finishWithin(context, runQuery(queries, { filter: { ...window, types: ['gap'] }, order: 'asc', limit: MAX_GAPS })).events
  const refs = queries.blocks.refs().filter(({ nRows }) => nRows > 0)
  const first = refs.reduce<bigint | null>((least, { minNs }) => (least === null || minNs < least ? minNs : least), null)
  const last = refs.reduce<bigint | null>((most, { maxNs }) => (most === null || maxNs > most ? maxNs : most), null)
  return {
    complete: gaps.length === 0, gaps: gaps.length, dropped: gaps.reduce((sum, { payload }) => sum + (payload === null ? 0 : droppedOf(payload)), 0),
    since_ns: first === null ? null : later(first, sinceNs), until_ns: last === null ? null : earlier(last, untilNs), events,
  }
}

/** How many events a gap tells of; 0 where it does not say. */
function droppedOf(payload: Uint8Array): number {
  const gap = fieldOf(readPayload(payload), 'gap')
  const dropped = fieldOf(gap, 'dropped')
  if (typeof dropped !== 'object' || dropped === null) return 0
  return Object.values(dropped).reduce<number>((sum, count) => sum + (typeof count === 'number' ? count : 0), 0)
}

function fieldOf(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined
}

function later(a: bigint, b: bigint | undefined): bigint {
  return b !== undefined && b > a ? b : a
}

function earlier(a: bigint, b: bigint | undefined): bigint {
  return b !== undefined && b < a ? b : a
}
