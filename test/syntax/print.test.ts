/**
 * The printed quoted form is what Elixir's `inspect` prints.
 */

import { describe, expect, test } from 'vitest'
import { parse } from '../../src/syntax/parse.ts'
import { print } from '../../src/syntax/print.ts'
import { quoted } from '../../src/syntax/quoted.ts'

const cases: readonly (readonly [source: string, printed: string])[] = [
  ['def f, do: 1', '{:def, [line: 1, column: 1], [{:f, [line: 1, column: 5], nil}, [do: 1]]}'],
  ['A.B', '{:__aliases__, [line: 1, column: 1], [:A, :B]}'],
  ['a[b]', '{{:., [line: 1, column: 2], [Access, :get]}, [line: 1, column: 2], [{:a, [line: 1, column: 1], nil}, {:b, [line: 1, column: 3], nil}]}'],
  ['{1.0, 1.5e30}', '{1.0, 1.5e30}'],
  ['[nil, true, :"a b", :+, :a?]', '[nil, true, :"a b", :+, :a?]'],
  ['["a b": 1, c: :"::"]', '["a b": 1, c: :"::"]'],
  ['"\\xff"', '<<255>>'],
  ['"\\0\\e\\#{}"', '"\\0\\e\\#{}"'],
  ["'ab'", '[97, 98]'],
  ['()', '{:__block__, [], []}'],
  ['1_000_000_000_000_000_000_000', '1000000000000000000000'],
]

describe('print', () => {
  test.each(cases)('%s', (source, printed) => {
    const text = print(quoted(parse(new TextEncoder().encode(source))))
    expect(text.replaceAll(/\n */g, ' ')).toBe(printed)
  })
})

test('a wide form is broken over lines, each part indented below its parent', () => {
  const source = `[${Array.from({ length: 30 }, (_, i) => `element_${i}()`).join(', ')}]`
  const lines = print(quoted(parse(new TextEncoder().encode(source)))).split('\n')
  expect(lines).toHaveLength(30)
  expect(lines[1]).toMatch(/^ \{:element_1, /)
})
