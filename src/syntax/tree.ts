/**
 * The flat tree of one source file: one row per node in typed arrays, in preorder. So the first child of n is n + 1, its
 * next sibling n + extent[n], and a subtree is the contiguous range [n, n + extent[n]). Node 0 is the File.
 * Parentheses around one expression leave no node. Every offset is a byte offset into `source`. Deliberately absent:
 * strings and values (derived on demand, `quoted.ts`), parent links (derive them in a walk), anything semantic.
 */

import type { Problem } from '../model/problem.ts'
import type { Names } from './names.ts'
import { nameString } from './names.ts'

/** `at` of a node that has no position in the quoted form. */
export const NOWHERE = 0xffffffff

/**
 * What a node is. Each entry says: children; payload. "name" is a symbol id, read with `name(tree, n)`; ids of common
 * names are fixed (`Sym` in well-known.ts). `at` is the start of the node unless said otherwise.
 */
export const Kind = {
  /** Top-level expressions; payload 0. */
  File: 0,
  /** A region that could not be read: the children that could; payload 0. */
  Error: 1,
  /** Several (or zero) expressions in parentheses, or one that parentheses protect: `(a; b)`, `(not a)`, `()`. */
  Block: 2,

  /** `nil`, `true`, `:name`, `:"quoted"`: no children; name. */
  Atom: 3,
  /** `:"with #{interpolation}"`: StringPart | Interpolation; payload 0. */
  InterpolatedAtom: 4,
  /** `12`, `0xff`: no children; payload 0. */
  Integer: 5,
  /** `1.5e3`. */
  Float: 6,
  /** `?a`, `?\n`. */
  Char: 7,
  /** `"text"`, also a heredoc. No interpolation: no children, else StringPart | Interpolation; payload StringFlag bits. */
  String: 8,
  /** `'text'`, as String. */
  Charlist: 9,
  /** `~r/a/i`: StringPart | Interpolation (at least one); name of its macro, `sigil_r`. Modifiers end the node's text. */
  Sigil: 10,
  /** Raw text inside an interpolated string, sigil or atom (escapes not processed): no children; StringFlag bits. */
  StringPart: 11,
  /** `#{a; b}`: expressions; payload 0. `at` is the `#`. */
  Interpolation: 12,

  /** A name that is a variable or a local call of arity 0 without parentheses: no children; name. */
  Variable: 13,
  /** `Foo.Bar`: no children; name, dotted and without spaces. */
  Alias: 14,
  /** `__MODULE__.Foo.Bar`, `unquote(x).Foo`: [left]; name of the rest, dotted. `at` is the dot. */
  DotAlias: 15,
  /** `Foo.{A, B}`: [left, elements…]; payload 0. `at` is the dot. */
  MultiAlias: 16,

  /** `name(a, b)`, `name a, b do … end`: arguments, then a DoBlock if any; name. */
  Call: 17,
  /** `left.name(a)`, `left.name a`: [left, arguments…, DoBlock?]; name. `at` is the dot. */
  RemoteCall: 18,
  /** `left.name`, neither parentheses nor arguments: [left]; name. `at` is the dot. */
  Field: 19,
  /** `fun.(a)`: [fun, arguments…, DoBlock?]; payload 0. `at` is the dot. */
  AnonymousCall: 20,
  /** `name(a)(b)`: [the first call, arguments…, DoBlock?]; payload 0. `at` is that of the first call's name. */
  CallCall: 21,
  /** `left[key]`: [left, key]; payload 0. `at` is the bracket. */
  Access: 22,

  /** `-a`, `not a`, `@a`, `&a`, `&1`, and `//a` (quoted as `/` twice): [operand]; operator name. */
  UnaryOp: 23,
  /**
   * `a + b`, `a not in b` ('not in'): [left, right]; operator name. `at` is the operator. `not a in b` is 'in' with a
   * UnaryOp on its left, and `a..b//c` is '//' with '..' on its left, as they are written; the quoted form differs.
   */
  BinaryOp: 24,
  /** `..` alone: no children; operator name. */
  NullaryOp: 25,

  /** `[a, b, k: v]`: elements (Pair and DynamicPair directly); payload 0. */
  List: 26,
  /** `{a, b}`: elements, a trailing Keywords; payload 0. */
  Tuple: 27,
  /** `<<a, b::8>>`: segments, a trailing Keywords; payload 0. */
  Bitstring: 28,
  /** `%{a => b, k: v}` or the braces of a struct: Assoc | Pair | DynamicPair | expressions, or one MapUpdate. `at` is `{`. */
  Map: 29,
  /** The inside of `%{base | k: v}`: [base, fields…]; payload 0. `at` is the `|`. */
  MapUpdate: 30,
  /** `%Name{…}`: [name, Map]; payload 0. */
  Struct: 31,
  /** `key => value`: [key, value]; payload 0. `at` is the arrow. */
  Assoc: 32,
  /** `key: value`, `"key": value`: [value]; name of the key. */
  Pair: 33,
  /** `"a#{b}": value`: [InterpolatedAtom, value]; payload 0. */
  DynamicPair: 34,
  /** Keywords without brackets, the last argument of a call or element: Pair | DynamicPair; payload 0. */
  Keywords: 35,

  /** `do … else … end` of a call: Section…; payload 0. */
  DoBlock: 36,
  /** One section: either Clause… or expressions; name: do, else, rescue, catch, after. */
  Section: 37,
  /** `a, b when c -> d; e`: [ClauseHead, expressions of the body…]; payload 0. `at` is the arrow. */
  Clause: 38,
  /** Patterns or arguments, then a Guard if any; payload 0. */
  ClauseHead: 39,
  /** The guard of a clause head: [condition]; payload 0. `at` is the `when`. */
  Guard: 40,
  /** `fn a -> b end`: Clause…; payload 0. */
  Fn: 41,
  /** `(a -> b; c -> d)`: Clause…; payload 0. */
  ParenClauses: 42,
} as const

