/** Reading modules: one whole, those of a file, all by name. */

import type { Failure } from '../base/failure.ts'
import { fail, ok, type Result } from '../base/result.ts'
import type { FunctionRow, Snapshot } from '../store/contract.ts'
import type { ReadArgs, Reply } from '../wire/methods.ts'
import { answer } from './answer.ts'
import { findModule, noFile } from './find.ts'
import { functionSummary, moduleData, moduleSummary } from './present.ts'
import { freshness, type ReadContext } from './read-context.ts'

/** Functions listed with their module; more are paged through. */
const LISTED_FUNCTIONS = 500

export function getModule(context: ReadContext, args: ReadArgs<'get_module'>): Result<Reply<'get_module'>, Failure> {
  const found = findModule(context.snapshot, args.module_name)
  if (!found.ok) return found
  const functions = allFunctions(context.snapshot, found.value.id)
  const limits = { text: args.text_limit, functions: LISTED_FUNCTIONS }
  return ok(answer(moduleData(found.value, functions, limits, context.snapshot.moduleMoments(found.value.id)), freshness(context)))
}

export function listModules(context: ReadContext, args: ReadArgs<'list_modules'>): Result<Reply<'list_modules'>, Failure> {
  const page = context.snapshot.listModules({ limit: args.limit, after: args.cursor, origin: args.origin, prefix: args.prefix })
  return ok(answer({ modules: page.items.map(moduleSummary), cursor: page.next }, freshness(context)))
}

export function getModuleByFile(context: ReadContext, args: ReadArgs<'get_module_by_file'>): Result<Reply<'get_module_by_file'>, Failure> {
  const path = args.path.replace(/^\.\//, '')
  const modules = context.snapshot.modulesOfFile(path)
  if (modules === undefined) return fail(noFile(args.path))
  return ok(answer({ modules: modules.map(moduleSummary) }, freshness(context)))
}

export function getFunctionsForModule(
  context: ReadContext, args: ReadArgs<'get_functions_for_module'>,
): Result<Reply<'get_functions_for_module'>, Failure> {
  const found = findModule(context.snapshot, args.module_name)
  if (!found.ok) return found
  const page = context.snapshot.functionsOf(found.value.id, { limit: args.limit, after: args.cursor })
  return ok(answer({ functions: page.items.map(functionSummary), cursor: page.next }, freshness(context)))
}

function allFunctions(snapshot: Snapshot, moduleId: number): FunctionRow[] {
  const rows: FunctionRow[] = []
  let after: string | undefined
  do {
    const page = snapshot.functionsOf(moduleId, { limit: 1000, after })
    rows.push(...page.items)
    after = page.next ?? undefined
  } while (after !== undefined)
  return rows
}
