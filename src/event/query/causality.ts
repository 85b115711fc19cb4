/**
 * Messages between processes, and the chain around an event. Back: within a process whatever it received last, across
 * processes the send of that message, or the spawn of the process. Onwards: what the process sent and whom it spawned until
 * it received again, and where that arrived. Each step says how it is known (`messages.ts`); `earlier` is no more
 * than the order of things in one process.
 *
 * Invariant: bounded by steps, by a window before each receive in which its send is looked for, and by events looked at.
 */

import { EVENT_TYPES, type EventRecord } from '../../model/event.ts'
import { type BlockView, processName, timestampNs } from './columns.ts'
import { countEvents } from './count.ts'
import type { EventFilter, Position } from './filter.ts'
import { type Pair, type Place, latencyNs, openPairing, pairUp, waitingOf, withoutNode } from './messages.ts'
import { toRecord } from './record.ts'
import { findEvent } from './run.ts'
import { type Queries, type Scan, type Snapshot, scan, snapshotOf } from './scan.ts'

export type MessagesQuery = {
  readonly sinceNs: bigint
  readonly untilNs: bigint
  /** Only messages from or to this pid. */
  readonly pid?: string
  /** Only among these events: a message from or to another node has one half alone. */
  readonly among?: Pick<EventFilter, 'node' | 'correlationId'>
  readonly limit: number
  readonly maxEvents: number
}

export type Message = { readonly send: EventRecord; readonly receive: EventRecord; readonly by: Pair['by']; /** Negative where the nodes' clocks disagree. */ readonly latencyNs: number }

export type Messages = {
  /** In the order in which they were received. */
  readonly messages: readonly Message[]
  readonly lone: { readonly sends: number; readonly receives: number }
  readonly gaps: number
  /** From here on nothing was looked at, because the limit was reached; null where all was. */
  readonly cutAtNs: bigint | null
}

export type Cause = {
  readonly event: EventRecord
  /** How it led to the event before it in the list. */
  readonly link: 'sent' | 'spawned' | 'earlier'
  readonly by: Pair['by'] | 'process'
}

export type CausesQuery = { readonly id: string; readonly maxSteps: number; readonly windowNs: bigint; readonly maxEvents: number }

export type Causes = {
  readonly event: EventRecord
  /** The latest first. */
  readonly causes: readonly Cause[]
  /** `beginning`: nothing led to the last one that is stored; `unpaired`: the send of the last one was not found. */
  readonly end: 'beginning' | 'unpaired' | 'max_steps'
}

export type EffectsQuery = { readonly id: string; readonly limit: number; readonly windowNs: bigint; readonly maxEvents: number }

export type Effect = {
  readonly event: EventRecord
  readonly link: 'sent' | 'spawned'
  /** Where it arrived: the receive, the start of the process; null where that was not found. */
  readonly reached: EventRecord | null
  readonly by: Cause['by'] | null
}

export type Effects = { readonly event: EventRecord; readonly effects: readonly Effect[]; /** The list is full. */ readonly isCut: boolean }

const MESSAGES = ['send', 'receive'] as const
const MAX_WAITING = 65_536

export function* messagesBetween(queries: Queries, query: MessagesQuery): Generator<'yield', Messages> {
  const { sinceNs, untilNs, pid, among, limit, maxEvents } = query
  const snapshot = snapshotOf(queries)
  const pairing = openPairing(MAX_WAITING)
  const messages: Message[] = []
  let nEvents = 0
  let cutAtNs: bigint | null = null
  yield* scan(queries, snapshot, { filter: { ...among, types: MESSAGES, sinceNs, untilNs }, order: 'asc' }, (view, row) => {
    if (messages.length >= limit || nEvents++ >= maxEvents) {
      cutAtNs = timestampNs(view, row)
      return 'enough'
    }
    if (pid !== undefined && processName(view, view.block.pid[row] ?? 0).pid !== pid && processName(view, view.block.peer[row] ?? 0).pid !== pid) return 'more'
    const pair = pairUp(pairing, { view, row })
    if (pair !== undefined) messages.push(messageOf(snapshot, pair))
    return 'more'
  })
  const waiting = waitingOf(pairing)
  const gaps = yield* countEvents(queries, { types: ['gap'], sinceNs, untilNs })
  return { messages, lone: { sends: waiting.sends, receives: waiting.receives + pairing.lone }, gaps: gaps.count, cutAtNs }
}

function messageOf({ links }: Snapshot, pair: Pair): Message {
  return { send: toRecord(pair.send.view, pair.send.row, links), receive: toRecord(pair.receive.view, pair.receive.row, links), by: pair.by, latencyNs: latencyNs(pair) }
}

/** Undefined where there is no such event. */
export function* causesOf(queries: Queries, query: CausesQuery): Generator<'yield', Causes | undefined> {
  const snapshot = snapshotOf(queries)
  const start = findEvent(queries, query.id)
  if (start === undefined) return undefined
  const causes: Cause[] = []
  let at: Place = start
  const answer = (end: Causes['end']): Causes => ({ event: toRecord(start.view, start.row, snapshot.links), causes, end })
  while (causes.length < query.maxSteps) {
    const found = yield* causeOf(queries, snapshot, at, query)
    if (typeof found === 'string') return answer(found)
    causes.push({ event: toRecord(found.place.view, found.place.row, snapshot.links), link: found.link, by: found.by })
    at = found.place
  }
  return answer('max_steps')
}

type Found = { readonly place: Place; readonly link: Cause['link']; readonly by: Cause['by'] }

