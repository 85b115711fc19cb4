/**
 * What runs right after each call, read from the tree: whether the call is the last thing its function does, and which lines
 * the runtime system may report for it besides its own. It reports the line of the address that the call returns to, and that
 * is the line of the next instruction that has one where nothing must be set up in between: an operator's, that of a call
 * without arguments, or of a call whose one argument is what the first call returned.
 *
 * The compiler leaves out what nobody needs, so that more may come right after a call than the source says. `perhapsAt` has
 * every line from the call's to that of the first instruction that is sure to be there: a call, or what sets one up.
 *
 * Each expression is walked from its end with what follows it (`Next`), and answers what follows whatever is evaluated
 * right before it. Lines are read too generously rather than too narrowly. Absent on purpose: names of callees, patterns.
 */

import { nameString } from '../syntax/names.ts'
import { children, Kind, type Tree } from '../syntax/tree.ts'
import { nTimesIn, parametersOf } from './variables.ts'

/** The first and the last of some lines; null for none. */
export type Lines = readonly [first: number, last: number] | null
export type Following = {
  /** The last thing its function (or fn) does. */
  readonly isTail: boolean
  /** Other lines that the runtime system may report for it. */
  readonly alsoAt: readonly number[]
  /** Among these as well, where the compiler left something out. */
  readonly perhapsAt: Lines
}

type Next = { readonly isTail: boolean; readonly lines: readonly number[]; readonly perhaps: Lines; readonly by: 'call' | 'other'
  /** The variable that it makes its argument without further ado. */
  readonly takes?: number
}
const THE_END: Next = { isTail: true, lines: [], perhaps: null, by: 'other' }

/** An instruction without a line, which may be left out. */
const something = ({ perhaps }: Pick<Next, 'perhaps'>): Next => ({ isTail: false, lines: [], perhaps, by: 'other' })
/** One with a line, which may be left out. */
const instruction = (line: number, { perhaps }: Next): Next => ({ isTail: false, lines: [line], perhaps: spanning([line, line], perhaps), by: 'other' })

export function spanning(a: Lines, b: Lines): Lines {
  return a === null || b === null ? (a ?? b) : [Math.min(a[0], b[0]), Math.max(a[1], b[1])]
}

const DEFINITIONS: ReadonlySet<string> = new Set(['def', 'defp', 'defmacro', 'defmacrop'])
/** One instruction with a line. */
const OPERATORS: ReadonlySet<string> = new Set(['+', '-', '*', '/'])
const INSTRUCTIONS: ReadonlySet<string> = new Set(['rem', 'div', 'elem', 'hd', 'tl', 'length', 'abs', 'map_size', 'tuple_size', 'byte_size', 'round', 'trunc', 'put_elem', 'bit_size'])
const LAZY: ReadonlySet<string> = new Set(['&&', '||', 'and', 'or'])
/** Instructions without a line make these. */
const PLAIN: ReadonlySet<number> = new Set([Kind.Tuple, Kind.List, Kind.Keywords, Kind.Pair, Kind.Fn])
const BRANCHING: ReadonlySet<string> = new Set(['if', 'unless', 'case', 'cond', 'with', 'receive'])

/** Calls of these modules may be left out, or are of macros. */
const UNSURE = ['Kernel', 'Logger', 'Bitwise']
const IMPORTING: ReadonlySet<string> = new Set(['require', 'use', 'import'])

type Flow = {
  readonly tree: Tree
  readonly lineOf: (offset: number) => number
  readonly found: Map<number, Following>
  /** Names of the functions defined here, and of modules that may bring macros. */
  readonly defined: ReadonlySet<string>
  readonly required: ReadonlySet<string>
  definition: number
  /** The parameters of the definition that are nothing else in its body. */
  given: ReadonlySet<number>
  /** The variable that the expression before gives its value to, or -1. */
  bound: number
}

/** By the offset of the name that is called (of the operator `apply` where that is written). */
export function readFlow(tree: Tree, lineOf: (offset: number) => number): ReadonlyMap<number, Following> {
  const calls = Array.from({ length: tree.length }, (_, node) => node).filter((node) => tree.kind[node] === Kind.Call)
  const definitions = calls.filter((node) => DEFINITIONS.has(nameOf(tree, node)))
  const required = calls.filter((node) => IMPORTING.has(nameOf(tree, node)) && tree.kind[node + 1] === Kind.Alias).map((node) => nameOf(tree, node + 1))
  const flow: Flow = { tree, lineOf, found: new Map(), defined: new Set(definitions.map((node) => nameDefined(tree, node))), required: new Set([...UNSURE, ...required]), definition: -1, given: new Set(), bound: -1 }
  for (const node of definitions) readDefinition(flow, node)
  return flow.found
}

/** Empty for macros: what they are replaced by is not known. */
function nameDefined(tree: Tree, node: number): string {
  const [head = -1] = [...children(tree, node)]
  const named = tree.kind[head] === Kind.BinaryOp ? head + 1 : head
  return nameOf(tree, node).startsWith('defmacro') || named < 0 ? '' : nameOf(tree, named)
}

