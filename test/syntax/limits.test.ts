/**
 * What nothing a file contains may do: throw, hang or overflow the stack. And what gives a problem, where.
 */

import { describe, expect, test } from 'vitest'
import { canonical, digestLine } from '../../src/syntax/digest.ts'
import { parse } from '../../src/syntax/parse.ts'
import { print } from '../../src/syntax/print.ts'
import { quoted } from '../../src/syntax/quoted.ts'
import { Kind, lineColumn, positions } from '../../src/syntax/tree.ts'
import type { Tree } from '../../src/syntax/tree.ts'
import { expectWellFormed } from './well-formed.ts'

const encoder = new TextEncoder()
const read = (text: string): Tree => parse(encoder.encode(text))
const first = (tree: Tree): string => {
  const [problem] = tree.problems
  return problem === undefined ? 'none' : `${problem.line}:${problem.column} ${problem.code}`
}

const DEEP = 100_000
const deep: readonly (readonly [string, string])[] = [
  ['parentheses', `${'('.repeat(DEEP)}a${')'.repeat(DEEP)}`],
  ['lists', `${'['.repeat(DEEP)}${']'.repeat(DEEP)}`],
  ['tuples', `${'{'.repeat(DEEP)}1, 2, 3${'}'.repeat(DEEP)}`],
  ['maps', `${'%{a: '.repeat(DEEP)}1${'}'.repeat(DEEP)}`],
  ['calls', `${'f('.repeat(DEEP)}${')'.repeat(DEEP)}`],
  ['do-blocks', `${'f do\n'.repeat(DEEP)}${'end\n'.repeat(DEEP)}`],
  ['functions', `${'fn -> '.repeat(DEEP)}1${' end'.repeat(DEEP)}`],
  ['interpolations', `${'"#{'.repeat(DEEP)}1${'}"'.repeat(DEEP)}`],
  ['unary operators', `${'- '.repeat(DEEP)}1`],
  ['binary operators', `1${' = 1'.repeat(DEEP)}`],
  ['calls without parentheses', `${'f '.repeat(DEEP)}1`],
  ['dots', `a${'.b'.repeat(DEEP)}`],
  ['negations', `${'(not '.repeat(DEEP)}a in b${')'.repeat(DEEP)}`],
]

