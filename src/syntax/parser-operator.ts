/**
 * After an operand: binary operators, and what binds tighter than any of them, dots, brackets and a second pair of
 * parentheses.
 */

import { emit, lastBegin } from './node-stack.ts'
import { AT_POWER, binaryPower, DOT_POWER, reducePower } from './operators.ts'
import { endExpression } from './parser-end.ts'
import { nameOrCall, openArgs } from './parser-operand.ts'
import { reduce, reduceBefore, reduceTop } from './parser-reduce.ts'
import {
  CallForm, Class, F_EXTRA2, F_KIND, F_MARK, F_OPERATORS, Frame, Mode, O_POWER, Operand, OPERATOR_SIZE, problemAt,
  pushFrame, pushOperator,
} from './parser-state.ts'
import type { Parser } from './parser-state.ts'
import { internBytes, symbolBytes } from './symbols.ts'
import { KIND_MASK, Tok } from './tokens.ts'
import { Kind } from './tree.ts'
import { Sym } from './well-known.ts'

/** Reads what follows a complete operand; answers the next mode. */
export function parseOperator(parser: Parser): number {
  const token = parser.next
  const kind = (parser.tokens.kind[token] as number) & KIND_MASK
  switch (kind) {
    case Tok.Op:
    case Tok.Dual:
    case Tok.Ternary:
      return parseBinary(parser, token)
    case Tok.Dot:
      return parseDot(parser, token)
    case Tok.DotCall:
      return parseDotCall(parser, token)
    case Tok.LBracket:
      return parseAccess(parser, token, kind)
    case Tok.LParen:
      return parseSecondParens(parser, token)
    default:
      return checkStruct(parser, kind)
  }
}

function parseBinary(parser: Parser, token: number): number {
  const name = parser.tokens.value[token] as number
  if (parser.frames[parser.frame + F_KIND] === Frame.StructName) {
    problemAt(parser, 'struct_without_braces', 'After the name of a struct "{" must follow.', token)
  }
  const lower = reducePower[name] as number
  if (parser.nOperators > (parser.frames[parser.frame + F_OPERATORS] as number)) reduceBefore(parser, lower)
  const power = binaryPower[name] as number
  pushOperator(parser, name, token, power, lastBegin(parser.nodes), parser.operandStart, parser.operandClass)
  parser.next = token + 1
  if (name !== Sym.when) return Mode.Operand
  const next = (parser.tokens.kind[token + 1] as number) & KIND_MASK
  if (next !== Tok.Kw && next !== Tok.KwTextBegin) return Mode.Operand
  pushFrame(parser, Frame.WhenKeywords, token + 1, parser.nodes.count, parser.tokens.start[token + 1] as number)
  return Mode.Operand
}

/** Only a complete operand can be followed by a dot or bracket; a do-block cannot. */
function checkReceiver(parser: Parser, token: number): void {
  if (parser.operandClass === Class.Matched) return
  problemAt(parser, 'syntax_error', 'This cannot follow a do-block or a call without parentheses.', token)
}

function parseDot(parser: Parser, token: number): number {
  checkReceiver(parser, token)
  reduce(parser, DOT_POWER + 1)
  const { tokens, nodes } = parser
  const name = token + 1
  const kind = (tokens.kind[name] as number) & KIND_MASK
  const at = tokens.start[token] as number
  if (kind >= Tok.Ident && kind <= Tok.DoIdent) {
    const receiverEnd = nodes.count
    const mode = nameOrCall(parser, name, kind, CallForm.Remote, lastBegin(nodes), parser.operandStart, at)
    if (parser.frames[parser.frame + F_KIND] === Frame.NoParensCall && mode === Mode.Start) {
      parser.frames[parser.frame + F_MARK] = receiverEnd
    }
    return mode
  }
  if (kind === Tok.Alias) return parseDotAlias(parser, name, at)
  if (kind === Tok.LBrace) {
    const frame = pushFrame(parser, Frame.MultiAlias, name, lastBegin(nodes), parser.operandStart)
    parser.frames[frame + F_EXTRA2] = at
    parser.next = name + 1
    return Mode.Start
  }
  problemAt(parser, 'syntax_error', 'After a dot a name must follow.', token)
  parser.next = name
  return Mode.Operator
}

