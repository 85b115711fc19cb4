/**
 * Damage stays where it is: whatever is wrong in one function of a module, every other one is still in the tree, with its
 * name and in its module.
 */

import { describe, expect, test } from 'vitest'
import { parse } from '../../src/syntax/parse.ts'
import { afterSubtree, children, doBlock, firstChild, Kind, name } from '../../src/syntax/tree.ts'
import type { Tree } from '../../src/syntax/tree.ts'
import { Sym } from '../../src/syntax/well-known.ts'
import { expectWellFormed } from './well-formed.ts'

const encoder = new TextEncoder()

/** A module whose function `broken` has the given lines, between functions that are whole. */
const moduleWith = (lines: string): string => `defmodule A do
  @doc "first"
  def first(x) do
    if x do
      Enum.map(x, fn y -> y end)
    else
      "no #{x}"
    end
  end

${lines}

  def second(x), do: x

  @spec third(integer) :: integer
  def third(x) when x > 0 do
    case x do
      1 -> :one
      _ -> {:other, [x]}
    end
  end

  defmodule B do
    def inner, do: 1
  end
end

defmodule C do
  def last(x) do
    x
  end
end
`

/** `Module.function` for each definition that is a statement of its module, or of the file, in order. */
function definitions(tree: Tree): string[] {
  const found: string[] = []
  const modules: { readonly name: string; readonly body: number; readonly end: number }[] = []
  for (let n = 0; n < tree.length; n++) {
    while (modules.length > 0 && n >= (modules.at(-1)?.end ?? 0)) modules.pop()
    const child = tree.kind[n] === Kind.Call ? firstChild(tree, n) : -1
    if (child === -1) continue
    if (tree.payload[n] === Sym.defmodule) {
      modules.push({ name: name(tree, child), body: firstChild(tree, doBlock(tree, n)), end: afterSubtree(tree, n) })
    }
    if (tree.payload[n] !== Sym.def || !isStatement(tree, modules.at(-1)?.body ?? 0, n)) continue
    found.push(`${modules.map((one) => one.name).join('.')}.${headName(tree, child)}`)
  }
  return found
}

const isStatement = (tree: Tree, body: number, n: number): boolean => [...children(tree, body)].includes(n)

function headName(tree: Tree, n: number): string {
  const kind = tree.kind[n]
  return kind === Kind.BinaryOp || kind === Kind.Error ? headName(tree, n + 1) : name(tree, n)
}

const others = ['A.first', 'A.second', 'A.third', 'A.B.inner', 'C.last']

const broken: readonly (readonly [what: string, lines: string])[] = [
  ['a missing end', '  def broken(x) do\n    if x do\n      1\n  end'],
  ['a missing end of the function', '  def broken(x) do\n    x'],
  ['two missing ends', '  def broken(x) do\n    if x do\n      if x do\n        1\n  end'],
  ['an extra end', '  def broken(x) do\n    x\n    end\n  end'],
  ['a missing do', '  def broken(x) do\n    if x\n      1\n    end\n  end'],
  ['a missing do of the function', '  def broken(x)\n    x\n  end'],
  ['an open parenthesis', '  def broken(x) do\n    f(x, 1\n  end'],
  ['an open bracket', '  def broken(x) do\n    [1, {2, x\n  end'],
  ['a stray parenthesis', '  def broken(x) do\n    f(x))\n  end'],
  ['a stray bracket', '  def broken(x) do\n    x]\n  end'],
  ['brackets crossed', '  def broken(x) do\n    f([x)]\n  end'],
  ['an open string', '  def broken(x) do\n    "abc <> x\n  end'],
  ['an open charlist', "  def broken(x) do\n    'abc ++ x\n  end"],
  ['an open interpolation', '  def broken(x) do\n    "abc #{x"\n  end'],
  ['an open heredoc', '  def broken(x) do\n    """\n    abc\n  end'],
  ['an open sigil', '  def broken(x) do\n    ~r/abc\n  end'],
  ['an open bitstring', '  def broken(x) do\n    <<1, x\n  end'],
  ['an open map', '  def broken(x) do\n    %{a: 1, b: %{c: x}\n  end'],
  ['an open fn', '  def broken(x) do\n    Enum.map(x, fn y ->\n      y\n    )\n  end'],
  ['a half-typed call', '  def broken(x) do\n    x |> Enum.\n  end'],
  ['a half-typed operator', '  def broken(x) do\n    x +\n  end'],
  ['a half-typed assignment', '  def broken(x) do\n    y =\n    z = = 1\n  end'],
  ['two operands', '  def broken(x) do\n    1 2 "a" x\n  end'],
  ['a bad head', '  def broken(x, y z, w) do\n    x\n  end'],
  ['a bad arrow', '  def broken(x) do\n    a\n    x -> 1\n  end'],
  ['a comma too many', '  def broken(x) do\n    f(,, x,)\n  end'],
  ['a reserved word', '  def broken(x) do\n    y = else\n    fn -> after 1 end\n  end'],
  ['strange characters', '  def broken(x) do\n    \u0001 § \u202e\n  end'],
  ['a merge conflict', '<<<<<<< HEAD\n  def broken(x), do: 1\n=======\n  def broken(x), do: 2\n>>>>>>> other'],
  ['only the beginning of a definition', '  def do'],
  ['an open parenthesis in a short function', '  def broken(x), do: (1'],
  ['an open call in a short function', '  def broken(x), do: f(x,'],
  ['an open list in a short function over lines', '  def broken(x),\n    do: [\n      x'],
  ['an open head', '  def broken(x do\n    x\n  end'],
  ['an open head with an open list', '  def broken(x, [y do\n    if x do\n      y\n    end\n  end'],
  ['an open head with a guard', '  def broken(x when x > 1 do\n    x\n  end'],
  ['an open head over lines', '  def broken(\n        x,\n        y\n      do\n    x\n  end'],
  ['an end inside an open list', '  def broken(x) do\n    [x,\n    end\n  end'],
  ['an open interpolation in a heredoc', '  def broken(x) do\n    f("""\n    a #{x\n    b\n    """)\n  end'],
  ['an open attribute', '  @values [\n    1,'],
  ['an open attribute before another', '  @values [1\n  @other 2'],
  ['an open interpolation over lines', '  def broken(x) do\n    "a #{f(x\n    b"\n  end'],
]

describe('every other function is found beside', () => {
  test.each(broken)('%s', (_, lines) => {
    const tree = parse(encoder.encode(moduleWith(lines)))
    expectWellFormed(tree)
    expect(tree.problems.length).toBeGreaterThan(0)
    const line = tree.problems[0]?.line ?? 0
    expect(line).toBeLessThanOrEqual(12 + lines.split('\n').length)
    const found = definitions(tree)
    expect(found.filter((definition) => others.includes(definition))).toEqual(others)
  })
})

test('without damage there is no problem', () => {
  const tree = parse(encoder.encode(moduleWith('  def broken(x), do: x')))
  expect(tree.problems).toEqual([])
  expect(definitions(tree)).toEqual(others.toSpliced(1, 0, 'A.broken'))
})
