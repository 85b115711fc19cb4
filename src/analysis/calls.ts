/**
 * Calls: recorded as the walk meets them, and the bare ones given their meaning when the module's definitions are all
 * known. The rule for a bare `name/arity`, first match wins:
 * 1. a definition of this module (default arguments counted), or what Elixir defines in every module: local, resolved;
 * 2. an `import … only:` in scope that lists it: imported, resolved;
 * 3. a name of Kernel that no `import Kernel` took away: imported, resolved, or syntactic when a `use` in scope might
 *    have replaced it;
 * 4. the only import in scope that could bring it, when no `use` could and no definition has a computed name: imported,
 *    syntactic, because a macro in the module's body may have defined a local function of that name;
 * 5. nothing known: local, without a module, syntactic.
 * Operators, sigils, special forms and definitions are not listed. `apply(M, :f, [a])` is listed as what it calls.
 */

import type { CallFacts, CallGrade } from '../model/facts.ts'
import { DYNAMIC, type Mfa, type ModuleName } from '../model/names.ts'
import type { NodeId } from '../model/node-id.ts'
import { doBlock, Kind, type Tree } from '../syntax/tree.ts'
import { Sym } from '../syntax/well-known.ts'
import { childId } from './frames.ts'
import { argumentsOf, isBinary } from './heads.ts'
import { directiveForms, kernelNames, silentForms } from './kernel.ts'
import { Mark } from './labels.ts'
import { dependOn, gradeOf, moduleNamed } from './modules.ts'
import { nameOf } from './source-text.ts'
import type { OpenCall, OpenModule, Walk } from './walk-state.ts'
import type { Scope } from './scope.ts'

/** A bare call `name(…)`, or a bare name that a pipe or a capture makes a call. */
export function recordBare(walk: Walk, node: number, name: string, arity: number, kind: CallFacts['kind']): void {
  // `require(a, b, c)` is no directive: a function may have that name with another arity.
  if (walk.module === null || (silentForms.has(name) && !(arity > 2 && directiveForms.has(name)))) return
  const call = record(walk, walk.tree.start[node] as number, { module: null, name, arity, kind, dynamic: false, grade: 'syntactic' })
  walk.module.bareCalls.push({ call, scope: walk.scope })
}

/** A call of `module`, known as surely as `grade` says. */
export function recordRemote(walk: Walk, node: number, callee: Mfa, grade: CallGrade, kind: CallFacts['kind'] = 'remote'): void {
  if (walk.module === null) return
  record(walk, nameOffset(walk.tree, node), { ...callee, kind, dynamic: false, grade })
}

/** The call of the macro that made `node` a definition; it is the body's. */
export function recordDefiner(walk: Walk, module: OpenModule, node: number, id: NodeId): void {
  const { line, column } = walk.at(walk.tree.start[node] as number)
  const arity = argumentsOf(walk.tree, node, 0).length + (doBlock(walk.tree, node) < 0 ? 0 : 1)
  const call: OpenCall = { module: null, name: nameOf(walk.text, node), arity, kind: 'local', dynamic: false, grade: 'syntactic', line, column, node: id }
  module.bodyCalls.push(call)
  module.bareCalls.push({ call, scope: walk.scope })
}

export function recordDynamic(walk: Walk, node: number, name: string, arity: number, kind: CallFacts['kind']): void {
  if (walk.module === null) return
  record(walk, nameOffset(walk.tree, node), { module: null, name, arity, kind, dynamic: true, grade: 'syntactic' })
}

/** `left.name(…)` or, on a module, `left.name`; `arity` is that of the call. */
export function recordDotted(walk: Walk, node: number, arity: number, kind: CallFacts['kind']): void {
  const { tree } = walk
  const module = moduleNamed(walk, node + 1)
  const name = nameOf(walk.text, node)
  if (module === undefined) return recordDynamic(walk, node, name, arity, kind)
  if (tree.kind[node + 1] === Kind.Atom) dependOn(walk, module)
  recordRemote(walk, node, { module, name, arity }, gradeOf(walk, node + 1), kind)
}

