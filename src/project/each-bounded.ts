/** Runs a job for each item, at most `width` at a time, and stops giving out work at the first failure. */

import type { Failure } from '../base/failure.ts'
import { ok, type Result } from '../base/result.ts'

export async function eachBounded<T>(items: readonly T[], width: number, job: (item: T) => Promise<Result<null, Failure>>): Promise<Result<null, Failure>> {
  let next = 0
  let failed: Result<null, Failure> | undefined
  const lane = async (): Promise<void> => {
    while (next < items.length && failed === undefined) {
      const item = items[next++] as T
      const outcome = await job(item)
      if (!outcome.ok) failed ??= outcome
    }
  }
  await Promise.all(Array.from({ length: Math.max(1, Math.min(width, items.length)) }, lane))
  return failed ?? ok(null)
}
