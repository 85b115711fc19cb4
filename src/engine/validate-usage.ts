/**
 * The memory specification of the repository as a live check over statistics: total against the limit, correlations and
 * indexes as shares of the total, and the bytes per module and per correlation against their maxima. All violations are
 * reported, not only the first; an empty repository violates nothing.
 */

export type ModuleSize = 'small' | 'medium' | 'large'

export type UsageStatistics = {
  /** Memory in use, which the limit bounds. */
  readonly usedBytes: number
  /** All that the repository holds, wherever it lies; the shares are of this. */
  readonly repositoryBytes: number
  readonly correlationBytes: number
  readonly indexBytes: number
  readonly correlationCount: number
  /** Index bytes that serve correlations alone. */
  readonly correlationIndexBytes: number
  /** Modules of each size class and the bytes they take together; see `sizeClassOf`. */
  readonly modules: Readonly<Record<ModuleSize, { readonly count: number; readonly bytes: number }>>
}

export type UsageViolation = { readonly what: string; readonly actual: number; readonly limit: number; readonly message: string }

export type UsageCheck = { readonly status: 'ok' | 'violated'; readonly violations: readonly UsageViolation[] }

export const CORRELATION_SHARE = 0.3
export const INDEX_SHARE = 0.2
/** Maximum bytes of one, on average over all there are. */
export const MAX_BYTES_PER = { small: 100_000, medium: 500_000, large: 5_000_000, correlation: 5000, correlationIndex: 500 } as const

/** By lines of code: below 500, up to 2,000, above. */
export function sizeClassOf(linesOfCode: number): ModuleSize {
  if (linesOfCode < 500) return 'small'
  return linesOfCode <= 2000 ? 'medium' : 'large'
}

export function validateMemoryUsage(statistics: UsageStatistics, maxBytes: number): UsageCheck {
  const { usedBytes, repositoryBytes, correlationBytes, indexBytes, correlationCount, correlationIndexBytes, modules } = statistics
  const violations = [
    ...over('total', usedBytes, maxBytes, (actual, limit) => `Total repository memory (${formatBytes(actual)}) exceeds limit (${formatBytes(limit)})`),
    ...over('correlation_share', ratio(correlationBytes, repositoryBytes), CORRELATION_SHARE, shares('Correlation data')),
    ...over('index_share', ratio(indexBytes, repositoryBytes), INDEX_SHARE, shares('Index overhead')),
    ...(['small', 'medium', 'large'] as const).flatMap((size) =>
      over(`${size}_module`, ratio(modules[size].bytes, modules[size].count), MAX_BYTES_PER[size], each(`A ${size} module`))),
    ...over('correlation', ratio(correlationBytes, correlationCount), MAX_BYTES_PER.correlation, each('A correlation')),
    ...over('correlation_index', ratio(correlationIndexBytes, correlationCount), MAX_BYTES_PER.correlationIndex, each('The index of a correlation')),
  ]
  return { status: violations.length === 0 ? 'ok' : 'violated', violations }
}

/** Decimal units, as the specification counts. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB']
  let value = bytes
  let at = 0
  while (value >= 1000 && at < units.length - 1) {
    value /= 1000
    at += 1
  }
  return `${Number.isInteger(value) ? value : value.toFixed(1)} ${units[at]}`
}

type Phrase = (actual: number, limit: number) => string

function over(what: string, actual: number, limit: number, phrase: Phrase): UsageViolation[] {
  return actual > limit ? [{ what, actual, limit, message: phrase(actual, limit) }] : []
}

const shares = (what: string): Phrase => (actual, limit) => `${what} (${(actual * 100).toFixed(1)} %) exceeds limit (${limit * 100} %)`
const each = (what: string): Phrase => (actual, limit) => `${what} takes ${formatBytes(actual)} on average, which exceeds ${formatBytes(limit)}`

function ratio(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole
}
