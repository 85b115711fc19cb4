import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { functionOf, moduleOf } from './support/show.ts'

/** Two bodies of one function: is the tree the same? */
function check(one: string, two: string, same: 'same' | 'different'): void {
  const [first, second] = [one, two].map((body) => functionOf(`defmodule A do\n  def f(x) do\n    ${body}\n  end\nend`, 'f/1'))
  expect(first?.sourceHash).not.toBe(second?.sourceHash)
  if (same === 'same') expect(second?.treeHash).toBe(first?.treeHash)
  else expect(second?.treeHash).not.toBe(first?.treeHash)
}

test.each([
  ['g(x,1)', 'g x, 1 # why'],
  ['g(x, [a: 1])', 'g(x, a: 1)'],
  ['{:ok, 1_000, 0xAB}', '{ :"ok" , 1000,0xab }'],
  ['x not in [1]', 'not(x in [1])'],
  ['not x in [1]', 'x not in [1]'],
  ['%{a: 1}', '%{\n      "a": 1\n    }'],
  ['x |> g()', 'x\n    |> g()'],
  ['"""\n    a\n      b #{x} c\n    """', '"""\n  a\n    b #{x} c\n  """'],
  ['a; b', '(a)\n\n    b'],
])('%s is %s', (one, two) => {
  check(one, two, 'same')
})

test.each([
  ['g(x)', 'h(x)'],
  ['g(x, y)', 'g(y, x)'],
  ['g(h(x), y)', 'g(h(x, y))'],
  ['x + 1', 'x - 1'],
  ['"a"', '"b"'],
  ['"a"', "'a'"],
  ['10', '1_1'],
  ['~r/a/i', '~r/a/m'],
  ['[[x], []]', '[[x, []]]'],
  ['"""\n    a\n    """', '"""\n     a\n    """'],
  ['x not in y', 'not x and y'],
  [':a', 'a'],
])('%s is not %s', (one, two) => {
  check(one, two, 'different')
})

test('a function\'s hashes are of its clauses alone, a module\'s of all that is in it', () => {
  const one = moduleOf('defmodule A do\n  def f(1), do: 1\n  def f(2), do: 2\n  def g, do: 1\nend')
  const two = moduleOf('defmodule A do\n  def f(1), do: 1\n\n  @doc "new"\n  def f(2), do: 2\n  def g, do: 2\nend')
  expect(two.functions[0]?.treeHash).toBe(one.functions[0]?.treeHash)
  expect(two.functions[0]?.sourceHash).toBe(one.functions[0]?.sourceHash)
  expect(two.functions[1]?.treeHash).not.toBe(one.functions[1]?.treeHash)
  expect(two.treeHash).not.toBe(one.treeHash)
  expect(one.functions[1]?.sourceHash).toBe(createHash('sha256').update('def g, do: 1').digest('hex'))
})
