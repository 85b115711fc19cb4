/**
 * The names that a block's codes stand for, read from any thread: strings, processes, sources and sites. Nothing here keeps
 * what it read: whoever asks often caches by block number and code, because a code never changes its meaning in a block.
 */

import { EVIDENCE, type Evidence, type EventCaller, type EventFunction, type EventSource } from '../model/event.ts'
import { type Block, PID, PID_WORDS, SITE, SITE_WORDS, SOURCE, SOURCE_WORDS } from './block.ts'

/** What a site calls and from where, in names; a side that is not known is null. */
export type SiteNames = { readonly mfa: EventFunction | null; readonly caller: EventCaller | null }

export type Site = SiteNames & { readonly nodeId: string | null; readonly evidence: Evidence }

/** By code of `EVIDENCE`. */
export const EVIDENCE_NAMES = Object.keys(EVIDENCE) as readonly Evidence[]

/** The string of a code; empty for 0. */
export function stringOf(block: Block, code: number): string {
  if (code === 0) return ''
  const { stringBytes, strings } = block
  const start = code === 1 ? 0 : (strings[code - 2] ?? 0)
  const end = strings[code - 1] ?? start
  return Buffer.from(stringBytes.buffer, stringBytes.byteOffset + start, end - start).toString('utf8')
}

/** The pid of a process, as `pid` and `peer` code it; null for 0. */
export function pidOf(block: Block, code: number): string | null {
  return code === 0 ? null : stringOf(block, word(block.pids, code, PID_WORDS, PID.pid))
}

/** Where a process runs; undefined for 0. */
export function sourceOf(block: Block, pidCode: number): EventSource | undefined {
  const source = pidCode === 0 ? 0 : word(block.pids, pidCode, PID_WORDS, PID.source)
  if (source === 0) return undefined
  const low = word(block.sources, source, SOURCE_WORDS, SOURCE.startLow)
  const high = word(block.sources, source, SOURCE_WORDS, SOURCE.startHigh)
  return { node: stringOf(block, word(block.sources, source, SOURCE_WORDS, SOURCE.node)), startNs: (BigInt(high) << 32n) | BigInt(low) }
}

export function correlationOf(block: Block, code: number): string | null {
  return code === 0 ? null : stringOf(block, block.correlations[code - 1] ?? 0)
}

/** The site of a code; undefined for 0. */
export function siteOf(block: Block, code: number): Site | undefined {
  if (code === 0) return undefined
  const at = (field: number): number => word(block.sites, code, SITE_WORDS, field)
  const text = (field: number): string => stringOf(block, at(field))
  const node = at(SITE.node)
  return {
    mfa: at(SITE.module) === 0 ? null : { module: text(SITE.module), function: text(SITE.function), arity: at(SITE.arity) },
    caller: at(SITE.callerModule) === 0 ? null : {
      module: text(SITE.callerModule), function: text(SITE.callerFunction), arity: at(SITE.callerArity), file: text(SITE.file), line: at(SITE.line),
    },
    nodeId: node === 0 ? null : stringOf(block, node),
    evidence: EVIDENCE_NAMES[at(SITE.evidence)] ?? 'none',
  }
}

/** One word of entry `code` in a table of entries of so many words. */
function word(table: Uint32Array, code: number, words: number, field: number): number {
  return table[(code - 1) * words + field] ?? 0
}
