/**
 * The lexer: bytes to tokens in one pass, as Elixir 1.14 cuts them. Which tokens a line break joins or separates is settled
 * here, so the parser sees a line break only where it separates. Sigils with names of several letters, which are newer,
 * are read too.
 */

import {
  createText, HEREDOC, openText, QUOTED_CALL, RAW, resumeText, bidiProblem,
} from './lexer-text.ts'
import type { Text } from './lexer-text.ts'
import { createScannedName, isSpace, lexName, nameByte, NameKind, pushIdentifier, scanName, skipSpaces, unexpected } from './lexer-names.ts'
import type { ScannedName } from './lexer-names.ts'
import { lexNumber } from './lexer-numbers.ts'
import { atomOperatorLength, dottedOperatorLength, isConflictMarker, operatorLength, sigilClose } from './lexer-operators.ts'
import { dropEol, Level, LEVEL_SIZE, LV_STATEMENT, openLevel, problem, push, resetLexer, topLevel } from './lexer-state.ts'
import type { Lexer } from './lexer-state.ts'
import { alignLine, closeAll, closeHeredoc, closeInterpolation, closeLevel } from './recovery.ts'
import { hashRange, intern, internBytes } from './symbols.ts'
import { CLAUSE, endsOperand, eolMeansNothingAfter, Tok } from './tokens.ts'
import { Kind } from './tree.ts'
import { codePointAt, isBidi, utf8Length } from './unicode.ts'
import { Sym } from './well-known.ts'

type Scratch = { readonly text: Text; readonly name: ScannedName }

/** Reads the loaded source into tokens. */
export function lex(lexer: Lexer, from: number): void {
  resetLexer(lexer)
  const scratch: Scratch = { text: createText(), name: createScannedName() }
  const { source } = lexer
  lexer.indent = skipSpaces(source, from) - from
  let i = from + lexer.indent
  if (lexer.recovering) alignLine(lexer, i)
  for (;;) {
    const c = source[i] as number
    if (c >= 97 && c <= 122) i = lexName(lexer, i, scratch.name)
    else if (c === 32 || c === 9) i = lexSpace(lexer, i)
    else if (c === 10) i = lexEol(lexer, i, i + 1, i)
    else if (c === 0 && i >= lexer.length) {
      if (lexer.depth === 0) break
      closeAll(lexer, i)
      if (lexer.depth > 0) closeInterpolation(lexer, i)
    } else i = lexByte(lexer, c, i, scratch)
  }
  push(lexer, Tok.Eof, lexer.length, lexer.length, 0)
}

function lexSpace(lexer: Lexer, from: number): number {
  const { source, tokens } = lexer
  const i = skipSpaces(source, from + 1)
  const c = source[i] as number
  if ((c === 43 || c === 45) && lexer.last === Tok.Ident && tokens.count > 0 && signBelongsRight(source[i + 1] as number)) {
    const n = tokens.count - 1
    tokens.kind[n] = Tok.OpIdent | ((tokens.kind[n] as number) & CLAUSE)
    lexer.last = Tok.OpIdent
    push(lexer, Tok.Dual, i, i + 1, c === 43 ? Sym['+'] : Sym['-'])
    return i + 1
  }
  return i
}

/** After `name -`: whether this byte makes the sign one of an argument. */
const notAfterSign = new Uint8Array(256)
for (const c of '\0 \t\r\n([<{%+-/>:') notAfterSign[c.charCodeAt(0)] = 1
const signBelongsRight = (c: number): boolean => notAfterSign[c] === 0

/** A line break at `i` whose next line begins at `next`; `at` is where Elixir says that it is. */
function lexEol(lexer: Lexer, i: number, next: number, at: number): number {
  if (eolMeansNothingAfter[lexer.last] === 0) push(lexer, Tok.Eol, at, i, 0)
  else if (lexer.tokens.count === 0 && lexer.firstBreak < 0) lexer.firstBreak = at
  return startLine(lexer, next)
}

function startLine(lexer: Lexer, start: number): number {
  const i = skipSpaces(lexer.source, start)
  lexer.indent = i - start
  if (lexer.recovering) alignLine(lexer, i)
  return i
}

