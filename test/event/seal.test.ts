/** Sealed blocks: postings and order against plain sorting, and what readers may see of a block that is being sealed. */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { must } from '../../src/base/assert.ts'
import { type Block, BLOCK_ROWS, counts, isSealed, isSorted } from '../../src/event/block.ts'
import { postings } from '../../src/event/postings.ts'
import { seal, timeRange } from '../../src/event/seal.ts'
import { mergeRuns } from '../../src/event/time-order.ts'
import { append, beginBlock } from '../../src/event/writer.ts'
import { openWriter } from '../../src/event/writer-state.ts'
import { batches, batchOf, seed } from './batches.ts'
import { newBlock } from './rows.ts'

const SOURCE = { node: 'a@host', startNs: 1n }

/** Rows by code, as a plain reading gives them. */
function rowsByCode(column: ArrayLike<number>, nRows: number, maxCode: number): number[][] {
  const lists = Array.from({ length: maxCode + 1 }, (): number[] => [])
  for (let row = 0; row < nRows; row++) must(lists[column[row] ?? 0], 'a code in range').push(row)
  return lists
}

const posted = (starts: Uint32Array, rows: Uint16Array, maxCode: number): number[][] =>
  Array.from({ length: maxCode + 1 }, (_, code) => [...rows.subarray(starts[code], starts[code + 1])])

test('postings hold the rows of each code, rising, those of code 0 too', () => {
  fc.assert(fc.property(fc.nat(30).chain((maxCode) => fc.tuple(fc.constant(maxCode), fc.array(fc.nat(maxCode), { maxLength: 200, size: 'max' }))), ([maxCode, codes]) => {
    const starts = new Uint32Array(maxCode + 2).fill(9)
    const rows = new Uint16Array(codes.length)
    postings(Uint16Array.from(codes), codes.length, maxCode, starts, rows)
    expect(posted(starts, rows, maxCode)).toEqual(rowsByCode(codes, codes.length, maxCode))
    expect(starts[0]).toBe(0)
    expect(starts[maxCode + 1]).toBe(codes.length)
  }), seed)
})

const inOrder = (ts: readonly number[]): number[] => ts.map((_, row) => row).sort((a, b) => (ts[a] ?? 0) - (ts[b] ?? 0) || a - b)

test('the order is that of (time, row), and not filled where rows stand so', () => {
  const nearly = fc.array(fc.integer({ min: -3, max: 6 }), { maxLength: 300, size: 'max' }).map((steps) => steps.map(((at) => (step: number) => (at += step))(0)))
  fc.assert(fc.property(fc.oneof(nearly, fc.array(fc.integer({ min: -5, max: 5 }), { maxLength: 300, size: 'max' })), (ts) => {
    const order = new Uint16Array(ts.length)
    const expected = inOrder(ts)
    const sorted = expected.every((row, idx) => row === idx)
    expect(mergeRuns(Float64Array.from(ts), ts.length, order)).toBe(sorted ? 'sorted' : 'out of order')
    if (!sorted) expect([...order]).toEqual(expected)
  }), seed)
})

test('the order of a whole block that falls all the way', () => {
  const ts = Float64Array.from({ length: BLOCK_ROWS }, (_, row) => -Math.floor(row / 3))
  const order = new Uint16Array(BLOCK_ROWS)
  expect(mergeRuns(ts, BLOCK_ROWS, order)).toBe('out of order')
  expect([...order]).toEqual(inOrder([...ts]))
})

test('a sealed block has the postings of all its columns, its order and its time', () => {
  fc.assert(fc.property(fc.array(batches(30), { minLength: 1, maxLength: 6, size: 'max' }), (all) => {
    const block = newBlock()
    const writer = openWriter()
    beginBlock(writer, block, 1)
    for (const batch of all) append(writer, { ...batch, t0Ns: 1_000_000n, ts: batch.ts.map((at) => at % 1e12) }, SOURCE, () => ({ nodeId: null, evidence: 'none' }))
    const open = timeRange(block)
    expect(isSealed(block)).toBe(false)
    seal(block)
    expect(isSealed(block)).toBe(true)
    expect(timeRange(block)).toEqual(open)
    checkPostings(block)
    const { rows } = counts(block)
    const times = [...block.ts.subarray(0, rows)]
    const order = isSorted(block) ? times.map((_, row) => row) : [...block.order.subarray(0, rows)]
    expect(order).toEqual(inOrder(times))
    const told = all.flatMap(({ ts }) => [...ts].map((at) => 1_000_000 + (at % 1e12)))
    expect(open).toEqual({ minNs: BigInt(Math.min(...told)), maxNs: BigInt(Math.max(...told)) })
  }), seed)
})

function checkPostings(block: Block): void {
  const { rows, pids, sites, correlations } = counts(block)
  for (const [column, maxCode] of [['type', 255], ['pid', pids], ['site', sites], ['corr', correlations]] as const) {
    expect(posted(block[`${column}Starts`], block[`${column}Rows`], maxCode)).toEqual(rowsByCode(block[column], rows, maxCode))
  }
}

test('a block without rows has no time, and can be sealed', () => {
  const block = newBlock()
  beginBlock(openWriter(), block, 1)
  expect(timeRange(block)).toBeUndefined()
  seal(block)
  expect(isSealed(block)).toBe(true)
  expect(timeRange(block)).toBeUndefined()
})

test('one event is sorted', () => {
  const block = newBlock()
  const writer = openWriter()
  beginBlock(writer, block, 1)
  append(writer, batchOf([{ type: 'send', ts: 3, pid: 'p' }]), SOURCE, () => ({ nodeId: null, evidence: 'none' }))
  seal(block)
  expect(isSorted(block)).toBe(true)
  expect(timeRange(block)).toEqual({ minNs: 1_000_000_003n, maxNs: 1_000_000_003n })
})
