/**
 * Facts that a client states: read from source text where it gives some, else from the plain statement. What it does not
 * say stays empty (place 0, hash empty); nothing is made up.
 */

import { analyseSource } from '../analysis/analyse.ts'
import { failure, type Failure } from '../base/failure.ts'
import { fail, ok, type Result } from '../base/result.ts'
import type { CallFacts, FunctionFacts, ModuleFacts, Span } from '../model/facts.ts'
import { isModuleName, parseMfa } from '../model/names.ts'
import type { ClientModule } from '../store/contract.ts'
import { clientModule } from '../wire/client-module.ts'
import type { Args } from '../wire/methods.ts'

export type ClientModuleStatement = Args<'store_module'>['module']
export type ClientFunctionStatement = Args<'store_function'>['function']

const NOWHERE: Span = { line: 0, column: 0, endLine: 0, endColumn: 0, start: 0, end: 0 }

/** Checks a statement of unknown origin, e.g. one that a merge patch made. */
export function readStatement(value: unknown): Result<ClientModuleStatement, Failure> {
  const read = clientModule.safeParse(value)
  if (read.success) return ok(read.data)
  const issue = read.error.issues[0]
  const where = issue === undefined || issue.path.length === 0 ? 'module' : `module.${issue.path.join('.')}`
  return fail(failure('invalid_argument', `${where}: ${issue?.message ?? 'is no module statement'}`))
}

export function clientFacts(statement: ClientModuleStatement): Result<ClientModule, Failure> {
  if (!isModuleName(statement.module_name)) {
    return fail(failure('invalid_argument', `module_name: ${JSON.stringify(statement.module_name)} is no module name`, {
      hint: 'write it as Elixir prints it, e.g. MyApp.Cart',
    }))
  }
  const facts = statement.source === undefined ? statedFacts(statement) : sourceFacts(statement, statement.source)
  return facts.ok ? ok({ facts: facts.value, path: statement.source_file ?? null, document: statement }) : facts
}

function sourceFacts(statement: ClientModuleStatement, source: string): Result<ModuleFacts, Failure> {
  if (statement.functions.length > 0 || statement.moduledoc !== undefined) {
    return fail(failure('invalid_argument', 'module: source text and facts together', { hint: 'with source, the facts are read from it: leave functions and moduledoc out' }))
  }
  const file = analyseSource(statement.source_file ?? 'client.ex', new TextEncoder().encode(source))
  const [problem] = file.problems
  if (problem !== undefined) {
    return fail(failure('invalid_argument', `module.source:${problem.line}:${problem.column}: ${problem.message}`, { hint: 'correct the source' }))
  }
  const found = file.modules.find((module) => module.name === statement.module_name)
  if (found !== undefined) return ok(found)
  return fail(failure('invalid_argument', `module.source defines no ${statement.module_name}`, {
    hint: 'the source must hold a defmodule of that name',
    details: { defines: file.modules.map((module) => module.name) },
  }))
}

function statedFacts(statement: ClientModuleStatement): Result<ModuleFacts, Failure> {
  const functions: FunctionFacts[] = []
  for (const stated of statement.functions) {
    const facts = functionFacts(statement, stated)
    if (!facts.ok) return facts
    functions.push(facts.value)
  }
  return ok({
    name: statement.module_name, kind: 'module', implements: null, span: NOWHERE, sourceHash: '', treeHash: '',
    doc: { text: statement.moduledoc ?? null, hidden: false }, deprecated: null, directives: [], attributes: [], behaviours: [],
    types: [], callbacks: [], struct: null, functions, bodyCalls: [], dependencies: dependenciesOf(statement.module_name, functions), linesOfCode: 0,
  })
}

function functionFacts(statement: ClientModuleStatement, stated: ClientFunctionStatement): Result<FunctionFacts, Failure> {
  const calls: CallFacts[] = []
  const caller = `${statement.module_name}.${stated.function_name}/${stated.arity}`
  for (const written of stated.calls) {
    const mfa = parseMfa(written)
    if (mfa === undefined) return fail(failure('invalid_argument', `${caller} calls: ${JSON.stringify(written)} is no MFA such as MyApp.Cart.add_item/2`))
    calls.push({ ...mfa, kind: 'remote', dynamic: false, grade: 'resolved', line: 0, column: 0, node: caller })
  }
  return ok({
    kind: stated.kind, name: stated.function_name, arity: stated.arity, defaults: 0,
    span: stated.line === undefined ? NOWHERE : { ...NOWHERE, line: stated.line, column: 1, endLine: stated.line, endColumn: 1 },
    sourceHash: '', treeHash: '', clauses: [], doc: { text: stated.doc ?? null, hidden: false }, specs: stated.specs,
    impl: null, deprecated: null, delegateTo: null, linesOfCode: 0, cyclomatic: 0, calls,
  })
}

function dependenciesOf(name: string, functions: readonly FunctionFacts[]): string[] {
  const named = new Set(functions.flatMap((one) => one.calls.flatMap((call) => (call.module === null ? [] : [call.module]))))
  named.delete(name)
  return [...named].toSorted()
}
