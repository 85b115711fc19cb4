/**
 * Appends batches to the open block: the names of a batch are looked up once, then its columns are re-coded in loops over
 * numbers, returns are paired with their calls (`pairing.ts`), and all of it is published at once. A batch stands in one
 * block or the next, never in both.
 *
 * Calls that are open when a block ends are carried over by name, so that a return in a later block has its call's site.
 * A return whose call is not known has the site that it came with: the function, no caller.
 *
 * Absent on purpose: the disk and its log, and where blocks come from.
 */

import { must } from '../base/assert.ts'
import { EVENT_TYPES, EVIDENCE, type Evidence, type EventFunction, type EventSource } from '../model/event.ts'
import { type Batch, MAX_NAMES } from './batch.ts'
import { type Block, type Counts, HEADER, BLOCK_ROWS, BLOCK_STATES, PID_WORDS, publish, SITE, SITE_WORDS, SOURCE_WORDS } from './block.ts'
import { correlationCode, type Dictionary, openDictionary, pidCode, siteCode, sourceCode, sourceKey, stringCode } from './dictionary.ts'
import { type Site, siteOf, siteOfWords, type SiteNames, type Situation } from './names.ts'
import {
  clearProcess, forgetCalled, giveUpProcess, giveUpSource, nOpenCalls, NONE, openPairing, type Pairing, pop, processOf, push, rebase,
} from './pairing.ts'
import { ALONE, beginSites, calledFunction, forgetReturns, keepForAny, keepSite, knownSite, namesOf, nthOf, openSites, situationOf, type Sites, viaOf, wordsOfNames } from './sites.ts'

/** Room for any batch that can be decoded, in an empty block. It is virtual: pages that are never touched cost nothing. */
export const BLOCK_CAPACITY: Counts = {
  rows: BLOCK_ROWS, sites: 65_534, pids: 65_534, correlations: 65_534, sources: 1024, strings: 1 << 18,
  stringBytes: 16 << 20, arenaBytes: (8 << 20) + (1 << 17), summaryBytes: 4 << 20,
}

/** More than the name of a source, or all names of a site, take. */
const NAMES_BYTES = 1 << 16

/** The node of a call, asked for once per block, names and situation (undefined: not known), unless the event names the node. */
export type Resolve = (site: SiteNames, source: EventSource, situation: Situation | undefined) => Answer
/** `isAny`: it is the same for every `nth`. */
type Answer = { readonly nodeId: string | null; readonly evidence: Evidence; readonly isAny?: boolean }

export type WriterStats = {
  /** Calls that wait for their return. */
  readonly openCalls: number
  /** Returns and exceptions whose call was not seen. */
  readonly unpaired: number
  /** Calls that were given up waiting for their return: too many were open, or events were missing. */
  readonly givenUp: number
  /** Sites whose node id found no room in the block. */
  readonly nodesLeftOut: number
}

/** A site of an earlier block that calls still open were made from; its code in this block once it is used here. */
type Carried = { readonly site: Site; code: number }

export type Writer = {
  readonly pairing: Pairing
  names: Dictionary | undefined
  /** ns since 1970 that the times of open calls count from: the base of the block, once it has one. */
  base: bigint
  readonly sites: Sites
  /** Numbers of processes, for pairing, by the block's code; -1 where not looked up yet. */
  readonly processes: Int32Array
  carried: readonly Carried[]
  unpaired: number
  nodesLeftOut: number
  readonly codes: BatchCodes
}

/** From codes of the batch at hand to those of the block; 0 where not looked up yet, or none. */
type BatchCodes = {
  readonly strings: Uint32Array
  readonly pids: Uint16Array
  readonly corrs: Uint16Array
  /** Of events that are in no process's order, or name their node. */
  readonly sites: Uint16Array
  /** Numbers of the sites' names. */
  readonly names: Uint16Array
  /** The site that is being looked up. */
  readonly site: Uint32Array
}

