/** Summaries: figures against plain sums, the error of quantiles against sorting, merging in any order, and the section. */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { must } from '../../src/base/assert.ts'
import { counts } from '../../src/event/block.ts'
import { siteOf } from '../../src/event/names.ts'
import { seal } from '../../src/event/seal.ts'
import { encodeSummary, readSummary } from '../../src/event/summary-codec.ts'
import { addTo, openSum, summariesOf } from '../../src/event/sums.ts'
import { mergeSummaries, NO_SUMMARY, quantile, RELATIVE_ERROR, type SiteSummary, summariseSites } from '../../src/event/summary.ts'
import { append, beginBlock } from '../../src/event/writer.ts'
import { openWriter } from '../../src/event/writer-state.ts'
import { EVENT_TYPES } from '../../src/model/event.ts'
import { batchOf, seed, type TestEvent } from './batches.ts'
import { newBlock, rowsOf, SMALL } from './rows.ts'
import { decodeSummary, summarise } from './summaries.ts'

const durations = fc.array(fc.oneof(fc.nat(200), fc.nat(1e6), fc.maxSafeInteger().map((n) => Math.abs(n)), fc.constant(0)), { minLength: 1, maxLength: 200, size: 'max' })

/** The summary of one site whose returns took so long, made as blocks are summed up. */
function summaryOf(all: readonly number[]): SiteSummary {
  const block = newBlock()
  for (const [row, ns] of all.entries()) {
    block.type[row] = EVENT_TYPES.return
    block.took[row] = ns % 3 === 1 ? -ns : ns
    block.own[row] = 0
  }
  const rows = Uint16Array.from(all, (_, row) => row)
  return must(summariseSites(block, Uint32Array.of(0, 0, all.length), rows).get(1), 'a summary')
}

test('a quantile is off by no more than its stated share of the duration', () => {
  fc.assert(fc.property(durations, fc.oneof(fc.constantFrom(0, 0.5, 0.95, 0.99, 1), fc.double({ min: 0, max: 1, noNaN: true })), (all, q) => {
    const exact = must(all.toSorted((a, b) => a - b)[Math.floor(q * (all.length - 1))], 'a duration')
    const found = must(quantile(summaryOf(all), q), 'a quantile')
    expect(Math.abs(found - exact)).toBeLessThanOrEqual(exact * RELATIVE_ERROR)
  }), { ...seed, numRuns: 500 })
})

test('merging is commutative and associative, has a neutral element, and is the summary of all together', () => {
  const some = fc.array(fc.oneof(fc.nat(200), fc.nat(1e9)), { minLength: 1, maxLength: 60, size: 'max' })
  fc.assert(fc.property(some, some, some, (a, b, c) => {
    const [x, y, z] = [summaryOf(a), summaryOf(b), summaryOf(c)]
    expect(mergeSummaries(x, y)).toEqual(mergeSummaries(y, x))
    expect(mergeSummaries(mergeSummaries(x, y), z)).toEqual(mergeSummaries(x, mergeSummaries(y, z)))
    expect(mergeSummaries(x, NO_SUMMARY)).toEqual(x)
    expect(mergeSummaries(NO_SUMMARY, x)).toEqual(x)
    expect(mergeSummaries(x, y)).toEqual(summaryOf([...a, ...b]))
  }), seed)
})

test('many added at once, as they stand in blocks or as they were merged, are what merging one by one makes of them', () => {
  const some = fc.array(fc.oneof(fc.nat(200), fc.nat(1e9)), { maxLength: 60, size: 'max' }).map((all) => (all.length === 0 ? NO_SUMMARY : summaryOf(all)))
  fc.assert(fc.property(fc.array(fc.tuple(some, fc.boolean()), { maxLength: 6 }), (all) => {
    const sum = openSum()
    for (const [summary, isPacked] of all) {
      const bytes = new Uint8Array(10_000)
      if (isPacked) readSummary(bytes.subarray(0, encodeSummary(new Map([[1, summary]]), bytes)), (_code, counted, sketch) => addTo(sum, counted, sketch))
      else addTo(sum, summary, summary.sketch)
    }
    expect(summariesOf([sum, openSum()])).toMatchObject([all.reduce((merged, [summary]) => mergeSummaries(merged, summary), NO_SUMMARY), NO_SUMMARY])
  }), seed)
})

test('without a known duration there is no quantile', () => {
  expect(quantile(NO_SUMMARY, 0.5)).toBeUndefined()
})

const anyEvents = fc.array(fc.record({
  type: fc.constantFrom<TestEvent['type']>('call', 'call', 'return', 'return', 'exception', 'send'), pid: fc.constantFrom('p', 'q'), mfa: fc.constantFrom('A.f/1', 'A.g/1', 'B.h/0'),
  wait: fc.nat(100_000),
}), { minLength: 1, maxLength: 200, size: 'max' })

test('a block sums up its rows, open or sealed', () => {
  fc.assert(fc.property(anyEvents, (all) => {
    let now = 0
    const block = newBlock()
    const writer = openWriter()
    beginBlock(writer, block, 1)
    append(writer, batchOf(all.map(({ wait, ...event }) => ({ ...event, ts: (now += wait) }))), { node: 'n', startNs: 0n }, () => ({ nodeId: null, evidence: 'none' }))
    const open = summarise(block)
    seal(block)
    expect(summarise(block)).toEqual(open)
    const rows = rowsOf(block)
    for (let code = 1; code <= counts(block).sites; code++) {
      const mine = rows.filter(({ site }) => site?.mfa !== null && JSON.stringify(site) === JSON.stringify(siteOf(block, code)))
      const ofType = (type: number): number => mine.filter((row) => row.type === type).length
      const timed = mine.filter(({ took }) => !Number.isNaN(took))
      const took = timed.map((row) => Math.abs(row.took))
      const sum = (all: readonly number[]): number => all.reduce((total, ns) => total + ns, 0)
      const expected = { calls: ofType(EVENT_TYPES.call), returns: ofType(EVENT_TYPES.return), exceptions: ofType(EVENT_TYPES.exception) }
      if (expected.calls + expected.returns + expected.exceptions === 0) expect(open.has(code)).toBe(false)
      else {
        expect(open.get(code)).toMatchObject({
          ...expected, timed: timed.length, sumNs: sum(took), outerNs: sum(timed.map((row) => Math.max(0, row.took))), ownNs: sum(timed.map(({ own }) => own)),
          minNs: Math.min(...took), maxNs: Math.max(0, ...took),
        })
      }
    }
  }), seed)
})

test('the section holds a summary whole', () => {
  const any = fc.uniqueArray(fc.integer({ min: 1, max: 65_534 }), { maxLength: 8 }).chain((codes) =>
    fc.array(fc.tuple(durations, fc.nat(70_000)), { minLength: codes.length, maxLength: codes.length }).map((all) =>
      new Map(codes.sort((a, b) => a - b).map((code, idx) => {
        const [times, calls] = must(all[idx], 'times')
        return [code, calls % 2 === 0 ? { ...NO_SUMMARY, calls } : { ...summaryOf(times), calls }]
      }))))
  fc.assert(fc.property(any, (summary) => {
    const bytes = new Uint8Array(SMALL.summaryBytes)
    const length = encodeSummary(summary, bytes)
    expect(decodeSummary(bytes.subarray(0, length))).toEqual(summary)
  }), seed)
})
