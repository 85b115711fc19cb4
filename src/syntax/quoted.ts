/**
 * The quoted form of a tree, as `Code.string_to_quoted` gives it with line and column. Derived in one pass over the nodes
 * from last to first, so that children are ready before their parent and depth costs no stack. Deliberately absent: other
 * metadata (delimiters, closing tokens), which nothing needs.
 */

import { unescape, unescapeDelimiter } from './escapes.ts'
import { character, closingQuote, digits, integer, isModifier, partText, plainText } from './literals.ts'
import { nameString } from './names.ts'
import { Kind, NOWHERE, positions, StringFlag } from './tree.ts'
import type { Position, Tree } from './tree.ts'
import { Sym } from './well-known.ts'

/** `{form, meta, args}`; line and column are 0 where the meta has none; args null stands for the atom nil. */
export type QuotedNode = {
  readonly form: Quoted
  readonly line: number
  readonly column: number
  readonly args: readonly Quoted[] | null
}

export type QuotedTuple = { readonly left: Quoted; readonly right: Quoted }

export type QuotedFloat = { readonly float: number }

/** A string is an atom, a number or bigint an integer, bytes a binary, an array a list. */
export type Quoted = string | number | bigint | QuotedFloat | Uint8Array | readonly Quoted[] | QuotedTuple | QuotedNode

/** A StringPart until its parent is built, which knows how to read it. */
type Part = { readonly part: number }

type Build = {
  readonly tree: Tree
  readonly position: (offset: number) => Position
  /** Of nodes done whose parents are not: the first child is on top. */
  readonly stack: (Quoted | Part)[]
}

const NO_META: Position = { line: 0, column: 0 }

/** The quoted form of the whole tree, or of one node. */
export function quoted(tree: Tree, node = 0): Quoted {
  const build: Build = { tree, position: positions(tree), stack: [] }
  const stop = node + (tree.extent[node] as number)
  for (let n = stop - 1; n >= node; n--) build.stack.push(one(build, n))
  return build.stack[0] as Quoted
}

function take(build: Build, n: number): Quoted[] {
  const { tree, stack } = build
  const stop = n + (tree.extent[n] as number)
  const children: Quoted[] = []
  for (let child = n + 1; child < stop; child += tree.extent[child] as number) children.push(stack.pop() as Quoted)
  return children
}

function pop(build: Build): Quoted {
  return build.stack.pop() as Quoted
}

function meta(build: Build, n: number): Position {
  const at = build.tree.at[n] as number
  return at === NOWHERE ? NO_META : build.position(at)
}

function make(form: Quoted, at: Position, args: readonly Quoted[] | null): QuotedNode {
  return { form, line: at.line, column: at.column, args }
}

const nameOf = (build: Build, n: number): string => nameString(build.tree.names, build.tree.payload[n] as number)

function one(build: Build, n: number): Quoted | Part {
  switch (build.tree.kind[n]) {
    case Kind.Variable:
      return make(nameOf(build, n), meta(build, n), null)
    case Kind.Atom:
      return nameOf(build, n)
    case Kind.Alias:
      return make('__aliases__', meta(build, n), nameOf(build, n).split('.'))
    case Kind.Call:
      return make(nameOf(build, n), meta(build, n), take(build, n))
    case Kind.RemoteCall:
    case Kind.Field:
      return remote(build, n)
    case Kind.Pair:
      return { left: nameOf(build, n), right: pop(build) }
    case Kind.Keywords:
    case Kind.List:
    case Kind.DoBlock:
    case Kind.ParenClauses:
      return take(build, n)
    case Kind.BinaryOp:
      return binary(build, n)
    case Kind.UnaryOp:
      return unary(build, n)
    case Kind.String:
    case Kind.Charlist:
      return string(build, n)
    case Kind.StringPart:
      return { part: n }
    case Kind.Integer:
      return integer(build.tree, n)
    default:
      return lessCommon(build, n)
  }
}

function lessCommon(build: Build, n: number): Quoted {
  switch (build.tree.kind[n]) {
    case Kind.Section:
      return { left: nameOf(build, n), right: body(build, n, n + 1) }
    case Kind.Tuple:
      return tuple(build, n)
    case Kind.Map:
      return make('%{}', meta(build, n), take(build, n))
    case Kind.MapUpdate: {
      const base = pop(build)
      return make('|', meta(build, n), [base, rest(build, n)])
    }
    case Kind.Struct:
      return make('%', meta(build, n), take(build, n))
    case Kind.Assoc:
    case Kind.DynamicPair: {
      const left = pop(build)
      return { left, right: pop(build) }
    }
    case Kind.Clause:
      return clause(build, n)
    case Kind.ClauseHead:
      return head(build, n)
    case Kind.Guard:
      return pop(build)
    case Kind.Fn:
      return make('fn', meta(build, n), take(build, n))
    case Kind.Bitstring:
      return make('<<>>', meta(build, n), take(build, n))
    case Kind.Access: {
      const at = meta(build, n)
      return make(make('.', at, ['Elixir.Access', 'get']), at, take(build, n))
    }
    case Kind.Block:
      return make('__block__', meta(build, n), take(build, n))
    case Kind.File:
      return wholeFile(build, n)
    default:
      return rare(build, n)
  }
}

