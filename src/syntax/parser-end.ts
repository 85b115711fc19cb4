/**
 * The end of an expression: what its construct makes of the token that follows, and what remains when the construct closes.
 */

import { emit, lastBegin } from './node-stack.ts'
import { finishCall, finishPair, reduce, wrapKeywords } from './parser-reduce.ts'
import { isProtected, openDoBlock, openMap } from './parser-operand.ts'
import { HEAD_PAREN, takeBar } from './parser-start.ts'
import {
  CallForm, Class, Clause, F_COUNT, F_EXTRA, F_EXTRA2, F_EXTRA3, F_FIRST_KEYWORD, F_KEYWORDS, F_KIND, F_MARK, F_NODE, F_OPERATORS, F_OUTER, F_PAIR,
  F_PAIR_NODE, F_START, F_STATE, F_TOKEN, Frame, lastEnd, Mode, O_NAME, Operand, OPERATOR_SIZE, popFrame,
  problemAt, pushFrame,
} from './parser-state.ts'
import type { Parser } from './parser-state.ts'
import { CLAUSE, KIND_MASK, Tok } from './tokens.ts'
import { Kind } from './tree.ts'
import { NO_POSITION } from './node-stack.ts'
import { Sym } from './well-known.ts'

const ambiguousComma = 'This call needs parentheses: it is not clear which arguments belong to it.'

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

