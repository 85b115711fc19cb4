/**
 * The bytes a tree hash is made of: kinds and payload texts in preorder, each node with children closed by a mark, and
 * nothing about positions. Two texts have equal bytes when they differ only in layout and comments: bracketed and bare
 * keywords, `1_000` and `1000`, `0xAB` and `0xab`, indented heredocs and the three spellings of `not in` are the same.
 */

import { nameBytes } from '../syntax/names.ts'
import { Kind, StringFlag, type Tree } from '../syntax/tree.ts'
import { Sym, wellKnownNames } from '../syntax/well-known.ts'

export type Canonical = { bytes: Uint8Array; length: number; readonly names: (Uint8Array | undefined)[] }

const CLOSE = 0xff
const END = 0
const UNDERSCORE = 0x5f
const NEWLINE = 10

export function makeCanonical(tree: Tree): Canonical {
  return { bytes: new Uint8Array(tree.source.length + tree.length * 2 + 64), length: 0, names: [] }
}

/** Writes the opening of a node. `parent` is the node above. */
export function writeNode(out: Canonical, tree: Tree, node: number, parent: number): void {
  const kind = tree.kind[node] as number
  const payload = tree.payload[node] as number
  switch (kind) {
    case Kind.Integer:
    case Kind.Float:
      return writeNumber(out, tree, kind, node)
    case Kind.Char:
      return writeBytes(out, kind, tree.source.subarray(tree.start[node], tree.end[node]))
    case Kind.String:
    case Kind.Charlist:
    case Kind.StringPart:
      return writeString(out, tree, node, parent)
    case Kind.Sigil:
      writeName(out, kind, tree, payload)
      return writeBytes(out, kind, modifiers(tree, node))
    case Kind.Atom:
    case Kind.Variable:
    case Kind.Alias:
    case Kind.DotAlias:
    case Kind.Call:
    case Kind.RemoteCall:
    case Kind.Field:
    case Kind.NullaryOp:
    case Kind.Pair:
    case Kind.Section:
      return writeName(out, kind, tree, payload)
    case Kind.UnaryOp:
      return swappedUnder(tree, node, parent) ? undefined : writeName(out, kind, tree, payload)
    case Kind.BinaryOp:
      return writeBinary(out, tree, node, payload)
    case Kind.Keywords:
      return writeByte(out, Kind.List)
    default:
      writeByte(out, kind)
  }
}

/** Writes the end of a node that may have children. */
export function writeClose(out: Canonical, tree: Tree, node: number, parent: number): void {
  const kind = tree.kind[node]
  if (kind === Kind.UnaryOp && swappedUnder(tree, node, parent)) return
  writeByte(out, CLOSE)
  if (kind === Kind.BinaryOp && isNegatedIn(tree, node)) writeByte(out, CLOSE)
}

function writeBinary(out: Canonical, tree: Tree, node: number, payload: number): void {
  if (!isNegatedIn(tree, node)) return writeName(out, Kind.BinaryOp, tree, payload)
  writeName(out, Kind.UnaryOp, tree, payload === Sym['not in'] ? Sym.not : (tree.payload[node + 1] as number))
  writeName(out, Kind.BinaryOp, tree, Sym.in)
}

/** `a not in b`, `not a in b` or `!a in b`: written as the negation of `a in b`. */
function isNegatedIn(tree: Tree, node: number): boolean {
  const operator = tree.payload[node]
  if (operator === Sym['not in']) return true
  if (operator !== Sym.in || tree.kind[node + 1] !== Kind.UnaryOp) return false
  const inner = tree.payload[node + 1]
  return inner === Sym.not || inner === Sym['!']
}

/** The `not` of `not a in b`, which its parent has written already. */
function swappedUnder(tree: Tree, node: number, parent: number): boolean {
  return node === parent + 1 && parent >= 0 && tree.kind[parent] === Kind.BinaryOp && tree.payload[parent] === Sym.in && isNegatedIn(tree, parent)
}

