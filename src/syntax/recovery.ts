/**
 * Brackets and blocks that do not match. The lexer's tokens must come out balanced, so a closer without its opener is left
 * out, and an opener without its closer gets one of no width. When a first pass finds the file unbalanced, a second one
 * uses indentation: an `end` closes the block whose line is indented alike, and a definition closes everything that
 * began no further left. So the damage stays inside one function.
 */

import {
  dropEol, Level, LEVEL_SIZE, LV_INDENT, LV_KIND, LV_OFFSET, LV_STATEMENT, LV_TEXT_CLOSE, LV_TEXT_NAME, LV_TEXT_OFFSET, problem, push,
  topLevel,
} from './lexer-state.ts'
import type { Lexer } from './lexer-state.ts'
import { Tok } from './tokens.ts'

const closerOf: Readonly<Record<number, number>> = {
  [Level.Paren]: Tok.RParen,
  [Level.Bracket]: Tok.RBracket,
  [Level.Brace]: Tok.RBrace,
  [Level.Bit]: Tok.RBit,
  [Level.Do]: Tok.End,
  [Level.Fn]: Tok.End,
}

const spelling: Readonly<Record<number, string>> = {
  [Tok.RParen]: ')',
  [Tok.RBracket]: ']',
  [Tok.RBrace]: '}',
  [Tok.RBit]: '>>',
  [Tok.End]: 'end',
}

const openerSpelling = ['', '(', '[', '{', '<<', 'do', 'fn', '#{']

const matches = (level: number, token: number): boolean =>
  level === token - Tok.RParen + Level.Paren || (token === Tok.End && level === Level.Fn)

/** Pushes the closing token at [start, end) if it has an opener, after closing what was left open inside. */
export function closeLevel(lexer: Lexer, token: number, start: number, end: number): void {
  const strayEnd = lexer.recovering && token === Tok.End && !alignEnd(lexer, start)
  if (strayEnd || (!matches(topLevel(lexer), token) && !closeUpTo(lexer, token, start))) {
    lexer.unbalanced = true
    const code = token === Tok.End ? 'unexpected_end' : 'unexpected_token'
    problem(lexer, code, `Unexpected "${spelling[token]}": nothing before it is open for it.`, start, end)
    return
  }
  dropEol(lexer)
  push(lexer, token, start, end, 0)
  lexer.depth--
}

/** Closes levels until one matches `token`; false, with nothing done, where none does. */
function closeUpTo(lexer: Lexer, token: number, at: number): boolean {
  let depth = lexer.depth
  for (; depth > 0; depth--) {
    const level = lexer.levels[depth * LEVEL_SIZE + LV_KIND] as number
    if (matches(level, token)) break
    if (lexer.searchBudget-- <= 0) return false
    if (level === Level.Interp || (token !== Tok.End && level >= Level.Do)) return false
  }
  if (depth === 0) return false
  while (lexer.depth > depth) closeMissing(lexer, at)
  return true
}

/** Closes the innermost level (not an interpolation) with a token of no width at `at`. */
function closeMissing(lexer: Lexer, at: number): void {
  const base = lexer.depth * LEVEL_SIZE
  const kind = lexer.levels[base + LV_KIND] as number
  const opened = lexer.levels[base + LV_OFFSET] as number
  lexer.unbalanced = true
  const token = closerOf[kind] ?? Tok.InterpEnd
  const message = `Missing "${spelling[token] ?? '}'}" for this "${openerSpelling[kind]}".`
  problem(lexer, 'missing_terminator', message, opened, opened + (openerSpelling[kind]?.length ?? 1))
  dropEol(lexer)
  push(lexer, token, at, at, 0)
  lexer.depth--
}

/** Closes the innermost level; of an interpolation, its text too. */
function closeTop(lexer: Lexer, at: number): void {
  if (topLevel(lexer) === Level.Interp) closeInterpolation(lexer, at)
  else closeMissing(lexer, at)
}

/** An interpolation is not closed: closes it, which is the innermost level, and its text. */
export function closeInterpolation(lexer: Lexer, at: number): void {
  const base = lexer.depth * LEVEL_SIZE
  lexer.unbalanced = true
  const offset = lexer.levels[base + LV_TEXT_OFFSET] as number
  problem(lexer, 'missing_terminator', 'The "#{" in this text is not closed.', offset, offset + 1)
  dropEol(lexer)
  push(lexer, Tok.InterpEnd, at, at, 0)
  lexer.depth--
  push(lexer, Tok.TextEnd, at, at, lexer.levels[base + LV_TEXT_NAME] as number)
}

/**
 * In a recovering pass: quotes at `at` that open their line and are those of the heredoc around the innermost
 * interpolation end it, for no one begins another one there. Whether they did.
 */
