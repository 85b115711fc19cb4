/**
 * One sample of the memory in use, as data that the thread which can see it all hands in, and what follows from it: the
 * bytes that count against the limit, and how fast they grow.
 *
 * What counts is the resident set: heaps, external and shared buffers are inside it and are told apart only for people to
 * read. Database and log are files, and count only where files live in memory.
 */

export type ThreadHeap = {
  readonly thread: string
  readonly usedBytes: number
}

export type MemorySample = {
  readonly rssBytes: number
  readonly heaps: readonly ThreadHeap[]
  readonly externalBytes: number
  readonly sharedBytes: number
  readonly databaseBytes: number
  readonly walBytes: number
  /** `memory` when the directory of the store is one that lives in memory. */
  readonly filesIn: 'disk' | 'memory'
}

/** A point of the recent past. */
export type UsedAt = { readonly atMs: number; readonly usedBytes: number }

export function usedBytesOf({ rssBytes, databaseBytes, walBytes, filesIn }: MemorySample): number {
  return filesIn === 'memory' ? rssBytes + databaseBytes + walBytes : rssBytes
}

/** Least squares over the points, bytes per second; 0 when they say nothing. Robust against one odd sample at an end. */
export function growthBytesPerSecond(points: readonly UsedAt[]): number {
  const meanMs = mean(points.map(({ atMs }) => atMs))
  const meanBytes = mean(points.map(({ usedBytes }) => usedBytes))
  let covariance = 0
  let variance = 0
  for (const { atMs, usedBytes } of points) {
    covariance += (atMs - meanMs) * (usedBytes - meanBytes)
    variance += (atMs - meanMs) ** 2
  }
  return variance === 0 ? 0 : (covariance / variance) * 1000
}

function mean(numbers: readonly number[]): number {
  return numbers.length === 0 ? 0 : numbers.reduce((sum, each) => sum + each, 0) / numbers.length
}
