/**
 * Telling the Synchronizer what changed. One flush at a time: a look at the paths of a window, then the cast; or, when a rescan
 * is owed, everything is watched anew, and then a cast with `overflow`, which answers for all that was reported before it.
 * Whoever waits at a barrier for a flush is answered at its end.
 */

import type { Failure } from '../../base/failure.ts'
import { ok } from '../../base/result.ts'
import type { Result } from '../../base/result.ts'
import type { ActorEffect, Stepped } from '../../otp/actor.ts'
import { closeWindow, HOLD_EMPTY_MS, letGo, MAX_HELD_PATHS, sortOut, withoutPaths } from './batching.ts'
import { isAway, move, rootGone, wholeness } from './phases.ts'
import { SYNCHRONIZER } from './protocol.ts'
import type { ChangedMessage, Look, Opened, RescanReason } from './protocol.ts'
import { chain, lookTag, openTag, run } from './watcher-state.ts'
import type { Barrier, FileWatcherState } from './watcher-state.ts'

/** A rescan waits for the end of a burst, but not longer than this. */
export const MAX_BURST_MS = 5000
/** Opening takes a walk over the project. */
export const OPEN_MS = 60_000

export function owe(state: FileWatcherState, reason: RescanReason, nowMs: number): Stepped<FileWatcherState> {
  if (isAway(state)) return [state, []]
  return [{ ...state, owed: { reason, sinceMs: state.owed?.sinceMs ?? nowMs } }, []]
}

/** A window, when there is something to tell and none is open; a flush under way opens the next one at its end. */
export function openWindow(state: FileWatcherState): Stepped<FileWatcherState> {
  const { isWindowOpen, flush, owed, batching } = state
  if (isWindowOpen || flush !== undefined || (owed === undefined && batching.pending.size === 0)) return [state, []]
  return [{ ...state, isWindowOpen: true }, [{ type: 'after', name: 'window', ms: batching.windowMs }]]
}

export function onWindow(state: FileWatcherState, nowMs: number): Stepped<FileWatcherState> {
  const isBurst = state.batching.nInWindow > 0 && state.owed !== undefined && nowMs - state.owed.sinceMs < MAX_BURST_MS
  const closed = { ...state, isWindowOpen: false, batching: closeWindow(state.batching) }
  return isBurst ? openWindow(closed) : startFlush(closed, nowMs)
}

/** Unless one is under way or there is nothing to tell. */
export function startFlush(state: FileWatcherState, nowMs: number): Stepped<FileWatcherState> {
  const { flush, owed, batching } = state
  if (flush !== undefined) return [state, []]
  if (owed !== undefined) return startRescan(state, owed.reason, nowMs)
  if (batching.pending.size === 0) return [state, []]
  const paths = [...batching.pending]
  const next: FileWatcherState = {
    ...state, nFlushes: state.nFlushes + 1, flush: { kind: 'look', paths, reason: 'asked', sinceMs: nowMs }, batching: { ...batching, pending: new Set() },
  }
  return [next, [run({ type: 'look', paths: paths.length > MAX_HELD_PATHS ? [] : paths }, lookTag(next))]]
}

export function startRescan(state: FileWatcherState, reason: RescanReason, nowMs: number): Stepped<FileWatcherState> {
  const next: FileWatcherState = { ...state, owed: undefined, nFlushes: state.nFlushes + 1, flush: { kind: 'rescan', paths: [], reason, sinceMs: nowMs } }
  const poll = reason === 'limit_reached' ? state.limit : undefined
  return [next, [run({ type: 'open', ...(poll === undefined ? {} : { poll }) }, openTag(next)), { type: 'after', name: 'open', ms: OPEN_MS }]]
}

