/**
 * What the lexer holds while it reads one file: the bytes, the tokens so far, the open brackets and blocks ("levels"), the
 * symbol table and the problems. Everything is reused from file to file. The source is a copy that ends in zero bytes, so
 * that no scan needs to ask for the length. Tokens always come out balanced: where the text is not, closing tokens of no
 * width are put in and a problem says so.
 */

import type { ColumnFix } from './tree.ts'
import { createSymbols, resetSymbols } from './symbols.ts'
import type { Symbols } from './symbols.ts'
import { createTokens, growTokens, KIND_MASK, Tok } from './tokens.ts'
import type { Tokens } from './tokens.ts'

export type RawProblem = {
  readonly code: string
  readonly message: string
  readonly start: number
  readonly end: number
}

/** What opened a level. */
export const Level = { Paren: 1, Bracket: 2, Brace: 3, Bit: 4, Do: 5, Fn: 6, Interp: 7 } as const

/** Int32 fields of a level, in `levels`. */
export const LV_KIND = 0
/** First token of the statement being read. */
export const LV_STATEMENT = 1
/** The statement before, for a line break that turns out to mean nothing. */
export const LV_PREVIOUS = 2
/** Offset of the opener, and indentation of its line. */
export const LV_OFFSET = 3
export const LV_INDENT = 4
/** Of an Interp level: the text that it interrupts. */
export const LV_TEXT_KIND = 5
export const LV_TEXT_CLOSE = 6
export const LV_TEXT_BEGIN = 7
export const LV_TEXT_NAME = 8
export const LV_TEXT_OFFSET = 9
export const LEVEL_SIZE = 10

/** More problems than this with one code are only counted: they are mostly the echo of the first. */
const MAX_OF_A_CODE = 5

const SEARCH_BUDGET = 1_000_000

export type Lexer = {
  /** The bytes, then at least eight zeros. */
  source: Uint8Array
  /** Length without the zeros. */
  length: number
  ascii: boolean
  readonly tokens: Tokens
  readonly symbols: Symbols
  /** Kind of the last token; Eol before the first. */
  last: number
  levels: Int32Array
  depth: number
  /** Width of the white space that opens the current line. */
  indent: number
  /** Offset of the first line break or `;` with no token before it, or -1. */
  firstBreak: number
  /** A second pass that uses indentation to find what is missing. */
  recovering: boolean
  unbalanced: boolean
  /** Levels that searches for an opener may still look at: what keeps a flood of stray closers linear. */
  searchBudget: number
  problems: RawProblem[]
  /** How many problems each code had, those that were not kept included. */
  counts: Map<string, number>
  fixes: ColumnFix[]
  /** Results of a scan that returns an offset: the text just read. */
  flags: number
}

export function createLexer(): Lexer {
  return {
    source: new Uint8Array(1 << 16),
    length: 0,
    ascii: true,
    tokens: createTokens(),
    symbols: createSymbols(),
    last: Tok.Eol,
    levels: new Int32Array(LEVEL_SIZE * 64),
    depth: 0,
    indent: 0,
    firstBreak: -1,
    recovering: false,
    unbalanced: false,
    searchBudget: SEARCH_BUDGET,
    problems: [],
    counts: new Map(),
    fixes: [],
    flags: 0,
  }
}

export function loadSource(lexer: Lexer, source: Uint8Array): void {
  if (lexer.source.length < source.length + 8) lexer.source = new Uint8Array(source.length * 2 + 64)
  lexer.source.set(source)
  lexer.source.fill(0, source.length, source.length + 8)
  lexer.length = source.length
}

/** Forgets everything of the last pass; the source stays. */
export function resetLexer(lexer: Lexer): void {
  resetSymbols(lexer.symbols)
  lexer.tokens.count = 0
  lexer.last = Tok.Eol
  lexer.depth = 0
  lexer.levels[LV_KIND] = 0
  lexer.levels[LV_STATEMENT] = 0
  lexer.levels[LV_PREVIOUS] = 0
  lexer.indent = 0
  lexer.firstBreak = -1
  lexer.unbalanced = false
  lexer.searchBudget = SEARCH_BUDGET
  lexer.problems = []
  lexer.counts = new Map()
  lexer.fixes = []
}

/** Appends a token. The first token after a separator begins a statement of its level. */
export function push(lexer: Lexer, kind: number, start: number, end: number, value: number): void {
  const { tokens } = lexer
  const n = tokens.count
  if (n === tokens.capacity) growTokens(tokens)
  if (lexer.last <= Tok.Semi) {
    const base = lexer.depth * LEVEL_SIZE
    lexer.levels[base + LV_PREVIOUS] = lexer.levels[base + LV_STATEMENT] as number
    lexer.levels[base + LV_STATEMENT] = n
  }
  tokens.kind[n] = kind
  tokens.start[n] = start
  tokens.end[n] = end
  tokens.value[n] = value
  tokens.count = n + 1
  lexer.last = kind
}

/** Takes back the last token if it is a line break, because the next token joins the lines. */
export function dropEol(lexer: Lexer): void {
  const { tokens } = lexer
  if (lexer.last !== Tok.Eol || tokens.count === 0) return
  const n = --tokens.count
  lexer.last = n === 0 ? Tok.Eol : (tokens.kind[n - 1] as number) & KIND_MASK
}

export function openLevel(lexer: Lexer, kind: number, offset: number): void {
  const depth = ++lexer.depth
  const base = depth * LEVEL_SIZE
  if (base + LEVEL_SIZE > lexer.levels.length) {
    const wider = new Int32Array(lexer.levels.length * 2)
    wider.set(lexer.levels)
    lexer.levels = wider
  }
  lexer.levels[base + LV_KIND] = kind
  lexer.levels[base + LV_STATEMENT] = lexer.tokens.count
  lexer.levels[base + LV_PREVIOUS] = lexer.tokens.count
  lexer.levels[base + LV_OFFSET] = offset
  lexer.levels[base + LV_INDENT] = lexer.indent
}

export function topLevel(lexer: Lexer): number {
  return lexer.levels[lexer.depth * LEVEL_SIZE + LV_KIND] as number
}

export function problem(lexer: Lexer, code: string, message: string, start: number, end: number): void {
  const count = (lexer.counts.get(code) ?? 0) + 1
  lexer.counts.set(code, count)
  if (count <= MAX_OF_A_CODE) lexer.problems.push({ code, message, start, end })
}

/** How many problems were not kept. */
export function problemsCut(lexer: Lexer): number {
  let cut = 0
  for (const count of lexer.counts.values()) cut += Math.max(0, count - MAX_OF_A_CODE)
  return cut
}
