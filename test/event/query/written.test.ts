/** Queries on blocks as the writer fills and seals them: what a block's rows say in names is what is answered. */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Block, counts } from '../../../src/event/block.ts'
import type { Blocks } from '../../../src/event/query/blocks.ts'
import type { EventFilter } from '../../../src/event/query/filter.ts'
import { finish, runQuery } from '../../../src/event/query/run.ts'
import { openLearnt, queriesOn } from '../../../src/event/query/scan.ts'
import { seal, timeRange } from '../../../src/event/seal.ts'
import { append, beginBlock } from '../../../src/event/writer.ts'
import { openWriter } from '../../../src/event/writer-state.ts'
import { EVENT_TYPES } from '../../../src/model/event.ts'
import { batches, seed } from '../batches.ts'
import { newBlock, type Row, rowsOf } from '../rows.ts'

const SOURCE = { node: 'shop@host', startNs: (3n << 32n) + 5n }

test('what the writer stored is found by each of its names, before and after sealing', () => {
  fc.assert(
    fc.property(fc.array(batches(), { minLength: 1, maxLength: 6 }), (given) => {
      const writer = openWriter()
      const block = newBlock()
      beginBlock(writer, block, 1)
      const t0Ns = given[0]?.t0Ns ?? 0n
      for (const batch of given) append(writer, { ...batch, t0Ns }, SOURCE, () => ({ nodeId: null, evidence: 'none' }))
      checkAll(block)
      seal(block)
      checkAll(block)
    }),
    { numRuns: 60, ...seed },
  )
})

function checkAll(block: Block): void {
  const rows = rowsOf(block).map((row, idx) => ({ ...row, row: idx }))
  const times = timeRange(block) ?? { minNs: 0n, maxNs: 0n }
  const blocks: Blocks = { refs: () => [{ number: 1, nRows: counts(block).rows, ...times, zone: 'hot' }], open: () => block, mayHold: () => true }
  const queries = queriesOn(blocks, openLearnt())
  const found = (filter: EventFilter) => finish(runQuery(queries, { filter, order: 'asc', limit: 1000 })).events.map(({ id }) => Number(id.split(':').at(-1)))
  const check = (filter: EventFilter, fits: (row: Row) => boolean): void => {
    expect(found(filter)).toEqual(rows.filter(fits).sort((a, b) => (a.ns === b.ns ? a.row - b.row : a.ns < b.ns ? -1 : 1)).map(({ row }) => row))
  }
  check({}, () => true)
  for (const { pid, corr, site, type, ns, took } of rows.filter((_, idx) => idx % 7 === 0)) {
    if (pid !== null) check({ pid, node: SOURCE.node, startNs: SOURCE.startNs }, (row) => row.pid === pid)
    if (corr !== null) check({ correlationId: corr }, (row) => row.corr === corr)
    if (site?.mfa !== undefined && site.mfa !== null && site.mfa.function !== '') check(site.mfa, (row) => JSON.stringify(row.site?.mfa) === JSON.stringify(site.mfa))
    const name = Object.entries(EVENT_TYPES).find(([, code]) => code === type)?.[0] as keyof typeof EVENT_TYPES
    check({ types: [name], sinceNs: ns }, (row) => row.type === type && row.ns >= ns)
    if (took >= 0) check({ minDurationNs: took }, (row) => row.took >= took)
  }
}
