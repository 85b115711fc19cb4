/** Widths, cuts and words: what the tables rest on. */

import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { shellQuote } from '../../../src/cli/render/found.ts'
import { COLOURED, PLAIN } from '../../../src/cli/render/style.ts'
import { renderFields, renderTable, type Column } from '../../../src/cli/render/table.ts'
import {
  displayWidth, firstParagraph, formatBytes, formatCount, formatDuration, harmless, plural, truncate, truncateStart, wrapWords,
} from '../../../src/cli/render/text.ts'

const seed = process.env['FC_SEED']
const parameters = seed === undefined ? {} : { seed: Number(seed) }

test('width counts what a terminal shows', () => {
  expect(displayWidth('abc')).toBe(3)
  expect(displayWidth('e\u0301')).toBe(1)
  expect(displayWidth('日本')).toBe(4)
})

test('numbers, bytes, times', () => {
  expect([0, 999, 1000, 1234567].map(formatCount)).toEqual(['0', '999', '1,000', '1,234,567'])
  expect([0, 999, 1000, 999_949, 999_950, 43_210_000, 5e15].map(formatBytes))
    .toEqual(['0 B', '999 B', '1.0 kB', '999.9 kB', '1.0 MB', '43.2 MB', '5000.0 TB'])
  expect([0.4, 999, 1500, 61_000, 3_725_000, 90_000_000].map(formatDuration)).toEqual(['0 ms', '999 ms', '1.5 s', '1 min 1 s', '1 h 2 min', '1 d 1 h'])
  expect([0, 1, 2].map((count) => plural(count, 'file'))).toEqual(['0 files', '1 file', '2 files'])
})

test('text from files cannot drive the terminal', () => {
  expect(harmless('a\u001b[31mb\u202e\nc\td')).toBe('a\\u001b[31mb\\u202e\nc\td')
  expect(firstParagraph('One\n two.\n\nThree')).toBe('One two.')
})

test('what is cut fits and says so', () => {
  fc.assert(fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 1, max: 20 }), (text, width) => {
    const cut = truncate(text, width)
    expect(displayWidth(cut)).toBeLessThanOrEqual(width)
    expect(cut === text || cut.endsWith('…')).toBe(true)
  }), parameters)
})

test('what is cut at its start keeps its end', () => {
  expect([truncateStart('lib/shop/cart.ex:12', 11), truncateStart('lib/a.ex:1', 11), truncateStart('日本語:1', 5)]).toEqual(['…cart.ex:12', 'lib/a.ex:1', '…語:1'])
})

test('wrapping keeps every word and fits', () => {
  fc.assert(fc.property(fc.array(fc.stringMatching(/^[a-z]{1,8}$/)), fc.integer({ min: 8, max: 40 }), (words, width) => {
    const wrapped = wrapWords(words.join(' '), width)
    expect(wrapped.join(' ')).toBe(words.join(' '))
    for (const line of wrapped) expect(line.length).toBeLessThanOrEqual(width)
  }), parameters)
})

type Row = readonly [string, string]
const COLUMNS: readonly Column<Row>[] = [
  { title: 'A', cell: (row) => row[0], flexible: true, paint: COLOURED.bold },
  { title: 'B', cell: (row) => row[1], align: 'right' },
]

test('tables: cut to the terminal, whole without one, painted without moving', () => {
  const rows: Row[] = [['a long name that needs cutting', '1'], ['short', '22']]
  expect(renderTable(COLUMNS, rows, { width: 20, style: PLAIN }).map(unpaint)).toEqual(['A                  B', 'a long name tha…   1', 'short             22'])
  expect(renderTable(COLUMNS, rows, { width: Infinity, style: PLAIN }).map(unpaint)[1]).toBe('a long name that needs cutting   1')
  expect(renderTable(COLUMNS, [], { width: 20, style: PLAIN })).toEqual([])
  expect(renderTable(COLUMNS, [['a\nb\u0007', '1']], { width: 20, style: PLAIN }).map(unpaint)[1]).toBe('a b\\u0007  1')
})

test('no table line is wider than the terminal while there is something to cut', () => {
  fc.assert(fc.property(fc.array(fc.tuple(fc.string({ unit: 'grapheme' }), fc.stringMatching(/^\d{1,4}$/)), { minLength: 1 }), fc.integer({ min: 14, max: 60 }), (rows, width) => {
    for (const line of renderTable(COLUMNS, rows, { width, style: PLAIN })) expect(displayWidth(unpaint(line))).toBeLessThanOrEqual(width)
  }), parameters)
})

test('shell words', () => {
  expect(['Shop.Cart', 'A.b/2', 'a b', "it's", 'A."x y"/1', 'valid?', ''].map(shellQuote))
    .toEqual(['Shop.Cart', 'A.b/2', "'a b'", "'it'\\''s'", "'A.\"x y\"/1'", "'valid?'", "''"])
})

function unpaint(line: string): string {
  // oxlint-disable-next-line no-control-regex -- finding them is the point
  return line.replace(/\u001b\[\d+m/g, '')
}

test('a field that is wider than the terminal goes on below its name', () => {
  const fields = [['alias', 'Shop.Money, Shop.Cart, Shop.Order'], ['size', '3'], ['none', null]] as const
  expect(renderFields(fields, { width: 24, style: PLAIN })).toEqual(['alias  Shop.Money,', '       Shop.Cart,', '       Shop.Order', 'size   3'])
  expect(renderFields(fields, { width: Infinity, style: PLAIN })[0]).toBe('alias  Shop.Money, Shop.Cart, Shop.Order')
})