type Appending = { readonly writer: Writer; readonly names: Dictionary; readonly batch: Batch; readonly source: EventSource; readonly key: string; readonly resolve: Resolve
  /** Sites that may be added beside one for each of the batch. */
  spare: number
}

const STRING_FIELDS = [SITE.module, SITE.function, SITE.callerModule, SITE.callerFunction, SITE.file, SITE.node] as const

/** A writer goes from block to block: calls that are open when a block is full find their returns in the next. */
export function openWriter({ maxOpenCalls = 1 << 18 }: { readonly maxOpenCalls?: number } = {}): Writer {
  return {
    pairing: openPairing(maxOpenCalls), names: undefined, base: 0n, sites: openSites(),
    processes: new Int32Array(1 << 16), carried: [], unpaired: 0, nodesLeftOut: 0,
    codes: {
      strings: new Uint32Array(MAX_NAMES.strings + 1), pids: new Uint16Array(MAX_NAMES.pids + 1), corrs: new Uint16Array(MAX_NAMES.corrs + 1),
      sites: new Uint16Array(MAX_NAMES.sites + 1), names: new Uint16Array(MAX_NAMES.sites + 1),
      site: new Uint32Array(SITE_WORDS),
    },
  }
}

/**
 * Goes on in an empty block that is laid out; `number` is never given twice. The block before, sealed or not, must still
 * be readable: sites of open calls are taken over from it.
 */
export function beginBlock(writer: Writer, block: Block, number: number): void {
  carryOver(writer)
  writer.names = openDictionary(block)
  writer.processes.fill(-1)
  block.base[0] = 0n
  Atomics.store(block.header, HEADER.number, number)
  Atomics.store(block.header, HEADER.state, BLOCK_STATES.open)
}

/** 'full': nothing of the batch is in the block, which is to be sealed, and the next one begun. */
export function append(writer: Writer, batch: Batch, source: EventSource, resolve: Resolve): 'appended' | 'full' {
  const names = must(writer.names, 'a block to append to')
  if (!fits(writer, names, batch)) return 'full'
  if (names.filled.rows === 0) setBase(writer, names.block, batch.t0Ns)
  const appending = { writer, names, batch, source, key: sourceKey(source), resolve, spare: roomForSites(writer, names) - mostSites(writer, batch) }
  lookUpNames(appending)
  copyColumns(appending)
  pairRows(appending)
  copyPayloads(names, batch)
  names.filled.rows += batch.n
  publish(names.block, names.filled)
  return 'appended'
}

export function writerStats({ pairing, unpaired, nodesLeftOut }: Writer): WriterStats {
  return { openCalls: nOpenCalls(pairing), unpaired, givenUp: pairing.givenUp, nodesLeftOut }
}

/** Whether all of the batch has room, however many of its names are new. */
function fits(writer: Writer, names: Dictionary, batch: Batch): boolean {
  const { block, filled, sources } = names
  const { n } = batch
  const nStrings = batch.strings.length + batch.pids.length + batch.corrs.length + 2
  return filled.rows + n <= block.ts.length &&
    mostSites(writer, batch) <= roomForSites(writer, names) &&
    filled.pids + batch.pids.length + 1 <= block.pids.length / PID_WORDS &&
    filled.correlations + batch.corrs.length <= block.correlations.length &&
    sources.size < block.sources.length / SOURCE_WORDS &&
    filled.strings + nStrings <= block.strings.length &&
    filled.arenaBytes + arenaBytesOf(batch) <= block.arena.length &&
    textFits(batch, block.stringBytes.length - filled.stringBytes) &&
    (filled.rows === 0 || isNear(batch.t0Ns - writer.base))
}

/** One for each of the batch, and for each call of earlier blocks that may return. */
function mostSites({ carried }: Writer, { n, sites }: Batch): number {
  return sites.length / SITE_WORDS + Math.min(carried.length, n)
}

