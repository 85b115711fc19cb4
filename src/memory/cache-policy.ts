/**
 * Which answers are worth keeping, by what they cost to make. A lookup in the store takes 3 to 7 µs and the round trip over
 * the socket that carries it 40, so a cache could not be felt and such a lookup is left out. Kept is what takes a parse, an
 * encoding, a plan or a walk over many rows. bench/memory.ts measures both sides; docs/MEMORY.md has its figures.
 */

export type CachePolicy = { readonly keep: 'aggressively' | 'conservatively'; readonly ttlMs: number } | { readonly keep: 'not' }

/** What costs less is asked of the store each time. A hit costs 0.3 µs; an answer about one function takes 22. */
export const WORTH_KEEPING_US = 10
/** A simple query is allowed 5 ms; beyond that an answer is expensive. */
export const EXPENSIVE_US = 5000
export const LONG_TTL_MS = 600_000
export const SHORT_TTL_MS = 60_000

/** `costUs` is what the answer took to make. */
export function cachePolicy(costUs: number): CachePolicy {
  if (costUs < WORTH_KEEPING_US) return { keep: 'not' }
  return costUs >= EXPENSIVE_US
    ? { keep: 'aggressively', ttlMs: LONG_TTL_MS }
    : { keep: 'conservatively', ttlMs: SHORT_TTL_MS }
}
