/**
 * A cache budget and the named views on it: each service keeps its own keys and statistics, and all share one number of
 * bytes, so that a busy service may use what an idle one does not.
 *
 * Invariant: an answer is never stale. Every value belongs to an epoch and is found only under that epoch; time to live,
 * cost and size decide what is worth keeping, never what is true. Values that cannot change (a tree under the hash of its
 * source) are kept under TIMELESS. At ratio 0 the cache is off: nothing is kept, every lookup is a miss.
 */

import { assert } from '../base/assert.ts'
import { createTiers, TIERS } from './tiers.ts'
import type { Entry, EvictionReason, Tier, Tiers, TierStats } from './tiers.ts'

/** The epoch of values that no change can make wrong. */
export const TIMELESS = 0
/** What an entry costs besides its value: maps, lists, the entry itself. */
export const ENTRY_OVERHEAD_BYTES = 320

export type ViewOptions<V> = {
  /** Bytes that a value holds; an estimate is enough. */
  readonly sizeOf: (value: V) => number
  /** Default time to live; 0 or absent: none. */
  readonly ttlMs?: number
}

export type ViewStats = {
  readonly entries: number
  readonly bytes: number
  readonly hits: number
  /** The same, by the tier that the value was found in. */
  readonly hitsIn: Readonly<Record<Tier, number>>
  readonly misses: number
  /** Misses that found a value of another epoch. */
  readonly stale: number
  readonly evictions: Readonly<Partial<Record<EvictionReason, number>>>
}

export type CacheView<V> = {
  find(epoch: number, key: string): V | undefined
  /** False when it was not kept: too large, cache off, or a later epoch is kept already. */
  keep(epoch: number, key: string, value: V, more?: { readonly ttlMs?: number; readonly tier?: Tier; readonly hits?: number }): boolean
  forget(key: string): void
  stats(): ViewStats
}

export type CacheStats = {
  readonly bytes: number
  readonly maxBytes: number
  readonly ratio: number
  readonly tiers: Readonly<Record<Tier, TierStats>>
  readonly views: Readonly<Record<string, ViewStats>>
}

export type HotKey = { readonly view: string; readonly key: string; readonly tier: Tier; readonly hits: number }

export type Cache = {
  /** A view of that name, once. */
  view<V>(name: string, options: ViewOptions<V>): CacheView<V>
  /** `ratio` is the share of the budget that may be used, 0 to 1. */
  resize(ratio: number): void
  purgeExpired(): void
  clear(): void
  /** The `n` most valuable keys, the most valuable first. */
  hottest(n: number): HotKey[]
  stats(): CacheStats
}

type View = {
  readonly index: Map<string, Entry>
  readonly evictions: Map<EvictionReason, number>
  bytes: number
  readonly hitsIn: Record<Tier, number>
  misses: number
  stale: number
}

type Shared = { readonly tiers: Tiers; readonly nowMs: () => number; ratio: number }

export function createCache({ maxBytes, nowMs }: { readonly maxBytes: number; readonly nowMs: () => number }): Cache {
  const views = new Map<string, View>()
  const onGone = (entry: Entry, why: EvictionReason): void => {
    const view = views.get(entry.view)
    if (view === undefined) return
    if (view.index.get(entry.key) === entry) view.index.delete(entry.key)
    view.bytes -= entry.bytes
    count(view, why)
  }
  const shared: Shared = { tiers: createTiers({ maxBytes, nowMs, onGone }), nowMs, ratio: 1 }
  return {
    view(name, options) {
      assert(!views.has(name), `one cache view named ${name}`)
      const view: View = { index: new Map(), evictions: new Map(), bytes: 0, hitsIn: { l1: 0, l2: 0, l3: 0 }, misses: 0, stale: 0 }
      views.set(name, view)
      return createView(shared, name, view, options)
    },
    resize(ratio) {
      shared.ratio = ratio
      shared.tiers.resize(ratio)
    },
    purgeExpired: () => shared.tiers.purgeExpired(),
    clear: () => shared.tiers.clear(),
    hottest: (n) => shared.tiers.byValue().slice(0, n).map(({ view, key, tier, hits }) => ({ view, key, tier, hits })),
    stats: () => ({
      bytes: shared.tiers.bytes(), maxBytes, ratio: shared.ratio, tiers: shared.tiers.stats(),
      views: Object.fromEntries([...views].map(([name, view]) => [name, statsOf(view)])),
    }),
  }
}

function createView<V>({ tiers, nowMs }: Shared, name: string, view: View, { sizeOf, ttlMs: defaultTtlMs = 0 }: ViewOptions<V>): CacheView<V> {
  return {
    find(epoch, key) {
      const entry = view.index.get(key)
      if (entry !== undefined && entry.epoch === epoch) {
        const { tier } = entry
        if (tiers.hit(entry)) {
          view.hitsIn[tier] += 1
          return entry.value as V
        }
      }
      view.misses += 1
      if (entry !== undefined && entry.epoch !== epoch) {
        view.stale += 1
        // A reader of an older snapshot must not take the value from those of the newer one.
        if (entry.epoch < epoch) tiers.remove(entry, 'epoch')
      }
      return undefined
    },
    keep(epoch, key, value, { ttlMs = defaultTtlMs, tier = 'l3', hits = 0 } = {}) {
      const old = view.index.get(key)
      if (old !== undefined && old.epoch > epoch) return false
      if (old !== undefined) tiers.remove(old, 'replaced')
      const bytes = Math.max(1, Math.ceil(sizeOf(value))) + ENTRY_OVERHEAD_BYTES + 2 * key.length
      const entry: Entry = { view: name, key, value, epoch, bytes, ttlMs, storedMs: nowMs(), hits, tier }
      view.index.set(key, entry)
      view.bytes += bytes
      if (tiers.insert(entry, tier)) return view.index.get(key) === entry
      view.index.delete(key)
      view.bytes -= bytes
      count(view, 'too_large')
      return false
    },
    forget(key) {
      const entry = view.index.get(key)
      if (entry !== undefined) tiers.remove(entry, 'cleared')
    },
    stats: () => statsOf(view),
  }
}

/** Hits over lookups, 0 to 1; undefined before the first lookup. */
export function hitRate({ hits, misses }: Pick<ViewStats, 'hits' | 'misses'>): number | undefined {
  return hits + misses === 0 ? undefined : hits / (hits + misses)
}

export function isTier(value: unknown): value is Tier {
  return (TIERS as readonly unknown[]).includes(value)
}

function count(view: View, why: EvictionReason): void {
  view.evictions.set(why, (view.evictions.get(why) ?? 0) + 1)
}

function statsOf({ index, bytes, hitsIn, misses, stale, evictions }: View): ViewStats {
  return { entries: index.size, bytes, hits: hitsIn.l1 + hitsIn.l2 + hitsIn.l3, hitsIn: { ...hitsIn }, misses, stale, evictions: Object.fromEntries(evictions) }
}
