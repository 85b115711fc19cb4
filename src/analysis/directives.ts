/**
 * `alias`, `import`, `require` and `use`: what they add to the environment from here on, and the facts about them.
 * Deliberately absent: what the used module's `__using__` expands to; the environment is marked as one in which bare
 * names may have come from there.
 */

import type { Directive } from '../model/facts.ts'
import type { ModuleName } from '../model/names.ts'
import { Kind } from '../syntax/tree.ts'
import { Sym } from '../syntax/well-known.ts'
import { recordRemote } from './calls.ts'
import { argumentsOf, keywordValue } from './heads.ts'
import { inertUses, kernelKeepingUses } from './kernel.ts'
import { Mark, setMark } from './labels.ts'
import { dependOn, modulesNamed } from './modules.ts'
import { lastSegment, withAlias, withImport } from './scope.ts'
import { nameOf, nodeText, shortSlice } from './source-text.ts'
import type { Walk } from './walk-state.ts'

export type DirectiveKind = Directive['kind']

/** Reads the directive at `node`, a call of that name. */
export function readDirective(walk: Walk, node: number, kind: DirectiveKind): void {
  const { tree } = walk
  const [target, options = -1] = argumentsOf(tree, node, 0)
  if (target === undefined) return
  const modules = modulesNamed(walk, target)
  for (let at = target; at < target + (tree.extent[target] as number); at++) setMark(walk.marks, at, Mark.NoDependency | Mark.NotCall)
  const as = options < 0 ? -1 : keywordValue(tree, options, Sym.as)
  if (as >= 0) setMark(walk.marks, as, Mark.NoDependency)
  for (const module of modules) {
    dependOn(walk, module)
    const directive = describeDirective(walk, node, kind, module, options)
    if (walk.quoting === 'runs') walk.module?.directives.push(directive)
    apply(walk, node, directive)
  }
}

function describeDirective(walk: Walk, node: number, kind: DirectiveKind, module: ModuleName, options: number): Directive {
  const { tree } = walk
  const { line, column } = walk.at(tree.start[node] as number)
  const as = options < 0 ? -1 : keywordValue(tree, options, Sym.as)
  const explicit = as < 0 ? null : nodeText(walk.text, as)
  const last = module.startsWith(':') ? null : lastSegment(module)
  const rest = argumentsOf(tree, node, 1)
  const [first] = rest
  const argument = first === undefined ? null : shortSlice(walk.text, tree.start[first] as number, tree.end[rest.at(-1) ?? first] as number)
  return {
    kind, module,
    as: kind === 'alias' ? (explicit ?? last) : kind === 'require' ? explicit : null,
    only: kind === 'import' ? importList(walk, options, Sym.only) : null,
    except: kind === 'import' ? importList(walk, options, Sym.except) : null,
    argument,
    line, column,
  }
}

function apply(walk: Walk, node: number, directive: Directive): void {
  const { kind, module, as } = directive
  if (as !== null) walk.scope = withAlias(walk.scope, walk.aliases, as, module)
  if (kind === 'import') walk.scope = importing(walk, directive)
  if (kind === 'use') {
    if (walk.quoting === 'runs') recordRemote(walk, node, { module, name: '__using__', arity: 1 }, 'resolved')
    if (inertUses.has(module)) return
    walk.scope = { ...walk.scope, mayImport: true, mayHideKernel: walk.scope.mayHideKernel || !kernelKeepingUses.has(module) }
  }
}

function importing(walk: Walk, { module, only, except }: Directive): Walk['scope'] {
  // `only: :functions` narrows to what we cannot see from here: it stays an import of the whole.
  const listed = only?.every((one) => !one.startsWith(':')) === true ? only : null
  return withImport(walk.scope, { module, only: listed === null ? null : new Set(listed), except: except === null ? null : new Set(except) })
}

/** `name/arity` of each entry of `only:` or `except:`, or the atom; null when there is none or it is computed. */
function importList(walk: Walk, options: number, key: number): string[] | null {
  const { tree } = walk
  const value = options < 0 ? -1 : keywordValue(tree, options, key)
  if (value < 0) return null
  if (tree.kind[value] === Kind.Atom) return [`:${nameOf(walk.text, value)}`]
  if (tree.kind[value] !== Kind.List) return null
  return argumentsOf(tree, value, 0)
    .filter((pair) => tree.kind[pair] === Kind.Pair)
    .map((pair) => `${nameOf(walk.text, pair)}/${nodeText(walk.text, pair + 1)}`)
}
