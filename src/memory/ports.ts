/**
 * What ports of memory management do with what is at hand: the caches where they live, and the level where it is published.
 * The sampler, the cleanup steps and the start of the Cleaner belong to whoever has the threads, the store and the
 * supervisors.
 */

import { ok } from '../base/result.ts'
import type { Failure } from '../base/failure.ts'
import type { Result } from '../base/result.ts'
import type { ActorPort } from '../otp/actor-system.ts'
import type { Cache, CacheStats, HotKey } from './cache.ts'
import type { PressureCell } from './pressure-cell.ts'
import { publishLevel } from './pressure-cell.ts'
import type { PressureAction, PressureFields } from './pressure-effects.ts'
import type { CacheOperation } from './protocol.ts'
import type { Tier, TierStats } from './tiers.ts'

/** Answers what the operation says it does. `save` keeps the keys over a restart. */
export function runOnCaches(cache: Cache, save: (keys: readonly HotKey[]) => Result<unknown, Failure>, operation: CacheOperation): Result<unknown, Failure> {
  switch (operation.type) {
    case 'resize':
      return ok(freedBy(cache, () => cache.resize(operation.ratio)))
    case 'purge_expired':
      return ok(freedBy(cache, () => cache.purgeExpired()))
    case 'clear':
      return ok(freedBy(cache, () => cache.clear()))
    case 'stats':
      return ok(cache.stats())
    case 'save_hottest':
      return save(cache.hottest(operation.n))
  }
}

/** What several holders of caches answered to the same operation, as one. One that is being restarted holds nothing. */
export function inAll(answers: readonly Result<unknown, Failure>[], { type }: CacheOperation): Result<unknown, Failure> {
  const failed = answers.find((answer) => !answer.ok && answer.error.code !== 'unavailable')
  const done = answers.flatMap((answer) => (answer.ok ? [answer.value] : []))
  if (failed !== undefined) return failed
  if (type !== 'stats') return ok(done.reduce<number>((sum, freed) => sum + (typeof freed === 'number' ? freed : 0), 0))
  const [first, ...others] = done as CacheStats[]
  return first === undefined ? (answers[0] ?? ok(null)) : ok(others.reduce(together, first))
}

function together(a: CacheStats, b: CacheStats): CacheStats {
  const tier = (name: Tier): TierStats => ({
    entries: a.tiers[name].entries + b.tiers[name].entries, bytes: a.tiers[name].bytes + b.tiers[name].bytes, hits: a.tiers[name].hits + b.tiers[name].hits,
    capacityBytes: a.tiers[name].capacityBytes + b.tiers[name].capacityBytes,
  })
  return { bytes: a.bytes + b.bytes, maxBytes: a.maxBytes + b.maxBytes, ratio: a.ratio, tiers: { l1: tier('l1'), l2: tier('l2'), l3: tier('l3') }, views: { ...a.views, ...b.views } }
}

/** `onEvent` must not throw. */
export function pressurePort(cell: PressureCell, onEvent: (fields: PressureFields) => void): ActorPort {
  return (operation, done) => {
    const action = operation as PressureAction
    if (action.type === 'publish') publishLevel(cell, action.level)
    else onEvent(action.fields)
    done(ok(undefined))
  }
}

function freedBy(cache: Cache, work: () => void): number {
  const before = cache.stats().bytes
  work()
  return before - cache.stats().bytes
}
