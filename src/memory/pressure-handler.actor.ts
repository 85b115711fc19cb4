/**
 * The PressureHandler: settles the level with every sample (`pressure-machine.ts`), has what the level means done
 * (`pressure-effects.ts`), and sees to cleaning, one at a time.
 *
 *   quiet     no cleaning under way   a rise, a level that lasts, a write under pressure, emergency_cleanup -> cleaning
 *   cleaning  the Cleaner works       its report -> quiet, or the next cleaning at once when the level has come to ask for a
 *             stronger one or somebody has asked for an emergency cleanup meanwhile
 *   starting  the Cleaner was gone (it is temporary) and is started again, once per cleaning -> cleaning
 *
 * It starts at the level that the shared cell holds, so a restart changes nothing for the writers.
 */

import { failure } from '../base/failure.ts'
import type { Failure } from '../base/failure.ts'
import { fail, ok } from '../base/result.ts'
import type { Result } from '../base/result.ts'
import { assert } from '../base/assert.ts'
import type { Actor, ActorEffect, ActorMsg, ReplyTo, Stepped } from '../otp/actor.ts'
import { LEVEL_POLICIES, strengthOf, thresholdProblems } from './levels.ts'
import type { CleanupMode, PressureLevel, Thresholds } from './levels.ts'
import { levelOf } from './pressure-cell.ts'
import type { PressureCell } from './pressure-cell.ts'
import { effectsOfMove, standingEffects } from './pressure-effects.ts'
import type { PressureEffect } from './pressure-effects.ts'
import { levelIn, pressureAfter, pressureAt } from './pressure-machine.ts'
import type { Pressure } from './pressure-machine.ts'
import { MEMORY_ACTORS, MEMORY_PORTS } from './protocol.ts'
import type { CleanupReport, PressureHandlerBody } from './protocol.ts'

export type PressureHandlerArgs = { readonly cell: PressureCell; readonly thresholds: Thresholds }

export type PressureStatus = {
  readonly level: PressureLevel
  readonly usedBytes: number
  readonly maxBytes: number
  /** Moves of the level since the start. */
  readonly nMoves: number
  readonly cleaning: CleanupMode | undefined
  readonly nCleanups: number
  readonly freedBytes: number
  readonly lastCleanup: CleanupReport | undefined
}

type Cleaning = { readonly mode: CleanupMode; readonly phase: 'cleaning' | 'starting'; readonly isRetry: boolean; readonly callers: readonly ReplyTo[] }

export type PressureHandlerState = {
  readonly pressure: Pressure
  readonly usedBytes: number
  readonly maxBytes: number
  readonly nMoves: number
  readonly cleaning: Cleaning | undefined
  /** Callers of an emergency cleanup that may not share the one under way: it began before they asked. */
  readonly callers: readonly ReplyTo[]
  readonly lastEndMs: number
  readonly nCleanups: number
  readonly freedBytes: number
  readonly lastCleanup: CleanupReport | undefined
  /** `nMoves` at the end of the last one: repetitions at one level are no news. */
  readonly cleanedAtMove: number | undefined
}

export const CLEANUP_TIMEOUT_MS = 60_000
/** Writes under pressure ask for cleaning again and again; it comes no oftener than this. */
export const WANTED_EVERY_MS = 5000
const CLEANED = 'cleaned'
const STARTED = 'started'
const DONE = 'done'
const START_TIMEOUT_MS = 5000
const NOT_STARTED = failure('timeout', `the Cleaner did not start within ${START_TIMEOUT_MS} ms`)

