/**
 * The names that a block's codes stand for, read from any thread: strings, processes, sources and sites. Nothing here keeps
 * what it read: whoever asks often caches by block number and code, because a code never changes its meaning in a block.
 */

import { EVIDENCE, type Evidence, type EventCaller, type EventFunction, type EventSource } from '../model/event.ts'
import { type Block, evidenceIn, PID, PID_WORDS, SITE, SITE_WORDS, SOURCE, SOURCE_WORDS } from './block.ts'

/** What a site calls and from where, in names; a side that is not known is null. */
export type SiteNames = { readonly mfa: EventFunction | null; readonly caller: EventCaller | null }

/**
 * What went before a call in its process. Known only where the innermost call that has not returned is the caller itself, or was
 * made from where this one was.
 */
export type Situation = {
  /** The innermost call that has not returned, where it was made from the same caller and line; else null. */
  readonly via: EventFunction | null
  /** How many calls with the same names were made since the innermost call that has not returned was made; undefined: not known, many. */
  readonly nth: number | undefined
  /** The call that was made last since then, by what has not returned; null: none was seen; undefined: not known, or not asked with. */
  readonly after?: SiteNames | null | undefined
}

/** `version`: of the file that the node is named in; left out where it is not known. */
export type Site = SiteNames & { readonly nodeId: string | null; readonly evidence: Evidence; readonly version?: number }

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
  return code === 0 ? undefined : siteOfWords(block, block.sites.subarray((code - 1) * SITE_WORDS, code * SITE_WORDS))
}

/** The site that these words, codes of the block, stand for. */
export function siteOfWords(block: Block, words: Uint32Array): Site {
  const at = (field: number): number => words[field] ?? 0
  const text = (field: number): string => stringOf(block, at(field))
  const { evidence, version } = evidenceIn(at(SITE.evidence))
  return {
    mfa: at(SITE.module) === 0 ? null : { module: text(SITE.module), function: text(SITE.function), arity: at(SITE.arity) },
    caller: at(SITE.callerModule) === 0 ? null : {
      module: text(SITE.callerModule), function: text(SITE.callerFunction), arity: at(SITE.callerArity), file: text(SITE.file), line: at(SITE.line),
    },
    nodeId: at(SITE.node) === 0 ? null : text(SITE.node),
    evidence: EVIDENCE_NAMES[evidence] ?? 'none',
    ...(version === 0 ? {} : { version }),
  }
}

/** One word of entry `code` in a table of entries of so many words. */
function word(table: Uint32Array, code: number, words: number, field: number): number {
  return table[(code - 1) * words + field] ?? 0
}
