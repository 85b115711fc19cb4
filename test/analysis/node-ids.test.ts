import { spawnSync } from 'node:child_process'
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ID_LIMIT } from '../../src/analysis/frames.ts'
import { childIdsOf, indexNodes, labelOf, moduleStartOf, nodeIdOf, parentIdOf, readFor, resolveNode, type NodeIndex } from '../../src/analysis/node-ids.ts'
import { parseNodeId } from '../../src/model/node-id.ts'
import { lineColumn, text } from '../../src/syntax/tree.ts'
import { parse } from '../../src/syntax/parse.ts'
import { program } from '../support/elixir-grammar.ts'
import { allCalls, analyseText, fixture } from './support/show.ts'

const SHOP = fileURLToPath(new URL('../../examples/shop/lib', import.meta.url))
const sources = globSync('**/*.ex', { cwd: SHOP }).sort().map((path) => readFileSync(join(SHOP, path), 'utf8')).concat(fixture('calls.ex'), fixture('scope.ex'))
const hasElixir = spawnSync('elixir', ['--version']).status === 0
const seed = process.env['FC_SEED'] === undefined ? {} : { seed: Number(process.env['FC_SEED']) }

function indexOf(source: string): NodeIndex {
  return indexNodes(parse(new TextEncoder().encode(source)))
}

/** Nodes of a module that have an id of their own, in order. */
function labelled(index: NodeIndex): number[] {
  return Array.from({ length: index.tree.length }, (_, node) => node).filter((node) => labelOf(index, node) !== null)
}

function ids(source: string): string[] {
  const index = indexOf(source)
  return labelled(index).map((node) => nodeIdOf(index, node) ?? '')
}

test('labels of every kind of node', () => {
  const index = indexOf(fixture('labels.ex'))
  const lines = new Map<number, string[]>()
  for (const node of labelled(index)) {
    const { line } = lineColumn(index.tree, index.tree.start[node] ?? 0)
    const id = (nodeIdOf(index, node) ?? '').replace('Labels.f/2#1', '')
    lines.set(line, [...(lines.get(line) ?? []), id])
  }
  expect([...lines].slice(1).map(([line, found]) => `${line} ${found.join(' ')}`)).toEqual([
    '3  /head /head/x /head/tuple /head/tuple/%3Aok /head/tuple/y /guard /guard/is_list /guard/is_list/x /guard/y',
    '4 /= /=/a /=/|> /=/|>/x /=/|>/g /=/|>/g/integer /=/|>/Repo.insert! /=/|>/Repo.insert!/Repo /=/|>/Repo.insert!/on_conflict /=/|>/Repo.insert!/on_conflict/%3Anothing',
    '5 /=:2 /=:2/a /=:2/h /=:2/h/a',
    '7 /case /case/a',
    '8 /case/clause /case/clause/head /case/clause/head/tuple /case/clause/head/tuple/%3Aok /case/clause/head/tuple/v /case/clause/head/guard /case/clause/head/guard/> /case/clause/head/guard/>/v /case/clause/head/guard/>/integer /case/clause/v',
    '9 /case/clause:2 /case/clause:2/head /case/clause:2/head/%3Aerror /case/clause:2/fn /case/clause:2/fn/clause /case/clause:2/fn/clause/head /case/clause:2/fn/clause/head/z /case/clause:2/fn/clause/z.name /case/clause:2/fn/clause/z.name/z',
    '12 /if /if/x /if/x:2 /if/else /if/else/y',
    '13 /not%20in /not%20in/x /not%20in/y',
    '14 /not%20in:2 /not%20in:2/x /not%20in:2/y',
    '15 /%25Foo /%25Foo/Foo /%25Foo/a /%25Foo/a/integer',
    '16 /map /map/x /map/b /map/b/string',
    '17 /& /&/%2F /&/%2F/Enum.map /&/%2F/Enum.map/Enum /&/%2F/integer',
    '18 /%40attr',
    '19 /f.() /f.()/f /f.()/x',
    '20 /Mod.Sub.call /Mod.Sub.call/Mod.Sub /Mod.Sub.call/x',
    '21 /access /access/x /access/%3Ak',
    '22 /%3Aerlang.self /%3Aerlang.self/%3Aerlang',
    '23 /~r',
  ])
})

test('ids are unique within a module, and lead back to their node', () => {
  for (const source of sources) expect(() => checkIds(source)).not.toThrow()
})

test('ids of random programs are unique and lead back to their node', () => {
  fc.assert(fc.property(program(), (body) => checkIds(`defmodule A do\ndef f(x) do\n${body}\nend\n${body}\nend`)), { numRuns: 100, ...seed })
})

function checkIds(source: string): void {
  const index = indexOf(source)
  const seen = new Set<string>()
  for (const node of labelled(index)) {
    const id = nodeIdOf(index, node)
    const module = moduleStartOf(index, node)
    if (id === undefined) throw new Error(`no id: ${text(index.tree, node)}`)
    if (id.length >= ID_LIMIT) continue
    if (seen.has(`${module} ${id}`)) throw new Error(`${id} twice`)
    seen.add(`${module} ${id}`)
    if (resolveNode(index, id, module) !== node) throw new Error(`${id} leads elsewhere`)
  }
}

