/**
 * The value of a string literal without interpolation, for docs and names: quotes and heredoc indentation removed,
 * escapes processed. A literal that needs evaluation has no value here. Deliberately absent: validation (the parser
 * has reported what is wrong with an escape; here it stays as written).
 */

import { Kind, StringFlag, childCount } from '../syntax/tree.ts'
import { nameOf, slice, type SourceText } from './source-text.ts'

/** The value of a String, or of a `~s`/`~S` sigil, or null when it is none or holds interpolations. */
export function stringValue(text: SourceText, node: number): string | null {
  const { tree } = text
  const kind = tree.kind[node]
  if (kind === Kind.String) {
    if ((tree.extent[node] ?? 0) > 1) return null
    const flags = tree.payload[node] ?? 0
    const raw = inner(slice(text, tree.start[node] ?? 0, tree.end[node] ?? 0), (flags & StringFlag.Heredoc) !== 0)
    return (flags & StringFlag.Escapes) === 0 ? raw : unescape(raw)
  }
  if (kind === Kind.Sigil) return sigilValue(text, node)
  return null
}

function sigilValue(text: SourceText, node: number): string | null {
  const { tree } = text
  const sigil = nameOf(text, node)
  if ((sigil !== 'sigil_S' && sigil !== 'sigil_s') || childCount(tree, node) > 1) return null
  const literal = slice(text, (tree.start[node] ?? 0) + 2, withoutModifiers(tree.source, tree.end[node] ?? 0))
  const raw = inner(literal, literal.startsWith('"""') || literal.startsWith("'''"))
  return sigil === 'sigil_S' ? raw : unescape(raw)
}

function withoutModifiers(source: Uint8Array, end: number): number {
  let at = end
  while (at > 0 && ((source[at - 1] ?? 0) | 32) >= 0x61 && ((source[at - 1] ?? 0) | 32) <= 0x7a) at--
  return at
}

/** What stands between the delimiters. */
function inner(literal: string, heredoc: boolean): string {
  if (!heredoc) return literal.slice(1, -1)
  const indent = literal.length - 3 - (literal.lastIndexOf('\n') + 1)
  if (indent < 0 || indent > literal.length - 6) return literal.slice(3, -3)
  const opened = literal.indexOf('\n') + 1
  if (indent === 0) return literal.slice(opened, -3)
  const lines = literal.slice(opened, literal.length - 3 - indent).split('\n')
  return lines.map((line) => dedent(line, indent)).join('\n')
}

function dedent(line: string, indent: number): string {
  let from = 0
  while (from < indent && (line[from] === ' ' || line[from] === '\t')) from++
  return line.slice(from)
}

const SIMPLE: Readonly<Record<string, string>> = {
  n: '\n', t: '\t', r: '\r', s: ' ', e: '\x1b', '0': '\0', a: '\x07', b: '\b', d: '\x7f', f: '\f', v: '\v', '\n': '',
}

function unescape(raw: string): string {
  return raw.replace(
    /\\(?:x([0-9A-Fa-f]{1,2})|u([0-9A-Fa-f]{4})|[ux]\{([0-9A-Fa-f]{1,6})\}|(.|\n))/gsu,
    (whole, hex?: string, four?: string, braced?: string, char?: string) => {
      const digits = hex ?? four ?? braced
      if (digits === undefined) return SIMPLE[char ?? ''] ?? char ?? whole
      const code = Number.parseInt(digits, 16)
      return code <= 0x10ffff ? String.fromCodePoint(code) : whole
    },
  )
}