export type Kind = (typeof Kind)[keyof typeof Kind]

const kindNames: ReadonlyMap<number, string> = new Map(Object.entries(Kind).map(([key, kind]) => [kind, key]))

/** The printable name of a kind, e.g. `RemoteCall`. */
export const kindName = (kind: number): string => kindNames.get(kind) ?? `Kind${kind}`

/** Bits of the payload of String, Charlist and StringPart. */
export const StringFlag = {
  /** The text contains a backslash. */
  Escapes: 1,
  /** Between three quotes; lines lose the indentation of the closing quotes. */
  Heredoc: 2,
  /** A part that opens its heredoc: it begins after the first line break. */
  First: 4,
} as const

export type Tree = {
  readonly source: Uint8Array
  /** How many nodes there are. */
  readonly length: number
  readonly kind: Uint8Array
  readonly start: Uint32Array
  readonly end: Uint32Array
  /** Offset of the token that gives the node its line and column in the quoted form, or NOWHERE. */
  readonly at: Uint32Array
  readonly payload: Uint32Array
  /** Nodes in the subtree, itself included. */
  readonly extent: Uint32Array
  readonly names: Names
  /** Where columns and lines differ from counting characters: see `ColumnFix`. In order of offset. */
  readonly fixes: readonly ColumnFix[]
  readonly problems: readonly Problem[]
}

/**
 * A correction to the position of everything from `offset` on in the same line: `columns` is added to the column.
 * Graphemes of several code points count as one inside strings. With `lines`, a line break that Elixir does not count.
 */
export type ColumnFix = { readonly offset: number; readonly columns: number; readonly lines: number }

/** Node 0, the File. */
export const ROOT = 0

/** The first child, or -1. */
export function firstChild(tree: Tree, node: number): number {
  return (tree.extent[node] ?? 0) > 1 ? node + 1 : -1
}

/** The sibling after `node` under `parent`, or -1. */
export function nextSibling(tree: Tree, parent: number, node: number): number {
  const next = node + (tree.extent[node] ?? 1)
  return next < parent + (tree.extent[parent] ?? 1) ? next : -1
}

