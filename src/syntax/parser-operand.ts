/**
 * Operands: what one token begins, up to the point where an operator could follow. Brackets, calls and blocks open a frame
 * and are completed when it closes.
 */

import { emit, lastBegin, lastChildren } from './node-stack.ts'
import { AT_POWER, CAPTURE_POWER, DOT_POWER, UNARY_POWER } from './operators.ts'
import {
  CallForm, Class, F_EXTRA, F_EXTRA2, F_KIND, F_NODE, F_OPERATORS, F_START, F_TOKEN, Frame, lastEnd, leaf, Mode, O_POWER,
  Operand, OPERATOR_SIZE, popFrame,
  problemAt, pushFrame, pushOperator,
} from './parser-state.ts'
import type { Parser } from './parser-state.ts'
import { reduce } from './parser-reduce.ts'
import { acceptKeyword, acceptTextKeyword } from './parser-start.ts'
import { hashRange, intern } from './symbols.ts'
import { KIND_MASK, Tok } from './tokens.ts'
import { Kind, StringFlag } from './tree.ts'
import { Sym } from './well-known.ts'

/** Reads an operand; answers the next mode. */
export function parseOperand(parser: Parser): number {
  const { tokens } = parser
  const token = parser.next
  const kind = (tokens.kind[token] as number) & KIND_MASK
  if (kind >= Tok.Ident && kind <= Tok.DoIdent) return parseName(parser, token, kind)
  if (kind >= Tok.Alias && kind <= Tok.Charlist) return parseSimple(parser, token, kind)
  switch (kind) {
    case Tok.LParen:
      return open(parser, Frame.Paren, token)
    case Tok.LBracket:
      return open(parser, Frame.List, token)
    case Tok.LBrace:
      return open(parser, Frame.Tuple, token)
    case Tok.LBit:
      return open(parser, Frame.Bit, token)
    case Tok.Fn:
      return open(parser, Frame.Fn, token)
    case Tok.PercentBrace:
      return openMap(parser, token + 1, tokens.start[token] as number)
    case Tok.TextBegin:
    case Tok.KwTextBegin:
      pushFrame(parser, Frame.Text, token, parser.nodes.count, tokens.start[token] as number)
      parser.next++
      return Mode.Text
    default:
      return parseUnary(parser, token, kind)
  }
}

function open(parser: Parser, frame: number, token: number): number {
  pushFrame(parser, frame, token, parser.nodes.count, parser.tokens.start[token] as number)
  parser.next++
  return Mode.Start
}

/** Opens the braces at `token` of a map that begins at `start`. */
export function openMap(parser: Parser, token: number, start: number): number {
  const frame = pushFrame(parser, Frame.Map, token, parser.nodes.count, start)
  parser.frames[frame + F_EXTRA2] = -1
  parser.next = token + 1
  return Mode.Start
}

function parseSimple(parser: Parser, token: number, kind: number): number {
  const value = parser.tokens.value[token] as number
  if (kind === Tok.Kw) return acceptKeyword(parser, token)
  parser.next++
  switch (kind) {
    case Tok.Alias:
      if (afterAt(parser)) return parseAttributeAlias(parser, token)
      leaf(parser, Kind.Alias, token, value)
      break
    case Tok.Atom:
    case Tok.Literal:
      leaf(parser, Kind.Atom, token, value)
      break
    case Tok.Int:
      leaf(parser, Kind.Integer, token, 0)
      break
    case Tok.Float:
      leaf(parser, Kind.Float, token, 0)
      break
    case Tok.Char:
      leaf(parser, Kind.Char, token, 0)
      break
    case Tok.Str:
      leaf(parser, Kind.String, token, value)
      break
    default:
      leaf(parser, Kind.Charlist, token, value)
  }
  return Mode.Operator
}

function afterAt(parser: Parser): boolean {
  if (parser.nOperators === parser.frames[parser.frame + F_OPERATORS]) return false
  return parser.operators[(parser.nOperators - 1) * OPERATOR_SIZE + O_POWER] === AT_POWER
}

