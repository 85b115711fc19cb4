/**
 * The Monitor: takes samples at the interval that the pressure handler asks for and passes each on to it; keeps the last
 * sample, the peak and the recent past for whoever asks.
 *
 *   waiting   the timer is armed, no sample under way       timer, sample_now -> sampling
 *   sampling  one sample under way                          answer -> waiting; a timer meanwhile only arms the next, but
 *             a sample that takes longer than SAMPLE_TIMEOUT_MS is given up for a new one, and its answer is ignored
 *
 * A failed sample is logged when it is the first of its row; the level then stays as it is until one succeeds.
 */

import { ok } from '../base/result.ts'
import type { Actor, ActorEffect, ActorMsg, Stepped } from '../otp/actor.ts'
import { LEVEL_POLICIES } from './levels.ts'
import { MEMORY_ACTORS, MEMORY_PORTS } from './protocol.ts'
import type { MonitorBody, PressureHandlerBody } from './protocol.ts'
import { growthBytesPerSecond, usedBytesOf } from './sample.ts'
import type { MemorySample, UsedAt } from './sample.ts'

export type MonitorArgs = { readonly maxBytes: number }

export type MonitorStatistics = {
  readonly maxBytes: number
  readonly intervalMs: number
  readonly last: MemorySample | undefined
  readonly usedBytes: number
  readonly peakBytes: number
  /** Over the last RECENT_SAMPLES samples. */
  readonly growthBytesPerSecond: number
  readonly nSamples: number
  readonly nFailed: number
}

export type MonitorState = {
  readonly maxBytes: number
  readonly intervalMs: number
  readonly last: MemorySample | undefined
  readonly peakBytes: number
  readonly recent: readonly UsedAt[]
  readonly nSamples: number
  readonly nFailed: number
  readonly nAsked: number
  readonly underWay: { readonly tag: string; readonly sinceMs: number } | undefined
  /** Failures since the last success. */
  readonly row: number
}

type Answer = Extract<ActorMsg<MonitorBody>, { type: 'answer' }>

export const SAMPLE_TIMEOUT_MS = 10_000
export const RECENT_SAMPLES = 60

export const monitorActor: Actor<MonitorState, MonitorBody, MonitorArgs> = {
  mailbox: { capacity: 64, overflow: 'coalesce', keyOf: ({ type }) => (type === 'statistics' ? undefined : type) },
  init({ maxBytes }, nowMs) {
    const state: MonitorState = {
      maxBytes, intervalMs: LEVEL_POLICIES.normal.sampleEveryMs, last: undefined, peakBytes: 0, recent: [], nSamples: 0, nFailed: 0,
      nAsked: 0, underWay: undefined, row: 0,
    }
    const [sampling, effects] = takeSample(state, nowMs)
    return { type: 'ok', state: sampling, effects }
  },
  step(state, msg, nowMs) {
    switch (msg.type) {
      case 'timer':
        return takeSample(state, nowMs)
      case 'answer':
        return state.underWay?.tag === msg.tag ? sampled(state, msg, nowMs) : [state, []]
      case 'cast':
        return onCast(state, msg.body, nowMs)
      case 'call':
        return [state, [{ type: 'reply', to: msg.from, result: ok(statisticsOf(state)) }]]
      case 'down':
        return [state, []]
    }
  },
}

function onCast(state: MonitorState, body: MonitorBody, nowMs: number): Stepped<MonitorState> {
  if (body.type === 'sample_now') return takeSample(state, nowMs)
  if (body.type !== 'sample_every' || body.ms === state.intervalMs) return [state, []]
  return [{ ...state, intervalMs: body.ms }, [armed(body.ms)]]
}

/** Arms the next one whether or not this one can begin. */
function takeSample(state: MonitorState, nowMs: number): Stepped<MonitorState> {
  const next = armed(state.intervalMs)
  if (state.underWay !== undefined && nowMs - state.underWay.sinceMs < SAMPLE_TIMEOUT_MS) return [state, [next]]
  const nAsked = state.nAsked + 1
  const tag = `sample ${nAsked}`
  const [rest, logged] = state.underWay === undefined ? [state, []] : failed(state, `no answer within ${SAMPLE_TIMEOUT_MS} ms`)
  return [{ ...rest, nAsked, underWay: { tag, sinceMs: nowMs } }, [...logged, { type: 'run', port: MEMORY_PORTS.sampler, operation: 'sample', tag }, next]]
}

function sampled(state: MonitorState, { result }: Answer, nowMs: number): Stepped<MonitorState> {
  if (!result.ok) return failed(state, result.error.message)
  const last = result.value as MemorySample
  const usedBytes = usedBytesOf(last)
  const body: PressureHandlerBody = { type: 'sampled', usedBytes, maxBytes: state.maxBytes }
  const next: MonitorState = {
    ...state, last, underWay: undefined, row: 0, nSamples: state.nSamples + 1, peakBytes: Math.max(state.peakBytes, usedBytes),
    recent: [...state.recent.slice(1 - RECENT_SAMPLES), { atMs: nowMs, usedBytes }],
  }
  return [next, [{ type: 'cast', to: MEMORY_ACTORS.pressureHandler, body }]]
}

function failed(state: MonitorState, message: string): Stepped<MonitorState> {
  const effects: ActorEffect[] = state.row > 0 ? [] : [{ type: 'log', level: 'warn', message: `memory cannot be sampled: ${message}` }]
  return [{ ...state, underWay: undefined, nFailed: state.nFailed + 1, row: state.row + 1 }, effects]
}

function armed(ms: number): ActorEffect {
  return { type: 'after', name: 'sample', ms }
}

function statisticsOf({ maxBytes, intervalMs, last, peakBytes, recent, nSamples, nFailed }: MonitorState): MonitorStatistics {
  return {
    maxBytes, intervalMs, last, usedBytes: recent.at(-1)?.usedBytes ?? 0, peakBytes,
    growthBytesPerSecond: growthBytesPerSecond(recent), nSamples, nFailed,
  }
}
