/**
 * Connections that want to be told of every commit that changed something, and of what is traced and tied to code. Each is
 * told as long as it reads; what is shed because it does not shows as a gap between the epochs it is told of.
 */

import type { NotificationParams } from '../wire/methods.ts'
import type { CallContext } from './ipc/dispatch.ts'

export type Subscriber = Pick<CallContext, 'notify' | 'signal'>

/** What a connection that watches is told. */
export type Subscribed = 'changed' | 'correlation_updated' | 'instrumentation_changed'

export type Subscribers = {
  /** Until its connection is closed; once however often it asks. */
  add(subscriber: Subscriber): void
  tell<N extends Subscribed>(name: N, params: NotificationParams<N>): void
  size(): number
}

export function createSubscribers(): Subscribers {
  // One signal belongs to one connection, whatever call it came with.
  const bySignal = new Map<AbortSignal, Subscriber>()
  return {
    add(subscriber) {
      const { signal } = subscriber
      if (signal.aborted || bySignal.has(signal)) return
      bySignal.set(signal, subscriber)
      signal.addEventListener('abort', () => bySignal.delete(signal), { once: true })
    },
    tell(name, params) {
      for (const { notify } of bySignal.values()) notify(name, params)
    },
    size: () => bySignal.size,
  }
}
