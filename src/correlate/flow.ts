/**
 * What runs right after each call, read from the tree: whether the call is the last thing its function does, and which lines
 * the runtime system may report for it besides its own. It reports the line of the address that the call returns to, and that
 * is the line of the next instruction that has one where nothing must be set up in between: an operator's, that of a call
 * without arguments, or of a call whose one argument is what the first call returned.
 *
 * Each expression is walked from its end with what follows it (`Next`), and answers what follows whatever is evaluated
 * right before it. Lines are read too generously rather than too narrowly. Absent on purpose: names of callees, patterns.
 */

import { nameString } from '../syntax/names.ts'
import { children, Kind, type Tree } from '../syntax/tree.ts'

export type Following = { readonly isTail: boolean; readonly alsoAt: readonly number[] }

type Next = { readonly isTail: boolean; readonly lines: readonly number[]; readonly by: 'call' | 'other' }
const SOMETHING: Next = { isTail: false, lines: [], by: 'other' }
const THE_END: Next = { isTail: true, lines: [], by: 'other' }

const DEFINITIONS: ReadonlySet<string> = new Set(['def', 'defp', 'defmacro', 'defmacrop'])
/** One instruction with a line. */
const OPERATORS: ReadonlySet<string> = new Set(['+', '-', '*', '/', '<>'])
const INSTRUCTIONS: ReadonlySet<string> = new Set(['rem', 'div', 'elem', 'hd', 'tl', 'length', 'abs', 'map_size', 'tuple_size', 'byte_size', 'round', 'trunc', 'put_elem', 'bit_size'])
const LAZY: ReadonlySet<string> = new Set(['&&', '||', 'and', 'or'])
const BRANCHING: ReadonlySet<string> = new Set(['if', 'unless', 'case', 'cond', 'with', 'receive'])

type Flow = { readonly tree: Tree; readonly lineOf: (offset: number) => number; readonly found: Map<number, Following>; bound: number }

/** By the offset of the name that is called (of the operator `apply` where that is written). */
export function readFlow(tree: Tree, lineOf: (offset: number) => number): ReadonlyMap<number, Following> {
  const flow: Flow = { tree, lineOf, found: new Map(), bound: -1 }
  for (let node = 0; node < tree.length; node++) {
    if (tree.kind[node] === Kind.Call && DEFINITIONS.has(nameOf(tree, node))) readDefinition(flow, node)
  }
  return flow.found
}

const nameOf = (tree: Tree, node: number) => nameString(tree.names, tree.payload[node] as number)

function readDefinition(flow: Flow, node: number): void {
  const [, body = -1] = [...children(flow.tree, node)]
  if (body < 0) return
  const sections = [...children(flow.tree, body)]
  // What is rescued has something to do at its end.
  for (const section of sections) sequence(flow, [...children(flow.tree, section)], sections.length === 1 ? THE_END : SOMETHING)
}

/** Expressions one after the other; what is before the first sees what this answers. */
function sequence(flow: Flow, expressions: readonly number[], next: Next): Next {
  let after = next
  for (let idx = expressions.length - 1; idx >= 0; idx--) {
    flow.bound = boundBy(flow.tree, expressions[idx - 1])
    after = expression(flow, expressions[idx] as number, after)
  }
  return after
}

/** The variable that an expression gives its value to, or -1. */
function boundBy(tree: Tree, node: number | undefined): number {
  if (node === undefined || tree.kind[node] !== Kind.BinaryOp || nameOf(tree, node) !== '=' || tree.kind[node + 1] !== Kind.Variable) return -1
  return tree.payload[node + 1] as number
}

function expression(flow: Flow, node: number, next: Next): Next {
  const { tree } = flow
  switch (tree.kind[node]) {
    case Kind.Variable:
      // `x = f(); x` ends with the call.
      return next.isTail && tree.payload[node] !== flow.bound ? SOMETHING : next
    case Kind.Integer:
    case Kind.Atom:
    case Kind.Alias:
      return next.isTail ? SOMETHING : next
    case Kind.Block:
      return sequence(flow, [...children(tree, node)], next)
    case Kind.BinaryOp:
      return binary(flow, node, next)
    case Kind.Call:
    case Kind.RemoteCall:
      return call(flow, node, [], next)
    case Kind.AnonymousCall:
      return applied(flow, node, next)
    case Kind.Interpolation: {
      const line = flow.lineOf(tree.start[node] as number)
      return sequence(flow, [...children(tree, node)], { isTail: false, lines: [line], by: 'call' })
    }
    case Kind.Fn:
      for (const clause of children(tree, node)) bodyOf(flow, clause, THE_END)
      return SOMETHING
    default:
      return inTurn(flow, [...children(tree, node)], SOMETHING)
  }
}

/** Values that all are kept for what follows them. */
function inTurn(flow: Flow, values: readonly number[], next: Next): Next {
  let after = next
  for (let idx = values.length - 1; idx >= 0; idx--) {
    const before = expression(flow, values[idx] as number, after)
    after = before.by === 'call' && idx > 0 ? SOMETHING : before
  }
  return after
}

