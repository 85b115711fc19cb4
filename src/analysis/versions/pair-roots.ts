/**
 * Which module, function and clause of the old version is which of the new: by name first, then by what is written there.
 *
 * - Modules: of one name; else the one with most functions in common, by name and arity (at least `KINSHIP`); else, within
 *   modules that were paired so, the one of the same further name.
 * - Functions of paired modules: of one name and arity. Others, of whichever module: those that read alike but for the
 *   name, then those that have most in common (at least `RENAMED`).
 * - Clauses of paired functions: those that read alike, then those that have most in common (at least `ALIKE`), then, if
 *   as many are left on both sides, in order.
 *
 * Deliberately absent: nodes below the roots (match-nodes.ts).
 */

import { childrenOf, sizeOf, type Forest } from './forest.ts'
import type { SideModule } from './sides.ts'

const KINSHIP = 0.3
export const RENAMED = 0.5
export const ALIKE = 0.3
/** What more items than these share tells little, and is passed over. */
const MOST_SHARING = 64
/** Smaller pieces of code read alike by chance: they are told by their name alone. */
const LEAST_TELLING = 4

export type ModulePair = readonly [old: SideModule, now: SideModule]

export function pairModules(olds: readonly SideModule[], nows: readonly SideModule[]): ModulePair[] {
  const byName = new Map(nows.map((module) => [module.name, module]))
  const pairs: ModulePair[] = []
  const left: SideModule[] = []
  for (const old of olds) {
    const now = byName.get(old.name)
    if (now === undefined) left.push(old)
    else pairs.push([old, now])
    byName.delete(old.name)
  }
  if (left.length === 0 || byName.size === 0) return pairs
  const renamed = pairByCommon(left, [...byName.values()], (module) => [...module.functions.keys()], KINSHIP)
  for (const [, now] of renamed) byName.delete(now.name)
  const taken = new Set(renamed.map(([old]) => old))
  for (const old of left) {
    const outer = taken.has(old) ? undefined : renamed.find(([from]) => old.name.startsWith(`${from.name}.`))
    const now = outer === undefined ? undefined : byName.get(outer[1].name + old.name.slice(outer[0].name.length))
    if (now === undefined) continue
    byName.delete(now.name)
    renamed.push([old, now])
  }
  return [...pairs, ...renamed]
}

/** Something with roots in a forest, to be paired by what they hold. */
export type Item = { readonly name: string; readonly roots: readonly number[] }

/** Pairs that read alike: same name first, then in order. Small ones need the same name, unless `among` is `clauses`. */
export function pairAlike<T extends Item>(old: Forest, now: Forest, olds: readonly T[], nows: readonly T[], among: 'functions' | 'clauses'): (readonly [T, T])[] {
  const pairs: (readonly [T, T])[] = []
  const groups = new Map<string, T[]>()
  for (const item of nows) {
    const key = shapesOf(now, item)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [item])
    else group.push(item)
  }
  const rest: T[] = []
  const take = (item: T, group: T[] | undefined, at: number): void => {
    const found = group?.[at]
    if (found === undefined) rest.push(item)
    else {
      group?.splice(at, 1)
      pairs.push([item, found])
    }
  }
  for (const item of olds) {
    const group = groups.get(shapesOf(old, item))
    take(item, group, group?.findIndex(({ name }) => name === item.name) ?? -1)
  }
  for (const item of rest.splice(0)) {
    const group = groups.get(shapesOf(old, item))
    take(item, group, among === 'clauses' || isTelling(old, item) ? 0 : -1)
  }
  return pairs
}

/** Pairs that have most shapes in common, the likest first. */
export function pairLike<T extends Item>(old: Forest, now: Forest, olds: readonly T[], nows: readonly T[], least: number): (readonly [T, T])[] {
  const oldShapes = new Map(olds.map((item) => [item, shapesBelow(old, item)]))
  const nowShapes = new Map(nows.map((item) => [item, shapesBelow(now, item)]))
  return pairByCommon(olds, nows, (item) => oldShapes.get(item) ?? nowShapes.get(item) ?? [], least)
}

const shapesOf = (forest: Forest, { roots }: Item): string => roots.map((root) => forest.shapes[root]).join()

/** Is an item so large that another reads alike by more than chance? */
export const isTelling = (forest: Forest, { roots }: Item): boolean => roots.reduce((sum, root) => sum + sizeOf(forest, root), 0) >= LEAST_TELLING

/** The shapes of all nodes below the roots and their heads. */
function shapesBelow(forest: Forest, { roots }: Item): number[] {
  return roots.flatMap((root) => [...childrenOf(forest, root)].flatMap((child) => forest.shapes.slice(child, forest.after[child])))
}

/**
 * Pairs by twice what both have in common over what they have together, best first; at equal worth in order. Found by
 * an index of the elements, so that what has nothing in common costs nothing.
 */
function pairByCommon<T, E>(olds: readonly T[], nows: readonly T[], elements: (item: T) => readonly E[], least: number): (readonly [T, T])[] {
  const nowCounts = nows.map((item) => countsOf(elements(item)))
  const sharing = new Map<E, number[]>()
  nowCounts.forEach((counts, j) => {
    for (const element of counts.keys()) sharing.set(element, [...(sharing.get(element) ?? []), j].slice(0, MOST_SHARING + 1))
  })
  const found: { readonly i: number; readonly j: number; readonly part: number }[] = []
  olds.forEach((item, i) => {
    const own = elements(item)
    const common = new Map<number, number>()
    for (const [element, n] of countsOf(own)) {
      const sharers = sharing.get(element) ?? []
      if (sharers.length > MOST_SHARING) continue
      for (const j of sharers) common.set(j, (common.get(j) ?? 0) + Math.min(n, nowCounts[j]?.get(element) ?? 0))
    }
    for (const [j, n] of common) {
      const part = (2 * n) / (own.length + elements(nows[j] as T).length)
      if (part >= least) found.push({ i, j, part })
    }
  })
  const takenOld = new Set<number>()
  const takenNow = new Set<number>()
  return found.toSorted((x, y) => y.part - x.part || x.i - y.i || x.j - y.j).flatMap(({ i, j }) => {
    if (takenOld.has(i) || takenNow.has(j)) return []
    takenOld.add(i)
    takenNow.add(j)
    return [[olds[i] as T, nows[j] as T] as const]
  })
}

function countsOf<E>(elements: readonly E[]): Map<E, number> {
  const counts = new Map<E, number>()
  for (const element of elements) counts.set(element, (counts.get(element) ?? 0) + 1)
  return counts
}
