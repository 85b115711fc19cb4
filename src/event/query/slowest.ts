/**
 * The longest duration of each site in a sealed block, so that a search for slow calls looks at the postings of the few
 * sites that had any, and at no row of a block that had none. Found in one pass over the block, and kept.
 */

import { LRUCache } from 'lru-cache'
import { durationOf } from '../block.ts'
import type { BlockView } from './columns.ts'

/** By block number: the longest by site, in ns; -Infinity where no duration is known. */
export type SlowestSites = LRUCache<number, Float64Array>

export function createSlowestSites(maxBytes: number): SlowestSites {
  return new LRUCache<number, Float64Array>({ maxSize: maxBytes, sizeCalculation: (longest) => longest.byteLength + 64 })
}

/** The sites of a sealed block with a duration of at least `minNs`, 0 (rows without a site) among them. */
export function sitesTaking(slowest: SlowestSites, view: BlockView, minNs: number): number[] {
  const longest = slowest.get(view.number) ?? longestOf(view)
  slowest.set(view.number, longest)
  const sites: number[] = []
  for (let site = 0; site < longest.length; site++) if ((longest[site] ?? 0) >= minNs) sites.push(site)
  return sites
}

function longestOf({ block, counts }: BlockView): Float64Array {
  const longest = new Float64Array(counts.sites + 1).fill(-Infinity)
  for (let row = 0; row < counts.rows; row++) {
    const took = durationOf(block.took[row])
    const site = block.site[row] ?? 0
    if (took > (longest[site] ?? 0)) longest[site] = took
  }
  return longest
}
