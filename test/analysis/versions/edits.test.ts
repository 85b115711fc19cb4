/**
 * Edits, and which nodes must survive them. Ids are written without `A.f/1#1`; what is not named keeps its id, unless the
 * row says how many are broken or new.
 */

import { expect, test } from 'vitest'
import { allIds } from '../../../src/analysis/versions/match-versions.ts'
import { readVersionMap } from '../../../src/model/version-map.ts'
import { checkLaws, versions } from './versions.ts'

const inModule = (body: string): string => `defmodule A do\n${body}\nend\n`
const inFunction = (body: string): string => inModule(`  def f(x) do\n${body}\n  end\n\n  def other(y), do: Enum.map(y, &(&1 + 1))`)

const BODY = '    y = g(x)\n    Repo.insert!(y)\n    {:ok, y}'

type Row = {
  readonly old: string
  readonly now: string
  /** Where nodes went that changed their id. */
  readonly moved?: Readonly<Record<string, string>>
  /** Of every subtree, its top. */
  readonly broken?: readonly string[]
  readonly new?: readonly string[]
}

const bodyRows: Readonly<Record<string, Row>> = {
  'reformat': { old: BODY, now: '\n\n  y =\n g( x )\n\n\n  Repo.insert! y\n  { :ok , y }' },
  'a comment': { old: BODY, now: `    # why\n${BODY} # so` },
  'a statement before': { old: BODY, now: `    Logger.info("a")\n${BODY}`, new: ['/Logger.info'] },
  'a statement behind': { old: BODY, now: `${BODY}\n    notify(y)`, new: ['/notify'] },
  'wrapped in if': {
    old: BODY, now: '    y = g(x)\n    if y do\n      Repo.insert!(y)\n    end\n    {:ok, y}',
    moved: { '/Repo.insert!': '/if/Repo.insert!', '/Repo.insert!/Repo': '/if/Repo.insert!/Repo', '/Repo.insert!/y': '/if/Repo.insert!/y' }, new: ['/if', '/if/y'],
  },
  'wrapped in the same construct, and changed': {
    old: '    if a do\n      Repo.insert!(x)\n      g(x, 1)\n    end', now: '    if b do\n      if a do\n        Repo.insert!(x)\n        g(x, 2)\n      end\n    end',
    moved: {
      '/if': '/if/if', '/if/a': '/if/if/a', '/if/Repo.insert!': '/if/if/Repo.insert!', '/if/Repo.insert!/Repo': '/if/if/Repo.insert!/Repo',
      '/if/Repo.insert!/x': '/if/if/Repo.insert!/x', '/if/g': '/if/if/g', '/if/g/x': '/if/if/g/x', '/if/g/integer': '/if/if/g/integer',
    },
    new: ['/if', '/if/b'],
  },
  'a single name wrapped': { old: '    x', now: '    if a do\n      x\n    end', moved: { '/x': '/if/x' }, new: ['/if', '/if/a'] },
  'unwrapped': {
    old: '    if a do\n      g(x)\n    end', now: '    g(x)', moved: { '/if/g': '/g', '/if/g/x': '/g/x' }, broken: ['/if', '/if/a'],
  },
  'a variable renamed': {
    old: BODY, now: BODY.replaceAll('y', 'z'), moved: { '/=/y': '/=/z', '/Repo.insert!/y': '/Repo.insert!/z', '/tuple/y': '/tuple/z' },
  },
  'a literal changed': { old: '    g(x, 1, "a")', now: '    g(x, 2, "b")' },
  'a call of another name with the same arguments': {
    old: '    Repo.insert(x, on: 1)', now: '    Repo.insert!(x, on: 1)', moved: {
      '/Repo.insert': '/Repo.insert!', '/Repo.insert/Repo': '/Repo.insert!/Repo', '/Repo.insert/x': '/Repo.insert!/x', '/Repo.insert/on': '/Repo.insert!/on',
      '/Repo.insert/on/integer': '/Repo.insert!/on/integer',
    },
  },
  'another call in the same place': { old: '    a = g(x, 1)\n    a', now: '    a = send(self(), {:stop, a})\n    a', broken: ['/=/g'], new: ['/=/send'] },
  'a sibling call of the same name before': {
    old: '    g(1)\n    g(2)', now: '    g(0)\n    g(1)\n    g(2)',
    moved: { '/g': '/g:2', '/g/integer': '/g:2/integer', '/g:2': '/g:3', '/g:2/integer': '/g:3/integer' }, new: ['/g'],
  },
  'the first of two calls of the same name deleted': {
    old: '    g(1)\n    g(2)', now: '    g(2)', moved: { '/g:2': '/g', '/g:2/integer': '/g/integer' }, broken: ['/g'],
  },
  'two statements swapped': { old: BODY, now: '    Repo.insert!(y)\n    y = g(x)\n    {:ok, y}' },
  'two calls of the same name swapped': {
    old: '    g(1, x)\n    g(2, x)', now: '    g(2, x)\n    g(1, x)', moved: {
      '/g': '/g:2', '/g/integer': '/g:2/integer', '/g/x': '/g:2/x', '/g:2': '/g', '/g:2/integer': '/g/integer', '/g:2/x': '/g/x',
    },
  },
  'a case clause before': {
    old: '    case x do\n      :a -> g(1)\n      _ -> h(2)\n    end', now: '    case x do\n      :b -> i(3)\n      :a -> g(1)\n      _ -> h(2)\n    end',
    moved: {
      '/case/clause': '/case/clause:2', '/case/clause/head': '/case/clause:2/head', '/case/clause/head/%3Aa': '/case/clause:2/head/%3Aa',
      '/case/clause/g': '/case/clause:2/g', '/case/clause/g/integer': '/case/clause:2/g/integer',
      '/case/clause:2': '/case/clause:3', '/case/clause:2/head': '/case/clause:3/head', '/case/clause:2/head/_': '/case/clause:3/head/_',
      '/case/clause:2/h': '/case/clause:3/h', '/case/clause:2/h/integer': '/case/clause:3/h/integer',
    },
    new: ['/case/clause'],
  },
  'a step put into a pipe': { old: '    x |> g() |> h(1)', now: '    x |> g() |> i() |> h(1)', new: ['/|>/i'] },
}

