/**
 * Times as a block has them: ns after its base, as doubles. Those of nodes whose clock is within 52 days of the base are exact. A clock that is
 * further off is a wrong one, and its times are rounded down to whole grains, counted from 1970, which doubles hold exactly for 290 years; so they
 * keep their order, and say the same in every block. Otherwise two nodes that disagree would begin a block with each batch.
 *
 * The base follows the clock that most events of the block before were told by, so that the others are the rounded ones.
 */

import type { Batch } from './batch.ts'

/** ns; the base of a block is a multiple of it. */
export const GRAIN_NS = 1024
const GRAIN_BITS = 10n
const NEAR_NS = 1n << 52n

/** `base`: ns since 1970 of the block that is open, or was. The others are of its rows: how many are near it and far, and where the last far ones were. */
export type BlockClock = { base: bigint; near: number; far: number; farNs: bigint }

/** Whether times that count from there are exact when they count from the block's base. */
export function isNear(ns: bigint): boolean {
  return ns < NEAR_NS && ns > -NEAR_NS
}

/** The base of a block that begins with a batch of this time. */
export function beginClock(clock: BlockClock, t0Ns: bigint): void {
  const { base, near, far, farNs } = clock
  const kept = far > near ? farNs : near > 0 && !isNear(t0Ns - base) ? base : t0Ns
  clock.base = (kept >> GRAIN_BITS) << GRAIN_BITS
  clock.near = 0
  clock.far = 0
}

/** Puts the times of a batch behind `from` in the column `ts`. */
export function putTimes(clock: BlockClock, { t0Ns, n, ts }: Batch, column: Float64Array, from: number): void {
  const shift = t0Ns - clock.base
  if (isNear(shift)) {
    clock.near += n
    const ns = Number(shift)
    for (let i = 0; i < n; i++) column[from + i] = (ts[i] ?? 0) + ns
    return
  }
  clock.far += n
  clock.farNs = t0Ns
  const grains = Number(shift >> GRAIN_BITS)
  const rest = Number(BigInt.asUintN(Number(GRAIN_BITS), shift))
  for (let i = 0; i < n; i++) column[from + i] = (grains + Math.floor(((ts[i] ?? 0) + rest) / GRAIN_NS)) * GRAIN_NS
}

/** The same time from a base that is so much earlier (ns, whole grains), rounded down as those of a batch are. */
export function movedTime(at: number, shiftNs: number): number {
  const moved = at + shiftNs
  return Number.isSafeInteger(moved) ? moved : Math.floor(at / GRAIN_NS) * GRAIN_NS + shiftNs
}

/** A time as the column `ts` would have it: where it lies between two grains, the later one. */
export function timeAfter(base: bigint, ns: bigint): number {
  const relative = ns - base
  return isNear(relative / 2n) ? Number(relative) : Number(-((-relative) >> GRAIN_BITS) << GRAIN_BITS)
}
