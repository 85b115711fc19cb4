/**
 * Where the means of watching put down what they hear, until the FileWatcher asks. Bounded: beyond MAX_PENDING_PATHS, or once
 * something is known to be lost, paths are given up for a rescan and only counts go on.
 *
 * Invariant: what is noted is handed out once, in the order of events: a cookie never before a change that came before it.
 */

import { MAX_BURST_EVENTS, MAX_PENDING_PATHS } from './batching.ts'
import type { Batch, RescanReason } from './protocol.ts'

export type Notes = {
  /** One event of the system. */
  count(): void
  changed(path: string): void
  /** More changed than can be named. */
  lose(reason: RescanReason): void
  isLost(): boolean
  cookie(n: number): void
  limit(message: string): void
  /** Calls back once, as soon as there is something; replaces whoever waited. */
  next(told: (batch: Batch) => void): void
}

/** `defer` runs soon, when the events that are there already have been noted. */
export function createNotes(defer: (run: () => void) => void): Notes {
  let paths = new Set<string>()
  let batch: Batch | undefined
  let waiter: ((batch: Batch) => void) | undefined
  let isDeferred = false

  const hand = (): void => {
    isDeferred = false
    if (batch === undefined || waiter === undefined) return
    const [told, telling] = [waiter, { ...batch, paths: batch.lost === undefined ? [...paths] : [] }]
    paths = new Set()
    batch = undefined
    waiter = undefined
    told(telling)
  }
  const wake = (): void => {
    if (isDeferred || waiter === undefined) return
    isDeferred = true
    defer(hand)
  }
  const note = (change: Partial<Batch>): void => {
    batch = { paths: [], nEvents: 0, cookie: 0, ...batch, ...change }
    wake()
  }
  return {
    count() {
      const nEvents = (batch?.nEvents ?? 0) + 1
      note(nEvents > MAX_BURST_EVENTS && batch?.lost === undefined ? { nEvents, lost: 'too_many_events' } : { nEvents })
    },
    changed(path) {
      if (batch?.lost !== undefined) return
      paths.add(path)
      note(paths.size > MAX_PENDING_PATHS ? { lost: 'too_many_paths' } : {})
    },
    lose: (reason) => note({ lost: reason }),
    isLost: () => batch?.lost !== undefined,
    cookie: (n) => note({ cookie: Math.max(n, batch?.cookie ?? 0) }),
    limit: (message) => note({ limit: message }),
    next(told) {
      waiter = told
      if (batch !== undefined) wake()
    },
  }
}
