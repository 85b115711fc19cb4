/** Lookups by the names that clients write, as a row or as a failure that says what to do. */

import { failure, type Failure } from '../base/failure.ts'
import { fail, ok, type Result } from '../base/result.ts'
import { formatMfa, isModuleName, parseMfa, type Mfa } from '../model/names.ts'
import type { FunctionRecord, ModuleRecord, Snapshot } from '../store/contract.ts'

const SUGGESTIONS = 5

export function findModule(snapshot: Snapshot, name: string): Result<ModuleRecord, Failure> {
  if (!isModuleName(name)) {
    return fail(failure('invalid_argument', `module_name: ${JSON.stringify(name)} is no module name`, {
      hint: 'write it as Elixir prints it, e.g. MyApp.Cart or :gen_server',
    }))
  }
  const found = snapshot.findModule(name)
  return found === undefined ? fail(noModule(snapshot, name)) : ok(found)
}

export function readMfa(text: string): Result<Mfa, Failure> {
  const mfa = parseMfa(text)
  if (mfa !== undefined) return ok(mfa)
  return fail(failure('invalid_argument', `mfa: ${JSON.stringify(text)} is no function`, {
    hint: 'write module, function and arity, e.g. MyApp.Cart.add_item/2',
  }))
}

export function findFunction(snapshot: Snapshot, mfa: Mfa): Result<FunctionRecord, Failure> {
  const found = snapshot.findFunction(mfa)
  if (found !== undefined) return ok(found)
  const module = snapshot.findModuleRow(mfa.module)
  if (module === undefined) return fail(noModule(snapshot, mfa.module))
  const others = snapshot.functionsOf(module.id, { limit: 1000 }).items
  const sameName = others.filter((row) => row.name === mfa.name)
  const nearby = sameName.length > 0 ? sameName : others.filter((row) => row.name.startsWith(mfa.name.slice(0, 3)))
  const suggestions = nearby.slice(0, SUGGESTIONS).map((row) => formatMfa({ module: mfa.module, name: row.name, arity: row.arity }))
  return fail(notFound(`no function ${formatMfa(mfa)}`, suggestions, `list_functions with module_prefix ${mfa.module} names them all`))
}

export function noFile(path: string): Failure {
  return failure('not_found', `no file ${path} in the repository`, {
    hint: 'give the path relative to the project root; a new file is known after import_project',
  })
}

function noModule(snapshot: Snapshot, name: string): Failure {
  const last = name.split('.').at(-1) ?? name
  const parent = name.includes('.') ? name.slice(0, name.lastIndexOf('.')) : name.slice(0, 3)
  const near = snapshot.listModules({ limit: 200, prefix: parent }).items.map((row) => row.key)
  const ranked = near.toSorted((a, b) => Number(b.endsWith(last)) - Number(a.endsWith(last)))
  return notFound(`no module ${name}`, ranked.slice(0, SUGGESTIONS), 'list_modules names them all')
}

function notFound(message: string, suggestions: readonly string[], otherwise: string): Failure {
  return failure('not_found', message, {
    hint: suggestions.length > 0 ? `did you mean ${suggestions.join(', ')}?` : otherwise,
    details: { suggestions },
  })
}
