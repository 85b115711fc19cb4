/**
 * Moments and spans of time as users write them: ISO 8601, a time of today as the tables show it, nanoseconds since 1970 as JSON shows
 * them, or how long ago (`5m`, `5m ago`). What names no zone is UTC, as everything that is printed. Pure.
 */

import { failure, type Failure } from '../base/failure.ts'
import { fail, ok, type Result } from '../base/result.ts'

const UNITS: Readonly<Record<string, number>> = { ns: 1e-6, us: 1e-3, 'µs': 1e-3, ms: 1, s: 1000, m: 60_000, min: 60_000, h: 3_600_000, d: 86_400_000 }
const SPAN = /^(\d+(?:\.\d+)?) ?(ns|us|µs|ms|s|min|m|h|d)$/
const DATE = /^\d{4}-\d\d-\d\d$/
const DATE_TIME = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d)(:\d\d(?:\.\d+)?)?(Z|[+-]\d\d:\d\d)?$/
const CLOCK = /^\d\d:\d\d(?::\d\d(?:\.\d+)?)?$/

/** `10s` → 10000; undefined where it is none. */
export function readSpanMs(text: string): number | undefined {
  const [, count = '', unit = ''] = SPAN.exec(text.trim()) ?? []
  const factor = UNITS[unit]
  return factor === undefined ? undefined : Number(count) * factor
}

/** As the daemon takes it. */
export function readMoment(text: string, nowMs: number): Result<string | bigint, Failure> {
  const written = text.trim()
  const span = readSpanMs(written.replace(/\s*ago$/, ''))
  if (span !== undefined) return ok(new Date(Math.max(0, nowMs - span)).toISOString())
  if (/^\d{16,19}$/.test(written)) return ok(BigInt(written))
  const iso = isoOf(written, nowMs)
  if (iso !== undefined && !Number.isNaN(Date.parse(iso))) return ok(iso)
  return fail(failure('invalid_argument', `${JSON.stringify(text)} is no time`, {
    hint: 'write e.g. 5m (ago), 08:57:11 (today, UTC), 2026-11-21T08:57:11Z, or nanoseconds since 1970',
  }))
}

function isoOf(text: string, nowMs: number): string | undefined {
  if (DATE.test(text)) return `${text}T00:00:00Z`
  if (CLOCK.test(text)) return isoOf(`${new Date(nowMs).toISOString().slice(0, 10)}T${text}`, nowMs)
  const [whole, date = '', time = '', seconds = ':00', zone = 'Z'] = DATE_TIME.exec(text) ?? []
  return whole === undefined ? undefined : `${date}T${time}${seconds}${zone}`
}

export type WindowFlags = { readonly since?: string | undefined; readonly until?: string | undefined }
export type Window = { readonly since?: string | bigint; readonly until?: string | bigint }

export function readWindow({ since, until }: WindowFlags, nowMs: number): Result<Window, Failure> {
  const from = since === undefined ? undefined : readMoment(since, nowMs)
  if (from?.ok === false) return from
  const to = until === undefined ? undefined : readMoment(until, nowMs)
  if (to?.ok === false) return to
  return ok({ ...(from === undefined ? {} : { since: from.value }), ...(to === undefined ? {} : { until: to.value }) })
}
