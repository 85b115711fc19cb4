/**
 * The start of a statement, element or argument: clause heads, keywords, and closers of what is empty.
 */

import {
  Clause, F_COUNT, F_EXTRA2, F_EXTRA3, F_FIRST_KEYWORD, F_KEYWORDS, F_KIND, F_MARK, F_OPERATORS, F_PAIR, F_PAIR_NODE, F_STATE,
  Frame, Mode, O_NAME, OPERATOR_SIZE, problemAt,
} from './parser-state.ts'
import type { Parser } from './parser-state.ts'
import { Sym } from './well-known.ts'

/** F_MARK of parentheses that may turn out to hold the arguments of a clause head. */
export const HEAD_PAREN = -2

const notHere = 'A keyword is not allowed here; keywords come last.'

/** The keyword at `token`: its value is next. */
export function acceptKeyword(parser: Parser, token: number): number {
  parser.next = token + 1
  if (!beginKeyword(parser, token)) return Mode.Operand
  parser.frames[parser.frame + F_PAIR] = token
  parser.frames[parser.frame + F_PAIR_NODE] = parser.nodes.count
  return Mode.Operand
}

/** The keyword with interpolation that began at `token` and whose node begins at `node`: its value is next. */
export function acceptTextKeyword(parser: Parser, token: number, node: number): number {
  if (!beginKeyword(parser, token)) return Mode.Operand
  const { frames, frame } = parser
  if (frames[frame + F_KEYWORDS] === parser.nodes.count) frames[frame + F_KEYWORDS] = node
  frames[frame + F_PAIR] = -2 - token
  frames[frame + F_PAIR_NODE] = node
  return Mode.Operand
}

/** Whether a keyword may stand here; then its frame knows where its keywords begin. */
function beginKeyword(parser: Parser, token: number): boolean {
  const { frames, frame } = parser
  if (frames[frame + F_KIND] === Frame.Map) beginKeywordUpdate(parser)
  if (parser.nOperators !== frames[frame + F_OPERATORS] || frames[frame + F_PAIR] !== -1 || !allowsKeyword(parser)) {
    problemAt(parser, 'unexpected_keyword', notHere, token)
    return false
  }
  if (frames[frame + F_KEYWORDS] === -1) {
    frames[frame + F_KEYWORDS] = parser.nodes.count
    frames[frame + F_FIRST_KEYWORD] = token
  }
  return true
}

/** `%{base | key: …`: the bar was read as an operator. */
function beginKeywordUpdate(parser: Parser): void {
  const { frames, frame, operators } = parser
  const floor = frames[frame + F_OPERATORS] as number
  if (parser.nOperators !== floor + 1 || frames[frame + F_COUNT] !== 0 || frames[frame + F_EXTRA2] !== -1) return
  if (operators[floor * OPERATOR_SIZE + O_NAME] !== Sym['|'] || frames[frame + F_PAIR] !== -1) return
  takeBar(parser)
}

/** Makes the only pending operator, a bar, the map's update. */
export function takeBar(parser: Parser): void {
  const top = --parser.nOperators * OPERATOR_SIZE
  parser.frames[parser.frame + F_EXTRA3] = parser.operators[top + 1] as number
}

function allowsKeyword(parser: Parser): boolean {
  const { frames, frame } = parser
  switch (frames[frame + F_KIND]) {
    case Frame.Args:
    case Frame.List:
    case Frame.HeadArgs:
    case Frame.NoParensCall:
    case Frame.WhenKeywords:
      return true
    case Frame.Map:
      return frames[frame + F_EXTRA2] === -1
    case Frame.Access:
      return frames[frame + F_COUNT] === 0 || frames[frame + F_KEYWORDS] !== -1
    case Frame.Tuple:
    case Frame.Bit:
    case Frame.MultiAlias:
      return (frames[frame + F_COUNT] as number) > 0
    case Frame.Paren:
      if (frames[frame + F_MARK] === HEAD_PAREN && frames[frame + F_COUNT] === 0) {
        frames[frame + F_KIND] = Frame.HeadArgs
        return true
      }
      return frames[frame + F_STATE] === Clause.Head
    default:
      return (frames[frame + F_KIND] as number) <= Frame.LAST_OF_STATEMENTS && frames[frame + F_STATE] === Clause.Head
  }
}
