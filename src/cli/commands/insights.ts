/** trace, hot, cover, points: what functions did when they ran, which cost most, which never ran, and where they can be traced. */

import { failure, type Failure } from '../../base/failure.ts'
import { fail, ok, type Result } from '../../base/result.ts'
import { parseMfa } from '../../model/names.ts'
import type { ArgsInput, Value } from '../../wire/methods.ts'
import { print, report, say, withDaemon, type Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit.ts'
import { basisOf, callsIn, gapsIn } from '../gaps.ts'
import { functionsNamed, type Named } from '../names.ts'
import { collect, eachPage, type Paging } from '../pages.ts'
import type { Connection } from '../ports.ts'
import { renderGaps, windowWords } from '../render/basis.ts'
import { renderPoints } from '../render/capture.ts'
import { renderEvents } from '../render/events.ts'
import { coverageInAll, renderCoverage, renderHot, renderInsights, type ModuleCoverage } from '../render/insights.ts'
import { place } from '../render/lists.ts'
import { renderTable } from '../render/table.ts'
import { formatCount, plural } from '../render/text.ts'
import { unknownPrefix } from '../suggestions.ts'
import { readWindow, type Window, type WindowFlags } from '../times.ts'
import { aboutName } from './lookup.ts'

const LATEST = 10
/** The most that a ranked list holds. */
const RANKED = 1000

export type By = NonNullable<ArgsInput<'get_hotspots'>['by']>

export async function trace(context: Context, text: string, flags: WindowFlags): Promise<ExitCode> {
  const window = readWindow(flags, context.ports.now())
  if (!window.ok) return report(context, window.error)
  return aboutName(context, text, async (connection, named) => {
    const of = await subjectOf(connection, named, text)
    if (!of.ok) return of
    const found = await connection.call('get_runtime_insights', { of: of.value, ...window.value })
    if (!found.ok) return found
    const insights = found.value.value
    const calls = await latestOf(connection, insights, window.value)
    if (!calls.ok) return calls
    const basis = await basisOf(connection, insights, window.value)
    print(context, { ...found.value, value: { ...insights, latest: calls.value } }, () => insights.n === 0 ? notSeen(insights, basis) : [
      ...renderInsights(insights, basis, context.view),
      ...calls.value.length === 0 ? [] : ['', context.view.style.bold(`the latest ${plural(calls.value.length, 'event')}`), ...renderEvents(calls.value, context.view, { nowMs: context.ports.now() })],
    ])
    return ok(EXIT.ok)
  })
}

function notSeen({ of, kind, window }: Value<'get_runtime_insights'>, basis: readonly string[]): string[] {
  const what = kind === 'node' ? `nothing that happens at ${of} was seen` : kind === 'module' ? `no call of ${of} was seen` : `no call of ${of} was seen`
  return [`${what} ${windowWords(window.since_ns, window.until_ns)}`, ...basis.slice(1), 'either it did not run, or it was not traced: `nodes` tells the plan that each follows']
}

/** MFA, module or node id. A function without its arity must be the only one of its name. */
async function subjectOf(connection: Connection, named: Named, text: string): Promise<Result<string, Failure>> {
  switch (named.kind) {
    case 'module':
      return ok(named.name)
    case 'mfa':
      return ok(named.mfa)
    case 'node':
      return ok(named.id)
    case 'function': {
      const found = await functionsNamed(connection, named.module, named.name)
      if (!found.ok) return found
      const [only, ...others] = found.value
      if (only !== undefined && others.length === 0) return ok(only.mfa)
      return fail(failure('invalid_argument', `${text} has several arities`, { hint: `which one: ${found.value.map((row) => row.mfa).join(', ')}?` }))
    }
    case 'file':
      return fail(failure('invalid_argument', `${text} is a file`, { hint: 'write a module, a function or a node id, e.g. MyApp.Cart.add_item/2' }))
  }
}

/** How its latest calls ended; at a place in the code, what happened there. */
async function latestOf(connection: Connection, { of, kind }: Value<'get_runtime_insights'>, window: Window): Promise<Result<Value<'query_events'>['events'], Failure>> {
  const mfa = kind === 'function' ? parseMfa(of) : undefined
  const page = { ...window, limit: LATEST, order: 'desc' as const }
  const listed = kind === 'node' ? await connection.call('get_correlated_events', { node_id: of, ...page })
    : await connection.call('query_events', {
      ...page, event_type: ['return', 'exception'], ...(mfa === undefined ? { module: of } : { module: mfa.module, function: mfa.name, arity: mfa.arity }),
    })
  return listed.ok ? ok(listed.value.value.events.toReversed()) : listed
}

export async function hot(context: Context, prefix: string | undefined, { by, limit, ...flags }: WindowFlags & { readonly by: By; readonly limit: number }): Promise<ExitCode> {
  const window = readWindow(flags, context.ports.now())
  if (!window.ok) return report(context, window.error)
  return withDaemon(context, async (connection) => {
    const found = await connection.call('get_hotspots', { ...window.value, by, limit, ...(prefix === undefined ? {} : { module_prefix: prefix }) })
    if (!found.ok) return found
    const { functions, total } = found.value.value
    const unknown = functions.length === 0 && prefix !== undefined ? await unknownPrefix(connection, prefix) : undefined
    if (unknown !== undefined) return fail(unknown)
    const basis = await basisOf(connection, found.value.value, window.value)
    print(context, found.value, () => functions.length === 0 ? [`no call${prefix === undefined ? '' : ` of a module that begins with ${prefix}`} was seen`, ...basis.slice(1)] : [...renderHot(functions, context.view), '', ...basis])
    if (total > functions.length && context.format === 'text') say(context, context.messages.style.dim(`${functions.length} of ${formatCount(total)} functions shown, by ${BY_WORDS[by]}; more with --limit`))
    return ok(EXIT.ok)
  })
}

const BY_WORDS: Readonly<Record<By, string>> = { own: 'own time', duration: 'time in all', calls: 'calls', p95: 'the 95th percentile', exceptions: 'exceptions' }

export async function cover(context: Context, prefix: string | undefined, flags: WindowFlags): Promise<ExitCode> {
  const window = readWindow(flags, context.ports.now())
  if (!window.ok) return report(context, window.error)
  return withDaemon(context, async (connection) => {
    const ranked = { ...window.value, limit: RANKED, ...(prefix === undefined ? {} : { module_prefix: prefix }) }
    const [never, untested, hottest, tests, modules] = await Promise.all([
      connection.call('find_never_executed', ranked), connection.call('find_untested', ranked), connection.call('get_hotspots', { ...ranked, by: 'calls' }),
      connection.call('query_events', { ...window.value, event_type: 'test_start', limit: 1 }), functionsByModule(connection, prefix),
    ])
    if (!never.ok) return never
    if (!untested.ok) return untested
    if (!hottest.ok) return hottest
    if (!tests.ok) return tests
    if (!modules.ok) return modules
    if (modules.value.size === 0) return fail((prefix === undefined ? undefined : await unknownPrefix(connection, prefix)) ?? failure('not_found', prefix === undefined ? 'the project has no functions' : `no module of the project with functions begins with ${prefix}`, { hint: 'the command `modules` lists all modules' }))
    // What the compiler made is executed, too, but nobody wrote it.
    const written = hottest.value.value.functions.filter((row) => row.cyclomatic_complexity !== null)
    const lists = { never: never.value.value, untested: untested.value.value, executed: { ...hottest.value.value, functions: written } }
    const rows = coverageOf(modules.value, lists)
    const all = sumOf(rows)
    const isCut = [never, untested, hottest].some(({ value: { value } }) => value.functions.length < value.total)
    const notes = [
      ...isCut ? [`the table counts the first ${formatCount(RANKED)} functions of each kind; with a prefix it is whole: cover MyApp.Cart`] : [],
      ...tests.value.value.events.length === 0 ? ['no test was traced in this window: `run -- mix test` tells which functions tests reach'] : [],
    ]
    const isWhole = lists.never.completeness.complete
    const [gaps, nCalls] = isWhole ? [[], 0] : await Promise.all([gapsIn(connection, window.value), callsIn(connection, window.value)])
    const basis = [windowWords(lists.never.window.since_ns, lists.never.window.until_ns), ...renderGaps(lists.never.completeness, gaps, nCalls)]
    print(context, { modules: rows, in_all: all, never_executed: lists.never, untested: lists.untested, tests_traced: tests.value.value.events.length > 0 }, () => [
      ...renderCoverage(rows, context.view),
      ...prefix === undefined ? [] : [...named('NEVER EXECUTED', lists.never.functions, context), ...named('EXECUTED, BUT BY NO TEST', lists.untested.functions, context)],
      '', ...coverageInAll(all), ...basis, ...notes,
    ])
    return ok(EXIT.ok)
  })
}

/** How many functions each module of the project has. */
async function functionsByModule(connection: Connection, prefix: string | undefined): Promise<Result<Map<string, number>, Failure>> {
  const counts = new Map<string, number>()
  const read = await eachPage(connection, 'list_modules', { origin: 'file', ...(prefix === undefined ? {} : { prefix }) }, (page) => {
    for (const row of page.value.modules) if (row.functions > 0) counts.set(row.module_name, row.functions)
    return 'more'
  })
  return read.ok ? ok(counts) : read
}

type ListOfFunctions = { readonly functions: readonly { readonly mfa: string }[] }

/** Functions that are not the project's, or have no source, count nowhere. */
function coverageOf(modules: ReadonlyMap<string, number>, { never, untested, executed }: Readonly<Record<'never' | 'untested' | 'executed', ListOfFunctions>>): ModuleCoverage[] {
  const countIn = ({ functions }: ListOfFunctions): Map<string, number> => {
    const counts = new Map<string, number>()
    for (const { mfa } of functions) {
      const module = parseMfa(mfa)?.module
      if (module !== undefined) counts.set(module, (counts.get(module) ?? 0) + 1)
    }
    return counts
  }
  const [nNever, nUntested, nExecuted] = [countIn(never), countIn(untested), countIn(executed)]
  return [...modules].sort(([a], [b]) => (a < b ? -1 : 1)).map(([module, functions]) => ({
    module, functions, executed: Math.min(functions, nExecuted.get(module) ?? 0), never: nNever.get(module) ?? 0, untested: nUntested.get(module) ?? 0,
  }))
}

function sumOf(rows: readonly ModuleCoverage[]): Omit<ModuleCoverage, 'module'> {
  return rows.reduce((sum, row) => ({
    functions: sum.functions + row.functions, executed: sum.executed + row.executed, never: sum.never + row.never, untested: sum.untested + row.untested,
  }), { functions: 0, executed: 0, never: 0, untested: 0 })
}

function named(title: string, functions: Value<'find_untested'>['functions'], { view }: Context): string[] {
  if (functions.length === 0) return []
  return ['', ...renderTable<Value<'find_untested'>['functions'][number]>([
    { title, cell: (row) => row.mfa, flexible: true, paint: view.style.bold },
    { title: 'COMPLEXITY', cell: (row) => String(row.cyclomatic_complexity), align: 'right' },
    { title: 'PLACE', cell: (row) => place(row.source_file, row.line), flexible: 'from start', paint: view.style.dim },
  ], functions, view)]
}

export function points(context: Context, text: string, paging: Paging): Promise<ExitCode> {
  return aboutName(context, text, async (connection, named) => {
    const of = await subjectOf(connection, named, text)
    if (!of.ok) return of
    const listed = await collect(connection, 'get_instrumentation_points', { of: of.value }, paging)
    if (!listed.ok) return listed
    const { points: rows, cursor } = listed.value.value
    print(context, listed.value, () => rows.length === 0 ? [`${of.value} has nothing that can be traced`] : renderPoints(rows, context.view))
    if (cursor !== null && context.format === 'text') say(context, context.messages.style.dim(`${rows.length} shown; all with --all, the next with --cursor ${cursor}`))
    return ok(EXIT.ok)
  })
}