test('the ids of calls are those of their nodes', () => {
  for (const source of sources) {
    const index = indexOf(source)
    for (const call of allCalls(analyseText(source))) {
      const node = resolveNode(index, call.node)
      expect(node).toBeDefined()
      expect(nodeIdOf(readFor(index, call.node), node ?? 0)).toBe(call.node)
      expect(parseNodeId(call.node)).toBeDefined()
    }
  }
})

test('parents and children agree', () => {
  for (const source of sources) {
    const index = indexOf(source)
    for (const node of labelled(index)) {
      const id = nodeIdOf(index, node)
      for (const child of childIdsOf(index, node)) expect(parentIdOf(index, resolveNode(index, child) ?? -1)).toBe(id)
    }
  }
})

test('a node without a label has the id of the one around it; outside modules there is none', () => {
  const index = indexOf('x = 1\ndefmodule A do\n  def f(a), do: (a; b)\nend')
  const block = Array.from({ length: index.tree.length }, (_, node) => node).find((node) => text(index.tree, node) === '(a; b)') ?? -1
  expect(labelOf(index, block)).toBeNull()
  expect(nodeIdOf(index, block)).toBe('A.f/1#1')
  expect(nodeIdOf(index, 1)).toBeUndefined()
  expect(parentIdOf(index, resolveNode(index, 'A.f/1#1') ?? -1)).toBe('A#body')
  expect(childIdsOf(index, resolveNode(index, 'A#body') ?? -1)).toEqual(['A#body/A', 'A.f/1#1'])
})

test('unknown ids resolve to nothing, a function to its first clause, a second definition by where it starts', () => {
  const source = 'defmodule A do\n  def f(1), do: 1\n  def f(2), do: 2\nend\ndefmodule A do\n  def f(3), do: 3\nend'
  const index = indexOf(source)
  const textOf = (id: string, module?: number) => {
    const node = resolveNode(index, id, module)
    return node === undefined ? undefined : text(index.tree, node)
  }
  expect(textOf('A.f/1')).toBe('def f(1), do: 1')
  expect(textOf('A.f/1#2')).toBe('def f(2), do: 2')
  expect(textOf('A@2.f/1#1', source.lastIndexOf('defmodule'))).toBe('def f(3), do: 3')
  for (const id of ['A.f/1#3', 'A.g/1', 'B#body', 'A.f/1#1/nope', 'A.f/1#1/head/integer:2', '', 'A.f/1#1/', 'A.f/1#10']) expect(resolveNode(index, id)).toBeUndefined()
})

test('heads: a clause where there is no other, else under the body', () => {
  const source = 'defmodule A do\n  def f(a \\\\ g())\n  def f(a), do: a\n  def h(a \\\\ g())\nend'
  const calls = allCalls(analyseText(source))
  expect(calls.map((call) => call.node)).toEqual(['A#body/f%2F1/head/\\\\/g', 'A.h/1#1/head/\\\\/g'])
  const index = indexOf(source)
  expect(calls.map((call) => text(index.tree, resolveNode(index, call.node) ?? -1))).toEqual(['g()', 'g()'])
})

test('layout, comments, other functions and moved lines leave ids alone', () => {
  const one = 'defmodule A do\n  def f(x) do\n    y = g(x)\n    h(y, [a: 1])\n  end\nend'
  const two = 'defmodule A do\n  # new\n  @doc "d"\n  def other, do: f(g(1))\n\n  def f( x ) do # c\n\n    y =\n      g x\n    h y,\n      a: 1_0\n  end\n  def f(y), do: y\nend'
  const first = ids(one).filter((id) => id.startsWith('A.f/1#1'))
  expect(ids(two).filter((id) => id.startsWith('A.f/1#1'))).toEqual(first)
  expect(first).toContain('A.f/1#1/h/a/integer')
})

test.skipIf(!hasElixir)('ids are those of the formatted source (skipped without elixir)', () => {
  const directory = mkdtempSync(join(tmpdir(), 'ids-'))
  try {
    sources.forEach((source, at) => writeFileSync(join(directory, `${at}.ex`), source.replaceAll(/^ +(?=\S)(?!.*["~'])/gm, ' ')))
    const script = `for path <- Path.wildcard("${directory}/*.ex"), do: File.write!(path <> ".formatted", Code.format_string!(File.read!(path), line_length: 60))`
    expect(spawnSync('elixir', ['-e', script], { encoding: 'utf8' })).toMatchObject({ status: 0 })
    sources.forEach((source, at) => {
      const formatted = readFileSync(join(directory, `${at}.ex.formatted`), 'utf8')
      expect(formatted).not.toBe(source)
      expect(ids(formatted)).toEqual(ids(source))
    })
  } finally {
    rmSync(directory, { recursive: true })
  }
})

test('nesting without end: ids stop growing, and nothing overflows', () => {
  const deep = `defmodule A do\ndef f(x), do: ${'g('.repeat(50_000)}x${')'.repeat(50_000)}\nend`
  const { modules } = analyseText(deep)
  const calls = modules[0]?.functions[0]?.calls ?? []
  expect(calls).toHaveLength(50_000)
  expect(Math.max(...calls.map((call) => call.node.length))).toBeLessThan(1100)
  const index = indexOf(deep)
  expect(nodeIdOf(index, index.tree.length - 1)).toBe(calls.at(-1)?.node)
})
