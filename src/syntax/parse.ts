/**
 * Elixir text to flat tree. `parse` never throws and takes linear time: what Elixir 1.14 would reject gives problems, and
 * whatever could be read around the damage is in the tree.
 */

import { isAscii, isUtf8 } from 'node:buffer'
import { lex } from './lexer.ts'
import { createLexer, loadSource, problem, problemsCut } from './lexer-state.ts'
import type { Lexer, RawProblem } from './lexer-state.ts'
import { emit, NO_POSITION, toTree } from './node-stack.ts'
import { parseStart } from './parser-end.ts'
import { parseOperand, parseText } from './parser-operand.ts'
import { parseOperator } from './parser-operator.ts'
import { createParser, Frame, Mode, pushFrame, resetParser } from './parser-state.ts'
import type { Parser } from './parser-state.ts'
import { takeNames } from './symbols.ts'
import { Kind, positions } from './tree.ts'
import type { Tree } from './tree.ts'

/** A parser with its buffers. Not to be used for two files at once; `createReader` once per thread is the quick way. */
export type Reader = (source: Uint8Array) => Tree

export function createReader(): Reader {
  const lexer = createLexer()
  const parser = createParser(lexer)
  return (source) => read(parser, source)
}

/** The flat tree of one source; for many sources, `createReader` is quicker. */
export function parse(source: Uint8Array): Tree {
  return createReader()(source)
}

function read(parser: Parser, source: Uint8Array): Tree {
  const { lexer } = parser
  loadSource(lexer, source)
  lexer.recovering = false
  const before = checkEncoding(lexer, source)
  const from = before.some((known) => known.code === 'byte_order_mark') ? 3 : 0
  lex(lexer, from)
  if (lexer.unbalanced) {
    const { problems, counts } = lexer
    lexer.recovering = true
    lex(lexer, from)
    if (lexer.problems.length === 0) {
      lexer.problems = problems
      lexer.counts = counts
    }
  }
  resetParser(parser)
  run(parser)
  return finish(parser, source, [...before, ...lexer.problems])
}

function checkEncoding(lexer: Lexer, source: Uint8Array): RawProblem[] {
  lexer.ascii = isAscii(source)
  lexer.problems = []
  lexer.counts = new Map()
  if (lexer.ascii) return []
  if (source[0] === 0xef && source[1] === 0xbb && source[2] === 0xbf) {
    problem(lexer, 'byte_order_mark', 'Save this file without a byte order mark.', 0, 3)
  }
  if (!isUtf8(source)) {
    const at = replaceInvalid(lexer)
    problem(lexer, 'invalid_encoding', 'This file is not valid UTF-8.', at, at + 1)
  }
  return lexer.problems
}

/** Stands in for bytes that are no character, in the lexer's copy. */
const SUBSTITUTE = 26

/** Replaces what is not valid UTF-8 in the lexer's copy, so that every scan sees whole characters; where the first was. */
function replaceInvalid(lexer: Lexer): number {
  const { source, length } = lexer
  let first = -1
  for (let i = 0; i < length; ) {
    const byte = source[i] as number
    const width = byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4
    if (width > 1 && (i + width > length || !isUtf8(source.subarray(i, i + width)))) {
      if (first < 0) first = i
      source[i++] = SUBSTITUTE
    } else i += width
  }
  return Math.max(first, 0)
}

/** Steps of the main loop that a token can cost, at the very most. */
const STEPS_PER_TOKEN = 64

/**
 * The main loop. Every step reads a token, closes a frame, or changes the mode so that the next one does; the budget is
 * there should that ever fail.
 */
function run(parser: Parser): void {
  pushFrame(parser, Frame.File, 0, 0, 0)
  let budget = STEPS_PER_TOKEN * (parser.tokens.count + 1)
  let mode: number = Mode.Start
  while (mode !== Mode.Done && budget-- > 0) {
    if (mode === Mode.Operand) mode = parseOperand(parser)
    else if (mode === Mode.Operator) mode = parseOperator(parser)
    else if (mode === Mode.Start) mode = parseStart(parser)
    else mode = parseText(parser)
  }
  if (mode !== Mode.Done) giveUp(parser)
}

function giveUp(parser: Parser): void {
  const { lexer, nodes } = parser
  problem(lexer, 'parser_budget', 'Reading this file took too many steps.', 0, lexer.length)
  emit(nodes, Kind.File, 0, 0, lexer.length, NO_POSITION, 0)
}

function finish(parser: Parser, source: Uint8Array, raw: readonly RawProblem[]): Tree {
  const { lexer, nodes } = parser
  const names = takeNames(lexer.symbols, source)
  const tree = toTree(nodes, { source, names, fixes: lexer.fixes, problems: [] })
  if (raw.length === 0) return tree
  const position = positions(tree)
  const sorted = [...raw].sort((a, b) => a.start - b.start)
  const problems = sorted.map((one) => ({ ...one, ...position(one.start) }))
  const last = problems.at(-1)
  const cut = problemsCut(lexer)
  if (last !== undefined && cut > 0) problems.push({ ...last, code: 'too_many_problems', message: tooMany(cut) })
  return { ...tree, problems }
}

const tooMany = (cut: number): string =>
  cut === 1 ? 'There is 1 more problem in this file.' : `There are ${cut.toLocaleString('en-US')} more problems in this file.`