export function closeHeredoc(lexer: Lexer, close: number, at: number): boolean {
  if (!opensLine(lexer.source, at)) return false
  let depth = lexer.depth
  for (; depth > 0 && lexer.levels[depth * LEVEL_SIZE] !== Level.Interp; depth--) if (lexer.searchBudget-- <= 0) return false
  if (depth === 0 || lexer.levels[depth * LEVEL_SIZE + LV_TEXT_CLOSE] !== close) return false
  closeAll(lexer, at)
  closeInterpolation(lexer, at)
  return true
}

/** Closes everything that is open down to the nearest interpolation or the file. */
export function closeAll(lexer: Lexer, at: number): void {
  while (lexer.depth > 0 && topLevel(lexer) !== Level.Interp) closeMissing(lexer, at)
}

const indentAt = (lexer: Lexer, depth: number): number => lexer.levels[depth * LEVEL_SIZE + LV_INDENT] as number

/**
 * An `end` that opens its line first closes what is indented further than itself. False where it is itself indented
 * further than the block that is then open, whose `end` it cannot be.
 */
function alignEnd(lexer: Lexer, at: number): boolean {
  if (!opensLine(lexer.source, at)) return true
  while (lexer.depth > 0 && indentAt(lexer, lexer.depth) > lexer.indent) {
    if (isOfOpenHead(lexer)) return true
    closeTop(lexer, at)
  }
  let block = lexer.depth
  for (; block > 0 && isBracket(lexer, block); block--) if (lexer.searchBudget-- <= 0) return true
  const kind = lexer.levels[block * LEVEL_SIZE + LV_KIND] as number
  return kind !== Level.Do || indentAt(lexer, block) === lexer.indent
}

/** Whether the innermost block is one of `name(⏎ argument do`, so that the line of the open bracket has its `end`. */
function isOfOpenHead(lexer: Lexer): boolean {
  const { depth } = lexer
  if (topLevel(lexer) !== Level.Do || depth < 2) return false
  return isBracket(lexer, depth - 1) && indentAt(lexer, depth - 1) === lexer.indent
}

/** In a recovering pass: a block belongs to the line on which its statement begins. */
export function alignBlock(lexer: Lexer): void {
  const outer = (lexer.depth - 1) * LEVEL_SIZE
  const statement = lexer.tokens.start[lexer.levels[outer + LV_STATEMENT] as number] as number
  let line = statement
  while (line > 0 && lexer.source[line - 1] !== 10) line--
  let indent = 0
  while (lexer.source[line + indent] === 32 || lexer.source[line + indent] === 9) indent++
  lexer.levels[lexer.depth * LEVEL_SIZE + LV_INDENT] = Math.min(indent, lexer.indent)
}

function opensLine(source: Uint8Array, at: number): boolean {
  let i = at - 1
  while (i >= 0 && (source[i] === 32 || source[i] === 9)) i--
  return i < 0 || source[i] === 10
}

/** Whether `source` has, at `at`, a word that begins a definition or an attribute that belongs to one. */
function beginsDefinition(source: Uint8Array, at: number): boolean {
  if (source[at] === 64) return source[at + 1] === 100 || source[at + 1] === 115 || source[at + 1] === 109
  return source[at] === 100 && source[at + 1] === 101 && source[at + 2] === 102 && definitionEnds(source, at + 3)
}

function definitionEnds(source: Uint8Array, from: number): boolean {
  let i = from
  while ((source[i] as number) >= 97 && (source[i] as number) <= 122) i++
  return (source[i] === 32 || source[i] === 9) && source[i + 1] !== 61 && source[i + 1] !== 45
}

/**
 * At the first token of a line, in a recovering pass: a definition closes whatever began no further left, any other
 * attribute only the brackets that did, because it can also be used inside a block. What follows is a new statement.
 */
export function alignLine(lexer: Lexer, at: number): void {
  const { source } = lexer
  const definition = beginsDefinition(source, at)
  if (!definition && (source[at] !== 64 || !isLower(source[at + 1] as number))) return
  let deepest = lexer.depth
  for (; deepest > 0 && indentAt(lexer, deepest) >= lexer.indent; deepest--) {
    if (!definition && !isBracket(lexer, deepest)) break
  }
  if (lexer.depth === deepest) return
  while (lexer.depth > deepest) closeTop(lexer, at)
  push(lexer, Tok.Eol, at, at, 0)
}

const isLower = (c: number): boolean => (c >= 97 && c <= 122) || c === 95

const isBracket = (lexer: Lexer, depth: number): boolean =>
  (lexer.levels[depth * LEVEL_SIZE + LV_KIND] as number) <= Level.Bit

/**
 * Whether the text that opened at `start`, closed at `close`, swallowed code: it runs over a line that begins with a
 * definition or `end`.
 */
export function swallowsCode(source: Uint8Array, start: number, close: number): boolean {
  for (let i = start; i < close; i++) {
    if (source[i] !== 10) continue
    let j = i + 1
    while (source[j] === 32 || source[j] === 9) j++
    if (j >= close) return false
    if (beginsDefinition(source, j)) return true
    if (source[j] === 101 && source[j + 1] === 110 && source[j + 2] === 100 && (source[j + 3] as number) <= 32) return true
  }
  return false
}
