/**
 * What ports of memory management do with what is at hand: the caches where they live, and the level where it is published.
 * The sampler, the cleanup steps and the start of the Cleaner belong to whoever has the threads, the store and the
 * supervisors.
 */

import { ok } from '../base/result.ts'
import type { Failure } from '../base/failure.ts'
import type { Result } from '../base/result.ts'
import type { ActorPort } from '../otp/actor-system.ts'
import type { Cache, HotKey } from './cache.ts'
import type { PressureCell } from './pressure-cell.ts'
import { publishLevel } from './pressure-cell.ts'
import type { PressureAction, PressureFields } from './pressure-effects.ts'
import type { CacheOperation } from './protocol.ts'

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
