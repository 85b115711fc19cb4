/** What a name on the command line means: a module, a function with or without its arity, a node id, a file. */

import { failure, type Failure } from '../base/failure.ts'
import { fail, ok, type Result } from '../base/result.ts'
import { formatMfa, isModuleName, parseMfa } from '../model/names.ts'
import { parseNodeId } from '../model/node-id.ts'
import type { FunctionSummary } from '../wire/records.ts'
import { eachPage } from './pages.ts'
import type { Connection } from './ports.ts'

export type Named =
  | { readonly kind: 'module'; readonly name: string }
  | { readonly kind: 'mfa'; readonly mfa: string }
  /** A function without its arity: every arity is meant. */
  | { readonly kind: 'function'; readonly module: string; readonly name: string }
  | { readonly kind: 'node'; readonly id: string }
  | { readonly kind: 'file'; readonly path: string }

/** Of a function whose arity is not known; few have more. */
const ARITIES_TRIED = 10

export function readName(text: string): Result<Named, Failure> {
  const name = text.trim().replace(/^Elixir\./, '')
  if (/\.exs?(?::\d+){0,2}$/.test(name)) return ok({ kind: 'file', path: name })
  if (name.includes('#') && parseNodeId(name) !== undefined) return ok({ kind: 'node', id: name })
  if (parseMfa(name) !== undefined) return ok({ kind: 'mfa', mfa: name })
  if (isModuleName(name)) return ok({ kind: 'module', name })
  const anyArity = parseMfa(`${name}/0`)
  if (anyArity !== undefined) return ok({ kind: 'function', module: anyArity.module, name: anyArity.name })
  return fail(failure('invalid_argument', `${JSON.stringify(text)} is no module, function, node or file`, {
    hint: 'write MyApp.Cart, MyApp.Cart.add_item/2, a node id, or a file like lib/my_app/cart.ex',
  }))
}

/** The arities with which the project calls a function that it does not define itself. */
export async function aritiesCalled(connection: Connection, module: string, name: string): Promise<string[]> {
  const tried = Array.from({ length: ARITIES_TRIED }, (_, arity) => formatMfa({ module, name, arity }))
  const called = await Promise.all(tried.map((mfa) => connection.call('get_callers', { mfa, limit: 1 })))
  return tried.filter((_, arity) => {
    const answer = called[arity]
    return answer?.ok === true && answer.value.value.callers.length > 0
  })
}

/** The functions of that name in a module, whatever their arity. */
export async function functionsNamed(connection: Connection, module: string, name: string): Promise<Result<FunctionSummary[], Failure>> {
  const found: FunctionSummary[] = []
  const read = await eachPage(connection, 'get_functions_for_module', { module_name: module }, (page) => {
    found.push(...page.value.functions.filter((row) => row.function_name === name))
    return 'more'
  })
  if (!read.ok) return read
  if (found.length > 0) return ok(found)
  return fail(failure('not_found', `no function ${module}.${name}`, { details: { suggestions: [] } }))
}
