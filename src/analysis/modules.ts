/**
 * Which module an expression names, as far as the source says: aliases resolved, `__MODULE__`, atoms. Undefined for
 * what only run time knows.
 */

import type { CallGrade } from '../model/facts.ts'
import type { ModuleName } from '../model/names.ts'
import { Kind } from '../syntax/tree.ts'
import { Sym } from '../syntax/well-known.ts'
import { elixirModules } from './kernel.ts'
import { atomModule, firstSegment, resolveAlias } from './scope.ts'
import { nameOf } from './source-text.ts'
import type { Walk } from './walk-state.ts'

export function moduleNamed(walk: Walk, node: number): ModuleName | undefined {
  const { tree } = walk
  switch (tree.kind[node]) {
    case Kind.Alias:
      return resolveAlias(walk.aliases, nameOf(walk.text, node))
    case Kind.Atom:
      return isReservedAtom(tree.payload[node]) ? undefined : atomModule(nameOf(walk.text, node))
    case Kind.Variable:
      return tree.payload[node] === Sym.__MODULE__ ? walk.module?.name : undefined
    case Kind.DotAlias: {
      // Elixir chains these only one deep; parentheses could nest them without end.
      const base = tree.kind[node + 1] === Kind.DotAlias ? undefined : moduleNamed(walk, node + 1)
      return base === undefined || base.startsWith(':') ? undefined : `${base}.${nameOf(walk.text, node)}`
    }
    default:
      return undefined
  }
}

/**
 * How surely `moduleNamed` knows what an expression names: a `use` of foreign code may have brought an alias for a name
 * that is neither an alias of this file, nor one of Elixir's own modules, nor begins as this module's name does.
 */
export function gradeOf(walk: Walk, node: number): CallGrade {
  if (!walk.scope.mayHideKernel || walk.tree.kind[node] !== Kind.Alias) return 'resolved'
  const first = firstSegment(nameOf(walk.text, node))
  const known = walk.aliases.current.has(first) || elixirModules.has(first) || (walk.module !== null && firstSegment(walk.module.name) === first)
  return known ? 'resolved' : 'syntactic'
}

/** The modules that a directive names: one, or each of `Foo.{A, B}`. */
export function modulesNamed(walk: Walk, node: number): ModuleName[] {
  const { tree } = walk
  if (tree.kind[node] !== Kind.MultiAlias) {
    const module = moduleNamed(walk, node)
    return module === undefined ? [] : [module]
  }
  const base = moduleNamed(walk, node + 1)
  if (base === undefined) return []
  const found: ModuleName[] = []
  const stop = node + (tree.extent[node] as number)
  for (let child = node + 1 + (tree.extent[node + 1] as number); child < stop; child += tree.extent[child] as number) {
    if (tree.kind[child] === Kind.Alias) found.push(`${base}.${nameOf(walk.text, child)}`)
  }
  return found
}

export function dependOn(walk: Walk, module: ModuleName): void {
  walk.module?.dependencies.add(module)
}

const isReservedAtom = (payload: number | undefined) => payload === Sym.nil || payload === Sym.true || payload === Sym.false
