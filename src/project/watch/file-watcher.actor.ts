/**
 * The FileWatcher: has the project watched, and casts what changed to the Synchronizer in batches. Here is what comes in, and
 * who takes it:
 *
 *   phases    starting, watching, degraded, polling, absent: `watch-machine.ts`, `phases.ts`. A beat does what the phase does
 *             by itself
 *   windows   gather what is reported: `batching.ts`
 *   flushes   tell it: `flushes.ts`
 *   cookies   and barriers, which prove that all has been told: `cookies.ts`
 *
 * Invariant: every path that the port reports is in a cast, or followed by one with `overflow`; unless the root is gone, and
 * then by the one that tells of its return. The port is asked for news without end, so nothing waits in the mailbox.
 */

import type { Failure } from '../../base/failure.ts'
import { ok } from '../../base/result.ts'
import type { Result } from '../../base/result.ts'
import type { Actor, ActorMsg, Stepped } from '../../otp/actor.ts'
import { gather } from './batching.ts'
import { COOKIE_MS, cookieBack, cookieLost, cookieSent, MAX_BARRIERS, onBarrier, sendCookie } from './cookies.ts'
import { answerBarriers, looked, onWindow, OPEN_MS, opened, openWindow, owe, startRescan, tell, tellHeld } from './flushes.ts'
import { beat, isAway, rootGone } from './phases.ts'
import type { Batch, FileWatcherBody, Look, Opened, RescanReason } from './protocol.ts'
import { phaseOf, WATCH_POLICIES } from './watch-machine.ts'
import { chain, cookieTag, initialState, lookTag, openTag, run, statusOf } from './watcher-state.ts'
import type { FileWatcherState } from './watcher-state.ts'

export const fileWatcherActor: Actor<FileWatcherState, FileWatcherBody, undefined> = {
  mailbox: { capacity: 2 * MAX_BARRIERS, overflow: 'coalesce', keyOf: ({ type }) => type },
  init(_args, nowMs) {
    const [opening, effects] = startRescan(initialState(nowMs), 'opened', nowMs)
    return { type: 'ok', state: opening, effects: [...effects, run({ type: 'next' }, 'next'), beat(opening)] }
  },
  step(state, msg, nowMs) {
    switch (msg.type) {
      case 'cast':
      case 'call':
        return onBody(state, msg, nowMs)
      case 'timer':
        return onTimer(state, msg.name, nowMs)
      case 'answer':
        return onAnswer(state, msg.tag, msg.result, nowMs)
      case 'down':
        return [state, []]
    }
  },
  terminate: () => [run({ type: 'close' }, 'close')],
}

type Asked = Extract<ActorMsg<FileWatcherBody>, { type: 'cast' | 'call' }>

function onBody(state: FileWatcherState, msg: Asked, nowMs: number): Stepped<FileWatcherState> {
  switch (msg.body.type) {
    case 'rescan':
      return onAsked(state)
    case 'status':
      return [state, msg.type === 'call' ? [{ type: 'reply', to: msg.from, result: ok(statusOf(state)) }] : []]
    case 'barrier':
      return msg.type === 'call' ? onBarrier(state, msg.from, nowMs) : [state, []]
  }
}

/** One that is under way is told when it ends; a root that is gone, when it is back. */
function onAsked(state: FileWatcherState): Stepped<FileWatcherState> {
  const willBeTold = state.opened === undefined || state.flush?.kind === 'rescan'
  return willBeTold ? [state, []] : tell(state, { type: 'changed', paths: [], overflow: true, reason: 'asked' })
}

function onTimer(state: FileWatcherState, name: string, nowMs: number): Stepped<FileWatcherState> {
  switch (name) {
    case 'window':
      return onWindow(state, nowMs)
    case 'held':
      return chain(state, (now) => tellHeld(now, nowMs), (now) => answerBarriers(now, nowMs))
    case 'cookie':
      return cookieLost(state, `a file written beside the project was not reported within ${COOKIE_MS} ms`, nowMs)
    case 'open':
      return [state, [run({ type: 'open', poll: `watching did not begin within ${OPEN_MS / 1000} s` }, openTag(state))]]
    default:
      return onBeat(state, nowMs)
  }
}

function onAnswer(state: FileWatcherState, tag: string, result: Result<unknown, Failure>, nowMs: number): Stepped<FileWatcherState> {
  if (tag === 'next') {
    const [next, effects] = result.ok ? onBatch(state, result.value as Batch, nowMs) : [state, []]
    return [next, [...effects, run({ type: 'next' }, 'next')]]
  }
  const isCurrent = (state.flush !== undefined && (tag === openTag(state) || tag === lookTag(state))) || (state.cookie !== undefined && tag === cookieTag(state))
  if (!isCurrent) return [state, []]
  if (!result.ok && result.error.code === 'not_found') return rootGone(state, result.error.message)
  if (tag === cookieTag(state)) return result.ok ? cookieSent(state, result.value as number, nowMs) : cookieLost(state, result.error.message, nowMs)
  if (tag === lookTag(state)) return looked(state, result as Result<Look, Failure>, nowMs)
  return opened(state, result as Result<Opened, Failure>, nowMs)
}

function onBatch(state: FileWatcherState, batch: Batch, nowMs: number): Stepped<FileWatcherState> {
  if (isAway(state)) return [state, []]
  const { batching, lost = batch.lost } = gather(state.batching, batch, nowMs)
  const reason: RescanReason | undefined = batch.limit === undefined ? lost : 'limit_reached'
  const next = { ...state, batching, limit: batch.limit ?? state.limit, nEvents: state.nEvents + batch.nEvents }
  return chain(
    next,
    (now) => (reason === undefined ? [now, []] : owe(now, reason, nowMs)),
    (now) => (now.cookie?.n !== undefined && batch.cookie >= now.cookie.n ? cookieBack(now, nowMs) : [now, []]),
    openWindow,
  )
}

function onBeat(state: FileWatcherState, nowMs: number): Stepped<FileWatcherState> {
  const policy = WATCH_POLICIES[phaseOf(state.watch)]
  const isDue = Math.abs(nowMs - state.lastRescanMs) >= policy.rescanEveryMs
  return chain(
    state,
    (now) => (isDue ? owe(now, 'background', nowMs) : [now, []]),
    (now) => (policy.beat === 'cookie' ? sendCookie(now, nowMs) : now.flush === undefined ? startRescan(now, 'opened', nowMs) : [now, []]),
    openWindow,
    (now) => [now, [beat(now)]],
  )
}
