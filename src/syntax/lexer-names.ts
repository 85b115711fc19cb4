/**
 * Names: identifiers, aliases, keywords, reserved words and the operators that are words. ASCII names are scanned and hashed
 * in one loop; any other goes through `unicode.ts`.
 */

import { problem, push, dropEol, openLevel, Level, LV_STATEMENT, LV_PREVIOUS, LEVEL_SIZE } from './lexer-state.ts'
import type { Lexer } from './lexer-state.ts'
import { alignBlock, closeLevel } from './recovery.ts'
import { HASH_SEED, intern, internBytes } from './symbols.ts'
import { KIND_MASK, CLAUSE, Tok } from './tokens.ts'
import { readUnicodeName } from './unicode.ts'
import { Sym } from './well-known.ts'

/** 1 letter, digit or `_`; 2 `!` or `?`, which end a name; 3 `@`; 4 a byte over 127. */
export const nameByte = new Uint8Array(256)
for (let c = 0; c < 256; c++) {
  const letter = (c >= 48 && c <= 57) || (c >= 65 && c <= 90) || (c >= 97 && c <= 122) || c === 95
  nameByte[c] = letter ? 1 : c === 33 || c === 63 ? 2 : c === 64 ? 3 : c > 127 ? 4 : 0
}

export const isSpace = (c: number): boolean => c === 32 || c === 10 || c === 9 || c === 13

/** What a name is by its first letter; Other is a Unicode upper-case name, good only for atoms and keywords. */
export const NameKind = { Identifier: 0, Alias: 1, Other: 2, None: 3 } as const

/** The name last scanned. */
export type ScannedName = {
  kind: number
  end: number
  symbol: number
  /** Contains `@`, which only atoms and keywords may. */
  at: boolean
  /** Ends in `!` or `?`. */
  mark: boolean
  ascii: boolean
}

export const createScannedName = (): ScannedName => ({
  kind: NameKind.None,
  end: 0,
  symbol: 0,
  at: false,
  mark: false,
  ascii: true,
})

const MAX_ATOM = 255

/** Scans the name that begins at `start` into `into`; its kind is None where no name begins. */
export function scanName(lexer: Lexer, start: number, into: ScannedName): void {
  const { source } = lexer
  const first = source[start] as number
  into.at = false
  into.mark = false
  into.ascii = true
  if (first > 127) return scanUnicode(lexer, start, into)
  if (nameByte[first] !== 1 || first <= 57) {
    into.kind = NameKind.None
    into.end = start
    return
  }
  let i = start
  let hash = HASH_SEED
  let c = first
  let type = 1
  do {
    hash = (Math.imul(hash, 31) + c) | 0
    c = source[++i] as number
    type = nameByte[c] as number
  } while (type === 1)
  if (type !== 0) {
    if (type === 4) return scanUnicode(lexer, start, into)
    while (type === 1 || type === 3) {
      if (type === 3) into.at = true
      hash = (Math.imul(hash, 31) + c) | 0
      c = source[++i] as number
      type = nameByte[c] as number
    }
    if (type === 4) return scanUnicode(lexer, start, into)
    if (type === 2) {
      hash = (Math.imul(hash, 31) + c) | 0
      into.mark = true
      i++
    }
  }
  if (i - start > MAX_ATOM) tooLong(lexer, start, i)
  into.kind = first >= 65 && first <= 90 ? NameKind.Alias : NameKind.Identifier
  into.end = i
  into.symbol = intern(lexer.symbols, source, start, i, hash)
}

function scanUnicode(lexer: Lexer, start: number, into: ScannedName): void {
  const read = readUnicodeName(lexer.source, start)
  into.ascii = false
  into.end = read.end
  into.at = read.at
  into.mark = read.mark
  into.kind = read.kind
  if (read.problem !== undefined) {
    problem(lexer, read.problem, unicodeMessages[read.problem] ?? 'This name is not allowed.', start, read.end)
  }
  if (read.kind === NameKind.None) return
  const bytes = read.bytes ?? lexer.source.slice(start, read.end)
  if (read.characters > MAX_ATOM) tooLong(lexer, start, read.end)
  into.symbol = internBytes(lexer.symbols, lexer.source, bytes)
}

const unicodeMessages: Readonly<Record<string, string>> = {
  unexpected_character: 'This character is not allowed in a name.',
  mixed_script: 'This name mixes scripts in a way that is not allowed, because letters can look alike.',
}

