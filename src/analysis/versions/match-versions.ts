/**
 * The version map between two versions of some files: usually one file before and after an edit; several where code may
 * have moved between them. The files' trees alone decide; a root that reads the same under the same name costs a
 * comparison of bytes, so that the work is that of the change.
 * Deliberately absent: where versions are kept.
 */

import type { NodeId } from '../../model/node-id.ts'
import { readVersionMap, type VersionMap, type VersionMapEntry } from '../../model/version-map.ts'
import type { NodeIndex } from '../node-ids.ts'
import type { Purse } from './align.ts'
import { makeForest, plant, type Numbers } from './forest.ts'
import { matchAcrossRoots, matchRoots, type Matching } from './match-nodes.ts'
import { ALIKE, isTelling, pairAlike, pairLike, pairModules, RENAMED, type Item } from './pair-roots.ts'
import { entriesOf } from './entries.ts'
import { readSide, sameText, type SideFunction, type SideModule, type SideRoot } from './sides.ts'

/** Steps that matching nodes may take; a file of 2,000 lines of which all changed takes less than a tenth. */
export const VERSION_STEPS = 20_000_000

/** The map from `olds` to `nows`. With fewer `steps` than it takes, more is broken and new than needs be. */
export function matchVersions(olds: readonly NodeIndex[], nows: readonly NodeIndex[], steps: number = VERSION_STEPS): VersionMap {
  const pairing: Pairing = { numbers: new Map(), entries: [], roots: [], ...emptyMatching({ steps }) }
  const before = readSide(olds)
  const after = readSide(nows)
  const gone = new Set(before.flatMap((module) => [...module.functions.values()]))
  const come = new Set(after.flatMap((module) => [...module.functions.values()]))
  const functions: (readonly [SideFunction, SideFunction])[] = []
  const pairs = pairModules(before, after)
  for (const [old, now] of pairs) {
    for (const fn of old.functions.values()) {
      const same = now.functions.get(fn.key)
      if (same === undefined) continue
      functions.push([fn, same])
      gone.delete(fn)
      come.delete(same)
    }
  }
  for (const [old, now] of functions) pairClauses(pairing, old, now)
  pairOthers(pairing, before, after, pairs)
  pairRenamed(pairing, [...gone], [...come])
  for (const [old, now] of functions) if (old.id !== now.id) pairing.entries.push({ old: old.id, new: now.id, covers: 'node' })
  for (const [old, now] of pairing.roots) matchRoots(pairing, old, now)
  matchAcrossRoots(pairing)
  return [...pairing.entries, ...entriesOf(pairing)]
}

type Pairing = Matching & {
  readonly numbers: Numbers
  readonly entries: VersionMapEntry[]
  /** Roots that belong together, by their places in the forests. */
  readonly roots: (readonly [old: number, now: number])[]
}

const emptyMatching = (purse: Purse): Matching => ({ old: makeForest(), now: makeForest(), purse })

/** What reads the same needs no matching: below, everything is at the same path. */
function settle(pairing: Pairing, old: SideRoot, now: SideRoot): void {
  if (old.id !== now.id) pairing.entries.push({ old: old.id, new: now.id, covers: 'subtree' })
}

function pairClauses(pairing: Pairing, old: SideFunction, now: SideFunction): void {
  const olds = new Set(old.clauses)
  const nows = new Set(now.clauses)
  old.clauses.forEach((clause, at) => {
    const same = now.clauses[at]
    if (same === undefined || !sameText(clause, same)) return
    settle(pairing, clause, same)
    olds.delete(clause)
    nows.delete(same)
  })
  const plantAll = (forest: Matching['old'], clauses: Set<SideRoot>): Item[] => Array.from(clauses, (clause) => ({ name: clause.id, roots: [plant(forest, pairing.numbers, clause)] }))
  pairItems(pairing, plantAll(pairing.old, olds), plantAll(pairing.now, nows))
}

/** Pairs clauses of functions that belong together, each given as an item with one root. */
function pairItems(pairing: Pairing, olds: readonly Item[], nows: readonly Item[]): void {
  let pairs: (readonly [Item, Item])[] = []
  const left = (): readonly [Item[], Item[]] => {
    const taken = new Set(pairs.flat())
    return [olds.filter((item) => !taken.has(item)), nows.filter((item) => !taken.has(item))]
  }
  if (olds.length > 1 || nows.length > 1) {
    pairs = pairAlike(pairing.old, pairing.now, olds, nows, 'clauses')
    pairs = pairs.concat(pairLike(pairing.old, pairing.now, ...left(), ALIKE))
  }
  const [restOld, restNow] = left()
  if (restOld.length === restNow.length) restOld.forEach((item, i) => pairs.push([item, restNow[i] as Item]))
  for (const [old, now] of pairs) pairing.roots.push([old.roots[0] as number, now.roots[0] as number])
}

