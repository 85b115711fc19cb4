/**
 * The block's codes of sites: of a site of the batch at hand, of a call by what went before it, of an open call of an earlier
 * block. Each names in each situation are asked for once per block.
 */

import { must } from '../base/assert.ts'
import { EVIDENCE, type EventFunction } from '../model/event.ts'
import type { Batch } from './batch.ts'
import { SITE, SITE_WORDS, versionedEvidence } from './block.ts'
import { type Dictionary, siteCode, stringCode } from './dictionary.ts'
import { siteOf, siteOfWords, type Situation } from './names.ts'
import { forgetCalled, NONE, rebase } from './pairing.ts'
import { ALONE, answersInOrder, beginSites, calledFunction, keepForAny, keepSite, knownSite, lastCall, namesOf, nthOf, viaOf, wordsOfNames } from './sites.ts'
import { type Answer, type Appending, type Carried, NAMES_BYTES, type Writer } from './writer-state.ts'

/** Calls that may have been made last, of which each is asked for. */
const MOST_LAST = 16
const STRING_FIELDS = [SITE.module, SITE.function, SITE.callerModule, SITE.callerFunction, SITE.file, SITE.node] as const

/** The number of the names of a site of the batch, looked up once for each that is used. */
export function namesAt({ writer: { codes, sites }, batch, ofSource }: Appending, site: number): number {
  const known = codes.names[site] ?? 0
  if (known !== 0) return known
  const words = codes.site
  for (let i = 0; i < SITE_WORDS; i++) words[i] = batch.sites[(site - 1) * SITE_WORDS + i] ?? 0
  for (const field of STRING_FIELDS) words[field] = codes.strings[words[field] ?? 0] ?? 0
  return (codes.names[site] = namesOf(sites, batch, site, words, ofSource))
}

export function isGiven({ sites }: Batch, site: number): boolean {
  return sites[(site - 1) * SITE_WORDS + SITE.node] !== 0
}

/** The block's code of a site of the batch, whatever went before. */
export function siteAt(appending: Appending, site: number): number {
  const { writer: { codes, sites }, names, batch } = appending
  const known = codes.sites[site] ?? 0
  if (known !== 0 || site === 0) return known
  const name = namesAt(appending, site)
  if (!isGiven(batch, site)) return (codes.sites[site] = knownSite(sites, name, ALONE) || siteIn(appending, name, ALONE, NONE))
  const words = wordsOfNames(sites, name)
  words[SITE.node] = codes.strings[batch.sites[(site - 1) * SITE_WORDS + SITE.node] ?? 0] ?? 0
  words[SITE.evidence] = EVIDENCE.given
  return (codes.sites[site] = siteCode(names, words))
}

/** The block's code of the site of these names in a situation that was not asked for yet; `top` is the innermost open call. */
export function siteIn(appending: Appending, name: number, situation: number, top: number): number {
  const { writer, names, source, resolve } = appending
  // Other events of the batch need what room is left.
  if (situation !== ALONE && appending.spare <= 0) return knownSite(writer.sites, name, ALONE) || siteIn(appending, name, ALONE, NONE)
  const words = wordsOfNames(writer.sites, name)
  const site = siteOfWords(names.block, words)
  const before = situation === ALONE ? undefined : situationAt(appending, situation, top)
  const nSites = names.filled.sites
  const found = resolve(site, source, before)
  const code = siteWith(writer, names, words, found)
  if (situation !== ALONE) appending.spare -= names.filled.sites - nSites
  if (found.isUnsettled === true) writer.sites.isUnsettled[code] = 1
  if (found.isAny === true && before?.via === null) keepForAny(writer.sites, name, code)
  else keepSite(writer.sites, name, situation, code)
  return code
}

