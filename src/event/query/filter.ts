/**
 * What can be asked of events, as plain data, and the order that answers come in: (time, block, row). A position in that
 * order is what a cursor holds: it names no place in a list, so pruning and new events leave it where it is. A late event
 * that arrives before a position already passed is not seen by the walk that passed it.
 *
 * Absent on purpose: checking what users send (the RPC layer), and how an answer is found (plan.ts).
 */

import type { EventType } from '../../model/event.ts'
import type { NodeId } from '../../model/node-id.ts'

/** All that is given must hold. Module, function and arity are of the called function. */
export type EventFilter = {
  /** One of these. */
  readonly types?: readonly EventType[]
  /** As `0.113.0`; the same text on several nodes is several processes, which `node` and `startNs` tell apart. */
  readonly pid?: string
  /** The other process of the event. */
  readonly peer?: string
  readonly module?: string
  readonly function?: string
  readonly arity?: number
  readonly nodeId?: NodeId
  /** Of the node's file: the event's place was named in one of these; 0 stands for where that is not known. */
  readonly versions?: readonly number[]
  readonly correlationId?: string
  /** The BEAM node, and when it started. */
  readonly node?: string
  readonly startNs?: bigint
  readonly sinceNs?: bigint
  /** Exclusive. */
  readonly untilNs?: bigint
  /** Of returns and exceptions; an event without a known duration does not match. */
  readonly minDurationNs?: number
}

export type Order = 'asc' | 'desc'

/** Where an event stands among all of them. */
export type Position = { readonly timestampNs: bigint; readonly block: number; readonly row: number }

export type EventQuery = {
  readonly filter: EventFilter
  readonly order: Order
  /** At least 1. */
  readonly limit: number
  /** Only what comes after this in the query's order. */
  readonly after?: Position
}

export type EventPlace = { readonly node: string; readonly block: number; readonly row: number }

const EVENT_ID = /^(.*):(\d{1,10}):(\d{1,5})$/s
const CURSOR = /^(-?\d{1,20})\.(\d{1,10})\.(\d{1,5})$/

export function formatEventId(place: EventPlace): string {
  return `${place.node}:${place.block}:${place.row}`
}

/** Undefined when the text is no event id. */
export function parseEventId(id: string): EventPlace | undefined {
  const [, node, block, row] = EVENT_ID.exec(id) ?? []
  return node === undefined ? undefined : { node, block: Number(block), row: Number(row) }
}

export function formatCursor(at: Position): string {
  return Buffer.from(`${at.timestampNs}.${at.block}.${at.row}`).toString('base64url')
}

/** Undefined when the text is no cursor. */
export function parseCursor(cursor: string): Position | undefined {
  const [, timestampNs, block, row] = CURSOR.exec(Buffer.from(cursor, 'base64url').toString()) ?? []
  return timestampNs === undefined ? undefined : { timestampNs: BigInt(timestampNs), block: Number(block), row: Number(row) }
}
