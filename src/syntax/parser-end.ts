/**
 * The start and end of statements: what a construct makes of the token that follows an expression, and what remains of it
 * when it closes.
 */

import { NO_POSITION, emit, lastBegin } from './node-stack.ts'
import { afterHeadParens, beginsArrow, endHeadArgs, finishClause, takeGuard } from './parser-clauses.ts'
import { closeElements, endArgument, endElement, endInMap, endStructName, endWhenKeyword } from './parser-elements.ts'
import { isProtected } from './parser-operand.ts'
import { ambiguousComma, leaveOut, operand, recover } from './parser-recover.ts'
import { finishCall, finishPair, reduce, wrapKeywords } from './parser-reduce.ts'
import { HEAD_PAREN } from './parser-start.ts'
import {
  Class, Clause, F_COUNT, F_EXTRA, F_EXTRA2, F_EXTRA3, F_FIRST_KEYWORD, F_KEYWORDS, F_KIND, F_MARK, F_NODE,
  F_PAIR_NODE, F_START, F_STATE, F_TOKEN, Frame, Mode, Operand, isPutIn, lastEnd, popFrame, problemAt, pushFrame,
} from './parser-state.ts'
import type { Parser } from './parser-state.ts'
import { CLAUSE, KIND_MASK, Tok } from './tokens.ts'
import { Kind } from './tree.ts'
import { Sym } from './well-known.ts'

/** A statement, element or argument begins, or its construct closes. */
export function parseStart(parser: Parser): number {
  const { tokens, frames, frame } = parser
  const raw = tokens.kind[parser.next] as number
  const kind = raw & KIND_MASK
  const owner = frames[frame + F_KIND] as number
  if (owner > Frame.LAST_OF_STATEMENTS) return startElement(parser, owner, kind)
  if (raw >= CLAUSE) return beginClause(parser, owner, kind)
  if (kind >= Tok.LBracket) return Mode.Operand
  if (kind === Tok.Semi && frames[frame + F_COUNT] === 0 && parser.nodes.count === statementsBegin(parser)) {
    parser.next++
    if (owner === Frame.Paren && frames[frame + F_MARK] === HEAD_PAREN) frames[frame + F_MARK] = -1
    frames[frame + F_COUNT] = 1
    return Mode.Start
  }
  if (closes(owner, kind)) return closeStatements(parser, owner, kind)
  if (kind >= Tok.RParen && kind <= Tok.InterpEnd) return leaveOut(parser, kind)
  return Mode.Operand
}

/** Whether a token of this kind closes statements of this owner. */
function closes(owner: number, kind: number): boolean {
  switch (owner) {
    case Frame.File:
      return kind === Tok.Eof
    case Frame.Interp:
      return kind === Tok.InterpEnd
    case Frame.Paren:
      return kind === Tok.RParen
    case Frame.Fn:
      return kind === Tok.End
    default:
      return kind === Tok.End || kind === Tok.BlockId
  }
}

function statementsBegin(parser: Parser): number {
  const { frames, frame } = parser
  return frames[frame + F_KIND] === Frame.Do ? (frames[frame + F_EXTRA] as number) : (frames[frame + F_NODE] as number)
}

function startElement(parser: Parser, owner: number, kind: number): number {
  if (kind >= Tok.RParen && kind <= Tok.RBit && owner <= Frame.HeadArgs) return closeElements(parser, owner, true)
  const { frames, frame } = parser
  if (kind !== Tok.Kw && kind !== Tok.KwTextBegin && frames[frame + F_KEYWORDS] !== -1) {
    problemAt(parser, 'keyword_not_last', 'Keywords must come last; put brackets around them.', parser.next)
  }
  return Mode.Operand
}

/** What a frame makes of the token after a complete expression. */
export function endExpression(parser: Parser): number {
  const { tokens, frames, frame } = parser
  const token = parser.next
  const kind = (tokens.kind[token] as number) & KIND_MASK
  const owner = frames[frame + F_KIND] as number
  if (owner === Frame.Map) return endInMap(parser, kind)
  reduce(parser, 0)
  finishPair(parser)
  if (owner <= Frame.LAST_OF_STATEMENTS) return endStatement(parser, owner, kind)
  if (owner === Frame.NoParensCall) return endArgument(parser, kind)
  if (owner === Frame.WhenKeywords) return endWhenKeyword(parser, kind)
  if (owner === Frame.StructName) return endStructName(parser, kind)
  return endElement(parser, owner, kind)
}

