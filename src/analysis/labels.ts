/**
 * Labels: what a node id calls each node. This file is the rule; `node-ids.ts` says how labels become ids.
 *
 * A label is what the node is or calls, as spelled in the source: a variable, a local call, an operator, a keyword's
 * key and a section (`else`, `rescue`, …) by name; `Repo.insert!` for a remote call or field on an alias, a variable or
 * an atom, `.insert!` on anything else; `f.()` for an anonymous call; `:ok`, `Foo.Bar`, `%Foo`, `@doc` as written; and a
 * word for what has no name: clause, head, guard, fn, string, charlist, integer, float, char, list, tuple, map,
 * bitstring, access, atom, pair, call. Names that are no plain identifiers are quoted as JSON.
 * Transparent, so that their children hang under the node above: blocks, do-blocks and `do` sections (`do:` keywords
 * too), keyword lists (bracketed ones, too, as an argument), interpolations, the braces of a struct or a map update, the
 * expression under `@`, and the inner steps of a pipe: a chain of pipes is one node `|>` with all steps under it.
 * `not a in b`, `a not in b` and `not(a in b)` are one node `not in`.
 *
 * Two nodes have equal labels exactly when they have equal keys: a key is a number made of a class and symbol ids.
 */

import { formatFunctionName } from '../model/names.ts'
import { nameCount, nameString, type Names } from '../syntax/names.ts'
import { Kind, type Tree } from '../syntax/tree.ts'
import { Sym } from '../syntax/well-known.ts'

/** Bits by node, set from above before the node is reached. The first group steers labels, the second calls. */
export const Mark = {
  Transparent: 1,
  /** The head of a definition: labelled `head`. */
  Head: 2,
  /** The guard of a definition: labelled `guard`. */
  Guard: 4,
  /** Not a call: what an `@` or a capture has already taken. */
  NotCall: 8,
  /** The right side of a pipe: one more argument. */
  Piped: 16,
  /** An alias that is no dependency: the name of a definition, a directive's target. */
  NoDependency: 32,
  /** The quoted part of a `quote`; unquotes within count. */
  Quoted: 64,
  /** Code that is only looked at for the modules it names: typespecs, quotes with unquoting off. */
  Inert: 128,
} as const

const WORDS = [
  'clause', 'head', 'guard', 'string', 'charlist', 'integer', 'float', 'char', 'list', 'tuple', 'map', 'bitstring',
  'access', 'atom', 'pair', 'call',
] as const
type Word = (typeof WORDS)[number]

const Class = {
  Name: 0, Atom: 1, Alias: 2, Remote: 3, RemoteAtom: 4, RemoteOther: 5, Struct: 6, StructOther: 7, Attribute: 8, Anonymous: 9,
  AnonymousOther: 10, DotAlias: 11, MultiAlias: 12, Sigil: 13,
} as const

const SHIFT = 2 ** 24
const CLASS_SHIFT = 2 ** 48

/** No label: a transparent node. */
export const NO_LABEL = -1

export type Labels = {
  readonly tree: Tree
  /** Symbol id of each word: that of the same name in this tree, or one past all names. */
  readonly words: Readonly<Record<Word, number>>
  /** Encoded path segments already made, by key. */
  readonly segments: Map<number, string>
}

export function makeLabels(tree: Tree): Labels {
  return { tree, words: findWords(tree.names), segments: new Map() }
}

/** Sets the marks that a node's children need before they are labelled. */
export function markChildren(tree: Tree, node: number, marks: Uint8Array): void {
  switch (tree.kind[node]) {
    case Kind.BinaryOp:
      markOperand(tree, node, marks)
      return
    case Kind.UnaryOp:
      if (isRearranged(tree, node + 1, node) || tree.payload[node] === Sym['@']) setMark(marks, node + 1, Mark.Transparent)
      return
    case Kind.Struct:
      for (let child = node + 1, stop = node + (tree.extent[node] as number); child < stop; child += tree.extent[child] as number) {
        if (tree.kind[child] === Kind.Map) setMark(marks, child, Mark.Transparent)
      }
      return
    case Kind.Call:
    case Kind.RemoteCall:
    case Kind.AnonymousCall:
    case Kind.CallCall:
      for (let child = node + 1, stop = node + (tree.extent[node] as number); child < stop; child += tree.extent[child] as number) {
        if (tree.kind[child] === Kind.List && isKeywordList(tree, child)) setMark(marks, child, Mark.Transparent)
      }
  }
}

