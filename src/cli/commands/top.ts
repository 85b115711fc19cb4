/** top: the functions and processes that are busy now, again and again, until Ctrl-C. */

import type { Failure } from '../../base/failure.ts'
import { ok, type Result } from '../../base/result.ts'
import type { Value } from '../../wire/methods.ts'
import { commandFor, withDaemon, type Context } from '../context.ts'
import type { ExitCode } from '../exit.ts'
import { callsIn, gapsIn } from '../gaps.ts'
import type { Connection } from '../ports.ts'
import { renderGaps, type Gap } from '../render/basis.ts'
import { howToConnect } from '../render/capture.ts'
import { percentOf, spanOf } from '../render/moments.ts'
import { renderTable } from '../render/table.ts'
import { formatCount } from '../render/text.ts'
import { clock, keepOnScreen, type Frame } from '../screen.ts'

export type TopFlags = { readonly everyMs: number; readonly windowMs: number; readonly limit: number }

type Hot = Value<'get_hotspots'>
type Counts = Value<'count_events'>
type Window = { readonly since: string; readonly until: string }
type Seen = {
  readonly window: Window; readonly hot: Hot; readonly processes: Counts; readonly gaps: readonly Gap[]; readonly nCalls: number
  /** That are connected. */
  readonly nodes: readonly string[]
}

const ANSWER_MS = 5000
const PROCESSES = 8

export function top(context: Context, flags: TopFlags): Promise<ExitCode> {
  return withDaemon(context, (connection, root) =>
    keepOnScreen(context, flags.everyMs, () => look(context, connection, flags), (seen) => frame(context, seen, { ...flags, command: commandFor(context, root) })))
}

async function look({ ports }: Context, connection: Connection, { windowMs, limit }: TopFlags): Promise<Result<Seen, Failure>> {
  const now = ports.now()
  const window = { since: new Date(now - windowMs).toISOString(), until: new Date(now).toISOString() }
  const options = { timeoutMs: ANSWER_MS }
  const [hot, processes, listed] = await Promise.all([
    connection.call('get_hotspots', { ...window, by: 'own', limit }, options), connection.call('count_events', { ...window, by: 'pid', limit: PROCESSES }, options), connection.call('list_nodes', {}, options),
  ])
  if (!hot.ok) return hot
  if (!processes.ok) return processes
  if (!listed.ok) return listed
  const isWhole = hot.value.value.completeness.complete
  const [gaps, nCalls] = isWhole ? [[], 0] : await Promise.all([gapsIn(connection, window), callsIn(connection, window)])
  return ok({ window, hot: hot.value.value, processes: processes.value.value, gaps, nCalls, nodes: listed.value.nodes.filter((node) => node.connected).map(({ node }) => node) })
}

function frame(context: Context, { window, hot, processes, gaps, nCalls, nodes }: Seen, { windowMs, command }: TopFlags & { readonly command: string }): Frame {
  const seconds = windowMs / 1000
  return {
    json: { at: window.until, window, nodes, functions: hot.functions, processes: processes.groups, completeness: hot.completeness },
    lines: () => [
      context.view.style.dim(`${clock(context)} UTC, the last ${spanOf(windowMs * 1e6)}; Ctrl-C ends`),
      ...nodes.length > 0 ? [] : [`${context.view.style.yellow('no node is connected')}, so nothing new comes in; ${howToConnect(command)}`],
      ...hot.functions.length > 0 ? functionTable(hot.functions, seconds, context) : nodes.length === 0 ? [] : ['no call was seen; what is traced, `nodes` and `plan list` tell'],
      ...processes.groups.length === 0 ? [] : ['', ...processTable(processes, seconds, context)],
      ...nodes.length === 0 && hot.functions.length === 0 ? [] : ['', ...renderGaps(hot.completeness, gaps, nCalls)],
    ],
  }
}

function functionTable(functions: Hot['functions'], seconds: number, { view }: Context): string[] {
  return renderTable<Hot['functions'][number]>([
    { title: 'FUNCTION', cell: (row) => row.mfa, flexible: true, paint: view.style.bold },
    { title: 'OWN', cell: (row) => row.figures.own_ns === null ? '' : percentOf(row.figures.own_ns, seconds * 1e9), align: 'right' },
    { title: 'CALLS/S', cell: (row) => rate(row.figures.calls, seconds), align: 'right' },
    { title: 'P50', cell: (row) => row.figures.duration_ns === null ? '' : spanOf(row.figures.duration_ns.p50), align: 'right' },
    { title: 'P95', cell: (row) => row.figures.duration_ns === null ? '' : spanOf(row.figures.duration_ns.p95), align: 'right' },
    { title: 'RAISED/S', cell: (row) => rate(row.figures.exceptions, seconds), align: 'right' },
  ], functions, view)
}

function processTable({ groups, total }: Counts, seconds: number, { view }: Context): string[] {
  return renderTable<Counts['groups'][number]>([
    { title: 'PROCESS', cell: (row) => row.key === '' ? 'the node itself' : row.key, flexible: true, paint: view.style.bold },
    { title: 'EVENTS/S', cell: (row) => rate(row.count, seconds), align: 'right' },
    { title: 'SHARE', cell: (row) => percentOf(row.count, total), align: 'right' },
  ], groups, view)
}

function rate(count: number, seconds: number): string {
  const perSecond = count / seconds
  return perSecond < 10 ? String(Number(perSecond.toFixed(1))) : formatCount(Math.round(perSecond))
}
