/** Blocks for tests: small ones, and what their rows say in names. */

import { must } from '../../src/base/assert.ts'
import { type Block, blockBytes, type Counts, counts, layOut } from '../../src/event/block.ts'
import { correlationOf, pidOf, siteOf, sourceOf, type Site } from '../../src/event/names.ts'
import type { EventSource } from '../../src/model/event.ts'

export const SMALL: Counts = {
  rows: 300, sites: 400, pids: 400, correlations: 400, sources: 8, strings: 4000, stringBytes: 400_000, arenaBytes: 40_000, summaryBytes: 64_000,
}

export function newBlock(capacity: Counts = SMALL): Block {
  return layOut(new SharedArrayBuffer(blockBytes(capacity)), capacity)
}

export type Row = {
  readonly type: number
  readonly ns: bigint
  readonly pid: string | null
  readonly source: EventSource | undefined
  readonly peer: string | null
  readonly corr: string | null
  readonly site: Site | undefined
  readonly took: number
  readonly own: number
  readonly payload: readonly number[] | null
}

export function rowsOf(block: Block): readonly Row[] {
  return Array.from({ length: counts(block).rows }, (_, row) => rowAt(block, row))
}

function rowAt(block: Block, row: number): Row {
  const word = (column: ArrayLike<number>): number => must(column[row], 'a row')
  const at = word(block.payload)
  const length = at === 0 ? 0 : Buffer.from(block.arena.slice(at - 1, at + 3)).readUInt32LE()
  return {
    type: word(block.type), ns: must(block.base[0], 'a base') + BigInt(word(block.ts)),
    pid: pidOf(block, word(block.pid)), source: sourceOf(block, word(block.pid)), peer: pidOf(block, word(block.peer)),
    corr: correlationOf(block, word(block.corr)), site: siteOf(block, word(block.site)), took: word(block.took), own: word(block.own),
    payload: at === 0 ? null : [...block.arena.subarray(at + 3, at + 3 + length)],
  }
}