function rare(build: Build, n: number): Quoted {
  const { tree } = build
  switch (tree.kind[n]) {
    case Kind.Float:
      return { float: Number(digits(tree, n)) }
    case Kind.Char:
      return character(tree, n)
    case Kind.Sigil:
      return sigil(build, n)
    case Kind.InterpolatedAtom: {
      const at = meta(build, n)
      const bytes = make('<<>>', at, binaryParts(build, n))
      return make(make('.', at, ['erlang', 'binary_to_atom']), at, [bytes, 'utf8'])
    }
    case Kind.Interpolation:
      return interpolation(build, n)
    case Kind.DotAlias: {
      const left = pop(build)
      return make('__aliases__', meta(build, n), [left, ...nameOf(build, n).split('.')])
    }
    case Kind.MultiAlias: {
      const at = meta(build, n)
      const left = pop(build)
      return make(make('.', at, [left, '{}']), at, rest(build, n))
    }
    case Kind.AnonymousCall: {
      const at = meta(build, n)
      const fun = pop(build)
      return make(make('.', at, [fun]), at, rest(build, n))
    }
    case Kind.CallCall: {
      const call = pop(build) as QuotedNode
      return make(call, call, rest(build, n))
    }
    case Kind.NullaryOp:
      return make(nameOf(build, n), meta(build, n), [])
    default:
      return make('__error__', meta(build, n), take(build, n))
  }
}

/** The children after the first, which was popped. */
function rest(build: Build, n: number): Quoted[] {
  const { tree } = build
  const stop = n + (tree.extent[n] as number)
  const children: Quoted[] = []
  let child = n + 1 + (tree.extent[n + 1] as number)
  for (; child < stop; child += tree.extent[child] as number) children.push(pop(build))
  return children
}

function remote(build: Build, n: number): Quoted {
  const { tree } = build
  const left = pop(build)
  const dot = make('.', meta(build, n), [left, nameOf(build, n)])
  return make(dot, build.position(afterDot(tree.source, tree.at[n] as number)), rest(build, n))
}

/** Offset of the name after a dot, over blanks, line breaks and comments. */
function afterDot(source: Uint8Array, dot: number): number {
  let i = dot + 1
  for (;;) {
    const c = source[i]
    if (c === 32 || c === 9 || c === 10 || c === 13) i++
    else if (c === 35) {
      i = source.indexOf(10, i)
      if (i < 0) return source.length
    } else return i
  }
}

function binary(build: Build, n: number): Quoted {
  const { tree } = build
  const at = meta(build, n)
  const left = pop(build)
  const right = pop(build)
  const operator = tree.payload[n] as number
  if (operator === Sym['not in']) return make('not', at, [make('in', at, [left, right])])
  if (operator === Sym.in && isNegation(left)) {
    return make(left.form, at, [make('in', at, [left.args?.[0] as Quoted, right])])
  }
  if (operator === Sym['//'] && tree.kind[n + 1] === Kind.BinaryOp && tree.payload[n + 1] === Sym['..']) {
    const { line, column, args } = left as QuotedNode
    return { form: '..//', line, column, args: [...(args ?? []), right] }
  }
  return make(nameString(tree.names, operator), at, [left, right])
}

function isNegation(value: Quoted): value is QuotedNode & { form: string } {
  if (typeof value !== 'object' || !('form' in value)) return false
  return (value.form === 'not' || value.form === '!') && value.args?.length === 1
}

function unary(build: Build, n: number): Quoted {
  const at = meta(build, n)
  const operand = pop(build)
  if (build.tree.payload[n] !== Sym['//']) return make(nameOf(build, n), at, [operand])
  return { form: '/', line: at.line, column: at.column + 1, args: [make('/', at, null), operand] }
}

function tuple(build: Build, n: number): Quoted {
  const elements = take(build, n)
  if (elements.length === 2) return { left: elements[0] as Quoted, right: elements[1] as Quoted }
  return make('{}', meta(build, n), elements)
}

// Blocks and clauses