const nameOf = (tree: Tree, node: number) => nameString(tree.names, tree.payload[node] as number)

function readDefinition(flow: Flow, node: number): void {
  const [, body = -1] = [...children(flow.tree, node)]
  if (body < 0) return
  flow.definition = node
  flow.given = parametersOf(flow.tree, node, body)
  const sections = [...children(flow.tree, body)]
  // What is rescued has something to do at its end.
  for (const section of sections) sequence(flow, [...children(flow.tree, section)], sections.length === 1 ? THE_END : something(THE_END))
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
      return next.isTail && tree.payload[node] !== flow.bound ? something(next) : next
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
      const called = instruction(lineAt(flow, node), next)
      return sequence(flow, [...children(tree, node)], { ...called, by: 'call' })
    }
    case Kind.Fn:
      for (const clause of children(tree, node)) bodyOf(flow, clause, THE_END)
      return built(flow, node, next)
    case Kind.UnaryOp:
      if (nameOf(tree, node) === '&') return captured(flow, node + 1, next)
      return inTurn(flow, [...children(tree, node)], built(flow, node, next))
    default:
      if (isValue(tree, node)) return next.isTail ? something(next) : next
      return inTurn(flow, [...children(tree, node)], built(flow, node, next))
  }
}

/** `&f(&1)` is a fun; there is no division in `&f/1`. */
function captured(flow: Flow, operand: number, next: Next): Next {
  if (flow.tree.kind[operand] !== Kind.BinaryOp) expression(flow, operand, THE_END)
  return something(next)
}

const lineAt = ({ tree, lineOf }: Flow, node: number) => lineOf(tree.start[node] as number)
/** What is made of values. */
const built = (flow: Flow, node: number, next: Next) => something(PLAIN.has(flow.tree.kind[node] ?? 0) ? next : instruction(lineAt(flow, node), next))

/** Values that all are kept for what follows them. */
function inTurn(flow: Flow, values: readonly number[], next: Next): Next {
  let after = next
  for (let idx = values.length - 1; idx >= 0; idx--) {
    const before = expression(flow, values[idx] as number, after)
    // What was returned is put aside for the next call; a variable stays where it is.
    const isKept = before.by === 'call' && values.slice(0, idx).some((one) => !isValue(flow.tree, one))
    after = isKept ? something(before) : before
  }
  return after
}

function binary(flow: Flow, node: number, next: Next): Next {
  const { tree } = flow
  const [left = -1, right = -1] = [...children(tree, node)]
  const operator = nameOf(tree, node)
  if (operator === '=') return expression(flow, right, tree.kind[left] !== Kind.Variable || isPutAside(flow, left, next) ? something(next) : next)
  if (operator === '|>') return piped(flow, left, right, next)
  if (LAZY.has(operator)) return expression(flow, left, either(next, [expression(flow, right, next)]))
  const itself = instruction(flow.lineOf(tree.at[node] as number), next)
  if (operator === '<>') return inTurn(flow, concatenated(tree, node), itself)
  return inTurn(flow, [left, right], OPERATORS.has(operator) && ![left, right].every((one) => isLiteral(tree, one)) ? itself : something(itself))
}

/** Of `a <> b <> c`, which is one instruction at the first operator. */
function concatenated(tree: Tree, node: number): number[] {
  return tree.kind[node] === Kind.BinaryOp && nameOf(tree, node) === '<>' ? [...children(tree, node)].flatMap((one) => concatenated(tree, one)) : [node]
}

/** One of these, or what follows them. */
function either(next: Next, ways: readonly Next[]): Next {
  return something({ perhaps: ways.reduce((lines, { perhaps }) => spanning(lines, perhaps), next.perhaps) })
}

/** A fun that is called where it is written is inlined. */
function applied(flow: Flow, node: number, next: Next): Next {
  const { tree } = flow
  const [fun = -1, ...args] = [...children(tree, node)]
  const [clause = -1, ...others] = tree.kind[fun] === Kind.Fn ? [...children(tree, fun)] : []
  if (clause < 0 || others.length > 0) return inTurn(flow, [fun, ...args], built(flow, node, next))
  const body = [...children(tree, clause)].filter((child) => tree.kind[child] !== Kind.ClauseHead)
  return inTurn(flow, args, sequence(flow, body, next))
}

function piped(flow: Flow, left: number, right: number, next: Next): Next {
  const kind = flow.tree.kind[right]
  return kind === Kind.Call || kind === Kind.RemoteCall ? call(flow, right, [left], next) : inTurn(flow, [left, right], built(flow, right, next))
}

