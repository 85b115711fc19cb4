/**
 * Alignments of two short lists, in order: pairs of indices that rise on both sides. What costs the product of both
 * lengths is paid from a purse of steps; where that is empty, or the lists are long, a cheaper rule finds fewer pairs.
 */

export type Pair = readonly [old: number, now: number]

/** Steps that are left; what an alignment uses is taken off. */
export type Purse = { steps: number }

/** Longest lists, as a product of lengths, that are compared in full. */
const MOST_CELLS = 40_000

/**
 * Pairs of equal numbers. Equal beginnings and ends are paired first; between them the longest common subsequence, or
 * where that costs too much, what is unique on both sides.
 */
export function alignEqual(old: readonly number[], now: readonly number[], purse: Purse): Pair[] {
  let start = 0
  while (start < old.length && start < now.length && old[start] === now[start]) start++
  let tail = 0
  while (tail < old.length - start && tail < now.length - start && old[old.length - 1 - tail] === now[now.length - 1 - tail]) tail++
  const pairs: Pair[] = Array.from({ length: start }, (_, i): Pair => [i, i])
  const nOld = old.length - start - tail
  const nNow = now.length - start - tail
  const inner = nOld === 0 || nNow === 0 ? [] : pay(purse, nOld * nNow)
    ? alignBest(nOld, nNow, (i, j) => (old[start + i] === now[start + j] ? 1 : 0))
    : alignUnique(old.slice(start, start + nOld), now.slice(start, start + nNow))
  for (const [i, j] of inner) pairs.push([start + i, start + j])
  for (let i = tail; i > 0; i--) pairs.push([old.length - i, now.length - i])
  return pairs
}

/** The alignment with the greatest sum of scores; only scores above 0 make pairs. Too long lists: first come, first served. */
export function alignScored(nOld: number, nNow: number, purse: Purse, score: (i: number, j: number) => number): Pair[] {
  if (nOld === 0 || nNow === 0) return []
  if (pay(purse, nOld * nNow * 8)) return alignBest(nOld, nNow, score)
  const pairs: Pair[] = []
  for (let i = 0, j = 0; i < nOld && j < nNow; i++, j++) if (score(i, j) > 0) pairs.push([i, j])
  return pairs
}

function pay(purse: Purse, cost: number): boolean {
  if (cost > MOST_CELLS || cost > purse.steps) return false
  purse.steps -= cost
  return true
}

/** Best sums over the ends of both lists, then a walk that takes what reaches them. */
function alignBest(nOld: number, nNow: number, score: (i: number, j: number) => number): Pair[] {
  const width = nNow + 1
  const best = new Float64Array((nOld + 1) * width)
  const scores = new Float64Array(nOld * nNow)
  for (let i = nOld - 1; i >= 0; i--) {
    for (let j = nNow - 1; j >= 0; j--) {
      const own = score(i, j)
      scores[i * nNow + j] = own
      const skip = Math.max(best[(i + 1) * width + j] as number, best[i * width + j + 1] as number)
      best[i * width + j] = own > 0 ? Math.max(skip, own + (best[(i + 1) * width + j + 1] as number)) : skip
    }
  }
  const pairs: Pair[] = []
  for (let i = 0, j = 0; i < nOld && j < nNow; ) {
    const here = best[i * width + j] as number
    const own = scores[i * nNow + j] as number
    if (own > 0 && here === own + (best[(i + 1) * width + j + 1] as number)) pairs.push([i++, j++])
    else if (here === best[(i + 1) * width + j]) i++
    else j++
  }
  return pairs
}

/** Of the numbers that are unique in both lists, the longest part that is in the same order. */
function alignUnique(old: readonly number[], now: readonly number[]): Pair[] {
  const places = uniquePlaces(now)
  const pairs: Pair[] = []
  for (const [value, i] of uniquePlaces(old)) {
    const j = places.get(value)
    if (j !== undefined) pairs.push([i, j])
  }
  return longestRising(pairs.toSorted((a, b) => a[0] - b[0]))
}

function uniquePlaces(list: readonly number[]): Map<number, number> {
  const places = new Map<number, number>()
  const repeated = new Set<number>()
  list.forEach((value, i) => {
    if (places.has(value)) repeated.add(value)
    places.set(value, i)
  })
  for (const value of repeated) places.delete(value)
  return places
}

/** The longest subsequence whose second numbers rise. */
function longestRising(pairs: readonly Pair[]): Pair[] {
  /** By length less one, the pair that ends the best subsequence of that length. */
  const ends: number[] = []
  const before: number[] = []
  pairs.forEach(([, j], at) => {
    let low = 0
    let high = ends.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((pairs[ends[middle] as number] as Pair)[1] < j) low = middle + 1
      else high = middle
    }
    before[at] = low === 0 ? -1 : (ends[low - 1] as number)
    ends[low] = at
  })
  const rising: Pair[] = []
  for (let at = ends.at(-1) ?? -1; at >= 0; at = before[at] as number) rising.push(pairs[at] as Pair)
  return rising.toReversed()
}
