/**
 * Heads of definitions: `name(a, b \\ 1) when guard`, operators, and names made by `unquote`, which are `~dynamic`.
 * The same reading serves specs, types and callbacks. Deliberately absent: what stands behind the head.
 */

import { DYNAMIC } from '../model/names.ts'
import { Kind, type Tree } from '../syntax/tree.ts'
import { Sym } from '../syntax/well-known.ts'
import { nameOf, type SourceText } from './source-text.ts'
import type { ClauseHead } from './walk-state.ts'

/** Reads the head at `node`; undefined when it is no head that Elixir accepts. */
export function readHead(text: SourceText, node: number): ClauseHead | undefined {
  const { tree } = text
  const whenNode = isBinary(tree, node, Sym.when) ? node : -1
  const headNode = unblock(tree, whenNode < 0 ? node : node + 1)
  const named = nameAndParameters(text, headNode)
  if (named === undefined) return undefined
  const guard = whenNode < 0 ? -1 : whenNode + 1 + (tree.extent[whenNode + 1] as number)
  const defaults = named.parameters.filter((one) => isBinary(tree, one, Sym['\\\\'])).length
  return { ...named, defaults, guard, headNode, whenNode }
}

/** `name/arity` of a spec, type or callback: `name(args) :: type`, with `when` around it or without. */
export function readTyped(text: SourceText, node: number): { readonly name: string; readonly arity: number } | undefined {
  const { tree } = text
  let at = unblock(tree, node)
  if (isBinary(tree, at, Sym.when)) at = at + 1
  if (isBinary(tree, at, Sym['::'])) at = at + 1
  const named = nameAndParameters(text, unblock(tree, at))
  return named === undefined ? undefined : { name: named.name, arity: named.parameters.length }
}

type Named = { readonly name: string; readonly parameters: readonly number[] }

function nameAndParameters(text: SourceText, node: number): Named | undefined {
  const { tree } = text
  switch (tree.kind[node]) {
    case Kind.Variable:
      return { name: nameOf(text, node), parameters: [] }
    case Kind.Call:
      return tree.payload[node] === Sym.unquote
        ? { name: DYNAMIC, parameters: [] }
        : { name: nameOf(text, node), parameters: argumentsOf(tree, node, 0) }
    case Kind.CallCall:
      return { name: unquotedName(text, node + 1), parameters: argumentsOf(tree, node, 1) }
    case Kind.UnaryOp:
    case Kind.NullaryOp:
    case Kind.BinaryOp:
      return operatorHead(text, node)
    default:
      return undefined
  }
}

/** `unquote(:name)` is that name; what else is unquoted, only the compiler knows. */
function unquotedName(text: SourceText, call: number): string {
  const { tree } = text
  return tree.payload[call] === Sym.unquote && tree.kind[call + 1] === Kind.Atom ? nameOf(text, call + 1) : DYNAMIC
}

function operatorHead(text: SourceText, node: number): Named {
  const { tree } = text
  const parameters = argumentsOf(tree, node, 0)
  const [left = -1, right = -1] = parameters
  if (isBinary(tree, node, Sym['//']) && isBinary(tree, left, Sym['..'])) {
    return { name: '..//', parameters: [...argumentsOf(tree, left, 0), right] }
  }
  return { name: nameOf(text, node), parameters }
}

/** The children of a call from `first` on, its do-block aside. */
export function argumentsOf(tree: Tree, node: number, first: number): number[] {
  const found: number[] = []
  const stop = node + (tree.extent[node] as number)
  let index = 0
  for (let child = node + 1; child < stop; child += tree.extent[child] as number) {
    if (index++ >= first && tree.kind[child] !== Kind.DoBlock) found.push(child)
  }
  return found
}

/** The expression inside parentheses that protect it. */
export function unblock(tree: Tree, node: number): number {
  let at = node
  while (tree.kind[at] === Kind.Block && (tree.extent[at] as number) > 1 && (tree.extent[at + 1] as number) === (tree.extent[at] as number) - 1) at++
  return at
}

export function isBinary(tree: Tree, node: number, operator: number): boolean {
  return node >= 0 && tree.kind[node] === Kind.BinaryOp && tree.payload[node] === operator
}

/** The value of `key:` among keywords (Keywords or a bracketed list), or -1. */
export function keywordValue(tree: Tree, keywords: number, key: number): number {
  const kind = tree.kind[keywords]
  if (kind !== Kind.Keywords && kind !== Kind.List) return -1
  for (const child of argumentsOf(tree, keywords, 0)) {
    if (tree.kind[child] === Kind.Pair && tree.payload[child] === key) return child + 1
  }
  return -1
}
