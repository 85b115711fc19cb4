/** Reading functions and the calls between them. */

import type { Failure } from '../base/failure.ts'
import { ok, type Result } from '../base/result.ts'
import type { Mfa } from '../model/names.ts'
import { parseNodeId } from '../model/node-id.ts'
import type { ReadArgs, Reply } from '../wire/methods.ts'
import { answer } from './answer.ts'
import { cutList } from './cut.ts'
import { findFunction, findModule, readMfa } from './find.ts'
import { callerRecord, callRecord, functionData, functionSummary } from './present.ts'
import { freshness, type ReadContext } from './read-context.ts'

/** Calls listed with their function; more are paged through. */
const LISTED_CALLS = 500

export function getFunction(context: ReadContext, args: ReadArgs<'get_function'>): Result<Reply<'get_function'>, Failure> {
  const mfa = readMfa(args.mfa)
  if (!mfa.ok) return mfa
  const { snapshot } = context
  const found = findFunction(snapshot, mfa.value)
  if (!found.ok) return staleFunction(context, mfa.value, args.text_limit) ?? found
  const calls = snapshot.calleesOf(found.value.id, { limit: LISTED_CALLS })
  const limits = { text: args.text_limit, moreCalls: calls.next === null ? null : LISTED_CALLS }
  return ok(answer(functionData(found.value, calls.items, limits, snapshot.functionMoments(found.value.id)), freshness(context)))
}

function staleFunction(context: ReadContext, mfa: Mfa, textLimit: number): Result<Reply<'get_function'>, Failure> | undefined {
  const stale = context.snapshot.findStale(mfa)
  if (stale === undefined) return undefined
  const calls = cutList(stale.calls, LISTED_CALLS)
  return ok(answer(functionData(stale.record, calls.items, { text: textLimit, moreCalls: calls.cutAt }, stale.moments), freshness(context)))
}

export function listFunctions(context: ReadContext, args: ReadArgs<'list_functions'>): Result<Reply<'list_functions'>, Failure> {
  const page = context.snapshot.listFunctions({ limit: args.limit, after: args.cursor, origin: args.origin, prefix: args.module_prefix })
  return ok(answer({ functions: page.items.map(functionSummary), cursor: page.next }, freshness(context)))
}

/** Callers of any function, in the project or not: `Enum.map/2` has callers too. */
export function getCallers(context: ReadContext, args: ReadArgs<'get_callers'>): Result<Reply<'get_callers'>, Failure> {
  const mfa = readMfa(args.mfa)
  if (!mfa.ok) return mfa
  const page = context.snapshot.callers(mfa.value, { limit: args.limit, after: args.cursor })
  if (page.items.length === 0 && args.cursor === undefined) {
    const inProject = context.snapshot.findModuleRow(mfa.value.module) !== undefined
    const known = inProject ? findFunction(context.snapshot, mfa.value) : undefined
    if (known !== undefined && !known.ok) return known
  }
  return ok(answer({ callers: page.items.map(callerRecord), cursor: page.next }, freshness(context)))
}

/** Callees of a function, or of a module's own body (`MyApp.Cart#body`). */
export function getCallees(context: ReadContext, args: ReadArgs<'get_callees'>): Result<Reply<'get_callees'>, Failure> {
  const { snapshot } = context
  const request = { limit: args.limit, after: args.cursor }
  const root = parseNodeId(args.mfa)?.root
  if (root?.kind === 'body') {
    const module = findModule(snapshot, root.module)
    if (!module.ok) return module
    const page = snapshot.bodyCallsOf(module.value.id, request)
    return ok(answer({ callees: page.items.map(callRecord), cursor: page.next }, freshness(context)))
  }
  const mfa = readMfa(args.mfa)
  if (!mfa.ok) return mfa
  const found = findFunction(snapshot, mfa.value)
  if (!found.ok) return found
  const page = snapshot.calleesOf(found.value.id, request)
  return ok(answer({ callees: page.items.map(callRecord), cursor: page.next }, freshness(context)))
}
