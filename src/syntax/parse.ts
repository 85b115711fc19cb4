/**
 * Elixir text to flat tree. `parse` never throws and takes linear time: what Elixir 1.14 would reject gives problems, and
 * whatever could be read around the damage is in the tree.
 */

import { isAscii, isUtf8 } from 'node:buffer'
import { lex } from './lexer.ts'
import { createLexer, loadSource, problem } from './lexer-state.ts'
import type { Lexer, RawProblem } from './lexer-state.ts'
import { toTree } from './node-stack.ts'
import { parseStart } from './parser-end.ts'
import { parseOperand, parseText } from './parser-operand.ts'
import { parseOperator } from './parser-operator.ts'
import { createParser, Frame, Mode, pushFrame, resetParser } from './parser-state.ts'
import type { Parser } from './parser-state.ts'
import { takeNames } from './symbols.ts'
import { positions } from './tree.ts'
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
    const first = lexer.problems
    lexer.recovering = true
    lex(lexer, from)
    if (lexer.problems.length === 0) lexer.problems = first
  }
  resetParser(parser)
  run(parser)
  return finish(parser, source, [...before, ...lexer.problems])
}

function checkEncoding(lexer: Lexer, source: Uint8Array): RawProblem[] {
  lexer.ascii = isAscii(source)
  lexer.problems = []
  if (lexer.ascii) return []
  if (source[0] === 0xef && source[1] === 0xbb && source[2] === 0xbf) {
    problem(lexer, 'byte_order_mark', 'Save this file without a byte order mark.', 0, 3)
  }
  if (!isUtf8(source)) {
    const at = firstInvalid(source)
    problem(lexer, 'invalid_encoding', 'This file is not valid UTF-8.', at, at + 1)
  }
  return lexer.problems
}

/** Offset of the first byte that is not valid UTF-8, by halving. */
function firstInvalid(source: Uint8Array): number {
  let good = 0
  let bad = source.length
  while (bad - good > 1) {
    const middle = (good + bad) >>> 1
    // A cut inside a character would look invalid.
    let cut = middle
    while (cut > good && ((source[cut] ?? 0) & 0xc0) === 0x80) cut--
    if (cut > good && isUtf8(source.subarray(good, cut))) good = cut
    else if (cut > good) bad = cut
    else break
  }
  for (let at = good; at < bad; at++) if (!isUtf8(source.subarray(good, at + 1)) && at - good > 3) return at
  return good
}

/** The main loop. A step that neither reads a token nor closes a frame is followed by one that does. */
function run(parser: Parser): void {
  pushFrame(parser, Frame.File, 0, 0, 0)
  let mode: number = Mode.Start
  while (mode !== Mode.Done) {
    if (mode === Mode.Operand) mode = parseOperand(parser)
    else if (mode === Mode.Operator) mode = parseOperator(parser)
    else if (mode === Mode.Start) mode = parseStart(parser)
    else mode = parseText(parser)
  }
}

function finish(parser: Parser, source: Uint8Array, raw: readonly RawProblem[]): Tree {
  const { lexer, nodes } = parser
  const names = takeNames(lexer.symbols, source)
  const tree = toTree(nodes, { source, names, fixes: lexer.fixes, problems: [] })
  if (raw.length === 0) return tree
  const position = positions(tree)
  const sorted = [...raw].sort((a, b) => a.start - b.start)
  return { ...tree, problems: sorted.map((one) => ({ ...one, ...position(one.start) })) }
}
