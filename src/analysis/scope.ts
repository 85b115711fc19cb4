/**
 * The lexical environment at a place: what aliases and imports say there. A scope is an immutable value, so that a
 * block's end restores it by keeping the old one and a call keeps the one it was made in. Aliases lie in one table with
 * a trail, which a scope marks by its length, so that looking one up costs the same however many there are.
 * Deliberately absent: what a `use` of another module brings in; it is only marked.
 */

import type { ModuleName } from '../model/names.ts'

export type Scope = {
  /** Length of the trail of aliases here. */
  readonly aliasMark: number
  /** Newest first, each module once. */
  readonly imports: readonly Import[]
  /** `import Kernel, only: …` or `except: …`. */
  readonly kernel: { readonly only: ReadonlySet<string> | null; readonly except: ReadonlySet<string> | null } | null
  /** A `use` in scope may import names that we cannot see. */
  readonly mayImport: boolean
  /** A `use` of foreign code in scope may have replaced names of Kernel and brought aliases. */
  readonly mayHideKernel: boolean
}

export type Import = {
  readonly module: ModuleName
  /** `name/arity` of `only:`; null when all is imported. */
  readonly only: ReadonlySet<string> | null
  readonly except: ReadonlySet<string> | null
}

/** Aliases in force, and what each replaced. */
export type Aliases = {
  readonly current: Map<string, ModuleName>
  readonly trail: { readonly short: string; readonly before: ModuleName | undefined }[]
}

/** Imports that are told apart in one scope; of more, the oldest count as unseen. */
const MAX_IMPORTS = 100

export const emptyScope: Scope = { aliasMark: 0, imports: [], kernel: null, mayImport: false, mayHideKernel: false }

export function withAlias(scope: Scope, aliases: Aliases, short: string, target: ModuleName): Scope {
  aliases.trail.push({ short, before: aliases.current.get(short) })
  aliases.current.set(short, target)
  return { ...scope, aliasMark: aliases.trail.length }
}

/** Takes back the aliases that were added since `scope`. */
export function restoreAliases(aliases: Aliases, scope: Scope): void {
  while (aliases.trail.length > scope.aliasMark) {
    const last = aliases.trail.pop()
    if (last === undefined) return
    if (last.before === undefined) aliases.current.delete(last.short)
    else aliases.current.set(last.short, last.before)
  }
}

export function withImport(scope: Scope, entry: Import): Scope {
  if (entry.module === 'Kernel') return { ...scope, kernel: { only: entry.only, except: entry.except } }
  const imports = [entry, ...scope.imports.filter((one) => one.module !== entry.module)]
  return imports.length <= MAX_IMPORTS ? { ...scope, imports } : { ...scope, imports: imports.slice(0, MAX_IMPORTS), mayImport: true }
}

/** The module that a written alias such as `Cart.Item` means: its first segment is looked up, the rest follows. */
export function resolveAlias(aliases: Aliases, written: string): ModuleName {
  const dot = written.indexOf('.')
  const target = aliases.current.get(dot < 0 ? written : written.slice(0, dot))
  if (target === undefined) return stripElixir(written)
  return dot < 0 ? target : target + written.slice(dot)
}

/** `Elixir.Foo` is `Foo`. */
export function stripElixir(written: string): ModuleName {
  return written.startsWith('Elixir.') ? written.slice(7) : written
}

/** The module that an atom names: `:lists`, and `Foo` for `:"Elixir.Foo"`. */
export function atomModule(atom: string): ModuleName {
  if (atom.startsWith('Elixir.')) return atom.slice(7)
  return /^[\p{L}_][\p{L}\p{N}\p{M}_@]*[?!]?$/u.test(atom) ? `:${atom}` : `:${JSON.stringify(atom)}`
}

export function lastSegment(module: ModuleName): string {
  return module.slice(module.lastIndexOf('.') + 1)
}

export function firstSegment(module: ModuleName): string {
  const dot = module.indexOf('.')
  return dot < 0 ? module : module.slice(0, dot)
}
