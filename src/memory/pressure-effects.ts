/**
 * What a level does, as a list of effects for a shell to run: caches, cleaning, gates before writes, sampling, and the
 * three ways in which people see it (log, metric, event). Pure; the handler only passes these on.
 *
 * Invariant: `standingEffects(level)` restores everything that a level means, whatever was before; a move emits only what
 * differs between its two ends, and skips the levels in between, whose means the last level includes.
 */

import { LEVEL_POLICIES, severityOf } from './levels.ts'
import type { CleanupMode, LevelPolicy, PressureLevel } from './levels.ts'

export type Gate = 'clientWrites' | 'syncUpdates' | 'events'

export type PressureEffect =
  | { readonly type: 'publish'; readonly level: PressureLevel }
  | { readonly type: 'resize_caches'; readonly ratio: number }
  | { readonly type: 'cleanup'; readonly mode: CleanupMode }
  /** A gate that opens is the moment to retry what waited before it. */
  | { readonly type: 'gate'; readonly gate: Gate; readonly state: LevelPolicy[Gate] }
  | { readonly type: 'sample_every'; readonly ms: number }
  | { readonly type: 'log'; readonly level: 'info' | 'warn' | 'error'; readonly message: string; readonly fields: PressureFields }
  | { readonly type: 'metric'; readonly name: 'memory_pressure_level'; readonly value: number }
  | { readonly type: 'event'; readonly name: 'memory_pressure_changed'; readonly fields: PressureFields }

export type PressureFields = {
  readonly from: PressureLevel
  readonly to: PressureLevel
  readonly usedBytes: number
  readonly maxBytes: number
}

const GATES: readonly Gate[] = ['clientWrites', 'syncUpdates', 'events']

/** Nothing when the level stays. */
export function effectsOfMove(fields: PressureFields): PressureEffect[] {
  const { from, to } = fields
  if (from === to) return []
  const [before, after] = [LEVEL_POLICIES[from], LEVEL_POLICIES[to]]
  const gates = GATES.filter((gate) => before[gate] !== after[gate])
  const isRise = severityOf(to) > severityOf(from)
  return [
    { type: 'publish', level: to },
    ...gates.map((gate) => ({ type: 'gate', gate, state: after[gate] }) as const),
    { type: 'resize_caches', ratio: after.cacheRatio },
    ...(isRise && after.cleanup !== undefined ? [{ type: 'cleanup', mode: after.cleanup } as const] : []),
    { type: 'sample_every', ms: after.sampleEveryMs },
    { type: 'metric', name: 'memory_pressure_level', value: severityOf(to) },
    { type: 'event', name: 'memory_pressure_changed', fields },
    { type: 'log', level: logLevelOf(to, isRise ? 'up' : 'down'), message: messageOf(fields), fields },
  ]
}

/** For a handler that starts: brings everything in line with the level it found. */
export function standingEffects(level: PressureLevel): PressureEffect[] {
  const policy = LEVEL_POLICIES[level]
  return [
    { type: 'publish', level },
    ...GATES.map((gate) => ({ type: 'gate', gate, state: policy[gate] }) as const),
    { type: 'resize_caches', ratio: policy.cacheRatio },
    { type: 'sample_every', ms: policy.sampleEveryMs },
    { type: 'metric', name: 'memory_pressure_level', value: severityOf(level) },
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
