/**
 * The bins of a sketch, while durations are counted into them: one place for each bin there can be, used for site after site.
 * What the bins are: summary.ts.
 */

/** How many durations fell into each bin; bins rising, none empty. */
export type Sketch = { readonly bins: readonly number[]; readonly counts: readonly number[] }

const BITS = 6
/** Bin 0 is for what took no time; bin 1 begins at 1 ns. */
const FIRST = (1023 << BITS) - 1
const N_BINS = (54 << BITS) + 1

/** Counts by bin while one site is summed up, and the bins between which something was counted. */
export type Bins = { readonly counts: Uint32Array; readonly number: Float64Array; readonly words: Uint32Array; low: number; high: number }

export function openBins(): Bins {
  const number = new Float64Array(1)
  return { counts: new Uint32Array(N_BINS), number, words: new Uint32Array(number.buffer), low: N_BINS, high: 0 }
}

/** `ns` is whole, 0 to 2^53. */
export function countDuration(bins: Bins, ns: number): void {
  bins.number[0] = ns
  addToBin(bins, ns < 1 ? 0 : ((bins.words[1] ?? 0) >>> (20 - BITS)) - FIRST, 1)
}

export function addToBin(bins: Bins, bin: number, n: number): void {
  bins.counts[bin] = (bins.counts[bin] ?? 0) + n
  if (bin < bins.low) bins.low = bin
  if (bin > bins.high) bins.high = bin
}

/** What was counted; then nothing is. */
export function takeSketch(bins: Bins): Sketch {
  const sketch: { bins: number[]; counts: number[] } = { bins: [], counts: [] }
  for (let bin = bins.low; bin <= bins.high; bin++) {
    const counted = bins.counts[bin] ?? 0
    if (counted === 0) continue
    sketch.bins.push(bin)
    sketch.counts.push(counted)
    bins.counts[bin] = 0
  }
  bins.low = N_BINS
  bins.high = 0
  return sketch
}

/** ns in the middle of a bin. */
export function middleOf(bin: number): number {
  if (bin === 0) return 0
  const scale = 1 << BITS
  const power = 2 ** Math.floor((bin - 1) / scale)
  return power * (1 + (((bin - 1) % scale) + 0.5) / scale)
}
