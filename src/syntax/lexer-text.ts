/**
 * Text in quotes: strings, charlists, heredocs, sigils, quoted atoms, keywords and calls. The scan stops at the closing
 * delimiter or at an interpolation; the latter opens a level that remembers the text, so that nothing recurses. Text
 * without interpolation becomes one token.
 */

import { unescape, validNumericEscape } from './escapes.ts'
import {
  LEVEL_SIZE, Level, LV_TEXT_BEGIN, LV_TEXT_CLOSE, LV_TEXT_KIND, LV_TEXT_NAME, LV_TEXT_OFFSET, openLevel, problem, push,
} from './lexer-state.ts'
import type { Lexer } from './lexer-state.ts'
import { isSpace, nameByte, pushIdentifier, tooLong } from './lexer-names.ts'
import { swallowsCode } from './recovery.ts'
import { internBytes } from './symbols.ts'
import { Tok } from './tokens.ts'
import { Kind, StringFlag } from './tree.ts'
import { codePointAt, isBidi, readCluster, utf8Length } from './unicode.ts'
import type { Cluster } from './unicode.ts'
import { isUtf8 } from 'node:buffer'

/** Kind of a text that names a call: `Foo."bar"`. Not a Kind of node. */
export const QUOTED_CALL = 255

/** The text being read. `close` is the delimiter's byte, with the bits below. */
export type Text = {
  /** Kind of the node: String, Charlist, Sigil, InterpolatedAtom, or QUOTED_CALL. */
  kind: number
  close: number
  /** The token that opened it, or -1 while it has no parts. */
  begin: number
  /** Symbol of a sigil's name. */
  name: number
  /** Offset of the opening delimiter, or of what is before it. */
  offset: number
  /** Where the current part begins. */
  part: number
  escapes: boolean
  cluster: Cluster
}

export const createText = (): Text => ({
  kind: 0,
  close: 0,
  begin: -1,
  name: 0,
  offset: 0,
  part: 0,
  escapes: false,
  cluster: { end: 0, characters: 0, first: 0 },
})

/** Bits of `close` beside the byte. */
export const HEREDOC = 0x100
export const RAW = 0x200
const BYTE = 0xff

/** 1 for bytes that a text scan must look at. */
const special = new Uint8Array(256)
for (const c of [0, 10, 35, 92, 34, 39, 41, 93, 125, 62, 47, 124]) special[c] = 1
for (let c = 128; c < 256; c++) special[c] = 1

/** Opens the text whose content begins at `from` and reads on; answers where code goes on. */
export function openText(lexer: Lexer, text: Text, kind: number, close: number, offset: number, from: number): number {
  text.kind = kind
  text.close = close
  text.begin = -1
  text.offset = offset
  text.escapes = false
  if (kind === Kind.Sigil) {
    text.begin = lexer.tokens.count
    push(lexer, Tok.TextBegin, offset, from, kind)
  }
  if ((close & HEREDOC) === 0) {
    text.part = from
    return scanText(lexer, text, from)
  }
  const start = heredocStart(lexer, from)
  text.part = start
  const closing = closingLine(lexer.source, start, close & BYTE)
  return closing >= 0 ? closeText(lexer, text, start, closing) : scanText(lexer, text, start)
}

/** Where the first line of a heredoc begins; a problem where something is on the line of its quotes. */
function heredocStart(lexer: Lexer, from: number): number {
  const { source } = lexer
  let i = from
  while (source[i] === 32 || source[i] === 9) i++
  if (source[i] === 13 && source[i + 1] === 10) return i + 2
  if (source[i] === 10) return i + 1
  problem(lexer, 'invalid_heredoc', 'The text of a heredoc must begin on the next line.', from - 3, i)
  return from
}

/** Offset after the closing quotes if the line at `i` begins with them, or -1. */
function closingLine(source: Uint8Array, i: number, quote: number): number {
  let j = i
  while (source[j] === 32 || source[j] === 9) j++
  return source[j] === quote && source[j + 1] === quote && source[j + 2] === quote ? j + 3 : -1
}

