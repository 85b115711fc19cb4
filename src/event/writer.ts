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
import { EVENT_TYPES, EVIDENCE, type Evidence, type EventSource } from '../model/event.ts'
import { type Batch, MAX_NAMES } from './batch.ts'
import { type Block, type Counts, HEADER, BLOCK_ROWS, BLOCK_STATES, PID_WORDS, publish, SITE, SITE_WORDS, SOURCE_WORDS } from './block.ts'
import { correlationCode, type Dictionary, openDictionary, pidCode, siteCode, sourceCode, sourceKey, stringCode } from './dictionary.ts'
import { type Site, siteOf, type SiteNames } from './names.ts'
import {
  clearProcess, giveUpProcess, giveUpSource, nOpenCalls, openPairing, type Pairing, pop, processOf, push, rebase,
} from './pairing.ts'

const MAX_STRINGS = 1 << 18

/** Room for any batch that can be decoded, in an empty block. It is virtual: pages that are never touched cost nothing. */
export const BLOCK_CAPACITY: Counts = {
  rows: BLOCK_ROWS, sites: 65_534, pids: 65_534, correlations: 65_534, sources: 1024, strings: MAX_STRINGS,
  stringBytes: 16 << 20, arenaBytes: (8 << 20) + (1 << 17), summaryBytes: 4 << 20,
}

/** More than the name of a source, or all names of a site, take. */
const NAMES_BYTES = 1 << 16

/** The node of a site, asked for once per block and site that no event names the node of. */
export type Resolve = (site: SiteNames, source: EventSource) => { readonly nodeId: string | null; readonly evidence: Evidence }

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
  /** Numbers of functions, for pairing, by `M.f/a`; and by the block's codes, which are found faster. */
  functions: Map<string, number>
  functionsByCode: Map<number, number>
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
  readonly sites: Uint16Array
  /** Number of the function that a site calls. */
  readonly functions: Int32Array
  /** The site that is being looked up. */
  readonly site: Uint32Array
}

type Appending = { readonly writer: Writer; readonly names: Dictionary; readonly batch: Batch; readonly source: EventSource; readonly key: string; readonly resolve: Resolve }

