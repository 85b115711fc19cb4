/**
 * The names of the open block as its writer knows them: from a name to its code, and into the block where it is new. Codes
 * count from 1. What is written here is seen by readers once the counts are published. Nothing is ever taken back: where
 * a name finds no room, its code is 0 and the writer says what that means.
 */

import type { EventSource } from '../model/event.ts'
import { type Block, type Counts, PID_WORDS, SITE_WORDS, SOURCE_WORDS } from './block.ts'

type Filled = { -readonly [Name in keyof Counts]: Counts[Name] }

export type Dictionary = {
  readonly block: Block
  /** What is filled, published or not. */
  readonly filled: Filled
  readonly text: Buffer
  readonly strings: Map<string, number>
  readonly correlations: Map<string, number>
  readonly sources: Map<string, number>
  /** By code of the source. */
  readonly pids: Map<string, number>[]
  /** Codes of sites, at the place their hash names or the next free one. */
  readonly siteTable: Uint16Array
}

/** Of hash tables of sites: twice as many places as there can be codes. */
export const SITE_TABLE = 1 << 17

export function openDictionary(block: Block): Dictionary {
  const { stringBytes } = block
  return {
    block, text: Buffer.from(stringBytes.buffer, stringBytes.byteOffset, stringBytes.length),
    filled: { rows: 0, sites: 0, pids: 0, correlations: 0, sources: 0, strings: 0, stringBytes: 0, arenaBytes: 0, summaryBytes: 0 },
    strings: new Map(), correlations: new Map(), sources: new Map(), pids: [], siteTable: new Uint16Array(SITE_TABLE),
  }
}

/** 0 where there is no room. */
export function stringCode({ block, filled, text, strings }: Dictionary, name: string): number {
  const known = strings.get(name)
  if (known !== undefined) return known
  const room = text.length - filled.stringBytes
  if (filled.strings >= block.strings.length || (name.length * 3 > room && Buffer.byteLength(name) > room)) return 0
  filled.stringBytes += text.write(name, filled.stringBytes, 'utf8')
  block.strings[filled.strings] = filled.stringBytes
  strings.set(name, ++filled.strings)
  return filled.strings
}

export function sourceKey({ node, startNs }: EventSource): string {
  return `${startNs} ${node}`
}

export function sourceCode(names: Dictionary, source: EventSource): number {
  const key = sourceKey(source)
  const known = names.sources.get(key)
  if (known !== undefined) return known
  const { block, filled } = names
  const start = BigInt.asUintN(64, source.startNs)
  block.sources.set([stringCode(names, source.node), Number(start & 0xffff_ffffn), Number(start >> 32n)], filled.sources * SOURCE_WORDS)
  names.sources.set(key, ++filled.sources)
  return filled.sources
}

export function pidCode(names: Dictionary, source: number, pid: string): number {
  const ofSource = (names.pids[source] ??= new Map())
  const known = ofSource.get(pid)
  if (known !== undefined) return known
  const { block, filled } = names
  const at = filled.pids * PID_WORDS
  block.pids[at] = source
  block.pids[at + 1] = stringCode(names, pid)
  ofSource.set(pid, ++filled.pids)
  return filled.pids
}

export function correlationCode(names: Dictionary, id: string): number {
  const known = names.correlations.get(id)
  if (known !== undefined) return known
  const { block, filled } = names
  block.correlations[filled.correlations] = stringCode(names, id)
  names.correlations.set(id, ++filled.correlations)
  return filled.correlations
}

/** The code of the site of these words, which are the block's codes. A site is its names, its node and its evidence. */
export function siteCode({ block: { sites }, filled, siteTable }: Dictionary, words: ArrayLike<number>): number {
  let place = hashOf(words, SITE_WORDS)
  for (let code = siteTable[place] ?? 0; code !== 0; code = siteTable[place] ?? 0) {
    if (isSame(sites, (code - 1) * SITE_WORDS, words, SITE_WORDS)) return code
    place = (place + 1) % SITE_TABLE
  }
  for (let i = 0; i < SITE_WORDS; i++) sites[filled.sites * SITE_WORDS + i] = words[i] ?? 0
  siteTable[place] = ++filled.sites
  return filled.sites
}

/** The place in a table of `SITE_TABLE` where these words are looked for first. */
export function hashOf(words: ArrayLike<number>, nWords: number): number {
  let hash = 0
  for (let i = 0; i < nWords; i++) hash = Math.imul(hash ^ (words[i] ?? 0), 0x9e37_79b1) ^ (hash >>> 15)
  return (hash >>> 8) % SITE_TABLE
}

export function isSame(table: Uint32Array, at: number, words: ArrayLike<number>, nWords: number): boolean {
  for (let i = 0; i < nWords; i++) if (table[at + i] !== words[i]) return false
  return true
}