function roomForSites({ sites: { nNames } }: Writer, { block, filled }: Dictionary): number {
  return block.sites.length / SITE_WORDS - Math.max(filled.sites, nNames)
}

/** Whether times that count from there are exact when they count from the block's base. */
function isNear(ns: bigint): boolean {
  return ns < 1n << 52n && ns > -(1n << 52n)
}

function arenaBytesOf({ payloads }: Batch): number {
  let nBytes = 0
  for (const payload of payloads) nBytes += 4 + payload.length
  return nBytes
}

function textFits({ strings, pids, corrs }: Batch, room: number): boolean {
  let most = NAMES_BYTES
  for (const names of [strings, pids, corrs]) for (const name of names) most += name.length * 3
  if (most <= room) return true
  let nBytes = NAMES_BYTES
  for (const names of [strings, pids, corrs]) for (const name of names) nBytes += Buffer.byteLength(name)
  return nBytes <= room
}

function setBase(writer: Writer, block: Block, base: bigint): void {
  const { pairing } = writer
  const shift = Number(writer.base - base)
  rebase(pairing, (place) => { pairing.at[place] = (pairing.at[place] ?? 0) + shift })
  block.base[0] = base
  writer.base = base
}

function lookUpNames({ writer, names, batch, source }: Appending): void {
  const { codes } = writer
  const { strings, pids, corrs, sites } = batch
  for (let i = 0; i < strings.length; i++) codes.strings[i + 1] = stringCode(names, strings[i] ?? '')
  const ofSource = pids.length === 0 ? 0 : sourceCode(names, source)
  for (let i = 0; i < pids.length; i++) codes.pids[i + 1] = pidCode(names, ofSource, pids[i] ?? '')
  for (let i = 0; i < corrs.length; i++) codes.corrs[i + 1] = correlationCode(names, corrs[i] ?? '')
  const nSites = sites.length / SITE_WORDS
  codes.sites.fill(0, 0, nSites + 1)
  codes.names.fill(0, 0, nSites + 1)
}

function copyColumns({ writer: { base, codes }, names, batch, source }: Appending): void {
  const { block, filled } = names
  const { n } = batch
  const from = filled.rows
  const shift = Number(batch.t0Ns - base)
  const { ts, pid, peer, corr } = batch
  const to = { ts: block.ts, pid: block.pid, peer: block.peer, corr: block.corr }
  const { pids, corrs } = codes
  block.type.set(batch.type, from)
  block.took.fill(Number.NaN, from, from + n)
  block.own.fill(Number.NaN, from, from + n)
  block.payload.fill(0, from, from + n)
  for (let i = 0; i < n; i++) to.ts[from + i] = (ts[i] ?? 0) + shift
  // The source of an event hangs on its pid: what is of no process is of the source's own, which has no name.
  pids[0] = pid.includes(0) ? pidCode(names, sourceCode(names, source), '') : 0
  for (let i = 0; i < n; i++) to.pid[from + i] = pids[pid[i] ?? 0] ?? 0
  pids[0] = 0
  for (let i = 0; i < n; i++) to.peer[from + i] = pids[peer[i] ?? 0] ?? 0
  for (let i = 0; i < n; i++) to.corr[from + i] = corrs[corr[i] ?? 0] ?? 0
}