/** `@Foo.Bar`: the sign binds tighter than the dot. */
function parseAttributeAlias(parser: Parser, token: number): number {
  const { tokens, nodes, lexer } = parser
  const { source, symbols } = lexer
  const start = tokens.start[token] as number
  const end = tokens.end[token] as number
  const dot = source.subarray(0, end).indexOf(46, start)
  if (dot < 0) {
    leaf(parser, Kind.Alias, token, tokens.value[token] as number)
    return Mode.Operator
  }
  leaf(parser, Kind.Alias, token, intern(symbols, source, start, dot, hashRange(source, start, dot)))
  nodes.end[nodes.count - 1] = dot
  reduce(parser, DOT_POWER + 1)
  nodes.end[nodes.count - 1] = dot
  const rest = intern(symbols, source, dot + 1, end, hashRange(source, dot + 1, end))
  emit(nodes, Kind.DotAlias, lastBegin(nodes), parser.operandStart, end, dot, rest)
  return Mode.Operator
}

function parseUnary(parser: Parser, token: number, kind: number): number {
  const { tokens } = parser
  const start = tokens.start[token] as number
  const name = tokens.value[token] as number
  switch (kind) {
    case Tok.Dual:
    case Tok.Unary:
    case Tok.Ternary:
      pushOperator(parser, name, token, UNARY_POWER, parser.nodes.count, start, -1)
      break
    case Tok.At:
      pushOperator(parser, name, token, AT_POWER, parser.nodes.count, start, -1)
      break
    case Tok.Capture:
      if (((tokens.kind[token + 1] as number) & KIND_MASK) === Tok.Int) return captureNumber(parser, token)
      pushOperator(parser, name, token, CAPTURE_POWER, parser.nodes.count, start, -1)
      break
    case Tok.Percent:
      pushFrame(parser, Frame.StructName, token, parser.nodes.count, start)
      break
    case Tok.Nullary:
      parser.next++
      leaf(parser, Kind.NullaryOp, token, name)
      return Mode.Operator
    default:
      return missingOperand(parser, token, kind)
  }
  parser.next++
  return Mode.Operand
}

/** `&1`, which binds tighter than any other capture. */
function captureNumber(parser: Parser, token: number): number {
  leaf(parser, Kind.Integer, token + 1, 0)
  parser.next += 2
  const start = parser.tokens.start[token] as number
  emit(parser.nodes, Kind.UnaryOp, parser.nodes.count - 1, start, lastEnd(parser), start, Sym['&'])
  parser.operandStart = start
  return Mode.Operator
}

/** What is there cannot begin an operand: an Error node of no width stands in for it. */
function missingOperand(parser: Parser, token: number, kind: number): number {
  const message = kind === Tok.Eof ? 'The file ends where an expression is expected.' : 'Expected an expression before this.'
  problemAt(parser, 'syntax_error', message, token)
  const start = parser.tokens.start[token] as number
  emit(parser.nodes, Kind.Error, parser.nodes.count, start, start, start, 0)
  parser.operandClass = Class.Matched
  parser.operandStart = start
  parser.operandType = Operand.Other
  // What begins an operand elsewhere only is used up, so that reading goes on.
  if (kind >= Tok.LBracket) parser.next++
  return Mode.Operator
}

/** Whether a token of this kind after a name is its first argument. */
const beginsArgument = new Uint8Array(128)
for (let kind: number = Tok.LBracket; kind < Tok.Nullary; kind++) beginsArgument[kind] = 1

function parseName(parser: Parser, token: number, kind: number): number {
  const start = parser.tokens.start[token] as number
  return nameOrCall(parser, token, kind, CallForm.Local, parser.nodes.count, start, start)
}

