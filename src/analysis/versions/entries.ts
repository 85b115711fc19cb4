/**
 * From matched forests to the entries of a version map: as few as say where each node is. A subtree whose nodes all went
 * along, each at its old path, is one entry, and none at all for a root that kept its id.
 */

import type { VersionMapEntry } from '../../model/version-map.ts'
import { childrenOf, type Forest } from './forest.ts'
import type { Matching } from './match-nodes.ts'

export function entriesOf(matching: Matching): VersionMapEntry[] {
  const { old, now } = matching
  const kept = keptSubtrees(matching)
  const lost = freeSubtrees(old)
  const come = freeSubtrees(now)
  const entries: VersionMapEntry[] = []
  for (let a = 0; a < old.ids.length; ) {
    const b = old.partners[a] as number
    const id = old.ids[a] as string
    const whole = b < 0 ? lost[a] : kept[a]
    const isUnchangedRoot = whole === 1 && old.parents[a] === -1 && now.ids[b] === id
    if (!isUnchangedRoot) entries.push({ old: id, new: b < 0 ? null : (now.ids[b] as string), covers: whole === 1 ? 'subtree' : 'node' })
    a = whole === 1 ? (old.after[a] as number) : a + 1
  }
  for (let b = 0; b < now.ids.length; ) {
    if ((now.partners[b] as number) < 0) entries.push({ old: null, new: now.ids[b] as string, covers: come[b] === 1 ? 'subtree' : 'node' })
    b = come[b] === 1 ? (now.after[b] as number) : b + 1
  }
  return entries
}

/** 1 for each node that is matched, and all below it at the same paths; nothing else is below its partner. */
function keptSubtrees({ old, now }: Matching): Uint8Array {
  const kept = new Uint8Array(old.ids.length)
  for (let a = old.ids.length - 1; a >= 0; a--) {
    const b = old.partners[a] as number
    if (b < 0 || old.after[a] as number - a !== (now.after[b] as number) - b) continue
    let all = 1
    for (const child of childrenOf(old, a)) {
      const other = old.partners[child] as number
      if (kept[child] !== 1 || now.parents[other] !== b || now.steps[other] !== old.steps[child]) all = 0
    }
    kept[a] = all
  }
  return kept
}

/** 1 for each node without a partner whose whole subtree has none. */
function freeSubtrees(forest: Forest): Uint8Array {
  const free = new Uint8Array(forest.ids.length)
  for (let node = forest.ids.length - 1; node >= 0; node--) {
    let all = (forest.partners[node] as number) < 0 ? 1 : 0
    for (const child of childrenOf(forest, node)) if (free[child] !== 1) all = 0
    free[node] = all
  }
  return free
}
