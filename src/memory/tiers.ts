/**
 * The three tiers of one cache budget, on the LRU lists of `lru-cache`: a segmented LRU. A new entry starts in L3; a hit
 * lifts it one tier; what overflows L1 or L2 sinks one tier; what overflows L3 is gone and the store answers again. So one
 * pass over everything flushes only L3, and what is asked for often stays.
 *
 *     L1 hot    at most half the budget     overflow (least recently used) -> L2
 *     L2 warm   at most three tenths        overflow -> L3
 *     L3 cold   what the others leave       overflow -> out, by size or, when the budget shrinks, by pressure
 *
 * Invariant: the bytes of all tiers together never exceed the budget times the ratio of the pressure level. Time to live
 * counts from the moment an entry was stored and moves with it. Nothing here arms a timer: the clock is handed in.
 */

import { LRUCache } from 'lru-cache'

export const TIERS = ['l1', 'l2', 'l3'] as const
export type Tier = (typeof TIERS)[number]

export type EvictionReason = 'size' | 'ttl' | 'pressure' | 'epoch' | 'replaced' | 'too_large' | 'cleared'

export type Entry = {
  readonly view: string
  readonly key: string
  readonly value: unknown
  readonly epoch: number
  readonly bytes: number
  /** 0: until something else removes it. */
  readonly ttlMs: number
  readonly storedMs: number
  hits: number
  tier: Tier
}

export type TierStats = { readonly entries: number; readonly bytes: number; readonly hits: number; readonly capacityBytes: number }

export type Tiers = {
  /** False when the entry is larger than any single one may be. */
  insert(entry: Entry, at: Tier): boolean
  /** Counts a hit and lifts the entry. False when its time to live was over: then it is gone. */
  hit(entry: Entry): boolean
  remove(entry: Entry, why: EvictionReason): void
  /** `ratio` is the share of the budget that may be used, 0 to 1. */
  resize(ratio: number): void
  purgeExpired(): void
  clear(): void
  /** The most valuable first: by tier, then by hits, then by last use. */
  byValue(): Entry[]
  bytes(): number
  stats(): Readonly<Record<Tier, TierStats>>
}

export type TiersOptions = {
  readonly maxBytes: number
  /** Monotonic milliseconds. */
  readonly nowMs: () => number
  readonly onGone: (entry: Entry, why: EvictionReason) => void
}

const SHARES = { l1: 0.5, l2: 0.3 } as const
/** Nothing may take more than this of the budget, or a single entry would flush a tier. */
const MAX_ENTRY_SHARE = 1 / 8
const LIFTED: Readonly<Record<Tier, Tier>> = { l1: 'l1', l2: 'l1', l3: 'l2' }
const SUNK = { l1: 'l2', l2: 'l3' } as const

export function createTiers({ maxBytes, nowMs, onGone }: TiersOptions): Tiers {
  // The library takes a start of 0 for "no time to live", so its clock never shows 0.
  const now = (): number => nowMs() + 1
  const createList = (): LRUCache<Entry, Entry> => new LRUCache({
    // The tiers overflow by the rules above, so the library itself never has to evict.
    maxSize: Math.max(1, maxBytes) * 2,
    ttlResolution: 0,
    perf: { now },
    dispose: (entry, _key, reason) => {
      if (reason === 'expire') onGone(entry, 'ttl')
    },
  })
  const lists = { l1: createList(), l2: createList(), l3: createList() }
  const hits = { l1: 0, l2: 0, l3: 0 }
  let capacity = maxBytes

  const bytes = (): number => lists.l1.calculatedSize + lists.l2.calculatedSize + lists.l3.calculatedSize
  const capacityOf = (tier: Tier): number => (tier === 'l3'
    ? Math.max(0, capacity - lists.l1.calculatedSize - lists.l2.calculatedSize)
    : Math.floor(capacity * SHARES[tier]))
  const place = (entry: Entry, tier: Tier): void => {
    entry.tier = tier
    lists[tier].set(entry, entry, { size: entry.bytes, ttl: entry.ttlMs, start: entry.storedMs + 1 })
  }
  const overflow = (why: 'size' | 'pressure'): void => {
    for (const tier of TIERS) {
      const list = lists[tier]
      while (list.calculatedSize > capacityOf(tier)) {
        const entry = list.pop()
        if (entry === undefined) break
        if (tier === 'l3') onGone(entry, why)
        else place(sink(entry), SUNK[tier])
      }
    }
  }
  return {
    insert(entry, at) {
      if (entry.bytes > capacity * MAX_ENTRY_SHARE) return false
      place(entry, at)
      overflow('size')
      return true
    },
    hit(entry) {
      const { tier } = entry
      if (lists[tier].get(entry) === undefined) return false
      hits[tier] += 1
      entry.hits += 1
      if (LIFTED[tier] !== tier) {
        lists[tier].delete(entry)
        place(entry, LIFTED[tier])
        overflow('size')
      }
      return true
    },
    remove(entry, why) {
      if (lists[entry.tier].delete(entry)) onGone(entry, why)
    },
    resize(ratio) {
      capacity = Math.floor(maxBytes * ratio)
      overflow('pressure')
    },
    purgeExpired() {
      for (const tier of TIERS) lists[tier].purgeStale()
    },
    clear() {
      // Iterating would pass over what has expired and nobody has noticed yet.
      for (const tier of TIERS) {
        for (let entry = lists[tier].pop(); entry !== undefined; entry = lists[tier].pop()) onGone(entry, 'cleared')
      }
    },
    byValue: () => TIERS.flatMap((tier) => [...lists[tier].keys()].sort((a, b) => b.hits - a.hits)),
    bytes,
    stats() {
      const statsOf = (tier: Tier): TierStats =>
        ({ entries: lists[tier].size, bytes: lists[tier].calculatedSize, hits: hits[tier], capacityBytes: capacityOf(tier) })
      return { l1: statsOf('l1'), l2: statsOf('l2'), l3: statsOf('l3') }
    },
  }
}

/** Old fame fades: what sinks keeps half of its hits. */
function sink(entry: Entry): Entry {
  entry.hits >>= 1
  return entry
}
