/**
 * The kinds of token and the buffers that hold them: parallel arrays, reused from file to file, one row a token. The order
 * of the kinds matters: separators first, closers next, and everything from LBracket on can begin an operand. The
 * eighth bit of a kind marks the first token of a clause head (`a, b ->`), so that the parser need not look ahead.
 */

export const Tok = {
  Eof: 0,
  Eol: 1,
  Semi: 2,
  Comma: 3,
  RParen: 4,
  RBracket: 5,
  RBrace: 6,
  RBit: 7,
  End: 8,
  /** else, rescue, catch, after; value: name. */
  BlockId: 9,
  Do: 10,
  InterpEnd: 11,
  /** Value: name of the sigil. */
  TextEnd: 12,
  KwTextEnd: 13,
  Stab: 14,
  Assoc: 15,
  /** An operator that is only binary; value: its name. */
  Op: 16,
  /** `+`, `-`. */
  Dual: 17,
  /** `//`. */
  Ternary: 18,
  Dot: 19,
  /** The dot of `f.(`. */
  DotCall: 20,

  LBracket: 21,
  LParen: 22,
  Ident: 23,
  /** Directly followed by `(`. */
  ParenIdent: 24,
  /** Directly followed by `[`. */
  BracketIdent: 25,
  /** Followed by a sign that belongs to its argument: `a -1`. */
  OpIdent: 26,
  /** Followed by `do`. */
  DoIdent: 27,
  Alias: 28,
  Kw: 29,
  Atom: 30,
  /** true, false, nil. */
  Literal: 31,
  Int: 32,
  Float: 33,
  Char: 34,
  /** A string without interpolation; value: StringFlag bits. */
  Str: 35,
  Charlist: 36,
  /** Opens text in parts; value: the Kind of its node. */
  TextBegin: 37,
  /** Opens a quoted keyword with interpolation. */
  KwTextBegin: 38,
  LBrace: 39,
  LBit: 40,
  PercentBrace: 41,
  Percent: 42,
  Fn: 43,
  Unary: 44,
  At: 45,
  Capture: 46,
  /** `..` without operands. */
  Nullary: 47,
  /** What could not be read; a problem says why. */
  Bad: 48,
  TextPart: 49,
  InterpBegin: 50,
} as const

/** Set on the kind of the first token of a clause head. */
export const CLAUSE = 0x80
export const KIND_MASK = 0x7f

const table = (kinds: readonly number[]): Uint8Array => {
  const flags = new Uint8Array(128)
  for (const kind of kinds) flags[kind] = 1
  return flags
}

/** Kinds after which a line break means nothing. */
export const eolMeansNothingAfter: Uint8Array = table([
  Tok.Eol, Tok.Semi, Tok.Comma, Tok.Op, Tok.Dual, Tok.Ternary, Tok.Unary, Tok.At, Tok.Capture, Tok.Stab, Tok.Assoc,
  Tok.LParen, Tok.LBracket, Tok.LBrace, Tok.LBit, Tok.Do, Tok.BlockId, Tok.Fn, Tok.Kw, Tok.KwTextEnd, Tok.InterpBegin,
])

/** Kinds that complete an operand, so that `..` after them is binary. */
export const endsOperand: Uint8Array = table([
  Tok.RParen, Tok.RBracket, Tok.RBrace, Tok.RBit, Tok.End, Tok.TextEnd, Tok.Ident, Tok.DoIdent, Tok.Alias, Tok.Atom,
  Tok.Literal, Tok.Int, Tok.Float, Tok.Char, Tok.Str, Tok.Charlist, Tok.Nullary, Tok.Bad,
])

export type Tokens = {
  kind: Uint8Array
  start: Int32Array
  end: Int32Array
  value: Int32Array
  count: number
  capacity: number
}

export function createTokens(): Tokens {
  const capacity = 1 << 14
  return {
    kind: new Uint8Array(capacity),
    start: new Int32Array(capacity),
    end: new Int32Array(capacity),
    value: new Int32Array(capacity),
    count: 0,
    capacity,
  }
}

const enlarged = (from: Int32Array, capacity: number): Int32Array<ArrayBuffer> => {
  const to = new Int32Array(capacity)
  to.set(from)
  return to
}

export function growTokens(tokens: Tokens): void {
  const capacity = tokens.capacity * 2
  const kind = new Uint8Array(capacity)
  kind.set(tokens.kind)
  tokens.kind = kind
  tokens.start = enlarged(tokens.start, capacity)
  tokens.end = enlarged(tokens.end, capacity)
  tokens.value = enlarged(tokens.value, capacity)
  tokens.capacity = capacity
}
