/**
 * An actor that stands before a port: whatever is asked of it passes in order of arrival, is refused at once or carried out by
 * the port, whose outcome is the answer. It holds nothing that must survive: callers whose answer was under way when it ended are
 * told `unavailable` by the system.
 *
 *   call -> refused at once | `run` on the port -> reply
 *   beat -> `run` on the port, whose outcome nobody waits for; the next beat is counted from it
 */

import type { Failure } from '../base/failure.ts'
import { fail } from '../base/result.ts'
import type { Actor, ActorEffect, ReplyTo, Stepped } from './actor.ts'

export type PortActorState = {
  /** Whom to answer, by the tag of the operation. */
  readonly underWay: Map<string, ReplyTo>
  nAsked: number
}

export type PortActorOptions<Body> = {
  readonly port: string
  /** Calls waiting here; one more is answered `busy`. */
  readonly capacity: number
  /** The failure of what is not allowed now. */
  readonly admit?: (body: Body) => Failure | undefined
  /** What it has done by itself, this long after it was done last. */
  readonly beat?: { readonly ms: number; readonly operation: Body }
}

const BEAT = 'beat'

export function portActor<Body>({ port, capacity, admit, beat }: PortActorOptions<Body>): Actor<PortActorState, Body> {
  const next: readonly ActorEffect[] = beat === undefined ? [] : [{ type: 'after', name: BEAT, ms: beat.ms }]
  return {
    mailbox: { capacity, overflow: 'shed' },
    init: () => ({ type: 'ok', state: { underWay: new Map(), nAsked: 0 }, effects: next }),
    step(state, msg): Stepped<PortActorState> {
      switch (msg.type) {
        case 'call': {
          const refused = admit?.(msg.body)
          if (refused !== undefined) return [state, [{ type: 'reply', to: msg.from, result: fail(refused) }]]
          state.nAsked += 1
          const tag = String(state.nAsked)
          state.underWay.set(tag, msg.from)
          return [state, [{ type: 'run', port, operation: msg.body, tag }]]
        }
        case 'answer': {
          if (msg.tag === BEAT) return [state, next]
          const from = state.underWay.get(msg.tag)
          state.underWay.delete(msg.tag)
          return [state, from === undefined ? [] : [{ type: 'reply', to: from, result: msg.result }]]
        }
        case 'timer':
          return [state, beat === undefined ? [] : [{ type: 'run', port, operation: beat.operation, tag: BEAT }]]
        case 'cast':
        case 'down':
          return [state, []]
      }
    },
  }
}