/** Fills `site`, `took` and `own`. */
function pairRows(appending: Appending): void {
  const { writer, names: { block, filled }, batch } = appending
  const { pairing, codes, sites } = writer
  const from = filled.rows
  foreseeReturns(appending, 0)
  for (let i = 0; i < batch.n; i++) {
    const row = from + i
    const site = batch.site[i] ?? 0
    const name = site === 0 ? 0 : namesAt(appending, site)
    const callee = sites.callee[name] ?? 0
    switch (batch.type[i]) {
      case EVENT_TYPES.call:
        if (callee === 0 || batch.pid[i] === 0) break
        block.site[row] = callAt(appending, i, name)
        continue
      case EVENT_TYPES.return:
      case EVENT_TYPES.exception:
        if (callee !== 0 && batch.pid[i] !== 0 && pop(pairing, processAt(appending, i), callee, block.ts[row] ?? 0)) {
          block.took[row] = pairing.took
          block.own[row] = pairing.own
          block.site[row] = pairing.foundSite > 0 ? pairing.foundSite : carriedSite(appending, -1 - pairing.foundSite, site)
          continue
        }
        writer.unpaired++
        break
      case EVENT_TYPES.exit:
      case EVENT_TYPES.spawned:
        if (batch.pid[i] !== 0) clearProcess(pairing, processAt(appending, i))
        break
      case EVENT_TYPES.capture_start:
      case EVENT_TYPES.capture_end:
        forgetReturns(sites)
        foreseeReturns(appending, i + 1)
        giveUp(appending, i)
        break
      case EVENT_TYPES.gap:
        giveUp(appending, i)
        break
      default:
    }
    const known = codes.sites[site] ?? 0
    block.site[row] = known !== 0 ? known : siteAt(appending, site)
  }
}

/**
 * Functions that return before the end of this plan or of the batch are traced with their returns: where they had returned
 * earlier it would have been seen. Exceptions may be traced without returns.
 */
function foreseeReturns(appending: Appending, from: number): void {
  const { writer: { sites }, batch: { n, site, type } } = appending
  for (let i = from; i < n && type[i] !== EVENT_TYPES.capture_start && type[i] !== EVENT_TYPES.capture_end; i++) {
    if (type[i] === EVENT_TYPES.return && site[i] !== 0) sites.returning[sites.callee[namesAt(appending, site[i] ?? 0)] ?? 0] = 1
  }
}

/** The site of a call, which is open from now on. */
function callAt(appending: Appending, i: number, name: number): number {
  const { writer: { pairing, sites }, names: { block, filled }, batch } = appending
  const site = batch.site[i] ?? 0
  const process = processAt(appending, i)
  const situation = situationOf(sites, pairing, process, name)
  const code = isGiven(batch, site) ? siteAt(appending, site) : knownSite(sites, name, situation) || siteIn(appending, name, situation, pairing.tops[process] ?? NONE)
  push(pairing, process, sites.callee[name] ?? 0, code, sites.from[name] ?? 0, block.ts[filled.rows + i] ?? 0)
  return code
}

/** Events of the process of event `i` are missing; of every one of its source where it has none. */
function giveUp(appending: Appending, i: number): void {
  const { writer: { pairing }, batch, key } = appending
  if (batch.pid[i] === 0) giveUpSource(pairing, key)
  else giveUpProcess(pairing, processAt(appending, i))
}

/** The number of the process of event `i`, looked up once for each of the block. */
function processAt({ writer: { codes, pairing, processes }, batch, key }: Appending, i: number): number {
  const pid = batch.pid[i] ?? 0
  const code = codes.pids[pid] ?? 0
  const known = processes[code] ?? -1
  if (known >= 0) return known
  return (processes[code] = processOf(pairing, key, batch.pids[pid - 1] ?? ''))
}

/** The number of the names of a site of the batch, looked up once for each that is used. */
function namesAt({ writer: { codes, sites }, batch }: Appending, site: number): number {
  const known = codes.names[site] ?? 0
  if (known !== 0) return known
  const words = codes.site
  for (let i = 0; i < SITE_WORDS; i++) words[i] = batch.sites[(site - 1) * SITE_WORDS + i] ?? 0
  for (const field of STRING_FIELDS) words[field] = codes.strings[words[field] ?? 0] ?? 0
  return (codes.names[site] = namesOf(sites, batch, site, words))
}

function isGiven({ sites }: Batch, site: number): boolean {
  return sites[(site - 1) * SITE_WORDS + SITE.node] !== 0
}

