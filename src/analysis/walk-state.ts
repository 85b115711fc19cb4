/**
 * The state of the one walk over a tree: what is open (module, function, clause), the environment there, and what has
 * been found so far. Builders are the mutable halves of the facts in src/model/facts.ts. Deliberately absent: rules;
 * each has its own file (definitions, directives, attributes, calls).
 */

import type {
  Attribute, CallbackFacts, CallFacts, Directive, Doc, FunctionFacts, FunctionKind, ModuleFacts, ModuleKind, Span, StructFacts,
  TypeFacts,
} from '../model/facts.ts'
import type { ModuleName } from '../model/names.ts'
import type { NodeId } from '../model/node-id.ts'
import type { Problem } from '../model/problem.ts'
import { positions, type Position, type Tree } from '../syntax/tree.ts'
import { makeCanonical, type Canonical } from './canonical.ts'
import { makeFrames, type Frames } from './frames.ts'
import { makeLabels, type Labels } from './labels.ts'
import { lineTotals, type LineTotals } from './lines.ts'
import { emptyScope, restoreAliases, type Aliases, type Scope } from './scope.ts'
import { sourceText, type SourceText } from './source-text.ts'

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

export type OpenCall = Mutable<CallFacts>

/** A bare call, whose meaning is known when the module's definitions are. */
export type BareCall = { readonly call: OpenCall; readonly scope: Scope }

export type OpenClause = {
  readonly node: number
  readonly head: ClauseHead
  readonly root: Root
  /** Calls in a head without a body, until its id is settled. */
  readonly headCalls: OpenCall[]
  cyclomatic: number
  readonly canonicalStart: number
  canonicalEnd: number
}

/** What is known of a clause from its head. */
export type ClauseHead = {
  readonly name: string
  readonly parameters: readonly number[]
  readonly defaults: number
  readonly guard: number
  readonly headNode: number
  readonly whenNode: number
}

export type OpenFunction = {
  readonly kind: FunctionKind
  readonly name: string
  readonly arity: number
  defaults: number
  readonly isTest: boolean
  /** Clauses with a body. */
  clauses: OpenClause[]
  /** Heads without a body; they are clauses only if there is nothing else. */
  heads: OpenClause[]
  doc: Doc
  impl: FunctionFacts['impl']
  deprecated: string | null
  delegateTo: FunctionFacts['delegateTo']
  calls: OpenCall[]
}

export type OpenModule = {
  readonly name: ModuleName
  readonly kind: ModuleKind
  readonly implements: ModuleFacts['implements']
  readonly node: number
  readonly canonicalStart: number
  canonicalEnd: number
  doc: Doc
  deprecated: string | null
  readonly directives: Directive[]
  readonly attributes: Attribute[]
  readonly behaviours: ModuleName[]
  readonly types: TypeFacts[]
  readonly callbacks: CallbackFacts[]
  readonly optionalCallbacks: Set<string>
  /** Texts by `name/arity`. */
  readonly specs: Map<string, string[]>
  struct: StructFacts | null
  enforced: readonly string[]
  readonly functions: Map<string, OpenFunction>
  /** Functions by name, for finding what a bare call means. */
  readonly byName: Map<string, OpenFunction[]>
  readonly bodyCalls: OpenCall[]
  readonly bareCalls: BareCall[]
  readonly dependencies: Set<ModuleName>
  /** What `@doc`, `@impl` and `@deprecated` said for the next definition. */
  pending: { doc: Doc | null; impl: FunctionFacts['impl']; deprecated: string | null }
  /** Further targets of a `defimpl … for: [A, B]` whose definitions are still to be made. */
  readonly moreTargets: readonly ModuleName[]
}

/** The root of node ids: a module's body, a clause, or a head that is no clause. `node` is the whole definition. */
export type Root = {
  readonly node: number
  id: NodeId
  kind: 'body' | 'clause' | 'head'
  /** Node and name of the module that it is in. */
  readonly module: number
  readonly name: ModuleName
  readonly marks: readonly { readonly node: number; readonly bit: number }[]
}

/** What a frame's end gives back. */
export type Saved = {
  readonly scope: Scope
  readonly quoting: Quoting
  readonly module: OpenModule | null
  readonly fn: OpenFunction | null
  readonly clause: OpenClause | null
  readonly describe: string
  /** What is closed when the frame ends. */
  readonly closes: 'nothing' | 'clause' | 'module'
}

/** How code is read: as it runs; as quoted code, with unquotes that run; or only for the modules it names. */
export type Quoting = 'runs' | 'quoted' | 'inert'

export type Walk = {
  readonly tree: Tree
  readonly text: SourceText
  readonly labels: Labels
  readonly frames: Frames
  readonly saved: (Saved | undefined)[]
  readonly marks: Uint8Array
  readonly canonical: Canonical
  readonly lines: LineTotals
  readonly at: (offset: number) => Position
  readonly aliases: Aliases
  scope: Scope
  quoting: Quoting
  /** Open modules. */
  depth: number
  module: OpenModule | null
  fn: OpenFunction | null
  clause: OpenClause | null
  describe: string
  /** Clauses whose subtree is being read, innermost last; a delegate may open several at one node. */
  readonly openClauses: OpenClause[]
  /** Key and ordinal of the node that is being read. */
  key: number
  ordinal: number
  /** Set while a node is being read: what its frame gives back at its end. */
  saving: Saved | undefined
  readonly modules: OpenModule[]
  readonly roots: Root[]
  readonly problems: Problem[]
  /** The `defimpl` that is being read again, and for which targets. */
  repeat: { readonly node: number; readonly targets: readonly ModuleName[] } | undefined
  /** Nodes that may still be read again for further targets of `defimpl`. */
  repeatBudget: number
}

export function startWalk(tree: Tree): Walk {
  return {
    tree, text: sourceText(tree), labels: makeLabels(tree), frames: makeFrames(), saved: [], marks: new Uint8Array(tree.length + 1),
    canonical: makeCanonical(tree), lines: lineTotals(tree), at: positions(tree), aliases: { current: new Map(), trail: [] }, scope: emptyScope, quoting: 'runs',
    depth: 0, module: null, fn: null,
    clause: null, describe: '', openClauses: [], key: 0, ordinal: 0, saving: undefined, modules: [], roots: [], problems: [...tree.problems],
    repeat: undefined, repeatBudget: 65_536 + tree.length * 4,
  }
}

/** Keeps what the end of the node being read is to give back; the first keeper within a node wins. */
export function save(walk: Walk, closes: Saved['closes'] = 'nothing'): void {
  if (walk.saving !== undefined) return
  const { scope, quoting, module, fn, clause, describe } = walk
  walk.saving = { scope, quoting, module, fn, clause, describe, closes }
}

export function restore(walk: Walk, saved: Saved): void {
  restoreAliases(walk.aliases, saved.scope)
  walk.scope = saved.scope
  walk.quoting = saved.quoting
  walk.module = saved.module
  walk.fn = saved.fn
  walk.clause = saved.clause
  walk.describe = saved.describe
}

export function spanOf(walk: Walk, start: number, end: number): Span {
  const from = walk.at(start)
  const to = walk.at(end)
  return { line: from.line, column: from.column, endLine: to.line, endColumn: to.column, start, end }
}
