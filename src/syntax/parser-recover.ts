/**
 * Where the grammar ends: what the parser does with a token that cannot be where it is. It loses as little as it can, and
 * never a do-block, because functions are in there.
 */

import { lastBegin } from './node-stack.ts'
import { openDoBlock } from './parser-operand.ts'
import { Frame, Mode, Operand, problemAt, pushFrame } from './parser-state.ts'
import type { Parser } from './parser-state.ts'
import { Tok } from './tokens.ts'

/** The message where a comma could belong to either of two calls. */
export const ambiguousComma = 'This call needs parentheses: it is not clear which arguments belong to it.'

/** The token cannot follow: it begins something new, or is left out. */
export function recover(parser: Parser, kind: number): number {
  problemAt(parser, 'syntax_error', 'This cannot follow what is before it.', parser.next)
  if (kind === Tok.Do) {
    const node = lastBegin(parser.nodes)
    pushFrame(parser, Frame.StrayBlock, parser.next, node, parser.operandStart)
    return openDoBlock(parser)
  }
  if (kind >= Tok.LBracket) return Mode.Start
  if (kind !== Tok.Eof) parser.next++
  // After a token left out, what follows may still continue the expression, if there is one.
  const separates = kind === Tok.Comma || kind === Tok.Assoc || kind === Tok.Stab || kind === Tok.BlockId
  return separates ? Mode.Start : Mode.Operator
}

/** The token cannot begin a statement: it is left out, but a do-block is read for what it holds. */
export function leaveOut(parser: Parser, kind: number): number {
  problemAt(parser, 'syntax_error', 'This cannot stand here.', parser.next)
  if (kind === Tok.Do) {
    pushFrame(parser, Frame.StrayBlock, parser.next, parser.nodes.count, parser.tokens.start[parser.next] as number)
    return openDoBlock(parser)
  }
  parser.next++
  return Mode.Start
}

/** What was just completed is an operand that begins at `start`. */
export function operand(parser: Parser, start: number, resultClass: number): number {
  parser.operandClass = resultClass
  parser.operandStart = start
  parser.operandType = Operand.Other
  return Mode.Operator
}
