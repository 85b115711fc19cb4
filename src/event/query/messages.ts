/**
 * Which send a receive belongs to. Between two processes of one BEAM node messages arrive in the order they were sent, so
 * the nth send is the nth receive; where both carry a correlation id (a seq_trace token travels with the message), that
 * tells messages apart before their order does, and pairs across nodes as well, where a pid has a different first number
 * on either side. What was sent before the range is not known: a receive without an earlier send in it stays alone.
 *
 * `order` is an inference: where the node reported gaps, or a message was on its way as the range began, it can be one off.
 */

import { EVENT_TYPES } from '../../model/event.ts'
import { correlationOf } from '../names.ts'
import { type BlockView, processName, timestampNs } from './columns.ts'

export type Place = { readonly view: BlockView; readonly row: number }

export type Pair = { readonly send: Place; readonly receive: Place; readonly by: 'correlation' | 'order' }

export type Pairing = {
  /** Sends (or, by correlation, receives) that wait for the other half, first come first. */
  readonly waiting: Map<string, Waiting>
  nWaiting: number
  readonly maxWaiting: number
  /** Receives that no send was found for, sends that were given up because too many waited. */
  lone: number
}

type Waiting = { readonly places: Place[]; readonly kind: 'send' | 'receive'; first: number }

export function openPairing(maxWaiting: number): Pairing {
  return { waiting: new Map(), nWaiting: 0, maxWaiting, lone: 0 }
}

/** Takes sends and receives in order of time; answers the pair that one completes. */
export function pairUp(pairing: Pairing, place: Place): Pair | undefined {
  const { key, kind, by } = keyOf(place)
  const queue = pairing.waiting.get(key)
  if (queue !== undefined && queue.kind !== kind) {
    const other = shift(pairing, key, queue)
    if (other !== undefined) return kind === 'receive' ? { send: other, receive: place, by } : { send: place, receive: other, by }
  }
  // On one node a message is sent before it is received; clocks of two nodes may say otherwise.
  if ((kind === 'receive' && by === 'order') || pairing.nWaiting >= pairing.maxWaiting) {
    pairing.lone++
    return undefined
  }
  pairing.nWaiting++
  if (queue === undefined) pairing.waiting.set(key, { places: [place], kind, first: 0 })
  else queue.places.push(place)
  return undefined
}

function shift(pairing: Pairing, key: string, queue: Waiting): Place | undefined {
  const place = queue.places[queue.first++]
  pairing.nWaiting--
  if (queue.first === queue.places.length) pairing.waiting.delete(key)
  return place
}

function keyOf({ view, row }: Place): { key: string; kind: 'send' | 'receive'; by: 'correlation' | 'order' } {
  const { block } = view
  const kind = block.type[row] === EVENT_TYPES.send ? 'send' : 'receive'
  const own = processName(view, block.pid[row] ?? 0)
  const { pid: peer } = processName(view, block.peer[row] ?? 0)
  const [from, to] = kind === 'send' ? [own.pid, peer] : [peer, own.pid]
  const correlation = correlationOf(block, block.corr[row] ?? 0)
  if (correlation !== null) return { kind, by: 'correlation', key: JSON.stringify([correlation, withoutNode(from), withoutNode(to)]) }
  return { kind, by: 'order', key: JSON.stringify([own.source.node, String(own.source.startNs), from, to]) }
}

/** `0.113.0` and `9123.113.0` are one process seen from two nodes. */
export function withoutNode(pid: string): string {
  return pid.slice(pid.indexOf('.') + 1)
}

/** What still waits. */
export function waitingOf(pairing: Pairing): { readonly sends: number; readonly receives: number } {
  let sends = 0
  let receives = 0
  for (const { kind, places, first } of pairing.waiting.values()) {
    if (kind === 'send') sends += places.length - first
    else receives += places.length - first
  }
  return { sends, receives }
}

export function latencyNs({ send, receive }: Pair): number {
  return Number(timestampNs(receive.view, receive.row) - timestampNs(send.view, send.row))
}
