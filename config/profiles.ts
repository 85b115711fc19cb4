/**
 * The profiles: what each lays over the defaults. The limits are those of the technical specification's development,
 * test and production configurations, for the keys that have a counterpart here. `chaos` is for runs
 * that cause failures on purpose.
 */

import type { PartialConfig, ProfileName } from './schema.ts'

export const PROFILES: Readonly<Record<ProfileName, PartialConfig>> = {
  default: {},
  development: {
    storage: { maxModules: 1000 },
    log: { level: 'debug' },
  },
  test: {
    storage: { backend: 'memory', maxModules: 100, minFreeBytes: 0 },
    parser: { threads: 2 },
    health: { intervalMs: 1000 },
  },
  production: {
    storage: { maxModules: 50_000 },
    log: { format: 'json' },
  },
  chaos: {
    supervision: { intensityFactor: 100 },
  },
}
