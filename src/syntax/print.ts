/**
 * A quoted form as Elixir's `inspect` would show it, with line and column as the metadata and long collections over
 * several lines. For people to read; `canonical` in digest.ts is the text for machines. Explicit stacks, so depth is no
 * limit.
 */

import { isUtf8 } from 'node:buffer'
import type { Quoted, QuotedNode, QuotedTuple } from './quoted.ts'

const WIDTH = 98

/** Text to write, or a value, at an indentation. */
type Piece = { readonly text: string } | { readonly value: Quoted; readonly indent: number }

/** The quoted form as text; no line break at its end. */
export function print(value: Quoted): string {
  const out: string[] = []
  const pieces: Piece[] = [{ value, indent: 0 }]
  const widths = new Map<object, number>()
  measure(value, widths)
  for (let piece = pieces.pop(); piece !== undefined; piece = pieces.pop()) {
    if ('text' in piece) out.push(piece.text)
    else expand(piece.value, piece.indent, widths, out, pieces)
  }
  return out.join('')
}

const isNode = (value: Quoted): value is QuotedNode => typeof value === 'object' && 'form' in value
const isTuple = (value: Quoted): value is QuotedTuple => typeof value === 'object' && 'left' in value

/** An element of a list that is shown as `key: value`. */
const isPair = (value: Quoted): value is { left: string; right: Quoted } => isTuple(value) && typeof value.left === 'string'

/** The text of a value without parts, or undefined. */
function simple(value: Quoted): string | undefined {
  if (typeof value === 'string') return printAtom(value)
  if (typeof value === 'number' || typeof value === 'bigint') return String(value)
  if (value instanceof Uint8Array) return printBinary(value)
  if (typeof value === 'object' && 'float' in value) return printFloat(value.float)
  if (Array.isArray(value) && value.length === 0) return '[]'
  return undefined
}

function parts(value: Quoted): readonly Quoted[] {
  if (isNode(value)) return [value.form, value.args ?? 'nil']
  if (isTuple(value)) return [value.left, value.right]
  return Array.isArray(value) ? (value as readonly Quoted[]) : []
}

/** Notes how wide each collection is on one line, innermost first. */
function measure(root: Quoted, widths: Map<object, number>): void {
  const order: Quoted[] = []
  const pending: Quoted[] = [root]
  for (let value = pending.pop(); value !== undefined; value = pending.pop()) {
    order.push(value)
    if (simple(value) === undefined) for (const part of parts(value)) pending.push(part)
  }
  for (let i = order.length - 1; i >= 0; i--) {
    const value = order[i]
    if (typeof value !== 'object' || simple(value) !== undefined) continue
    let width = isNode(value) ? 4 + metadata(value).length : 2
    for (const part of parts(value)) width += 2 + (simple(part)?.length ?? widths.get(part as object) ?? 0)
    widths.set(value, width)
  }
}

function metadata(node: QuotedNode): string {
  return node.line === 0 ? '[]' : `[line: ${node.line}, column: ${node.column}]`
}

function expand(value: Quoted, indent: number, widths: Map<object, number>, out: string[], pieces: Piece[]): void {
  const text = simple(value)
  if (text !== undefined) {
    out.push(text)
    return
  }
  const wide = indent + (widths.get(value as object) ?? 0) > WIDTH
  const open = Array.isArray(value) ? '[' : '{'
  const elements: Piece[][] = isNode(value)
    ? [[{ value: value.form, indent: indent + 1 }], [{ text: metadata(value) }], [{ value: value.args ?? 'nil', indent: indent + 1 }]]
    : Array.isArray(value)
      ? listElements(value as readonly Quoted[], indent + 1)
      : parts(value).map((part) => [{ value: part, indent: indent + 1 }])
  const separator = wide ? `,\n${' '.repeat(indent + 1)}` : ', '
  pieces.push({ text: open === '[' ? ']' : '}' })
  for (let i = elements.length - 1; i >= 0; i--) {
    pieces.push(...(elements[i] ?? []).toReversed())
    if (i > 0) pieces.push({ text: separator })
  }
  out.push(open)
}

function listElements(list: readonly Quoted[], indent: number): Piece[][] {
  if (!list.every(isPair)) return list.map((value) => [{ value, indent }])
  return list.map(({ left, right }) => [{ text: `${printKey(left)} ` }, { value: right, indent }])
}

const plainName = /^[\p{L}_][\p{L}\p{N}_@]*[!?]?$/u
const operatorName = /^(?:[-+*/<>=!^&|@.~]|\+\+\+?|---?|\*\*|==|!=|===|!==|=~|<=|>=|&&&?|\|\|\|?|<>|\|>|<\|>|<~>?|~>>?|<<[<~]|>>>|<-|->|\\\\|\^\^\^|~~~|::|\.\.|\.\.\.|\.\.\/\/|%|\{\}|%\{\}|<<>>)$/

/** An atom: `:name`, `nil`, `Foo.Bar`, `:"with space"`. */
export function printAtom(name: string): string {
  if (name === 'nil' || name === 'true' || name === 'false') return name
  if (/^Elixir(?:\.[A-Z]\w*)+$/.test(name)) return name.slice(7)
  if (name === '::') return ':"::"'
  if (plainName.test(name) || operatorName.test(name)) return `:${name}`
  return `:${quote(name)}`
}

function printKey(name: string): string {
  if (/^Elixir(?:\.[A-Z]\w*)*$/.test(name)) return `"${name}":`
  return plainName.test(name) || operatorName.test(name) ? `${name}:` : `${quote(name)}:`
}

const escapes: Readonly<Record<string, string>> = {
  '"': '\\"', '\\': '\\\\', '\n': '\\n', '\t': '\\t', '\r': '\\r', '\0': '\\0', '\u0007': '\\a', '\b': '\\b',
  '\u007f': '\\d', '\u001b': '\\e', '\f': '\\f', '\v': '\\v', '#{': '\\#{',
}

function quote(text: string): string {
  // oxlint-disable-next-line no-control-regex
  const escaped = text.replace(/#\{|["\\\u0000-\u001f\u007f]/g, (found) => {
    return escapes[found] ?? `\\x${found.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`
  })
  return `"${escaped}"`
}

function printBinary(bytes: Uint8Array): string {
  if (isUtf8(bytes)) return quote(new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes))
  return `<<${bytes.join(', ')}>>`
}

function printFloat(value: number): string {
  const text = String(value)
  if (text.includes('e')) return text.includes('.') ? text.replace('e+', 'e') : text.replace(/e\+?/, '.0e')
  return text.includes('.') ? text : `${text}.0`
}
