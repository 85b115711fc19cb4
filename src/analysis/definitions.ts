/**
 * Definitions of functions: clauses, heads without a body, delegates and ExUnit tests. Opening one makes its node the
 * root of node ids (see `node-ids.ts`); the walk closes it where its subtree ends. A head without a body is a clause
 * only when the function has no other, as in a protocol; until that is known its id hangs under the module's body.
 * Deliberately absent: what quoted code or a function's body defines when it runs.
 */

import type { FunctionKind } from '../model/facts.ts'
import { DYNAMIC, formatMfa } from '../model/names.ts'
import { encodeLabel } from '../model/node-id.ts'
import { doBlock, Kind } from '../syntax/tree.ts'
import { Sym } from '../syntax/well-known.ts'
import { NO_DOC } from './attributes.ts'
import { argumentsOf, keywordValue, readHead } from './heads.ts'
import { recordDefiner } from './calls.ts'
import { silentForms } from './kernel.ts'
import { Mark, setMark } from './labels.ts'
import { gradeOf, moduleNamed } from './modules.ts'
import { nameOf } from './source-text.ts'
import { stringValue } from './string-value.ts'
import { save, type ClauseHead, type OpenClause, type OpenFunction, type OpenModule, type Root, type Walk } from './walk-state.ts'

/** Opens the clause at `node`, a call of `kind`; the id of its root, or undefined when it is no definition here. */
export function openClause(walk: Walk, node: number, kind: FunctionKind): string | undefined {
  const { tree, module } = walk
  if (module === null || walk.fn !== null || walk.quoting !== 'runs') return undefined
  const [first = -1, body = -1] = argumentsOf(tree, node, 0)
  if (first < 0) return undefined
  if (kind === 'defdelegate') return openDelegate(walk, module, node, first, body)
  const head = readHead(walk.text, first)
  if (head === undefined) return undefined
  const hasBody = body >= 0 || kind === 'defguard' || kind === 'defguardp' || doBlock(tree, node) >= 0
  return open(walk, module, node, kind, head, hasBody ? 'clause' : 'head')
}

/**
 * Opens what a macro of the project defines, e.g. `defcounted total(cart) do … end` or `defn add(a, b), do: …`: a call whose
 * name begins with `def`, with a head and a do-block. It is read as the function that its head names, private when the
 * macro's name ends in `p`; whether the macro defines just that, only its expansion tells.
 */
export function openCustom(walk: Walk, node: number): string | undefined {
  const { tree, module } = walk
  if (module === null || walk.fn !== null || walk.quoting !== 'runs') return undefined
  const definer = nameOf(walk.text, node)
  if (!definer.startsWith('def') || silentForms.has(definer)) return undefined
  const [first = -1, keywords = -1] = argumentsOf(tree, node, 0)
  if (first < 0 || (doBlock(tree, node) < 0 && (keywords < 0 || keywordValue(tree, keywords, Sym.do) < 0))) return undefined
  const head = readHead(walk.text, first)
  if (head === undefined || tree.kind[head.headNode] !== Kind.Call) return undefined
  const id = open(walk, module, node, definer.endsWith('p') ? 'defp' : 'def', head, 'clause')
  recordDefiner(walk, module, node, id)
  return id
}

/** Opens an ExUnit `test "name", context do … end` as the function that ExUnit makes of it. */
export function openTest(walk: Walk, node: number): string | undefined {
  const { module } = walk
  if (module === null || walk.fn !== null || walk.quoting !== 'runs' || !walk.scope.mayImport) return undefined
  const [title = -1, context = -1] = argumentsOf(walk.tree, node, 0)
  if (title < 0) return undefined
  const value = stringValue(walk.text, title)
  const name = value === null ? DYNAMIC : `test ${walk.describe === '' ? '' : `${walk.describe} `}${value}`
  const takesContext = context >= 0 && walk.tree.kind[context] !== Kind.Keywords
  const head: ClauseHead = { name, parameters: takesContext ? [context] : [], defaults: 0, guard: -1, headNode: -1, whenNode: -1 }
  return open(walk, module, node, 'def', head, 'test')
}

function open(walk: Walk, module: OpenModule, node: number, kind: FunctionKind, head: ClauseHead, role: 'clause' | 'head' | 'test'): string {
  const arity = role === 'test' ? 1 : head.parameters.length
  const fn = functionOf(module, kind, head.name, arity, role === 'test')
  takePending(module, fn)
  fn.defaults = Math.max(fn.defaults, head.defaults)
  const list = role === 'head' ? fn.heads : fn.clauses
  const root = addRoot(walk, module, node, fn, role === 'head' ? 'head' : 'clause', list.length + 1, markHead(walk, head))
  const clause: OpenClause = { node, head, root, headCalls: [], cyclomatic: 1, canonicalStart: walk.canonical.length, canonicalEnd: 0 }
  list.push(clause)
  walk.openClauses.push(clause)
  save(walk, 'clause')
  walk.fn = fn
  walk.clause = clause
  return root.id
}

