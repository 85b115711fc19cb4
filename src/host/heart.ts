/**
 * Heart: what becomes of a daemon that ends, as a pure step over events. Named and modelled after Erlang's heart.
 *
 *     starting   a daemon was spawned and has not reported; the first one has its starter's patience, each further one
 *                heart's
 *     up         it has; each sign of life rearms the timer of silence
 *     waiting    it aborted, and the pause before the next start runs
 *     stopping   somebody asked for the end, and the daemon was told
 *     ended      heart's process exits
 *
 * starting -> up | waiting | ended; up -> waiting | ended; waiting -> starting | ended; any -> stopping -> ended.
 *
 * Invariants: only a daemon that was ready once is started again, so a start that fails is the starter's to hear; an end
 * that somebody wished for (exit code 0, a second signal, SIGTERM before it could listen) is no abort; the pause doubles
 * until a daemon stays up for a whole period; no more than `intensity` new starts fall into one period.
 *
 * Absent on purpose: processes, timers, files (supervisors/heart.ts) and whatever would make heart larger than it must be.
 */

import type { Config } from '../../config/schema.ts'
import type { DaemonMessage, DaemonReport, HeartTerms, StartReport } from './starter-report.ts'

/** How the daemon ended. Without code and signal it could not even be spawned: `error` says why. */
export type DaemonEnd = { readonly code: number | null; readonly signal: NodeJS.Signals | null; readonly error?: string }

export type HeartEvent =
  | { readonly type: 'begin' }
  | { readonly type: 'said'; readonly message: DaemonMessage }
  | { readonly type: 'daemon_ended'; readonly end: DaemonEnd }
  /** Late when heart itself stood still beyond it: then the silence may have been its own. */
  | { readonly type: 'time_is_up'; readonly isLate?: true }
  | { readonly type: 'asked_to_stop'; readonly signal: NodeJS.Signals }

export type HeartLine = { readonly level: 'warn' | 'error' | 'fatal'; readonly message: string; readonly fields: Readonly<Record<string, unknown>> }

export type HeartEffect =
  | { readonly type: 'spawn'; readonly restarts: number }
  | { readonly type: 'kill'; readonly signal: NodeJS.Signals }
  /** To whoever started heart; comes once. */
  | { readonly type: 'report'; readonly report: StartReport }
  | { readonly type: 'log'; readonly line: HeartLine; readonly format: HeartTerms['logFormat'] }
  /** The one timer, in place of the one that runs; null stops it. */
  | { readonly type: 'timer'; readonly ms: number | null }
  | { readonly type: 'remove_state_file' }
  | { readonly type: 'exit'; readonly code: number }

export type HeartState = {
  readonly mode: 'starting' | 'up' | 'waiting' | 'stopping' | 'ended'
  /** Undefined until a daemon was ready. */
  readonly terms: HeartTerms | undefined
  /** New starts in all. */
  readonly restarts: number
  /** New starts since a daemon last stayed up for a period. */
  readonly streak: number
  /** Monotonic times of the new starts within the last period, the latest first. */
  readonly recentMs: readonly number[]
  /** Null until the present daemon was ready. */
  readonly upSinceMs: number | null
  /** What a start under way has reported in place of readiness. */
  readonly refusal: 'none' | 'told' | 'other_daemon'
  /** Silence made heart kill the daemon. */
  readonly isSilent: boolean
}

export const NEW_HEART: HeartState = {
  mode: 'starting', terms: undefined, restarts: 0, streak: 0, recentMs: [], upSinceMs: null, refusal: 'none', isSilent: false,
}

/** Exit codes of heart itself, when it does not pass on the daemon's. */
export const HEART_EXIT = { stopped: 0, failed: 1, gaveUp: 70 } as const

/** What a daemon exits with when a second signal made it end at once. */
export const ENDED_AT_ONCE = 130

/** A daemon that is started again and says nothing for this long is killed. */
const START_PATIENCE_MS = 60_000

type Step = readonly [HeartState, readonly HeartEffect[]]

export function heartStep(state: HeartState, event: HeartEvent, nowMs: number): Step {
  if (state.mode === 'ended') return [state, []]
  switch (event.type) {
    case 'begin': return [state, [{ type: 'spawn', restarts: 0 }]]
    case 'said': return heard(state, event.message, nowMs)
    case 'daemon_ended': return ended(state, event.end, nowMs)
    case 'time_is_up': return timeIsUp(state, event)
    case 'asked_to_stop': return askedToStop(state, event.signal)
  }
}

/** For people: `SIGKILL`, `exit code 70`. */
export function describeEnd({ code, signal, error }: DaemonEnd): string {
  return error ?? signal ?? `exit code ${code}`
}

function heard(state: HeartState, message: DaemonMessage, nowMs: number): Step {
  switch (message.type) {
    case 'beat': return [state, state.mode === 'up' ? silenceTimer(state.terms) : []]
    case 'ready': return ready(state, message, nowMs)
    case 'failed': return refused(state, message)
  }
}