function lexByte(lexer: Lexer, c: number, i: number, scratch: Scratch): number {
  const { source } = lexer
  switch (c) {
    case 44: // ,
      push(lexer, Tok.Comma, i, i + 1, 0)
      return i + 1
    case 40: // (
      if (lexer.last === Tok.Alias) problem(lexer, 'unexpected_parenthesis', 'A function name begins with a lower-case letter.', i, i + 1)
      return open(lexer, Tok.LParen, Level.Paren, i, 1)
    case 41: // )
      closeLevel(lexer, Tok.RParen, i, i + 1)
      return i + 1
    case 46: // .
      return lexDot(lexer, i, scratch)
    case 58: // :
      return lexColon(lexer, i, scratch)
    case 34: // "
    case 39: // '
      return lexQuote(lexer, c, i, scratch.text)
    case 91: // [
      return open(lexer, Tok.LBracket, Level.Bracket, i, 1)
    case 93: // ]
      closeLevel(lexer, Tok.RBracket, i, i + 1)
      return i + 1
    case 123: // {
      if (source[i + 1] === 125 && keywordAt(source, i + 2)) return keyword(lexer, i, 2, Sym['{}'])
      return open(lexer, Tok.LBrace, Level.Brace, i, 1)
    case 125: // }
      return lexCloseBrace(lexer, i, scratch.text)
    case 35: // #
      return lexComment(lexer, i)
    case 37: // %
      return lexPercent(lexer, i)
    case 13: // \r
      if (source[i + 1] === 10) return lexEol(lexer, i, i + 2, i)
      return unexpected(lexer, i, i + 1)
    case 59: // ;
      return lexSemicolon(lexer, i)
    case 63: // ?
      return lexChar(lexer, i)
    case 126: // ~
      return lexTilde(lexer, i, scratch)
    case 92: // backslash
      return lexBackslash(lexer, i)
    default:
      return lexOther(lexer, c, i, scratch)
  }
}

function lexOther(lexer: Lexer, c: number, i: number, scratch: Scratch): number {
  if (c >= 48 && c <= 57) return lexNumber(lexer, i)
  if ((c >= 65 && c <= 90) || c === 95 || c > 127) return lexName(lexer, i, scratch.name)
  const { source } = lexer
  if (c === 60) {
    if (source[i + 1] === 60 && source[i + 2] === 62 && source[i + 3] === 62 && keywordAt(source, i + 4)) {
      return keyword(lexer, i, 4, Sym['<<>>'])
    }
  }
  if (c >= 60 && c <= 62 && isConflictMarker(source, i)) {
    problem(lexer, 'conflict_marker', 'Resolve this merge conflict.', i, i + 7)
    return skipComment(lexer, i)
  }
  return lexOperator(lexer, i)
}

function open(lexer: Lexer, token: number, level: number, i: number, length: number): number {
  push(lexer, token, i, i + length, 0)
  openLevel(lexer, level, i)
  return i + length
}

/** Whether a keyword ends at `i`: a colon and white space. */
const keywordAt = (source: Uint8Array, i: number): boolean => source[i] === 58 && isSpace(source[i + 1] as number)

function keyword(lexer: Lexer, i: number, length: number, symbol: number): number {
  push(lexer, Tok.Kw, i, i + length + 1, symbol)
  return i + length + 1
}

function lexQuote(lexer: Lexer, quote: number, i: number, text: Text): number {
  const { source } = lexer
  const kind = quote === 34 ? Kind.String : Kind.Charlist
  if (source[i + 1] === quote && source[i + 2] === quote) {
    if (lexer.recovering && closeHeredoc(lexer, quote | HEREDOC, i)) return i + 3
    return openText(lexer, text, kind, quote | HEREDOC, i, i + 3)
  }
  return openText(lexer, text, kind, quote, i, i + 1)
}

function lexCloseBrace(lexer: Lexer, i: number, text: Text): number {
  if (topLevel(lexer) !== Level.Interp) {
    if (matchesBrace(lexer)) {
      closeLevel(lexer, Tok.RBrace, i, i + 1)
      return i + 1
    }
    // Inside an interpolation the brace ends it, whatever is still open there.
    if (!insideInterpolation(lexer)) {
      closeLevel(lexer, Tok.RBrace, i, i + 1)
      return i + 1
    }
    closeAll(lexer, i)
  }
  dropEol(lexer)
  push(lexer, Tok.InterpEnd, i, i + 1, 0)
  return resumeText(lexer, text, i + 1)
}