test.each(Object.entries(bodyRows))('in a function: %s', (_name, row) => {
  check({ ...row, old: inFunction(row.old), now: inFunction(row.now) }, (path) => `A.f/1#1${path}`)
})

const G = '  def g(a) do\n    b = a * 2\n    {:ok, send(self(), b)}\n  end'
const F = `  def f(x) do\n${BODY}\n  end`

const rows: Readonly<Record<string, Row>> = {
  'nothing': { old: inModule(F), now: inModule(F) },
  'the parameter renamed': {
    old: inModule('  def f(x), do: g(x)'), now: inModule('  def f(y), do: g(y)'), moved: { 'A.f/1#1/head/x': 'A.f/1#1/head/y', 'A.f/1#1/g/x': 'A.f/1#1/g/y' },
  },
  'a function moved': { old: inModule(`${F}\n${G}`), now: inModule(`${G}\n\n${F}`) },
  'a function before': { old: inModule(F), now: inModule(`${G}\n${F}`), new: ['A.g/1', 'A.g/1#1'] },
  'a function deleted': { old: inModule(`${F}\n${G}`), now: inModule(F), broken: ['A.g/1', 'A.g/1#1'] },
  'a statement extracted': {
    old: inModule(F), now: inModule('  def f(x) do\n    y = g(x)\n    h(y)\n  end\n\n  defp h(y) do\n    Repo.insert!(y)\n    {:ok, y}\n  end'),
    moved: {
      'A.f/1#1/Repo.insert!': 'A.h/1#1/Repo.insert!', 'A.f/1#1/Repo.insert!/Repo': 'A.h/1#1/Repo.insert!/Repo', 'A.f/1#1/Repo.insert!/y': 'A.h/1#1/Repo.insert!/y',
      'A.f/1#1/tuple': 'A.h/1#1/tuple', 'A.f/1#1/tuple/%3Aok': 'A.h/1#1/tuple/%3Aok', 'A.f/1#1/tuple/y': 'A.h/1#1/tuple/y',
    },
    new: ['A.h/1', 'A.f/1#1/h', 'A.h/1#1', 'A.h/1#1/head'],
  },
  'a parameter more': {
    old: inModule('  def f(x), do: Enum.map(x, &g/1)'), now: inModule('  def f(x, y), do: Enum.map(x, &g/1)'),
    moved: {
      'A.f/1': 'A.f/2', 'A.f/1#1': 'A.f/2#1', 'A.f/1#1/head': 'A.f/2#1/head', 'A.f/1#1/head/x': 'A.f/2#1/head/x', 'A.f/1#1/Enum.map': 'A.f/2#1/Enum.map',
      'A.f/1#1/Enum.map/Enum': 'A.f/2#1/Enum.map/Enum', 'A.f/1#1/Enum.map/x': 'A.f/2#1/Enum.map/x', 'A.f/1#1/Enum.map/&': 'A.f/2#1/Enum.map/&',
      'A.f/1#1/Enum.map/&/%2F': 'A.f/2#1/Enum.map/&/%2F', 'A.f/1#1/Enum.map/&/%2F/g': 'A.f/2#1/Enum.map/&/%2F/g',
      'A.f/1#1/Enum.map/&/%2F/integer': 'A.f/2#1/Enum.map/&/%2F/integer',
    },
    new: ['A.f/2#1/head/y'],
  },
  'a public function made private': { old: inModule(F), now: inModule(F.replace('def ', 'defp ')) },
  'another small function': {
    old: inModule('  def f, do: nil'), now: inModule('  def g, do: nil'), broken: ['A.f/0', 'A.f/0#1'], new: ['A.g/0', 'A.g/0#1'],
  },
  'docs and specs': {
    old: inModule(F), now: inModule(`  @doc "What it does."\n  @spec f(term) :: term\n${F}`), new: ['A#body/@doc', 'A#body/@spec'],
  },
  'a module deleted': { old: `${inModule(F)}defmodule B do\nend\n`, now: inModule(F), broken: ['B#body'] },
}