/** The node after the whole subtree of `node`: the next sibling, if the parent reaches that far. */
export function afterSubtree(tree: Tree, node: number): number {
  return node + (tree.extent[node] ?? 1)
}

export function* children(tree: Tree, node: number): Generator<number, void, undefined> {
  const stop = node + (tree.extent[node] ?? 1)
  for (let child = node + 1; child < stop; child += tree.extent[child] ?? 1) yield child
}

export function childCount(tree: Tree, node: number): number {
  const stop = node + (tree.extent[node] ?? 1)
  let count = 0
  for (let child = node + 1; child < stop; child += tree.extent[child] ?? 1) count++
  return count
}

/** Child number `index` from 0, or -1. */
export function childAt(tree: Tree, node: number, index: number): number {
  const stop = node + (tree.extent[node] ?? 1)
  let left = index
  for (let child = node + 1; child < stop; child += tree.extent[child] ?? 1) {
    if (left-- === 0) return child
  }
  return -1
}

/** The last child, or -1. */
export function lastChild(tree: Tree, node: number): number {
  const stop = node + (tree.extent[node] ?? 1)
  let last = -1
  for (let child = node + 1; child < stop; child += tree.extent[child] ?? 1) last = child
  return last
}

/** The DoBlock of a call, or -1. */
export function doBlock(tree: Tree, call: number): number {
  const last = lastChild(tree, call)
  return last !== -1 && tree.kind[last] === Kind.DoBlock ? last : -1
}

const decoder = new TextDecoder()

/** The source text of a node; invalid UTF-8 is shown as U+FFFD. */
export function text(tree: Tree, node: number): string {
  return decoder.decode(tree.source.subarray(tree.start[node], tree.end[node]))
}

/** The name that the payload of `node` stands for; only for the kinds whose payload is a name. */
export function name(tree: Tree, node: number): string {
  return nameString(tree.names, tree.payload[node] ?? 0)
}

export type Position = { readonly line: number; readonly column: number }

type LineTable = {
  /** Offset of the first byte of each line, ascending. */
  readonly starts: Uint32Array
  /** 1 where the line has a byte over 127, so that columns must be counted. */
  readonly wide: Uint8Array
  /** The line number that each entry of `starts` has; undefined where it is its place plus one. */
  readonly numbers: Uint32Array | undefined
  /** With `numbers`: for each entry of `starts`, the offset at which the line of its number begins. */
  readonly firsts: Uint32Array | undefined
  /** Code points before every STRIDE-th byte, so that a column costs no walk from the start of a long line; empty for ASCII. */
  readonly counts: Uint32Array
  /** The sum of `columns` of all fixes before each; one entry more than fixes. */
  readonly fixed: Int32Array
}

const STRIDE = 64

const lineTables = new WeakMap<Tree, LineTable>()

function buildLineTable(source: Uint8Array, fixes: readonly ColumnFix[]): LineTable {
  let count = 1
  for (let i = source.indexOf(10); i !== -1; i = source.indexOf(10, i + 1)) count++
  const starts = new Uint32Array(count)
  const wide = new Uint8Array(count)
  let line = 0
  for (let i = 0; i < source.length; i++) {
    const byte = source[i] ?? 0
    if (byte === 10) starts[++line] = i + 1
    else if (byte > 127) wide[line] = 1
  }
  for (const fix of fixes) wide[findLine(starts, fix.offset)] = 1
  const numbers = renumber(starts, fixes)
  const counts = numbers !== undefined || wide.includes(1) ? countCodePoints(source) : new Uint32Array(0)
  return { starts, wide, numbers, firsts: numbers && firstOfEach(starts, numbers), counts, fixed: sumColumns(fixes) }
}

function countCodePoints(source: Uint8Array): Uint32Array {
  const counts = new Uint32Array(Math.floor(source.length / STRIDE) + 1)
  let count = 0
  for (let i = 0; i < source.length; i++) {
    if (i % STRIDE === 0) counts[i / STRIDE] = count
    if (((source[i] ?? 0) & 0xc0) !== 0x80) count++
  }
  if (source.length % STRIDE === 0) counts[source.length / STRIDE] = count
  return counts
}