/** The same, where `found` leaves it open which of several it is, by the call that was made last: each of a few is asked for once. */
export function siteInOrder(appending: Appending, name: number, situation: number, top: number, found: number): number {
  const { writer: { pairing, sites }, names, source, returning, resolve } = appending
  const last = lastCall(pairing, returning, top)
  if (last === NONE) return found
  const answers = answersInOrder(sites, name, situation)
  const known = answers.get(last)
  if (known !== undefined) return known
  if (answers.size >= MOST_LAST || appending.spare <= 0) return found
  const words = wordsOfNames(sites, name)
  const after = last === 0 ? null : siteOfWords(names.block, wordsOfNames(sites, last))
  const nSites = names.filled.sites
  const answer = resolve(siteOfWords(names.block, words), source, { ...situationAt(appending, situation, top), after })
  const code = siteWith(appending.writer, names, words, answer)
  appending.spare -= names.filled.sites - nSites
  answers.set(last, code)
  return code
}

function situationAt(appending: Appending, situation: number, top: number): Situation {
  return { via: viaOf(situation) === 0 ? null : openFunction(appending, top), nth: nthOf(situation) }
}

/** The function that an open call is of. */
function openFunction({ writer: { carried, pairing }, names: { block } }: Appending, place: number): EventFunction | null {
  const site = pairing.site[place] ?? 0
  return (site > 0 ? siteOf(block, site) : carried[-1 - site]?.site)?.mfa ?? null
}

/** The block's code of a site of an earlier block; where there may be no room for its names, of the return's own site. */
export function carriedSite(appending: Appending, idx: number, site: number): number {
  const { writer, names } = appending
  const carried = must(writer.carried[idx], 'a site that was carried over')
  if (carried.code !== 0) return carried.code
  const { block, filled } = names
  if (block.strings.length - filled.strings < SITE_WORDS || block.stringBytes.length - filled.stringBytes < NAMES_BYTES) return siteAt(appending, site)
  const { mfa, caller } = carried.site
  const text = (name: string | undefined): number => (name === undefined ? 0 : stringCode(names, name))
  const words = Uint32Array.of(
    text(mfa?.module), text(mfa?.function), mfa?.arity ?? 0, text(caller?.module), text(caller?.function), caller?.arity ?? 0,
    text(caller?.file), caller?.line ?? 0, 0, 0,
  )
  return (carried.code = siteWith(writer, names, words, carried.site))
}

/** The code of the site of these names with this node. */
function siteWith(writer: Writer, names: Dictionary, words: Uint32Array, { nodeId, evidence, version = 0 }: Answer): number {
  const node = nodeId === null ? 0 : stringCode(names, nodeId)
  const hasRoom = nodeId === null || node !== 0
  if (!hasRoom) writer.nodesLeftOut++
  words[SITE.node] = node
  words[SITE.evidence] = hasRoom ? versionedEvidence(EVIDENCE[evidence], nodeId === null ? 0 : version) : EVIDENCE.none
  return siteCode(names, words)
}

/** Takes the sites of open calls over from the block that ends: others are forgotten. */
export function carryOver(writer: Writer): void {
  const { names, pairing, sites } = writer
  if (names === undefined) return
  const carried: Carried[] = []
  /** By site as open calls have it: its place among the carried ones. */
  const seats = new Map<number, number>()
  const seatOf = (found: number): number => {
    const known = seats.get(found)
    if (known !== undefined) return known
    const site = found > 0 ? must(siteOf(names.block, found), 'the site of an open call') : must(writer.carried[-1 - found], 'a carried site').site
    const idx = carried.push({ site, code: 0 }) - 1
    seats.set(found, idx)
    return idx
  }
  const hasNumbers = beginSites(sites) === 'numbers kept'
  rebase(pairing, (place) => {
    const idx = seatOf(pairing.site[place] ?? 0)
    pairing.site[place] = -1 - idx
    pairing.last[place] = NONE
    if (hasNumbers) return
    pairing.callee[place] = calledFunction(sites, must(carried[idx], 'a carried site').site)
    forgetCalled(pairing, place)
  })
  writer.carried = carried
}
