/**
 * Details of modules and functions as positional MessagePack: the fields in the order written here, no names. What has a
 * column of its own in the row (`schema.ts`) is left out and handed in again when decoding. A changed layout is a new
 * schema version.
 */

import { Packr } from 'msgpackr'
import type {
  Attribute, CallbackFacts, ClauseFacts, Directive, Doc, FunctionFacts, FunctionKind, ModuleFacts, ModuleKind, Span, StructFacts, TypeFacts,
} from '../model/facts.ts'
import { sealCopy, unsealed } from './bytes.ts'
import type { FunctionDetails, ModuleDetails } from './contract.ts'

export const MODULE_KINDS = ['module', 'protocol', 'implementation'] as const satisfies readonly ModuleKind[]
export const FUNCTION_KINDS =
  ['def', 'defp', 'defmacro', 'defmacrop', 'defguard', 'defguardp', 'defdelegate'] as const satisfies readonly FunctionKind[]

const packr = new Packr({ useRecords: false, mapsAsObjects: true, variableMapSize: true })

export function pack(value: unknown): Buffer {
  return packr.pack(value)
}

/** Binary values come back as views into `bytes`. */
export function unpack<T>(bytes: Uint8Array): T {
  return packr.unpack(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)) as T
}

type SpanRow = [line: number, column: number, endLine: number, endColumn: number, start: number, length: number]
type DocRow = [text: string | null, hidden: boolean]
type Hash = Uint8Array | string

type ModuleBlob = [
  name: string, source: Hash, tree: Hash, span: SpanRow, doc: DocRow, implementsProtocol: [string, string] | null, deprecated: string | null,
  directives: [Directive['kind'], string, string | null, readonly string[] | null, readonly string[] | null, string | null, number, number][],
  attributes: [string, string, number, number][],
  behaviours: readonly string[],
  types: [TypeFacts['kind'], string, number, string, number][],
  callbacks: [CallbackFacts['kind'], string, number, string, boolean, number][],
  struct: [StructFacts['kind'], [string, string | null][], readonly string[], number] | null,
  dependencies: readonly string[],
]

type FunctionBlob = [
  source: Hash, tree: Hash, span: SpanRow, clauses: [SpanRow, readonly string[], string | null, number][], doc: DocRow,
  specs: readonly string[], impl: true | string | null, deprecated: string | null, delegate: [string, string] | null,
]

/** Sealed. */
export function encodeModule(facts: ModuleFacts): Buffer {
  const blob: ModuleBlob = [
    facts.name, packHash(facts.sourceHash), packHash(facts.treeHash), packSpan(facts.span), [facts.doc.text, facts.doc.hidden],
    facts.implements === null ? null : [facts.implements.protocol, facts.implements.target], facts.deprecated,
    facts.directives.map((d) => [d.kind, d.module, d.as, d.only, d.except, d.argument, d.line, d.column]),
    facts.attributes.map((a) => [a.name, a.text, a.line, a.column]),
    facts.behaviours,
    facts.types.map((t) => [t.kind, t.name, t.arity, t.text, t.line]),
    facts.callbacks.map((c) => [c.kind, c.name, c.arity, c.text, c.optional, c.line]),
    facts.struct === null ? null
      : [facts.struct.kind, facts.struct.fields.map((f) => [f.name, f.default]), facts.struct.enforced, facts.struct.line],
    facts.dependencies,
  ]
  return sealCopy(pack(blob))
}

