/**
 * Warm spares: Workers that have loaded a thread's module, or are loading it, and wait for their `begin`. Every thread's first
 * life is one, so that all load at once and still begin one after the other. Later on one per thread that wants one, made a
 * moment after a life of it is up, so that loading it does not compete with what that life starts with. A spare that dies is
 * not made again before the next life: one that cannot load would be made for ever.
 */

import type { Worker } from 'node:worker_threads'

import type { Clock, Timer } from '../../base/clock.ts'
import { formatReason } from '../exit-reason.ts'
import type { ExitReason } from '../exit-reason.ts'
import type { Log } from '../starter.ts'
import type { FromThread } from './control.ts'

export type Spares = {
  take(name: string): Worker | undefined
  want(name: string, make: () => Worker | ExitReason): void
  /** Makes the thread's first life now. */
  loadAhead(name: string, make: () => Worker | ExitReason): void
  stateOf(name: string): 'loading' | 'ready' | undefined
  /** Ends the spare of a thread that will not be started again. */
  drop(name: string): void
  /** Ends all of them for good. */
  close(): Promise<void>
}

type Slot = { timer: Timer | undefined; worker: Worker | undefined; isReady: boolean }

const DELAY_MS = 200

export function createSpares(clock: Clock, log: Log): Spares {
  const slots = new Map<string, Slot>()
  const ending = new Set<Promise<unknown>>()
  let isClosed = false

  const fill = (name: string, slot: Slot, make: () => Worker | ExitReason): void => {
    slot.timer = undefined
    const worker = make()
    if ('kind' in worker) return log('warn', 'no spare thread', { thread: name, reason: formatReason(worker) })
    slot.worker = worker
    worker.on('message', (message: FromThread) => {
      if (message.type === 'loaded') slot.isReady = true
    })
    const gone = (): void => {
      if (slots.get(name) === slot) slots.delete(name)
    }
    worker.on('error', (thrown) => {
      gone()
      log('warn', 'a thread died before it began', { thread: name, error: String(thrown) })
    })
    worker.on('exit', gone)
  }
  const drop = (name: string): void => {
    const slot = slots.get(name)
    if (slot === undefined) return
    slots.delete(name)
    slot.timer?.cancel()
    if (slot.worker === undefined) return
    const ended = slot.worker.terminate()
    ending.add(ended)
    void ended.finally(() => ending.delete(ended))
  }
  return {
    loadAhead(name, make) {
      const slot: Slot = { timer: undefined, worker: undefined, isReady: false }
      slots.set(name, slot)
      fill(name, slot, make)
    },
    take(name) {
      const slot = slots.get(name)
      if (slot?.worker === undefined) {
        drop(name)
        return undefined
      }
      slots.delete(name)
      for (const event of ['message', 'error', 'exit']) slot.worker.removeAllListeners(event)
      return slot.worker
    },
    want(name, make) {
      if (isClosed || slots.has(name)) return
      const slot: Slot = { timer: undefined, worker: undefined, isReady: false }
      slots.set(name, slot)
      slot.timer = clock.after(DELAY_MS, () => fill(name, slot, make))
    },
    stateOf(name) {
      const slot = slots.get(name)
      if (slot?.worker === undefined) return undefined
      return slot.isReady ? 'ready' : 'loading'
    },
    drop,
    async close() {
      isClosed = true
      for (const name of slots.keys()) drop(name)
      await Promise.allSettled(ending)
    },
  }
}
