/**
 * Reading a flat tree: cursors, names, text and positions.
 */

import { expect, test } from 'vitest'
import { findName } from '../../src/syntax/names.ts'
import { parse } from '../../src/syntax/parse.ts'
import {
  childAt, childCount, children, doBlock, firstChild, kindName, lastChild, lineColumn, name, nextSibling, positions, text,
} from '../../src/syntax/tree.ts'
import type { Tree } from '../../src/syntax/tree.ts'
import { Sym, wellKnownNames } from '../../src/syntax/well-known.ts'

const read = (source: string): Tree => parse(new TextEncoder().encode(source))

/** The tree as nested names of kinds, with the text of leaves. */
function outline(tree: Tree, node = 0): string {
  const inner = [...children(tree, node)].map((child) => outline(tree, child))
  const kind = kindName(tree.kind[node] ?? 0)
  return inner.length === 0 ? `${kind} ${text(tree, node)}` : `${kind}(${inner.join(', ')})`
}

const outlines: readonly (readonly [string, string])[] = [
  ['f(a, b: 1)', 'File(Call(Variable a, Keywords(Pair(Integer 1))))'],
  ['f a do b end', 'File(Call(Variable a, DoBlock(Section(Variable b))))'],
  ['A.B.f', 'File(Field(Alias A.B))'],
  ['A.f x', 'File(RemoteCall(Alias A, Variable x))'],
  ['f.(1)', 'File(AnonymousCall(Variable f, Integer 1))'],
  ['%A{b | c: 1}', 'File(Struct(Alias A, Map(MapUpdate(Variable b, Pair(Integer 1)))))'],
  ['%{a => 1}', 'File(Map(Assoc(Variable a, Integer 1)))'],
  ['fn a when b -> c end', 'File(Fn(Clause(ClauseHead(Variable a, Guard(Variable b)), Variable c)))'],
  ['"a#{b}"', 'File(String(StringPart a, Interpolation(Variable b)))'],
  ['(a; b)', 'File(Block(Variable a, Variable b))'],
  ['((a))', 'File(Variable a)'],
  ['@a[b]', 'File(Access(UnaryOp(Variable a), Variable b))'],
  ['A.{B, C}', 'File(MultiAlias(Alias A, Alias B, Alias C))'],
  ['1..2//3', 'File(BinaryOp(BinaryOp(Integer 1, Integer 2), Integer 3))'],
  ['a not \\\nin b', 'File(BinaryOp(Variable a, Variable b))'],
  ['a not in b', 'File(BinaryOp(Variable a, Variable b))'],
]

test.each(outlines)('%s', (source, expected) => {
  expect(outline(read(source))).toBe(expected)
})

test('cursors agree with each other', () => {
  const tree = read('f(a, [b, c], d) do e end')
  const call = firstChild(tree, 0)
  const all = [...children(tree, call)]
  expect(all).toHaveLength(4)
  expect(childCount(tree, call)).toBe(4)
  expect(all.map((_, i) => childAt(tree, call, i))).toEqual(all)
  expect(childAt(tree, call, 4)).toBe(-1)
  expect(nextSibling(tree, call, all[0] ?? 0)).toBe(all[1])
  expect(nextSibling(tree, call, all[3] ?? 0)).toBe(-1)
  expect(lastChild(tree, call)).toBe(all[3])
  expect(doBlock(tree, call)).toBe(all[3])
  expect(firstChild(tree, all[0] ?? 0)).toBe(-1)
})

test('names: the well-known have their fixed ids, others are per tree', () => {
  const tree = read('defmodule A.B, do: foo')
  const call = firstChild(tree, 0)
  expect(tree.payload[call]).toBe(Sym.defmodule)
  expect(name(tree, firstChild(tree, call))).toBe('A.B')
  expect(findName(tree.names, 'foo')).toBeGreaterThanOrEqual(wellKnownNames.length)
  expect(findName(tree.names, 'bar')).toBe(-1)
})

test('text of a node, parentheses of operands included', () => {
  const tree = read('x = (a) + b * (c)')
  expect([1, 3].map((n) => text(tree, n))).toEqual(['x = (a) + b * (c)', '(a) + b * (c)'])
})

test('columns count characters, and graphemes inside strings', () => {
  const source = 'a\né + "👨‍👩‍👧" <> b'
  const tree = read(source)
  const end = new TextEncoder().encode(source).length - 1
  expect(lineColumn(tree, end)).toEqual({ line: 2, column: 12 })
  const position = positions(tree)
  expect(position(end)).toEqual({ line: 2, column: 12 })
  expect(position(0)).toEqual({ line: 1, column: 1 })
})
