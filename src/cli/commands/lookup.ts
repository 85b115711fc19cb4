/** modules, show, callers, callees, problems, stats: questions to the daemon, answered as tables or JSON. */

import { failure, type Failure } from '../../base/failure.ts'
import { fail, ok, type Result } from '../../base/result.ts'
import { print, report, say, withDaemon, type Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit.ts'
import { projectPathsOf, withFirstKnown, withoutPlace } from '../file-names.ts'
import { aritiesCalled, functionsNamed, readName, type Named } from '../names.ts'
import { collect, type Paging } from '../pages.ts'
import type { Connection } from '../ports.ts'
import { renderFunction, renderModule, renderNode } from '../render/detail.ts'
import { renderCallees, renderCallers, renderFunctions, renderModules, renderProblems } from '../render/lists.ts'
import { renderMemory } from '../render/memory.ts'
import { renderStatistics, renderUnread } from '../render/status.ts'
import { withSuggestion } from '../suggestions.ts'

export type Done = Promise<Result<ExitCode, Failure>>

export function modules(context: Context, prefix: string | undefined, origin: 'file' | 'client' | 'all', paging: Paging): Promise<ExitCode> {
  return withDaemon(context, async (connection) => {
    const args = prefix === undefined ? { origin } : { origin, prefix }
    const listed = await collect(connection, 'list_modules', args, paging)
    if (!listed.ok) return listed
    const { modules: rows, cursor } = listed.value.value
    print(context, listed.value, () => rows.length === 0 ? ['no modules'] : renderModules(rows, context.view))
    return more(context, rows.length, cursor)
  })
}

export function show(context: Context, text: string): Promise<ExitCode> {
  return aboutName(context, text, (connection, named, root) => {
    switch (named.kind) {
      case 'module':
        return showModule(context, connection, named.name)
      case 'mfa':
        return showFunction(context, connection, named.mfa)
      case 'function':
        return showFunctions(context, connection, named)
      case 'node':
        return showNode(context, connection, named.id)
      case 'file':
        return showFile(context, connection, named.path, root)
    }
  })
}

async function showModule(context: Context, connection: Connection, name: string): Done {
  const found = await connection.call('get_module', { module_name: name })
  if (!found.ok) return found
  print(context, found.value, () => renderModule(found.value.value, context.view))
  return ok(EXIT.ok)
}

async function showFunction(context: Context, connection: Connection, mfa: string): Done {
  const found = await connection.call('get_function', { mfa })
  if (!found.ok) return found
  print(context, found.value, () => renderFunction(found.value.value, context.view))
  return ok(EXIT.ok)
}

/** One function of that name is shown in full, several as a list. */
async function showFunctions(context: Context, connection: Connection, named: Named & { kind: 'function' }): Done {
  const found = await functionsNamed(connection, named.module, named.name)
  if (!found.ok) return found
  const [first, ...others] = found.value
  if (first !== undefined && others.length === 0) return showFunction(context, connection, first.mfa)
  print(context, { functions: found.value }, () => renderFunctions(found.value, 'mfa', context.view))
  return ok(EXIT.ok)
}

async function showNode(context: Context, connection: Connection, id: string): Done {
  const found = await connection.call('get_ast_node', { node_id: id })
  if (!found.ok) return found
  print(context, found.value, () => renderNode(found.value.value, context.view))
  return ok(EXIT.ok)
}

async function showFile(context: Context, connection: Connection, text: string, root: string): Done {
  const paths = projectPathsOf(text, { cwd: context.ports.cwd, root })
  const found = await withFirstKnown(text, paths, (path) => connection.call('get_module_by_file', { path }))
  if (!found.ok) return found
  const { modules: rows } = found.value.value
  print(context, found.value, () => rows.length === 0 ? [`${withoutPlace(text)} defines no modules`] : renderModules(rows, context.view))
  return ok(EXIT.ok)
}

export function callers(context: Context, text: string, paging: Paging): Promise<ExitCode> {
  return aboutFunction(context, text, async (connection, mfa) => {
    const listed = await collect(connection, 'get_callers', { mfa }, paging)
    if (!listed.ok) return listed
    const { callers: rows, cursor } = listed.value.value
    print(context, listed.value, () => rows.length === 0 ? [`nothing in the project calls ${mfa}`] : renderCallers(rows, context.view))
    if (rows.length === 0) await warnOfUndefined(context, connection, mfa)
    return more(context, rows.length, cursor)
  })
}

/** Nobody calls what is mistyped; a function of a library may be called by nobody. */
async function warnOfUndefined(context: Context, connection: Connection, mfa: string): Promise<void> {
  if (context.format === 'json') return
  const found = await connection.call('get_function', { mfa, text_limit: 0 })
  if (found.ok || found.error.code !== 'not_found') return
  const { hint } = await withSuggestion(connection, { kind: 'mfa', mfa }, found.error)
  say(context, `the project does not define it${hint?.startsWith('did you mean') === true ? `; ${hint}` : ''}`)
}

export function callees(context: Context, text: string, paging: Paging): Promise<ExitCode> {
  return aboutFunction(context, text, async (connection, mfa) => {
    const listed = await collect(connection, 'get_callees', { mfa }, paging)
    if (!listed.ok) return listed
    const { callees: rows, cursor } = listed.value.value
    print(context, listed.value, () => rows.length === 0 ? [`${mfa} calls nothing`] : renderCallees(rows, context.view))
    return more(context, rows.length, cursor)
  })
}

export function problems(context: Context, path: string | undefined, paging: Paging): Promise<ExitCode> {
  return withDaemon(context, async (connection, root) => {
    const listed = path === undefined
      ? await collect(connection, 'list_problems', {}, paging)
      : await withFirstKnown(path, projectPathsOf(path, { cwd: context.ports.cwd, root }), (known) => collect(connection, 'list_problems', { path: known }, paging))
    if (!listed.ok) return path === undefined ? listed : fail(await withSuggestion(connection, { kind: 'file', path }, listed.error))
    const { problems: rows, cursor } = listed.value.value
    print(context, listed.value, () => rows.length === 0 ? ['no problems'] : renderProblems(rows, context.view))
    return more(context, rows.length, cursor)
  })
}

export function stats(context: Context, detail: 'counts' | 'tables'): Promise<ExitCode> {
  return withDaemon(context, async (connection) => {
    const answer = await connection.call('get_statistics', { bytes_by_table: detail === 'tables' })
    if (!answer.ok) return answer
    print(context, answer.value, () => [
      ...renderStatistics(answer.value.value, context.view), ...renderUnread(answer.value, context.view),
    ])
    return ok(EXIT.ok)
  })
}

export function memory(context: Context): Promise<ExitCode> {
  return withDaemon(context, async (connection) => {
    const [status, usage] = await Promise.all([connection.call('memory_status', {}), connection.call('validate_memory_usage', {})])
    if (!status.ok) return status
    if (!usage.ok) return usage
    print(context, { ...status.value, specification: usage.value.value }, () => renderMemory(status.value, usage.value.value, context.view))
    return ok(EXIT.ok)
  })
}

/** Says on standard error how to go on when a list was cut. */
function more(context: Context, shown: number, cursor: string | null): Result<ExitCode, Failure> {
  if (cursor !== null && context.format === 'text') {
    say(context, context.messages.style.dim(`${shown} shown; all with --all, the next with --cursor ${cursor}`))
  }
  return ok(EXIT.ok)
}

/** Reads a name, runs `use` with it, and adds a suggestion when what it names is not there. */
export async function aboutName(context: Context, text: string, use: (connection: Connection, named: Named, root: string) => Done): Promise<ExitCode> {
  const named = readName(text)
  if (!named.ok) return report(context, named.error)
  return withDaemon(context, async (connection, root) => {
    const used = await use(connection, named.value, root)
    return used.ok ? used : fail(await withSuggestion(connection, named.value, used.error))
  })
}

/** As above for one function; without an arity it must be the only one of its name. */
export function aboutFunction(context: Context, text: string, use: (connection: Connection, mfa: string) => Done): Promise<ExitCode> {
  return aboutName(context, text, async (connection, named) => {
    if (named.kind === 'mfa') return use(connection, named.mfa)
    if (named.kind !== 'function') {
      return fail(failure('invalid_argument', `${text} is no function`, { hint: 'write module, function and arity, e.g. MyApp.Cart.add_item/2' }))
    }
    const found = await functionsNamed(connection, named.module, named.name)
    if (!found.ok) return fail(await unlessCalled(connection, named, found.error))
    const [only, ...others] = found.value
    if (only !== undefined && others.length === 0) return use(connection, only.mfa)
    return fail(failure('invalid_argument', `${text} has several arities`, { hint: `which one: ${found.value.map((row) => row.mfa).join(', ')}?` }))
  })
}

/** A function of a library has no known arities of its own; those that the project calls are told. */
async function unlessCalled(connection: Connection, { module, name }: Named & { kind: 'function' }, error: Failure): Promise<Failure> {
  if (error.code !== 'not_found' || (await connection.call('get_module', { module_name: module })).ok) return error
  const arities = await aritiesCalled(connection, module, name)
  if (arities.length === 0) return error
  return failure('invalid_argument', `${module}.${name} needs its arity`, { hint: `which one: ${arities.join(', ')}?` })
}
