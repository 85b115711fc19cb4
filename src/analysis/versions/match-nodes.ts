/**
 * Which node of the old version is which of the new: a tree matching in the manner of GumTree, for one pair of roots.
 *
 * 1. Subtrees that occur once on both sides and read alike belong together, the largest first.
 * 2. Bottom up: a node belongs to the one of its label that holds most of what it held (`HELD`).
 * 3. Top down: the children of a matched pair are aligned in order: what reads alike, then what has the same label and
 *    shares something, then what only lost its name: a renamed variable, a call of the same arguments.
 * 4. What reads alike and is left over has moved; a single name or literal only further down or up below the same node.
 *
 * A node whose label changed and that shares too little with the old one is another node: `send(a, b)` in the place of
 * `log(x)` inherits nothing. Work is bounded by a purse of steps: without steps left, pairs are missed, and the result is
 * a matching all the same. Deliberately absent: which roots belong together (pair-roots.ts).
 */

import { Kind } from '../../syntax/tree.ts'
import { alignEqual, alignScored, type Purse } from './align.ts'
import { childrenOf, sizeOf, type Forest } from './forest.ts'

export type Matching = { readonly old: Forest; readonly now: Forest; readonly purse: Purse }

/** Part of both nodes' subtrees that must be matched already for one to be taken for the other. */
const HELD = 0.3
/** Part of two nodes' children that must be common for the nodes to be the same in spite of different labels. */
const SHARED = 0.5
/** How far up the holder of a common part is looked for. */
const MOST_STEPS_UP = 40
/** Least size of a subtree that is found again in another function. */
const LEAST_MOVED = 3
/** Children of either node that are compared to see what two nodes share. */
const MOST_COMPARED = 16

/** Matches the nodes of two roots that belong together. */
export function matchRoots(matching: Matching, old: number, now: number): void {
  if (matching.old.shapes[old] === matching.now.shapes[now]) return matchSubtrees(matching, old, now)
  match(matching, old, now)
  const range: Range = { old, oldEnd: matching.old.after[old] as number, now, nowEnd: matching.now.after[now] as number }
  matchUnique(matching, range)
  matchHolders(matching, range)
  alignDown(matching, range)
  matchMoved(matching, range)
}

/** Subtrees that have left their root for another: those that read alike and occur once among what is left over. */
export function matchAcrossRoots(matching: Matching): void {
  const { old, now } = matching
  const everything: Range = { old: -1, oldEnd: old.ids.length, now: -1, nowEnd: now.ids.length }
  matchUnique(matching, everything, LEAST_MOVED)
}

/** Nodes after `old` and `now` up to the ends. */
type Range = { readonly old: number; readonly oldEnd: number; readonly now: number; readonly nowEnd: number }

function match({ old, now }: Matching, a: number, b: number): void {
  old.partners[a] = b
  now.partners[b] = a
}

/** Matches two subtrees that read alike, but for nodes in them that are matched already. */
function matchSubtrees(matching: Matching, a: number, b: number): void {
  const size = sizeOf(matching.old, a)
  for (let i = 0; i < size; i++) {
    if (isFree(matching.old, a + i) && isFree(matching.now, b + i)) match(matching, a + i, b + i)
  }
}

const isFree = (forest: Forest, node: number): boolean => (forest.partners[node] as number) < 0

function matchUnique(matching: Matching, range: Range, least: number = 2): void {
  const { old, now } = matching
  const inOld = freeShapes(old, range.old + 1, range.oldEnd, least)
  const inNow = freeShapes(now, range.now + 1, range.nowEnd, least)
  for (let a = range.old + 1; a < range.oldEnd; a++) {
    if (!isMovable(old, a, least)) continue
    const shape = old.shapes[a] as number
    const b = inNow.get(shape)?.[0]
    if (inOld.get(shape)?.length === 1 && inNow.get(shape)?.length === 1 && b !== undefined && isFree(now, b)) matchSubtrees(matching, a, b)
  }
}

/** A node without a partner that may be found by what it reads; roots are paired by pair-roots.ts alone. */
const isMovable = (forest: Forest, node: number, least: number): boolean =>
  isFree(forest, node) && sizeOf(forest, node) >= least && (forest.parents[node] as number) >= 0

/** Movable nodes by shape, in order. */
function freeShapes(forest: Forest, from: number, to: number, least: number): Map<number, number[]> {
  const places = new Map<number, number[]>()
  for (let node = from; node < to; node++) {
    if (!isMovable(forest, node, least)) continue
    const shape = forest.shapes[node] as number
    const found = places.get(shape)
    if (found === undefined) places.set(shape, [node])
    else found.push(node)
  }
  return places
}

/** Children come after their parents, so that backwards every node follows what it holds. */
function matchHolders(matching: Matching, range: Range): void {
  const { old, now } = matching
  for (let a = range.oldEnd - 1; a > range.old; a--) {
    if (!isFree(old, a) || sizeOf(old, a) === 1 || matching.purse.steps <= 0) continue
    let best = -1
    let bestPart = 0
    for (const [b, common] of holdersOf(matching, a, range.now)) {
      const part = (2 * common) / (sizeOf(old, a) + sizeOf(now, b) - 2)
      if (part > bestPart) [best, bestPart] = [b, part]
    }
    if (bestPart < HELD) continue
    if (old.shapes[a] === now.shapes[best]) matchSubtrees(matching, a, best)
    else match(matching, a, best)
  }
}