/** Several expressions as one; a negation or a splice alone is protected from its surroundings. */
function block(expressions: readonly Quoted[]): Quoted {
  const [first] = expressions
  if (expressions.length === 1 && first !== undefined && !isProtected(first)) return first
  return make('__block__', NO_META, expressions)
}

function isProtected(value: Quoted): boolean {
  if (typeof value !== 'object' || !('form' in value)) return false
  return isNegation(value) || (value.form === 'unquote_splicing' && value.args?.length === 1)
}

/** The expressions or clauses of `n` from its child `first` on. */
function body(build: Build, n: number, first: number): Quoted {
  const { tree } = build
  const children = first === n + 1 ? take(build, n) : rest(build, n)
  const clauses = first < n + (tree.extent[n] as number) && tree.kind[first] === Kind.Clause
  return clauses ? children : block(children)
}

function wholeFile(build: Build, n: number): Quoted {
  const expressions = take(build, n)
  return expressions.length === 0 ? make('__block__', meta(build, n), []) : block(expressions)
}

function clause(build: Build, n: number): Quoted {
  const args = pop(build)
  const expressions = rest(build, n)
  return make('->', meta(build, n), [args, expressions.length === 0 ? 'nil' : block(expressions)])
}

function head(build: Build, n: number): Quoted {
  const { tree } = build
  const stop = n + (tree.extent[n] as number)
  const args: Quoted[] = []
  let guard = -1
  for (let child = n + 1; child < stop; child += tree.extent[child] as number) {
    args.push(pop(build))
    if (tree.kind[child] === Kind.Guard) guard = child
  }
  if (guard !== -1) return [make('when', meta(build, guard), args)]
  const [only] = args
  if (args.length === 1 && typeof only === 'object' && 'form' in only && only.form === '__block__') {
    const splice = only.args?.length === 1 ? only.args[0] : undefined
    if (typeof splice === 'object' && 'form' in splice && splice.form === 'unquote_splicing') return [splice]
  }
  return args
}

// Text

function string(build: Build, n: number): Quoted {
  const { tree } = build
  const charlist = tree.kind[n] === Kind.Charlist
  if ((tree.extent[n] as number) > 1) {
    const at = meta(build, n)
    if (!charlist) return make('<<>>', at, binaryParts(build, n))
    return make(make('.', at, ['Elixir.List', 'to_charlist']), at, [parts(build, n, true)])
  }
  const bytes = plainText(tree, n)
  return charlist ? Array.from(new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes), (char) => char.codePointAt(0) ?? 0) : bytes
}

const binaryParts = (build: Build, n: number): Quoted[] => parts(build, n, false)

/** Parts of a text: binaries, and interpolations as `to_string(…)`, in binaries typed `::binary`. */
function parts(build: Build, n: number, charlist: boolean): Quoted[] {
  const { tree } = build
  const sigilText = tree.kind[n] === Kind.Sigil
  const close = closingQuote(tree, n)
  const stop = n + (tree.extent[n] as number)
  const out: Quoted[] = []
  for (let child = n + 1; child < stop; child += tree.extent[child] as number) {
    const value = build.stack.pop() as Quoted | Part
    if (typeof value === 'object' && 'part' in value) {
      const raw = partText(tree, child, close)
      out.push(sigilText ? unescapeDelimiter(raw, tree.source[close] as number, (tree.payload[child] as number) & StringFlag.Heredoc) : unescape(raw))
    } else if (charlist) out.push(((value as QuotedNode).args as Quoted[])[0] as Quoted)
    else out.push(value)
  }
  return out
}

function interpolation(build: Build, n: number): Quoted {
  const { tree } = build
  const at = meta(build, n)
  const expressions = take(build, n)
  const form = expressions.length === 0 ? emptyInterpolation(build, tree.start[n] as number) : block(expressions)
  const call = make(make('.', at, ['Elixir.Kernel', 'to_string']), at, [form])
  return make('::', at, [call, make('binary', at, null)])
}

/** `#{}` has no position; with a line break or `;` inside, that gives it one. */
function emptyInterpolation(build: Build, start: number): Quoted {
  const { source } = build.tree
  let i = start + 2
  while (source[i] === 32 || source[i] === 9) i++
  return make('__block__', source[i] === 125 ? NO_META : build.position(i), [])
}

function sigil(build: Build, n: number): Quoted {
  const { tree } = build
  const at = meta(build, n)
  const content = make('<<>>', at, binaryParts(build, n))
  const end = tree.end[n] as number
  let from = end
  while (isModifier(tree.source[from - 1] as number)) from--
  return make(nameOf(build, n), at, [content, [...tree.source.subarray(from, end)]])
}