function writeName(out: Canonical, kind: number, tree: Tree, id: number): void {
  let name = out.names[id]
  if (name === undefined) {
    name = wellKnownBytes[id] ?? nameBytes(tree.names, id)
    out.names[id] = name
  }
  writeBytes(out, kind, name)
}

const encoder = new TextEncoder()
const wellKnownBytes: readonly Uint8Array[] = wellKnownNames.map((name) => encoder.encode(name))

function writeBytes(out: Canonical, kind: number, bytes: Uint8Array): void {
  const size = bytes.length
  if (out.length + size + 2 > out.bytes.length) grow(out, size + 2)
  const target = out.bytes
  let at = out.length
  target[at++] = kind
  if (size < 32) for (let i = 0; i < size; i++) target[at++] = bytes[i] as number
  else {
    target.set(bytes, at)
    at += size
  }
  target[at++] = END
  out.length = at
}

function writeByte(out: Canonical, byte: number): void {
  if (out.length === out.bytes.length) grow(out, 1)
  out.bytes[out.length++] = byte
}

function writeNumber(out: Canonical, tree: Tree, kind: number, node: number): void {
  const start = tree.start[node] as number
  const end = tree.end[node] as number
  if (out.length + end - start + 2 > out.bytes.length) grow(out, end - start + 2)
  let at = out.length
  out.bytes[at++] = kind
  for (let i = start; i < end; i++) {
    const byte = tree.source[i] as number
    if (byte !== UNDERSCORE) out.bytes[at++] = byte >= 0x41 && byte <= 0x5a ? byte + 32 : byte
  }
  out.bytes[at++] = END
  out.length = at
}

function writeString(out: Canonical, tree: Tree, node: number, parent: number): void {
  const kind = tree.kind[node] as number
  if ((tree.extent[node] as number) > 1) return writeByte(out, kind)
  const raw = tree.source.subarray(tree.start[node], tree.end[node])
  if (((tree.payload[node] as number) & StringFlag.Heredoc) === 0) return writeBytes(out, kind, raw)
  const owner = kind === Kind.StringPart ? parent : node
  const inLine = kind === Kind.StringPart && ((tree.payload[node] as number) & StringFlag.First) === 0
  writeBytes(out, kind, dedent(raw, indentation(tree.source, tree.end[owner] as number), inLine ? 'in a line' : 'at a line'))
}

/** Width of the white space before the closing quotes that end at `end` (modifiers of a sigil may follow them). */
function indentation(source: Uint8Array, end: number): number {
  let at = end
  while (at > 0 && isLetter(source[at - 1] as number)) at--
  at -= 3
  let width = 0
  while (at - width > 0 && (source[at - width - 1] === 32 || source[at - width - 1] === 9)) width++
  return width
}

function dedent(raw: Uint8Array, indent: number, begins: 'at a line' | 'in a line'): Uint8Array {
  if (indent === 0) return raw
  const out = new Uint8Array(raw.length)
  let length = 0
  for (let at = 0; at < raw.length; ) {
    if (at > 0 || begins === 'at a line') at += whiteSpace(raw, at, indent)
    const next = raw.indexOf(NEWLINE, at)
    const end = next === -1 ? raw.length : next + 1
    out.set(raw.subarray(at, end), length)
    length += end - at
    at = end
  }
  return out.subarray(0, length)
}

function whiteSpace(raw: Uint8Array, from: number, limit: number): number {
  let width = 0
  while (width < limit && (raw[from + width] === 32 || raw[from + width] === 9)) width++
  return width
}

function modifiers(tree: Tree, node: number): Uint8Array {
  const end = tree.end[node] as number
  let at = end
  while (at > 0 && isLetter(tree.source[at - 1] as number)) at--
  return tree.source.subarray(at, end)
}

const isLetter = (byte: number) => (byte >= 0x61 && byte <= 0x7a) || (byte >= 0x41 && byte <= 0x5a)

function grow(out: Canonical, room: number): void {
  const wider = new Uint8Array(Math.max(out.bytes.length * 2, out.length + room))
  wider.set(out.bytes)
  out.bytes = wider
}
