/**
 * Pseudo-random choices from a seed.
 *
 * Invariant: the same seeds give the same choices; only integer arithmetic decides, `normal` aside.
 * Deliberately absent: Math.random, and any state shared between two generators.
 */

/** A stream of choices. */
export type Random = {
  /** An integer from 0 to n - 1. */
  below(n: number): number
  /** A number from 0 to below 1. */
  unit(): number
  /** One of `items`, which must not be empty. */
  one<T>(items: readonly T[]): T
  /** True with probability `p`. */
  chance(p: number): boolean
}

/** Choices that depend on both seeds (32-bit integers) and on nothing else. */
export function randomFrom(seed: number, stream: number): Random {
  let state = (Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(stream + 0x7f4a7c15, 0xc2b2ae35)) >>> 0
  const unit = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
  const below = (n: number): number => Math.floor(unit() * n)
  const one = <T>(items: readonly T[]): T => {
    const item = items[below(items.length)]
    if (item === undefined) throw new RangeError('nothing to choose from')
    return item
  }
  return { unit, below, one, chance: (p) => unit() < p }
}

/** A normally distributed number of mean 0 and deviation 1. */
export function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random.unit())) * Math.cos(2 * Math.PI * random.unit())
}
