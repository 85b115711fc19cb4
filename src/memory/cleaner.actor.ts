/**
 * The Cleaner: frees memory, in steps, softly or with force. Each mode does the steps of the one before it and more.
 *
 *   idle      clean -> cleaning
 *   cleaning  one step under way; its answer begins the next, the last one is followed by the reply -> idle
 *             a clean meanwhile waits its turn
 *
 * A step that fails is noted in the report and the next one begins: memory is short, every byte helps.
 */

import { ok } from '../base/result.ts'
import type { Result } from '../base/result.ts'
import type { Failure } from '../base/failure.ts'
import type { Actor, ActorEffect, ReplyTo, Stepped } from '../otp/actor.ts'
import type { CleanupMode } from './levels.ts'
import { MEMORY_ACTORS, MEMORY_PORTS } from './protocol.ts'
import type { CleanerBody, CleanupReport, CleanupStep } from './protocol.ts'

/** Steps that the CacheManager does, and those that the cleanup port does. */
type Step = 'purge_expired' | 'clear' | CleanupStep

/** Cheap and harmless first; what costs the next readers something comes with more pressure. */
export const STEPS_OF_MODE: Readonly<Record<CleanupMode, readonly Step[]>> = {
  soft: ['purge_expired', 'shrink_store'],
  aggressive: ['purge_expired', 'shrink_store', 'checkpoint_wal', 'release_idle_pools'],
  emergency: ['purge_expired', 'clear', 'shrink_store', 'checkpoint_wal', 'release_idle_pools', 'collect_garbage'],
}

export const STEP_TIMEOUT_MS = 10_000

type Job = { readonly mode: CleanupMode; readonly from: ReplyTo }
type Cleaning = Job & { readonly sinceMs: number; readonly done: CleanupReport['steps']; readonly tag: string }

export type CleanerState = { readonly cleaning: Cleaning | undefined; readonly waiting: readonly Job[]; readonly nSteps: number }

export const cleanerActor: Actor<CleanerState, CleanerBody> = {
  mailbox: { capacity: 16, overflow: 'shed' },
  init: () => ({ type: 'ok', state: { cleaning: undefined, waiting: [], nSteps: 0 } }),
  step(state, msg, nowMs) {
    switch (msg.type) {
      case 'call':
        return begin({ ...state, waiting: [...state.waiting, { mode: msg.body.mode, from: msg.from }] }, nowMs)
      case 'answer':
        return msg.tag === state.cleaning?.tag ? stepDone(state, state.cleaning, msg.result, nowMs) : [state, []]
      case 'timer':
        return msg.name === state.cleaning?.tag ? stepDone(state, state.cleaning, TIMED_OUT, nowMs) : [state, []]
      case 'cast':
      case 'down':
        return [state, []]
    }
  },
}

const TIMED_OUT: Result<unknown, Failure> = { ok: false, error: { code: 'timeout', message: `no answer within ${STEP_TIMEOUT_MS} ms` } }

function begin(state: CleanerState, nowMs: number): Stepped<CleanerState> {
  const [job, ...waiting] = state.waiting
  if (state.cleaning !== undefined || job === undefined) return [state, []]
  return nextStep({ ...state, waiting }, { ...job, sinceMs: nowMs, done: [], tag: '' }, nowMs)
}

function nextStep(state: CleanerState, cleaning: Cleaning, nowMs: number): Stepped<CleanerState> {
  const step = STEPS_OF_MODE[cleaning.mode][cleaning.done.length]
  if (step === undefined) return finish(state, cleaning, nowMs)
  const nSteps = state.nSteps + 1
  const tag = `step ${nSteps}`
  return [{ ...state, nSteps, cleaning: { ...cleaning, tag } }, effectsOf(step, tag)]
}

/** A port has no deadline of its own, a call has. */
function effectsOf(step: Step, tag: string): ActorEffect[] {
  if (step === 'purge_expired' || step === 'clear') {
    return [{ type: 'call', to: MEMORY_ACTORS.cacheManager, body: { type: step }, tag, timeoutMs: STEP_TIMEOUT_MS }]
  }
  return [{ type: 'run', port: MEMORY_PORTS.cleanup, operation: step, tag }, { type: 'after', name: tag, ms: STEP_TIMEOUT_MS }]
}

function stepDone(state: CleanerState, cleaning: Cleaning, result: Result<unknown, Failure>, nowMs: number): Stepped<CleanerState> {
  const step = STEPS_OF_MODE[cleaning.mode][cleaning.done.length] ?? ''
  const freedBytes = result.ok && typeof result.value === 'number' ? result.value : 0
  const note = result.ok ? { step, freedBytes } : { step, freedBytes, failed: result.error.message }
  const [next, effects] = nextStep(state, { ...cleaning, done: [...cleaning.done, note] }, nowMs)
  return [next, [{ type: 'cancel', name: cleaning.tag }, ...effects]]
}

function finish(state: CleanerState, { mode, from, sinceMs, done }: Cleaning, nowMs: number): Stepped<CleanerState> {
  const report: CleanupReport = { mode, tookMs: nowMs - sinceMs, steps: done, freedBytes: done.reduce((sum, { freedBytes }) => sum + freedBytes, 0) }
  const [next, effects] = begin({ ...state, cleaning: undefined }, nowMs)
  return [next, [{ type: 'reply', to: from, result: ok(report) }, ...effects]]
}