/** Goes on with the text that an interpolation interrupted; `from` is after its `}`. */
export function resumeText(lexer: Lexer, text: Text, from: number): number {
  const base = lexer.depth * LEVEL_SIZE
  text.kind = lexer.levels[base + LV_TEXT_KIND] as number
  text.close = lexer.levels[base + LV_TEXT_CLOSE] as number
  text.begin = lexer.levels[base + LV_TEXT_BEGIN] as number
  text.name = lexer.levels[base + LV_TEXT_NAME] as number
  text.offset = lexer.levels[base + LV_TEXT_OFFSET] as number
  text.escapes = false
  text.part = from
  lexer.depth--
  return scanText(lexer, text, from)
}

function scanText(lexer: Lexer, text: Text, from: number): number {
  const { source } = lexer
  const close = text.close & BYTE
  const heredoc = (text.close & HEREDOC) !== 0
  const raw = (text.close & RAW) !== 0
  let i = from
  // Where the current run of plain characters began: a grapheme may begin one character before its first wide one.
  let run = from
  for (;;) {
    const c = source[i] as number
    if (special[c] === 0) {
      i++
      continue
    }
    if (c === close && !heredoc) return finishQuoted(lexer, text, i)
    if (c === 10) {
      i++
      run = i
      if (heredoc) {
        const closing = closingLine(source, i, close)
        if (closing >= 0) return closeText(lexer, text, i, closing)
      }
    } else if (c === 92) {
      i = skipEscape(lexer, text, i)
      text.escapes = true
      run = i
      if (source[i - 1] === 10 && heredoc) {
        const closing = closingLine(source, i, close)
        if (closing >= 0) return closeText(lexer, text, i, closing)
      }
    } else if (c === 35 && !raw && source[i + 1] === 123) return openInterpolation(lexer, text, i)
    else if (c === 0 && i >= lexer.length) return unterminated(lexer, text)
    else if (c > 127) {
      i = wideRun(lexer, text, i > run ? i - 1 : i)
      run = i
    } else i++
  }
}

/** A single quote or delimiter closes the text, unless the text then turns out to have swallowed code. */
function finishQuoted(lexer: Lexer, text: Text, i: number): number {
  if (lexer.recovering && text.kind !== Kind.Sigil && swallowsCode(lexer.source, text.part, i)) {
    return unterminated(lexer, text)
  }
  return closeText(lexer, text, i, i + 1)
}

/** Offset after the escape at `i`. Its character may be a grapheme. */
function skipEscape(lexer: Lexer, text: Text, i: number): number {
  const { source } = lexer
  const next = source[i + 1] as number
  const close = text.close & BYTE
  if (next === 13 && source[i + 2] === 10) return i + 3
  if (next === 10) return i + 2
  if ((text.close & HEREDOC) === 0) {
    if (next === close) return i + 2
  } else if (next === close && source[i + 2] === close && source[i + 3] === close) return i + 4
  if (next === 35 && source[i + 2] === 123 && (text.close & RAW) === 0) {
    // Elixir counts one column for these three characters.
    lexer.fixes.push({ offset: i + 3, columns: -2, lines: 0 })
    return i + 3
  }
  if (next === 0 && i + 1 >= lexer.length) return i + 1
  if ((next === 120 || next === 117) && text.kind !== Kind.Sigil && text.kind !== QUOTED_CALL) {
    if (!validNumericEscape(source, i + 1)) {
      const message = next === 120 ? 'Expected \\xHH with two hexadecimal digits.' : 'Expected \\uHHHH or \\u{H…}.'
      problem(lexer, 'invalid_escape', message, i, i + 2)
    }
  }
  if (lexer.ascii || (next < 128 && (source[i + 2] as number) < 128)) return i + 2
  return cluster(lexer, text, i + 1)
}

