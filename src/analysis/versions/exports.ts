/**
 * What a module shows to others: all that the facts of another module could ever depend on. While the digest of it stays
 * the same, no other module needs a second look.
 *
 * The rule today is stricter still: facts are a function of one file's text alone. An import that is not seen to bring a
 * name leaves the call `syntactic`, a `use` is only marked (scope.ts), and callees are joined when asked. So a change of
 * one file alters no facts of another, and none is read again; only the numbers of modules defined more than once cross
 * files, and the store settles those itself. The digest tells subscribers whether callers may be affected.
 */

import { hash } from 'node:crypto'
import type { FunctionKind, ModuleFacts } from '../../model/facts.ts'

const PRIVATE: ReadonlySet<FunctionKind> = new Set(['defp', 'defmacrop', 'defguardp'])
/** Their code ends up in the modules that use them. */
const EXPANDED: ReadonlySet<FunctionKind> = new Set(['defmacro', 'defguard'])

/** SHA-256, hex: public functions with arities, macros with their code, struct, callbacks, types, what it implements. */
export function exportsHash(module: ModuleFacts): string {
  const functions = module.functions.filter(({ kind }) => !PRIVATE.has(kind)).map(({ kind, name, arity, defaults, deprecated, treeHash }) =>
    [name, arity, defaults, EXPANDED.has(kind) ? treeHash : null, deprecated])
  const types = module.types.filter(({ kind }) => kind !== 'typep').map(({ kind, name, arity, text }) => [name, arity, kind, kind === 'opaque' ? null : text])
  const callbacks = module.callbacks.map(({ kind, name, arity, text, optional }) => [name, arity, kind, text, optional])
  const struct = module.struct === null ? null : [module.struct.kind, module.struct.fields.map(({ name }) => name), module.struct.enforced]
  return hash('sha256', JSON.stringify([
    module.name, module.kind, module.implements, module.deprecated, sorted(functions), sorted(types), sorted(callbacks), struct, module.behaviours.toSorted(),
  ]), 'hex')
}

/** In one order, wherever in the module each stands. */
const sorted = (rows: readonly (readonly unknown[])[]): string[] => rows.map((row) => JSON.stringify(row)).sort()