function matchesBrace(lexer: Lexer): boolean {
  for (let depth = lexer.depth; depth > 0; depth--) {
    const level = lexer.levels[depth * LEVEL_SIZE] as number
    if (level === Level.Brace) return true
    if (level >= Level.Do || lexer.searchBudget-- <= 0) return false
  }
  return false
}

function insideInterpolation(lexer: Lexer): boolean {
  for (let depth = lexer.depth; depth > 0; depth--) {
    if (lexer.levels[depth * LEVEL_SIZE] === Level.Interp) return true
    if (lexer.searchBudget-- <= 0) return false
  }
  return false
}

function lexComment(lexer: Lexer, i: number): number {
  const end = skipComment(lexer, i)
  const { source } = lexer
  if (source[end] === 10) return lexEol(lexer, end, end + 1, i)
  if (source[end] === 13) return lexEol(lexer, end, end + 2, i)
  return end
}

function skipComment(lexer: Lexer, from: number): number {
  const { source } = lexer
  let i = from
  for (;;) {
    const c = source[i] as number
    if (c === 10 || (c === 13 && source[i + 1] === 10) || (c === 0 && i >= lexer.length)) return i
    if (c === 0xe2 && isBidi(codePointAt(source, i))) bidiProblem(lexer, i, i + 3)
    i++
  }
}

function lexSemicolon(lexer: Lexer, i: number): number {
  if (lexer.last === Tok.Semi) return unexpected(lexer, i, i + 1)
  if (lexer.tokens.count === 0 && lexer.firstBreak < 0) lexer.firstBreak = i
  const afterBreak = lexer.last === Tok.Eol && lexer.tokens.count > 0
  dropEol(lexer)
  push(lexer, Tok.Semi, i, i + 1, afterBreak ? 1 : 0)
  return i + 1
}

/** `?a`, `?\n`; the character may be any, even a line break, which then does not count as one. */
function lexChar(lexer: Lexer, i: number): number {
  const { source } = lexer
  let at = i + 1
  if (at >= lexer.length) return unexpected(lexer, i, i + 1)
  if (source[at] === 92 && at + 1 < lexer.length) at++
  if (source[at] === 10) lexer.fixes.push({ offset: at, columns: 0, lines: -1 })
  const end = at + utf8Length(codePointAt(source, at))
  push(lexer, Tok.Char, i, end, 0)
  return end
}

function lexBackslash(lexer: Lexer, i: number): number {
  const { source } = lexer
  const width = source[i + 1] === 10 ? 2 : source[i + 1] === 13 && source[i + 2] === 10 ? 3 : 0
  if (width > 0 && i + width < lexer.length) return startLine(lexer, i + width)
  if (source[i + 1] === 92) return lexOperator(lexer, i)
  if (width > 0 || i + 1 >= lexer.length) {
    problem(lexer, 'invalid_escape', 'A backslash cannot be the last character of a file.', i, i + 1)
    return i + Math.max(width, 1)
  }
  return unexpected(lexer, i, i + 1)
}

function lexPercent(lexer: Lexer, i: number): number {
  const { source } = lexer
  const next = source[i + 1] as number
  if (next === 123) {
    if (source[i + 2] === 125 && keywordAt(source, i + 3)) return keyword(lexer, i, 3, Sym['%{}'])
    push(lexer, Tok.PercentBrace, i, i + 1, 0)
    return open(lexer, Tok.LBrace, Level.Brace, i + 1, 1)
  }
  if (keywordAt(source, i + 1)) return keyword(lexer, i, 1, Sym['%'])
  if (next === 40 || next === 91) {
    problem(lexer, 'unexpected_token', 'Expected "%{" to begin a map.', i, i + 2)
    return i + 1
  }
  push(lexer, Tok.Percent, i, i + 1, 0)
  return i + 1
}

