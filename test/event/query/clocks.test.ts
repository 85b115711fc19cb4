/** Blocks with events of clocks that are years apart: every page, either way, has each event once, in order, and windows are exact. */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { must } from '../../../src/base/assert.ts'
import { type Block, counts } from '../../../src/event/block.ts'
import type { BlockRef, Blocks } from '../../../src/event/query/blocks.ts'
import { countEvents } from '../../../src/event/query/count.ts'
import type { Position } from '../../../src/event/query/filter.ts'
import { finish, runQuery } from '../../../src/event/query/run.ts'
import { openLearnt, type Queries, queriesOn } from '../../../src/event/query/scan.ts'
import { seal, timeRange } from '../../../src/event/seal.ts'
import { append, beginBlock } from '../../../src/event/writer.ts'
import { openWriter } from '../../../src/event/writer-state.ts'
import { batchOf, seed } from '../batches.ts'
import { newBlock, rowsOf, SMALL } from '../rows.ts'

const YEAR_NS = 31_536_000n * 1_000_000_000n
const NOW = 1_790_000_000_000_000_123n
const CLOCKS = [NOW, NOW - 50n * YEAR_NS, NOW + 200n * YEAR_NS, NOW + 1n * YEAR_NS]
const batch = fc.record({ clock: fc.constantFrom(0, 0, 1, 2, 3), atNs: fc.integer({ min: 0, max: 20_000 }), n: fc.integer({ min: 1, max: 4 }), step: fc.integer({ min: 0, max: 3000 }) })

function filled(given: readonly { clock: number; atNs: number; n: number; step: number }[]): Block[] {
  const writer = openWriter()
  const blocks: Block[] = []
  const begin = (): void => {
    const last = blocks.at(-1)
    if (last !== undefined) seal(last)
    blocks.push(newBlock({ ...SMALL, rows: 12 }))
    beginBlock(writer, must(blocks.at(-1), 'a block'), blocks.length)
  }
  begin()
  for (const [idx, { clock, atNs, n, step }] of given.entries()) {
    const events = Array.from({ length: n }, (_, i) => ({ type: 'send' as const, ts: i * step, pid: `0.${clock}.0`, corr: `${idx}.${i}` }))
    const put = (): string => append(writer, batchOf(events, { no: idx + 1, t0Ns: must(CLOCKS[clock], 'a clock') + BigInt(atNs) }), { node: `n${clock}@host`, startNs: 1n }, () => ({ nodeId: null, evidence: 'none' }))
    if (put() === 'appended') continue
    begin()
    expect(put()).toBe('appended')
  }
  return blocks
}

function queriesFor(blocks: readonly Block[]): Queries {
  const refs = blocks.map((block, idx): BlockRef => ({ number: idx + 1, nRows: counts(block).rows, ...must(timeRange(block), 'rows'), zone: 'hot' }))
  const all: Blocks = { refs: () => refs, open: ({ number }) => blocks[number - 1] ?? 'gone', mayHold: () => true }
  return queriesOn(all, openLearnt())
}

test('pages in either order have every event once, in order; windows have those within', () => {
  fc.assert(fc.property(fc.array(batch, { minLength: 1, maxLength: 25 }), fc.integer({ min: 1, max: 7 }), (given, limit) => {
    const blocks = filled(given)
    const queries = queriesFor(blocks)
    const rows = blocks.flatMap((block, at) => rowsOf(block).map(({ ns, corr }, row) => ({ ns, corr, block: at + 1, row })))
    rows.sort((a, b) => (a.ns === b.ns ? a.block - b.block || a.row - b.row : a.ns < b.ns ? -1 : 1))
    for (const order of ['asc', 'desc'] as const) {
      const found: (string | null)[] = []
      for (let after: Position | null | undefined; after !== null;) {
        const page = finish(runQuery(queries, { filter: {}, order, limit, ...(after === undefined ? {} : { after }) }))
        found.push(...page.events.map(({ correlationId }) => correlationId))
        after = page.next
      }
      expect(found).toEqual((order === 'asc' ? rows : rows.toReversed()).map(({ corr }) => corr))
    }
    for (const { ns } of rows) {
      for (const at of [ns - 1n, ns, ns + 1n, ns + 1024n]) {
        expect(finish(countEvents(queries, { sinceNs: at })).count).toBe(rows.filter((row) => row.ns >= at).length)
        expect(finish(countEvents(queries, { untilNs: at })).count).toBe(rows.filter((row) => row.ns < at).length)
      }
    }
  }), seed)
})

test('a time of any clock is off by less than a grain, and of most of them by nothing', () => {
  fc.assert(fc.property(fc.array(batch, { minLength: 1, maxLength: 25 }), (given) => {
    const told = filled(given).flatMap((block) => rowsOf(block).map(({ ns, corr }) => ({ ns, corr })))
    for (const { ns, corr } of told) {
      const [idx = 0, i = 0] = (corr ?? '').split('.').map(Number)
      const { clock, atNs, step } = must(given[idx], 'a batch')
      const off = must(CLOCKS[clock], 'a clock') + BigInt(atNs + i * step) - ns
      expect(off >= 0n && off < 1024n).toBe(true)
      if (given.every((each) => each.clock === clock)) expect(off).toBe(0n)
    }
  }), seed)
})