// Statements

function endStatement(parser: Parser, owner: number, kind: number): number {
  const { frames, frame } = parser
  const state = frames[frame + F_STATE] as number
  if (state === Clause.Head || state === Clause.Guard) return endHead(parser, state, kind)
  if (kind === Tok.Eol || kind === Tok.Semi) {
    parser.next++
    frames[frame + F_COUNT] = (frames[frame + F_COUNT] as number) + 1
    return Mode.Start
  }
  if (closes(owner, kind)) return closeStatements(parser, owner, kind)
  if (kind === Tok.Comma && owner === Frame.Paren && frames[frame + F_MARK] === HEAD_PAREN && frames[frame + F_COUNT] === 0) {
    frames[frame + F_KIND] = Frame.HeadArgs
    return endElement(parser, Frame.HeadArgs, kind)
  }
  return recover(parser, kind)
}

/** The first token of a clause head: what was before it ends the clause before. */
function beginClause(parser: Parser, owner: number, kind: number): number {
  const { frames, frame, tokens, nodes } = parser
  tokens.kind[parser.next] = kind
  if (owner === Frame.File || owner === Frame.Interp) return Mode.Start
  if (frames[frame + F_STATE] === Clause.Body) finishClause(parser)
  else if (nodes.count > statementsBegin(parser)) {
    problemAt(parser, 'unexpected_arrow', 'If one expression has "->", the first must have it too.', parser.next)
  }
  frames[frame + F_MARK] = nodes.count
  frames[frame + F_STATE] = Clause.Head
  frames[frame + F_COUNT] = 0
  frames[frame + F_EXTRA3] = tokens.start[parser.next] as number
  frames[frame + F_PAIR_NODE] = 0
  if (kind === Tok.Stab) return endHeadArgs(parser)
  if (kind !== Tok.LParen) return Mode.Operand
  const paren = pushFrame(parser, Frame.Paren, parser.next, nodes.count, tokens.start[parser.next] as number)
  parser.frames[paren + F_MARK] = HEAD_PAREN
  parser.next++
  return Mode.Start
}

/** After an argument of a clause head, or its guard. */
function endHead(parser: Parser, state: number, kind: number): number {
  const { frames, frame } = parser
  if (state === Clause.Guard) {
    if (kind !== Tok.Stab) return recover(parser, kind)
    const start = parser.tokens.start[frames[frame + F_FIRST_KEYWORD] as number] as number
    emit(parser.nodes, Kind.Guard, frames[frame + F_PAIR_NODE] as number, start, lastEnd(parser), start, 0)
    return endHeadArgs(parser)
  }
  const isKeyword = frames[frame + F_KEYWORDS] !== -1
  const count = (frames[frame + F_COUNT] as number) + 1
  frames[frame + F_COUNT] = count
  const many = count > 1 || kind === Tok.Comma
  if (!isKeyword && (parser.operandClass === Class.Unmatched || (many && parser.operandClass === Class.NoParens))) {
    problemAt(parser, 'ambiguous_call', ambiguousComma, parser.next)
  }
  if (kind === Tok.Comma) {
    parser.next++
    const next = (parser.tokens.kind[parser.next] as number) & KIND_MASK
    if (isKeyword && next !== Tok.Kw && next !== Tok.KwTextBegin) {
      problemAt(parser, 'keyword_not_last', 'Keywords must come last; put brackets around them.', parser.next)
    }
    return Mode.Operand
  }
  if (kind !== Tok.Stab) return recover(parser, kind)
  if (isKeyword) wrapKeywords(parser)
  else takeGuard(parser)
  return endHeadArgs(parser)
}

function closeStatements(parser: Parser, owner: number, kind: number): number {
  const { frames, frame } = parser
  const clauses = frames[frame + F_STATE] === Clause.Body
  if (clauses) finishClause(parser)
  switch (owner) {
    case Frame.Paren:
      return closeParen(parser, clauses)
    case Frame.Fn:
      return closeFn(parser, clauses)
    case Frame.Do:
      return closeSection(parser, kind)
    case Frame.Interp:
      return closeInterpolation(parser)
    default:
      return closeFile(parser)
  }
}

function closeFile(parser: Parser): number {
  const { lexer, nodes } = parser
  const at = nodes.count === 0 ? lexer.firstBreak : NO_POSITION
  emit(nodes, Kind.File, 0, 0, lexer.length, at, 0)
  return Mode.Done
}

