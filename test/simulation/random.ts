/**
 * Chance from a seed: the same seed gives the same numbers on every machine. One stream serves a whole world, so that every
 * choice in it depends on the seed and on nothing else.
 */

export type Random = {
  /** 0 to 1, 1 excluded. */
  unit(): number
  /** 0 to `n` - 1. */
  below(n: number): number
  chance(probability: number): boolean
  pick<T>(items: readonly T[]): T
}

/** Mulberry32: 32 bits of state, good enough to choose by and fast. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0
  const unit = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (n: number): number => Math.floor(unit() * n)
  return { unit, below, chance: (probability) => unit() < probability, pick: (items) => items[below(items.length)] as never }
}
