/**
 * Gathers changed paths into batches: how long a batch stays open, when naming paths is given up for a rescan, and which
 * files are held because they look half-saved. Pure.
 *
 *   window   opens with the first change and closes `windowMs` later, whatever comes in between: no change waits for quiet.
 *            Doubled by a window full of events, up to MAX_WINDOW_MS; halved by one that was not, and by time that passes.
 *   burst    events beyond DRAIN_PER_MS, which are forgotten at that rate. More than MAX_BURST_EVENTS of them: rescan.
 *   held     a file that is empty or gone when its window closes may be in the middle of a save. It is let go when it has
 *            content, or when its time is up. What has content beside one that is gone may be where that was moved to, and
 *            is held as long: a move is one change.
 */

import type { Batch, Look } from './protocol.ts'

export const MIN_WINDOW_MS = 10
export const MAX_WINDOW_MS = 500
/** Events that make a window a full one: more than a save makes, and more than this a millisecond. */
const BUSY_EVENTS = 12
const BUSY_PER_MS = 0.2
/** Events that are surely read as fast as they come. */
const DRAIN_PER_MS = 1
/** A quarter of the smallest usual kernel queue (16,384): what arrives here faster than it is read may be more. */
export const MAX_BURST_EVENTS = 4000
export const MAX_PENDING_PATHS = 4000
export const HOLD_EMPTY_MS = 400
export const HOLD_GONE_MS = 50
/** A batch larger than this is no save by hand, and none of it is held. */
export const MAX_HELD_PATHS = 256

export type Batching = {
  readonly pending: ReadonlySet<string>
  /** Path -> when it is let go, whatever it looks like. */
  readonly held: ReadonlyMap<string, number>
  readonly windowMs: number
  readonly nInWindow: number
  readonly lastEventMs: number
  readonly nInBurst: number
}

export const NO_CHANGES: Batching = { pending: new Set(), held: new Map(), windowMs: MIN_WINDOW_MS, nInWindow: 0, lastEventMs: -Infinity, nInBurst: 0 }

/** Takes in what was reported; `lost` when paths must be given up for a rescan. */
export function gather(batching: Batching, batch: Batch, nowMs: number): { readonly batching: Batching; readonly lost?: 'too_many_events' | 'too_many_paths' } {
  const { nEvents, paths } = batch
  if (nEvents === 0 && paths.length === 0) return { batching }
  const pauseMs = nowMs - batching.lastEventMs
  const next: Batching = {
    ...batching, windowMs: shrunk(batching.windowMs, pauseMs), lastEventMs: nowMs, nInWindow: batching.nInWindow + nEvents,
    nInBurst: Math.max(0, batching.nInBurst - pauseMs * DRAIN_PER_MS) + nEvents, pending: paths.length === 0 ? batching.pending : new Set([...batching.pending, ...paths]),
  }
  if (next.pending.size > MAX_PENDING_PATHS) return { batching: { ...next, pending: new Set() }, lost: 'too_many_paths' }
  return next.nInBurst > MAX_BURST_EVENTS ? { batching: { ...next, pending: new Set(), nInBurst: 0 }, lost: 'too_many_events' } : { batching: next }
}

/** At the end of a window: how long the next one is. */
export function closeWindow(batching: Batching): Batching {
  const { windowMs, nInWindow } = batching
  const isBusy = nInWindow > BUSY_EVENTS && nInWindow > windowMs * BUSY_PER_MS
  const next = isBusy ? Math.min(MAX_WINDOW_MS, windowMs * 2) : Math.max(MIN_WINDOW_MS, windowMs / 2)
  return { ...batching, windowMs: next, nInWindow: 0 }
}

/** Half of it for each of its lengths that has passed without an event. */
function shrunk(windowMs: number, pauseMs: number): number {
  let [window, rest] = [windowMs, pauseMs]
  while (window > MIN_WINDOW_MS && rest > window) [window, rest] = [Math.max(MIN_WINDOW_MS, window / 2), rest - window]
  return window
}

/** Of paths that were looked at: which can be told now. The others are held. */
export function sortOut(batching: Batching, paths: readonly string[], { sizes }: Look, nowMs: number): { readonly batching: Batching; readonly ready: readonly string[] } {
  const held = new Map(batching.held)
  const isMove = sizes.includes(null)
  const ready = paths.filter((path, n) => {
    const holdMs = sizes[n] === 0 ? HOLD_EMPTY_MS : HOLD_GONE_MS
    const untilMs = held.get(path) ?? nowMs + holdMs
    const isHeld = (sizes[n] === null || sizes[n] === 0 || isMove) && untilMs > nowMs && (held.has(path) || held.size < MAX_HELD_PATHS)
    if (isHeld) held.set(path, untilMs)
    else held.delete(path)
    return !isHeld
  })
  return { batching: { ...batching, held }, ready }
}

/** Held paths whose time is up. What would be held for longer than anything is, was held by a clock that went back since. */
export function letGo(batching: Batching, nowMs: number): { readonly batching: Batching; readonly ready: readonly string[] } {
  const { true: over = [], false: held = [] } = Object.groupBy(batching.held, ([, untilMs]) => String(untilMs <= nowMs || untilMs > nowMs + HOLD_EMPTY_MS))
  return { batching: { ...batching, held: new Map(held) }, ready: over.map(([path]) => path) }
}

/** A rescan answers for everything gathered before it. */
export function withoutPaths(batching: Batching): Batching {
  return { ...batching, pending: new Set(), held: new Map() }
}
