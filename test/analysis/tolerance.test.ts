/** Nothing a file contains can make analysis throw, hang or lose what stands outside the broken part. */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { analyseSource } from '../../src/analysis/analyse.ts'
import { program } from '../support/elixir-grammar.ts'
import { analyseText, fixture, moduleOf } from './support/show.ts'

const seed = process.env['FC_SEED'] === undefined ? {} : { seed: Number(process.env['FC_SEED']) }

/** A file with this broken function between two good ones: the good ones are found, and the file's problems told. */
function check(broken: string): void {
  const file = analyseText(`defmodule A do\n  def before(x), do: x\n\n${broken}\n\n  def behind(x) do\n    Foo.bar(x)\n  end\nend\n`)
  expect(file.problems.length).toBeGreaterThan(0)
  const names = file.modules.flatMap((module) => module.functions.map((fn) => fn.name))
  expect(names).toContain('before')
  expect(names).toContain('behind')
}

test.each([
  '  def broken(x) do\n    g(x,\n  end',
  '  def broken(x) do\n    [1, 2\n  end',
  '  def broken(x) do\n    x +\n  end',
  '  def broken(x) do\n    case x do\n      1 ->\n  end',
  '  def broken(x) do\n    ) ] }\n  end',
])('around %s', (broken) => {
  check(broken)
})

test('random programs, whole and cut off, give facts', () => {
  fc.assert(
    fc.property(program(), fc.nat(), (source, at) => {
      const bytes = new TextEncoder().encode(`defmodule A do\n${source}\nend`)
      return [bytes, bytes.subarray(0, at % bytes.length)].every((one) => analyseSource('a.ex', one).bytes === one.length)
    }),
    { numRuns: 200, ...seed },
  )
})

test('every prefix of a file gives facts', () => {
  const bytes = new TextEncoder().encode(fixture('scope.ex'))
  for (let end = 0; end <= bytes.length; end += 7) expect(analyseSource('a.ex', bytes.subarray(0, end)).bytes).toBe(end)
})

test('any bytes at all give facts', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => analyseSource('a.ex', bytes).bytes === bytes.length), { numRuns: 200, ...seed })
})

test('what is many costs no more than its number: aliases, imports, clauses, heads, nested modules, targets', () => {
  const many = (count: number, line: (index: number) => string) => Array.from({ length: count }, (_, index) => line(index)).join('\n')
  const inModule = (body: string) => moduleOf(`defmodule A do\n${body}\nend`)
  expect(inModule(many(30_000, (i) => `alias B.C${i}\nC${i}.f()`)).bodyCalls.at(-1)?.module).toBe('B.C29999')
  expect(inModule(many(20_000, (i) => `import B.C${i}\nf(${i})`)).bodyCalls).toHaveLength(20_000)
  expect(inModule(many(30_000, (i) => `def f(${i}), do: ${i}`)).functions[0]?.clauses).toHaveLength(30_000)
  expect(inModule(many(30_000, (i) => `def f(x \\\\ g(${i}))`)).functions[0]?.clauses).toHaveLength(30_000)
  expect(inModule(many(20_000, (i) => `@spec f${i}() :: 1\ndef f${i}, do: 1`)).functions.at(-1)?.specs).toEqual(['f19999() :: 1'])
  const nested = analyseText(`${'defmodule A do '.repeat(3000)}${'end '.repeat(3000)}`)
  expect(nested.modules).toHaveLength(100)
  const targets = analyseText(`defimpl P, for: [${many(2000, (i) => `T${i},`)} Z] do\n${many(200, (i) => `def f${i}(x), do: x`)}\nend`)
  expect(targets.modules.length).toBeLessThan(2001)
  expect(targets.problems.map((problem) => problem.code)).toEqual(['too_many_targets'])
})

test('deep nesting of everything', () => {
  const deep = (open: string, close: string) => analyseText(`defmodule A do\ndef f, do: ${open.repeat(30_000)}x${close.repeat(30_000)}\nend`)
  for (const [open, close] of [['[', ']'], ['(', ')'], ['{', '}'], ['f(', ')'], ['-', ''], ['fn -> ', ' end'], ['x |> ', ''], ['@', ''], ['a.(', ')'], ['quote do ', ' end']] as const) {
    expect(deep(open, close).modules[0]?.functions).toHaveLength(1)
  }
})