export function looked(state: FileWatcherState, result: Result<Look, Failure>, nowMs: number): Stepped<FileWatcherState> {
  const sizes = result.ok ? result.value.sizes : []
  const { batching, ready } = sortOut(state.batching, state.flush?.paths ?? [], { sizes }, nowMs)
  return chain(
    { ...state, batching, flush: undefined },
    (now) => tell(now, { type: 'changed', paths: ready }),
    (now) => [now, holdTimer(now, nowMs)],
    (now) => flushed(now, nowMs),
  )
}

export function opened(state: FileWatcherState, result: Result<Opened, Failure>, nowMs: number): Stepped<FileWatcherState> {
  const reason = state.flush?.reason ?? 'opened'
  const closing: ActorEffect = { type: 'cancel', name: 'open' }
  if (!result.ok) return rootGone(state, result.error.message)
  const { means, because, problems } = result.value
  const [first] = problems
  const next: FileWatcherState = {
    ...state, flush: undefined, opened: result.value, batching: withoutPaths(state.batching), lastRescanMs: nowMs, nRescans: state.nRescans + 1, lastRescan: reason,
    reason: because ?? first?.message ?? (state.isCookieLost ? state.reason : undefined),
  }
  return chain(
    next,
    (now) => [now, [closing, { type: 'cancel', name: 'held' }]],
    (now) => move(now, means === 'polling' ? 'polled' : wholeness(now)),
    (now) => tell(now, { type: 'changed', paths: [], overflow: true, reason }),
    (now) => flushed(now, nowMs),
  )
}

/** After a flush: whoever waited for it, and the next one. */
function flushed(state: FileWatcherState, nowMs: number): Stepped<FileWatcherState> {
  const isAwaited = ({ barriers, nFlushes }: FileWatcherState): boolean => barriers.some(({ stage, flush }) => stage === 'due' && flush > nFlushes)
  return chain(state, (now) => answerBarriers(now, nowMs), (now) => (isAwaited(now) ? startFlush(now, nowMs) : openWindow(now)))
}

export function tell(state: FileWatcherState, message: ChangedMessage): Stepped<FileWatcherState> {
  if (message.paths.length === 0 && message.overflow === undefined) return [state, []]
  return [{ ...state, nCasts: state.nCasts + 1 }, [{ type: 'cast', to: SYNCHRONIZER, body: message }]]
}

export function tellHeld(state: FileWatcherState, nowMs: number): Stepped<FileWatcherState> {
  const { batching, ready } = letGo(state.batching, nowMs)
  return chain({ ...state, batching }, (now) => tell(now, { type: 'changed', paths: ready }), (now) => [now, holdTimer(now, nowMs)])
}

function holdTimer({ batching: { held } }: FileWatcherState, nowMs: number): ActorEffect[] {
  if (held.size === 0) return [{ type: 'cancel', name: 'held' }]
  return [{ type: 'after', name: 'held', ms: Math.min(HOLD_EMPTY_MS, Math.max(0, Math.min(...held.values()) - nowMs)) }]
}

export function answerBarriers(state: FileWatcherState, nowMs: number): Stepped<FileWatcherState> {
  if (state.barriers.length === 0) return [state, []]
  const isAllTold = state.flush === undefined && state.owed === undefined && state.batching.pending.size === 0
  const nEnded = isAllTold ? Infinity : state.nFlushes - (state.flush === undefined ? 0 : 1)
  const heldUntilMs = Math.max(nowMs, ...state.batching.held.values())
  const barriers = state.barriers.map((barrier): Barrier => (barrier.stage === 'due' && barrier.flush <= nEnded ? { ...barrier, stage: 'flushed', heldUntilMs } : barrier))
  const firstHeldMs = Math.min(...state.batching.held.values())
  const isOver = ({ stage, heldUntilMs }: Barrier): boolean => stage === 'flushed' && heldUntilMs < firstHeldMs
  const replies = barriers.filter(isOver).map(({ from }): ActorEffect => ({ type: 'reply', to: from, result: ok(null) }))
  return [{ ...state, barriers: barriers.filter((barrier) => !isOver(barrier)) }, replies]
}
