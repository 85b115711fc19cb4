/**
 * Analysis: a source file's tree in, its facts out. A pure function of path and source; nothing a file contains can
 * make it throw. Deliberately absent: names that other files define (the store joins them when asked) and the BEAM md5,
 * which only run time knows.
 */

import { hash } from 'node:crypto'
import type { ClauseFacts, FileFacts, FunctionFacts, ModuleFacts, StructFacts } from '../model/facts.ts'
import { createReader, parse } from '../syntax/parse.ts'
import type { Tree } from '../syntax/tree.ts'
import { resolveBareCalls } from './calls.ts'
import { clauseId } from './definitions.ts'
import { lineCount, linesOfCode } from './lines.ts'
import { shortText } from './source-text.ts'
import { walkTree } from './walk.ts'
import { spanOf, startWalk, type OpenClause, type OpenFunction, type OpenModule, type Walk } from './walk-state.ts'

/** An analyser with the buffers of its parser, for many files in one thread; not to be used for two files at once. */
export function createAnalyser(): (path: string, source: Uint8Array) => FileFacts {
  const read = createReader()
  return (path, source) => analyse({ path, tree: read(source) })
}

/** Parses and analyses one file. `path` is relative to the project root, with `/` on every system. */
export function analyseSource(path: string, source: Uint8Array): FileFacts {
  return analyse({ path, tree: parse(source) })
}

export function analyse({ path, tree }: { readonly path: string; readonly tree: Tree }): FileFacts {
  const walk = runWalk(tree)
  const { source } = tree
  return {
    path,
    sourceHash: hash('sha256', source, 'hex'),
    bytes: source.length,
    lines: lineCount(walk.lines, source.length),
    problems: walk.problems,
    modules: walk.modules.map((module) => moduleFacts(walk, module)),
  }
}

/** The walk, done: also what `node-ids.ts` takes its roots from. */
export function runWalk(tree: Tree): Walk {
  const walk = startWalk(tree)
  walkTree(walk)
  for (const module of walk.modules) {
    settleHeads(module)
    resolveBareCalls(module)
  }
  return walk
}

/** Heads of functions that have no other clause are their clauses after all. */
function settleHeads(module: OpenModule): void {
  for (const fn of module.functions.values()) {
    if (fn.heads.length === 0) continue
    fn.calls = [...fn.heads.flatMap((head) => head.headCalls), ...fn.calls]
    if (fn.clauses.length === 0) {
      fn.heads.forEach((clause, index) => rename(clause, clauseId(module, fn, index + 1)))
      fn.clauses = fn.heads
      fn.heads = []
    }
  }
}

/** Gives a head the id of a clause; the calls within it follow. */
function rename({ root, headCalls }: OpenClause, to: string): void {
  const from = root.id
  for (const call of headCalls) if (call.node.startsWith(`${from}/`)) call.node = to + call.node.slice(from.length)
  root.id = to
  root.kind = 'clause'
}

function moduleFacts(walk: Walk, module: OpenModule): ModuleFacts {
  const { tree } = walk
  const start = tree.start[module.node] as number
  const end = tree.end[module.node] as number
  module.dependencies.delete(module.name)
  return {
    name: module.name,
    kind: module.kind,
    implements: module.implements,
    span: spanOf(walk, start, end),
    sourceHash: hash('sha256', tree.source.subarray(start, end), 'hex'),
    treeHash: hash('sha256', walk.canonical.bytes.subarray(module.canonicalStart, module.canonicalEnd), 'hex'),
    doc: module.doc,
    deprecated: module.deprecated,
    directives: module.directives,
    attributes: module.attributes,
    behaviours: module.behaviours,
    types: module.types,
    callbacks: module.callbacks.map((callback) => ({ ...callback, optional: module.optionalCallbacks.has(`${callback.name}/${callback.arity}`) })),
    struct: structFacts(module),
    functions: [...module.functions.values()].map((fn) => functionFacts(walk, module, fn)),
    bodyCalls: module.bodyCalls,
    dependencies: [...module.dependencies].sort(),
    linesOfCode: linesOfCode(walk.lines, start, end),
  }
}

function structFacts(module: OpenModule): StructFacts | null {
  return module.struct === null ? null : { ...module.struct, enforced: module.enforced }
}

function functionFacts(walk: Walk, module: OpenModule, fn: OpenFunction): FunctionFacts {
  const { tree, canonical } = walk
  const written = fn.heads.length === 0 ? fn.clauses : [...fn.heads, ...fn.clauses].sort((a, b) => a.node - b.node)
  const first = written[0] as OpenClause
  const last = written.at(-1) as OpenClause
  const clauses = fn.clauses.map((clause) => clauseFacts(walk, clause))
  let lines = 0
  for (const { node } of written) lines += linesOfCode(walk.lines, tree.start[node] as number, tree.end[node] as number)
  return {
    kind: fn.kind,
    name: fn.name,
    arity: fn.arity,
    defaults: fn.defaults,
    span: spanOf(walk, tree.start[first.node] as number, tree.end[last.node] as number),
    sourceHash: hashParts(tree.source, written.map(({ node }) => [tree.start[node] as number, tree.end[node] as number])),
    treeHash: hashParts(canonical.bytes, written.map((clause) => [clause.canonicalStart, clause.canonicalEnd])),
    clauses,
    doc: fn.doc,
    specs: module.specs.get(`${fn.name}/${fn.arity}`) ?? [],
    impl: fn.impl,
    deprecated: fn.deprecated,
    delegateTo: fn.delegateTo,
    linesOfCode: lines,
    cyclomatic: clauses.reduce((highest, clause) => Math.max(highest, clause.cyclomatic), 0),
    calls: fn.calls,
  }
}

function clauseFacts(walk: Walk, { node, head, cyclomatic }: OpenClause): ClauseFacts {
  const { tree, text } = walk
  return {
    span: spanOf(walk, tree.start[node] as number, tree.end[node] as number),
    parameters: head.parameters.map((parameter) => shortText(text, parameter)),
    guard: head.guard < 0 ? null : shortText(text, head.guard),
    cyclomatic,
  }
}

/** SHA-256 of pieces of a buffer, each followed by a line break when there are several. */
function hashParts(bytes: Uint8Array, parts: readonly (readonly [number, number])[]): string {
  const [only] = parts
  if (parts.length === 1 && only !== undefined) return hash('sha256', bytes.subarray(only[0], only[1]), 'hex')
  const joined = new Uint8Array(parts.reduce((sum, [start, end]) => sum + end - start + 1, 0))
  let at = 0
  for (const [start, end] of parts) {
    joined.set(bytes.subarray(start, end), at)
    at += end - start
    joined[at++] = 10
  }
  return hash('sha256', joined, 'hex')
}