test.each(Object.entries(rows))('%s', (_name, row) => {
  check(row, (id) => id.replace(/@(?=doc|spec)/, '%40'))
})

/** The tops of broken and new subtrees are those of the row, moved nodes went where it says, all others kept their ids. */
function check(row: Row, idOf: (short: string) => string): void {
  const found = versions([row.old], [row.now])
  checkLaws(found, allIds(found.olds), allIds(found.nows))
  const tops = (side: 'old' | 'new'): string[] => found.map.flatMap((entry) => (entry[side === 'old' ? 'new' : 'old'] === null ? [entry[side] ?? ''] : [])).sort()
  expect(tops('old')).toEqual((row.broken ?? []).map(idOf).sort())
  expect(tops('new')).toEqual((row.new ?? []).map(idOf).sort())
  const moved = Object.fromEntries(found.parts.maintained.filter(([old, now]) => old !== now))
  expect(moved).toEqual(Object.fromEntries(Object.entries(row.moved ?? {}).map(([old, now]) => [idOf(old), idOf(now)])))
}

/** Whole functions and modules: nothing is lost, and every id changes in the same way. */
test.each([
  ['a function renamed', inModule(`${F}\n${G}`), inModule(`${F.replace('f(x)', 'renamed(x)')}\n${G}`), /^A\.f\//, 'A.renamed/'],
  ['a function renamed and changed', inModule(`${F}\n${G}`), inModule(`${F.replace('f(x)', 'renamed(x)')}\n${G}`.replace(':ok, y', ':ok, y, 1')), /^A\.f\//, 'A.renamed/'],
  ['a function moved to another module', `${inModule(F)}defmodule B do\nend\n`, `${inModule('')}defmodule B do\n${F}\nend\n`, /^A\.f\//, 'B.f/'],
  ['the module renamed', inModule(`${F}\n${G}`), inModule(`${F}\n${G}`).replace(' A ', ' B '), /^A(?=[.#])|(?<=#body\/)A/g, 'B'],
  ['the module renamed, one inside', inModule(`${F}\ndefmodule In do\ndefstruct [:a]\nend`), inModule(`${F}\ndefmodule In do\ndefstruct [:a]\nend`).replace(' A ', ' B '), /^A(?=[.#])|(?<=#body\/)A/g, 'B'],
])('%s', (_name, old, now, from, to) => {
  const found = versions([old], [now])
  checkLaws(found, allIds(found.olds), allIds(found.nows))
  expect(found.parts.broken).toEqual([])
  for (const [was, is] of found.parts.maintained) expect(is).toBe(was.replace(from, to))
})

test('clauses reordered, one of them changed, and one put between', () => {
  const old = inModule('  def f(:a), do: g(1, 2)\n  def f(:b), do: h(2)\n  def f(_), do: i(3)')
  const now = inModule('  def f(:b), do: h(2)\n  def f(:new), do: put(%{a: 1})\n  def f(:a), do: g(1, 3)\n  def f(_), do: i(3)')
  const found = versions([old], [now])
  checkLaws(found, allIds(found.olds), allIds(found.nows))
  const { forward, back } = readVersionMap(found.map)
  expect(['A.f/1#1/g', 'A.f/1#2/h', 'A.f/1#3/i/integer', 'A.f/1#3', 'A.f/1'].map(forward)).toEqual(['A.f/1#3/g', 'A.f/1#1/h', 'A.f/1#4/i/integer', 'A.f/1#4', 'A.f/1'])
  expect(back('A.f/1#2')).toBeUndefined()
})

test('code that moves between files, and a file under another name', () => {
  const found = versions([inModule(`${F}\n${G}`), 'defmodule C do\nend'], [inModule(F), `defmodule C do\n${G}\nend`])
  checkLaws(found, allIds(found.olds), allIds(found.nows))
  expect(found.parts.broken).toEqual([])
  expect(readVersionMap(found.map).forward('A.g/1#1/tuple/send')).toBe('C.g/1#1/tuple/send')
})

test('a module that is defined twice, one definition changed', () => {
  const old = `${inModule(F)}${inModule(G)}`
  const found = versions([old], [old.replace('a * 2', 'log(a)')])
  checkLaws(found, allIds(found.olds), allIds(found.nows))
  expect(found.parts.broken).toEqual(['A@2.g/1#1/=/*', 'A@2.g/1#1/=/*/a', 'A@2.g/1#1/=/*/integer'])
  expect(found.parts.maintained).toContainEqual(['A@2.g/1#1/tuple/send', 'A@2.g/1#1/tuple/send'])
  expect(found.map.every((entry) => (entry.old ?? entry.new)?.startsWith('A@2'))).toBe(true)
})

test('a defimpl for several targets, heads, and delegates of several functions', () => {
  const old = 'defimpl P, for: [A, B] do\n  def s(x), do: g(x)\n  def d(x \\\\ 1)\n  def d(x), do: x\nend\ndefmodule D do\n  defdelegate [a(x), b(x)], to: E\nend'
  const found = versions([old], [old.replace('g(x)', 'h(g(x))').replace('1)', '2, 3)').replace('to: E', 'to: F')])
  checkLaws(found, allIds(found.olds), allIds(found.nows))
  const { forward } = readVersionMap(found.map)
  for (const target of ['A', 'B']) {
    expect(forward(`P.${target}.s/1#1/g/x`)).toBe(`P.${target}.s/1#1/h/g/x`)
    expect(forward(`P.${target}#body/d%2F1`)).toBeUndefined()
  }
  expect(forward('D.b/1#1/to/E')).toBe('D.b/1#1/to/F')
})

test('a list too long to be compared in full: what is unique in it is found', () => {
  const names = Array.from({ length: 300 }, (_, n) => `v${n}`)
  const changed = ['first', ...names.slice(0, 100), ...names.slice(101), 'last']
  const found = versions([inFunction(`    [${names.join(', ')}]`)], [inFunction(`    [${changed.join(', ')}]`)])
  checkLaws(found, allIds(found.olds), allIds(found.nows))
  expect([found.parts.broken, found.parts.new]).toEqual([['A.f/1#1/list/v100'], ['A.f/1#1/list/first', 'A.f/1#1/list/last']])
})

test('long lists of what is everywhere alike are paired as they come', () => {
  const statements = (n: number, call: string): string => Array.from({ length: n }, (_, i) => `    ${i % 3 === 0 ? call : 'g(x)'}`).join('\n')
  const found = versions([inFunction(statements(400, 'h(x)'))], [inFunction(statements(380, 'h(x, 1)'))])
  checkLaws(found, allIds(found.olds), allIds(found.nows))
  expect(found.parts.maintained.length).toBeGreaterThan(700)
})