/** A writer goes from block to block: calls that are open when a block is full find their returns in the next. */
export function openWriter({ maxOpenCalls = 1 << 18 }: { readonly maxOpenCalls?: number } = {}): Writer {
  return {
    pairing: openPairing(maxOpenCalls), names: undefined, base: 0n, functions: new Map(), functionsByCode: new Map(),
    processes: new Int32Array(1 << 16), carried: [], unpaired: 0, nodesLeftOut: 0,
    codes: {
      strings: new Uint32Array(MAX_NAMES.strings + 1), pids: new Uint16Array(MAX_NAMES.pids + 1), corrs: new Uint16Array(MAX_NAMES.corrs + 1),
      sites: new Uint16Array(MAX_NAMES.sites + 1), functions: new Int32Array(MAX_NAMES.sites + 1),
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
  writer.functionsByCode = new Map()
  block.base[0] = 0n
  Atomics.store(block.header, HEADER.number, number)
  Atomics.store(block.header, HEADER.state, BLOCK_STATES.open)
}

/** 'full': nothing of the batch is in the block, which is to be sealed, and the next one begun. */
export function append(writer: Writer, batch: Batch, source: EventSource, resolve: Resolve): 'appended' | 'full' {
  const names = must(writer.names, 'a block to append to')
  if (!fits(writer, names, batch)) return 'full'
  if (names.filled.rows === 0) setBase(writer, names.block, batch.t0Ns)
  const appending = { writer, names, batch, source, key: sourceKey(source), resolve }
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
function fits({ base, carried }: Writer, { block, filled, sources }: Dictionary, batch: Batch): boolean {
  const { n } = batch
  const nStrings = batch.strings.length + batch.pids.length + batch.corrs.length + 2
  const nSites = batch.sites.length / SITE_WORDS + Math.min(carried.length, n)
  return filled.rows + n <= block.ts.length &&
    filled.sites + nSites <= block.sites.length / SITE_WORDS &&
    filled.pids + batch.pids.length + 1 <= block.pids.length / PID_WORDS &&
    filled.correlations + batch.corrs.length <= block.correlations.length &&
    sources.size < block.sources.length / SOURCE_WORDS &&
    filled.strings + nStrings <= block.strings.length &&
    filled.arenaBytes + arenaBytesOf(batch) <= block.arena.length &&
    textFits(batch, block.stringBytes.length - filled.stringBytes) &&
    (filled.rows === 0 || isNear(batch.t0Ns - base))
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
  for (let i = 0; i < nSites; i++) {
    codes.functions[i + 1] = calledFunction(writer, batch, i * SITE_WORDS)
  }
}

/** The number of the function that a site of the batch calls; 0 where it names none. */
function calledFunction({ codes, functions, functionsByCode }: Writer, { sites, strings }: Batch, at: number): number {
  const module = sites[at + SITE.module] ?? 0
  const name = sites[at + SITE.function] ?? 0
  const arity = sites[at + SITE.arity] ?? 0
  if (module === 0) return 0
  const code = ((codes.strings[module] ?? 0) * MAX_STRINGS + (codes.strings[name] ?? 0)) * 256 + arity
  const known = functionsByCode.get(code)
  if (known !== undefined) return known
  const number = functionNumber(functions, strings[module - 1] ?? '', strings[name - 1] ?? '', arity)
  functionsByCode.set(code, number)
  return number
}

function functionNumber(functions: Map<string, number>, module: string, name: string, arity: number): number {
  const key = `${module}.${name}/${arity}`
  const known = functions.get(key)
  if (known !== undefined) return known
  functions.set(key, functions.size + 1)
  return functions.size
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
  const { pairing, codes } = writer
  const { sites, functions } = codes
  const from = filled.rows
  for (let i = 0; i < batch.n; i++) {
    const row = from + i
    const site = batch.site[i] ?? 0
    const callee = functions[site] ?? 0
    switch (batch.type[i]) {
      case EVENT_TYPES.call:
        if (callee !== 0 && batch.pid[i] !== 0) push(pairing, processAt(appending, i), callee, siteAt(appending, site), block.ts[row] ?? 0)
        break
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
      case EVENT_TYPES.gap:
      case EVENT_TYPES.capture_start:
      case EVENT_TYPES.capture_end:
        if (batch.pid[i] === 0) giveUpSource(pairing, appending.key)
        else giveUpProcess(pairing, processAt(appending, i))
        break
      default:
    }
    const known = sites[site] ?? 0
    block.site[row] = known !== 0 ? known : siteAt(appending, site)
  }
}

/** The number of the process of event `i`, looked up once for each of the block. */
function processAt({ writer: { codes, pairing, processes }, batch, key }: Appending, i: number): number {
  const pid = batch.pid[i] ?? 0
  const code = codes.pids[pid] ?? 0
  const known = processes[code] ?? -1
  if (known >= 0) return known
  return (processes[code] = processOf(pairing, key, batch.pids[pid - 1] ?? ''))
}

/** The block's code of a site of the batch, looked up once for each that is used. */
function siteAt({ writer, names, batch, source, resolve }: Appending, site: number): number {
  const { codes } = writer
  const known = codes.sites[site] ?? 0
  if (known !== 0 || site === 0) return known
  const words = codes.site
  for (let i = 0; i < SITE_WORDS; i++) words[i] = batch.sites[(site - 1) * SITE_WORDS + i] ?? 0
  for (const field of [SITE.module, SITE.function, SITE.callerModule, SITE.callerFunction, SITE.file, SITE.node]) {
    words[field] = codes.strings[words[field] ?? 0] ?? 0
  }
  const given = words[SITE.node] ?? 0
  const nBefore = names.filled.sites
  const code = siteCode(names, words, given)
  if (code > nBefore) {
    if (given !== 0) setNode(names, code, given, 'given')
    else resolveNode(writer, names, code, (found) => resolve(found, source))
  }
  return (codes.sites[site] = code)
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
  const words = [
    text(mfa?.module), text(mfa?.function), mfa?.arity ?? 0, text(caller?.module), text(caller?.function), caller?.arity ?? 0,
    text(caller?.file), caller?.line ?? 0,
  ]
  const nBefore = names.filled.sites
  const code = siteCode(names, words, evidence === 'given' && nodeId !== null ? stringCode(names, nodeId) : 0)
  if (code > nBefore) resolveNode(writer, names, code, () => ({ nodeId, evidence }))
  return (carried.code = code)
}

function resolveNode(writer: Writer, names: Dictionary, code: number, resolve: (site: Site) => ReturnType<Resolve>): void {
  const { nodeId, evidence } = resolve(must(siteOf(names.block, code), 'a site that was just written'))
  const node = nodeId === null ? 0 : stringCode(names, nodeId)
  if (nodeId !== null && node === 0) writer.nodesLeftOut++
  else setNode(names, code, node, evidence)
}

function setNode({ block: { sites } }: Dictionary, code: number, node: number, evidence: Evidence): void {
  sites[(code - 1) * SITE_WORDS + SITE.node] = node
  sites[(code - 1) * SITE_WORDS + SITE.evidence] = EVIDENCE[evidence]
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

/** Takes the sites of open calls over from the block that ends, and numbers their functions anew: others are forgotten. */
function carryOver(writer: Writer): void {
  const { names, pairing } = writer
  if (names === undefined) return
  const carried: Carried[] = []
  const functions = new Map<string, number>()
  /** By site as open calls have it: its place among the carried ones, and the number of its function. */
  const seats = new Map<number, { readonly idx: number; readonly callee: number }>()
  const seatOf = (found: number): { readonly idx: number; readonly callee: number } => {
    const known = seats.get(found)
    if (known !== undefined) return known
    const site = found > 0 ? must(siteOf(names.block, found), 'the site of an open call') : must(writer.carried[-1 - found], 'a carried site').site
    const called = must(site.mfa, 'a call of a function')
    const seat = { idx: carried.push({ site, code: 0 }) - 1, callee: functionNumber(functions, called.module, called.function, called.arity) }
    seats.set(found, seat)
    return seat
  }
  rebase(pairing, (place) => {
    const { idx, callee } = seatOf(pairing.site[place] ?? 0)
    pairing.site[place] = -1 - idx
    pairing.callee[place] = callee
  })
  writer.carried = carried
  writer.functions = functions
}