/** Reads one grapheme; answers its end. */
function cluster(lexer: Lexer, text: Text, i: number): number {
  const { cluster } = text
  readCluster(lexer.source, i, lexer.length, cluster)
  if (cluster.characters === 1) {
    if (isBidi(cluster.first)) bidiProblem(lexer, i, cluster.end)
  } else lexer.fixes.push({ offset: cluster.end, columns: 1 - cluster.characters, lines: 0 })
  return cluster.end
}

export function bidiProblem(lexer: Lexer, start: number, end: number): void {
  problem(lexer, 'bidirectional_character', 'A character that changes the direction of text is not allowed.', start, end)
}

/** Plain characters from `from` on, one at least of which is beyond ASCII, up to a special or two ASCII characters. */
function wideRun(lexer: Lexer, text: Text, from: number): number {
  const { source } = lexer
  const close = text.close & BYTE
  const heredoc = (text.close & HEREDOC) !== 0
  const raw = (text.close & RAW) !== 0
  let i = from
  while (i < lexer.length) {
    const c = source[i] as number
    if (c === 10 || c === 92 || (c === close && !heredoc)) return i
    if (c === 35 && !raw && source[i + 1] === 123) return i
    const first = codePointAt(source, i)
    const next = i + utf8Length(first)
    if (next < lexer.length && first <= 255) {
      const second = codePointAt(source, next)
      if (second <= 255) {
        if (c < 128 && second < 128) return next
        i = next
        continue
      }
    }
    i = cluster(lexer, text, i)
  }
  return i
}

function pushPart(lexer: Lexer, text: Text, end: number): void {
  const heredoc = (text.close & HEREDOC) !== 0
  const first = text.begin === lexer.tokens.count - 1
  const flags =
    (text.escapes ? StringFlag.Escapes : 0) |
    (heredoc ? StringFlag.Heredoc : 0) |
    (heredoc && first ? StringFlag.First : 0)
  push(lexer, Tok.TextPart, text.part, end, flags)
}

function openInterpolation(lexer: Lexer, text: Text, i: number): number {
  if (text.begin < 0) {
    text.begin = lexer.tokens.count
    push(lexer, Tok.TextBegin, text.offset, text.part, text.kind === QUOTED_CALL ? Kind.InterpolatedAtom : text.kind)
  }
  const first = text.begin === lexer.tokens.count - 1
  if (i > text.part || (first && (text.close & HEREDOC) !== 0)) pushPart(lexer, text, i)
  if (text.kind === QUOTED_CALL) {
    problem(lexer, 'interpolated_call', 'The name of a call cannot contain an interpolation.', i, i + 2)
  }
  push(lexer, Tok.InterpBegin, i, i + 2, 0)
  openLevel(lexer, Level.Interp, i)
  const base = lexer.depth * LEVEL_SIZE
  lexer.levels[base + LV_TEXT_KIND] = text.kind
  lexer.levels[base + LV_TEXT_CLOSE] = text.close
  lexer.levels[base + LV_TEXT_BEGIN] = text.begin
  lexer.levels[base + LV_TEXT_NAME] = text.name
  lexer.levels[base + LV_TEXT_OFFSET] = text.offset
  return i + 2
}

/** The text ends: its content at `contentEnd`, its delimiter at `end`. */
function closeText(lexer: Lexer, text: Text, contentEnd: number, end: number): number {
  if (text.kind === Kind.Sigil) return closeSigil(lexer, text, contentEnd, end)
  if (text.begin >= 0) return closeParts(lexer, text, contentEnd, end)
  const heredoc = (text.close & HEREDOC) !== 0
  if (text.kind === Kind.String || text.kind === Kind.Charlist) {
    if (!heredoc && isKeywordColon(lexer.source, end)) {
      push(lexer, Tok.Kw, text.offset, end + 1, quotedName(lexer, text, contentEnd))
      return end + 1
    }
    if (text.kind === Kind.Charlist && text.escapes && !isUtf8(unescape(lexer.source.slice(text.part, contentEnd)))) {
      problem(lexer, 'invalid_encoding', 'A charlist must be valid UTF-8.', text.offset, end)
    }
    const flags = (text.escapes ? StringFlag.Escapes : 0) | (heredoc ? StringFlag.Heredoc : 0)
    push(lexer, text.kind === Kind.String ? Tok.Str : Tok.Charlist, text.offset, end, flags)
    return end
  }
  if (text.kind === QUOTED_CALL) pushIdentifier(lexer, text.offset, end, callName(lexer, text, contentEnd))
  else push(lexer, Tok.Atom, text.offset, end, quotedName(lexer, text, contentEnd))
  return end
}

