/**
 * What correlation knows of the code as it is written: for each version of a module, its functions, the lines of their
 * clauses and their calls. Names of functions are keyed `name/arity`, as the source has them.
 *
 * Invariant: a `ModuleCode` is a view of one content of one file, and its node ids are those of that content. Absent on
 * purpose: where versions come from (`static-index.ts`), and which of them runs (`fit.ts`).
 */

import type { FunctionKind } from '../model/facts.ts'
import type { ModuleName } from '../model/names.ts'
import type { NodeId } from '../model/node-id.ts'
import type { Following } from './flow.ts'

/** A function as it is named. Module null: known only at run time, or a bare name whose module the source does not tell. */
export type Named = { readonly module: ModuleName | null; readonly name: string; readonly arity: number }

export type CallSite = Named & Following & {
  readonly line: number
  readonly node: NodeId
}

export type FunctionCode = {
  readonly name: string
  readonly arity: number
  /** It answers to arities from `arity - defaults`. */
  readonly defaults: number
  readonly kind: FunctionKind
  readonly node: NodeId
  /** The line of each clause with a body. */
  readonly lines: readonly number[]
  readonly endLine: number
  /** In the order of the source. */
  readonly calls: readonly CallSite[]
  /** What it captures, to be called from elsewhere. */
  readonly captures: readonly Named[]
}

export type ModuleCode = {
  /** As it runs: without the `@2` that its key in the store may have. */
  readonly module: ModuleName
  readonly path: string
  /** The number of the file's version that this is. */
  readonly version: number
  /** Also by the arities that defaults generate. */
  readonly functions: ReadonlyMap<string, FunctionCode>
}

/** What is written, as far as the project knows it. */
export type StaticIndex = {
  /** Every kept version of the module, the newest first; empty for a module that the project does not know. */
  versionsOf(module: ModuleName): readonly ModuleCode[]
}

export const functionKey = (name: string, arity: number) => `${name}/${arity}`

/** The newest definition of a function. */
export function findFunction(index: StaticIndex, module: ModuleName, name: string, arity: number): FunctionCode | undefined {
  return index.versionsOf(module)[0]?.functions.get(functionKey(name, arity))
}

/** The functions of a module by every arity they answer to; their own arity wins. */
export function byArity(functions: readonly FunctionCode[]): ReadonlyMap<string, FunctionCode> {
  const all = new Map<string, FunctionCode>()
  for (const fn of functions) {
    for (let arity = fn.arity - fn.defaults; arity < fn.arity; arity++) all.set(functionKey(fn.name, arity), fn)
  }
  for (const fn of functions) all.set(functionKey(fn.name, fn.arity), fn)
  return all
}
