/**
 * Clauses: `a, b when c -> d`. The lexer has marked where each begins, so the head is known for one as it is read.
 */

import { emit } from './node-stack.ts'
import { operand } from './parser-recover.ts'
import {
  Class, Clause, F_COUNT, F_EXTRA3, F_FIRST_KEYWORD, F_KEYWORDS, F_MARK, F_PAIR_NODE, F_STATE, Mode,
  lastEnd, problemAt,
} from './parser-state.ts'
import type { Parser } from './parser-state.ts'
import { CLAUSE, Tok } from './tokens.ts'
import { Kind } from './tree.ts'
import { Sym } from './well-known.ts'

/** The last argument of a clause head, if it is `argument when guard`, becomes argument and Guard. */
export function takeGuard(parser: Parser): void {
  const { nodes } = parser
  const last = nodes.count - 1
  if (nodes.kind[last] !== Kind.BinaryOp || nodes.payload[last] !== Sym.when) return
  nodes.kind[last] = Kind.Guard
  nodes.payload[last] = 0
  nodes.start[last] = nodes.at[last] as number
  nodes.size[last] = (nodes.size[last - 1] as number) + 1
}

/** The arrow is next: completes the head. */
export function endHeadArgs(parser: Parser): number {
  const { frames, frame, nodes } = parser
  const start = frames[frame + F_EXTRA3] as number
  emit(nodes, Kind.ClauseHead, frames[frame + F_MARK] as number, start, Math.max(start, lastEnd(parser)), start, 0)
  frames[frame + F_STATE] = Clause.Body
  frames[frame + F_COUNT] = 1
  // The arrow's offset, until the clause is complete.
  frames[frame + F_PAIR_NODE] = parser.tokens.start[parser.next] as number
  parser.next++
  const next = parser.tokens.kind[parser.next] as number
  if (next >= CLAUSE) problemAt(parser, 'unexpected_arrow', 'An expression has to be between two arrows.', parser.next)
  if (next === Tok.Semi) {
    // A separator directly after the arrow means an expression before it: nil.
    const nil = lastEnd(parser)
    emit(nodes, Kind.Atom, nodes.count, nil, nil, nil, Sym.nil)
    parser.next++
  }
  return Mode.Start
}

/** Completes the clause whose body was just read. */
export function finishClause(parser: Parser): void {
  const { frames, frame, nodes } = parser
  const arrow = frames[frame + F_PAIR_NODE] as number
  const start = frames[frame + F_EXTRA3] as number
  const end = Math.max(arrow + 2, nodes.end[nodes.count - 1] as number)
  emit(nodes, Kind.Clause, frames[frame + F_MARK] as number, start, end, arrow, 0)
  frames[frame + F_STATE] = Clause.None
}

/** Whether `->` or `when` is next, so that parentheses before it hold the arguments of a clause. */
export function beginsArrow(parser: Parser): boolean {
  const { tokens, frames, frame } = parser
  if (frames[frame + F_STATE] !== Clause.Head || frames[frame + F_COUNT] !== 0) return false
  const kind = tokens.kind[parser.next]
  return kind === Tok.Stab || (kind === Tok.Op && tokens.value[parser.next] === Sym.when)
}

/** The arguments of a clause were in parentheses; the arrow or a guard is next. */
export function afterHeadParens(parser: Parser): number {
  const { tokens, frames, frame } = parser
  if (tokens.kind[parser.next] === Tok.Stab) return endHeadArgs(parser)
  frames[frame + F_STATE] = Clause.Guard
  frames[frame + F_KEYWORDS] = -1
  frames[frame + F_FIRST_KEYWORD] = parser.next
  frames[frame + F_PAIR_NODE] = parser.nodes.count
  parser.next++
  return Mode.Operand
}

/** Parentheses with several arguments close: they must be those of a clause. */
export function closeHeadArgs(parser: Parser): number {
  if (beginsArrow(parser)) return afterHeadParens(parser)
  problemAt(parser, 'syntax_error', 'Only the head of a clause can have several arguments in parentheses here.', parser.next)
  return operand(parser, parser.tokens.start[parser.next] as number, Class.Matched)
}