/** The block's code of a site of the batch, whatever went before. */
function siteAt(appending: Appending, site: number): number {
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
function siteIn(appending: Appending, name: number, situation: number, top: number): number {
  const { writer, names, source, resolve } = appending
  // Other events of the batch need what room is left.
  if (situation !== ALONE && appending.spare <= 0) return knownSite(writer.sites, name, ALONE) || siteIn(appending, name, ALONE, NONE)
  const words = wordsOfNames(writer.sites, name)
  const site = siteOfWords(names.block, words)
  const before: Situation | undefined = situation === ALONE ? undefined : { via: viaOf(situation) === 0 ? null : openFunction(appending, top), nth: nthOf(situation) }
  const nSites = names.filled.sites
  const found = resolve(site, source, before)
  const code = siteWith(writer, names, words, found)
  if (situation !== ALONE) appending.spare -= names.filled.sites - nSites
  if (found.isAny === true && before?.via === null) keepForAny(writer.sites, name, code)
  else keepSite(writer.sites, name, situation, code)
  return code
}

/** The function that an open call is of. */
function openFunction({ writer: { carried, pairing }, names: { block } }: Appending, place: number): EventFunction | null {
  const site = pairing.site[place] ?? 0
  return (site > 0 ? siteOf(block, site) : carried[-1 - site]?.site)?.mfa ?? null
}

/** The block's code of a site of an earlier block; where there may be no room for its names, of the return's own site. */
function carriedSite(appending: Appending, idx: number, site: number): number {
  const { writer, names } = appending
  const carried = must(writer.carried[idx], 'a site that was carried over')
  if (carried.code !== 0) return carried.code
  const { block, filled } = names
  if (block.strings.length - filled.strings < SITE_WORDS || block.stringBytes.length - filled.stringBytes < NAMES_BYTES) return siteAt(appending, site)
  const { mfa, caller, nodeId, evidence } = carried.site
  const text = (name: string | undefined): number => (name === undefined ? 0 : stringCode(names, name))
  const words = Uint32Array.of(
    text(mfa?.module), text(mfa?.function), mfa?.arity ?? 0, text(caller?.module), text(caller?.function), caller?.arity ?? 0,
    text(caller?.file), caller?.line ?? 0, 0, 0,
  )
  return (carried.code = siteWith(writer, names, words, { nodeId, evidence }))
}

/** The code of the site of these names with this node. */
function siteWith(writer: Writer, names: Dictionary, words: Uint32Array, { nodeId, evidence }: Answer): number {
  const node = nodeId === null ? 0 : stringCode(names, nodeId)
  const hasRoom = nodeId === null || node !== 0
  if (!hasRoom) writer.nodesLeftOut++
  words[SITE.node] = node
  words[SITE.evidence] = hasRoom ? EVIDENCE[evidence] : EVIDENCE.none
  return siteCode(names, words)
}

function copyPayloads({ block, filled }: Dictionary, { payloadRows, payloads }: Batch): void {
  const { arena } = block
  let at = filled.arenaBytes
  for (let i = 0; i < payloads.length; i++) {
    const payload = must(payloads[i], 'a payload for its row')
    block.payload[filled.rows + (payloadRows[i] ?? 0)] = at + 1
    arena[at] = payload.length & 0xff
    arena[at + 1] = (payload.length >>> 8) & 0xff
    arena[at + 2] = (payload.length >>> 16) & 0xff
    arena[at + 3] = payload.length >>> 24
    arena.set(payload, at + 4)
    at += 4 + payload.length
  }
  filled.arenaBytes = at
}

/** Takes the sites of open calls over from the block that ends: others are forgotten. */
function carryOver(writer: Writer): void {
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
    if (hasNumbers) return
    pairing.callee[place] = calledFunction(sites, must(carried[idx], 'a carried site').site)
    forgetCalled(pairing, place)
  })
  writer.carried = carried
}
