/** Queries through the reader: what is on disk is answered as what is resident, and lists of blocks are right at every moment. */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { BlockRef } from '../../src/event/query/blocks.ts'
import type { EventFilter, Order } from '../../src/event/query/filter.ts'
import { finish, runQuery } from '../../src/event/query/run.ts'
import { openLearnt, queriesOn } from '../../src/event/query/scan.ts'
import { ingest } from '../../src/event/event-store.ts'
import { timeRange } from '../../src/event/seal.ts'
import { seed } from './batches.ts'
import { memoryDisk } from './memory-disk.ts'
import { CONFIG, incoming, nameOf, numbered, type Opened, openStore } from './stores.ts'

function within<T>({ slabReader }: Opened, run: () => T): T {
  slabReader.enter()
  try {
    return run()
  } finally {
    slabReader.leave()
  }
}

function ask(opened: Opened, filter: EventFilter, order: Order): unknown {
  return within(opened, () => finish(runQuery(queriesOn(opened.reader.blocks(), openLearnt()), { filter, order, limit: 30 })))
}

const FILTERS: readonly EventFilter[] = [
  {}, { pid: '0.1.0' }, { pid: '0.2.0', types: ['send'] }, { correlationId: nameOf(1, 3, 2) }, { module: 'Mod1' }, { module: 'Mod2', function: 'fun', arity: 1 },
  { nodeId: 'nowhere' }, { types: ['exit'] }, { sinceNs: 1_000_004_000n, untilNs: 1_000_007_003n }, { node: 'shop@host', startNs: 5n, module: 'Mod0' }, { correlationId: 'nobody' },
]

test('the same events give the same answers, resident, copied or in files, finished or not', () => {
  const sent = fc.array(fc.record({ session: fc.constantFrom(1, 2), n: fc.integer({ min: 1, max: 8 }), at: fc.integer({ min: 0, max: 9000 }) }), { minLength: 1, maxLength: 14 })
  fc.assert(fc.property(sent, fc.constantFrom(...FILTERS), fc.constantFrom<Order>('asc', 'desc'), (batches, filter, order) => {
    const resident = openStore(memoryDisk(), { nSlabs: 12 })
    const filed = openStore(memoryDisk(), { nSlabs: 1, config: { ...CONFIG, maxFileBytes: 1500 } })
    for (const [idx, { session, n, at }] of batches.entries()) {
      for (const { store } of [resident, filed]) expect(ingest(store, incoming(session, numbered(session, idx + 1, n, at))).ok).toBe(true)
    }
    const answered = JSON.parse(printed(ask(resident, filter, order))) as unknown
    expect(JSON.parse(printed(ask(filed, filter, order)))).toEqual(answered)
    expect(JSON.parse(printed(finish(runQuery(queriesOn(resident.reader.copies(), openLearnt()), { filter, order, limit: 30 }))))).toEqual(answered)
    expect(filed.reader.problems()).toEqual([])
  }), { ...seed, numRuns: 60 })
})

test('a list tells of the open block as far as it is filled, late events included', () => {
  const opened = openStore(memoryDisk())
  for (const [idx, at] of [5000, 7000, 100, 6000, 90_000, 2].entries()) {
    ingest(opened.store, incoming(1, numbered(1, idx + 1, 6, at)))
    const check = within(opened, () => opened.reader.blocks().refs().map((ref): [BlockRef, unknown] => {
      const block = opened.slabReader.find(ref.number)
      return [ref, block === undefined ? undefined : timeRange(block)]
    }))
    for (const [{ minNs, maxNs }, range] of check) expect({ minNs, maxNs }).toEqual(range)
    expect(check.reduce((sum, [{ nRows }]) => sum + nRows, 0)).toBe((idx + 1) * 6)
  }
})

/** Zones and figures of the way to the answer differ; the events do not. */
function printed(answer: unknown): string {
  const { events } = answer as { events: unknown }
  return JSON.stringify(events, (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value))
}
