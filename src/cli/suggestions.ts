/** Which existing name a mistyped one was probably meant to be. Names are those of the code, and those that events tell of. */

import { failure, type Failure } from '../base/failure.ts'
import { formatMfa, parseMfa, type Mfa } from '../model/names.ts'
import { parseNodeId } from '../model/node-id.ts'
import { nearestName } from '../wire/nearest-name.ts'
import { withoutPlace } from './file-names.ts'
import type { Named } from './names.ts'
import { eachPage } from './pages.ts'
import type { Connection } from './ports.ts'

/** Searching for suggestions stops after this many names: they are a courtesy. */
const NAMES_SEARCHED = 20_000
/** The most that are counted at once. */
const FUNCTIONS_SEEN = 1000

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

/** The beginning of a module's name, and of no other. */
export async function unknownPrefix(connection: Connection, prefix: string): Promise<Failure | undefined> {
  const names = (await everyModule(connection)).map((row) => row.name)
  if (names.some((name) => name.startsWith(prefix))) return undefined
  const beginnings = names.flatMap((name) => name.split('.').map((_, at, parts) => parts.slice(0, at + 1).join('.')))
  const near = nearestName(prefix, new Set(beginnings))
  return failure('not_found', `no module begins with ${prefix}`, near === undefined ? { hint: 'the command `modules` lists all modules' } : { hint: `did you mean ${near}?`, details: { suggestions: [near] } })
}

/** The name of a function of no module. */
export async function unknownFunction(connection: Connection, name: string): Promise<Failure | undefined> {
  const names = new Set((await functionsSeen(connection)).map((fn) => fn.name))
  await eachPage(connection, 'list_functions', {}, (page) => {
    for (const row of page.value.functions) names.add(row.function_name)
    return names.has(name) || names.size > NAMES_SEARCHED ? 'enough' : 'more'
  })
  if (names.has(name)) return undefined
  const near = nearestName(name, names)
  return failure('not_found', `no function is called ${name}`, near === undefined ? {} : { hint: `did you mean ${near}?`, details: { suggestions: [near] } })
}

async function nearestFile(connection: Connection, path: string): Promise<string | undefined> {
  const known = new Set((await everyModule(connection)).map((row) => row.file ?? ''))
  // The name alone is what people know of a file that lies elsewhere.
  return nearestName(path, known) ?? [...known].find((file) => file.endsWith(`/${path}`))
}

/** Of the code, and of what events tell of. */
async function everyModule(connection: Connection): Promise<{ name: string; file: string | null }[]> {
  const rows: { name: string; file: string | null }[] = []
  await eachPage(connection, 'list_modules', {}, (page) => {
    rows.push(...page.value.modules.map((row) => ({ name: row.module_name, file: row.source_file })))
    return rows.length < NAMES_SEARCHED ? 'more' : 'enough'
  })
  return [...rows, ...(await functionsSeen(connection)).map(({ module }) => ({ name: module, file: null }))]
}

/** Those with most events. */
async function functionsSeen(connection: Connection): Promise<Mfa[]> {
  const counted = await connection.call('count_events', { by: 'function', limit: FUNCTIONS_SEEN })
  return counted.ok ? counted.value.value.groups.flatMap(({ key }) => parseMfa(key) ?? []) : []
}

async function nearestFunction(connection: Connection, module: string, name: string): Promise<string | undefined> {
  const written: Mfa[] = []
  await eachPage(connection, 'get_functions_for_module', { module_name: module }, (page) => {
    written.push(...page.value.functions.map(({ function_name: fn, arity }) => ({ module, name: fn, arity })))
    return 'more'
  })
  const known = [...written, ...(await functionsSeen(connection)).filter((fn) => fn.module === module)]
  if (known.length === 0) return nearestModule(connection, module)
  const nearest = nearestName(name, known.map((fn) => fn.name))
  const found = known.find((fn) => fn.name === nearest)
  return found === undefined ? undefined : formatMfa(found)
}