function addRoot(walk: Walk, module: OpenModule, node: number, fn: OpenFunction, kind: Root['kind'], ordinal: number, marks: Root['marks']): Root {
  const id = kind === 'head' ? headId(module, fn, ordinal) : clauseId(module, fn, ordinal)
  const root: Root = { node, id, kind, module: module.node, name: module.name, marks }
  walk.roots.push(root)
  return root
}

export function clauseId(module: OpenModule, fn: OpenFunction, ordinal: number): string {
  return `${formatMfa({ module: module.name, name: fn.name, arity: fn.arity })}#${ordinal}`
}

/** Id of a head that is no clause. */
export function headId(module: OpenModule, fn: OpenFunction, ordinal: number): string {
  return `${module.name}#body/${encodeLabel(`${fn.name}/${fn.arity}`)}${ordinal === 1 ? '' : `:${ordinal}`}`
}

function functionOf(module: OpenModule, kind: FunctionKind, name: string, arity: number, isTest: boolean): OpenFunction {
  const key = `${name}/${arity}`
  const known = module.functions.get(key)
  if (known !== undefined) return known
  const fn: OpenFunction = {
    kind, name, arity, isTest, defaults: 0, clauses: [], heads: [], doc: NO_DOC, impl: null, deprecated: null, delegateTo: null, calls: [],
  }
  module.functions.set(key, fn)
  const same = module.byName.get(name)
  if (same === undefined) module.byName.set(name, [fn])
  else same.push(fn)
  return fn
}

function takePending(module: OpenModule, fn: OpenFunction): void {
  const { doc, impl, deprecated } = module.pending
  if (doc !== null) fn.doc = doc
  if (impl !== null) fn.impl = impl
  if (deprecated !== null) fn.deprecated = deprecated
  if (doc !== null || impl !== null || deprecated !== null) module.pending = { doc: null, impl: null, deprecated: null }
}

function markHead(walk: Walk, head: ClauseHead): Root['marks'] {
  const { tree } = walk
  const marks: { node: number; bit: number }[] = []
  if (head.headNode >= 0) marks.push({ node: head.headNode, bit: Mark.Head | Mark.NotCall })
  if (head.whenNode >= 0) marks.push({ node: head.whenNode, bit: Mark.Transparent })
  if (head.guard >= 0) marks.push({ node: head.guard, bit: Mark.Guard })
  for (const { node, bit } of marks) setMark(walk.marks, node, bit)
  // `def a |> b` defines the operator: its right side is a parameter, no step of a pipe.
  if (tree.kind[head.headNode] === Kind.BinaryOp) for (const parameter of head.parameters) setMark(walk.marks, parameter, Mark.NotCall)
  return marks
}

function openDelegate(walk: Walk, module: OpenModule, node: number, first: number, options: number): string | undefined {
  const { tree } = walk
  const nodes = tree.kind[first] === Kind.List ? argumentsOf(tree, first, 0) : [first]
  const heads = nodes.map((one) => readHead(walk.text, one)).filter((head) => head !== undefined)
  const pending = { ...module.pending }
  let opened: string | undefined
  for (const head of heads) {
    module.pending = { ...pending }
    const id = open(walk, module, node, 'defdelegate', head, 'clause')
    delegate(walk, node, head, options, id)
    opened ??= id
  }
  const [head] = heads
  if (head !== undefined) walk.fn = module.functions.get(`${head.name}/${head.parameters.length}`) ?? null
  return opened
}

/** The call that a delegate makes, and where it leads. */
function delegate(walk: Walk, node: number, head: ClauseHead, options: number, id: string): void {
  const { tree, fn } = walk
  if (fn === null) return
  const to = options < 0 ? -1 : keywordValue(tree, options, Sym.to)
  const as = options < 0 ? -1 : keywordValue(tree, options, Sym.as)
  const target = to < 0 ? undefined : moduleNamed(walk, to)
  const name = as >= 0 && tree.kind[as] === Kind.Atom ? nameOf(walk.text, as) : head.name
  const { line, column } = walk.at(tree.start[node] as number)
  if (target !== undefined) {
    fn.delegateTo = { module: target, name }
    if (target.startsWith(':')) walk.module?.dependencies.add(target)
  }
  fn.calls.push({
    module: target ?? null, name, arity: fn.arity, kind: 'delegate', dynamic: target === undefined, grade: target === undefined ? 'syntactic' : gradeOf(walk, to),
    line, column, node: id,
  })
}