function closeInterpolation(parser: Parser): number {
  const { frames, frame } = parser
  const start = frames[frame + F_START] as number
  parser.next++
  emit(parser.nodes, Kind.Interpolation, frames[frame + F_NODE] as number, start, lastEnd(parser), start, 0)
  popFrame(parser)
  return Mode.Text
}

function closeFn(parser: Parser, clauses: boolean): number {
  const { frames, frame, nodes } = parser
  const start = frames[frame + F_START] as number
  if (!clauses && !isPutIn(parser, parser.next)) {
    problemAt(parser, 'fn_without_arrow', 'An anonymous function needs "->".', frames[frame + F_TOKEN] as number)
  }
  parser.next++
  emit(nodes, Kind.Fn, frames[frame + F_NODE] as number, start, lastEnd(parser), start, 0)
  popFrame(parser)
  return operand(parser, start, Class.Matched)
}

function closeParen(parser: Parser, clauses: boolean): number {
  const { frames, frame, nodes, tokens } = parser
  const node = frames[frame + F_NODE] as number
  const start = frames[frame + F_START] as number
  const head = frames[frame + F_MARK] === HEAD_PAREN
  const before = tokens.kind[parser.next - 1]
  if (before === Tok.Semi && tokens.value[parser.next - 1] === 1) {
    problemAt(parser, 'syntax_error', 'Remove this ";".', parser.next - 1)
  }
  const separated = (frames[frame + F_COUNT] as number) > 0
  parser.next++
  popFrame(parser)
  if (clauses) emit(nodes, Kind.ParenClauses, node, start, lastEnd(parser), start, 0)
  else if (nodes.count === node) {
    if (head && beginsArrow(parser)) return afterHeadParens(parser)
    if (!separated) checkEmptyGuard(parser)
    emit(nodes, Kind.Block, node, start, lastEnd(parser), separated ? start : NO_POSITION, 0)
  } else if (lastBegin(nodes) > node || isProtected(parser)) emit(nodes, Kind.Block, node, start, lastEnd(parser), start, 0)
  else if (nodes.kind[nodes.count - 1] === Kind.Block && nodes.at[nodes.count - 1] === NO_POSITION) {
    nodes.at[nodes.count - 1] = start
  }
  return operand(parser, start, Class.Matched)
}

/** `() when a` at the start of a statement that could be a clause must be one: an arrow has to follow. */
function checkEmptyGuard(parser: Parser): void {
  const { tokens, frames, frame, next } = parser
  const owner = frames[frame + F_KIND] as number
  if (owner < Frame.Paren || owner > Frame.Do || frames[frame + F_STATE] === Clause.Head) return
  if (tokens.kind[next] !== Tok.Op || tokens.value[next] !== Sym.when) return
  // Back over `()` to what is before it.
  const before = (tokens.kind[next - 3] as number) & KIND_MASK
  const begins = before <= Tok.Semi || before === Tok.Do || before === Tok.BlockId || before === Tok.Fn || before === Tok.LParen
  if (begins) problemAt(parser, 'guard_without_arrow', 'After a guard "->" must follow.', next)
}

function closeSection(parser: Parser, kind: number): number {
  const { frames, frame, nodes, tokens } = parser
  const section = frames[frame + F_EXTRA2] as number
  const start = tokens.start[section] as number
  const name = tokens.kind[section] === Tok.Do ? Sym.do : (tokens.value[section] as number)
  emit(nodes, Kind.Section, frames[frame + F_EXTRA] as number, start, lastEnd(parser), start, name)
  const token = parser.next++
  if (kind === Tok.BlockId) {
    frames[frame + F_EXTRA] = nodes.count
    frames[frame + F_EXTRA2] = token
    frames[frame + F_STATE] = Clause.None
    frames[frame + F_COUNT] = 0
    frames[frame + F_MARK] = -1
    return Mode.Start
  }
  const begin = frames[frame + F_START] as number
  emit(nodes, Kind.DoBlock, frames[frame + F_NODE] as number, begin, lastEnd(parser), begin, 0)
  popFrame(parser)
  const call = parser.frame
  const outer = parser.frames[call + F_START] as number
  if (parser.frames[call + F_KIND] === Frame.StrayBlock) {
    emit(nodes, Kind.Error, parser.frames[call + F_NODE] as number, outer, lastEnd(parser), outer, 0)
    popFrame(parser)
    return operand(parser, outer, Class.Unmatched)
  }
  finishCall(parser, Class.Unmatched, Operand.Other)
  return Mode.Operator
}