function* causeOf(queries: Queries, snapshot: Snapshot, at: Place, query: CausesQuery): Generator<'yield', Found | 'beginning' | 'unpaired'> {
  const type = at.view.block.type[at.row]
  if (type === EVENT_TYPES.receive) {
    const pair = yield* pairOf(queries, snapshot, at, query)
    return pair === undefined ? 'unpaired' : { place: pair.send, link: 'sent', by: pair.by }
  }
  if (type === EVENT_TYPES.spawned) {
    // The parent's own event may bear a later time: it is written when the spawn is done.
    const untilNs = timestampNs(at.view, at.row) + query.windowNs
    const place = yield* firstOf(queries, snapshot, { filter: { types: ['spawn'], ...sourceOf(at), pid: peerOf(at), peer: pidOf(at), untilNs }, order: 'desc' })
    return place === undefined ? 'unpaired' : { place, link: 'spawned', by: 'process' }
  }
  const place = yield* firstOf(queries, snapshot, { filter: { types: ['receive', 'spawned'], ...sourceOf(at), pid: pidOf(at) }, order: 'desc', after: positionOf(at) })
  return place === undefined ? 'beginning' : { place, link: 'earlier', by: 'process' }
}

/** The first that is found in the order asked for. */
function* firstOf(queries: Queries, snapshot: Snapshot, what: Scan): Generator<'yield', Place | undefined> {
  let found: Place | undefined
  yield* scan(queries, snapshot, what, (view, row) => {
    found = { view, row }
    return 'enough'
  })
  return found
}

/** Undefined where there is no such event. */
export function* effectsOf(queries: Queries, query: EffectsQuery): Generator<'yield', Effects | undefined> {
  const snapshot = snapshotOf(queries)
  const start = findEvent(queries, query.id)
  if (start === undefined) return undefined
  const places: Place[] = []
  let isCut = false
  const take = (view: BlockView, row: number): 'more' | 'enough' => {
    if (view.block.type[row] === EVENT_TYPES.receive) return 'enough'
    isCut = places.length === query.limit
    if (!isCut) places.push({ view, row })
    return isCut ? 'enough' : 'more'
  }
  const startType = start.view.block.type[start.row]
  if (startType === EVENT_TYPES.send || startType === EVENT_TYPES.spawn) places.push(start)
  else yield* scan(queries, snapshot, { filter: { types: ['send', 'spawn', 'receive'], ...sourceOf(start), pid: pidOf(start) }, order: 'asc', after: positionOf(start) }, take)
  const effects: Effect[] = []
  for (const place of places) effects.push(yield* effectOf(queries, snapshot, place, query))
  return { event: toRecord(start.view, start.row, snapshot.links), effects, isCut }
}

function* effectOf(queries: Queries, snapshot: Snapshot, place: Place, query: EffectsQuery): Generator<'yield', Effect> {
  const record = ({ view, row }: Place): EventRecord => toRecord(view, row, snapshot.links)
  const event = record(place)
  if (event.type === 'send') {
    const pair = yield* pairOf(queries, snapshot, place, query)
    return { event, link: 'sent', reached: pair === undefined ? null : record(pair.receive), by: pair?.by ?? null }
  }
  const sinceNs = event.timestampNs - query.windowNs
  const started = yield* firstOf(queries, snapshot, { filter: { types: ['spawned'], ...event.source, pid: peerOf(place), peer: event.pid, sinceNs }, order: 'asc' })
  return { event, link: 'spawned', reached: started === undefined ? null : record(started), by: started === undefined ? null : 'process' }
}

/** Pairs the messages between the sender and the receiver of one half in the window around it, until its other half is found. */
function* pairOf(queries: Queries, snapshot: Snapshot, half: Place, { windowNs, maxEvents }: { readonly windowNs: bigint; readonly maxEvents: number }): Generator<'yield', Pair | undefined> {
  const { timestampNs: ns, correlationId } = toRecord(half.view, half.row, snapshot.links)
  const [sender, receiver] = endsOf(half)
  const pairing = openPairing(MAX_WAITING)
  const among: EventFilter = correlationId === null ? sourceOf(half) : { correlationId }
  const isHalf = ({ view, row }: Place): boolean => view.number === half.view.number && row === half.row
  let nEvents = 0
  let found: Pair | undefined
  yield* scan(queries, snapshot, { filter: { types: MESSAGES, ...among, sinceNs: ns - windowNs, untilNs: ns + windowNs }, order: 'asc' }, (view, row) => {
    if (nEvents++ >= maxEvents) return 'enough'
    const place = { view, row }
    const [from, to] = endsOf(place)
    if (from !== sender || to !== receiver) return 'more'
    const pair = pairUp(pairing, place)
    if (pair !== undefined && (isHalf(pair.send) || isHalf(pair.receive))) found = pair
    return found === undefined ? 'more' : 'enough'
  })
  return found
}

/** Who sent and who received, as pids are written on any node. */
function endsOf(place: Place): readonly [from: string, to: string] {
  const own = withoutNode(pidOf(place))
  const peer = withoutNode(peerOf(place))
  return place.view.block.type[place.row] === EVENT_TYPES.send ? [own, peer] : [peer, own]
}

function positionOf({ view, row }: Place): Position {
  return { timestampNs: timestampNs(view, row), block: view.number, row }
}

function pidOf({ view, row }: Place): string {
  return processName(view, view.block.pid[row] ?? 0).pid
}

function peerOf({ view, row }: Place): string {
  return processName(view, view.block.peer[row] ?? 0).pid
}

function sourceOf({ view, row }: Place): { node: string; startNs: bigint } {
  return processName(view, view.block.pid[row] ?? 0).source
}
