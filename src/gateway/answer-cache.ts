/**
 * Answers to reads, encoded, as a view of the gateway's cache: a lookup that was made before costs a map access. Each is
 * found only for the state of the repository that it was made for, so nothing here is ever stale. What an answer took to
 * make decides whether and how long it is kept (`src/memory/cache-policy.ts`).
 */

import type { Failure } from '../base/failure.ts'
import { ok, type Result } from '../base/result.ts'
import { cachePolicy, LONG_TTL_MS } from '../memory/cache-policy.ts'
import type { Cache, HotKey } from '../memory/cache.ts'
import { createStateEpochs } from '../memory/state-epochs.ts'
import { EncodedResult, encodeResult } from '../wire/rpc.ts'

export const ANSWERS = 'answers'

export type ReadOutcome = 'cache_hit' | 'store_hit' | 'store_miss'

export type AnswerCache = {
  /** The answer kept under `key` for this state, else what `make` answers, which is kept where that pays. */
  answer(state: string, key: string, make: () => Result<unknown, Failure>): Result<unknown, Failure>
  /** Gives an answer that is kept the place that it had before a restart. */
  lift(state: string, saved: HotKey): void
}

export type AnswerCacheOptions = {
  readonly cache: Cache
  /** Monotonic milliseconds, with a fraction. */
  readonly nowMs: () => number
  readonly onRead: (outcome: ReadOutcome) => void
}

export function createAnswerCache({ cache, nowMs, onRead }: AnswerCacheOptions): AnswerCache {
  const view = cache.view<EncodedResult>(ANSWERS, { sizeOf: ({ bytes }) => bytes.length })
  const { epochOf } = createStateEpochs()
  return {
    answer(state, key, make) {
      const now = epochOf(state)
      const known = view.find(now, key)
      if (known !== undefined) {
        onRead('cache_hit')
        return ok(known)
      }
      const startedMs = nowMs()
      const made = make()
      onRead(made.ok ? 'store_hit' : 'store_miss')
      if (!made.ok) return made
      const encoded = new EncodedResult(encodeResult(made.value))
      const policy = cachePolicy((nowMs() - startedMs) * 1000)
      if (policy.keep !== 'not') view.keep(now, key, encoded, { ttlMs: policy.ttlMs })
      return ok(encoded)
    },
    lift(state, { key, tier, hits }) {
      const now = epochOf(state)
      const known = view.find(now, key)
      if (known !== undefined) view.keep(now, key, known, { ttlMs: LONG_TTL_MS, tier, hits })
    },
  }
}
