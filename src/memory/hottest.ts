/**
 * What was hottest, saved and loaded again after a restart: keys alone, never values, because values follow from the store
 * and the store may have moved on. The text is one JSON document with a version. Damage is no failure: a cache that starts
 * cold is only slower, so whatever cannot be read is left out and said.
 */

import { isTier } from './cache.ts'
import type { HotKey } from './cache.ts'

const VERSION = 1
/** Keys saved at most. */
export const N_HOTTEST = 500

export function encodeHottest(keys: readonly HotKey[]): string {
  return JSON.stringify({ version: VERSION, keys: keys.map(({ view, key, tier, hits }) => [view, key, tier, hits]) })
}

/** `problem` is set when the text, or part of it, could not be read. */
export function decodeHottest(text: string): { readonly keys: readonly HotKey[]; readonly problem?: string } {
  const saved = parseJson(text)
  if (typeof saved !== 'object' || saved === null) return { keys: [], problem: 'the saved cache keys are no JSON object' }
  const { version, keys } = saved as { readonly version?: unknown; readonly keys?: unknown }
  if (version !== VERSION || !Array.isArray(keys)) return { keys: [], problem: `the saved cache keys are of version ${String(version)}, not ${VERSION}` }
  const read = keys.flatMap((each: unknown) => hotKeyOf(each) ?? [])
  const nLost = keys.length - read.length
  return nLost === 0 ? { keys: read } : { keys: read, problem: `${nLost} of ${keys.length} saved cache keys cannot be read` }
}

function hotKeyOf(value: unknown): HotKey | undefined {
  if (!Array.isArray(value)) return undefined
  const [view, key, tier, hits] = value as readonly unknown[]
  const isSound = typeof view === 'string' && typeof key === 'string' && isTier(tier) && Number.isSafeInteger(hits) && Number(hits) >= 0
  return isSound ? { view, key, tier, hits: Number(hits) } : undefined
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