export const pressureHandlerActor: Actor<PressureHandlerState, PressureHandlerBody, PressureHandlerArgs> = {
  mailbox: { capacity: 128, overflow: 'coalesce', keyOf: ({ type }) => type },
  init({ cell, thresholds }) {
    assert(thresholdProblems(thresholds).length === 0, 'sound thresholds')
    const level = levelOf(cell)
    const state: PressureHandlerState = {
      pressure: pressureAt(level, thresholds), usedBytes: 0, maxBytes: 0, nMoves: 0, cleaning: undefined, callers: [],
      lastEndMs: -Infinity, nCleanups: 0, freedBytes: 0, lastCleanup: undefined, cleanedAtMove: undefined,
    }
    const now: ActorEffect = { type: 'cast', to: MEMORY_ACTORS.monitor, body: { type: 'sample_now' } }
    return { type: 'ok', state, effects: [...standingEffects(level).flatMap(toActorEffects), now] }
  },
  step(state, msg, nowMs) {
    switch (msg.type) {
      case 'cast':
      case 'call':
        return onBody(state, msg, nowMs)
      case 'answer':
        return onAnswer(state, msg, nowMs)
      case 'timer':
        return state.cleaning?.phase === 'starting' ? cleaned(state, state.cleaning, fail(NOT_STARTED), nowMs) : [state, []]
      case 'down':
        return [state, []]
    }
  },
}

type Asked = Extract<ActorMsg<PressureHandlerBody>, { type: 'cast' | 'call' }>

function onBody(state: PressureHandlerState, msg: Asked, nowMs: number): Stepped<PressureHandlerState> {
  const { body } = msg
  switch (body.type) {
    case 'sampled':
      return onSample(state, body, nowMs)
    case 'cleanup_wanted':
      return nowMs - state.lastEndMs < WANTED_EVERY_MS ? [state, []] : cleanForLevel(state)
    case 'emergency_cleanup':
      return cleanForCallers(msg.type === 'call' ? { ...state, callers: [...state.callers, msg.from] } : state)
    case 'status':
      return [state, msg.type === 'call' ? [{ type: 'reply', to: msg.from, result: ok(statusOf(state)) }] : []]
  }
}

function onSample(state: PressureHandlerState, { usedBytes, maxBytes }: { usedBytes: number; maxBytes: number }, nowMs: number): Stepped<PressureHandlerState> {
  const from = levelIn(state.pressure)
  const pressure = pressureAfter(state.pressure, usedBytes / maxBytes)
  const to = levelIn(pressure)
  const next = { ...state, pressure, usedBytes, maxBytes, nMoves: state.nMoves + (from === to ? 0 : 1) }
  const effects = effectsOfMove({ from, to, usedBytes, maxBytes })
  const isDue = effects.some(({ type }) => type === 'cleanup') || nowMs - state.lastEndMs >= LEVEL_POLICIES[to].cleanupEveryMs
  const [cleaned, cleaning] = isDue ? cleanForLevel(next) : [next, []]
  return [cleaned, [...effects.flatMap(toActorEffects), ...cleaning]]
}

// Cleaning

/** Begins what the level asks for, unless a cleaning is under way: its end looks at the level again. */
function cleanForLevel(state: PressureHandlerState): Stepped<PressureHandlerState> {
  const mode = LEVEL_POLICIES[levelIn(state.pressure)].cleanup
  return state.cleaning !== undefined || mode === undefined ? [state, []] : beginCleaning(state, mode)
}

function cleanForCallers(state: PressureHandlerState): Stepped<PressureHandlerState> {
  return state.cleaning !== undefined || state.callers.length === 0 ? [state, []] : beginCleaning(state, 'emergency')
}

function beginCleaning(state: PressureHandlerState, mode: CleanupMode): Stepped<PressureHandlerState> {
  const callers = mode === 'emergency' ? state.callers : []
  const cleaning: Cleaning = { mode, phase: 'cleaning', isRetry: false, callers }
  return [{ ...state, cleaning, callers: mode === 'emergency' ? [] : state.callers }, [callCleaner(mode)]]
}

function callCleaner(mode: CleanupMode): ActorEffect {
  return { type: 'call', to: MEMORY_ACTORS.cleaner, body: { type: 'clean', mode }, tag: CLEANED, timeoutMs: CLEANUP_TIMEOUT_MS }
}

