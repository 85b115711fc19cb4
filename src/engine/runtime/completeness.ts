/**
 * What an answer about a window of time leaves open: gaps that the nodes told of. The gaps of a sealed block are read once and
 * kept; whole blocks are counted without being opened.
 */

import { EVENT_TYPES } from '../../model/event.ts'
import type { BlockRef } from '../../event/query/blocks.ts'
import { payloadOf, processName, timestampNs, viewOf, type BlockView } from '../../event/query/columns.ts'
import { countEvents } from '../../event/query/count.ts'
import type { EventFilter } from '../../event/query/filter.ts'
import type { Value } from '../../wire/methods.ts'
import { finishWithin, type Gap, type RuntimeContext } from './context.ts'
import { readPayload } from './payload.ts'

type Completeness = Value<'query_events'>['completeness']
type Window = Pick<EventFilter, 'sinceNs' | 'untilNs' | 'node'>

export function completenessOf(context: RuntimeContext, { sinceNs, untilNs, node }: EventFilter): Completeness {
  const window: Window = { ...(sinceNs === undefined ? {} : { sinceNs }), ...(untilNs === undefined ? {} : { untilNs }), ...(node === undefined ? {} : { node }) }
  const refs = context.queries.blocks.refs().filter((ref) => ref.nRows > 0 && overlaps(ref, window))
  const gaps = refs.flatMap((ref) => gapsOf(context, ref).filter((gap) => isWithin(gap, window)))
  const first = refs.reduce<bigint | null>((least, { minNs }) => (least === null || minNs < least ? minNs : least), null)
  const last = refs.reduce<bigint | null>((most, { maxNs }) => (most === null || maxNs > most ? maxNs : most), null)
  return {
    complete: gaps.length === 0 && !context.isDamaged(), gaps: gaps.length, dropped: gaps.reduce((sum, { dropped }) => sum + dropped, 0),
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
  pause()
  const block = blocks.open(ref)
  if (block === 'gone') return []
  const view = viewOf(ref, block)
  const found = gapRows(view).map((row): Gap => ({ ns: timestampNs(view, row), node: processName(view, block.pid[row] ?? 0).source.node, dropped: droppedOf(payloadOf(view, row)) }))
  if (view.sealed && view.rows === view.counts.rows) gaps.set(ref.number, found)
  return found
}

function gapRows({ block, sealed, rows }: BlockView): readonly number[] {
  if (sealed) return [...block.typeRows.subarray(block.typeStarts[EVENT_TYPES.gap], block.typeStarts[EVENT_TYPES.gap + 1])].filter((row) => row < rows)
  const found: number[] = []
  for (let row = block.type.indexOf(EVENT_TYPES.gap); row >= 0 && row < rows; row = block.type.indexOf(EVENT_TYPES.gap, row + 1)) found.push(row)
  return found
}

/** How many events a gap tells of; 0 where it does not say. */
function droppedOf(payload: Uint8Array | null): number {
  const dropped = payload === null ? null : fieldOf(fieldOf(readPayload(payload), 'gap'), 'dropped')
  if (typeof dropped !== 'object' || dropped === null) return 0
  return Object.values(dropped).reduce<number>((sum, count) => sum + (typeof count === 'number' ? count : 0), 0)
}

function fieldOf(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined
}

function overlaps({ minNs, maxNs }: BlockRef, { sinceNs, untilNs }: Window): boolean {
  return (sinceNs === undefined || maxNs >= sinceNs) && (untilNs === undefined || minNs < untilNs)
}

function isWithin({ ns, node: of }: Gap, { sinceNs, untilNs, node }: Window): boolean {
  return (sinceNs === undefined || ns >= sinceNs) && (untilNs === undefined || ns < untilNs) && (node === undefined || of === node)
}

function later(a: bigint, b: bigint | undefined): bigint {
  return b !== undefined && b > a ? b : a
}

function earlier(a: bigint, b: bigint | undefined): bigint {
  return b !== undefined && b < a ? b : a
}
