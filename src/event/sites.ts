/**
 * Sites of the open block as its writer finds them: names have a number in the block, which says what pairing needs to know
 * of them; the same names come to different nodes by what went before in the process (`Situation`), each asked for once.
 *
 * What went before is known where the innermost call that has not returned is the caller itself, or was made from the very
 * place that this call was made from, by a function whose returns are traced: others may have returned without a word.
 *
 * Each BEAM node has numbers of its own for the same names: nodes run different versions of the code, and follow different plans.
 * Where they come to the same place they share its site.
 *
 * Absent on purpose: who asks for a node, and which calls are open when a block ends.
 */

import type { Batch } from './batch.ts'
import { SITE, SITE_WORDS } from './block.ts'
import { hashOf, isSame, SITE_TABLE } from './dictionary.ts'
import type { SiteNames } from './names.ts'
import { countCall, NONE, type Pairing } from './pairing.ts'

/** Numbers that outlast a block are given anew once there are so many of a kind. */
const MOST_NUMBERS = 1 << 16
const MOST_NAMES = 1 << 16
/** The words of a site that name what is called from where; node and evidence follow. */
const NAMES_IN_SITE = SITE.line + 1
/** The same, and the code of the source. */
const NAME_WORDS = NAMES_IN_SITE + 1
const MOST_SOURCES = 256
/** More than a block can add to `MOST_NUMBERS` strings, and functions. */
const TEXTS = 2 ** 19
const FUNCTIONS = 2 ** 18
const LINES = 2 ** 32
const NTHS = 16

/** From strings to numbers, and from two numbers to one: they count from 1. */
type Numbers = {
  readonly texts: Map<string, number>
  readonly functions: Map<number, number>
  /** Functions in files, places in these, and calls of functions from there. */
  readonly inFiles: Map<number, number>
  readonly places: Map<number, number>
  readonly calls: Map<number, number>
}

export type Returning = number[]

export type Sites = {
  readonly numbers: Numbers
  /** By source, by number of the function: 1 where it was seen to return. */
  readonly returning: Map<string, Returning>
  /** Numbers of the block's strings, by code. */
  texts: number[]
  /** The names of the block, at so many words each, and their numbers at the place that their hash names, or the next free one. */
  readonly words: Uint32Array
  readonly table: Uint16Array
  nNames: number
  /** By number of the names: numbers of the function that is called, of the one that calls, of where from, and of the call. */
  readonly callee: Int32Array
  readonly caller: Int32Array
  readonly from: Int32Array
  readonly call: Int32Array
  /** Codes of sites by number of the names: in no known situation, first in its caller, and, by `variantKey`, in others. */
  readonly alone: Uint16Array
  readonly first: Uint16Array
  readonly others: Map<number, number>
  /** 1 where the first call from its caller has the site of all that follow. */
  readonly isAny: Uint8Array
  /** By code of a site: 1 where the call that was made last may tell more; and what it told, by `variantKey`, by number of that call's names. */
  readonly isUnsettled: Uint8Array
  readonly inOrder: Map<number, Map<number, number>>
}

export function openSites(): Sites {
  const ints = (): Int32Array => new Int32Array(MOST_NAMES)
  return {
    numbers: { texts: new Map(), functions: new Map(), inFiles: new Map(), places: new Map(), calls: new Map() }, returning: new Map(), texts: [],
    words: new Uint32Array(MOST_NAMES * NAME_WORDS), table: new Uint16Array(SITE_TABLE), nNames: 0,
    callee: ints(), caller: ints(), from: ints(), call: ints(), alone: new Uint16Array(MOST_NAMES), first: new Uint16Array(MOST_NAMES), others: new Map(),
    isAny: new Uint8Array(MOST_NAMES), isUnsettled: new Uint8Array(MOST_NAMES), inOrder: new Map(),
  }
}

/** Nothing of the names of the block before counts; whether the numbers of functions, places and calls do. */
export function beginSites(sites: Sites): 'numbers kept' | 'numbers void' {
  sites.texts = []
  sites.table.fill(0)
  sites.nNames = 0
  sites.alone.fill(0)
  sites.first.fill(0)
  sites.others.clear()
  sites.isAny.fill(0)
  sites.isUnsettled.fill(0)
  sites.inOrder.clear()
  const maps = Object.values(sites.numbers)
  if (maps.every(({ size }) => size <= MOST_NUMBERS)) return 'numbers kept'
  for (const map of maps) map.clear()
  sites.returning.clear()
  return 'numbers void'
}

/** The functions that were seen to return on a node, to be added to. */
export function returningOn({ returning }: Sites, source: string): Returning {
  const known = returning.get(source)
  if (known !== undefined) return known
  const made: Returning = []
  returning.set(source, made)
  for (const oldest of returning.keys()) if (returning.size > MOST_SOURCES) returning.delete(oldest)
  return made
}