function firstOfEach(starts: Uint32Array, numbers: Uint32Array): Uint32Array {
  const firsts = starts.slice()
  for (let line = 1; line < starts.length; line++) {
    if (numbers[line] === numbers[line - 1]) firsts[line] = firsts[line - 1] ?? 0
  }
  return firsts
}

function sumColumns(fixes: readonly ColumnFix[]): Int32Array {
  const sums = new Int32Array(fixes.length + 1)
  fixes.forEach((fix, i) => {
    sums[i + 1] = (sums[i] ?? 0) + fix.columns
  })
  return sums
}

function renumber(starts: Uint32Array, fixes: readonly ColumnFix[]): Uint32Array | undefined {
  const uncounted = new Set(fixes.filter((fix) => fix.lines !== 0).map((fix) => fix.offset))
  if (uncounted.size === 0) return undefined
  const numbers = new Uint32Array(starts.length)
  let number = 0
  starts.forEach((start, line) => {
    if (!uncounted.has(start - 1)) number++
    numbers[line] = number
  })
  return numbers
}

function findLine(starts: Uint32Array, offset: number): number {
  let low = 0
  let high = starts.length - 1
  while (low < high) {
    const middle = (low + high + 1) >>> 1
    if ((starts[middle] ?? 0) <= offset) low = middle
    else high = middle - 1
  }
  return low
}

function lineTable(tree: Tree): LineTable {
  let table = lineTables.get(tree)
  if (table === undefined) {
    table = buildLineTable(tree.source, tree.fixes)
    lineTables.set(tree, table)
  }
  return table
}

/** A function from byte offset to position that is quick when offsets come mostly in order. */
export function positions(tree: Tree): (offset: number) => Position {
  const table = lineTable(tree)
  let line = 0
  return (offset) => {
    const { starts } = table
    const here = starts[line] ?? 0
    if (offset < here || offset >= (starts[line + 1] ?? Infinity)) {
      const next = starts[line + 1] ?? Infinity
      line = offset >= next && offset < (starts[line + 2] ?? Infinity) ? line + 1 : findLine(starts, offset)
    }
    return positionIn(tree, table, line, offset)
  }
}

/** Line and column from 1 of a byte offset, as Elixir counts them: code points, but graphemes inside strings. */
export function lineColumn(tree: Tree, offset: number): Position {
  const table = lineTable(tree)
  return positionIn(tree, table, findLine(table.starts, offset), offset)
}

function positionIn(tree: Tree, table: LineTable, line: number, offset: number): Position {
  const start = table.starts[line] ?? 0
  if (table.wide[line] === 0 && table.numbers === undefined) return { line: line + 1, column: offset - start + 1 }
  const number = table.numbers?.[line] ?? line + 1
  const first = table.firsts?.[line] ?? start
  const characters = codePointsBefore(tree.source, table.counts, offset) - codePointsBefore(tree.source, table.counts, first)
  const { fixed } = table
  const corrections = (fixed[firstFix(tree.fixes, offset + 1)] ?? 0) - (fixed[firstFix(tree.fixes, first)] ?? 0)
  return { line: number, column: 1 + characters + corrections }
}

/** Code points that begin before `offset`, which the end of the source bounds. */
function codePointsBefore(source: Uint8Array, counts: Uint32Array, offset: number): number {
  const stop = Math.min(offset, source.length)
  const stride = Math.floor(stop / STRIDE)
  let count = counts[stride] ?? 0
  for (let i = stride * STRIDE; i < stop; i++) if (((source[i] ?? 0) & 0xc0) !== 0x80) count++
  return count
}

/** Index of the first fix at or after `offset`. */
function firstFix(fixes: readonly ColumnFix[], offset: number): number {
  let low = 0
  let high = fixes.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((fixes[middle]?.offset ?? 0) < offset) low = middle + 1
    else high = middle
  }
  return low
}