function call(flow: Flow, node: number, first: readonly number[], next: Next): Next {
  const { tree, found } = flow
  const isRemote = tree.kind[node] === Kind.RemoteCall
  const name = nameOf(tree, node)
  const all = [...children(tree, node)]
  const block = all.findLast((child) => tree.kind[child] === Kind.DoBlock)
  const written = all.filter((child, idx) => child !== block && !(isRemote && idx === 0))
  if (!isRemote && BRANCHING.has(name)) return branches(flow, [...first, ...written], block, next)
  if (!isRemote && name === 'quote') return something(next)
  const at = nameOffset(tree, node)
  const line = flow.lineOf(at)
  const list = !isRemote && name === 'apply' && written.length === 3 ? written[2] : undefined
  const args = list !== undefined && tree.kind[list] === Kind.List ? [...children(tree, list)] : [...first, ...written]
  const isOne = !isRemote && INSTRUCTIONS.has(name)
  if (!isOne) found.set(at, { isTail: next.isTail && block === undefined, alsoAt: next.lines.filter((one) => one !== line), perhapsAt: spanning([line, line], next.perhaps) })
  const within = block === undefined ? [] : [...children(tree, block)].map((section) => inTurn(flow, [...children(tree, section)], something(next)))
  const [only = -1] = args
  const left: Lines = isSure(flow, node) ? null : either(next, within).perhaps
  const perhaps = isSure(flow, node) && isSetUp(flow, args) ? null : spanning([line, line], left)
  const self: Next = { isTail: false, lines: [line], perhaps, by: isOne ? 'other' : 'call' }
  // What is known when it is compiled is no instruction.
  if (isOne && args.every((one) => isLiteral(tree, one))) return something(self)
  if (isOne || args.length === 0) return inTurn(flow, args, self)
  if (args.length > 1) return inTurn(flow, args, something(self))
  // One argument: nothing to set up where it is what was returned right before.
  return isValue(tree, only) ? (isHandedOver(flow, only) ? { ...self, takes: flow.bound } : something(self)) : expression(flow, only, self)
}

/** Whether an instruction that nobody can leave out puts arguments in their places, whatever was returned right before. */
function isSetUp({ tree, given }: Flow, args: readonly number[]): boolean {
  const [only = -1] = args
  return args.length > 1 || (args.length === 1 && isValue(tree, only) && (tree.kind[only] !== Kind.Variable || given.has(tree.payload[only] as number)))
}

/** A variable that has the value of what is right before, and that nobody else wants: it is not put aside. */
function isHandedOver(flow: Flow, node: number): boolean {
  return flow.tree.kind[node] === Kind.Variable && flow.tree.payload[node] === flow.bound && nTimesIn(flow.tree, flow.definition, flow.bound) === 2
}

/** Whether what is given to this variable is put aside for later before the call that is next. */
function isPutAside(flow: Flow, variable: number, next: Next): boolean {
  const name = flow.tree.payload[variable] as number
  return next.by === 'call' && next.takes !== name && nTimesIn(flow.tree, flow.definition, name) > 1
}

/** Whether it is sure to be there: a call of a function that is no instruction. */
function isSure({ tree, defined, required }: Flow, node: number): boolean {
  if (tree.kind[node] === Kind.Call) return defined.has(nameOf(tree, node))
  return tree.kind[node + 1] === Kind.Alias && !required.has(nameOf(tree, node + 1))
}

const isLiteral = (tree: Tree, node: number) => tree.kind[node] === Kind.Integer || tree.kind[node] === Kind.Atom
const isValue = (tree: Tree, node: number) => tree.extent[node] === 1

function branches(flow: Flow, subjects: readonly number[], block: number | undefined, next: Next): Next {
  const { tree } = flow
  const keywords = subjects.filter((one) => tree.kind[one] === Kind.Keywords)
  const sections = [...keywords, ...(block === undefined ? [] : [block])].flatMap((holder) => [...children(tree, holder)])
  return inTurn(flow, subjects.filter((one) => !keywords.includes(one)), either(next, sections.map((section) => bodyOf(flow, section, next))))
}

/** A section or a clause, by its expressions; clauses in a section each. */
function bodyOf(flow: Flow, node: number, next: Next): Next {
  const { tree } = flow
  const inner = [...children(tree, node)].filter((child) => tree.kind[child] !== Kind.ClauseHead)
  if (!inner.some((child) => tree.kind[child] === Kind.Clause)) return sequence(flow, inner, next)
  const bodies = either(next, inner.map((clause) => bodyOf(flow, clause, next)))
  return either(bodies, inner.map((clause) => conditions(flow, clause, bodies)))
}

/** Calls in the head of a clause: conditions of `cond`. */
function conditions(flow: Flow, clause: number, next: Next): Next {
  const heads = [...children(flow.tree, clause)].filter((child) => flow.tree.kind[child] === Kind.ClauseHead)
  return inTurn(flow, heads.flatMap((head) => [...children(flow.tree, head)]), next)
}

function nameOffset(tree: Tree, node: number): number {
  if (tree.kind[node] !== Kind.RemoteCall) return tree.start[node] as number
  let at = (tree.at[node] as number) + 1
  while (/\s/.test(String.fromCharCode(tree.source[at] ?? 0))) at++
  return at
}
