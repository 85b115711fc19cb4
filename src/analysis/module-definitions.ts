/**
 * Definitions of modules: `defmodule`, `defprotocol` and `defimpl`, nested as they are written. A nested module's first
 * name becomes an alias for the rest of the enclosing block, as in Elixir. `defimpl … for: [A, B]` is one module per
 * target over one subtree: the walk reads it once for each. Deliberately absent: modules that quoted code or a function's
 * body would define when it runs (a test's body does run, so its modules count).
 */

import type { ModuleKind } from '../model/facts.ts'
import { DYNAMIC, type ModuleName } from '../model/names.ts'
import { Kind } from '../syntax/tree.ts'
import { Sym } from '../syntax/well-known.ts'
import { NO_DOC } from './attributes.ts'
import { argumentsOf, keywordValue } from './heads.ts'
import { Mark, setMark } from './labels.ts'
import { moduleNamed } from './modules.ts'
import { firstSegment, withAlias } from './scope.ts'
import { nameOf } from './source-text.ts'
import { save, type OpenModule, type Walk } from './walk-state.ts'

/** Modules within modules are read this deep; Elixir itself stops where a name is longer than 255 characters. */
const MAX_DEPTH = 100

/** Opens the module at `node`; the id of its body, or undefined when nothing is defined here. */
export function openModule(walk: Walk, node: number, kind: ModuleKind): string | undefined {
  if (walk.quoting !== 'runs' || (walk.fn !== null && !walk.fn.isTest)) return undefined
  const [named = -1] = argumentsOf(walk.tree, node, 0)
  if (named < 0 || walk.depth >= MAX_DEPTH || !hasBody(walk, node)) return undefined
  return kind === 'implementation' ? openImplementation(walk, node, named) : openNamed(walk, node, named, kind)
}

function openNamed(walk: Walk, node: number, named: number, kind: ModuleKind): string {
  const name = definedName(walk, named)
  const stop = named + (walk.tree.extent[named] as number)
  for (let at = named; at < stop; at++) setMark(walk.marks, at, Mark.NoDependency)
  if (walk.module !== null && walk.tree.kind[named] === Kind.Alias && name.startsWith(`${walk.module.name}.`)) {
    const short = firstSegment(nameOf(walk.text, named))
    walk.scope = withAlias(walk.scope, walk.aliases, short, `${walk.module.name}.${short}`)
  }
  return enter(walk, node, name, kind, null, [])
}

/** A nested module carries the name of the one around it; aliases count only at the top, as in Elixir. */
function definedName(walk: Walk, named: number): ModuleName {
  if (walk.module !== null && walk.tree.kind[named] === Kind.Alias) {
    const written = nameOf(walk.text, named)
    return written.startsWith('Elixir.') ? written.slice(7) : `${walk.module.name}.${written}`
  }
  return moduleNamed(walk, named) ?? DYNAMIC
}

function openImplementation(walk: Walk, node: number, named: number): string {
  const protocol = moduleNamed(walk, named) ?? DYNAMIC
  const targets = walk.repeat?.node === node ? walk.repeat.targets : targetsOf(walk, node)
  const [target = DYNAMIC, ...more] = targets
  return enter(walk, node, `${protocol}.${target.replace(/^:/, '')}`, 'implementation', { protocol, target }, more)
}

function targetsOf(walk: Walk, node: number): ModuleName[] {
  const { tree } = walk
  const [, options = -1] = argumentsOf(tree, node, 0)
  const value = options < 0 ? -1 : keywordValue(tree, options, Sym.for)
  if (value < 0) return [walk.module?.name ?? DYNAMIC]
  const nodes = tree.kind[value] === Kind.List ? argumentsOf(tree, value, 0) : [value]
  return nodes.map((one) => moduleNamed(walk, one) ?? DYNAMIC)
}

function enter(
  walk: Walk, node: number, name: ModuleName, kind: ModuleKind, implemented: OpenModule['implements'], moreTargets: readonly ModuleName[],
): string {
  save(walk, 'module')
  walk.depth++
  const module: OpenModule = {
    name, kind, implements: implemented, node, canonicalStart: walk.canonical.length, canonicalEnd: 0, doc: NO_DOC, deprecated: null,
    directives: [], attributes: [], behaviours: [], types: [], callbacks: [], optionalCallbacks: new Set(), specs: new Map(), struct: null, enforced: [],
    functions: new Map(), byName: new Map(), bodyCalls: [], bareCalls: [], dependencies: new Set(),
    pending: { doc: null, impl: null, deprecated: null }, moreTargets,
  }
  walk.modules.push(module)
  walk.module = module
  walk.fn = null
  walk.clause = null
  walk.describe = ''
  const id = `${name}#body`
  walk.roots.push({ node, id, kind: 'body', module: node, name, marks: [] })
  return id
}

function hasBody(walk: Walk, node: number): boolean {
  const { tree } = walk
  const stop = node + (tree.extent[node] as number)
  for (let child = node + 1; child < stop; child += tree.extent[child] as number) {
    if (tree.kind[child] === Kind.DoBlock || keywordValue(tree, child, Sym.do) >= 0) return true
  }
  return false
}
