/**
 * The IncrementalUpdater: applies batches of changed files to the store, one transaction each, in the repository thread.
 * It asks whether memory allows it (a synchroniser's update is not refused for good: it waits, and the Synchronizer comes
 * again), has the store do it, and passes the answer on. It holds nothing: what it was asked and did not answer is asked
 * again.
 */

import type { Failure } from '../../base/failure.ts'
import { fail } from '../../base/result.ts'
import type { Actor, ReplyTo } from '../../otp/actor.ts'
import { SYNC_PORTS, type IncrementalUpdaterBody } from './protocol.ts'

export type IncrementalUpdaterState = { readonly underWay: ReadonlyMap<string, ReplyTo>; readonly nAsked: number }

export function incrementalUpdaterActor(admit: () => Failure | undefined): Actor<IncrementalUpdaterState, IncrementalUpdaterBody, undefined> {
  return {
    mailbox: { capacity: 16, overflow: 'shed' },
    init: () => ({ type: 'ok', state: { underWay: new Map(), nAsked: 0 } }),
    step(state, msg) {
      if (msg.type === 'call') {
        const refused = admit()
        if (refused !== undefined) return [state, [{ type: 'reply', to: msg.from, result: fail(refused) }]]
        const nAsked = state.nAsked + 1
        const tag = String(nAsked)
        const underWay = new Map(state.underWay).set(tag, msg.from)
        return [{ underWay, nAsked }, [{ type: 'run', port: SYNC_PORTS.update, operation: msg.body.batch, tag }]]
      }
      const from = msg.type === 'answer' ? state.underWay.get(msg.tag) : undefined
      if (msg.type !== 'answer' || from === undefined) return [state, []]
      const underWay = new Map(state.underWay)
      underWay.delete(msg.tag)
      return [{ ...state, underWay }, [{ type: 'reply', to: from, result: msg.result }]]
    },
  }
}
