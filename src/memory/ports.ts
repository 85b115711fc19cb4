/**
 * The ports of memory management that need nothing but what is handed in: the caches, and what becomes of a level. The
 * sampler, the cleanup steps and the start of the Cleaner belong to whoever has the threads, the store and the supervisors.
 */

import { failure, toFailure } from '../base/failure.ts'
import type { Failure } from '../base/failure.ts'
import { fail, ok } from '../base/result.ts'
import type { Result } from '../base/result.ts'
import type { ActorPort } from '../otp/actor-system.ts'
import type { Cache, HotKey } from './cache.ts'
import { decodeHottest, reloadHottest, saveHottest } from './hottest.ts'
import type { PressureCell } from './pressure-cell.ts'
import { publishLevel } from './pressure-cell.ts'
import type { PressureEffect } from './pressure-effects.ts'
import type { CacheOperation } from './protocol.ts'

export type HotKeyStore = {
  /** Undefined when nothing was saved. */
  read(): string | undefined
  write(text: string): void
  /** Makes the value of a key again and keeps it; false when it no longer exists. */
  load(key: HotKey): boolean
}

/** Disk errors of the store of keys come back as failures. */
export function cachesPort(cache: Cache, hotKeys: HotKeyStore): ActorPort {
  return (operation, done) => done(guarded(() => runOnCaches(cache, hotKeys, operation as CacheOperation)))
}

/** What the level is shown to; `onGate`, `onMetric` and `onEvent` must not throw. */
export type PressureListeners = {
  readonly cell: PressureCell
  readonly onGate: (effect: Extract<PressureEffect, { type: 'gate' }>) => void
  readonly onMetric: (effect: Extract<PressureEffect, { type: 'metric' }>) => void
  readonly onEvent: (effect: Extract<PressureEffect, { type: 'event' }>) => void
}

export function pressurePort({ cell, onGate, onMetric, onEvent }: PressureListeners): ActorPort {
  return (operation, done) => {
    const effect = operation as PressureEffect
    if (effect.type === 'publish') publishLevel(cell, effect.level)
    else if (effect.type === 'gate') onGate(effect)
    else if (effect.type === 'metric') onMetric(effect)
    else if (effect.type === 'event') onEvent(effect)
    done(ok(undefined))
  }
}

function runOnCaches(cache: Cache, hotKeys: HotKeyStore, operation: CacheOperation): Result<unknown, Failure> {
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
      hotKeys.write(saveHottest(cache, operation.n))
      return ok(undefined)
    case 'reload_hottest':
      return reload(hotKeys, operation.n)
  }
}

function reload(hotKeys: HotKeyStore, n: number): Result<number, Failure> {
  const text = hotKeys.read()
  if (text === undefined) return ok(0)
  const { keys, problem } = decodeHottest(text)
  const nLoaded = reloadHottest(keys, n, (key) => hotKeys.load(key))
  return problem === undefined ? ok(nLoaded) : fail(failure('damaged', problem))
}

function freedBy(cache: Cache, work: () => void): number {
  const before = cache.stats().bytes
  work()
  return before - cache.stats().bytes
}

function guarded(work: () => Result<unknown, Failure>): Result<unknown, Failure> {
  try {
    return work()
  } catch (thrown) {
    return fail(toFailure(thrown))
  }
}