const isKeywordColon = (source: Uint8Array, at: number): boolean =>
  source[at] === 58 && isSpace(source[at + 1] as number)

function closeParts(lexer: Lexer, text: Text, contentEnd: number, end: number): number {
  const { tokens } = lexer
  if (contentEnd > text.part) pushPart(lexer, text, contentEnd)
  if (text.kind === QUOTED_CALL) {
    push(lexer, Tok.TextEnd, contentEnd, end, 0)
    return end
  }
  if (text.kind !== Kind.InterpolatedAtom && (text.close & HEREDOC) === 0 && isKeywordColon(lexer.source, end)) {
    tokens.kind[text.begin] = Tok.KwTextBegin
    tokens.value[text.begin] = Kind.InterpolatedAtom
    push(lexer, Tok.KwTextEnd, contentEnd, end + 1, 0)
    return end + 1
  }
  push(lexer, Tok.TextEnd, contentEnd, end, 0)
  return end
}

function closeSigil(lexer: Lexer, text: Text, contentEnd: number, end: number): number {
  const empty = text.begin === lexer.tokens.count - 1
  if (contentEnd > text.part || empty) pushPart(lexer, text, contentEnd)
  let i = end
  while (nameByte[lexer.source[i] as number] === 1 && lexer.source[i] !== 95) i++
  push(lexer, Tok.TextEnd, contentEnd, i, text.name)
  return i
}

/** The symbol of a quoted atom or keyword. */
function quotedName(lexer: Lexer, text: Text, end: number): number {
  const raw = lexer.source.slice(text.part, end)
  const bytes = text.escapes ? unescape(raw) : raw
  if (bytes.length > 255) tooLong(lexer, text.offset, end)
  if (text.escapes && !isUtf8(bytes)) {
    problem(lexer, 'invalid_encoding', 'An atom must be valid UTF-8.', text.offset, end)
  }
  return internBytes(lexer.symbols, lexer.source, bytes)
}

/** The symbol of a quoted call: its escapes stay, but for the escaped quote. */
function callName(lexer: Lexer, text: Text, end: number): number {
  const raw = lexer.source.slice(text.part, end)
  const bytes = text.escapes ? withoutEscapedQuotes(raw, text.close & BYTE) : raw
  if (new TextDecoder().decode(bytes).length > 255) tooLong(lexer, text.offset, end)
  return internBytes(lexer.symbols, lexer.source, bytes)
}

function withoutEscapedQuotes(raw: Uint8Array, quote: number): Uint8Array {
  const out: number[] = []
  for (let i = 0; i < raw.length; i++) {
    if (raw[i] === 92 && raw[i + 1] !== quote) out.push(raw[i] as number)
    if (raw[i] === 92) i++
    out.push(raw[i] as number)
  }
  return Uint8Array.from(out)
}

/**
 * The delimiter is missing. In a first pass the text ends with the file; in a recovering one, with its line, or a heredoc
 * where code begins again.
 */
function unterminated(lexer: Lexer, text: Text): number {
  const { source } = lexer
  lexer.unbalanced = true
  problem(lexer, 'missing_terminator', 'This text is not closed.', text.offset, text.part)
  let end = lexer.length
  if (lexer.recovering) {
    end = text.part
    while (end < lexer.length && source[end] !== 10) end++
  }
  return closeText(lexer, text, end, end)
}
