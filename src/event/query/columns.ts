/**
 * What one query sees of a block, and the reading of its columns: with names.ts the only place that knows where a value
 * stands. A view has as many rows as the query's snapshot, sealed or open as the block was when the view was made.
 *
 * Codes count from 1 and 0 is none, so the entry of code c in a table of names is the (c - 1)th.
 */

import { EVENT_TYPES, type EventSource, type EventType } from '../../model/event.ts'
import { type Block, type Counts, PID, PID_WORDS, SITE, SITE_WORDS, SOURCE, SOURCE_WORDS, counts, isSealed } from '../block.ts'
import { timeAfter } from '../block-time.ts'
import { type Site, pidOf, siteOf, sourceOf } from '../names.ts'
import type { BlockRef } from './blocks.ts'

export type BlockView = {
  readonly block: Block
  readonly number: number
  /** Rows beyond are not the query's. */
  readonly rows: number
  readonly counts: Counts
  /** Postings and `order` are there. */
  readonly sealed: boolean
  readonly baseNs: bigint
  /** Names that were read, by code. */
  readonly read: { readonly sites: Map<number, Site>; readonly pids: Map<number, ProcessName> }
}

export type ProcessName = { readonly source: EventSource; readonly pid: string }

const TYPE_NAMES: readonly (EventType | undefined)[] = typeNames()
const NO_SITE: Site = { mfa: null, caller: null, nodeId: null, evidence: 'none' }
/** Of an event without a process. */
const NO_PROCESS: ProcessName = { source: { node: '', startNs: 0n }, pid: '' }

export function viewOf(ref: BlockRef, block: Block): BlockView {
  // The state first: what is sealed now has every name and posting of the counts that follow.
  const sealed = isSealed(block)
  const counted = counts(block)
  return {
    block, sealed, counts: counted, number: ref.number, rows: Math.min(counted.rows, ref.nRows), baseNs: block.base[0] ?? 0n,
    read: { sites: new Map(), pids: new Map() },
  }
}

export function timestampNs(view: BlockView, row: number): bigint {
  return view.baseNs + BigInt(view.block.ts[row] ?? 0)
}

/** A time as the column `ts` has it: rows with less are before it, and no others. */
export function relativeNs(view: BlockView, ns: bigint): number {
  return timeAfter(view.baseNs, ns)
}

/** A code that this version does not know reads as an annotation. */
export function typeName(code: number): EventType {
  return TYPE_NAMES[code] ?? 'annotation'
}

export function siteNames(view: BlockView, site: number): Site {
  const known = view.read.sites.get(site)
  if (known !== undefined) return known
  const names = siteOf(view.block, site) ?? NO_SITE
  view.read.sites.set(site, names)
  return names
}

export function processName(view: BlockView, pid: number): ProcessName {
  const known = view.read.pids.get(pid)
  if (known !== undefined) return known
  const source = sourceOf(view.block, pid)
  const name = source === undefined ? NO_PROCESS : { source, pid: pidOf(view.block, pid) ?? '' }
  view.read.pids.set(pid, name)
  return name
}

export function stringStart(block: Block, code: number): number {
  return code === 1 ? 0 : (block.strings[code - 2] ?? 0)
}

export function stringEnd(block: Block, code: number): number {
  return block.strings[code - 1] ?? 0
}

export function siteWord(block: Block, site: number, word: keyof typeof SITE): number {
  return site === 0 ? 0 : (block.sites[(site - 1) * SITE_WORDS + SITE[word]] ?? 0)
}

export function sourceCode(block: Block, pid: number): number {
  return pid === 0 ? 0 : (block.pids[(pid - 1) * PID_WORDS + PID.source] ?? 0)
}

export function pidStringCode(block: Block, pid: number): number {
  return pid === 0 ? 0 : (block.pids[(pid - 1) * PID_WORDS + PID.pid] ?? 0)
}

export function sourceNodeCode(block: Block, source: number): number {
  return source === 0 ? 0 : (block.sources[(source - 1) * SOURCE_WORDS + SOURCE.node] ?? 0)
}

export function sourceStartNs(block: Block, source: number): bigint {
  if (source === 0) return 0n
  const at = (source - 1) * SOURCE_WORDS
  return (BigInt(block.sources[at + SOURCE.startHigh] ?? 0) << 32n) | BigInt(block.sources[at + SOURCE.startLow] ?? 0)
}

/** A copy: the block's memory may be given to another block once the query is done. Null where there is none. */
export function payloadOf(view: BlockView, row: number): Uint8Array | null {
  const { block } = view
  const at = block.payload[row] ?? 0
  if (at === 0) return null
  const byte = (i: number) => block.arena[at - 1 + i] ?? 0
  const length = (byte(0) | (byte(1) << 8) | (byte(2) << 16) | (byte(3) << 24)) >>> 0
  return Uint8Array.from(block.arena.subarray(at + 3, at + 3 + length))
}

function typeNames(): (EventType | undefined)[] {
  const names: (EventType | undefined)[] = []
  for (const [name, code] of Object.entries(EVENT_TYPES)) names[code] = name as EventType
  return names
}
