/** What functions did when they ran: one in full, ranked lists, and what was never executed. Data in, lines out. */

import type { Value } from '../../wire/methods.ts'
import { functionText } from './functions.ts'
import type { View } from './lists.ts'
import { momentOf, percentOf, spanOf } from './moments.ts'
import { renderFields, renderTable } from './table.ts'
import { formatCount, harmless, plural } from './text.ts'

type Insights = Value<'get_runtime_insights'>
type Figures = Insights['figures']
type Hot = Value<'get_hotspots'>['functions'][number]
type Peer = Insights['callers'][number]

export function renderInsights(insights: Insights, basis: readonly string[], view: View): string[] {
  const { style } = view
  const { figures, errors, stated } = insights
  return [
    `${style.bold(harmless(insights.of))}  ${insights.kind}`,
    ...basis,
    '',
    ...renderFields([
      ['calls', callsOf(figures)],
      ['took', figures.duration_ns === null ? 'not known: no call was seen to end' : tookOf(figures.duration_ns)],
      ['own time', figures.own_ns === null ? null : `${spanOf(figures.own_ns)} in all, without the traced calls within`],
      ['last seen', insights.last_executed_ns === null ? null : `${momentOf(insights.last_executed_ns)} UTC`],
      ...stated.map(({ source, at, insights: said }) => [`by ${source}`, `${JSON.stringify(said)}, ${at}`] as const),
    ], view),
    ...peers('CALLED BY', insights.callers, view),
    ...peers('CALLS', insights.callees, view),
    ...errors.length === 0 ? [] : ['', ...renderTable<Insights['errors'][number]>([
      { title: 'RAISED', cell: (row) => row.value, flexible: true, paint: style.red },
      { title: 'TIMES', cell: (row) => formatCount(row.count), align: 'right' },
    ], errors, view)],
  ]
}

/** Calls that neither returned nor raised are still under way, or their end was not recorded. */
function callsOf({ calls, returns, exceptions }: Figures): string {
  const open = Math.max(0, calls - returns - exceptions)
  return [
    `${formatCount(calls)}:`, `${formatCount(returns)} returned,`, `${formatCount(exceptions)} raised`,
    ...open === 0 ? [] : [`, ${formatCount(open)} not seen to end`],
  ].join(' ').replace(' ,', ',')
}

function tookOf({ p50, p95, p99, max, outer, n }: NonNullable<Figures['duration_ns']>): string {
  return `p50 ${spanOf(p50)}, p95 ${spanOf(p95)}, p99 ${spanOf(p99)}, longest ${spanOf(max)}; ${spanOf(outer)} in all, of ${plural(n, 'call')} that ended`
}

function peers(title: string, rows: readonly Peer[], view: View): string[] {
  if (rows.length === 0) return []
  return ['', ...renderTable<Peer>([
    { title, cell: (row) => functionText(row.mfa), flexible: true, paint: view.style.bold },
    { title: 'CALLS', cell: (row) => formatCount(row.calls), align: 'right' },
    { title: 'PLACE', cell: (row) => row.node_id ?? 'several, or not known', optional: true, paint: view.style.dim },
  ], rows, view)]
}

/** `ownNs`: own time of all functions, where shares are of use. */
export function renderHot(functions: readonly Hot[], view: View): string[] {
  const { style } = view
  return renderTable<Hot>([
    { title: 'FUNCTION', cell: (row) => row.mfa, flexible: true, paint: style.bold },
    { title: 'OWN', cell: (row) => row.figures.own_ns === null ? '' : spanOf(row.figures.own_ns), align: 'right' },
    { title: 'TOOK', cell: (row) => row.figures.duration_ns === null ? '' : spanOf(row.figures.duration_ns.outer), align: 'right' },
    { title: 'CALLS', cell: (row) => formatCount(row.figures.calls), align: 'right' },
    { title: 'P50', cell: (row) => row.figures.duration_ns === null ? '' : spanOf(row.figures.duration_ns.p50), align: 'right', optional: true },
    { title: 'P95', cell: (row) => row.figures.duration_ns === null ? '' : spanOf(row.figures.duration_ns.p95), align: 'right' },
    { title: 'RAISED', cell: (row) => formatCount(row.figures.exceptions), align: 'right', paint: (text, row) => row.figures.exceptions > 0 ? style.red(text) : text },
    { title: 'COMPLEXITY', cell: (row) => row.cyclomatic_complexity === null ? '' : String(row.cyclomatic_complexity), align: 'right', optional: true },
  ], functions, view)
}

export type ModuleCoverage = {
  readonly module: string
  /** As written. */
  readonly functions: number
  readonly executed: number
  readonly never: number
  /** Of those executed. */
  readonly untested: number
}

export function renderCoverage(modules: readonly ModuleCoverage[], view: View): string[] {
  return renderTable<ModuleCoverage>([
    { title: 'MODULE', cell: (row) => row.module, flexible: true, paint: view.style.bold },
    { title: 'FUNCTIONS', cell: (row) => formatCount(row.functions), align: 'right' },
    { title: 'EXECUTED', cell: (row) => formatCount(row.executed), align: 'right' },
    { title: 'NEVER', cell: (row) => formatCount(row.never), align: 'right', paint: (text, row) => row.never > 0 ? view.style.yellow(text) : text },
    { title: 'UNTESTED', cell: (row) => formatCount(row.untested), align: 'right' },
    { title: 'NOT TRACED', cell: (row) => formatCount(untraced(row)), align: 'right' },
  ], modules, view)
}

function untraced({ functions, executed, never }: Omit<ModuleCoverage, 'module'>): number {
  return Math.max(0, functions - executed - never)
}

export function coverageInAll(all: Omit<ModuleCoverage, 'module'>): string[] {
  const unknown = untraced(all)
  return [
    `of ${plural(all.functions, 'function')}, ${formatCount(all.executed)} were executed (${percentOf(all.executed, all.functions)}), ${formatCount(all.untested)} of them by no test that was traced;`,
    `${formatCount(all.never)} never were, though their module was traced${unknown === 0 ? '' : `; of ${formatCount(unknown)} nothing is known: their modules were not traced`}`,
  ]
}