export function tooLong(lexer: Lexer, start: number, end: number): void {
  problem(lexer, 'atom_too_long', 'A name or atom can have at most 255 characters.', start, end)
}

// Reserved words and word operators: what they are, by symbol id.
const WORD = { none: 0, fn: 1, do: 2, end: 3, literal: 4, not: 5, operator: 6, in: 7, block: 8, reserved: 9 } as const
const word = new Uint8Array(512)
word[Sym.fn] = WORD.fn
word[Sym.do] = WORD.do
word[Sym.end] = WORD.end
for (const name of ['true', 'false', 'nil'] as const) word[Sym[name]] = WORD.literal
word[Sym.not] = WORD.not
for (const name of ['and', 'or', 'when'] as const) word[Sym[name]] = WORD.operator
word[Sym.in] = WORD.in
for (const name of ['after', 'else', 'catch', 'rescue'] as const) word[Sym[name]] = WORD.block
for (const name of ['__aliases__', '__block__'] as const) word[Sym[name]] = WORD.reserved

/** Reads the name at `start` and pushes its token; answers where to go on. */
export function lexName(lexer: Lexer, start: number, scanned: ScannedName): number {
  scanName(lexer, start, scanned)
  if (scanned.kind === NameKind.None) return unexpected(lexer, start, scanned.end)
  const { source } = lexer
  const { end, symbol } = scanned
  const next = source[end] as number
  if (next === 58 && source[end + 1] !== 58) {
    if (isSpace(source[end + 1] as number)) {
      push(lexer, Tok.Kw, start, end + 1, symbol)
      return end + 1
    }
    const message = 'A keyword needs a space after its colon.'
    problem(lexer, 'keyword_without_space', message, start, end + 1)
    push(lexer, Tok.Kw, start, end + 1, symbol)
    return end + 1
  }
  if (scanned.at) {
    problem(lexer, 'invalid_character', 'A name cannot contain "@".', start, end)
  }
  if (symbol < 512 && word[symbol] !== 0) {
    const type = word[symbol] as number
    if (type === WORD.reserved) problem(lexer, 'reserved', 'This name is reserved.', start, end)
    else if (lexer.last !== Tok.Dot) return lexWord(lexer, type, start, end, symbol)
  }
  if (scanned.kind === NameKind.Alias) return lexAlias(lexer, start, scanned)
  if (scanned.kind === NameKind.Other) {
    problem(lexer, 'unexpected_token', 'A name cannot begin with this letter.', start, end)
  }
  pushIdentifier(lexer, start, end, symbol)
  return end
}

/** Pushes an identifier as what follows it makes it. */
export function pushIdentifier(lexer: Lexer, start: number, end: number, symbol: number): void {
  const next = lexer.source[end] as number
  push(lexer, next === 40 ? Tok.ParenIdent : next === 91 ? Tok.BracketIdent : Tok.Ident, start, end, symbol)
}

/** `Foo.Bar.Baz` without spaces is one token. */
function lexAlias(lexer: Lexer, start: number, scanned: ScannedName): number {
  const { source } = lexer
  const first = scanned.symbol
  let end = checkAlias(lexer, start, scanned)
  let more = 0
  while (source[end] === 46) {
    const c = source[end + 1] as number
    if (c < 65 || c > 90) break
    const segmentEnd = aliasSegmentEnd(source, end + 1)
    if (segmentEnd < 0) break
    if (segmentEnd - end - 1 > MAX_ATOM) tooLong(lexer, end + 1, segmentEnd)
    end = segmentEnd
    more++
  }
  push(lexer, Tok.Alias, start, end, more === 0 ? first : internRange(lexer, start, end))
  return end
}

function internRange(lexer: Lexer, start: number, end: number): number {
  let hash = HASH_SEED
  for (let i = start; i < end; i++) hash = (Math.imul(hash, 31) + (lexer.source[i] as number)) | 0
  return intern(lexer.symbols, lexer.source, start, end, hash)
}

/** End of a plain ASCII segment that nothing follows which would make it something else, or -1. */
function aliasSegmentEnd(source: Uint8Array, start: number): number {
  let i = start
  while (nameByte[source[i] as number] === 1) i++
  const next = source[i] as number
  if (nameByte[next] !== 0 || (next === 58 && source[i + 1] !== 58)) return -1
  return i
}

