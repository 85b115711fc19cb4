/**
 * Messages between processes, and what led to an event: within a process whatever it received last, across processes the
 * send of that message, or the spawn of the process. Each step says how it is known (`messages.ts`); `earlier` is no more
 * than the order of things in one process.
 *
 * Invariant: bounded by steps, by a window before each receive in which its send is looked for, and by events looked at.
 */

import { EVENT_TYPES, type EventRecord } from '../../model/event.ts'
import { processName, timestampNs } from './columns.ts'
import { countEvents } from './count.ts'
import type { EventFilter } from './filter.ts'
import { type Pair, type Pairing, type Place, latencyNs, openPairing, pairUp, waitingOf, withoutNode } from './messages.ts'
import { toRecord } from './record.ts'
import { findEvent } from './run.ts'
import { type Queries, type Scan, type Snapshot, scan, snapshotOf } from './scan.ts'

export type MessagesQuery = {
  readonly sinceNs: bigint
  readonly untilNs: bigint
  /** Only messages from or to this pid. */
  readonly pid?: string
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

const MESSAGES = ['send', 'receive'] as const
const MAX_WAITING = 65_536

export function* messagesBetween(queries: Queries, query: MessagesQuery): Generator<'yield', Messages> {
  const { sinceNs, untilNs, pid, limit, maxEvents } = query
  const snapshot = snapshotOf(queries)
  const pairing = openPairing(MAX_WAITING)
  const messages: Message[] = []
  let nEvents = 0
  let cutAtNs: bigint | null = null
  yield* scan(queries, snapshot, { filter: { types: MESSAGES, sinceNs, untilNs }, order: 'asc' }, (view, row) => {
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
    const place = yield* last(queries, snapshot, { filter: { types: ['spawn'], ...sourceOf(at), pid: peerOf(at), peer: pidOf(at), untilNs }, order: 'desc' })
    return place === undefined ? 'unpaired' : { place, link: 'spawned', by: 'process' }
  }
  const after = { timestampNs: timestampNs(at.view, at.row), block: at.view.number, row: at.row }
  const place = yield* last(queries, snapshot, { filter: { types: ['receive', 'spawned'], ...sourceOf(at), pid: pidOf(at) }, order: 'desc', after })
  return place === undefined ? 'beginning' : { place, link: 'earlier', by: 'process' }
}

function* last(queries: Queries, snapshot: Snapshot, what: Scan): Generator<'yield', Place | undefined> {
  let found: Place | undefined
  yield* scan(queries, snapshot, what, (view, row) => {
    found = { view, row }
    return 'enough'
  })
  return found
}

/** Pairs the messages of sender and receiver in the window up to the receive, which is the last of them. */
function* pairOf(queries: Queries, snapshot: Snapshot, receive: Place, { windowNs, maxEvents }: CausesQuery): Generator<'yield', Pair | undefined> {
  const ns = timestampNs(receive.view, receive.row)
  const times = { sinceNs: ns - windowNs, untilNs: ns + windowNs }
  const correlated = receive.view.block.corr[receive.row] !== 0
  const correlationId = toRecord(receive.view, receive.row, snapshot.links).correlationId
  const [sender, receiver] = [withoutNode(peerOf(receive)), withoutNode(pidOf(receive))]
  const pairing: Pairing = openPairing(MAX_WAITING)
  let nEvents = 0
  let found: Pair | undefined
  const among: EventFilter = correlated && correlationId !== null ? { correlationId } : sourceOf(receive)
  yield* scan(queries, snapshot, { filter: { types: MESSAGES, ...among, ...times }, order: 'asc' }, (view, row) => {
    if (nEvents++ >= maxEvents) return 'enough'
    const place = { view, row }
    const isSend = view.block.type[row] === EVENT_TYPES.send
    const [from, to] = isSend ? [pidOf(place), peerOf(place)] : [peerOf(place), pidOf(place)]
    if (withoutNode(from) !== sender || withoutNode(to) !== receiver) return 'more'
    const pair = pairUp(pairing, place)
    if (pair !== undefined && pair.receive.view.number === receive.view.number && pair.receive.row === receive.row) found = pair
    return found === undefined ? 'more' : 'enough'
  })
  return found
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
