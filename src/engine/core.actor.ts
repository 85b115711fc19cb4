/**
 * Repository.Core: whatever a client writes passes through here, in order. It asks whether memory admits the write, knows a
 * repeated request by its `request_id` and gives it the first answer, and has the store carry out the rest.
 *
 *   call -> refused at once | answered as before | waits with the first of its kind | `run` on the store -> reply
 *
 * It holds nothing that must survive: an acknowledged write is on disk. Callers whose answer was under way when it ended
 * are told `unavailable` by the system; answers kept for repeats go with it.
 */

import type { Failure } from '../base/failure.ts'
import { fail, type Result } from '../base/result.ts'
import type { Actor, ActorEffect, ReplyTo } from '../otp/actor.ts'
import type { WriteMethod } from '../wire/methods.ts'
import { createRepeatTable, fingerprint, type RepeatTable } from '../wire/repeat-table.ts'

export const CORE = 'ElixirScope.AST.Repository.Core'

/** `StoreOperation` -> what the method answers. */
export const STORE_PORT = 'store'

/** The writing methods but `import_project`, which takes longer than a call. */
export type ClientWriteMethod = Exclude<WriteMethod, 'import_project'>

/** Arguments are validated: `args` is `Args<typeof method>`. */
export type StoreOperation = { readonly method: ClientWriteMethod; readonly args: unknown }
export type CoreBody = StoreOperation

export type CoreState = {
  readonly repeats: RepeatTable<ReplyTo>
  /** Whom to answer, by the tag of the operation. */
  readonly underWay: Map<string, { readonly from: ReplyTo; readonly requestId: string | undefined }>
  nAsked: number
}

/** Calls waiting here; one more is answered `busy`. */
const MAX_WAITING = 256
/** Answers kept for repeats. */
const KEPT_ANSWERS = 10_000

/** `admit`: the failure of a write that memory does not allow now. */
export function coreActor(admit: (method: ClientWriteMethod) => Failure | undefined): Actor<CoreState, CoreBody> {
  return {
    mailbox: { capacity: MAX_WAITING, overflow: 'shed' },
    init: () => ({ type: 'ok', state: { repeats: createRepeatTable(KEPT_ANSWERS), underWay: new Map(), nAsked: 0 } }),
    step(state, msg) {
      switch (msg.type) {
        case 'call':
          return [state, take(state, msg.from, msg.body, admit)]
        case 'answer':
          return [state, answered(state, msg.tag, msg.result)]
        case 'cast':
        case 'timer':
        case 'down':
          return [state, []]
      }
    },
  }
}

function take(state: CoreState, from: ReplyTo, operation: CoreBody, admit: (method: ClientWriteMethod) => Failure | undefined): ActorEffect[] {
  const { request_id: requestId } = operation.args as { readonly request_id?: string }
  if (requestId !== undefined) {
    const known = state.repeats.begin(requestId, fingerprint(operation.method, operation.args), from)
    if (known.type === 'answer') return [{ type: 'reply', to: from, result: known.answer }]
    if (known.type === 'wait') return []
  }
  const refused = admit(operation.method)
  if (refused !== undefined) return settle(state, { from, requestId }, fail(refused))
  state.nAsked += 1
  const tag = String(state.nAsked)
  state.underWay.set(tag, { from, requestId })
  return [{ type: 'run', port: STORE_PORT, operation, tag }]
}

function answered(state: CoreState, tag: string, result: Result<unknown, Failure>): ActorEffect[] {
  const asked = state.underWay.get(tag)
  if (asked === undefined) return []
  state.underWay.delete(tag)
  return settle(state, asked, result)
}

type Asked = { readonly from: ReplyTo; readonly requestId: string | undefined }

function settle(state: CoreState, { from, requestId }: Asked, result: Result<unknown, Failure>): ActorEffect[] {
  const callers = requestId === undefined ? [from] : state.repeats.settle(requestId, result)
  return callers.map((to) => ({ type: 'reply', to, result }))
}