/** The number of the names in `words` (the block's codes), which are those of a site of the batch, on a node. */
export function namesOf(sites: Sites, batch: Batch, site: number, words: Uint32Array, source: number): number {
  const { numbers, table, words: all } = sites
  words[NAMES_IN_SITE] = source
  let place = hashOf(words, NAME_WORDS)
  for (let code = table[place] ?? 0; code !== 0; code = table[place] ?? 0) {
    if (isSame(all, (code - 1) * NAME_WORDS, words, NAME_WORDS)) return code
    place = (place + 1) % SITE_TABLE
  }
  for (let i = 0; i < NAME_WORDS; i++) all[sites.nNames * NAME_WORDS + i] = words[i] ?? 0
  const number = (table[place] = ++sites.nNames)
  const at = (site - 1) * SITE_WORDS
  const text = (field: number): number => (sites.texts[words[field] ?? 0] ??= numberOf(numbers.texts, batch.strings[(batch.sites[at + field] ?? 0) - 1] ?? ''))
  const callee = words[SITE.module] === 0 ? 0 : functionIn(numbers, text(SITE.module), text(SITE.function), words[SITE.arity] ?? 0)
  const caller = words[SITE.callerModule] === 0 ? 0 : functionIn(numbers, text(SITE.callerModule), text(SITE.callerFunction), words[SITE.callerArity] ?? 0)
  const from = caller === 0 ? 0 : numberOf(numbers.places, numberOf(numbers.inFiles, caller * TEXTS + text(SITE.file)) * LINES + (words[SITE.line] ?? 0))
  sites.callee[number] = callee
  sites.caller[number] = caller
  sites.from[number] = from
  sites.call[number] = from === 0 || callee === 0 ? 0 : numberOf(numbers.calls, from * FUNCTIONS + callee)
  return number
}

/** The number of the function that is called. */
export function calledFunction({ numbers }: Sites, { mfa }: SiteNames): number {
  return mfa === null ? 0 : functionIn(numbers, numberOf(numbers.texts, mfa.module), numberOf(numbers.texts, mfa.function), mfa.arity)
}

function functionIn({ functions }: Numbers, module: number, name: number, arity: number): number {
  return numberOf(functions, (module * TEXTS + name) * 256 + arity)
}

function numberOf<K>(numbers: Map<K, number>, key: K): number {
  const known = numbers.get(key)
  if (known !== undefined) return known
  numbers.set(key, numbers.size + 1)
  return numbers.size
}

/** The words of names, with room for a node and its evidence. */
export function wordsOfNames({ words }: Sites, names: number): Uint32Array {
  const ofSite = new Uint32Array(SITE_WORDS)
  ofSite.set(words.subarray((names - 1) * NAME_WORDS, (names - 1) * NAME_WORDS + NAMES_IN_SITE))
  return ofSite
}

/** A key of what went before: 0 where that is not known, else 1 for the first call from its caller. */
export const ALONE = 0
export const FIRST = 1

/** What went before a call that the process makes now, as a key for its names; it is counted for the calls to come. */
export function situationOf({ caller, from, call, isAny }: Sites, returning: Returning, pairing: Pairing, top: number, names: number): number {
  const by = caller[names] ?? 0
  if (top === NONE || by === 0) return ALONE
  const open = pairing.callee[top] ?? 0
  const isVia = pairing.from[top] === from[names]
  if (open !== by) return isVia && returning[open] === 1 ? open * NTHS + FIRST : ALONE
  if (isAny[names] === 1 && !isVia) return FIRST
  const nth = countCall(pairing, top, call[names] ?? 0)
  return (isVia ? open * NTHS : 0) + (nth < 0 ? NTHS - 1 : FIRST + nth)
}

/** What a key says: the number of the function that was called from the same place, or 0; and how many went before. */
export function viaOf(situation: number): number {
  return Math.floor(situation / NTHS)
}

export function nthOf(situation: number): number | undefined {
  const nth = situation % NTHS
  return nth === NTHS - 1 ? undefined : nth - FIRST
}

/** The code of the site of these names in this situation; 0 where not asked for yet. */
export function knownSite({ alone, first, others }: Sites, names: number, situation: number): number {
  if (situation === ALONE) return alone[names] ?? 0
  return situation === FIRST ? (first[names] ?? 0) : (others.get(variantKey(names, situation)) ?? 0)
}

export function keepSite({ alone, first, others }: Sites, names: number, situation: number, code: number): void {
  if (situation === ALONE) alone[names] = code
  else if (situation === FIRST) first[names] = code
  else others.set(variantKey(names, situation), code)
}

/** Whichever call it is from its caller, its site is this. */
export function keepForAny({ first, isAny }: Sites, names: number, code: number): void {
  first[names] = code
  isAny[names] = 1
}

/** The number of the names of the call that an activation made last, 0 for none; `NONE` where a call of the activation may have gone unseen. */
export function lastCall({ last, callee }: Pairing, returning: Returning, top: number): number {
  return returning[callee[top] ?? 0] === 1 ? (last[top] ?? NONE) : NONE
}

/** The process makes a call with these names; what another function calls meanwhile is no call of the activation's. */
export function keepLast({ caller }: Sites, { last }: Pairing, top: number, names: number, situation: number): void {
  if (situation !== ALONE) last[top] = names
  else if (caller[names] === 0) last[top] = NONE
}

/** The answers by the call that was made last, for these names in this situation. */
export function answersInOrder({ inOrder }: Sites, names: number, situation: number): Map<number, number> {
  const key = variantKey(names, situation)
  const known = inOrder.get(key)
  if (known !== undefined) return known
  const made = new Map<number, number>()
  inOrder.set(key, made)
  return made
}

function variantKey(names: number, situation: number): number {
  return situation * MOST_NAMES + names
}
