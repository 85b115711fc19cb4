/**
 * The calls of one function that may be what a tracer reported, in one version of its source. Why that takes more than
 * comparing lines:
 *
 * - The runtime system reports the line of the address a call returns to. Where nothing stands between a call and the next
 *   instruction that has a line, that is the line of this next one: `x |> f() |> g()` over three lines reports `f` at the
 *   line of `g` (`flow.ts`).
 * - A call in tail position has left its function when the callee is traced: reported is who called the function, and from where.
 * - A `fn` runs as a function of its own, or within the one around it when the compiler inlined it.
 *
 * Absent on purpose: versions, and what to make of several places (`resolve.ts`).
 */

import type { CallSite, FunctionCode, Named } from './code.ts'

/** A function as the source has it. */
export type Callee = { readonly module: string; readonly name: string; readonly arity: number }
export type Part = 'function' | 'within'

export function callsOf({ calls }: FunctionCode, callee: Callee): CallSite[] {
  return calls.filter((call) => isNamed(call, callee))
}

/** Whether it hands this function to others, which may call it. */
export function captures(fn: FunctionCode, callee: Callee): boolean {
  return fn.captures.some((one) => isNamed(one, callee))
}

function isNamed({ module, name, arity }: Named, callee: Callee): boolean {
  return name === callee.name && arity === callee.arity && (module === callee.module || module === null)
}

/** Of several calls those that stand in a `fn` (or do not), where there are any. */
export function preferPart(calls: readonly CallSite[], part: Part): readonly CallSite[] {
  if (calls.length < 2) return calls
  const fitting = calls.filter((call) => (part === 'within') === standsWithin(call))
  return fitting.length > 0 ? fitting : calls
}

const standsWithin = (call: CallSite) => segmentsOf(call).some((segment) => WITHIN.has(segment))
const WITHIN: ReadonlySet<string> = new Set(['fn', '&', 'for'])

/** Calls on other lines that the runtime system reports at this one, because that of what runs next is read. */
export function callsBefore(fitting: readonly CallSite[], line: number): CallSite[] {
  return fitting.filter((call) => call.line !== line && call.alsoAt.includes(line))
}

/** Whether it is reported at this line should the compiler have left out what stands between. */
export function perhapsAt({ perhapsAt: lines, isTail }: CallSite, line: number): boolean {
  return !isTail && lines !== null && lines[0] <= line && line <= lines[1]
}

/** Arguments before what they are arguments of, else as written. */
export function inOrderOfEvaluation(calls: readonly CallSite[]): CallSite[] {
  const order: CallSite[] = []
  const open: CallSite[] = []
  for (const call of calls) {
    for (let top = open.at(-1); top !== undefined && !call.node.startsWith(`${top.node}/`); top = open.at(-1)) {
      order.push(top)
      open.pop()
    }
    open.push(call)
  }
  return [...order, ...open.toReversed()]
}

/** Beneath these a call may not happen, or more than once. */
const CONDITIONAL: ReadonlySet<string> = new Set(['if', 'unless', 'case', 'cond', 'with', 'receive', 'try', 'else', 'rescue', 'catch', '&&', '||', 'and', 'or', 'fn', '&', 'for'])

const LAZY: ReadonlySet<string> = new Set(['&&', '||', 'and', 'or'])

/** Whether this stands in a chain such as `a || b || c`, which goes on or ends, and leaves none out. */
function isLink(path: readonly string[], operator: string): boolean {
  return LAZY.has(operator) && path[0] === operator && !path.slice(path.findIndex((word) => word !== operator)).some((word) => CONDITIONAL.has(word))
}

/** How many of these, from the first, happen whenever the one before has happened, and once. */
export function nCertain(calls: readonly CallSite[]): number {
  const paths = calls.map(({ node }) => node.split('/'))
  const from = Math.max(0, nShared(paths) - 1)
  const words = paths.map((path) => path.slice(from).map(wordOf))
  if (words.every((path) => isLink(path, words[0]?.[0] ?? ''))) return calls.length
  const doubtful = words.findIndex((path) => path.some((word) => CONDITIONAL.has(word)))
  return doubtful < 0 ? calls.length : doubtful
}

/** The calls with which the function, or one of its clauses, ends. */
export function tailCallsOf(fn: FunctionCode): CallSite[] {
  return fn.calls.filter((call) => call.isTail && !standsWithin(call))
}

/** The labels between the clause and the call, the call's own at the end; ordinals cut off. */
function segmentsOf(call: CallSite): string[] {
  return pathOf(call).slice(1).map(wordOf)
}

/** The clause, and the labels down to the call's own. */
export const pathOf = ({ node }: CallSite) => node.slice(rootEnd(node)).split('/')

export const wordOf = (segment: string) => segment.replace(/:\d+$/, '')
/** A `#` in a label is encoded, and quoted names stand before the one that is meant. */
const rootEnd = (node: string) => node.lastIndexOf('#')

/** The node around all of these; undefined where they are of several functions. */
export function around(nodes: readonly string[]): string | undefined {
  const roots = new Set(nodes.map((node) => node.slice(0, rootEnd(node))))
  const [root] = roots
  if (root === undefined || roots.size > 1) return undefined
  const paths = nodes.map((node) => node.slice(rootEnd(node)).split('/'))
  return root + (paths[0] ?? []).slice(0, nShared(paths)).join('/')
}

/** How many segments, from the first, all have in common. */
function nShared(paths: readonly (readonly string[])[]): number {
  const [first = []] = paths
  const parted = first.findIndex((segment, at) => paths.some((path) => path[at] !== segment))
  return parted < 0 ? first.length : parted
}
