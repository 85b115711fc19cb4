/**
 * Completing what is on the parser's stacks: operators, keyword pairs, calls.
 */

import { emit, lastBegin } from './node-stack.ts'
import {
  CallForm, Class, F_EXTRA, F_EXTRA2, F_FIRST_KEYWORD, F_KEYWORDS, F_NODE, F_OPERATORS, F_PAIR, F_PAIR_NODE, F_START,
  F_TOKEN, lastEnd, O_CLASS, O_NAME, O_NODE, O_START, O_TOKEN, O_TYPE, Operand, OPERATOR_SIZE, popFrame, problemAt, O_POWER,
} from './parser-state.ts'
import type { Parser } from './parser-state.ts'
import { Kind } from './tree.ts'
import { Sym } from './well-known.ts'

/** Completes the operators of this frame whose power is at least `power`. */
export function reduce(parser: Parser, power: number): void {
  const floor = parser.frames[parser.frame + F_OPERATORS] as number
  while (parser.nOperators > floor) {
    const top = (parser.nOperators - 1) * OPERATOR_SIZE
    if ((parser.operators[top + O_POWER] as number) < power) return
    reduceTop(parser)
  }
}

/**
 * Completes what a binary operator of this power has on its left. A unary operator whose operand ends in a do-block is not
 * complete: `-f do … end + 1` is `-(f do … end + 1)`, whatever the powers.
 */
export function reduceBefore(parser: Parser, power: number): void {
  const floor = parser.frames[parser.frame + F_OPERATORS] as number
  while (parser.nOperators > floor) {
    const top = (parser.nOperators - 1) * OPERATOR_SIZE
    if ((parser.operators[top + O_POWER] as number) < power) return
    if (parser.operandClass === Class.Unmatched && parser.operators[top + O_CLASS] === -1) return
    reduceTop(parser)
  }
}

/** Completes the innermost operator: its operands are the last nodes. */
export function reduceTop(parser: Parser): void {
  const { operators, nodes } = parser
  const top = --parser.nOperators * OPERATOR_SIZE
  const name = operators[top + O_NAME] as number
  const start = operators[top + O_START] as number
  const left = operators[top + O_CLASS] as number
  const at = parser.tokens.start[operators[top + O_TOKEN] as number] as number
  const binary = left >= 0
  if (binary) {
    if (name === Sym['//']) checkStep(parser, operators[top + O_TOKEN] as number)
    if (left !== Class.Matched) parser.operandClass = Class.Unmatched
  }
  const leftType = binary ? (operators[top + O_TYPE] as number) : Operand.Other
  emit(nodes, binary ? Kind.BinaryOp : Kind.UnaryOp, operators[top + O_NODE] as number, start, lastEnd(parser), at, name)
  parser.operandStart = start
  parser.operandType = isNegation(name, binary, leftType) ? Operand.Negation : Operand.Other
}

function isNegation(name: number, binary: boolean, leftType: number): boolean {
  if (!binary) return name === Sym.not || name === Sym['!']
  return name === Sym['not in'] || (name === Sym.in && leftType === Operand.Negation)
}

function checkStep(parser: Parser, token: number): void {
  const left = lastBegin(parser.nodes) - 1
  if (parser.nodes.kind[left] === Kind.BinaryOp && parser.nodes.payload[left] === Sym['..']) return
  problemAt(parser, 'range_step', 'The step operator "//" must follow a range "first..last".', token)
}

/** Completes the pair whose value was just read, if there is one. */
export function finishPair(parser: Parser): void {
  const { frames, frame, tokens, nodes } = parser
  const token = frames[frame + F_PAIR] as number
  if (token === -1) return
  const first = frames[frame + F_PAIR_NODE] as number
  if (token >= 0) {
    const start = tokens.start[token] as number
    emit(nodes, Kind.Pair, first, start, lastEnd(parser), start, tokens.value[token] as number)
  } else {
    const start = tokens.start[-2 - token] as number
    emit(nodes, Kind.DynamicPair, first, start, lastEnd(parser), start, 0)
  }
  frames[frame + F_PAIR] = -1
}

/** Wraps the trailing keywords of this frame, if any, in one node. */
export function wrapKeywords(parser: Parser): void {
  const { frames, frame, tokens } = parser
  const first = frames[frame + F_KEYWORDS] as number
  if (first < 0) return
  const start = tokens.start[frames[frame + F_FIRST_KEYWORD] as number] as number
  emit(parser.nodes, Kind.Keywords, first, start, lastEnd(parser), start, 0)
  frames[frame + F_KEYWORDS] = -1
}

/** Completes the call that this frame stands for, and closes the frame. */
export function finishCall(parser: Parser, resultClass: number, type: number): void {
  const { frames, frame, tokens, nodes } = parser
  const token = frames[frame + F_TOKEN] as number
  const node = frames[frame + F_NODE] as number
  const start = frames[frame + F_START] as number
  const end = lastEnd(parser)
  const at = frames[frame + F_EXTRA2] as number
  switch (frames[frame + F_EXTRA]) {
    case CallForm.Local:
      emit(nodes, Kind.Call, node, start, end, at, tokens.value[token] as number)
      break
    case CallForm.Remote:
      emit(nodes, Kind.RemoteCall, node, start, end, at, tokens.value[token] as number)
      break
    case CallForm.Anonymous:
      emit(nodes, Kind.AnonymousCall, node, start, end, at, 0)
      break
    default:
      emit(nodes, Kind.CallCall, node, start, end, at, 0)
  }
  popFrame(parser)
  parser.operandClass = resultClass
  parser.operandStart = start
  parser.operandType = type
}
