/** Facts as short lines, so that a test reads as source beside what is found in it. */

import { readFileSync } from 'node:fs'
import { analyseSource } from '../../../src/analysis/analyse.ts'
import type { CallFacts, FileFacts, FunctionFacts, ModuleFacts } from '../../../src/model/facts.ts'

export function fixture(name: string): string {
  return readFileSync(new URL(`../fixtures/${name}`, import.meta.url), 'utf8')
}

export function analyseText(source: string): FileFacts {
  return analyseSource('lib/test.ex', new TextEncoder().encode(source))
}

/** The one module of a source, or the one of that name. */
export function moduleOf(source: string, name?: string): ModuleFacts {
  const { modules } = analyseText(source)
  const found = name === undefined ? modules[0] : modules.find((module) => module.name === name)
  if (found === undefined) throw new Error(`no module ${name ?? ''} in ${modules.map((module) => module.name).join(', ')}`)
  return found
}

export function functionOf(source: string, key: string): FunctionFacts {
  const found = analyseText(source).modules.flatMap((module) => module.functions).find((fn) => `${fn.name}/${fn.arity}` === key)
  if (found === undefined) throw new Error(`no function ${key}`)
  return found
}

/** `remote` is left out; `~` marks a guess, `?` a callee known only at run time. */
export function showCall(call: CallFacts): string {
  const callee = `${call.module === null ? '' : `${call.module}.`}${call.name}/${call.arity}`
  const mark = call.dynamic ? '?' : call.grade === 'syntactic' ? '~' : ''
  return `${call.kind === 'remote' ? '' : `${call.kind} `}${callee}${mark}`
}

export function allCalls(file: FileFacts): CallFacts[] {
  return file.modules.flatMap((module) => [...module.bodyCalls, ...module.functions.flatMap((fn) => fn.calls)])
}

export function showFunction(fn: FunctionFacts): string {
  const parameters = fn.clauses.map((clause) => `(${clause.parameters.join(', ')})${clause.guard === null ? '' : ` when ${clause.guard}`}`)
  return `${fn.kind} ${fn.name}/${fn.arity}${fn.defaults > 0 ? ` -${fn.defaults}` : ''} ${parameters.join(' | ')}`
}

export function showModule(module: ModuleFacts): string[] {
  return [`${module.kind} ${module.name}`, ...module.functions.map((fn) => `  ${showFunction(fn)}`)]
}
