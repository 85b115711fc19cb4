/**
 * Made-up facts of a project of any size, reproducible from a seed: modules with documentation, functions with clauses
 * and calls among each other and into libraries. For tests of the store that need volume and for its bench. The source
 * text has the right size and nothing else in common with the facts.
 */

import { createHash } from 'node:crypto'
import type { CallFacts, FileFacts, FunctionFacts, ModuleFacts, Span } from '../../src/model/facts.ts'

export type SyntheticFile = { readonly facts: FileFacts; readonly source: Uint8Array }

export type Shape = { readonly modules: number; readonly functions: number; readonly calls: number; readonly linesPerFunction: number }

export const TYPICAL: Omit<Shape, 'modules'> = { functions: 12, calls: 7, linesPerFunction: 9 }

const VERBS = ['get', 'put', 'list', 'create', 'update', 'delete', 'handle', 'parse', 'render', 'validate', 'fetch', 'build', 'apply', 'merge']
const NOUNS = ['user', 'cart', 'order', 'item', 'event', 'session', 'report', 'token', 'price', 'address', 'batch', 'queue', 'entry', 'state']
const LIBRARY = ['Enum.map', 'Enum.reduce', 'Map.get', 'Map.put', 'Keyword.get', 'String.split', 'Logger.info', 'GenServer.call', 'Repo.insert', 'Repo.all',
  'Ecto.Changeset.cast', 'Kernel.is_nil', 'Enum.filter', 'Enum.into', 'List.first', 'Process.send_after', 'Task.async', 'Jason.encode!']

/** A small generator of pseudo-random numbers below n (mulberry32). */
export function randomBelow(seed: number): (n: number) => number {
  let state = seed >>> 0
  return (n) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % n
  }
}

export function sha256(text: string | Uint8Array): string {
  return createHash('sha256').update(text).digest('hex')
}

/** One module in each file; the same seed gives the same files, another `revision` changes about a tenth of the functions. */
export function syntheticProject(seed: number, shape: Shape, revision = 0): SyntheticFile[] {
  return Array.from({ length: shape.modules }, (_, index) => syntheticFile(seed, index, shape, revision))
}

export function syntheticFile(seed: number, index: number, shape: Shape, revision = 0): SyntheticFile {
  const random = randomBelow(seed * 1_000_003 + index)
  const name = `App.${capital(pick(NOUNS, random))}.Part${index}`
  const functions: FunctionFacts[] = []
  for (let n = 0; n < shape.functions; n++) functions.push(syntheticFunction(name, n, random, shape, revision))
  const lines = functions.reduce((sum, fn) => sum + fn.linesOfCode + 2, 8)
  const source = sourceText(random, lines, revision)
  const module: ModuleFacts = {
    name, kind: 'module', implements: null, span: span(1, lines, source.length), sourceHash: sha256(`${name} ${seed} ${revision}`), treeHash: sha256(name),
    doc: { text: `The ${name} context.\n\nKeeps what belongs together, and says so at some length, as documentation does.`, hidden: false },
    deprecated: null,
    directives: [
      { kind: 'alias', module: 'App.Repo', as: 'Repo', only: null, except: null, argument: null, line: 3, column: 3 },
      { kind: 'import', module: 'Ecto.Query', as: null, only: ['from/2'], except: null, argument: null, line: 4, column: 3 },
    ],
    attributes: [{ name: 'timeout', text: '5_000', line: 5, column: 3 }], behaviours: ['GenServer'],
    types: [{ kind: 'type', name: 't', arity: 0, text: 't() :: %__MODULE__{}', line: 6 }], callbacks: [],
    struct: { kind: 'struct', fields: [{ name: 'id', default: null }, { name: 'count', default: '0' }], enforced: ['id'], line: 7 },
    functions,
    bodyCalls: [call('Module', 'register_attribute', 3, 8, 3, `${name}#body/Module.register_attribute`)],
    dependencies: ['App.Repo', 'Ecto.Query'], linesOfCode: lines,
  }
  return {
    facts: { path: `lib/app/part_${index}.ex`, sourceHash: sha256(source), bytes: source.length, lines, problems: [], modules: [module] },
    source,
  }
}

function syntheticFunction(module: string, n: number, random: (n: number) => number, shape: Shape, revision: number): FunctionFacts {
  const name = `${pick(VERBS, random)}_${pick(NOUNS, random)}_${n}`
  const arity = random(4)
  const line = 10 + n * (shape.linesPerFunction + 2)
  const changed = revision > 0 && (n + revision) % 10 === 0 ? revision : 0
  const calls: CallFacts[] = []
  const count = shape.calls === 0 ? 0 : shape.calls - 2 + random(5)
  for (let c = 0; c < count; c++) {
    const [target, fn] = split(random(3) === 0 ? `App.Shared${random(40)}.run_${random(20) + changed}` : pick(LIBRARY, random))
    calls.push(call(target, fn, 1 + random(2), line + c, 5 + random(30), `${module}.${name}/${arity}#1/case/clause:${c + 1}/${target}.${fn}`))
  }
  return {
    kind: random(4) === 0 ? 'defp' : 'def', name, arity, defaults: arity > 1 && random(5) === 0 ? 1 : 0,
    span: span(line, line + shape.linesPerFunction, 300), sourceHash: sha256(`${module}${name}${changed}`), treeHash: sha256(name + changed),
    clauses: [{ span: span(line, line + shape.linesPerFunction, 300), parameters: ['first', '%{} = second', 'opts'].slice(0, arity), guard: null, cyclomatic: 1 + random(8) }],
    doc: { text: random(2) === 0 ? `Does what ${name} says.\n\n    iex> ${name}(1)\n    :ok` : null, hidden: false },
    specs: [`@spec ${name}(term(), map()) :: {:ok, t()} | {:error, term()}`], impl: null, deprecated: null, delegateTo: null,
    linesOfCode: shape.linesPerFunction, cyclomatic: 1 + random(8), calls,
  }
}

function call(module: string, name: string, arity: number, line: number, column: number, node: string): CallFacts {
  return { module, name, arity, kind: 'remote', dynamic: false, grade: 'resolved', line, column, node }
}

function span(line: number, endLine: number, bytes: number): Span {
  return { line, column: 3, endLine, endColumn: 6, start: line * 30, end: line * 30 + bytes }
}

function sourceText(random: (n: number) => number, lines: number, revision: number): Uint8Array {
  const text = Array.from({ length: lines }, () => `    ${pick(VERBS, random)}_${pick(NOUNS, random)}(${pick(NOUNS, random)}, ${random(100)})`)
  return Buffer.from(`# revision ${revision}\n${text.join('\n')}\n`)
}

function split(mfa: string): [string, string] {
  const dot = mfa.lastIndexOf('.')
  return [mfa.slice(0, dot), mfa.slice(dot + 1)]
}

function pick<T>(items: readonly [T, ...T[]] | readonly T[], random: (n: number) => number): T {
  return items[random(items.length)] as T
}

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1)
}
