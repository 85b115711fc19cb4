/**
 * The plan that `record`, `run` and `attach` make from what the user says: every module of the project, or those that are named, with
 * what to record of each call. The modules are named one by one, so that a node never has to guess which are the project's.
 */

import { failure, type Failure } from '../base/failure.ts'
import { fail, ok, type Result } from '../base/result.ts'
import { isModuleName } from '../model/names.ts'
import type { Reply } from '../wire/methods.ts'
import { nearestName } from '../wire/nearest-name.ts'
import { eachPage } from './pages.ts'
import type { Connection } from './ports.ts'

export type CapturePlan = Reply<'get_instrumentation_plan'>['plan']

export type PlanWishes = {
  /** Modules, or prefixes of modules that end in `*`; none: the whole project. */
  readonly module?: readonly string[]
  readonly args?: boolean
  readonly results?: boolean
  readonly messages?: boolean
  /** Events a second, of everything together. */
  readonly rate?: number
}

/** As many as a plan may have. */
const MAX_POINTS = 10_000

export async function planOf(connection: Connection, wishes: PlanWishes, durationMs: number | undefined): Promise<Result<CapturePlan, Failure>> {
  const modules = await modulesMeant(connection, wishes.module ?? [])
  if (!modules.ok) return modules
  const capture: CapturePlan['points'][number]['capture'] = ['return', 'exceptions', 'caller', ...(wishes.args === true ? ['args' as const] : []), ...(wishes.results === true ? ['result' as const] : [])]
  return ok({
    points: modules.value.map((module) => ({ module, capture })), scope: [], processes: 'all', messages: wishes.messages === true, lifecycle: true, scheduling: false, gc: false,
    limits: { ...(durationMs === undefined ? {} : { duration_ms: durationMs }), ...(wishes.rate === undefined ? {} : { rate_per_s: wishes.rate }) }, redact: [],
  })
}

async function modulesMeant(connection: Connection, wanted: readonly string[]): Promise<Result<string[], Failure>> {
  const known = new Set<string>()
  const read = await eachPage(connection, 'list_modules', { origin: 'file' }, (page) => {
    // A second definition of a name runs under that name; what only run time names has none here.
    for (const row of page.value.modules) if (row.functions > 0 && !row.module_name.startsWith('~dynamic')) known.add(row.module_name.replace(/@\d+$/, ''))
    return known.size < MAX_POINTS ? 'more' : 'enough'
  })
  if (!read.ok) return read
  const all = [...known].sort().slice(0, MAX_POINTS)
  if (wanted.length === 0) return all.length > 0 ? ok(all) : fail(failure('not_found', 'the project has no functions to trace', { hint: 'is it imported? `status` tells' }))
  const meant = new Set<string>()
  for (const text of wanted) {
    const fitting = text.endsWith('*') ? all.filter((name) => name.startsWith(text.slice(0, -1))) : [text]
    if (fitting.length === 0) return fail(failure('not_found', `no module of the project begins with ${text.slice(0, -1)}`, { hint: 'the command `modules` lists all modules' }))
    const [only = ''] = fitting
    if (!text.endsWith('*') && !isModuleName(only)) return fail(failure('invalid_argument', `${JSON.stringify(text)} is no module`, { hint: 'write e.g. MyApp.Cart, or MyApp.* for all below' }))
    const near = !text.endsWith('*') && !known.has(only) ? nearestName(only, known) : undefined
    if (near !== undefined) return fail(failure('not_found', `no module ${only} in the project`, { hint: `did you mean ${near}?`, details: { suggestions: [near] } }))
    fitting.forEach((name) => meant.add(name))
  }
  return ok([...meant].sort())
}
