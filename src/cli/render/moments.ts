/** Nanoseconds as people read them: moments in UTC and spans of time. Pure. */

import { formatDuration } from './text.ts'

export type Ns = number | bigint

const DAY = 10

/** `2026-11-21T08:57:11.123456Z` */
export function isoOf(ns: Ns): string {
  const { seconds, fraction } = partsOf(ns)
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}.${fraction.slice(0, 6)}Z`
}

/** With every digit, to be given back. */
export function exactIsoOf(ns: Ns): string {
  return `${isoOf(ns).slice(0, 20)}${partsOf(ns).fraction}Z`
}

/** The time of day, with its date where not all of `among` lie on the day of `nowMs`. */
export function clockOf(ns: Ns, among: readonly Ns[], nowMs: number): string {
  const today = new Date(nowMs).toISOString().slice(0, DAY)
  const iso = isoOf(ns)
  return among.every((one) => isoOf(one).startsWith(today)) ? iso.slice(DAY + 1, -1) : iso.slice(0, -1).replace('T', ' ')
}

/** To the second. */
export function momentOf(ns: Ns): string {
  return isoOf(ns).slice(0, 19).replace('T', ' ')
}

function partsOf(ns: Ns): { readonly seconds: number; readonly fraction: string } {
  const whole = BigInt(ns)
  return { seconds: Number(whole / 1_000_000_000n), fraction: String(whole % 1_000_000_000n).padStart(9, '0') }
}

/** `812 ns`, `12.3 µs`, `4.56 ms`, `1.23 s`, `2 min 3 s` */
export function spanOf(ns: number): string {
  if (ns < 999.5) return `${Math.round(ns)} ns`
  if (ns < 999_500) return `${(ns / 1e3).toPrecision(3)} µs`
  if (ns < 999_500_000) return `${(ns / 1e6).toPrecision(3)} ms`
  if (ns < 59_950_000_000) return `${(ns / 1e9).toPrecision(3)} s`
  return formatDuration(ns / 1e6)
}

export function percentOf(part: number, whole: number): string {
  return whole === 0 ? '0 %' : shareOf(part / whole)
}

/** What is not nothing is never said to be, and what is not all neither. */
function shareOf(share: number): string {
  if (share > 0 && share < 0.001) return 'less than 0.1 %'
  if (share < 1 && share > 0.999) return 'more than 99.9 %'
  return `${Number((share * 100).toFixed(1))} %`
}