describe('100,000 levels', () => {
  test.each(deep)('of %s', (_, text) => {
    const tree = read(text)
    expect(first(tree)).toBe('none')
    expectWellFormed(tree)
    expect(canonical(quoted(tree), 'positions').length).toBeGreaterThan(20)
  })

  test.each(deep)('of %s, cut in the middle', (_, text) => {
    const tree = read(text.slice(0, text.length >> 1))
    expectWellFormed(tree)
    quoted(tree)
  })

  test('of closers', () => {
    const tree = read(`${'('.repeat(DEEP)}${']}>> end '.repeat(DEEP / 4)}`)
    expect(tree.problems.length).toBeGreaterThan(0)
    expectWellFormed(tree)
  })

  test('print', () => {
    expect(print(quoted(read(`${'['.repeat(1000)}${']'.repeat(1000)}`)))).toMatch(/^\[+/)
  })
})

test('10 MB are read in linear time', () => {
  const unit = 'defmodule A do\n  def f(x), do: "a#{x}" <> ~s(b) |> g(1, b: 2)\nend\n'
  const tree = read(unit.repeat(Math.ceil(10_000_000 / unit.length)))
  expect(first(tree)).toBe('none')
  expect(tree.length).toBeGreaterThan(1_000_000)
})

test('a line of 0.8 MB that is not ASCII is read, and each place in it found, in linear time', () => {
  const unit = '[ä, "e\u0301"] + '
  const tree = read(`${unit.repeat(60_000)}1`)
  expect(first(tree)).toBe('none')
  // Not toContain, which would show all of the text.
  expect(canonical(quoted(tree), 'positions').includes('(:"+"@1:10|')).toBe(true)
  const position = positions(tree)
  for (let n = tree.length - 1; n >= 0; n--) position(tree.start[n] ?? 0)
  expect(position(tree.source.length - 1)).toEqual({ line: 1, column: 11 * 60_000 + 1 })
  expect(lineColumn(tree, tree.source.length)).toEqual({ line: 1, column: 11 * 60_000 + 2 })
})

test('lines that line-break characters join are one, whose places are found in linear time', () => {
  const tree = read(`${'?\n + '.repeat(100_000)}é`)
  const position = positions(tree)
  for (let n = tree.length - 1; n >= 0; n--) position(tree.start[n] ?? 0)
  expect(position(tree.source.length - 2)).toEqual({ line: 1, column: 500_001 })
})

test('10 MB of quotes, none closed, are read in linear time', () => {
  expectWellFormed(read('x = "a\n  def f do\n'.repeat(400_000)))
})

const rejected: readonly (readonly [what: string, source: string, expected: string])[] = [
  ['a byte order mark', '\ufeffa', '1:1 byte_order_mark'],
  ['a null byte', 'a\n\0', '2:1 unexpected_token'],
  ['an atom of 256 characters', `:${'a'.repeat(256)}`, '1:2 atom_too_long'],
  ['a quoted atom of 256 bytes', `:"${'a'.repeat(256)}"`, '1:1 atom_too_long'],
  ['an unterminated heredoc', 'x = """\na\n', '1:5 missing_terminator'],
  ['an unterminated string', 'a\n"b', '2:1 missing_terminator'],
  ['a missing end', 'foo do\n  a\n', '1:5 missing_terminator'],
  ['a stray end', 'a\nend', '2:1 unexpected_end'],
  ['a bidirectional character', '# \u202e', '1:3 bidirectional_character'],
  ['a keyword before an argument', 'f(a: 1, 2)', '1:9 keyword_not_last'],
  ['nested calls without parentheses', 'f a, g b, c', '1:12 ambiguous_call'],
  ['a merge conflict', '<<<<<<< HEAD', '1:1 conflict_marker'],
  ['"not" and "in" in two lines', '(a) not \nin b', '1:5 syntax_error'],
  ['"not" and "in" around a comment', '(a) not # \\\nin b', '1:5 syntax_error'],
  ['"not" before a line break and "in"', 'not\r\nin b', '2:1 syntax_error'],
]

describe('a problem for', () => {
  test.each(rejected)('%s', (_, source, expected) => {
    expect(first(read(source))).toBe(expected)
  })
})

const unfinished = ['foo(1, ', '[1 + ', '[a: ', '%{a', 'fn x', 'f(a b', '"#{a + ', 'def a do\n  1 +\n']

test.each(unfinished)('what is not closed, and so not complete, is one problem: %s', (source) => {
  expect(read(source).problems.map((problem) => problem.code)).toEqual(['missing_terminator'])
})

const fiveTimes = (code: string): string[] => [code, code, code, code, code]

describe('problems of one code are cut, and the others counted', () => {
  const floods: readonly (readonly [text: string, code: string, message: string])[] = [
    ['['.repeat(DEEP), 'missing_terminator', 'There are 99,995 more problems in this file.'],
    ['end\n'.repeat(20), 'unexpected_end', 'There are 15 more problems in this file.'],
    [') '.repeat(6), 'unexpected_token', 'There is 1 more problem in this file.'],
    ['f(, 1)\n'.repeat(1000), 'syntax_error', 'There are 995 more problems in this file.'],
  ]

  test.each(floods)('%#', (text, code, message) => {
    const { problems } = read(text)
    expect(problems.map((problem) => problem.code)).toEqual([...fiveTimes(code), 'too_many_problems'])
    expect(problems.at(-1)).toMatchObject({ message, start: problems.at(-2)?.start, line: problems.at(-2)?.line })
  })

  test('as many as are kept are all there are', () => {
    expect(read('end\n'.repeat(5)).problems.map((problem) => problem.code)).toEqual(fiveTimes('unexpected_end'))
  })
})

test('an atom of 255 characters is accepted', () => {
  expect(first(read(`:${'a'.repeat(255)}`))).toBe('none')
})

test('invalid UTF-8 is a problem where it is, and the rest is read', () => {
  const tree = parse(Uint8Array.from([97, 32, 61, 32, 34, 0xff, 34, 10, 98]))
  expect(first(tree)).toBe('1:6 invalid_encoding')
  expect([...tree.kind].filter((kind) => kind === Kind.Variable)).toHaveLength(2)
})

test('after a byte order mark the rest is read', () => {
  const tree = read('\ufeffdef f, do: 1')
  expect(tree.problems).toHaveLength(1)
  expect(tree.kind.includes(Kind.Call)).toBe(true)
})

test('a digest line has the path, then two hashes or the place of the error', () => {
  expect(digestLine('a.ex', encoder.encode('1'))).toMatch(/^a\.ex\t[0-9a-f]{64}\t[0-9a-f]{64}$/)
  expect(digestLine('a.ex', encoder.encode('1\n)'))).toBe('a.ex\terror\t2:1')
})