function markOperand(tree: Tree, node: number, marks: Uint8Array): void {
  const left = node + 1
  const operator = tree.payload[node]
  if (operator === Sym['|>']) {
    if (tree.kind[left] === Kind.BinaryOp && tree.payload[left] === operator) setMark(marks, left, Mark.Transparent)
  } else if (operator === Sym.in && tree.kind[left] === Kind.UnaryOp && isNegation(tree.payload[left])) {
    setMark(marks, left, Mark.Transparent)
  }
}

export function setMark(marks: Uint8Array, node: number, bit: number): void {
  marks[node] = (marks[node] ?? 0) | bit
}

/** The key of a node's label, or NO_LABEL. `mark` holds the node's marks. */
export function labelKey(labels: Labels, node: number, mark: number): number {
  if ((mark & (Mark.Transparent | Mark.Head | Mark.Guard)) !== 0) {
    if ((mark & Mark.Transparent) !== 0) return NO_LABEL
    return (mark & Mark.Head) !== 0 ? labels.words.head : labels.words.guard
  }
  const { tree, words } = labels
  const payload = tree.payload[node] as number
  switch (tree.kind[node]) {
    case Kind.Variable:
    case Kind.Call:
    case Kind.NullaryOp:
      return payload
    case Kind.Pair:
    case Kind.Section:
      return payload === Sym.do ? NO_LABEL : payload
    case Kind.BinaryOp:
      return payload === Sym.in ? negatedIn(tree, node) : payload
    case Kind.UnaryOp:
      return unaryKey(tree, node, payload)
    case Kind.Atom:
      return Class.Atom * CLASS_SHIFT + payload
    case Kind.Alias:
      return Class.Alias * CLASS_SHIFT + payload
    case Kind.RemoteCall:
    case Kind.Field:
      return receiverKey(tree, node, payload, Class.Remote)
    case Kind.AnonymousCall:
      return receiverKey(tree, node, 0, Class.Anonymous)
    case Kind.DotAlias:
      return Class.DotAlias * CLASS_SHIFT + payload
    case Kind.MultiAlias:
      return Class.MultiAlias * CLASS_SHIFT
    case Kind.Struct:
      return tree.kind[node + 1] === Kind.Alias
        ? Class.Struct * CLASS_SHIFT + (tree.payload[node + 1] as number)
        : Class.StructOther * CLASS_SHIFT
    case Kind.Sigil:
      return Class.Sigil * CLASS_SHIFT + payload
    case Kind.Assoc:
      return Sym['=>']
    case Kind.Fn:
      return Sym.fn
    default:
      return wordKey(tree.kind[node] as number, words)
  }
}

function wordKey(kind: number, words: Labels['words']): number {
  switch (kind) {
    case Kind.Clause: return words.clause
    case Kind.ClauseHead: return words.head
    case Kind.Guard: return words.guard
    case Kind.String: return words.string
    case Kind.Charlist: return words.charlist
    case Kind.Integer: return words.integer
    case Kind.Float: return words.float
    case Kind.Char: return words.char
    case Kind.List: return words.list
    case Kind.Tuple: return words.tuple
    case Kind.Map: return words.map
    case Kind.Bitstring: return words.bitstring
    case Kind.Access: return words.access
    case Kind.InterpolatedAtom: return words.atom
    case Kind.DynamicPair: return words.pair
    case Kind.CallCall: return words.call
    // File, Error, Block, DoBlock, Keywords, MapUpdate, ParenClauses, Interpolation, StringPart
    default: return NO_LABEL
  }
}

function unaryKey(tree: Tree, node: number, operator: number): number {
  const kind = tree.kind[node + 1]
  if (operator === Sym['@'] && (kind === Kind.Call || kind === Kind.Variable)) {
    return Class.Attribute * CLASS_SHIFT + (tree.payload[node + 1] as number)
  }
  return operator === Sym.not && isRearranged(tree, node + 1, node) ? Sym['not in'] : operator
}

/** `not a in b` and `!a in b` are written as `in`, but read as the negation. */
function negatedIn(tree: Tree, node: number): number {
  if (tree.kind[node + 1] !== Kind.UnaryOp) return Sym.in
  const operator = tree.payload[node + 1] as number
  if (!isNegation(operator)) return Sym.in
  return operator === Sym.not ? Sym['not in'] : operator
}

const isNegation = (operator: number | undefined) => operator === Sym.not || operator === Sym['!']

