/**
 * Facts: what analysis finds in one source file. Plain data, a pure function of (source text, path, options), so that a
 * cold import and any history of edits end in the same facts. They are made in the parser pool, encoded there and
 * applied by the one writer (src/store). Lines and columns count from 1, offsets are bytes into the source.
 *
 * Absent on purpose: anything from run time, and anything that needs another file (cross-file names are resolved
 * against the store when asked).
 */

import type { ModuleName } from './names.ts'
import type { NodeId } from './node-id.ts'
import type { Problem } from './problem.ts'

export type Span = {
  readonly line: number
  readonly column: number
  readonly endLine: number
  readonly endColumn: number
  readonly start: number
  readonly end: number
}

export type FileFacts = {
  /** Relative to the project root, with `/` on every system. */
  readonly path: string
  /** SHA-256 of the bytes, hex. */
  readonly sourceHash: string
  readonly bytes: number
  readonly lines: number
  readonly problems: readonly Problem[]
  /** In source order; nested modules follow the module that holds them. */
  readonly modules: readonly ModuleFacts[]
}

export type ModuleKind = 'module' | 'protocol' | 'implementation'

export type ModuleFacts = {
  readonly name: ModuleName
  readonly kind: ModuleKind
  /** For an implementation: the protocol and the type it is for, as Elixir prints them. */
  readonly implements: { readonly protocol: ModuleName; readonly target: ModuleName } | null
  readonly span: Span
  /** SHA-256 of the module's source text, hex. */
  readonly sourceHash: string
  /** SHA-256 of the module's tree without positions: blind to layout and comments, hex. */
  readonly treeHash: string
  readonly doc: Doc
  readonly deprecated: string | null
  readonly directives: readonly Directive[]
  readonly attributes: readonly Attribute[]
  readonly behaviours: readonly ModuleName[]
  readonly types: readonly TypeFacts[]
  readonly callbacks: readonly CallbackFacts[]
  readonly struct: StructFacts | null
  readonly functions: readonly FunctionFacts[]
  /** Calls made by the module's own body, outside its functions. */
  readonly bodyCalls: readonly CallFacts[]
  /** Modules named in the module's code (aliases resolved), sorted, without itself. */
  readonly dependencies: readonly ModuleName[]
  /** Lines of the module that hold code: no blank lines, no comments. */
  readonly linesOfCode: number
}

/** `text` is null when there is none; `hidden` is `@doc false` or `@moduledoc false`. */
export type Doc = { readonly text: string | null; readonly hidden: boolean }

export type Directive = {
  readonly kind: 'alias' | 'import' | 'require' | 'use'
  readonly module: ModuleName
  /** The short name an alias gives, e.g. `Cart`. */
  readonly as: string | null
  /** `only:` and `except:` of an import: `name/arity`, or `:functions`, `:macros`, `:sigils`. */
  readonly only: readonly string[] | null
  readonly except: readonly string[] | null
  /** The arguments after the module, as written, e.g. `:controller` of `use MyWeb, :controller`. */
  readonly argument: string | null
  readonly line: number
  readonly column: number
}

export type Attribute = { readonly name: string; readonly text: string; readonly line: number; readonly column: number }

export type TypeFacts = {
  readonly kind: 'type' | 'typep' | 'opaque'
  readonly name: string
  readonly arity: number
  readonly text: string
  readonly line: number
}

export type CallbackFacts = {
  readonly kind: 'callback' | 'macrocallback'
  readonly name: string
  readonly arity: number
  readonly text: string
  readonly optional: boolean
  readonly line: number
}

export type StructFacts = {
  readonly kind: 'struct' | 'exception'
  /** `default` is the source text of the default, null when the field has none. */
  readonly fields: readonly { readonly name: string; readonly default: string | null }[]
  readonly enforced: readonly string[]
  readonly line: number
}

export type FunctionKind =
  | 'def' | 'defp' | 'defmacro' | 'defmacrop' | 'defguard' | 'defguardp' | 'defdelegate'

export type FunctionFacts = {
  readonly kind: FunctionKind
  readonly name: string
  readonly arity: number
  /** Number of parameters with a default: the function answers to arities `arity - defaults` to `arity`. */
  readonly defaults: number
  /** From the first clause (or bodiless head) to the end of the last. */
  readonly span: Span
  readonly sourceHash: string
  readonly treeHash: string
  readonly clauses: readonly ClauseFacts[]
  readonly doc: Doc
  readonly specs: readonly string[]
  /** `@impl true` is `true`; `@impl Mod` is the module's name. */
  readonly impl: true | ModuleName | null
  readonly deprecated: string | null
  readonly delegateTo: { readonly module: ModuleName; readonly name: string } | null
  readonly linesOfCode: number
  /** Highest cyclomatic complexity among the clauses. */
  readonly cyclomatic: number
  readonly calls: readonly CallFacts[]
}

export type ClauseFacts = {
  readonly span: Span
  /** Parameters as written. */
  readonly parameters: readonly string[]
  readonly guard: string | null
  readonly cyclomatic: number
}

/** How a callee's module is known: written or aliased (`resolved`), or guessed from the bare name (`syntactic`). */
export type CallGrade = 'syntactic' | 'resolved'

export type CallFacts = {
  /** Null: a bare name that is neither local nor surely imported, or (with `dynamic`) a module known only at run time. */
  readonly module: ModuleName | null
  readonly name: string
  /** With the piped argument counted. */
  readonly arity: number
  readonly kind: 'local' | 'remote' | 'imported' | 'capture' | 'delegate'
  readonly dynamic: boolean
  readonly grade: CallGrade
  readonly line: number
  readonly column: number
  readonly node: NodeId
}
