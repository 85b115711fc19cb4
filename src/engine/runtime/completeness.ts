/**
 * What an answer about a window of time leaves open: gaps that the nodes told of, and stretches that were stored and are lost. Either
 * counts wherever it and the window touch. The gaps of a sealed block are read once and kept, blocks without any are not opened;
 * whole blocks are counted without being opened.
 */

import { EVENT_TYPES } from '../../model/event.ts'
import type { BlockRef } from '../../event/query/blocks.ts'
import { payloadOf, processName, timestampNs, viewOf, type BlockView } from '../../event/query/columns.ts'
import { countEvents } from '../../event/query/count.ts'
import type { EventFilter } from '../../event/query/filter.ts'
import type { Value } from '../../wire/methods.ts'
import { finishWithin, type Gap, type RuntimeContext } from './context.ts'
import { readPayload } from './payload.ts'
import { fieldOf } from './terms.ts'

type Completeness = Value<'query_events'>['completeness']
/** Events that tell of missing ones. */
const TELLING = ['gap', 'degraded'] as const
/** The latest are told. */
const MOST_LOST = 20

type Window = Pick<EventFilter, 'sinceNs' | 'untilNs' | 'node'>

export function completenessOf(context: RuntimeContext, { sinceNs, untilNs, node }: EventFilter): Completeness {
  const window: Window = { ...(sinceNs === undefined ? {} : { sinceNs }), ...(untilNs === undefined ? {} : { untilNs }), ...(node === undefined ? {} : { node }) }
  const all = context.queries.blocks.refs().filter(({ nRows }) => nRows > 0)
  const refs = all.filter((ref) => overlaps(ref, window))
  // A gap is told when it is over, so those of blocks before the window end before it.
  const gaps = all.filter(({ maxNs }) => sinceNs === undefined || maxNs >= sinceNs).flatMap((ref) => gapsOf(context, ref).filter((gap) => overlaps(gap, window) && (node === undefined || gap.node === node)))
  const lost = context.lost().filter((loss) => overlaps(loss, window))
  const first = refs.reduce<bigint | null>((least, { minNs }) => (least === null || minNs < least ? minNs : least), null)
  const last = refs.reduce<bigint | null>((most, { maxNs }) => (most === null || maxNs > most ? maxNs : most), null)
  return {
    complete: gaps.length + lost.length === 0, gaps: gaps.length, dropped: sum(gaps, ({ dropped }) => dropped),
    lost: lost.slice(-MOST_LOST).map(({ minNs, maxNs, events, why }) => ({ since_ns: minNs, until_ns: maxNs, events, why })),
    since_ns: first === null ? null : later(first, sinceNs), until_ns: last === null ? null : earlier(last, untilNs), events: eventsIn(context, refs, window),
  }
}

function eventsIn(context: RuntimeContext, refs: readonly BlockRef[], window: Window): number {
  const { sinceNs, untilNs, node } = window
  const isWhole = ({ minNs, maxNs }: BlockRef): boolean => (sinceNs === undefined || minNs >= sinceNs) && (untilNs === undefined || maxNs < untilNs)
  if (node === undefined && refs.every(isWhole)) return refs.reduce((sum, { nRows }) => sum + nRows, 0)
  return finishWithin(context, countEvents(context.queries, window)).count
}

function gapsOf({ queries: { blocks }, caches: { gaps }, pause }: RuntimeContext, ref: BlockRef): readonly Gap[] {
  const known = gaps.get(ref.number)
  if (known !== undefined) return known
  if (!TELLING.some((type) => blocks.mayHold(ref, { kind: 'type', key: type }))) return []
  pause()
  const block = blocks.open(ref)
  if (block === 'gone') return []
  const view = viewOf(ref, block)
  const found = TELLING.flatMap((type) => rowsOf(view, EVENT_TYPES[type])).map((row) => gapAt(view, row)).filter((gap) => gap !== undefined)
  if (view.sealed && view.rows === view.counts.rows) gaps.set(ref.number, found)
  return found
}

function rowsOf({ block, sealed, rows }: BlockView, type: number): readonly number[] {
  if (sealed) return [...block.typeRows.subarray(block.typeStarts[type], block.typeStarts[type + 1])].filter((row) => row < rows)
  const found: number[] = []
  for (let row = block.type.indexOf(type); row >= 0 && row < rows; row = block.type.indexOf(type, row + 1)) found.push(row)
  return found
}

/** From when to when it says that events are missing, where it says so; `dropped` is 0 where it does not say how many. */
function gapAt(view: BlockView, row: number): Gap | undefined {
  const payload = payloadOf(view, row)
  const told = payload === null ? undefined : fieldOf(readPayload(payload), 'gap')
  if (view.block.type[row] === EVENT_TYPES.degraded && fieldOf(told, 'unknown') === undefined) return undefined
  const dropped = fieldOf(told, 'dropped')
  const ns = timestampNs(view, row)
  return {
    minNs: timeOf(fieldOf(told, 'from_ns')) ?? ns, maxNs: timeOf(fieldOf(told, 'to_ns')) ?? ns, node: processName(view, view.block.pid[row] ?? 0).source.node,
    dropped: typeof dropped === 'object' && dropped !== null ? sum(Object.values(dropped), (count) => (typeof count === 'number' ? count : 0)) : 0,
  }
}

type Span = { readonly minNs: bigint | null; readonly maxNs: bigint | null }

function overlaps({ minNs, maxNs }: Span, { sinceNs, untilNs }: Window): boolean {
  return (sinceNs === undefined || maxNs === null || maxNs >= sinceNs) && (untilNs === undefined || minNs === null || minNs < untilNs)
}

function timeOf(value: unknown): bigint | undefined {
  return typeof value === 'bigint' ? value : typeof value === 'number' && Number.isInteger(value) ? BigInt(value) : undefined
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0)
}

function later(a: bigint, b: bigint | undefined): bigint {
  return b !== undefined && b > a ? b : a
}

function earlier(a: bigint, b: bigint | undefined): bigint {
  return b !== undefined && b < a ? b : a
}
