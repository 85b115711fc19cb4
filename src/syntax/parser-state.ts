/**
 * What the parser holds: the tokens, the nodes so far, a stack of frames (open constructs) and a stack of operators whose
 * right operand is not complete. All stacks are explicit, so depth costs memory and nothing else. The operand just read is
 * always the last node; `operand*` say what else matters of it.
 */

import type { Lexer, RawProblem } from './lexer-state.ts'
import { problem } from './lexer-state.ts'
import { createNodeStack, emit } from './node-stack.ts'
import type { NodeStack } from './node-stack.ts'
import { KIND_MASK, Tok } from './tokens.ts'
import type { Tokens } from './tokens.ts'

/** What an expression may be part of, after Elixir's grammar. */
export const Class = {
  /** Anything complete: can be an operand, an argument, an element. */
  Matched: 0,
  /** Ends in a do-block: no argument of a call without parentheses. */
  Unmatched: 1,
  /** A call without parentheses that a following comma would belong to. */
  NoParens: 2,
} as const

/** Constructs that a frame stands for. */
export const Frame = {
  File: 0,
  Interp: 1,
  Paren: 2,
  Fn: 3,
  Do: 4,
  /** Frames up to here hold statements. */
  LAST_OF_STATEMENTS: 4,
  /** Arguments in the parentheses of a call. */
  Args: 5,
  List: 6,
  Tuple: 7,
  Bit: 8,
  Map: 9,
  Access: 10,
  MultiAlias: 11,
  /** `(a, b)` that opens a clause head. */
  HeadArgs: 12,
  /** Arguments of a call without parentheses. */
  NoParensCall: 13,
  /** The keywords of `a when k: v`. */
  WhenKeywords: 14,
  /** The name of a struct, up to its braces. */
  StructName: 15,
  /** A call waiting for the end of its do-block. */
  CallWithBlock: 16,
  /** A do-block that no call claims. */
  StrayBlock: 17,
  /** Text with parts. */
  Text: 18,
} as const

// Fields of a frame, in `frames`.
export const F_KIND = 0
/** The token that opened it; of a call, its name (or the dot of an anonymous call). */
export const F_TOKEN = 1
/** First node and first byte of the whole construct. */
export const F_NODE = 2
export const F_START = 3
/** Height of the operator stack below it. */
export const F_OPERATORS = 4
/** Statements, elements or arguments so far. */
export const F_COUNT = 5
/** Statements: see Clause. Arguments: 1 once one was a call with open arguments. Maps: 1 if of a struct. */
export const F_STATE = 6
/** Statements: node where the current clause begins, or -1. Parentheses: see HEAD_PAREN. */
export const F_MARK = 7
/** Token of the keyword whose value is being read, or -1; negative below -1 for one with interpolation. */
export const F_PAIR = 8
export const F_PAIR_NODE = 9
/** Saved: calls without parentheses around this bracket. */
export const F_OUTER = 10
/** Calls: which kind of node; statements: first node of the section; maps: node of the arrow's key. */
export const F_EXTRA = 11
/** Calls: byte offset for `at`; do-blocks: token of the section; maps: token of the arrow. */
export const F_EXTRA2 = 12
/** Statements: node where the clause's head or body begins. Maps: the update's bar, see parser-containers. */
export const F_EXTRA3 = 13
/** Node where the trailing keywords begin, or -1, and the token of the first. */
export const F_KEYWORDS = 14
export const F_FIRST_KEYWORD = 15
export const FRAME_SIZE = 16

/** What the main loop does next. */
export const Mode = {
  /** A statement, element or argument begins, or its construct closes. */
  Start: 0,
  /** An operand has to follow. */
  Operand: 1,
  /** An operand is complete: an operator may follow, or the end of the expression. */
  Operator: 2,
  /** Inside text with parts. */
  Text: 3,
  Done: 4,
} as const

/** Forms of a call, in F_EXTRA of its frame. */
export const CallForm = { Local: 0, Remote: 1, Anonymous: 2, Twice: 3 } as const

/** Where a clause is, in F_STATE of a frame of statements. */
export const Clause = { None: 0, Head: 1, Guard: 2, Body: 3 } as const

// Fields of an operator, in `operators`.
export const O_NAME = 0
export const O_TOKEN = 1
export const O_POWER = 2
/** First node and byte of the left operand; of a unary operator, its operand's first node and its own first byte. */
export const O_NODE = 3
export const O_START = 4
/** Class of the left operand; -1 for a unary operator. */
export const O_CLASS = 5
/** Operand type of the left operand. */
export const O_TYPE = 6
export const OPERATOR_SIZE = 7

/** What the operand just read is. */
export const Operand = {
  Other: 0,
  /** A call with parentheses, which may be followed by one more pair. */
  Call: 1,
  /** A name, field or call that may stand alone in a map. */
  Element: 2,
  /** Like Call, but already followed by its second pair. */
  CallTwice: 3,
  /** Quoted as `not …` or `!…`, which an `in` after it takes apart and parentheses protect. */
  Negation: 4,
} as const

