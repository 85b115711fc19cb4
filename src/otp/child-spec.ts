/**
 * Child specifications and supervisor flags as data, with OTP's defaults and OTP's errors (statements 12 to 21 of the
 * test table). `start` says how to start the child; the supervisor never looks inside it, the starter of its kind does.
 * Unknown keys are ignored, as OTP ignores them. Nothing here starts anything.
 */

import { fail, ok } from '../base/result.ts'
import type { Result } from '../base/result.ts'

export type Strategy = 'one_for_one' | 'one_for_all' | 'rest_for_one' | 'simple_one_for_one'
export type Restart = 'permanent' | 'transient' | 'temporary'
/** Milliseconds to wait after asking, before killing. */
export type Shutdown = number | 'infinity' | 'brutal_kill'
export type AutoShutdown = 'never' | 'any_significant' | 'all_significant'
export type ChildType = 'worker' | 'supervisor'

/** A delay before each further attempt of a failing restart, doubling from `initialMs` to `maxMs`. OTP has none. */
export type Backoff = { readonly initialMs: number; readonly maxMs: number }

export type ChildSpec<Start = unknown> = {
  readonly id: string
  readonly start: Start
  readonly restart: Restart
  readonly shutdown: Shutdown
  readonly type: ChildType
  readonly significant: boolean
}

export type SupervisorFlags = {
  readonly strategy: Strategy
  /** This many restarts within `period` are allowed; one more ends the supervisor. */
  readonly intensity: number
  /** Whole seconds. */
  readonly period: number
  readonly autoShutdown: AutoShutdown
  readonly backoff: Backoff
}

/** What a user writes: everything but id and start has a default. */
export type ChildSpecInput<Start = unknown> = Partial<ChildSpec<Start>>
export type SupervisorFlagsInput = Partial<SupervisorFlags>

export type SpecError = {
  readonly error:
    | 'missing_id' | 'missing_start' | 'invalid_child_spec' | 'invalid_restart_type' | 'invalid_shutdown'
    | 'invalid_child_type' | 'invalid_significant' | 'duplicate_child_name' | 'bad_combination' | 'bad_start_spec'
    | 'invalid_strategy' | 'invalid_intensity' | 'invalid_period' | 'invalid_auto_shutdown' | 'invalid_backoff'
  readonly value?: unknown
}

export const DEFAULT_FLAGS: SupervisorFlags = {
  strategy: 'one_for_one',
  intensity: 1,
  period: 5,
  autoShutdown: 'never',
  backoff: { initialMs: 0, maxMs: 0 },
}

export const DEFAULT_WORKER_SHUTDOWN_MS = 5000

const STRATEGIES: readonly unknown[] = ['one_for_one', 'one_for_all', 'rest_for_one', 'simple_one_for_one']
const RESTARTS: readonly unknown[] = ['permanent', 'transient', 'temporary']
const AUTO_SHUTDOWNS: readonly unknown[] = ['never', 'any_significant', 'all_significant']

export function checkFlags(input: SupervisorFlagsInput): Result<SupervisorFlags, SpecError> {
  const flags = { ...DEFAULT_FLAGS, ...input }
  const { strategy, intensity, period, autoShutdown, backoff } = flags
  if (!STRATEGIES.includes(strategy)) return fail({ error: 'invalid_strategy', value: strategy })
  if (!isCount(intensity)) return fail({ error: 'invalid_intensity', value: intensity })
  if (!isCount(period) || period === 0) return fail({ error: 'invalid_period', value: period })
  if (!AUTO_SHUTDOWNS.includes(autoShutdown)) return fail({ error: 'invalid_auto_shutdown', value: autoShutdown })
  if (strategy === 'simple_one_for_one' && autoShutdown !== 'never') {
    return fail({ error: 'bad_combination', value: { autoShutdown, strategy } })
  }
  if (!isCount(backoff.initialMs) || !isCount(backoff.maxMs)) return fail({ error: 'invalid_backoff', value: backoff })
  return ok({ strategy, intensity, period, autoShutdown, backoff })
}

export function checkChildSpec<Start>(
  input: ChildSpecInput<Start>, autoShutdown: AutoShutdown,
): Result<ChildSpec<Start>, SpecError> {
  if (typeof input !== 'object' || input === null) return fail({ error: 'invalid_child_spec', value: input })
  const { id, start, restart = 'permanent', type = 'worker', significant = false } = input
  if (id === undefined) return fail({ error: 'missing_id' })
  if (typeof id !== 'string') return fail({ error: 'invalid_child_spec', value: input })
  if (start === undefined) return fail({ error: 'missing_start' })
  if (type !== 'worker' && type !== 'supervisor') return fail({ error: 'invalid_child_type', value: type })
  const shutdown = input.shutdown ?? (type === 'worker' ? DEFAULT_WORKER_SHUTDOWN_MS : 'infinity')
  if (!RESTARTS.includes(restart)) return fail({ error: 'invalid_restart_type', value: restart })
  if (!isShutdown(shutdown)) return fail({ error: 'invalid_shutdown', value: shutdown })
  if (typeof significant !== 'boolean') return fail({ error: 'invalid_significant', value: significant })
  if (significant && (autoShutdown === 'never' || restart === 'permanent')) {
    return fail({ error: 'bad_combination', value: { significant, autoShutdown, restart } })
  }
  return ok({ id, start, restart, shutdown, type, significant })
}

/** All specs of one supervisor, in start order. `simple_one_for_one` takes exactly one, its template. */
export function checkChildSpecs<Start>(
  inputs: readonly ChildSpecInput<Start>[], flags: SupervisorFlags,
): Result<readonly ChildSpec<Start>[], SpecError> {
  const specs: ChildSpec<Start>[] = []
  const ids = new Set<string>()
  for (const input of inputs) {
    const spec = checkChildSpec(input, flags.autoShutdown)
    if (!spec.ok) return spec
    if (ids.has(spec.value.id)) return fail({ error: 'duplicate_child_name', value: spec.value.id })
    ids.add(spec.value.id)
    specs.push(spec.value)
  }
  if (flags.strategy === 'simple_one_for_one' && specs.length !== 1) {
    return fail({ error: 'bad_start_spec', value: specs.map(({ id }) => id) })
  }
  return ok(specs)
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function isShutdown(value: unknown): value is Shutdown {
  return value === 'infinity' || value === 'brutal_kill' || isCount(value)
}