/** A name, alone or as a call; `node` and `start` begin the whole of it, its receiver included. */
export function nameOrCall(
  parser: Parser, token: number, kind: number, form: number, node: number, start: number, at: number,
): number {
  const { tokens } = parser
  parser.next = token + 1
  if (kind === Tok.Ident || kind === Tok.OpIdent) {
    const follows = (tokens.kind[token + 1] as number) & KIND_MASK
    const structName = parser.frames[parser.frame + F_KIND] === Frame.StructName
    if ((beginsArgument[follows] === 1 && !structName) || kind === Tok.OpIdent) {
      const frame = pushFrame(parser, Frame.NoParensCall, token, node, start)
      parser.frames[frame + F_EXTRA] = form
      parser.frames[frame + F_EXTRA2] = at
      return Mode.Start
    }
  } else if (kind === Tok.ParenIdent) {
    parser.next = token + 2
    return openArgs(parser, token, form, node, start, at)
  } else if (kind === Tok.DoIdent && parser.openCalls === 0) {
    const frame = pushFrame(parser, Frame.CallWithBlock, token, node, start)
    parser.frames[frame + F_EXTRA] = form
    parser.frames[frame + F_EXTRA2] = at
    return openDoBlock(parser)
  }
  const end = tokens.end[token] as number
  const name = tokens.value[token] as number
  emit(parser.nodes, form === CallForm.Local ? Kind.Variable : Kind.Field, node, start, end, at, name)
  parser.operandClass = Class.Matched
  parser.operandStart = start
  parser.operandType = kind === Tok.BracketIdent ? Operand.Other : Operand.Element
  return Mode.Operator
}

/** Opens the arguments in parentheses, the first of which is next, of a call. */
export function openArgs(
  parser: Parser, token: number, form: number, node: number, start: number, at: number,
): number {
  const frame = pushFrame(parser, Frame.Args, token, node, start)
  parser.frames[frame + F_EXTRA] = form
  parser.frames[frame + F_EXTRA2] = at
  return Mode.Start
}

/** Opens the do-block that is next; the frame below it is its call. */
export function openDoBlock(parser: Parser): number {
  const token = parser.next++
  const frame = pushFrame(parser, Frame.Do, token, parser.nodes.count, parser.tokens.start[token] as number)
  parser.frames[frame + F_EXTRA] = parser.nodes.count
  parser.frames[frame + F_EXTRA2] = token
  return Mode.Start
}

/** A part of a text, or its end. */
export function parseText(parser: Parser): number {
  const { tokens, frames, frame } = parser
  const token = parser.next++
  switch (tokens.kind[token]) {
    case Tok.TextPart:
      leaf(parser, Kind.StringPart, token, tokens.value[token] as number)
      return Mode.Text
    case Tok.InterpBegin:
      pushFrame(parser, Frame.Interp, token, parser.nodes.count, tokens.start[token] as number)
      return Mode.Start
    default:
  }
  const begin = frames[frame + F_TOKEN] as number
  const start = frames[frame + F_START] as number
  const kind = tokens.value[begin] as number
  const node = frames[frame + F_NODE] as number
  emit(parser.nodes, kind, node, start, tokens.end[token] as number, start, textPayload(parser, kind, start, token))
  popFrame(parser)
  if (tokens.kind[token] === Tok.KwTextEnd) return acceptTextKeyword(parser, begin, node)
  parser.operandClass = Class.Matched
  parser.operandStart = start
  parser.operandType = Operand.Other
  return Mode.Operator
}

function textPayload(parser: Parser, kind: number, start: number, token: number): number {
  if (kind === Kind.Sigil) return parser.tokens.value[token] as number
  if (kind === Kind.InterpolatedAtom) return 0
  const { source } = parser.lexer
  return source[start + 1] === source[start] && source[start + 2] === source[start] ? StringFlag.Heredoc : 0
}

/** Whether the last node is one that parentheses keep apart from its surroundings. */
export function isProtected(parser: Parser): boolean {
  const { nodes } = parser
  const last = nodes.count - 1
  const payload = nodes.payload[last]
  if (parser.operandType === Operand.Negation) return true
  return nodes.kind[last] === Kind.Call && payload === Sym.unquote_splicing && lastChildren(nodes, 2) === 1
}

