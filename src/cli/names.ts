/**
 * What a name on the command line means (module, function with or without arity, node id, file), and which existing
 * name a mistyped one was probably meant to be.
 */

import { failure, type Failure } from '../base/failure.ts'
import { fail, ok, type Result } from '../base/result.ts'
import { formatMfa, isModuleName, parseMfa } from '../model/names.ts'
import { parseNodeId } from '../model/node-id.ts'
import type { FunctionSummary } from '../wire/records.ts'
import { nearestName } from '../wire/nearest-name.ts'
import { withoutPlace } from './file-names.ts'
import { eachPage } from './pages.ts'
import type { Connection } from './ports.ts'

export type Named =
  | { readonly kind: 'module'; readonly name: string }
  | { readonly kind: 'mfa'; readonly mfa: string }
  /** A function without its arity: every arity is meant. */
  | { readonly kind: 'function'; readonly module: string; readonly name: string }
  | { readonly kind: 'node'; readonly id: string }
  | { readonly kind: 'file'; readonly path: string }

/** Searching for suggestions stops after this many names: they are a courtesy. */
const NAMES_SEARCHED = 20_000
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

/**
 * The same failure with the nearest of all names that exist, where something was not found. The daemon suggests what
 * begins alike, in constant time; this looks at everything, and stands back where nothing is near.
 */
export async function withSuggestion(connection: Connection, named: Named, error: Failure): Promise<Failure> {
  if (error.code !== 'not_found') return error
  const counted = await connection.call('get_statistics', {})
  if (counted.ok && counted.value.value.import.state === 'running') {
    return failure(error.code, error.message, { hint: 'an import is under way; ask again when `status` says that it has ended', details: { suggestions: [] } })
  }
  const nearest = await nearestTo(connection, named)
  if (nearest === nameOf(named)) return error
  if (nearest !== undefined) return failure(error.code, error.message, { hint: `did you mean ${nearest}?`, details: { suggestions: [nearest] } })
  const offered = error.details?.['suggestions']
  if (Array.isArray(offered) && offered.length > 0) return error
  return failure(error.code, error.message, { ...await whereToLook(connection, named, error), details: { suggestions: [] } })
}

function nameOf(named: Named): string {
  switch (named.kind) {
    case 'module':
      return named.name
    case 'mfa':
      return named.mfa
    case 'function':
      return `${named.module}.${named.name}`
    case 'node':
      return named.id
    case 'file':
      return withoutPlace(named.path)
  }
}

/** Where names of that kind are listed: the functions of a module that exists, else all modules. */
async function whereToLook(connection: Connection, named: Named, error: Failure): Promise<{ hint?: string }> {
  const mfa = named.kind === 'mfa' ? parseMfa(named.mfa) : named.kind === 'function' ? named : undefined
  if (mfa !== undefined && (await connection.call('get_module', { module_name: mfa.module })).ok) {
    return { hint: `the command \`show ${mfa.module}\` lists its functions` }
  }
  const listsNames = named.kind === 'file' || named.kind === 'node'
  if (listsNames) return error.hint === undefined ? {} : { hint: error.hint }
  return { hint: 'the command `modules` lists all modules' }
}

async function nearestTo(connection: Connection, named: Named): Promise<string | undefined> {
  switch (named.kind) {
    case 'module':
      return nearestModule(connection, named.name)
    case 'function':
      return nearestFunction(connection, named.module, named.name)
    case 'mfa': {
      const mfa = parseMfa(named.mfa)
      return mfa === undefined ? undefined : nearestFunction(connection, mfa.module, mfa.name)
    }
    case 'node': {
      const root = parseNodeId(named.id)?.root
      if (root === undefined) return undefined
      return root.kind === 'body' ? nearestModule(connection, root.module) : nearestFunction(connection, root.mfa.module, root.mfa.name)
    }
    case 'file':
      return nearestFile(connection, withoutPlace(named.path))
  }
}

async function nearestModule(connection: Connection, name: string): Promise<string | undefined> {
  return nearestName(name, (await everyModule(connection)).map((row) => row.name))
}

async function nearestFile(connection: Connection, path: string): Promise<string | undefined> {
  const known = new Set((await everyModule(connection)).map((row) => row.file ?? ''))
  // The name alone is what people know of a file that lies elsewhere.
  return nearestName(path, known) ?? [...known].find((file) => file.endsWith(`/${path}`))
}

async function everyModule(connection: Connection): Promise<{ name: string; file: string | null }[]> {
  const rows: { name: string; file: string | null }[] = []
  await eachPage(connection, 'list_modules', {}, (page) => {
    rows.push(...page.value.modules.map((row) => ({ name: row.module_name, file: row.source_file })))
    return rows.length < NAMES_SEARCHED ? 'more' : 'enough'
  })
  return rows
}

async function nearestFunction(connection: Connection, module: string, name: string): Promise<string | undefined> {
  const functions: FunctionSummary[] = []
  const read = await eachPage(connection, 'get_functions_for_module', { module_name: module }, (page) => {
    functions.push(...page.value.functions)
    return 'more'
  })
  if (!read.ok) return nearestModule(connection, module)
  const nearest = nearestName(name, functions.map((row) => row.function_name))
  return functions.find((row) => row.function_name === nearest)?.mfa
}