type Answer = Extract<ActorMsg<PressureHandlerBody>, { type: 'answer' }>

function onAnswer(state: PressureHandlerState, { tag, result }: Answer, nowMs: number): Stepped<PressureHandlerState> {
  const { cleaning } = state
  if (tag === DONE) return [state, result.ok ? [] : [{ type: 'log', level: 'error', message: `memory pressure could not be acted on: ${result.error.message}` }]]
  if (cleaning === undefined) return [state, []]
  if (tag === STARTED && cleaning.phase !== 'starting') return [state, []]
  if (tag === STARTED && result.ok) {
    return [{ ...state, cleaning: { ...cleaning, phase: 'cleaning' } }, [{ type: 'cancel', name: STARTED }, callCleaner(cleaning.mode)]]
  }
  if (tag === CLEANED && !result.ok && result.error.code === 'unavailable' && !cleaning.isRetry) {
    const start: ActorEffect = { type: 'run', port: MEMORY_PORTS.cleaner, operation: 'start', tag: STARTED }
    return [{ ...state, cleaning: { ...cleaning, phase: 'starting', isRetry: true } }, [start, { type: 'after', name: STARTED, ms: START_TIMEOUT_MS }]]
  }
  return cleaned(state, cleaning, result as Result<CleanupReport, Failure>, nowMs)
}

function cleaned(state: PressureHandlerState, { mode, callers }: Cleaning, result: Result<CleanupReport, Failure>, nowMs: number): Stepped<PressureHandlerState> {
  const isNews = callers.length > 0 || state.nMoves !== state.cleanedAtMove
  const replies = callers.map((to): ActorEffect => ({ type: 'reply', to, result }))
  const log: ActorEffect = result.ok
    ? { type: 'log', level: isNews ? 'info' : 'debug', message: `${mode} memory cleanup freed ${result.value.freedBytes} bytes`, fields: { ...result.value } }
    : { type: 'log', level: 'error', message: `${mode} memory cleanup failed: ${result.error.message}` }
  const freed = result.ok ? { freedBytes: state.freedBytes + result.value.freedBytes, lastCleanup: result.value } : {}
  const quiet = { ...state, ...freed, cleaning: undefined, lastEndMs: nowMs, nCleanups: state.nCleanups + 1, cleanedAtMove: state.nMoves }
  const [next, more] = goOn(quiet, mode)
  return [next, [...replies, log, ...more]]
}

function goOn(state: PressureHandlerState, lastMode: CleanupMode): Stepped<PressureHandlerState> {
  if (state.callers.length > 0) return cleanForCallers(state)
  const wanted = LEVEL_POLICIES[levelIn(state.pressure)].cleanup
  return strengthOf(wanted) > strengthOf(lastMode) ? cleanForLevel(state) : [state, []]
}

// Effects

/** Cleaning is begun by `cleanForLevel`, which knows whether one is under way. */
function toActorEffects(effect: PressureEffect): ActorEffect[] {
  switch (effect.type) {
    case 'cleanup':
      return []
    case 'resize_caches':
      return [{ type: 'cast', to: MEMORY_ACTORS.cacheManager, body: { type: 'resize', ratio: effect.ratio } }]
    case 'sample_every':
      return [{ type: 'cast', to: MEMORY_ACTORS.monitor, body: effect }]
    case 'log':
      return [effect]
    case 'publish':
    case 'event':
      return [{ type: 'run', port: MEMORY_PORTS.pressure, operation: effect, tag: DONE }]
  }
}

function statusOf({ pressure, usedBytes, maxBytes, nMoves, cleaning, nCleanups, freedBytes, lastCleanup }: PressureHandlerState): PressureStatus {
  return { level: levelIn(pressure), usedBytes, maxBytes, nMoves, cleaning: cleaning?.mode, nCleanups, freedBytes, lastCleanup }
}