/** `~r/…/`, `~S"""`, `~HTML[…]`, or an operator that begins with a tilde. */
function lexTilde(lexer: Lexer, i: number, scratch: Scratch): number {
  const { source } = lexer
  const first = source[i + 1] as number
  const lower = first >= 97 && first <= 122
  if (!lower && (first < 65 || first > 90)) return lexOperator(lexer, i)
  let at = i + 2
  if (!lower) while (nameByte[source[at] as number] === 1 && (source[at] as number) < 91) at++
  const delimiter = source[at] as number
  const closing = sigilClose(delimiter)
  if (closing === 0) {
    if (i + 2 >= lexer.length) return unexpected(lexer, i, i + 1)
    problem(lexer, 'invalid_sigil', 'A sigil is delimited by //, ||, "", \'\', (), [], {} or <>.', i, at)
    return at
  }
  const { text } = scratch
  text.name = sigilName(lexer, i + 1, at)
  const raw = lower ? 0 : RAW
  if ((delimiter === 34 || delimiter === 39) && source[at + 1] === delimiter && source[at + 2] === delimiter) {
    return openText(lexer, text, Kind.Sigil, delimiter | HEREDOC | raw, i, at + 3)
  }
  return openText(lexer, text, Kind.Sigil, closing | raw, i, at + 1)
}

const sigilPrefix = new TextEncoder().encode('sigil_')

function sigilName(lexer: Lexer, start: number, end: number): number {
  const bytes = new Uint8Array(6 + end - start)
  bytes.set(sigilPrefix)
  bytes.set(lexer.source.subarray(start, end), 6)
  return internBytes(lexer.symbols, lexer.source, bytes)
}

function lexColon(lexer: Lexer, i: number, scratch: Scratch): number {
  const { source } = lexer
  const next = source[i + 1] as number
  if (next >= 97 && next <= 122) return lexAtom(lexer, i, scratch.name)
  if (next === 34 || next === 39) return openText(lexer, scratch.text, Kind.InterpolatedAtom, next, i, i + 2)
  const length = atomOperatorLength(source, i + 1)
  if (length > 0) {
    const symbol = intern(lexer.symbols, source, i + 1, i + 1 + length, hashRange(source, i + 1, i + 1 + length))
    push(lexer, Tok.Atom, i, i + 1 + length, symbol)
    return i + 1 + length
  }
  if (next === 58) return lexOperator(lexer, i)
  return lexAtom(lexer, i, scratch.name)
}

function lexAtom(lexer: Lexer, i: number, name: ScannedName): number {
  scanName(lexer, i + 1, name)
  if (name.kind === NameKind.None) return unexpected(lexer, i, name.end)
  push(lexer, Tok.Atom, i, name.end, name.symbol)
  return name.end
}

function lexOperator(lexer: Lexer, i: number): number {
  const { source } = lexer
  const length = operatorLength(source, i)
  const c = source[i] as number
  if (length === 0) {
    if (c === 60 && source[i + 1] === 60) return open(lexer, Tok.LBit, Level.Bit, i, 2)
    if (c === 62 && source[i + 1] === 62) {
      closeLevel(lexer, Tok.RBit, i, i + 2)
      return i + 2
    }
    return unexpected(lexer, i, i + 1)
  }
  const end = i + length
  const symbol = operatorSymbol(lexer, i, length)
  if (symbol === Sym['=>'] || symbol === Sym['//']) {
    dropEol(lexer)
    push(lexer, symbol === Sym['//'] ? Tok.Ternary : Tok.Assoc, i, end, symbol)
    return end
  }
  if (keywordAt(source, end)) return keyword(lexer, i, length, symbol)
  if (symbol === Sym['&']) return lexCapture(lexer, i)
  const next = skipSpaces(source, end)
  if (source[next] === 47) {
    push(lexer, Tok.Ident, i, end, symbol)
    return next
  }
  pushOperator(lexer, symbol, i, end)
  return next
}

function operatorSymbol(lexer: Lexer, i: number, length: number): number {
  if (length === 1) {
    switch (lexer.source[i]) {
      case 61: return Sym['=']
      case 64: return Sym['@']
      case 38: return Sym['&']
      case 124: return Sym['|']
      case 43: return Sym['+']
      case 45: return Sym['-']
      default:
    }
  }
  return intern(lexer.symbols, lexer.source, i, i + length, hashRange(lexer.source, i, i + length))
}

