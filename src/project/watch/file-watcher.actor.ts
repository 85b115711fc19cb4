/**
 * The FileWatcher: has the project watched, and casts what changed to the Synchronizer in batches.
 *
 *   phases    starting, watching, degraded, polling, absent: `watch-machine.ts`. A beat does what the phase does by itself
 *   flush     one at a time. A look at the paths of a window (`batching.ts`), then the cast; or, when a rescan is owed,
 *             everything is watched anew, and then a cast with `overflow`, which answers for all that was reported before it
 *   cookie    one at a time. Comes back through the watcher, behind everything that happened before it; unseen for
 *             COOKIE_MS it is lost: degraded, and a rescan
 *   barrier   asked -> sent (a cookie of its own) -> due (the cookie came back or was lost) -> flushed (what was gathered by
 *             then is cast) -> answered, once files held at that time are let go
 *
 * Invariant: every path that the port reports is in a cast, or followed by one with `overflow`; unless the root is gone, and
 * then by the one that tells of its return. The port is asked for news without end, so nothing waits in the mailbox.
 */

import { failure } from '../../base/failure.ts'
import type { Failure } from '../../base/failure.ts'
import { fail, ok } from '../../base/result.ts'
import type { Result } from '../../base/result.ts'
import type { Actor, ActorEffect, ActorMsg, ReplyTo, Stepped } from '../../otp/actor.ts'
import { closeWindow, gather, letGo, MAX_HELD_PATHS, NO_CHANGES, sortOut, withoutPaths } from './batching.ts'
import type { Batching } from './batching.ts'
import { SYNCHRONIZER, WATCHER_PORT } from './protocol.ts'
import type { Batch, ChangedMessage, FileWatcherBody, Look, Means, Opened, RescanReason, WatchOperation, WatchProblem } from './protocol.ts'
import { phaseOf, WATCH_POLICIES, watchAfter, watchStart } from './watch-machine.ts'
import type { WatchEvent, WatchPhase, WatchState } from './watch-machine.ts'

export type WatcherStatus = {
  readonly phase: WatchPhase
  readonly means: Means | undefined
  /** What keeps it from watching as it should. */
  readonly reason: string | undefined
  readonly nDirectories: number
  readonly problems: readonly WatchProblem[]
  readonly windowMs: number
  readonly nPending: number
  readonly nEvents: number
  readonly nCasts: number
  readonly nRescans: number
  readonly lastRescan: RescanReason | undefined
}

type Barrier = {
  readonly from: ReplyTo
  readonly stage: 'asked' | 'sent' | 'due' | 'flushed'
  /** due: the flush that has to end. */
  readonly flush: number
  /** flushed: files held at the time are let go by then. */
  readonly heldUntilMs: number
}

type Flush = { readonly kind: 'look' | 'rescan'; readonly paths: readonly string[]; readonly reason: RescanReason; readonly sinceMs: number }
type Cookie = { readonly n: number | undefined; readonly sentMs: number }

export type FileWatcherState = {
  readonly watch: WatchState
  readonly opened: Opened | undefined
  readonly reason: string | undefined
  readonly batching: Batching
  readonly isWindowOpen: boolean
  /** A rescan is owed, since when. */
  readonly owed: { readonly reason: RescanReason; readonly sinceMs: number } | undefined
  readonly flush: Flush | undefined
  /** Flushes begun; the one under way is the last of them. */
  readonly nFlushes: number
  readonly cookie: Cookie | undefined
  readonly nCookies: number
  readonly isCookieLost: boolean
  /** What a pass over the files took, while polling. */
  readonly cookieTookMs: number
  readonly barriers: readonly Barrier[]
  readonly lastRescanMs: number
  /** What the system said when it refused to watch more. */
  readonly limit: string | undefined
  readonly nEvents: number
  readonly nCasts: number
  readonly nRescans: number
  readonly lastRescan: RescanReason | undefined
}