/** Reads `apply(module, :name, [args])`; false when it is not of that form and counts as a call of `apply` itself. */
export function recordApply(walk: Walk, node: number): boolean {
  const { tree } = walk
  if (((walk.marks[node] ?? 0) & Mark.Piped) !== 0) return false
  const [target = -1, name = -1, list = -1, ...more] = argumentsOf(tree, node, 0)
  if (list < 0 || more.length > 0 || tree.kind[name] !== Kind.Atom || !isProperList(tree, list)) return false
  const arity = argumentsOf(tree, list, 0).length
  const module = moduleNamed(walk, target)
  if (module === undefined) recordDynamic(walk, node, nameOf(walk.text, name), arity, 'remote')
  else recordRemote(walk, node, { module, name: nameOf(walk.text, name), arity }, gradeOf(walk, target))
  return true
}

function isProperList(tree: Tree, list: number): boolean {
  if (tree.kind[list] !== Kind.List) return false
  const last = argumentsOf(tree, list, 0).at(-1)
  return last === undefined || !isBinary(tree, last, Sym['|'])
}

function record(walk: Walk, offset: number, facts: Omit<CallFacts, 'line' | 'column' | 'node'>): OpenCall {
  const { line, column } = walk.at(offset)
  const call: OpenCall = { ...facts, line, column, node: childId(walk.frames, walk.labels, walk.key, walk.ordinal) }
  if (walk.fn === null) walk.module?.bodyCalls.push(call)
  else if (walk.clause?.root.kind === 'head') walk.clause.headCalls.push(call)
  else walk.fn.calls.push(call)
  return call
}

/** Where the name of a dotted call stands: after the dot; else the start of the node. */
function nameOffset(tree: Tree, node: number): number {
  const kind = tree.kind[node]
  if (kind !== Kind.RemoteCall && kind !== Kind.Field) return tree.start[node] as number
  let at = (tree.at[node] as number) + 1
  while (at < (tree.end[node] as number) && isSpace(tree.source[at] as number)) at++
  return at
}

const isSpace = (byte: number) => byte === 32 || byte === 10 || byte === 9 || byte === 13

/** Gives the module's bare calls their meaning. */
export function resolveBareCalls(module: OpenModule): void {
  for (const { call, scope } of module.bareCalls) resolveBare(module, call, scope)
}

const GIVEN = new Set(['module_info/0', 'module_info/1', '__info__/1'])
const GIVEN_STRUCT = new Set(['__struct__/0', '__struct__/1'])
const GIVEN_EXCEPTION = new Set(['exception/1', 'message/1'])
const GIVEN_PROTOCOL = new Set(['impl_for/1', 'impl_for!/1', '__protocol__/1'])

function resolveBare(module: OpenModule, call: OpenCall, scope: Scope): void {
  const key = `${call.name}/${call.arity}`
  if (isLocal(module, call.name, call.arity, key)) return settle(call, module.name, 'local', 'resolved')
  let possible: ModuleName | null = null
  let nPossible = 0
  for (const entry of scope.imports) {
    if (entry.only?.has(key) === true) return settle(call, entry.module, 'imported', 'resolved')
    if (entry.only !== null || entry.except?.has(key) === true) continue
    possible = entry.module
    nPossible++
  }
  const { kernel } = scope
  if (kernelNames.has(key) && kernel?.only?.has(key) !== false && kernel?.except?.has(key) !== true) {
    return settle(call, 'Kernel', 'imported', scope.mayHideKernel ? 'syntactic' : 'resolved')
  }
  if (nPossible === 1 && !scope.mayImport && !module.byName.has(DYNAMIC)) settle(call, possible, 'imported', 'syntactic')
}

function isLocal(module: OpenModule, name: string, arity: number, key: string): boolean {
  const candidates = module.byName.get(name)
  if (candidates?.some((fn) => arity <= fn.arity && arity >= fn.arity - fn.defaults) === true) return true
  if (GIVEN.has(key)) return true
  if (module.struct !== null && GIVEN_STRUCT.has(key)) return true
  if (module.struct?.kind === 'exception' && GIVEN_EXCEPTION.has(key)) return true
  return module.kind === 'protocol' && GIVEN_PROTOCOL.has(key)
}

function settle(call: OpenCall, module: ModuleName | null, kind: 'local' | 'imported', grade: CallFacts['grade']): void {
  call.module = module
  if (call.kind === 'local') call.kind = kind
  call.grade = grade
}