export function decodeModule(payload: Uint8Array, columns: { readonly kind: ModuleKind; readonly linesOfCode: number }): ModuleDetails {
  const [name, source, tree, span, doc, implemented, deprecated, directives, attributes, behaviours, types, callbacks, struct, dependencies] =
    unpack<ModuleBlob>(payload)
  return {
    name, kind: columns.kind,
    implements: implemented === null ? null : { protocol: implemented[0], target: implemented[1] },
    span: unpackSpan(span), sourceHash: unpackHash(source), treeHash: unpackHash(tree), doc: unpackDoc(doc), deprecated,
    directives: directives.map(([kind, module, as, only, except, argument, line, column]): Directive =>
      ({ kind, module, as, only, except, argument, line, column })),
    attributes: attributes.map(([attribute, text, line, column]): Attribute => ({ name: attribute, text, line, column })),
    behaviours,
    types: types.map(([kind, type, arity, text, line]): TypeFacts => ({ kind, name: type, arity, text, line })),
    callbacks: callbacks.map(([kind, callback, arity, text, optional, line]): CallbackFacts =>
      ({ kind, name: callback, arity, text, optional, line })),
    struct: struct === null ? null
      : { kind: struct[0], fields: struct[1].map(([field, value]) => ({ name: field, default: value })), enforced: struct[2], line: struct[3] },
    dependencies, linesOfCode: columns.linesOfCode,
  }
}

/** Sealed. */
export function encodeFunction(facts: FunctionFacts): Buffer {
  const blob: FunctionBlob = [
    packHash(facts.sourceHash), packHash(facts.treeHash), packSpan(facts.span),
    facts.clauses.map((clause) => [packSpan(clause.span), clause.parameters, clause.guard, clause.cyclomatic]),
    [facts.doc.text, facts.doc.hidden], facts.specs, facts.impl, facts.deprecated,
    facts.delegateTo === null ? null : [facts.delegateTo.module, facts.delegateTo.name],
  ]
  return sealCopy(pack(blob))
}

export type FunctionColumns = Pick<FunctionFacts, 'kind' | 'name' | 'arity' | 'defaults' | 'linesOfCode' | 'cyclomatic'>

export function decodeFunction(payload: Uint8Array, columns: FunctionColumns): FunctionDetails {
  const [source, tree, span, clauses, doc, specs, impl, deprecated, delegate] = unpack<FunctionBlob>(payload)
  const { kind, name, arity, defaults, linesOfCode, cyclomatic } = columns
  return {
    kind, name, arity, defaults, linesOfCode, cyclomatic, span: unpackSpan(span), sourceHash: unpackHash(source), treeHash: unpackHash(tree),
    clauses: clauses.map(([place, parameters, guard, complexity]): ClauseFacts =>
      ({ span: unpackSpan(place), parameters, guard, cyclomatic: complexity })),
    doc: unpackDoc(doc), specs, impl, deprecated, delegateTo: delegate === null ? null : { module: delegate[0], name: delegate[1] },
  }
}

/** Whether two sealed blobs of a function say the same but for where it stands. What is damaged is not the same. */
export function isSameButPlace(a: Uint8Array, b: Uint8Array): boolean {
  const [before, after] = [functionContent(a), functionContent(b)]
  return before !== undefined && before === after
}

function functionContent(blob: Uint8Array): string | undefined {
  const payload = unsealed(blob)
  if (payload === undefined) return undefined
  const [source, tree, , clauses, ...rest] = unpack<FunctionBlob>(payload)
  return JSON.stringify([unpackHash(source), unpackHash(tree), clauses.map(([, ...clause]) => clause), rest])
}

/** Of a module's sealed blob; empty where it is damaged. */
export function moduleSourceHash(blob: Uint8Array): string {
  const payload = unsealed(blob)
  return payload === undefined ? '' : unpackHash(unpack<ModuleBlob>(payload)[1])
}

function packSpan(span: Span): SpanRow {
  return [span.line, span.column, span.endLine - span.line, span.endColumn, span.start, span.end - span.start]
}

function unpackSpan([line, column, lines, endColumn, start, length]: SpanRow): Span {
  return { line, column, endLine: line + lines, endColumn, start, end: start + length }
}

function unpackDoc([text, hidden]: DocRow): Doc {
  return { text, hidden }
}

/** Hex takes half the room as bytes; what is no such hex (a client may have none) stays as it is. */
function packHash(hash: string): Hash {
  return /^(?:[0-9a-f]{2})+$/.test(hash) ? Buffer.from(hash, 'hex') : hash
}

function unpackHash(hash: Hash): string {
  return typeof hash === 'string' ? hash : Buffer.from(hash.buffer, hash.byteOffset, hash.length).toString('hex')
}
