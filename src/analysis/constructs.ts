/**
 * What each construct means: calls, quotes, captures, pipes, attributes, and what they do to the environment. Each is read
 * once, when the walk comes to it, and marks what its children need to know.
 *
 * Cyclomatic complexity is Credo's (check `Refactor.CyclomaticComplexity`): a clause counts 1, each `if`, `unless`,
 * `for`, `try`, `and`, `or`, `&&` and `||` in it 1, and each `case` and `cond` 1 per clause of its do-block; `with`,
 * `fn`, `receive`, `rescue`, `else` and pipes count nothing, the guard's operators do.
 */

import { Kind, type Tree } from '../syntax/tree.ts'
import { Sym } from '../syntax/well-known.ts'
import { readAttribute } from './attributes.ts'
import { recordApply, recordBare, recordDotted, recordDynamic } from './calls.ts'
import { readDirective } from './directives.ts'
import { Form, forms } from './forms.ts'
import { argumentsOf, isBinary, keywordValue } from './heads.ts'
import { Mark, setMark } from './labels.ts'
import { dependOn, moduleNamed } from './modules.ts'
import { resolveAlias } from './scope.ts'
import { nameOf, nodeText } from './source-text.ts'
import { stringValue } from './string-value.ts'
import { readStruct } from './structs.ts'
import { save, type Walk } from './walk-state.ts'

export function enterQuote(walk: Walk, mark: number): void {
  save(walk)
  walk.quoting = (mark & Mark.Inert) !== 0 ? 'inert' : 'quoted'
}

export function readConstruct(walk: Walk, node: number, kind: number, mark: number): void {
  switch (kind) {
    case Kind.Call:
      return readCall(walk, node, mark)
    case Kind.RemoteCall:
      if (walk.quoting === 'runs') recordDotted(walk, node, argumentCount(walk.tree, node) - 1 + piped(mark), 'remote')
      return
    case Kind.Field:
      return readField(walk, node, mark)
    case Kind.Variable:
      if ((mark & (Mark.Piped | Mark.NotCall)) === Mark.Piped && walk.quoting === 'runs') recordBare(walk, node, nameOf(walk.text, node), 1, 'local')
      return
    case Kind.Alias:
      if ((mark & Mark.NoDependency) === 0 && walk.module !== null) dependOn(walk, resolveAlias(walk.aliases, nameOf(walk.text, node)))
      return
    case Kind.DotAlias:
      return readDotAlias(walk, node, mark)
    case Kind.UnaryOp:
      return readUnary(walk, node)
    case Kind.BinaryOp:
      return readBinary(walk, node)
    case Kind.Pair:
      return scopePair(walk, node)
    case Kind.Bitstring:
      return markSegments(walk, node)
    case Kind.Section:
    case Kind.Clause:
    case Kind.Fn:
      save(walk)
  }
}

/** `size(n)`, `binary-unit(8)` and the like behind `::` are no calls. */
function markSegments(walk: Walk, node: number): void {
  const { tree, marks } = walk
  for (const segment of argumentsOf(tree, node, 0)) {
    if (!isBinary(tree, segment, Sym['::'])) continue
    let at = segment + 1 + (tree.extent[segment + 1] as number)
    while (isBinary(tree, at, Sym['-']) || isBinary(tree, at, Sym['*'])) {
      setMark(marks, at + 1 + (tree.extent[at + 1] as number), Mark.NotCall)
      at++
    }
    setMark(marks, at, Mark.NotCall)
  }
}

/** Keywords that carry blocks (`do:`, `else:`, …) end what an alias or import in them began. */
function scopePair(walk: Walk, node: number): void {
  const key = walk.tree.payload[node]
  if (key === Sym.do || key === Sym.else || key === Sym.rescue || key === Sym.catch || key === Sym.after) save(walk)
}

function readCall(walk: Walk, node: number, mark: number): void {
  if ((mark & Mark.NotCall) !== 0) return
  const payload = walk.tree.payload[node] as number
  const form = payload < forms.length ? (forms[payload] as number) : Form.Call
  if (form === Form.Choice) addComplexity(walk, 1)
  else if (form === Form.Cases) addComplexity(walk, clauseCount(walk.tree, node))
  else if (form === Form.Quote) markQuoted(walk, node)
  else if (form === Form.Directive && argumentCount(walk.tree, node) <= 2) return readDirective(walk, node, nameOf(walk.text, node) as 'alias' | 'import' | 'require' | 'use')
  if (walk.quoting !== 'runs') {
    if (form === Form.Unquote && walk.quoting === 'quoted') {
      save(walk)
      walk.quoting = 'runs'
    }
    return
  }
  readRunningCall(walk, node, form, piped(mark))
}