function ready(state: HeartState, report: Extract<DaemonReport, { type: 'ready' }>, nowMs: number): Step {
  const terms = report.terms ?? state.terms
  const told: HeartEffect[] = state.terms === undefined ? [{ type: 'report', report }] : []
  if (state.mode !== 'starting') return [{ ...state, terms }, told]
  return [{ ...state, mode: 'up', terms, upSinceMs: nowMs }, [...told, ...silenceTimer(terms)]]
}

function refused(state: HeartState, report: Extract<DaemonReport, { type: 'failed' }>): Step {
  const isOther = report.failures.some(({ code }) => code === 'conflict')
  const next: HeartState = { ...state, refusal: isOther ? 'other_daemon' : 'told' }
  if (state.terms === undefined) return [next, [{ type: 'report', report }]]
  const failures = report.failures.map(({ message }) => message)
  return [next, [log(state.terms, 'error', 'the daemon could not be started again', { failures })]]
}

function ended(state: HeartState, end: DaemonEnd, nowMs: number): Step {
  const { mode, terms, refusal } = state
  if (terms === undefined) {
    const died: HeartEffect = { type: 'report', report: { type: 'died', code: end.code, signal: end.signal } }
    return exit(state, mode === 'stopping' ? HEART_EXIT.stopped : end.code ?? HEART_EXIT.failed, refusal === 'none' ? [died] : [])
  }
  if (refusal === 'other_daemon') return exit(state, HEART_EXIT.stopped)
  if (mode === 'stopping' || wasWished(end)) return exit(state, HEART_EXIT.stopped, [{ type: 'remove_state_file' }])
  return aborted(state, terms, end, nowMs)
}

function wasWished({ code, signal }: DaemonEnd): boolean {
  return code === 0 || code === ENDED_AT_ONCE || signal === 'SIGTERM' || signal === 'SIGINT' || signal === 'SIGHUP'
}

function aborted(state: HeartState, terms: HeartTerms, end: DaemonEnd, nowMs: number): Step {
  const periodMs = terms.periodS * 1000
  const within = state.recentMs.filter((atMs) => atMs > nowMs - periodMs)
  const how = state.isSilent ? `killed: no sign of life for ${state.upSinceMs === null ? START_PATIENCE_MS : terms.silenceMs} ms` : describeEnd(end)
  if (within.length >= terms.intensity) {
    const fields = { ended: how, restarts: state.restarts, limit: `${terms.intensity} in ${terms.periodS} s` }
    return exit(state, HEART_EXIT.gaveUp, [
      log(terms, 'fatal', 'the daemon keeps ending; giving up', fields), { type: 'remove_state_file' },
    ])
  }
  const streak = state.upSinceMs !== null && nowMs - state.upSinceMs >= periodMs ? 0 : state.streak
  const pauseMs = heartPauseMs(streak, terms)
  const next: HeartState = {
    ...state, mode: 'waiting', refusal: 'none', isSilent: false, upSinceMs: null,
    restarts: state.restarts + 1, streak: streak + 1, recentMs: [nowMs + pauseMs, ...within],
  }
  return [next, [
    log(terms, 'error', 'the daemon ended; starting it again', { ended: how, restart: next.restarts, in_ms: pauseMs }),
    { type: 'timer', ms: pauseMs },
  ]]
}

/** `streak` counts from 0. */
export function heartPauseMs(streak: number, { backOffMs, maxBackOffMs }: Pick<Config['heart'], 'backOffMs' | 'maxBackOffMs'>): number {
  return Math.min(maxBackOffMs, backOffMs * 2 ** Math.min(streak, 30))
}

function timeIsUp(state: HeartState, { isLate }: Extract<HeartEvent, { type: 'time_is_up' }>): Step {
  if (state.mode === 'waiting') return [{ ...state, mode: 'starting' }, [{ type: 'spawn', restarts: state.restarts }, { type: 'timer', ms: START_PATIENCE_MS }]]
  if (isLate === true && state.mode === 'starting') return [state, [{ type: 'timer', ms: START_PATIENCE_MS }]]
  if (isLate === true && state.mode === 'up') return [state, silenceTimer(state.terms)]
  if (state.mode === 'starting' || state.mode === 'up') return [{ ...state, isSilent: true }, [{ type: 'kill', signal: 'SIGKILL' }]]
  return [state, []]
}

function askedToStop(state: HeartState, signal: NodeJS.Signals): Step {
  if (state.mode === 'waiting') return exit(state, HEART_EXIT.stopped, [{ type: 'remove_state_file' }])
  return [{ ...state, mode: 'stopping' }, [{ type: 'timer', ms: null }, { type: 'kill', signal }]]
}

function exit(state: HeartState, code: number, before: readonly HeartEffect[] = []): Step {
  return [{ ...state, mode: 'ended' }, [{ type: 'timer', ms: null }, ...before, { type: 'exit', code }]]
}

function silenceTimer(terms: HeartTerms | undefined): HeartEffect[] {
  return [{ type: 'timer', ms: terms === undefined || terms.silenceMs === 0 ? null : terms.silenceMs }]
}

function log({ logFormat: format }: HeartTerms, level: HeartLine['level'], message: string, fields: HeartLine['fields']): HeartEffect {
  return { type: 'log', line: { level, message, fields }, format }
}