function checkAlias(lexer: Lexer, start: number, scanned: ScannedName): number {
  if (!scanned.ascii || scanned.mark) {
    const message = 'The name of a module may only have ASCII letters, digits and "_".'
    problem(lexer, 'invalid_alias', message, start, scanned.end)
  }
  return scanned.end
}

export function skipSpaces(source: Uint8Array, from: number): number {
  let i = from
  while (source[i] === 32 || source[i] === 9) i++
  return i
}

function lexWord(lexer: Lexer, type: number, start: number, end: number, symbol: number): number {
  switch (type) {
    case WORD.fn:
      push(lexer, Tok.Fn, start, end, 0)
      openLevel(lexer, Level.Fn, start)
      return end
    case WORD.do:
      return lexDo(lexer, start, end)
    case WORD.end:
      closeLevel(lexer, Tok.End, start, end)
      return end
    case WORD.literal:
      push(lexer, Tok.Literal, start, end, symbol)
      return end
    case WORD.block:
      return lexBlockIdentifier(lexer, start, end, symbol)
    default:
      return lexWordOperator(lexer, type, start, end, symbol)
  }
}

function lexDo(lexer: Lexer, start: number, end: number): number {
  const { tokens } = lexer
  if (lexer.last === Tok.Ident && tokens.count > 0) {
    const n = tokens.count - 1
    tokens.kind[n] = Tok.DoIdent | ((tokens.kind[n] as number) & CLAUSE)
    lexer.last = Tok.DoIdent
  } else dropEol(lexer)
  push(lexer, Tok.Do, start, end, 0)
  openLevel(lexer, Level.Do, start)
  if (lexer.recovering) alignBlock(lexer)
  return end
}

function lexBlockIdentifier(lexer: Lexer, start: number, end: number, symbol: number): number {
  dropEol(lexer)
  push(lexer, Tok.BlockId, start, end, symbol)
  lexer.levels[lexer.depth * LEVEL_SIZE + LV_STATEMENT] = lexer.tokens.count
  return end
}

function lexWordOperator(lexer: Lexer, type: number, start: number, end: number, symbol: number): number {
  const { tokens } = lexer
  // An operator before a slash is a name: `&and/2`.
  const next = skipSpaces(lexer.source, end)
  if (lexer.source[next] === 47) {
    push(lexer, Tok.Ident, start, end, symbol)
    return end
  }
  if (type === WORD.not) {
    push(lexer, Tok.Unary, start, end, symbol)
    return end
  }
  if (type === WORD.in && followsNot(lexer, start)) {
    const notStart = tokens.start[tokens.count - 1] as number
    tokens.count--
    lexer.last = tokens.count === 0 ? Tok.Eol : (tokens.kind[tokens.count - 1] as number) & KIND_MASK
    if (lexer.last === Tok.Eol && tokens.count > 0) {
      const base = lexer.depth * LEVEL_SIZE
      lexer.levels[base + LV_STATEMENT] = lexer.levels[base + LV_PREVIOUS] as number
      dropEol(lexer)
    }
    push(lexer, Tok.Op, notStart, end, Sym['not in'])
    return end
  }
  dropEol(lexer)
  push(lexer, Tok.Op, start, end, symbol)
  return end
}

/** Whether the last token is a `not` in the same line as `start`, so that both are one operator. */
function followsNot(lexer: Lexer, start: number): boolean {
  const { source, tokens } = lexer
  const last = tokens.count - 1
  if (lexer.last !== Tok.Unary || tokens.value[last] !== Sym.not) return false
  for (let i = tokens.end[last] as number; i < start; i++) {
    const c = source[i] as number
    if (c === 10 || c === 35) return false
    // A line break after a backslash is none.
    if (c === 92) i += source[i + 1] === 13 ? 2 : 1
  }
  return true
}

/** Records a token that cannot be, and skips it. */
export function unexpected(lexer: Lexer, start: number, atLeast: number): number {
  let end = Math.max(start + 1, atLeast)
  while (((lexer.source[end] as number) & 0xc0) === 0x80) end++
  const message = `Unexpected token ${describe(lexer.source, start, end)}.`
  problem(lexer, 'unexpected_token', message, start, end)
  return end
}

function describe(source: Uint8Array, start: number, end: number): string {
  const c = source[start] as number
  if (c === 0) return 'null byte'
  if (c < 32 || c === 127) return `U+${c.toString(16).toUpperCase().padStart(4, '0')}`
  return `"${new TextDecoder().decode(source.subarray(start, Math.min(end, start + 40)))}"`
}
