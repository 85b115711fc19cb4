/**
 * Laws that hold whatever the edit: the parts are a partition of both versions' ids, translating is one to one and its
 * own inverse, functions that were not edited keep their nodes, and equal sources have an empty map.
 */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { planProject } from '../../../bench/generate/plan.ts'
import { renderModule } from '../../../bench/generate/render.ts'
import { allIds } from '../../../src/analysis/versions/match-versions.ts'
import { readVersionMap, rootOf } from '../../../src/model/version-map.ts'
import { parse } from '../../../src/syntax/parse.ts'
import { program } from '../../support/elixir-grammar.ts'
import { checkLaws, idsByNode, indexOf, versions } from './versions.ts'

const seed = process.env['FC_SEED'] === undefined ? {} : { seed: Number(process.env['FC_SEED']) }

/** Two random numbers say where, the kind says what is done there. */
const edit = fc.record({ kind: fc.constantFrom('delete', 'double', 'wrap', 'swap', 'copy', 'rename', 'insert', 'cut'), at: fc.nat(), to: fc.nat() })
type Edit = typeof edit extends fc.Arbitrary<infer T> ? T : never
const edits = fc.array(edit, { minLength: 1, maxLength: 6 })

/** Edits the text of random nodes: most results are Elixir, the others are read as far as they can be. */
function apply(source: string, { kind, at, to }: Edit): string {
  const tree = parse(new TextEncoder().encode(source))
  const rangeOf = (n: number): readonly [number, number] => {
    const node = n % tree.length
    return [tree.start[node] ?? 0, tree.end[node] ?? 0]
  }
  const bytes = new TextEncoder().encode(source)
  const slice = (from: number, end: number): string => new TextDecoder().decode(bytes.subarray(from, end))
  const [start, end] = rangeOf(at)
  const [from, stop] = rangeOf(to)
  const put = (text: string): string => slice(0, start) + text + slice(end, bytes.length)
  const own = slice(start, end)
  switch (kind) {
    case 'delete': return put('')
    case 'double': return put(`${own}\n${own}`)
    case 'wrap': return put(`if a do\n${own}\nend`)
    case 'copy': return put(slice(from, stop))
    case 'swap':
      if (end > from) return source
      return slice(0, start) + slice(from, stop) + slice(end, from) + own + slice(stop, bytes.length)
    case 'rename': return source.replaceAll(/\bx\b|\bf\b/g, 'renamed')
    case 'insert': return put(`put(${to % 5})\n${own}`)
    case 'cut': return slice(0, start) + slice(end, bytes.length).slice(0, to % 200)
  }
}

const project = planProject({ modules: 40, seed: 7 })
const generated = fc.nat({ max: 39 }).map((index) => renderModule(project, index))
const random = fc.tuple(program(), program(), program()).map(([body, other, arms]) => [
  'defmodule A do', `def f(x) do\n${body}\nend`, `def f(x, y) do\n${other}\nend`, `defp g(x) do\n${body}\nend`, arms, 'end', 'defmodule B do', `def f(x) do\n${arms}\nend`, 'end',
].join('\n'))

function checkEdit(source: string, list: readonly Edit[], steps?: number): void {
  const edited = list.reduce(apply, source)
  const found = versions([source], [edited], steps)
  checkLaws(found, allIds(found.olds), allIds(found.nows))
}

test('edits of generated modules', () => {
  fc.assert(fc.property(generated, edits, (source, list) => checkEdit(source, list)), { numRuns: 150, ...seed })
})

test('edits of random programs', () => {
  fc.assert(fc.property(random, edits, (source, list) => checkEdit(source, list)), { numRuns: 300, ...seed })
})

test('a map made without steps to spare is one all the same', () => {
  fc.assert(fc.property(generated, edits, fc.nat({ max: 500 }), (source, list, steps) => checkEdit(source, list, steps)), { numRuns: 50, ...seed })
})

test('two sources that have nothing to do with each other', () => {
  fc.assert(fc.property(random, random, (old, now) => {
    const found = versions([old], [now])
    checkLaws(found, allIds(found.olds), allIds(found.nows))
  }), { numRuns: 100, ...seed })
})

test('equal sources have an empty map', () => {
  fc.assert(fc.property(fc.oneof(generated, random), (source) => {
    expect(versions([source], [source]).map).toEqual([])
  }), { numRuns: 50, ...seed })
})

test('every node of a function that was not edited keeps its id', () => {
  fc.assert(fc.property(generated, fc.nat(), fc.array(edit, { minLength: 1, maxLength: 3 }), (source, which, list) => {
    const index = indexOf(source)
    const clauses = index.roots.filter((root) => root.kind === 'clause')
    const root = clauses[which % clauses.length]
    if (root === undefined) return
    const { tree } = index
    const bytes = Buffer.from(source)
    const own = bytes.subarray(tree.start[root.node], tree.end[root.node]).toString()
    const edited = list.reduce(apply, own)
    const owner = root.id.slice(0, root.id.lastIndexOf('#'))
    const isOther = (id: string): boolean => id !== owner && !id.startsWith(`${owner}#`) && !id.endsWith('#body')
    const now = Buffer.concat([bytes.subarray(0, tree.start[root.node]), Buffer.from(edited), bytes.subarray(tree.end[root.node])]).toString()
    // An edit that takes the edges of the clause along can change what stands around it.
    const others = (text: string): string => indexOf(text).roots.map(({ id }) => id).filter(isOther).join()
    fc.pre(others(now) === others(source))
    const { olds, map } = versions([source], [now])
    const { forward } = readVersionMap(map)
    for (const id of allIds(olds)) if (isOther(rootOf(id))) expect(forward(id)).toBe(id)
  }), { numRuns: 150, ...seed })
})

test('the ids of both versions are those of their nodes', () => {
  fc.assert(fc.property(fc.oneof(generated, random), (source) => {
    const index = indexOf(source)
    const ids = allIds([index])
    fc.pre(!ids.some((id) => /@\d+[.#]/.test(id)))
    expect(new Set(ids.filter((id) => id.includes('#')))).toEqual(idsByNode(index))
    const roots = new Set(index.roots.flatMap(({ id, kind }) => (kind === 'clause' ? [id, id.slice(0, id.lastIndexOf('#'))] : [id])))
    expect(ids.map(rootOf).filter((id) => !roots.has(id))).toEqual([])
  }), { numRuns: 60, ...seed })
})
