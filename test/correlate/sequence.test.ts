/** Which call may come next: calls of one function by letters, and `u` of another. */

import { expect, test } from 'vitest'
import { must } from '../../src/base/assert.ts'
import { mayFollow } from '../../src/correlate/sequence.ts'
import { indexed } from './support/indexed.ts'

/** The letters of the calls that may come after those of the letters `last`; null: that may come first. */
function next(definition: string, last: string | null): string {
  const letters = Array.from(definition.matchAll(/\b[a-e](?=\()/g), ([letter]) => letter)
  const text = definition.replace(/(\|> )?\b[a-e]\((\))?/g, (_, pipe?: string, end?: string) => (pipe === undefined ? `P.of(${end === undefined ? '' : '1)'}` : `${pipe}P.of(${end ?? ''}`))
  const fn = must(indexed(`defmodule A do\n${text}\nend`).versionsOf('A')[0]?.functions.get('f/1'), 'a function')
  const calls = fn.calls.filter(({ name }) => name === 'of')
  const of = (letter: string) => calls.filter((_, idx) => letters[idx] === letter)
  const may = mayFollow(fn, calls, last === null ? null : last.split('').flatMap(of))
  return letters.filter((_, idx) => may.includes(must(calls[idx], 'a call'))).toSorted().join('')
}

test.each<[what: string, body: string, last: string | null, expected: string]>([
  ['what is written next', 'a()\nb()\nc()', 'a', 'b'],
  ['the first of all', 'a()\nb()', null, 'a'],
  ['nothing after the last', 'a()\nb()', 'b', ''],
  ['whether another function was called proves nothing', 'case x do\n0 -> u(); a()\n_ -> b()\nend', null, 'ab'],
  ['arguments before what they are given to', 'a(b(c()))', 'c', 'b'],
  ['steps of a pipe', 'x |> a() |> b() |> c()', 'a', 'b'],
  ['any clause after the subject, or none with calls', 'case a() do\n0 -> b()\n_ -> c()\nend\nd()', 'a', 'bcd'],
  ['no other clause', 'case a() do\n0 -> b()\n_ -> c()\nend\nd()', 'b', 'd'],
  ['the rest of a branch', 'case a() do\n0 -> b(); c()\n_ -> :ok\nend\nd()', 'b', 'c'],
  ['a condition is not told from its branch', 'if a() do b() else c() end\nd()', 'b', 'cd'],
  ['what is beneath `if` is before neither branch for sure', 'if u() do b() else c() end', null, 'bc'],
  ['after the other branch no first one', 'if a() do b() else c() end\nd()', 'c', 'd'],
  ['conditions are tried in turn', 'cond do\na() -> b()\nc() -> d()\nend', null, 'a'],
  ['a condition or its branch', 'cond do\na() -> b()\nc() -> d()\nend\ne()', 'a', 'bce'],
  ['a step of `with` that fails', 'with 1 <- a(), 2 <- b() do\nc()\nelse\n_ -> d()\nend\ne()', 'a', 'bde'],
  ['a right side that is left out', 'a() && b()\nc()', 'a', 'bc'],
  ['a left side is not told from the right', 'a() && b()\nc()', null, 'ac'],
  ['an exception', 'try do\na()\nb()\nrescue\n_ -> c()\nafter\nd()\nend\ne()', 'a', 'bcde'],
  ['an exception amid an expression', 'try do\n{a(), b()}\nrescue\n_ -> :ok\nend\nc()', 'a', 'bc'],
  ['what was rescued', 'try do\na()\nrescue\n_ -> b()\n_ in [E] -> c()\nend\nd()', 'b', 'd'],
  ['a message or none', 'receive do\n1 -> a()\nafter 1 -> b()\nend\nc()', null, 'abc'],
  ['a loop goes on, or ends', 'for y <- a() do\nb(y)\nc(y)\nend\nd()', 'c', 'abcd'],
  ['what a loop is over is no part of it', 'for y <- a(), do: b(y)', null, 'ab'],
  ['a fn is passed once', 'Enum.map(x, fn y -> a(y)\nb(y) end)\nc()', 'b', 'c'],
  ['what is before a fn is no part of it', 'a()\nEnum.map(x, fn y -> b(y)\nc(y) end)', null, 'ab'],
  ['a fn that is called where it stands comes after its arguments', '(fn y -> a(y) end).(b())\nc()', 'b', 'ac'],
])('%s', (_, body, last, expected) => {
  expect(next(`def f(x) do\n${body}\nend`, last)).toBe(expected)
})

test('clauses of a function exclude each other, and what it rescues may come after any part of it', () => {
  const clauses = 'def f(0) do\na()\nb()\nend\ndef f(x) do\nc()\nd()\nend'
  expect([null, 'a', 'c'].map((last) => next(clauses, last))).toEqual(['ac', 'b', 'd'])
  const rescued = 'def f(x) do\na()\nb()\nrescue\n_ -> c()\nafter\nd()\nend'
  expect([null, 'a', 'b', 'c'].map((last) => next(rescued, last))).toEqual(['acd', 'bcd', 'cd', 'd'])
})

test('of several calls that may have been the last, what may follow one of them', () => {
  expect(next('def f(x) do\ncase x do\n0 -> a(); b()\n1 -> c(); d()\n_ -> e()\nend\nend', 'ac')).toBe('bd')
})

test('of very many calls each may follow each', () => {
  const many = (n: number) => next(`def f(x) do\n${Array.from({ length: n }, () => 'a()').join('\n')}\nend`, 'a').length
  expect([many(30), many(40)]).toEqual([29, 40])
})
