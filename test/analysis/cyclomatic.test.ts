import { expect, test } from 'vitest'
import { functionOf } from './support/show.ts'

/** `body` is what stands in one clause; the count is Credo's. */
function check(body: string, expected: number): void {
  expect(functionOf(`defmodule A do\n  def f(x) do\n    ${body}\n  end\nend`, 'f/1').cyclomatic).toBe(expected)
}

test.each<[string, number]>([
  ['x', 1],
  ['if x, do: 1, else: 2', 2],
  ['unless x do 1 end', 2],
  ['for y <- x, y > 1, do: y', 2],
  ['try do x rescue _ -> 1 catch _ -> 2 after 3 end', 2],
  ['x and x or x && x || x', 5],
  ['case x do 1 -> 1; 2 -> 2; _ -> 3 end', 4],
  ['x |> case do 1 -> 1; _ -> 3 end', 3],
  ['cond do x -> 1; true -> 2 end', 3],
  ['case x, do: (1 -> 1; 2 -> 2)', 3],
  ['with {:ok, y} <- x do y else _ -> 1 end', 1],
  ['fn 1 -> 1; 2 -> 2 end', 1],
  ['receive do 1 -> 1; 2 -> 2 end', 1],
  ['not x', 1],
  ['if x do case x do 1 -> x && x; 2 -> 2 end end', 5],
])('%s', check)

test('the guard counts, each clause by itself, the highest for the function', () => {
  const fn = functionOf('defmodule A do\n  def f(x) when x > 1 and x < 3 or x == 9, do: x\n  def f(x), do: if(x, do: 1)\nend', 'f/1')
  expect(fn.clauses.map((clause) => clause.cyclomatic)).toEqual([3, 2])
  expect(fn.cyclomatic).toBe(3)
})