/** The free nodes of the same label that hold partners of what `a` holds, and how much of it. */
function holdersOf(matching: Matching, a: number, root: number): Map<number, number> {
  const { old, now, purse } = matching
  const holders = new Map<number, number>()
  const stop = old.after[a] as number
  for (let inner = a + 1; inner < stop; ) {
    purse.steps--
    const partner = old.partners[inner] as number
    const whole = partner > root && old.shapes[inner] === now.shapes[partner]
    if (partner > root) {
      let above = now.parents[partner] as number
      for (let i = 0; i < MOST_STEPS_UP && above > root; i++, above = now.parents[above] as number) {
        purse.steps--
        if (isFree(now, above) && now.labels[above] === old.labels[a]) holders.set(above, (holders.get(above) ?? 0) + (whole ? sizeOf(old, inner) : 1))
      }
    }
    inner = whole ? (old.after[inner] as number) : inner + 1
  }
  return holders
}

function alignDown(matching: Matching, range: Range): void {
  const { old } = matching
  for (let a = range.old; a < range.oldEnd; a++) {
    const b = old.partners[a] as number
    if (b >= range.now && b < range.nowEnd && sizeOf(old, a) > 1) alignChildren(matching, a, b)
  }
}

function alignChildren(matching: Matching, a: number, b: number): void {
  const { old, now, purse } = matching
  const olds = [...childrenOf(old, a)]
  const nows = [...childrenOf(now, b)]
  // A matched node equals its partner alone, a free one what reads alike.
  const oldTokens = olds.map((node) => (isFree(old, node) ? (old.shapes[node] as number) : -1 - (old.partners[node] as number)))
  const nowTokens = nows.map((node) => (isFree(now, node) ? (now.shapes[node] as number) : -1 - node))
  let i = 0
  let j = 0
  const gap = (toOld: number, toNow: number): void => {
    alignGap(matching, olds.slice(i, toOld).filter((node) => isFree(old, node)), nows.slice(j, toNow).filter((node) => isFree(now, node)))
  }
  for (const [nextOld, nextNow] of alignEqual(oldTokens, nowTokens, purse)) {
    gap(nextOld, nextNow)
    const x = olds[nextOld] as number
    if (isFree(old, x)) matchSubtrees(matching, x, nows[nextNow] as number)
    i = nextOld + 1
    j = nextNow + 1
  }
  gap(olds.length, nows.length)
}

function alignGap(matching: Matching, olds: readonly number[], nows: readonly number[]): void {
  const pairs = alignScored(olds.length, nows.length, matching.purse, (i, j) => likeness(matching, olds[i] as number, nows[j] as number))
  for (const [i, j] of pairs) match(matching, olds[i] as number, nows[j] as number)
}

/** What changes its name and stays what it is. */
const NAMES: ReadonlySet<number> = new Set([Kind.Variable, Kind.Atom, Kind.Alias, Kind.DotAlias, Kind.Pair])
/** What tells by its label whom it calls or means. */
const TELLING: ReadonlySet<number> = new Set([
  Kind.Call, Kind.RemoteCall, Kind.Field, Kind.AnonymousCall, Kind.Struct, Kind.Sigil, Kind.Clause, Kind.ClauseHead, Kind.Guard, Kind.Section,
  Kind.Fn, Kind.Pair,
])

/** How well two nodes at corresponding places fit, 0 when they are different nodes. */
function likeness(matching: Matching, a: number, b: number): number {
  const { old, now } = matching
  const kind = old.kinds[a] as number
  const isLeaf = sizeOf(old, a) === 1 && sizeOf(now, b) === 1
  if (old.labels[a] === now.labels[b]) {
    const common = commonPart(matching, a, b)
    return isLeaf || TELLING.has(kind) || common > 0 ? 2 + common : 0
  }
  if (kind !== now.kinds[b]) return 0
  const common = commonPart(matching, a, b)
  if (NAMES.has(kind)) return 0.5 + common
  return common >= SHARED ? common : 0
}

/** Part of two nodes' children that belong together: those matched or read alike count 1, those of one label a half. */
function commonPart({ old, now }: Matching, a: number, b: number): number {
  const olds = childrenOf(old, a).take(MOST_COMPARED).toArray()
  const nows = childrenOf(now, b).take(MOST_COMPARED).toArray()
  let common = 0
  for (const one of olds) {
    let best = -1
    let bestWorth = 0
    nows.forEach((other, place) => {
      const worth = other < 0 ? 0 : old.shapes[one] === now.shapes[other] || old.partners[one] === other ? 1 : old.labels[one] === now.labels[other] ? 0.5 : 0
      if (worth > bestWorth) [best, bestWorth] = [place, worth]
    })
    if (best < 0) continue
    nows[best] = -1
    common += bestWorth
  }
  return common / Math.max(olds.length, nows.length, 1)
}

function matchMoved(matching: Matching, range: Range): void {
  const { old, now } = matching
  const places = freeShapes(now, range.now + 1, range.nowEnd, 1)
  for (const candidates of places.values()) candidates.reverse()
  for (let a = range.old + 1; a < range.oldEnd; a++) {
    if (!isFree(old, a)) continue
    const candidates = places.get(old.shapes[a] as number) ?? []
    while (candidates.length > 0 && !isFree(now, candidates.at(-1) as number)) candidates.pop()
    const b = candidates.at(-1)
    if (b !== undefined && (sizeOf(old, a) > 1 || isNested(matching, a, b))) matchSubtrees(matching, a, b)
  }
}

/** True when one of both is below the node that the other hangs on: what was wrapped or unwrapped. */
function isNested({ old, now }: Matching, a: number, b: number): boolean {
  const parent = old.parents[a] as number
  const other = now.parents[b] as number
  return holds(now, old.partners[parent] as number, b) || holds(old, now.partners[other] as number, a)
}

const holds = (forest: Forest, above: number, node: number): boolean => above >= 0 && above < node && node < (forest.after[above] as number)
