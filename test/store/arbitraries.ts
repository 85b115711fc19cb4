/**
 * Arbitrary facts: anything the types allow, few names (so that they clash and are called across files), odd texts.
 * `seeded` gives property tests their parameters: FC_SEED repeats a run.
 */

import * as fc from 'fast-check'
import type {
  CallFacts, ClauseFacts, Doc, FileFacts, FunctionFacts, ModuleFacts, Span,
} from '../../src/model/facts.ts'
import type { Problem } from '../../src/model/problem.ts'
import { formatMfa } from '../../src/model/names.ts'
import { sha256 } from './synthetic.ts'

export function seeded(runs: number): fc.Parameters<unknown> {
  const seed = process.env['FC_SEED']
  return seed === undefined ? { numRuns: runs } : { numRuns: runs, seed: Number(seed) }
}

const text = fc.oneof(fc.string({ unit: 'grapheme', maxLength: 12 }), fc.constantFrom('', 'ok', 'x'.repeat(60), 'größe/𝒳', '"quoted"'))
const moduleName = fc.constantFrom('A', 'B', 'A.B', 'C', ':erl', ':erl@2', '~dynamic', 'A@2')
const functionName = fc.constantFrom('f', 'g', 'run!', '+', 'my fun', 'größe', '~dynamic')
const line = fc.integer({ min: 1, max: 5000 })
const hash = fc.oneof(text.map(sha256), fc.constant(''))
const option = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(value, { nil: null })
const some = <T>(value: fc.Arbitrary<T>, maxLength = 3): fc.Arbitrary<T[]> => fc.array(value, { maxLength })

const span: fc.Arbitrary<Span> = fc.record({ line, column: line, lines: fc.nat(200), endColumn: line, start: fc.nat(1_000_000), length: fc.nat(10_000) })
  .map(({ line: first, column, lines, endColumn, start, length }) => ({ line: first, column, endLine: first + lines, endColumn, start, end: start + length }))
const doc: fc.Arbitrary<Doc> = fc.record({ text: option(text), hidden: fc.boolean() })

function calls(owner: string): fc.Arbitrary<CallFacts[]> {
  return some(fc.record({
    module: option(moduleName), name: functionName, arity: fc.nat(4),
    kind: fc.constantFrom('local', 'remote', 'imported', 'capture', 'delegate'), dynamic: fc.boolean(), grade: fc.constantFrom('syntactic', 'resolved'),
    line, column: line,
    node: fc.oneof(fc.array(text, { maxLength: 3 }).map((path) => [`${owner}#1`, ...path].join('/')), text, fc.constant(owner)),
  }), 6)
}

const clause: fc.Arbitrary<ClauseFacts> = fc.record({ span, parameters: some(text), guard: option(text), cyclomatic: fc.nat(300) })

function functionFacts(module: string): fc.Arbitrary<FunctionFacts> {
  return fc.record({ name: functionName, arity: fc.nat(4) }).chain(({ name, arity }) => fc.record({
    kind: fc.constantFrom('def', 'defp', 'defmacro', 'defmacrop', 'defguard', 'defguardp', 'defdelegate'),
    name: fc.constant(name), arity: fc.constant(arity), defaults: fc.nat(arity), span, sourceHash: hash, treeHash: hash, clauses: some(clause), doc,
    specs: some(text), impl: fc.oneof(fc.constant(true as const), moduleName, fc.constant(null)), deprecated: option(text),
    delegateTo: option(fc.record({ module: moduleName, name: functionName })), linesOfCode: fc.nat(1000), cyclomatic: fc.nat(500),
    calls: calls(formatMfa({ module, name, arity })),
  }))
}

export const moduleFacts: fc.Arbitrary<ModuleFacts> = moduleName.chain((name) => fc.record({
  name: fc.constant(name), kind: fc.constantFrom('module', 'protocol', 'implementation'),
  implements: option(fc.record({ protocol: moduleName, target: moduleName })), span, sourceHash: hash, treeHash: hash, doc, deprecated: option(text),
  directives: some(fc.record({
    kind: fc.constantFrom('alias', 'import', 'require', 'use'), module: moduleName, as: option(text), only: option(some(text)), except: option(some(text)),
    argument: option(text), line, column: line,
  })),
  attributes: some(fc.record({ name: text, text, line, column: line })), behaviours: some(moduleName),
  types: some(fc.record({ kind: fc.constantFrom('type', 'typep', 'opaque'), name: text, arity: fc.nat(3), text, line })),
  callbacks: some(fc.record({ kind: fc.constantFrom('callback', 'macrocallback'), name: text, arity: fc.nat(3), text, optional: fc.boolean(), line })),
  struct: option(fc.record({
    kind: fc.constantFrom('struct', 'exception'), fields: some(fc.record({ name: text, default: option(text) })), enforced: some(text), line,
  })),
  functions: some(functionFacts(name), 4), bodyCalls: calls(name), dependencies: some(moduleName), linesOfCode: fc.nat(5000),
}))

export const problem: fc.Arbitrary<Problem> = fc.record({ code: fc.constantFrom('missing_terminator', 'bad_token'), message: text, line, column: line, start: fc.nat(1000), end: fc.nat(1000) })

const source: fc.Arbitrary<Uint8Array> = fc.uint8Array({ maxLength: 200 })

export type ArbitraryFile = { readonly facts: FileFacts; readonly source: Uint8Array }

/** A file at this path; modules in order of offset, as facts have them. */
export function fileAt(path: string): fc.Arbitrary<ArbitraryFile> {
  return fc.record({ source, lines: fc.nat(1000), problems: some(problem), modules: some(moduleFacts) }).map(({ source: bytes, lines, problems, modules }) => ({
    source: bytes,
    facts: {
      path, sourceHash: sha256(bytes), bytes: bytes.length, lines, problems,
      modules: modules.toSorted((a, b) => a.span.start - b.span.start),
    },
  }))
}
