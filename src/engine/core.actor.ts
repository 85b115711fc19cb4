/**
 * Repository.Core: whatever a client writes passes through here, in order. It asks whether memory admits the write, and has
 * the store carry it out. An acknowledged write is on disk, and so is what was answered to it: callers whose answer was under
 * way when it ended may repeat the call under its `request_id`, and the store knows whether it was carried out.
 */

import type { Failure } from '../base/failure.ts'
import type { Actor } from '../otp/actor.ts'
import { portActor, type PortActorState } from '../otp/port-actor.ts'
import type { WriteMethod } from '../wire/methods.ts'

export const CORE = 'ElixirScope.AST.Repository.Core'

/** `StoreOperation` -> what the method answers. */
export const STORE_PORT = 'store'

/** The writing methods but `import_project`, which takes longer than a call. */
export type ClientWriteMethod = Exclude<WriteMethod, 'import_project'>

/** Arguments are validated: `args` is `Args<typeof method>`. */
export type StoreOperation = { readonly method: ClientWriteMethod; readonly args: unknown }
export type CoreBody = StoreOperation

/** Calls waiting here; one more is answered `busy`. */
const MAX_WAITING = 256

/** `admit`: the failure of a write that memory does not allow now. */
export function coreActor(admit: (method: ClientWriteMethod) => Failure | undefined): Actor<PortActorState, CoreBody> {
  return portActor({ port: STORE_PORT, capacity: MAX_WAITING, admit: ({ method }) => admit(method) })
}
