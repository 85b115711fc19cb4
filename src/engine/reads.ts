/** One handler per reading method. Each is a function of a snapshot and validated arguments; none keeps anything. */

import type { Failure } from '../base/failure.ts'
import { ok, type Result } from '../base/result.ts'
import type { ReadArgs, ReadMethod, Reply } from '../wire/methods.ts'
import { answer } from './answer.ts'
import { freshness, type ReadContext } from './read-context.ts'
import { getCallees, getCallers, getFunction, listFunctions } from './read-functions.ts'
import { getFunctionsForModule, getModule, getModuleByFile, listModules } from './read-modules.ts'
import { getAstNode } from './read-node.ts'
import { exportData, getStatistics, hello, listProblems, validateUsage } from './read-repository.ts'
import { getModuleDiff, translateNode, versionHistory } from './read-versions.ts'

export const READS: { readonly [M in ReadMethod]: (context: ReadContext, args: ReadArgs<M>) => Result<Reply<M>, Failure> } = {
  hello,
  watch: (context) => ok(answer({ watching: true }, freshness(context))),
  get_module: getModule,
  list_modules: listModules,
  get_module_by_file: getModuleByFile,
  get_function: getFunction,
  list_functions: listFunctions,
  get_functions_for_module: getFunctionsForModule,
  get_ast_node: getAstNode,
  get_callers: getCallers,
  get_callees: getCallees,
  list_problems: listProblems,
  get_statistics: getStatistics,
  export_data: exportData,
  version_history: versionHistory,
  get_module_diff: getModuleDiff,
  translate_node: translateNode,
  validate_memory_usage: validateUsage,
}

export function isReadMethod(method: string): method is ReadMethod {
  return Object.hasOwn(READS, method)
}