/** Is `inner` the `a in b` of `not(a in b)`? */
function isRearranged(tree: Tree, inner: number, outer: number): boolean {
  return isNegation(tree.payload[outer]) && (tree.extent[outer] as number) > 1 && tree.kind[inner] === Kind.BinaryOp &&
    tree.payload[inner] === Sym.in && negatedIn(tree, inner) === Sym.in
}

function receiverKey(tree: Tree, node: number, name: number, base: number): number {
  const left = tree.payload[node + 1] as number
  switch (tree.kind[node + 1]) {
    case Kind.Alias:
    case Kind.Variable:
      return base * CLASS_SHIFT + left * SHIFT + name
    case Kind.Atom:
      if (base === Class.Remote) return Class.RemoteAtom * CLASS_SHIFT + left * SHIFT + name
  }
  return (base === Class.Remote ? Class.RemoteOther : Class.AnonymousOther) * CLASS_SHIFT + name
}

/** A bracketed list of nothing but pairs, which as an argument means the same without its brackets. */
function isKeywordList(tree: Tree, node: number): boolean {
  const stop = node + (tree.extent[node] as number)
  for (let child = node + 1; child < stop; child += tree.extent[child] as number) {
    if (tree.kind[child] !== Kind.Pair && tree.kind[child] !== Kind.DynamicPair) return false
  }
  return stop > node + 1
}

/** The label that a key stands for. */
export function labelText(labels: Labels, key: number): string {
  const kind = Math.floor(key / CLASS_SHIFT)
  const rest = key - kind * CLASS_SHIFT
  const left = Math.floor(rest / SHIFT)
  const name = rest - left * SHIFT
  switch (kind) {
    case Class.Atom: return `:${plainName(labels, name)}`
    case Class.Alias: return symbol(labels, name)
    case Class.Remote: return `${symbol(labels, left)}.${plainName(labels, name)}`
    case Class.RemoteAtom: return `:${plainName(labels, left)}.${plainName(labels, name)}`
    case Class.RemoteOther: return `.${plainName(labels, name)}`
    case Class.Struct: return `%${symbol(labels, name)}`
    case Class.StructOther: return '%'
    case Class.Attribute: return `@${plainName(labels, name)}`
    case Class.Anonymous: return `${symbol(labels, left)}.()`
    case Class.AnonymousOther: return '.()'
    case Class.DotAlias: return `.${symbol(labels, name)}`
    case Class.MultiAlias: return '.{}'
    case Class.Sigil: return `~${symbol(labels, name).slice(6)}`
    default: return plainName(labels, name)
  }
}

const PLAIN = /^[\p{Ll}\p{Lo}\p{Lm}\p{Nl}_][\p{L}\p{N}\p{M}_]*[?!]?$/u

function plainName(labels: Labels, id: number): string {
  const name = symbol(labels, id)
  if (PLAIN.test(name) || name === 'not in') return name
  const formatted = formatFunctionName(name)
  return formatted.startsWith('"') || /^[^\p{L}]/u.test(formatted) ? formatted : JSON.stringify(name)
}

function symbol(labels: Labels, id: number): string {
  const past = id - nameCount(labels.tree.names)
  return past < 0 ? nameString(labels.tree.names, id) : (WORDS[past] ?? '')
}

function findWords(names: Names): Record<Word, number> {
  const count = nameCount(names)
  const words = Object.fromEntries(WORDS.map((word, index) => [word, count + index])) as Record<Word, number>
  const { ranges } = names
  const first = count - ranges.length / 2
  for (let i = 0; i < ranges.length; i += 2) {
    const start = ranges[i] as number
    const candidates = wordsBy[shapeOf((ranges[i + 1] as number) - start, byteOfName(names, start))]
    if (candidates === undefined) continue
    const name = nameString(names, first + i / 2)
    for (const word of candidates) if (word === name) words[word] = first + i / 2
  }
  return words
}

const shapeOf = (length: number, initial: number) => (length < 16 ? length * 256 + initial : 0)

/** The words by their length and first letter. */
const wordsBy: (Word[] | undefined)[] = Array.from({ length: 16 * 256 }, () => undefined)
for (const word of WORDS) (wordsBy[shapeOf(word.length, word.charCodeAt(0))] ??= []).push(word)

function byteOfName(names: Names, start: number): number {
  const base = names.source.length
  return (start >= base ? names.extra[start - base] : names.source[start]) ?? 0
}