/** The token cannot follow: it begins something new, or is left out. */
function recover(parser: Parser, kind: number): number {
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
function leaveOut(parser: Parser, kind: number): number {
  problemAt(parser, 'syntax_error', 'This cannot stand here.', parser.next)
  if (kind === Tok.Do) {
    pushFrame(parser, Frame.StrayBlock, parser.next, parser.nodes.count, parser.tokens.start[parser.next] as number)
    return openDoBlock(parser)
  }
  parser.next++
  return Mode.Start
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

/** The last argument of a clause head, if it is `argument when guard`, becomes argument and Guard. */
function takeGuard(parser: Parser): void {
  const { nodes } = parser
  const last = nodes.count - 1
  if (nodes.kind[last] !== Kind.BinaryOp || nodes.payload[last] !== Sym.when) return
  nodes.kind[last] = Kind.Guard
  nodes.payload[last] = 0
  nodes.start[last] = nodes.at[last] as number
  nodes.size[last] = (nodes.size[last - 1] as number) + 1
}

/** The arrow is next: completes the head. */
function endHeadArgs(parser: Parser): number {
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

function finishClause(parser: Parser): void {
  const { frames, frame, nodes } = parser
  const arrow = frames[frame + F_PAIR_NODE] as number
  const start = frames[frame + F_EXTRA3] as number
  const end = Math.max(arrow + 2, nodes.end[nodes.count - 1] as number)
  emit(nodes, Kind.Clause, frames[frame + F_MARK] as number, start, end, arrow, 0)
  frames[frame + F_STATE] = Clause.None
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
  if (!clauses) problemAt(parser, 'fn_without_arrow', 'An anonymous function needs "->".', frames[frame + F_TOKEN] as number)
  parser.next++
  emit(nodes, Kind.Fn, frames[frame + F_NODE] as number, start, lastEnd(parser), start, 0)
  popFrame(parser)
  return operand(parser, start, Class.Matched)
}

function operand(parser: Parser, start: number, resultClass: number): number {
  parser.operandClass = resultClass
  parser.operandStart = start
  parser.operandType = Operand.Other
  return Mode.Operator
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
    emit(nodes, Kind.Block, node, start, lastEnd(parser), separated ? start : NO_POSITION, 0)
  } else if (lastBegin(nodes) > node || isProtected(parser)) emit(nodes, Kind.Block, node, start, lastEnd(parser), start, 0)
  else if (nodes.kind[nodes.count - 1] === Kind.Block && nodes.at[nodes.count - 1] === NO_POSITION) {
    nodes.at[nodes.count - 1] = start
  }
  return operand(parser, start, Class.Matched)
}

/** Whether `->` or `when` is next, so that parentheses before it hold the arguments of a clause. */
function beginsArrow(parser: Parser): boolean {
  const { tokens, frames, frame } = parser
  if (frames[frame + F_STATE] !== Clause.Head || frames[frame + F_COUNT] !== 0) return false
  const kind = tokens.kind[parser.next]
  return kind === Tok.Stab || (kind === Tok.Op && tokens.value[parser.next] === Sym.when)
}

/** The arguments of a clause were in parentheses; the arrow or a guard is next. */
function afterHeadParens(parser: Parser): number {
  const { tokens, frames, frame } = parser
  if (tokens.kind[parser.next] === Tok.Stab) return endHeadArgs(parser)
  frames[frame + F_STATE] = Clause.Guard
  frames[frame + F_KEYWORDS] = -1
  frames[frame + F_FIRST_KEYWORD] = parser.next
  frames[frame + F_PAIR_NODE] = parser.nodes.count
  parser.next++
  return Mode.Operand
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

// Calls without parentheses

function endArgument(parser: Parser, kind: number): number {
  const { frames, frame } = parser
  const keywords = frames[frame + F_KEYWORDS] !== -1
  const count = (frames[frame + F_COUNT] as number) + 1
  frames[frame + F_COUNT] = count
  // A call without parentheses may be the only argument, never one of several.
  if (!keywords && parser.operandClass !== Class.Matched) {
    frames[frame + F_STATE] = 1
    if (parser.operandClass === Class.Unmatched) problemAt(parser, 'ambiguous_call', ambiguousComma, parser.next)
  }
  if (frames[frame + F_STATE] === 1 && (count > 1 || kind === Tok.Comma)) {
    problemAt(parser, 'ambiguous_call', ambiguousComma, parser.next)
  }
  if (kind === Tok.Comma) {
    parser.next++
    const next = (parser.tokens.kind[parser.next] as number) & KIND_MASK
    if (keywords && next !== Tok.Kw && next !== Tok.KwTextBegin) {
      problemAt(parser, 'keyword_not_last', 'Keywords must come last; put brackets around them.', parser.next)
    }
    return Mode.Operand
  }
  if (kind >= Tok.LBracket) return recover(parser, kind)
  const onlyKeywords = keywords && frames[frame + F_KEYWORDS] === firstArgument(parser)
  wrapKeywords(parser)
  if (kind === Tok.Do && parser.openCalls === 1) return openDoBlock(parser)
  const single = onlyKeywords || count === 1
  const matched = single && frames[frame + F_STATE] !== 1
  finishCall(parser, matched ? Class.Matched : Class.NoParens, matched ? Operand.Element : Operand.Other)
  return Mode.Operator
}

/** First node after the receiver of the call of this frame. */
function firstArgument(parser: Parser): number {
  const { frames, frame } = parser
  if (frames[frame + F_EXTRA] === CallForm.Local) return frames[frame + F_NODE] as number
  return frames[frame + F_MARK] as number
}

function endWhenKeyword(parser: Parser, kind: number): number {
  if (kind === Tok.Comma) {
    const next = (parser.tokens.kind[++parser.next] as number) & KIND_MASK
    if (next !== Tok.Kw && next !== Tok.KwTextBegin) {
      problemAt(parser, 'keyword_not_last', 'Keywords must come last; put brackets around them.', parser.next)
    }
    return Mode.Operand
  }
  if (kind >= Tok.LBracket) return recover(parser, kind)
  const start = parser.frames[parser.frame + F_START] as number
  wrapKeywords(parser)
  popFrame(parser)
  return operand(parser, start, Class.NoParens)
}

// Elements

function endElement(parser: Parser, owner: number, kind: number): number {
  const { frames, frame } = parser
  const count = (frames[frame + F_COUNT] as number) + 1
  checkElement(parser, owner, kind, count)
  if (kind === Tok.Comma) {
    frames[frame + F_COUNT] = count
    parser.next++
    if (owner === Frame.Access && frames[frame + F_KEYWORDS] === -1) {
      if (parser.tokens.kind[parser.next] !== Tok.RBracket) {
        problemAt(parser, 'access_arguments', 'Access takes one key.', parser.next)
      }
    }
    return Mode.Start
  }
  if (kind >= Tok.RParen && kind <= Tok.RBit) {
    frames[frame + F_COUNT] = count
    return closeElements(parser, owner, false)
  }
  frames[frame + F_COUNT] = count
  return recover(parser, kind)
}

/** Whether the element just read may be one, by its class. */
function checkElement(parser: Parser, owner: number, kind: number, count: number): void {
  const { frames, frame } = parser
  if (parser.operandClass === Class.Matched) return
  const keyword = frames[frame + F_KEYWORDS] !== -1
  if (parser.operandClass === Class.Unmatched) {
    if (owner === Frame.HeadArgs) problemAt(parser, 'ambiguous_call', ambiguousComma, parser.next)
    return
  }
  // Only a sole argument in parentheses may be a call without its own.
  if (owner === Frame.Args && !keyword && count === 1 && kind === Tok.RParen) return
  if (owner === Frame.HeadArgs && keyword) return
  problemAt(parser, 'ambiguous_call', ambiguousComma, parser.next)
}

/** Closes brackets; `empty` if nothing, or a comma, is directly before. */
function closeElements(parser: Parser, owner: number, empty: boolean): number {
  const { frames, frame, nodes } = parser
  const count = frames[frame + F_COUNT] as number
  const keywords = frames[frame + F_KEYWORDS] !== -1
  if (empty && count > 0 && (owner === Frame.HeadArgs || (owner === Frame.Args && !keywords))) {
    problemAt(parser, 'trailing_comma', 'A comma cannot end arguments.', parser.next - 1)
  }
  const node = frames[frame + F_NODE] as number
  const start = frames[frame + F_START] as number
  if (owner === Frame.Map) return closeMap(parser)
  if (owner === Frame.Access && count === 0) problemAt(parser, 'access_arguments', 'Access takes one key.', parser.next)
  if (owner !== Frame.List) wrapKeywords(parser)
  parser.next++
  if (owner === Frame.Args) return closeArgs(parser)
  const at = frames[frame + F_EXTRA2] as number
  const end = lastEnd(parser)
  popFrame(parser)
  switch (owner) {
    case Frame.List:
      emit(nodes, Kind.List, node, start, end, start, 0)
      break
    case Frame.Tuple:
      emit(nodes, Kind.Tuple, node, start, end, start, 0)
      break
    case Frame.Bit:
      emit(nodes, Kind.Bitstring, node, start, end, start, 0)
      break
    case Frame.Access:
      emit(nodes, Kind.Access, node, start, end, at, 0)
      break
    case Frame.MultiAlias:
      emit(nodes, Kind.MultiAlias, node, start, end, at, 0)
      break
    default:
      return closeHeadArgs(parser)
  }
  return operand(parser, start, Class.Matched)
}

function closeHeadArgs(parser: Parser): number {
  if (beginsArrow(parser)) return afterHeadParens(parser)
  problemAt(parser, 'syntax_error', 'Only the head of a clause can have several arguments in parentheses here.', parser.next)
  return operand(parser, parser.tokens.start[parser.next] as number, Class.Matched)
}

/** The parentheses of a call close: a do-block of its own, or a second pair, may follow. */
function closeArgs(parser: Parser): number {
  const { frames, frame, tokens } = parser
  const outer = frames[frame + F_OUTER] as number
  if (((tokens.kind[parser.next] as number) & KIND_MASK) === Tok.Do && outer === 0) {
    frames[frame + F_KIND] = Frame.CallWithBlock
    return openDoBlock(parser)
  }
  const type = frames[frame + F_EXTRA] === CallForm.Twice ? Operand.CallTwice : Operand.Call
  finishCall(parser, Class.Matched, type)
  return Mode.Operator
}

// Maps

function endInMap(parser: Parser, kind: number): number {
  const { frames, frame, nodes, tokens } = parser
  takeUpdate(parser, kind)
  reduce(parser, 0)
  if (kind === Tok.Assoc && frames[frame + F_EXTRA2] === -1 && frames[frame + F_PAIR] === -1) {
    if (parser.operandClass === Class.NoParens) problemAt(parser, 'ambiguous_call', ambiguousComma, parser.next)
    frames[frame + F_EXTRA] = lastBegin(nodes)
    frames[frame + F_MARK] = parser.operandStart
    frames[frame + F_EXTRA2] = parser.next++
    return Mode.Operand
  }
  const arrow = frames[frame + F_EXTRA2] as number
  if (arrow !== -1) {
    const start = frames[frame + F_MARK] as number
    emit(nodes, Kind.Assoc, frames[frame + F_EXTRA] as number, start, lastEnd(parser), tokens.start[arrow] as number, 0)
    frames[frame + F_EXTRA2] = -1
  } else if (frames[frame + F_PAIR] !== -1) finishPair(parser)
  else if (parser.operandType === Operand.Other || parser.operandClass !== Class.Matched) {
    problemAt(parser, 'map_without_arrow', 'An element of a map is "key => value" or "key: value".', parser.next)
  }
  return endElement(parser, Frame.Map, kind)
}

/** `base | …` in the first element of a map: the bar is the update's, if it is the outermost operator of the key. */
function takeUpdate(parser: Parser, kind: number): void {
  const { frames, frame, operators } = parser
  if (frames[frame + F_COUNT] !== 0 || frames[frame + F_EXTRA2] !== -1 || frames[frame + F_EXTRA3] !== -1) return
  const floor = frames[frame + F_OPERATORS] as number
  if (parser.nOperators === floor || frames[frame + F_PAIR] !== -1) return
  if (operators[floor * OPERATOR_SIZE + O_NAME] !== Sym['|']) return
  if (kind !== Tok.Assoc && kind !== Tok.Comma && kind !== Tok.RBrace) return
  if (operators[floor * OPERATOR_SIZE + 5] === -1) return
  while (parser.nOperators > floor + 1) reduceInner(parser)
  takeBar(parser)
}

function reduceInner(parser: Parser): void {
  const { frames, frame } = parser
  const floor = frames[frame + F_OPERATORS] as number
  frames[frame + F_OPERATORS] = floor + 1
  reduce(parser, 0)
  frames[frame + F_OPERATORS] = floor
}

function closeMap(parser: Parser): number {
  const { frames, frame, nodes, tokens } = parser
  const node = frames[frame + F_NODE] as number
  const start = frames[frame + F_START] as number
  const brace = tokens.start[frames[frame + F_TOKEN] as number] as number
  const bar = frames[frame + F_EXTRA3] as number
  const named = frames[frame + F_STATE] === 1
  if (bar !== -1) {
    const at = tokens.start[bar] as number
    emit(nodes, Kind.MapUpdate, node, nodes.start[node] as number, lastEnd(parser), at, 0)
  }
  parser.next++
  const end = lastEnd(parser)
  emit(nodes, Kind.Map, node, start, end, brace, 0)
  popFrame(parser)
  if (!named) return operand(parser, start, Class.Matched)
  const outer = parser.frames[parser.frame + F_START] as number
  emit(nodes, Kind.Struct, parser.frames[parser.frame + F_NODE] as number, outer, end, outer, 0)
  popFrame(parser)
  return operand(parser, outer, Class.Matched)
}

/** After the name of a struct its braces must follow, on the next line at the latest. */
function endStructName(parser: Parser, kind: number): number {
  const { tokens } = parser
  const brace = kind === Tok.Eol ? parser.next + 1 : parser.next
  if (((tokens.kind[brace] as number) & KIND_MASK) === Tok.LBrace) {
    const mode = openMap(parser, brace, tokens.start[brace] as number)
    parser.frames[parser.frame + F_STATE] = 1
    return mode
  }
  problemAt(parser, 'struct_without_braces', 'After the name of a struct "{" must follow.', parser.next)
  const { frames, frame } = parser
  const start = frames[frame + F_START] as number
  emit(parser.nodes, Kind.Error, frames[frame + F_NODE] as number, start, lastEnd(parser), start, 0)
  popFrame(parser)
  return operand(parser, start, Class.Matched)
}
