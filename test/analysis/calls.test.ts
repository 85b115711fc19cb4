import { expect, test } from 'vitest'
import { allCalls, analyseText, fixture, functionOf, showCall } from './support/show.ts'

/** A fixture says behind each line which calls begin on it. */
function check(source: string): void {
  const found = new Map<number, string[]>()
  for (const call of allCalls(analyseText(source)).sort((a, b) => a.line - b.line)) {
    found.set(call.line, [...(found.get(call.line) ?? []), showCall(call)])
  }
  const lines = source.split('\n')
  const annotated = lines.map((line, index) => {
    const calls = found.get(index + 1)
    return line.replace(/ *#=>.*$/, '') + (calls === undefined ? '' : ` #=> ${calls.join(' | ')}`)
  })
  expect(annotated).toEqual(lines)
}

test.each(['calls.ex', 'scope.ex'])('calls of %s', (name) => {
  check(fixture(name))
})

test('a call says where its name stands and which node it is', () => {
  const fn = functionOf('defmodule A do\n  def f(x) do\n    Repo.get(x)\n    x |>\n      Foo.\n      bar()\n    g()\n  end\nend', 'f/1')
  expect(fn.calls.map(({ name, line, column, node }) => `${name} ${line}:${column} ${node}`)).toEqual([
    'get 3:10 A.f/1#1/Repo.get',
    'bar 6:7 A.f/1#1/|>/Foo.bar',
    'g 7:5 A.f/1#1/g',
  ])
})

test('a test suite may import what its `use` brings, but keeps Kernel', () => {
  const source = 'defmodule A do\n  use ExUnit.Case\n  def f(x), do: assert(is_nil(x))\nend'
  expect(functionOf(source, 'f/1').calls.map(showCall)).toEqual(['local assert/1~', 'imported Kernel.is_nil/1'])
})
