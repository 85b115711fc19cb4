/**
 * What is between commas: arguments of calls with and without parentheses, elements of containers, keys and values of
 * maps.
 */

import { emit, lastBegin } from './node-stack.ts'
import { closeHeadArgs } from './parser-clauses.ts'
import { openDoBlock, openMap } from './parser-operand.ts'
import { ambiguousComma, operand, recover } from './parser-recover.ts'
import { finishCall, finishPair, reduce, wrapKeywords } from './parser-reduce.ts'
import { takeBar } from './parser-start.ts'
import {
  CallForm, Class, F_COUNT, F_EXTRA, F_EXTRA2, F_EXTRA3, F_KEYWORDS, F_KIND, F_MARK, F_NODE, F_OPERATORS, F_OUTER,
  F_PAIR, F_START, F_STATE, F_TOKEN, Frame, Mode, OPERATOR_SIZE, O_NAME, Operand, isPutIn, lastEnd, popFrame, problemAt,
} from './parser-state.ts'
import type { Parser } from './parser-state.ts'
import { KIND_MASK, Tok } from './tokens.ts'
import { Kind } from './tree.ts'
import { Sym } from './well-known.ts'

/** After an argument of a call without parentheses. */
export function endArgument(parser: Parser, kind: number): number {
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

/** After a keyword of a guard. */
export function endWhenKeyword(parser: Parser, kind: number): number {
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

/** After an element or argument in brackets. */
export function endElement(parser: Parser, owner: number, kind: number): number {
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
export function closeElements(parser: Parser, owner: number, empty: boolean): number {
  const { frames, frame, nodes } = parser
  const count = frames[frame + F_COUNT] as number
  const keywords = frames[frame + F_KEYWORDS] !== -1
  if (empty && count > 0 && !isPutIn(parser, parser.next) && (owner === Frame.HeadArgs || (owner === Frame.Args && !keywords))) {
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

/** After a key, value or element of a map. */
export function endInMap(parser: Parser, kind: number): number {
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
export function endStructName(parser: Parser, kind: number): number {
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
