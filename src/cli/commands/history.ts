/** history, diff: what a file, a module or a function was like before, and what changed between two versions. */

import { failure, type Failure } from '../../base/failure.ts'
import { fail, ok, type Result } from '../../base/result.ts'
import { parseMfa } from '../../model/names.ts'
import type { Reply } from '../../wire/methods.ts'
import { print, report, withDaemon, type Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit.ts'
import { projectPathsOf, withFirstKnown } from '../file-names.ts'
import { readName, type Named } from '../names.ts'
import type { Connection } from '../ports.ts'
import { renderDiff, renderHistory } from '../render/history.ts'
import { withSuggestion } from '../suggestions.ts'

export type Versions = { readonly from: number | undefined; readonly to: number | undefined }

export function history(context: Context, text: string): Promise<ExitCode> {
  return aboutName(context, text, async (connection, named, root) => {
    if (named.kind === 'file') {
      const paths = projectPathsOf(named.path, { cwd: context.ports.cwd, root })
      return shown(context, await withFirstKnown(text, paths, (path) => connection.call('version_history', { path })))
    }
    const module = moduleOf(named)
    if (module === undefined) return fail(noHistory(text))
    const found = await connection.call('version_history', { module_name: module })
    if (!found.ok || named.kind !== 'mfa') return shown(context, found)
    const about = await connection.call('get_function', { mfa: named.mfa })
    if (!about.ok) return about
    const { first_seen, last_modified } = about.value.value
    return shown(context, ok({ ...found.value, value: { ...found.value.value, first_seen, last_modified } }))
  })
}

function shown(context: Context, found: Result<Reply<'version_history'>, Failure>): Result<ExitCode, Failure> {
  if (!found.ok) return found
  print(context, found.value, () => renderHistory(found.value.value, context.view))
  return ok(EXIT.ok)
}

export function diff(context: Context, text: string, { from, to }: Versions): Promise<ExitCode> {
  return aboutName(context, text, async (connection, named) => {
    const module = moduleOf(named)
    if (module === undefined) return fail(noHistory(text))
    const found = await connection.call('get_module_diff', { module_name: module, from, to })
    if (!found.ok) return found
    print(context, found.value, () => renderDiff(found.value.value, context.view))
    return ok(EXIT.ok)
  })
}

/** Changes are told of modules: a function stands for its own. */
function moduleOf(named: Named): string | undefined {
  switch (named.kind) {
    case 'module':
      return named.name
    case 'function':
      return named.module
    case 'mfa':
      return parseMfa(named.mfa)?.module
    case 'node':
    case 'file':
      return undefined
  }
}

function noHistory(text: string): Failure {
  return failure('invalid_argument', `${text} is no module or function`, { hint: 'write e.g. MyApp.Cart' })
}

async function aboutName(
  context: Context, text: string, use: (connection: Connection, named: Named, root: string) => Promise<Result<ExitCode, Failure>>,
): Promise<ExitCode> {
  const named = readName(text)
  if (!named.ok) return report(context, named.error)
  return withDaemon(context, async (connection, root) => {
    const used = await use(connection, named.value, root)
    return used.ok ? used : fail(await withSuggestion(connection, named.value, used.error))
  })
}