export type Parser = {
  readonly lexer: Lexer
  readonly tokens: Tokens
  readonly nodes: NodeStack
  /** The token to read next. */
  next: number
  frames: Int32Array
  /** Offset of the innermost frame. */
  frame: number
  operators: Int32Array
  nOperators: number
  /** Calls without parentheses open in the current bracket. */
  openCalls: number
  operandClass: number
  operandStart: number
  operandType: number
}

export function createParser(lexer: Lexer): Parser {
  return {
    lexer,
    tokens: lexer.tokens,
    nodes: createNodeStack(),
    next: 0,
    frames: new Int32Array(FRAME_SIZE * 64),
    frame: -FRAME_SIZE,
    operators: new Int32Array(OPERATOR_SIZE * 64),
    nOperators: 0,
    openCalls: 0,
    operandClass: Class.Matched,
    operandStart: 0,
    operandType: Operand.Other,
  }
}

export function resetParser(parser: Parser): void {
  parser.nodes.count = 0
  parser.next = 0
  parser.frame = -FRAME_SIZE
  parser.nOperators = 0
  parser.openCalls = 0
}

/** Opens a frame whose first node is `node` and first byte `start`. Brackets count calls without parentheses afresh. */
export function pushFrame(parser: Parser, kind: number, token: number, node: number, start: number): number {
  const frame = parser.frame + FRAME_SIZE
  if (frame + FRAME_SIZE > parser.frames.length) {
    const wider = new Int32Array(parser.frames.length * 2)
    wider.set(parser.frames)
    parser.frames = wider
  }
  const { frames } = parser
  frames[frame + F_KIND] = kind
  frames[frame + F_TOKEN] = token
  frames[frame + F_NODE] = node
  frames[frame + F_START] = start
  frames[frame + F_OPERATORS] = parser.nOperators
  frames[frame + F_COUNT] = 0
  frames[frame + F_STATE] = 0
  frames[frame + F_MARK] = -1
  frames[frame + F_PAIR] = -1
  frames[frame + F_PAIR_NODE] = 0
  frames[frame + F_OUTER] = parser.openCalls
  frames[frame + F_EXTRA] = 0
  frames[frame + F_EXTRA2] = 0
  frames[frame + F_EXTRA3] = -1
  frames[frame + F_KEYWORDS] = -1
  frames[frame + F_FIRST_KEYWORD] = -1
  if (kind === Frame.NoParensCall || kind === Frame.WhenKeywords) parser.openCalls++
  else if (kind !== Frame.StructName) parser.openCalls = 0
  parser.frame = frame
  return frame
}

export function popFrame(parser: Parser): void {
  parser.openCalls = parser.frames[parser.frame + F_OUTER] as number
  parser.frame -= FRAME_SIZE
}

export function pushOperator(
  parser: Parser, name: number, token: number, power: number, node: number, start: number, leftClass: number,
): void {
  const at = parser.nOperators * OPERATOR_SIZE
  if (at + OPERATOR_SIZE > parser.operators.length) {
    const wider = new Int32Array(parser.operators.length * 2)
    wider.set(parser.operators)
    parser.operators = wider
  }
  const { operators } = parser
  operators[at + O_NAME] = name
  operators[at + O_TOKEN] = token
  operators[at + O_POWER] = power
  operators[at + O_NODE] = node
  operators[at + O_START] = start
  operators[at + O_CLASS] = leftClass
  operators[at + O_TYPE] = parser.operandType
  parser.nOperators++
}

/** A node without children, from one token, that is a complete operand. */
export function leaf(parser: Parser, kind: number, token: number, payload: number): void {
  const { tokens } = parser
  const start = tokens.start[token] as number
  emit(parser.nodes, kind, parser.nodes.count, start, tokens.end[token] as number, start, payload)
  parser.operandClass = Class.Matched
  parser.operandStart = start
  parser.operandType = Operand.Other
}

/** Where the last token that was read ends. */
export function lastEnd(parser: Parser): number {
  return parser.next === 0 ? 0 : (parser.tokens.end[parser.next - 1] as number)
}

/** Whether a token is a closer that the lexer put in; what is missing before it follows from what it stands for. */
export function isPutIn(parser: Parser, token: number): boolean {
  const { kind, start, end } = parser.tokens
  const closer = (kind[token] as number) & KIND_MASK
  return start[token] === end[token] && ((closer >= Tok.RParen && closer <= Tok.End) || closer === Tok.InterpEnd)
}

/** A problem at a token, unless it follows from the problem that the token already has. */
export function problemAt(parser: Parser, code: RawProblem['code'], message: string, token: number): void {
  if (isPutIn(parser, token)) return
  const start = parser.tokens.start[token] as number
  problem(parser.lexer, code, message, start, parser.tokens.end[token] as number)
}