function parseDotAlias(parser: Parser, name: number, at: number): number {
  const { tokens, nodes, lexer } = parser
  parser.next = name + 1
  const last = nodes.count - 1
  const end = tokens.end[name] as number
  const symbol = tokens.value[name] as number
  if (nodes.kind[last] === Kind.Alias || nodes.kind[last] === Kind.DotAlias) {
    const left = symbolBytes(lexer.symbols, nodes.payload[last] as number, lexer.source)
    const right = symbolBytes(lexer.symbols, symbol, lexer.source)
    const bytes = new Uint8Array(left.length + 1 + right.length)
    bytes.set(left)
    bytes[left.length] = 46
    bytes.set(right, left.length + 1)
    nodes.payload[last] = internBytes(lexer.symbols, lexer.source, bytes)
    nodes.end[last] = end
  } else {
    if (nodes.kind[last] === Kind.Atom) problemAt(parser, 'atom_alias', 'An atom cannot be followed by an alias.', name)
    emit(nodes, Kind.DotAlias, lastBegin(nodes), parser.operandStart, end, at, symbol)
  }
  parser.operandClass = Class.Matched
  parser.operandType = Operand.Other
  return Mode.Operator
}

function parseDotCall(parser: Parser, token: number): number {
  checkReceiver(parser, token)
  reduce(parser, DOT_POWER + 1)
  parser.next = token + 2
  const at = parser.tokens.start[token] as number
  return openArgs(parser, token, CallForm.Anonymous, lastBegin(parser.nodes), parser.operandStart, at)
}

function parseAccess(parser: Parser, token: number, kind: number): number {
  if (parser.operandClass !== Class.Matched) return endExpression(parser)
  if (kind !== Tok.LBracket) return endExpression(parser)
  // `@name[key]`: the attribute binds tighter, but only one.
  const top = parser.nOperators - 1
  if (top >= (parser.frames[parser.frame + F_OPERATORS] as number)) {
    if (parser.operators[top * OPERATOR_SIZE + O_POWER] === AT_POWER) reduceTop(parser)
  }
  const frame = pushFrame(parser, Frame.Access, token, lastBegin(parser.nodes), parser.operandStart)
  parser.frames[frame + F_EXTRA2] = parser.tokens.start[token] as number
  parser.next = token + 1
  return Mode.Start
}

function parseSecondParens(parser: Parser, token: number): number {
  if (parser.operandType !== Operand.Call || parser.operandClass !== Class.Matched) return endExpression(parser)
  const { nodes } = parser
  parser.next = token + 1
  const at = nodes.at[nodes.count - 1] as number
  return openArgs(parser, token, CallForm.Twice, lastBegin(nodes), parser.operandStart, at)
}

/** Before the braces of a struct: whether what was read can name one. */
function checkStruct(parser: Parser, kind: number): number {
  if (kind === Tok.LBrace && parser.frames[parser.frame + F_KIND] === Frame.StructName) {
    const { nodes, lexer, operandType } = parser
    const node = nodes.kind[nodes.count - 1] as number
    const named = node === Kind.Alias || node === Kind.DotAlias || node === Kind.MultiAlias || node === Kind.Atom
    const plain = lexer.source[parser.operandStart] !== 40 && (named || operandType !== Operand.Other)
    const word = lexer.source[parser.operandStart] as number
    const literal = node === Kind.Atom && word !== 58
    if (!plain || literal || parser.operandClass !== Class.Matched) {
      problemAt(parser, 'struct_name', 'This cannot name a struct.', parser.next)
    }
  }
  return endExpression(parser)
}