function pushOperator(lexer: Lexer, symbol: number, i: number, end: number): void {
  switch (symbol) {
    case Sym['@']:
      return push(lexer, Tok.At, i, end, symbol)
    case Sym['+']:
    case Sym['-']:
      return push(lexer, Tok.Dual, i, end, symbol)
    case Sym['!']:
    case Sym['^']:
    case Sym['~~~']:
      return push(lexer, Tok.Unary, i, end, symbol)
    case Sym['->']:
      dropEol(lexer)
      return pushStab(lexer, i, end)
    case Sym['..']:
      dropEol(lexer)
      return push(lexer, endsOperand[lexer.last] === 1 ? Tok.Op : Tok.Nullary, i, end, symbol)
    default:
      dropEol(lexer)
      push(lexer, Tok.Op, i, end, symbol)
  }
}

/** Marks the statement that the arrow makes a clause head. */
function pushStab(lexer: Lexer, i: number, end: number): void {
  const level = topLevel(lexer)
  push(lexer, Tok.Stab, i, end, 0)
  const base = lexer.depth * LEVEL_SIZE
  if (level === Level.Do || level === Level.Fn || level === Level.Paren) {
    const statement = lexer.levels[base + LV_STATEMENT] as number
    lexer.tokens.kind[statement] = (lexer.tokens.kind[statement] as number) | CLAUSE
  }
  lexer.levels[base + LV_STATEMENT] = lexer.tokens.count
}

/** `&`; before a slash it is a name, `&&/2` aside. */
function lexCapture(lexer: Lexer, i: number): number {
  const { source } = lexer
  const slash = skipSpaces(source, i + 1)
  const isName = source[slash] === 47 && source[skipSpaces(source, slash + 1)] !== 47
  push(lexer, isName ? Tok.Ident : Tok.Capture, i, i + 1, Sym['&'])
  return i + 1
}

function lexDot(lexer: Lexer, i: number, scratch: Scratch): number {
  const { source } = lexer
  if (source[i + 1] === 46) return lexDots(lexer, i)
  if (keywordAt(source, i + 1)) return keyword(lexer, i, 1, Sym['.'])
  const at = skipToDotted(lexer, i + 1)
  dropEol(lexer)
  const c = source[at] as number
  if (c === 40) {
    push(lexer, Tok.DotCall, i, i + 1, 0)
    return at
  }
  push(lexer, Tok.Dot, i, i + 1, 0)
  if (c === 34 || c === 39) return openText(lexer, scratch.text, QUOTED_CALL, c, at, at + 1)
  const length = dottedOperatorLength(source, at)
  if (length === 0) return at
  pushIdentifier(lexer, at, at + length, intern(lexer.symbols, source, at, at + length, hashRange(source, at, at + length)))
  return at + length
}

/** Offset of what follows a dot, over blanks, line breaks and comments. */
function skipToDotted(lexer: Lexer, from: number): number {
  const { source } = lexer
  let i = from
  for (;;) {
    i = skipSpaces(source, i)
    const c = source[i] as number
    if (c === 35) i = skipComment(lexer, i)
    else if (c === 10) i++
    else if (c === 13 && source[i + 1] === 10) i += 2
    else return i
  }
}

/** `..`, `...` and `..//`. */
function lexDots(lexer: Lexer, i: number): number {
  const { source } = lexer
  if (source[i + 2] === 46) {
    if (keywordAt(source, i + 3)) return keyword(lexer, i, 3, Sym['...'])
    pushIdentifier(lexer, i, i + 3, Sym['...'])
    return i + 3
  }
  if (source[i + 2] === 47 && source[i + 3] === 47) {
    if (keywordAt(source, i + 4)) return keyword(lexer, i, 4, Sym['..//'])
    const next = skipSpaces(source, i + 4)
    if (source[next] !== 47) return unexpected(lexer, i, i + 4)
    push(lexer, Tok.Ident, i, i + 4, Sym['..//'])
    return next
  }
  return lexOperator(lexer, i)
}
