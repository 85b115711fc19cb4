/**
 * What a level does, as a list of effects for a shell to run: caches, cleaning, sampling, log and event. Pure; the handler
 * only passes these on. Absent: writers and metrics, which read the level that is published.
 *
 * Invariant: `standingEffects(level)` restores everything that a level means, whatever was before; a move emits only what
 * differs between its two ends, and skips the levels in between, whose means the last level includes.
 */

import { LEVEL_POLICIES, severityOf } from './levels.ts'
import type { CleanupMode, PressureLevel } from './levels.ts'

/** What is done with the level beyond the actors. */
export type PressureAction =
  | { readonly type: 'publish'; readonly level: PressureLevel }
  | { readonly type: 'event'; readonly name: 'memory_pressure_changed'; readonly fields: PressureFields }

export type PressureEffect =
  | PressureAction
  | { readonly type: 'resize_caches'; readonly ratio: number }
  | { readonly type: 'cleanup'; readonly mode: CleanupMode }
  | { readonly type: 'sample_every'; readonly ms: number }
  | { readonly type: 'log'; readonly level: 'info' | 'warn' | 'error'; readonly message: string; readonly fields: PressureFields }

export type PressureFields = {
  readonly from: PressureLevel
  readonly to: PressureLevel
  readonly usedBytes: number
  readonly maxBytes: number
}

/** Nothing when the level stays. */
export function effectsOfMove(fields: PressureFields): PressureEffect[] {
  const { from, to } = fields
  if (from === to) return []
  const after = LEVEL_POLICIES[to]
  const isRise = severityOf(to) > severityOf(from)
  return [
    { type: 'publish', level: to },
    { type: 'resize_caches', ratio: after.cacheRatio },
    ...(isRise && after.cleanup !== undefined ? [{ type: 'cleanup', mode: after.cleanup } as const] : []),
    { type: 'sample_every', ms: after.sampleEveryMs },
    { type: 'event', name: 'memory_pressure_changed', fields },
    { type: 'log', level: logLevelOf(to, isRise ? 'up' : 'down'), message: messageOf(fields), fields },
  ]
}

/** For a handler that starts: brings everything in line with the level it found. */
export function standingEffects(level: PressureLevel): PressureEffect[] {
  const policy = LEVEL_POLICIES[level]
  return [
    { type: 'publish', level },
    { type: 'resize_caches', ratio: policy.cacheRatio },
    { type: 'sample_every', ms: policy.sampleEveryMs },
  ]
}

function logLevelOf(to: PressureLevel, direction: 'up' | 'down'): 'info' | 'warn' | 'error' {
  if (direction === 'down') return 'info'
  return to === 'warning' ? 'warn' : 'error'
}

function messageOf({ from, to, usedBytes, maxBytes }: PressureFields): string {
  const { clientWrites } = LEVEL_POLICIES[to]
  const share = ((usedBytes / maxBytes) * 100).toFixed(1)
  const writes = clientWrites === LEVEL_POLICIES[from].clientWrites ? '' : `; client writes are ${clientWrites}`
  return `memory pressure ${from} -> ${to}: ${share} % of ${Math.round(maxBytes / 2 ** 20)} MiB in use${writes}`
}
