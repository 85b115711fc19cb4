/**
 * Connections that want to be told of every commit that changed something. Each is told as long as it reads; what is shed
 * because it does not shows as a gap between the epochs it is told of.
 */

import type { NotificationParams } from '../wire/methods.ts'
import type { CallContext } from './ipc/dispatch.ts'

export type Subscriber = Pick<CallContext, 'notify' | 'signal'>

export type Subscribers = {
  /** Until its connection is closed; once however often it asks. */
  add(subscriber: Subscriber): void
  tell(changes: NotificationParams<'changed'>): void
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
    tell(changes) {
      for (const { notify } of bySignal.values()) notify('changed', changes)
    },
    size: () => bySignal.size,
  }
}
