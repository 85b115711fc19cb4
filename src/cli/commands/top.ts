/** top: the functions and processes that are busy now, again and again, until Ctrl-C. A daemon that is away is waited for. */

import type { Failure } from '../../base/failure.ts'
import { ok, type Result } from '../../base/result.ts'
import type { Value } from '../../wire/methods.ts'
import { renderJson } from '../../wire/json.ts'
import { withDaemon, type Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit.ts'
import { callsIn, gapsIn } from '../gaps.ts'
import type { Connection } from '../ports.ts'
import { renderGaps } from '../render/basis.ts'
import { percentOf, spanOf } from '../render/moments.ts'
import { renderTable } from '../render/table.ts'
import { formatCount, harmless } from '../render/text.ts'
import { openScreen } from '../screen.ts'

export type TopFlags = { readonly everyMs: number; readonly windowMs: number; readonly limit: number }

type Hot = Value<'get_hotspots'>
type Counts = Value<'count_events'>

const ANSWER_MS = 5000
const PROCESSES = 8

export function top(context: Context, flags: TopFlags): Promise<ExitCode> {
  return withDaemon(context, async (connection) => {
    const interrupted = Promise.withResolvers<'interrupted'>()
    const release = context.ports.onInterrupt(() => interrupted.resolve('interrupted'))
    const screen = openScreen(context)
    try {
      for (;;) {
        const drawn = await Promise.race([frame(context, connection, flags), interrupted.promise])
        if (drawn === 'interrupted') return ok(EXIT.ok)
        screen.draw(drawn)
        const pause = context.ports.pause(flags.everyMs)
        const ended = await Promise.race([pause.over, interrupted.promise])
        pause.cancel()
        if (ended === 'interrupted') return ok(EXIT.ok)
      }
    } finally {
      screen.close()
      release()
    }
  })
}

async function frame(context: Context, connection: Connection, { windowMs, limit }: TopFlags): Promise<readonly string[]> {
  const now = context.ports.now()
  const window = { since: new Date(now - windowMs).toISOString(), until: new Date(now).toISOString() }
  const asked = await ask(connection, window, limit)
  const time = new Date(now).toISOString().slice(11, 19)
  if (!asked.ok) {
    if (context.format === 'json') return [renderJson({ error: asked.error })]
    return [`${time} UTC  ${context.view.style.red('no answer:')} ${harmless(asked.error.message)}; trying again`]
  }
  if (context.format === 'json') return [renderJson({ at: new Date(now).toISOString(), window, functions: asked.value.hot.functions, processes: asked.value.processes.groups, completeness: asked.value.hot.completeness })]
  const { hot, processes } = asked.value
  const [gaps, nCalls] = hot.completeness.complete ? [[], 0] : await Promise.all([gapsIn(connection, window), callsIn(connection, window)])
  const seconds = windowMs / 1000
  return [
    context.view.style.dim(`${time} UTC, the last ${spanOf(windowMs * 1e6)}; Ctrl-C ends`),
    ...hot.functions.length === 0 ? ['no call was seen; what is traced, `nodes` and `plan list` tell'] : functionTable(hot.functions, seconds, context),
    ...processes.groups.length === 0 ? [] : ['', ...processTable(processes, seconds, context)],
    '',
    ...renderGaps(hot.completeness, gaps, nCalls),
  ]
}

async function ask(connection: Connection, window: { readonly since: string; readonly until: string }, limit: number): Promise<Result<{ readonly hot: Hot; readonly processes: Counts }, Failure>> {
  const [hot, processes] = await Promise.all([
    connection.call('get_hotspots', { ...window, by: 'own', limit }, { timeoutMs: ANSWER_MS }), connection.call('count_events', { ...window, by: 'pid', limit: PROCESSES }, { timeoutMs: ANSWER_MS }),
  ])
  if (!hot.ok) return hot
  if (!processes.ok) return processes
  return ok({ hot: hot.value.value, processes: processes.value.value })
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
