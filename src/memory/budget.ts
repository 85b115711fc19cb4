/**
 * How much memory the daemon may use. One limit, `memory.maxBytes`; caches are a share of it. Unless configured, it is the
 * smaller of 2 GiB and 60 % of what the container or the machine allows.
 *
 * Everything is a function of readings (`readings.ts` collects them). A limit that nobody set shows as `max`, as a number
 * beyond the machine, or as no file at all; each of these counts as no limit.
 */

import type { Config } from '../../config/schema.ts'

export type MemoryReadings = {
  /** Memory of the machine, bytes. */
  readonly totalBytes: number
  /** Texts of the limit files of the own control group and those above it, version 1 or 2, as read. */
  readonly groupLimits: readonly string[]
}

export type MemoryBudget = {
  readonly maxBytes: number
  readonly cacheBytes: number
  /** What the container or machine allows. */
  readonly allowedBytes: number
  readonly source: 'configured' | 'container' | 'machine' | 'ceiling'
  readonly problems: readonly string[]
}

const GIB = 2 ** 30
export const CEILING_BYTES = 2 * GIB
export const ALLOWED_SHARE = 0.6
/** Daemon and heart take about this with an empty repository; under a smaller limit pressure never ends. */
export const SMALLEST_USEFUL_BYTES = 256 * 2 ** 20

/** A configured limit wins, even over what the container allows: then a problem says so. */
export function memoryBudget(readings: MemoryReadings, config: Pick<Config['memory'], 'maxBytes' | 'cachePercent'>): MemoryBudget {
  const allowedBytes = allowedBytesOf(readings)
  const { maxBytes, source } = limitOf(readings, allowedBytes, config.maxBytes)
  return { maxBytes, cacheBytes: Math.floor((maxBytes * config.cachePercent) / 100), allowedBytes, source, problems: problemsOf(maxBytes, allowedBytes) }
}

/** The smallest limit that anything sets, at most the machine's memory. */
export function allowedBytesOf({ totalBytes, groupLimits }: MemoryReadings): number {
  return groupLimits.reduce((smallest, text) => Math.min(smallest, parseLimit(text) ?? Infinity), totalBytes)
}

function limitOf({ totalBytes }: MemoryReadings, allowedBytes: number, configuredBytes: number | null): Pick<MemoryBudget, 'maxBytes' | 'source'> {
  if (configuredBytes !== null) return { maxBytes: configuredBytes, source: 'configured' }
  const share = Math.floor(allowedBytes * ALLOWED_SHARE)
  if (share >= CEILING_BYTES) return { maxBytes: CEILING_BYTES, source: 'ceiling' }
  return { maxBytes: share, source: allowedBytes < totalBytes ? 'container' : 'machine' }
}

/** Bytes; undefined for `max`, for nonsense and for zero, which no running process can have as its limit. */
function parseLimit(text: string): number | undefined {
  const trimmed = text.trim()
  if (!/^[0-9]+$/.test(trimmed)) return undefined
  const bytes = Number(trimmed)
  return bytes > 0 ? bytes : undefined
}

function problemsOf(maxBytes: number, allowedBytes: number): string[] {
  const problems: string[] = []
  if (maxBytes < SMALLEST_USEFUL_BYTES) {
    problems.push(`memory.maxBytes is ${maxBytes}; under ${SMALLEST_USEFUL_BYTES} the daemon is under pressure with nothing loaded`)
  }
  if (maxBytes > allowedBytes) {
    problems.push(`memory.maxBytes is ${maxBytes}, but no more than ${allowedBytes} bytes are allowed here: the system may end the daemon first`)
  }
  return problems
}
