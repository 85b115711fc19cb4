/** How queries are answered, as `explainQuery` tells it. */

import { expect, test } from 'vitest'
import type { EventQuery } from '../../../src/event/query/filter.ts'
import { explainQuery, finish, runQuery } from '../../../src/event/query/run.ts'
import { openLearnt, queriesOn } from '../../../src/event/query/scan.ts'
import { countEvents, groupEvents } from '../../../src/event/query/count.ts'
import { event, linkPayload, memoryBlocks } from './memory-blocks.ts'

/** Four blocks of 100 events, one a nanosecond from 0 on; each tenth of `rare`, each second of `often`; the last block is open. */
function explained(query: Partial<EventQuery>, footers: 'footers' | 'no footers' = 'footers') {
  const blocks = memoryBlocks(100, footers)
  for (let n = 0; n < 400; n++) {
    const pid = n % 10 === 0 ? 'rare' : n % 2 === 0 ? 'often' : n < 100 ? 'early' : 'other'
    blocks.append([event(n % 4 === 0 ? 'call' : 'return', BigInt(n), { pid, correlationId: n === 250 ? 'one' : null, durationNs: n % 4 === 0 ? null : n })])
  }
  return finish(explainQuery(queriesOn(blocks, openLearnt()), { filter: {}, order: 'asc', limit: 1000, ...query }))
}

test('the shortest postings are taken, and the open block is scanned', () => {
  const { opened, found } = explained({ filter: { pid: 'rare', types: ['call', 'return'] } })
  expect(found).toBe(40)
  expect(opened.map(({ index, examined }) => [index, examined])).toEqual([['pid', 10], ['pid', 10], ['pid', 10], ['time', 100]])
  expect(opened[0]).toEqual({ block: 1, zone: 'warm', rows: 100, index: 'pid', lengths: { time: 100, pid: 10, type: 100 }, candidates: 10, examined: 10 })
})

test('a short range of time is scanned', () => {
  const { opened, skipped } = explained({ filter: { pid: 'rare', sinceNs: 150n, untilNs: 155n } })
  expect(opened.map(({ block, index, examined }) => [block, index, examined])).toEqual([[2, 'time', 5]])
  expect(skipped).toEqual({ time: 3, footer: 0, names: 0, gone: 0, unreached: 0 })
})

test('blocks that lack what is asked for are not opened where footers say so, and not gone through where their names do', () => {
  expect(explained({ filter: { correlationId: 'one' } }).skipped).toMatchObject({ footer: 2, names: 1 })
  expect(explained({ filter: { correlationId: 'one' } }, 'no footers').skipped).toMatchObject({ footer: 0, names: 3 })
})

test('a full limit leaves the other blocks alone, from either end', () => {
  const asc = explained({ limit: 5, filter: { pid: 'rare' } })
  expect([asc.opened.map(({ block }) => block), asc.skipped.unreached, asc.examined]).toEqual([[1], 3, 5])
  const desc = explained({ limit: 1, order: 'desc' })
  expect([desc.opened.map(({ block }) => block), desc.skipped.unreached, desc.examined]).toEqual([[4], 3, 1])
})

test('durations that no block has are looked for in none', () => {
  expect(explained({ filter: { minDurationNs: 250 } }).opened.map(({ block, index }) => [block, index])).toEqual([[3, 'time'], [4, 'time']])
})

test('a scan yields after so many rows', () => {
  const blocks = memoryBlocks(100)
  for (let n = 0; n < 250; n++) blocks.append([event('call', BigInt(n))])
  const run = explainQuery(queriesOn(blocks, openLearnt(), 10), { filter: { minDurationNs: 1 }, order: 'asc', limit: 10 })
  let yields = 0
  while (run.next().done !== true) yields++
  // Of two sealed blocks no row has a duration; the open one has fifty rows.
  expect(yields).toBe(4)
})

test('an event that is linked to the node it has anyway is found once', () => {
  const blocks = memoryBlocks(100)
  for (let n = 0; n < 100; n++) blocks.append([event('call', BigInt(n), { nodeId: n < 3 ? 'M.f/0' : 'M.g/0', evidence: 'line' })])
  blocks.append([event('correlation', 200n, { nodeId: 'M.f/0', payload: linkPayload(blocks.stored[1]?.id ?? '') })])
  blocks.append([event('correlation', 201n, { nodeId: 'M.f/0', payload: linkPayload(blocks.stored[50]?.id ?? '') })])
  const { events, outcome } = finish(runQuery(queriesOn(blocks, openLearnt()), { filter: { nodeId: 'M.f/0', types: ['call'] }, order: 'asc', limit: 100 }))
  expect(events.map(({ timestampNs, evidence }) => `${timestampNs} ${evidence}`)).toEqual(['0 line', '1 given', '2 line', '50 given'])
  expect(outcome.opened[0]).toMatchObject({ index: 'site', candidates: 4 })
})

test('of a block that was sealed since the list was made, only the rows of the list count', () => {
  const blocks = memoryBlocks(100)
  for (let n = 0; n < 50; n++) blocks.append([event('call', BigInt(n))])
  const refs = blocks.refs()
  for (let n = 50; n < 100; n++) blocks.append([event('call', BigInt(n))])
  blocks.seal()
  const queries = queriesOn({ ...blocks, refs: () => refs }, openLearnt())
  expect(finish(countEvents(queries, { types: ['call'] })).count).toBe(50)
  expect(finish(groupEvents(queries, {}, 'type')).groups.map(({ count }) => count)).toEqual([50])
  expect(finish(runQuery(queries, { filter: {}, order: 'desc', limit: 1 })).events[0]?.timestampNs).toBe(49n)
})
