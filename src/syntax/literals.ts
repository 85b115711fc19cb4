/**
 * The values of literals, read from the source when asked for: numbers, characters, and the text of strings without the
 * indentation of heredocs.
 */

import { stripIndent, unescape } from './escapes.ts'
import { Kind, StringFlag } from './tree.ts'
import type { Tree } from './tree.ts'

/** The value of a String or Charlist without interpolation. */
export function plainText(tree: Tree, n: number): Uint8Array {
  const { source } = tree
  const flags = tree.payload[n] as number
  const start = tree.start[n] as number
  const end = tree.end[n] as number
  if ((flags & StringFlag.Heredoc) === 0) {
    const raw = source.subarray(start + 1, end - 1)
    return (flags & StringFlag.Escapes) === 0 ? raw : unescape(raw)
  }
  const indent = indentBefore(source, end - 3)
  const first = source.indexOf(10, start) + 1
  const raw = stripIndent(source.subarray(first, Math.max(first, end - 3 - indent)), indent, indent)
  return (flags & StringFlag.Escapes) === 0 ? raw : unescape(raw)
}

function indentBefore(source: Uint8Array, at: number): number {
  let i = at
  while (source[i - 1] === 32 || source[i - 1] === 9) i--
  return at - i
}

/** Offset of the closing delimiter of a text (the first of three of a heredoc). */
export function closingQuote(tree: Tree, n: number): number {
  const { source } = tree
  let end = tree.end[n] as number
  if (tree.kind[n] === Kind.Sigil) while (isModifier(source[end - 1] as number)) end--
  // A keyword ends in a colon.
  if (tree.kind[n] === Kind.InterpolatedAtom && source[end - 1] === 58) end--
  const quote = source[end - 1]
  const triple = (quote === 34 || quote === 39) && source[end - 2] === quote && source[end - 3] === quote
  return triple && isHeredoc(tree, n) ? end - 3 : end - 1
}

/** Letters and digits, which can follow a sigil. */
export const isModifier = (c: number): boolean => (c >= 97 && c <= 122) || (c >= 65 && c <= 90) || (c >= 48 && c <= 57)

function isHeredoc(tree: Tree, n: number): boolean {
  return tree.kind[n + 1] === Kind.StringPart && ((tree.payload[n + 1] as number) & StringFlag.Heredoc) !== 0
}

/** The raw text of a StringPart whose text is closed at `close`, without the indentation of a heredoc. */
export function partText(tree: Tree, n: number, close: number): Uint8Array {
  const flags = tree.payload[n] as number
  const raw = tree.source.slice(tree.start[n], tree.end[n])
  if ((flags & StringFlag.Heredoc) === 0) return raw
  const indent = indentBefore(tree.source, close)
  return stripIndent(raw, indent, (flags & StringFlag.First) === 0 ? 0 : indent)
}

/** The value of an Integer; a bigint where a number would not be exact. */
export function integer(tree: Tree, n: number): number | bigint {
  const { source } = tree
  const start = tree.start[n] as number
  const end = tree.end[n] as number
  if (end - start < 10 && (end - start < 3 || (source[start + 1] as number) < 97)) {
    let value = 0
    for (let i = start; i < end; i++) if (source[i] !== 95) value = value * 10 + (source[i] as number) - 48
    return value
  }
  const value = BigInt(digits(tree, n))
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value
}

/** The text of a number without underscores. */
export function digits(tree: Tree, n: number): string {
  let string = ''
  for (let i = tree.start[n] as number; i < (tree.end[n] as number); i++) {
    if (tree.source[i] !== 95) string += String.fromCharCode(tree.source[i] as number)
  }
  return string
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

const escapedChar: Readonly<Record<string, number>> = {
  '0': 0, a: 7, b: 8, d: 127, e: 27, f: 12, n: 10, r: 13, s: 32, t: 9, v: 11,
}

/** The code point of a Char. */
export function character(tree: Tree, n: number): number {
  const string = decoder.decode(tree.source.subarray((tree.start[n] as number) + 1, tree.end[n]))
  const first = string.codePointAt(0) ?? 0
  if (first !== 92 || string.length === 1) return first
  const escaped = string.slice(1)
  return escapedChar[escaped] ?? escaped.codePointAt(0) ?? 0
}
