/** Facts in a small notation, for tests that say exactly what a project looks like. */

import { must } from '../../src/base/assert.ts'
import type { CallFacts, FunctionFacts, ModuleFacts } from '../../src/model/facts.ts'
import type { ArbitraryFile } from './arbitraries.ts'
import { sha256 } from './synthetic.ts'

const SPAN = { line: 1, column: 1, endLine: 2, endColumn: 4, start: 0, end: 10 }

/** `f/2-1` is f/2 with one default; what follows are its calls: `M.g/1`, or `g/1` for a bare name. */
export type Sketch = Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>

function call(text: string, owner: string, line: number): CallFacts {
  const [, module, name = '', arity] = must(/^(?:(.*)\.)?([^.]+)\/(\d)$/.exec(text), 'a callee')
  return {
    module: module ?? null, name, arity: Number(arity), kind: module === undefined ? 'local' : 'remote', dynamic: false,
    grade: module === undefined ? 'syntactic' : 'resolved', line, column: 5, node: `${owner}#1/${text.replaceAll('/', '%2F')}`,
  }
}

function fn(module: string, head: string, calls: readonly string[], line: number): FunctionFacts {
  const [, name = '', arity, defaults] = must(/^(.+)\/(\d)(?:-(\d))?$/.exec(head), 'a head')
  const owner = `${module}.${name}/${arity}`
  return {
    kind: 'def', name, arity: Number(arity), defaults: Number(defaults ?? 0), span: { ...SPAN, line }, sourceHash: sha256(head), treeHash: sha256(head),
    clauses: [{ span: SPAN, parameters: [], guard: null, cyclomatic: 1 }], doc: { text: null, hidden: false }, specs: [], impl: null, deprecated: null,
    delegateTo: null, linesOfCode: 1, cyclomatic: 1, calls: calls.map((text, index) => call(text, owner, line + index)),
  }
}

export function module(name: string, functions: Readonly<Record<string, readonly string[]>>, start: number): ModuleFacts {
  return {
    name, kind: 'module', implements: null, span: { ...SPAN, start }, sourceHash: '', treeHash: '', doc: { text: null, hidden: false }, deprecated: null,
    directives: [], attributes: [], behaviours: [], types: [], callbacks: [], struct: null, dependencies: [], linesOfCode: 1,
    functions: Object.entries(functions).filter(([head]) => head !== 'body').map(([head, calls], index) => fn(name, head, calls, 10 * (index + 1))),
    bodyCalls: (functions['body'] ?? []).map((text) => call(text, name, 2)),
  }
}

/** A file with these modules, in order. */
export function file(path: string, ...modules: readonly Sketch[]): ArbitraryFile {
  const source = Buffer.from(JSON.stringify(modules))
  const facts = modules.flatMap((sketch) => Object.entries(sketch)).map(([name, functions], index) => module(name, functions, index * 100))
  return { source, facts: { path, sourceHash: sha256(source), bytes: source.length, lines: 3, problems: [], modules: facts } }
}
