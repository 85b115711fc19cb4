/**
 * Repository.Core: whatever a client writes passes through here, in order. It asks whether memory admits the write, and has
 * the store carry it out.
 *
 *   call -> refused at once | `run` on the store -> reply
 *
 * It holds nothing that must survive: an acknowledged write is on disk, and so is what was answered to it. Callers whose
 * answer was under way when it ended are told `unavailable` by the system, and may repeat the call under its `request_id`:
 * the store knows whether it was carried out.
 */

import type { Failure } from '../base/failure.ts'
import { fail } from '../base/result.ts'
import type { Actor, ReplyTo, Stepped } from '../otp/actor.ts'
import type { WriteMethod } from '../wire/methods.ts'

export const CORE = 'ElixirScope.AST.Repository.Core'

/** `StoreOperation` -> what the method answers. */
export const STORE_PORT = 'store'

/** The writing methods but `import_project`, which takes longer than a call. */
export type ClientWriteMethod = Exclude<WriteMethod, 'import_project'>

/** Arguments are validated: `args` is `Args<typeof method>`. */
export type StoreOperation = { readonly method: ClientWriteMethod; readonly args: unknown }
export type CoreBody = StoreOperation

export type CoreState = {
  /** Whom to answer, by the tag of the operation. */
  readonly underWay: Map<string, ReplyTo>
  nAsked: number
}

/** Calls waiting here; one more is answered `busy`. */
const MAX_WAITING = 256

/** `admit`: the failure of a write that memory does not allow now. */
export function coreActor(admit: (method: ClientWriteMethod) => Failure | undefined): Actor<CoreState, CoreBody> {
  return {
    mailbox: { capacity: MAX_WAITING, overflow: 'shed' },
    init: () => ({ type: 'ok', state: { underWay: new Map(), nAsked: 0 } }),
    step(state, msg): Stepped<CoreState> {
      switch (msg.type) {
        case 'call': {
          const refused = admit(msg.body.method)
          if (refused !== undefined) return [state, [{ type: 'reply', to: msg.from, result: fail(refused) }]]
          state.nAsked += 1
          const tag = String(state.nAsked)
          state.underWay.set(tag, msg.from)
          return [state, [{ type: 'run', port: STORE_PORT, operation: msg.body, tag }]]
        }
        case 'answer': {
          const from = state.underWay.get(msg.tag)
          state.underWay.delete(msg.tag)
          return [state, from === undefined ? [] : [{ type: 'reply', to: from, result: msg.result }]]
        }
        case 'cast':
        case 'timer':
        case 'down':
          return [state, []]
      }
    },
  }
}