export const COOKIE_MS = 1000
/** A rescan waits for the end of a burst, but not longer than this. */
export const MAX_BURST_MS = 5000
/** Opening takes a walk over the project. */
export const OPEN_MS = 60_000
export const MAX_BARRIERS = 1000
/** While polling, the share of time spent on it is at most one over this. */
const POLL_SHARE = 50
const ROOT_GONE = 'the project directory is not there'

export const fileWatcherActor: Actor<FileWatcherState, FileWatcherBody, undefined> = {
  mailbox: { capacity: 2 * MAX_BARRIERS, overflow: 'coalesce', keyOf: ({ type }) => type },
  init(_args, nowMs) {
    const state: FileWatcherState = {
      watch: watchStart(), opened: undefined, reason: undefined, batching: NO_CHANGES, isWindowOpen: false, owed: undefined, flush: undefined, nFlushes: 0,
      cookie: undefined, nCookies: 0, isCookieLost: false, cookieTookMs: 0, barriers: [], lastRescanMs: nowMs, limit: undefined, nEvents: 0, nCasts: 0, nRescans: 0, lastRescan: undefined,
    }
    const [opening, effects] = startRescan(state, 'opened', nowMs)
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
type Step = (state: FileWatcherState) => Stepped<FileWatcherState>

/** Steps one after another, their effects in a row. */
function chain(state: FileWatcherState, ...steps: readonly Step[]): Stepped<FileWatcherState> {
  const effects: ActorEffect[] = []
  let at = state
  for (const step of steps) {
    const [next, more] = step(at)
    at = next
    effects.push(...more)
  }
  return [at, effects]
}

function run(operation: WatchOperation, tag: string): ActorEffect {
  return { type: 'run', port: WATCHER_PORT, operation, tag }
}

function onBody(state: FileWatcherState, msg: Asked, nowMs: number): Stepped<FileWatcherState> {
  switch (msg.body.type) {
    case 'rescan':
      return chain(state, (now) => owe(now, 'asked', nowMs), openWindow)
    case 'status':
      return [state, msg.type === 'call' ? [{ type: 'reply', to: msg.from, result: ok(statusOf(state)) }] : []]
    case 'barrier':
      return msg.type === 'call' ? onBarrier(state, msg.from, nowMs) : [state, []]
  }
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

// News

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

function owe(state: FileWatcherState, reason: RescanReason, nowMs: number): Stepped<FileWatcherState> {
  if (isAway(state)) return [state, []]
  return [{ ...state, owed: { reason, sinceMs: state.owed?.sinceMs ?? nowMs } }, []]
}

/** A window, when there is something to tell and none is open; a flush under way opens the next one at its end. */
function openWindow(state: FileWatcherState): Stepped<FileWatcherState> {
  const { isWindowOpen, flush, owed, batching } = state
  if (isWindowOpen || flush !== undefined || (owed === undefined && batching.pending.size === 0)) return [state, []]
  return [{ ...state, isWindowOpen: true }, [{ type: 'after', name: 'window', ms: batching.windowMs }]]
}

function onWindow(state: FileWatcherState, nowMs: number): Stepped<FileWatcherState> {
  const isBurst = state.batching.nInWindow > 0 && state.owed !== undefined && nowMs - state.owed.sinceMs < MAX_BURST_MS
  const closed = { ...state, isWindowOpen: false, batching: closeWindow(state.batching) }
  return isBurst ? openWindow(closed) : startFlush(closed, nowMs)
}

// Flushes

/** Unless one is under way or there is nothing to tell. */
function startFlush(state: FileWatcherState, nowMs: number): Stepped<FileWatcherState> {
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

function startRescan(state: FileWatcherState, reason: RescanReason, nowMs: number): Stepped<FileWatcherState> {
  const next: FileWatcherState = { ...state, owed: undefined, nFlushes: state.nFlushes + 1, flush: { kind: 'rescan', paths: [], reason, sinceMs: nowMs } }
  const poll = reason === 'limit_reached' ? state.limit : undefined
  return [next, [run({ type: 'open', ...(poll === undefined ? {} : { poll }) }, openTag(next)), { type: 'after', name: 'open', ms: OPEN_MS }]]
}

function looked(state: FileWatcherState, result: Result<Look, Failure>, nowMs: number): Stepped<FileWatcherState> {
  const sizes = result.ok ? result.value.sizes : []
  const { batching, ready } = sortOut(state.batching, state.flush?.paths ?? [], { sizes }, nowMs)
  return chain(
    { ...state, batching, flush: undefined },
    (now) => tell(now, { type: 'changed', paths: ready }),
    (now) => [now, holdTimer(now, nowMs)],
    (now) => flushed(now, nowMs),
  )
}

function opened(state: FileWatcherState, result: Result<Opened, Failure>, nowMs: number): Stepped<FileWatcherState> {
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

function tell(state: FileWatcherState, message: ChangedMessage): Stepped<FileWatcherState> {
  if (message.paths.length === 0 && message.overflow === undefined) return [state, []]
  return [{ ...state, nCasts: state.nCasts + 1 }, [{ type: 'cast', to: SYNCHRONIZER, body: message }]]
}

function tellHeld(state: FileWatcherState, nowMs: number): Stepped<FileWatcherState> {
  const { batching, ready } = letGo(state.batching, nowMs)
  return chain({ ...state, batching }, (now) => tell(now, { type: 'changed', paths: ready }), (now) => [now, holdTimer(now, nowMs)])
}

function holdTimer({ batching: { held } }: FileWatcherState, nowMs: number): ActorEffect[] {
  if (held.size === 0) return [{ type: 'cancel', name: 'held' }]
  return [{ type: 'after', name: 'held', ms: Math.max(0, Math.min(...held.values()) - nowMs) }]
}

// Cookies and barriers

function onBarrier(state: FileWatcherState, from: ReplyTo, nowMs: number): Stepped<FileWatcherState> {
  if (phaseOf(state.watch) === 'absent') return [state, [{ type: 'reply', to: from, result: fail(absent()) }]]
  if (state.barriers.length >= MAX_BARRIERS) return [state, [{ type: 'reply', to: from, result: fail(failure('busy', `${MAX_BARRIERS} others wait for the files to be read`)) }]]
  const barrier: Barrier = { from, stage: 'asked', flush: 0, heldUntilMs: 0 }
  return sendCookie({ ...state, barriers: [...state.barriers, barrier] }, nowMs)
}

/** For all who asked; those who ask while one is under way wait for the next. */
function sendCookie(state: FileWatcherState, nowMs: number): Stepped<FileWatcherState> {
  if (state.cookie !== undefined) return [state, []]
  const next: FileWatcherState = { ...state, barriers: state.barriers.map(withCookie), nCookies: state.nCookies + 1, cookie: { n: undefined, sentMs: nowMs } }
  return [next, [{ type: 'after', name: 'cookie', ms: COOKIE_MS }, run({ type: 'cookie' }, cookieTag(next))]]
}

/** Polling has done its pass by now; its time counts, not that of waiting. */
function cookieSent(state: FileWatcherState, n: number, nowMs: number): Stepped<FileWatcherState> {
  const { sentMs } = state.cookie ?? { sentMs: nowMs }
  return [{ ...state, cookie: { n, sentMs }, cookieTookMs: nowMs - sentMs }, [{ type: 'after', name: 'cookie', ms: COOKIE_MS }]]
}

function cookieBack(state: FileWatcherState, nowMs: number): Stepped<FileWatcherState> {
  return chain(
    { ...state, cookie: undefined, isCookieLost: false },
    (now) => [now, [{ type: 'cancel', name: 'cookie' }]],
    (now) => (phaseOf(now.watch) === 'degraded' ? move(now, wholeness(now)) : [now, []]),
    (now) => becomeDue(now, nowMs),
    (now) => answerBarriers(now, nowMs),
    (now) => (now.barriers.some(({ stage }) => stage === 'asked') ? sendCookie(now, nowMs) : [now, []]),
  )
}

function cookieLost(state: FileWatcherState, reason: string, nowMs: number): Stepped<FileWatcherState> {
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

function answerBarriers(state: FileWatcherState, nowMs: number): Stepped<FileWatcherState> {
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

function refuse({ barriers }: FileWatcherState): ActorEffect[] {
  return barriers.map(({ from }) => ({ type: 'reply', to: from, result: fail(absent()) }))
}

function absent(): Failure {
  return failure('unavailable', ROOT_GONE, { hint: 'mount it, or move it back' })
}

// Phases

/** Nothing is told meanwhile: files of a volume that is not mounted are not deleted. */
function rootGone(state: FileWatcherState, reason: string): Stepped<FileWatcherState> {
  const gone: FileWatcherState = {
    ...state, opened: undefined, reason, batching: NO_CHANGES, isWindowOpen: false, owed: undefined, flush: undefined, cookie: undefined, barriers: [],
  }
  const cancels = ['window', 'held', 'cookie', 'open'].map((name): ActorEffect => ({ type: 'cancel', name }))
  return chain(gone, (now) => [now, [...refuse(state), ...cancels, run({ type: 'close' }, 'close')]], (now) => move(now, 'root_gone'))
}

/** Nobody watches, and nobody tries to at the moment. */
function isAway({ watch, flush }: FileWatcherState): boolean {
  return phaseOf(watch) === 'absent' && flush === undefined
}

function wholeness({ opened, isCookieLost }: FileWatcherState): WatchEvent['type'] {
  return isCookieLost || (opened?.problems.length ?? 0) > 0 ? 'impaired' : 'watched'
}

function move(state: FileWatcherState, event: WatchEvent['type']): Stepped<FileWatcherState> {
  const next = { ...state, watch: watchAfter(state.watch, event) }
  const phase = phaseOf(next.watch)
  if (phase === phaseOf(state.watch)) return [next, []]
  const [level, message] = phase === 'watching' ? ['info', 'the files of the project are watched'] as const : ['warn', `watching files: ${phase}${state.reason === undefined ? '' : `, ${state.reason}`}`] as const
  const fields = { phase, means: state.opened?.means, problems: state.opened?.problems.map(({ path }) => path) }
  return [next, [{ type: 'log', level, message, fields }, beat(next)]]
}

function beat({ watch, cookieTookMs }: FileWatcherState): ActorEffect {
  const { beatMs } = WATCH_POLICIES[phaseOf(watch)]
  return { type: 'after', name: 'beat', ms: phaseOf(watch) === 'polling' ? Math.max(beatMs, POLL_SHARE * cookieTookMs) : beatMs }
}

function onBeat(state: FileWatcherState, nowMs: number): Stepped<FileWatcherState> {
  const policy = WATCH_POLICIES[phaseOf(state.watch)]
  const isDue = nowMs - state.lastRescanMs >= policy.rescanEveryMs
  return chain(
    state,
    (now) => (isDue ? owe(now, 'background', nowMs) : [now, []]),
    (now) => (policy.beat === 'cookie' ? sendCookie(now, nowMs) : now.flush === undefined ? startRescan(now, 'opened', nowMs) : [now, []]),
    openWindow,
    (now) => [now, [beat(now)]],
  )
}

// Tags carry numbers, so that a late answer reaches nobody.

function openTag({ nFlushes }: FileWatcherState): string {
  return `open ${nFlushes}`
}

function lookTag({ nFlushes }: FileWatcherState): string {
  return `look ${nFlushes}`
}

function cookieTag({ nCookies }: FileWatcherState): string {
  return `cookie ${nCookies}`
}

function statusOf({ watch, opened, reason, batching, nEvents, nCasts, nRescans, lastRescan }: FileWatcherState): WatcherStatus {
  return {
    phase: phaseOf(watch), means: opened?.means, reason, nDirectories: opened?.nDirectories ?? 0, problems: opened?.problems ?? [],
    windowMs: batching.windowMs, nPending: batching.pending.size, nEvents, nCasts, nRescans, lastRescan,
  }
}