function binary(flow: Flow, node: number, next: Next): Next {
  const { tree } = flow
  const [left = -1, right = -1] = [...children(tree, node)]
  const operator = nameOf(tree, node)
  if (operator === '=') return expression(flow, right, tree.kind[left] === Kind.Variable || next.isTail ? next : SOMETHING)
  if (operator === '|>') return piped(flow, left, right, next)
  if (LAZY.has(operator)) {
    expression(flow, right, next)
    return expression(flow, left, SOMETHING)
  }
  const line = flow.lineOf(tree.at[node] as number)
  return inTurn(flow, [left, right], OPERATORS.has(operator) && ![left, right].every((one) => isLiteral(tree, one)) ? { isTail: false, lines: [line], by: 'other' } : SOMETHING)
}

/** A fun that is called where it is written is inlined. */
function applied(flow: Flow, node: number, next: Next): Next {
  const { tree } = flow
  const [fun = -1, ...args] = [...children(tree, node)]
  const [clause = -1, ...others] = tree.kind[fun] === Kind.Fn ? [...children(tree, fun)] : []
  if (clause < 0 || others.length > 0) return inTurn(flow, [fun, ...args], SOMETHING)
  const body = [...children(tree, clause)].filter((child) => tree.kind[child] !== Kind.ClauseHead)
  return inTurn(flow, args, sequence(flow, body, next))
}

function piped(flow: Flow, left: number, right: number, next: Next): Next {
  const kind = flow.tree.kind[right]
  return kind === Kind.Call || kind === Kind.RemoteCall ? call(flow, right, [left], next) : inTurn(flow, [left, right], SOMETHING)
}

function call(flow: Flow, node: number, first: readonly number[], next: Next): Next {
  const { tree, found } = flow
  const isRemote = tree.kind[node] === Kind.RemoteCall
  const name = nameOf(tree, node)
  const all = [...children(tree, node)]
  const block = all.findLast((child) => tree.kind[child] === Kind.DoBlock)
  const written = all.filter((child, idx) => child !== block && !(isRemote && idx === 0))
  if (!isRemote && BRANCHING.has(name)) return branches(flow, [...first, ...written], block, next)
  if (!isRemote && name === 'quote') return SOMETHING
  const at = nameOffset(tree, node)
  const line = flow.lineOf(at)
  const list = !isRemote && name === 'apply' && written.length === 3 ? written[2] : undefined
  const args = list !== undefined && tree.kind[list] === Kind.List ? [...children(tree, list)] : [...first, ...written]
  const isOne = !isRemote && INSTRUCTIONS.has(name)
  if (!isOne) found.set(at, { isTail: next.isTail && block === undefined, alsoAt: next.lines.filter((one) => one !== line) })
  if (block !== undefined) for (const section of children(tree, block)) inTurn(flow, [...children(tree, section)], SOMETHING)
  const self: Next = { isTail: false, lines: [line], by: isOne ? 'other' : 'call' }
  // What is known when it is compiled is no instruction.
  if (isOne && args.every((one) => isLiteral(tree, one))) return SOMETHING
  if (isOne || args.length === 0) return inTurn(flow, args, self)
  const [only = -1] = args
  if (args.length > 1) return inTurn(flow, args, SOMETHING)
  // One argument: nothing to set up where it is what was returned right before.
  return isValue(tree, only) ? (tree.kind[only] === Kind.Variable && tree.payload[only] === flow.bound ? self : SOMETHING) : expression(flow, only, self)
}

const isLiteral = (tree: Tree, node: number) => tree.kind[node] === Kind.Integer || tree.kind[node] === Kind.Atom
const isValue = (tree: Tree, node: number) => tree.extent[node] === 1

function branches(flow: Flow, subjects: readonly number[], block: number | undefined, next: Next): Next {
  const { tree } = flow
  const keywords = subjects.filter((one) => tree.kind[one] === Kind.Keywords)
  for (const holder of [...keywords, ...(block === undefined ? [] : [block])]) {
    for (const section of children(tree, holder)) bodyOf(flow, section, next)
  }
  return inTurn(flow, subjects.filter((one) => !keywords.includes(one)), SOMETHING)
}

/** A section or a clause, by its expressions; clauses in a section each. */
function bodyOf(flow: Flow, node: number, next: Next): void {
  const { tree } = flow
  const inner = [...children(tree, node)].filter((child) => tree.kind[child] !== Kind.ClauseHead)
  if (inner.some((child) => tree.kind[child] === Kind.Clause)) {
    for (const clause of inner) bodyOf(flow, clause, next)
    for (const clause of inner) conditions(flow, clause)
  } else sequence(flow, inner, next)
}

/** Calls in the head of a clause: conditions of `cond`. */
function conditions(flow: Flow, clause: number): void {
  for (const child of children(flow.tree, clause)) if (flow.tree.kind[child] === Kind.ClauseHead) inTurn(flow, [...children(flow.tree, child)], SOMETHING)
}

function nameOffset(tree: Tree, node: number): number {
  if (tree.kind[node] !== Kind.RemoteCall) return tree.start[node] as number
  let at = (tree.at[node] as number) + 1
  while (/\s/.test(String.fromCharCode(tree.source[at] ?? 0))) at++
  return at
}