function readRunningCall(walk: Walk, node: number, form: number, extra: number): void {
  const inBody = walk.fn === null && walk.module !== null
  switch (form) {
    case Form.Module:
    case Form.Protocol:
    case Form.Implementation:
      // Not opened: defined only when a function runs. Read for the modules it names.
      save(walk)
      walk.quoting = 'inert'
      return
    case Form.Struct:
    case Form.Exception:
      if (inBody) readStruct(walk, node, form === Form.Struct ? 'struct' : 'exception')
      return
    case Form.Super:
      return recordDynamic(walk, node, 'super', argumentCount(walk.tree, node) + extra, 'local')
    case Form.Describe:
      if (inBody && walk.scope.mayImport) return enterDescribe(walk, node)
  }
  const name = nameOf(walk.text, node)
  if (name === 'apply' && recordApply(walk, node)) return
  recordBare(walk, node, name, argumentCount(walk.tree, node) + extra, 'local')
}

function enterDescribe(walk: Walk, node: number): void {
  save(walk)
  const [title = -1] = argumentsOf(walk.tree, node, 0)
  walk.describe = (title < 0 ? null : stringValue(walk.text, title)) ?? ''
}

function readField(walk: Walk, node: number, mark: number): void {
  if ((mark & Mark.NotCall) !== 0 || walk.quoting !== 'runs') return
  if ((mark & Mark.Piped) !== 0 || moduleNamed(walk, node + 1) !== undefined) recordDotted(walk, node, piped(mark), 'remote')
}

function readDotAlias(walk: Walk, node: number, mark: number): void {
  if ((mark & Mark.NoDependency) !== 0) return
  const module = moduleNamed(walk, node)
  if (module !== undefined) dependOn(walk, module)
}

function readUnary(walk: Walk, node: number): void {
  const { tree } = walk
  if (tree.payload[node] === Sym['@']) readAttribute(walk, node)
  else if (tree.payload[node] === Sym['&'] && walk.quoting === 'runs') readCapture(walk, node)
}

/** `&name/arity` and `&Module.name/arity`. */
function readCapture(walk: Walk, node: number): void {
  const { tree } = walk
  const division = node + 1
  if (tree.kind[division] !== Kind.BinaryOp || tree.payload[division] !== Sym['/']) return
  const left = division + 1
  const right = left + (tree.extent[left] as number)
  if (tree.kind[right] !== Kind.Integer) return
  const arity = Number(nodeText(walk.text, right))
  if (!Number.isInteger(arity) || arity > 255) return
  if (tree.kind[left] === Kind.Variable) {
    setMark(walk.marks, left, Mark.NotCall)
    const name = nameOf(walk.text, left)
    if (/^[\p{L}_]/u.test(name)) recordBare(walk, left, name, arity, 'capture')
  } else if (tree.kind[left] === Kind.Field) {
    setMark(walk.marks, left, Mark.NotCall)
    recordDotted(walk, left, arity, 'capture')
  }
}

function readBinary(walk: Walk, node: number): void {
  const { tree } = walk
  switch (tree.payload[node]) {
    case Sym['|>']:
      setMark(walk.marks, node + 1 + (tree.extent[node + 1] as number), Mark.Piped)
      return
    case Sym.and:
    case Sym.or:
    case Sym['&&']:
    case Sym['||']:
      addComplexity(walk, 1)
  }
}

function addComplexity(walk: Walk, points: number): void {
  if (walk.clause !== null) walk.clause.cyclomatic += points
}

/** Clauses of the do-block or `do:` of a `case` or `cond`. */
function clauseCount(tree: Tree, node: number): number {
  const stop = node + (tree.extent[node] as number)
  for (let child = node + 1; child < stop; child += tree.extent[child] as number) {
    if (tree.kind[child] === Kind.DoBlock) return argumentCount(tree, child + 1)
    const value = keywordValue(tree, child, Sym.do)
    if (value >= 0) return tree.kind[value] === Kind.ParenClauses ? argumentCount(tree, value) : 1
  }
  return 0
}

/** Marks the quoted part of a quote: its do-block or `do:`. */
function markQuoted(walk: Walk, node: number): void {
  const { tree } = walk
  const stop = node + (tree.extent[node] as number)
  let bit: number = walk.quoting === 'runs' ? Mark.Quoted : Mark.Inert
  let block = -1
  for (let child = node + 1; child < stop; child += tree.extent[child] as number) {
    if (tree.kind[child] === Kind.DoBlock) block = child
    else for (const pair of argumentsOf(tree, child, 0)) {
      if (tree.kind[child] !== Kind.Keywords && tree.kind[child] !== Kind.List) break
      if (tree.kind[pair] !== Kind.Pair) continue
      const key = nameOf(walk.text, pair)
      if (key === 'do') block = pair
      if (key === 'bind_quoted' || (key === 'unquote' && tree.payload[pair + 1] === Sym.false)) bit = Mark.Inert
    }
  }
  if (block >= 0) setMark(walk.marks, block, bit)
}

/** Direct children; a do-block and keywords count as one argument each, as in Elixir. */
function argumentCount(tree: Tree, node: number): number {
  const stop = node + (tree.extent[node] as number)
  let count = 0
  for (let child = node + 1; child < stop; child += tree.extent[child] as number) count++
  return count
}

const piped = (mark: number) => ((mark & Mark.Piped) === 0 ? 0 : 1)
