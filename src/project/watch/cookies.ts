/**
 * Cookies and barriers: how the FileWatcher knows that everything saved before a moment has been told.
 *
 *   cookie    one at a time. Comes back through the watcher, behind everything that happened before it; unseen for
 *             COOKIE_MS it is lost: degraded, and a rescan
 *   barrier   asked -> sent (a cookie of its own) -> due (the cookie came back or was lost) -> flushed (what was gathered by
 *             then is cast) -> answered, once files held at that time are let go
 */

import { failure } from '../../base/failure.ts'
import { fail } from '../../base/result.ts'
import type { ReplyTo, Stepped } from '../../otp/actor.ts'
import { answerBarriers, owe, startFlush } from './flushes.ts'
import { absent, move, wholeness } from './phases.ts'
import { phaseOf } from './watch-machine.ts'
import { chain, cookieTag, run } from './watcher-state.ts'
import type { Barrier, FileWatcherState } from './watcher-state.ts'

export const COOKIE_MS = 1000
export const MAX_BARRIERS = 1000

export function onBarrier(state: FileWatcherState, from: ReplyTo, nowMs: number): Stepped<FileWatcherState> {
  if (phaseOf(state.watch) === 'absent') return [state, [{ type: 'reply', to: from, result: fail(absent()) }]]
  if (state.barriers.length >= MAX_BARRIERS) return [state, [{ type: 'reply', to: from, result: fail(failure('busy', `${MAX_BARRIERS} others wait for the files to be read`)) }]]
  const barrier: Barrier = { from, stage: 'asked', flush: 0, heldUntilMs: 0 }
  return sendCookie({ ...state, barriers: [...state.barriers, barrier] }, nowMs)
}

/** For all who asked; those who ask while one is under way wait for the next. */
export function sendCookie(state: FileWatcherState, nowMs: number): Stepped<FileWatcherState> {
  if (state.cookie !== undefined) return [state, []]
  const next: FileWatcherState = { ...state, barriers: state.barriers.map(withCookie), nCookies: state.nCookies + 1, cookie: { n: undefined, sentMs: nowMs } }
  return [next, [{ type: 'after', name: 'cookie', ms: COOKIE_MS }, run({ type: 'cookie' }, cookieTag(next))]]
}

/** Polling has done its pass by now; its time counts, not that of waiting. */
export function cookieSent(state: FileWatcherState, n: number, nowMs: number): Stepped<FileWatcherState> {
  const { sentMs } = state.cookie ?? { sentMs: nowMs }
  return [{ ...state, cookie: { n, sentMs }, cookieTookMs: nowMs - sentMs }, [{ type: 'after', name: 'cookie', ms: COOKIE_MS }]]
}

export function cookieBack(state: FileWatcherState, nowMs: number): Stepped<FileWatcherState> {
  return chain(
    { ...state, cookie: undefined, isCookieLost: false },
    (now) => [now, [{ type: 'cancel', name: 'cookie' }]],
    (now) => (phaseOf(now.watch) === 'degraded' ? move(now, wholeness(now)) : [now, []]),
    (now) => becomeDue(now, nowMs),
    (now) => answerBarriers(now, nowMs),
    (now) => (now.barriers.some(({ stage }) => stage === 'asked') ? sendCookie(now, nowMs) : [now, []]),
  )
}

export function cookieLost(state: FileWatcherState, reason: string, nowMs: number): Stepped<FileWatcherState> {
  return chain(
    { ...state, cookie: undefined, isCookieLost: true, reason: state.opened?.because ?? reason },
    (now) => [now, [{ type: 'cancel', name: 'cookie' }]],
    (now) => (phaseOf(now.watch) === 'watching' ? move(now, 'impaired') : [now, []]),
    (now) => owe(now, 'cookie_lost', nowMs),
    (now) => becomeDue({ ...now, barriers: now.barriers.map(withCookie) }, nowMs),
    (now) => startFlush(now, nowMs),
  )
}

function withCookie(barrier: Barrier): Barrier {
  return barrier.stage === 'asked' ? { ...barrier, stage: 'sent' } : barrier
}

/** Barriers whose cookie is settled wait for the flush that takes along all that is gathered by now. */
function becomeDue(state: FileWatcherState, nowMs: number): Stepped<FileWatcherState> {
  if (!state.barriers.some(({ stage }) => stage === 'sent')) return [state, []]
  const hasMore = state.owed !== undefined || state.batching.pending.size > 0
  const flush = state.nFlushes + (hasMore ? 1 : 0)
  const barriers = state.barriers.map((barrier): Barrier => (barrier.stage === 'sent' ? { ...barrier, stage: 'due', flush } : barrier))
  return startFlush({ ...state, barriers }, nowMs)
}
