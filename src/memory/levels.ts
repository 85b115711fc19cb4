/**
 * The four pressure levels, the thresholds between them, and what holds at each: how often memory is sampled, how much of
 * the cache budget may be used, which cleaning runs and what happens to writes. All of it is data; the machine that moves
 * between levels is in `pressure-machine.ts`, what a move does in `pressure-effects.ts`.
 *
 * Invariant: the order of PRESSURE_LEVELS is the order of severity, and its indices are what the shared cell carries.
 */

import { DEFAULTS } from '../../config/defaults.ts'
import type { Config } from '../../config/schema.ts'

export const PRESSURE_LEVELS = ['normal', 'warning', 'critical', 'emergency'] as const

export type PressureLevel = (typeof PRESSURE_LEVELS)[number]
export type RaisedLevel = Exclude<PressureLevel, 'normal'>

/** Shares of `memory.maxBytes`, 0 to 1. */
export type Thresholds = {
  /** A level is entered above this. */
  readonly above: Readonly<Record<RaisedLevel, number>>
  /** A level is left, for the one below it, under this. */
  readonly below: Readonly<Record<RaisedLevel, number>>
}

/** A level is left this many percent below where it is entered, so that a sample near the border does not swing it. */
const HYSTERESIS_PERCENT = 5

/** From percentages at which the levels are entered. */
export function thresholdsOf({ warningPercent, criticalPercent, emergencyPercent }: Pick<Config['memory'], `${RaisedLevel}Percent`>): Thresholds {
  const percents = { warning: warningPercent, critical: criticalPercent, emergency: emergencyPercent }
  const lower = (by: number): Record<RaisedLevel, number> =>
    ({ warning: (percents.warning - by) / 100, critical: (percents.critical - by) / 100, emergency: (percents.emergency - by) / 100 })
  return { above: lower(0), below: lower(HYSTERESIS_PERCENT) }
}

export const DEFAULT_THRESHOLDS: Thresholds = thresholdsOf(DEFAULTS.memory)

export const CLEANUP_MODES = ['soft', 'aggressive', 'emergency'] as const
/** Each mode does everything that the one before it does, and more. */
export type CleanupMode = (typeof CLEANUP_MODES)[number]

export type LevelPolicy = {
  readonly sampleEveryMs: number
  /** Share of the cache budget that may be used, 0 to 1. */
  readonly cacheRatio: number
  readonly cleanup: CleanupMode | undefined
  /** While the level lasts, cleaning is repeated after this long. */
  readonly cleanupEveryMs: number
  readonly clientWrites: 'accepted' | 'refused'
  readonly syncUpdates: 'applied' | 'wait'
  readonly events: 'taken' | 'shed'
}

const OPEN = { clientWrites: 'accepted', syncUpdates: 'applied', events: 'taken' } as const
const CLOSED = { clientWrites: 'refused', syncUpdates: 'wait', events: 'shed' } as const

export const LEVEL_POLICIES: Readonly<Record<PressureLevel, LevelPolicy>> = {
  normal: { sampleEveryMs: 5000, cacheRatio: 1, cleanup: undefined, cleanupEveryMs: Infinity, ...OPEN },
  warning: { sampleEveryMs: 1000, cacheRatio: 0.5, cleanup: 'soft', cleanupEveryMs: 30_000, ...OPEN },
  critical: { sampleEveryMs: 250, cacheRatio: 0.1, cleanup: 'aggressive', cleanupEveryMs: 10_000, ...CLOSED },
  emergency: { sampleEveryMs: 100, cacheRatio: 0, cleanup: 'emergency', cleanupEveryMs: 2000, ...CLOSED },
}

/** 0 for normal, 3 for emergency. */
export function severityOf(level: PressureLevel): number {
  return PRESSURE_LEVELS.indexOf(level)
}

export function strengthOf(mode: CleanupMode | undefined): number {
  return mode === undefined ? -1 : CLEANUP_MODES.indexOf(mode)
}

/**
 * What is wrong with these thresholds, one sentence each. Sound ones rise with the level and are lower on the way down than
 * on the way up, which is what keeps the machine from swinging and every chain of moves finite.
 */
export function thresholdProblems({ above, below }: Thresholds): string[] {
  const problems: string[] = []
  let last = { above: 0, below: 0, level: 'normal' as PressureLevel }
  for (const level of ['warning', 'critical', 'emergency'] as const) {
    const now = { above: above[level], below: below[level], level }
    if (!(now.below > 0 && now.above <= 1)) problems.push(`${level}: thresholds lie between 0 and 1, not ${now.below} and ${now.above}`)
    if (!(now.below < now.above)) problems.push(`${level}: is left below ${now.below}, which is not under the ${now.above} it is entered above`)
    if (!(now.above > last.above && now.below > last.below)) problems.push(`${level}: its thresholds are not higher than those of ${last.level}`)
    last = now
  }
  return problems
}