/** Bodies and heads: those of paired modules that say the same name, and the rest to be broken or new. */
function pairOthers(pairing: Pairing, before: readonly SideModule[], after: readonly SideModule[], pairs: readonly (readonly [SideModule, SideModule])[]): void {
  const settled = new Set<SideRoot>()
  for (const [old, now] of pairs) {
    for (const [rest, root] of old.others) {
      const same = now.others.get(rest)
      if (same === undefined) continue
      settled.add(root).add(same)
      if (sameText(root, same)) settle(pairing, root, same)
      else pairing.roots.push([plant(pairing.old, pairing.numbers, root), plant(pairing.now, pairing.numbers, same)])
    }
  }
  for (const module of before) for (const root of module.others.values()) if (!settled.has(root)) plant(pairing.old, pairing.numbers, root)
  for (const module of after) for (const root of module.others.values()) if (!settled.has(root)) plant(pairing.now, pairing.numbers, root)
}

type FunctionItem = Item & { readonly fn: SideFunction }

/** Functions without one of their name on the other side: renamed, moved, gone or new. */
function pairRenamed(pairing: Pairing, gone: readonly SideFunction[], come: readonly SideFunction[]): void {
  const itemOf = (forest: Matching['old'], fn: SideFunction): FunctionItem => ({
    fn, name: fn.key.slice(0, fn.key.lastIndexOf('/')), roots: fn.clauses.map((clause) => plant(forest, pairing.numbers, clause)),
  })
  const olds = gone.map((fn) => itemOf(pairing.old, fn))
  const nows = come.map((fn) => itemOf(pairing.now, fn))
  const same = pairAlike(pairing.old, pairing.now, olds, nows, 'functions')
  const alike = new Set(same.flat())
  const telling = (forest: Matching['old'], items: readonly FunctionItem[]) => items.filter((item) => !alike.has(item) && isTelling(forest, item))
  const like = pairLike(pairing.old, pairing.now, telling(pairing.old, olds), telling(pairing.now, nows), RENAMED)
  const pairs = [...same, ...like]
  for (const [old, now] of pairs) {
    pairing.entries.push({ old: old.fn.id, new: now.fn.id, covers: 'node' })
    const clausesOf = ({ fn, roots }: FunctionItem): Item[] => roots.map((root, at) => ({ name: fn.clauses[at]?.id ?? '', roots: [root] }))
    pairItems(pairing, clausesOf(old), clausesOf(now))
  }
  const taken = new Set(pairs.flat())
  for (const item of olds) if (!taken.has(item)) pairing.entries.push({ old: item.fn.id, new: null, covers: 'node' })
  for (const item of nows) if (!taken.has(item)) pairing.entries.push({ old: null, new: item.fn.id, covers: 'node' })
}

export type Partition = {
  readonly broken: readonly NodeId[]
  readonly new: readonly NodeId[]
  /** Old and new id of what is in both. */
  readonly maintained: readonly (readonly [old: NodeId, now: NodeId])[]
}

/** All ids of both versions, parted by their map. */
export function partition(olds: readonly NodeIndex[], nows: readonly NodeIndex[], map: VersionMap): Partition {
  const { forward, back } = readVersionMap(map)
  const broken: NodeId[] = []
  const maintained: (readonly [NodeId, NodeId])[] = []
  for (const id of allIds(olds)) {
    const now = forward(id)
    if (now === undefined) broken.push(id)
    else maintained.push([id, now])
  }
  return { broken, new: allIds(nows).filter((id) => back(id) === undefined), maintained }
}

/** Every id of some files: functions, and all nodes with an id of their own. */
export function allIds(indexes: readonly NodeIndex[]): NodeId[] {
  const forest = makeForest()
  const numbers: Numbers = new Map()
  const functions: NodeId[] = []
  for (const module of readSide(indexes)) {
    for (const root of module.others.values()) plant(forest, numbers, root)
    for (const fn of module.functions.values()) {
      functions.push(fn.id)
      for (const clause of fn.clauses) plant(forest, numbers, clause)
    }
  }
  return functions.concat(forest.ids)
}
