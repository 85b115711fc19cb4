/** export-trace: the calls of a window as a file that Perfetto or speedscope opens. */

import { failure, type Failure } from '../../base/failure.ts'
import { fail, ok, type Result } from '../../base/result.ts'
import type { EventWire } from '../../wire/event-records.ts'
import { report, say, withDaemon, type Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit.ts'
import { gapsIn } from '../gaps.ts'
import { unknownName } from '../known.ts'
import { eachPage } from '../pages.ts'
import type { Connection } from '../ports.ts'
import { renderGaps, type Completeness } from '../render/basis.ts'
import { formatCount, plural } from '../render/text.ts'
import { hasCalls, traceText, type TraceFormat } from '../trace-files.ts'
import { TIMELINE_TYPES, timelinesOf } from '../timelines.ts'
import { readWindow, type Window, type WindowFlags } from '../times.ts'

export type ExportFlags = WindowFlags & { readonly format: TraceFormat; readonly pid?: string; readonly node?: string; readonly out?: string; readonly limit: number }

const OPENED_WITH: Readonly<Record<TraceFormat, string>> = {
  chrome: 'open it at https://ui.perfetto.dev (nothing leaves your machine)', speedscope: 'open it at https://www.speedscope.app (nothing leaves your machine)',
}

const FILE_NAMES: Readonly<Record<TraceFormat, string>> = { chrome: 'trace.json', speedscope: 'trace.speedscope.json' }

export async function exportTrace(context: Context, { format, pid, node, out, limit, ...flags }: ExportFlags): Promise<ExitCode> {
  const window = readWindow(flags, context.ports.now())
  if (!window.ok) return report(context, window.error)
  if (out === undefined && context.ports.stdout.isTTY) return report(context, failure('invalid_argument', 'a trace is nothing to be read in a terminal', { hint: `name a file: --out ${FILE_NAMES[format]}` }))
  return withDaemon(context, async (connection) => {
    const filter = { ...window.value, ...(pid === undefined ? {} : { pid }), ...(node === undefined ? {} : { node }) }
    const read = await eventsOf(connection, filter, limit)
    if (!read.ok) return read
    const { events, isCut, completeness } = read.value
    const timelines = timelinesOf(events)
    if (!timelines.processes.some(hasCalls)) return fail(await unknownName(connection, filter) ?? failure('not_found', `no call was recorded${pid === undefined ? '' : ` of ${pid}`} in this window`, { hint: 'the command `events` shows what was' }))
    const written = await write(context, out, traceText(format, timelines, `elixir-scope ${context.ports.version}`))
    if (!written.ok) return written
    const nProcesses = timelines.processes.length
    say(context, `${plural(events.length, 'event')} of ${nProcesses === 1 ? '1 process' : `${formatCount(nProcesses)} processes`}${out === undefined ? '' : ` in ${out}; ${OPENED_WITH[format]}`}`)
    const notes = [
      ...isCut ? [`only the first ${formatCount(limit)} events; more with --limit, or a shorter window with --since and --until`] : [],
      ...timelines.nWithoutCall === 0 ? [] : [`${plural(timelines.nWithoutCall, 'return')} left out, whose calls began before the window`],
      ...timelines.nCut === 0 ? [] : [`${plural(timelines.nCut, 'call')} drawn to where the next thing was known, since their end was not recorded`],
      ...completeness === undefined || completeness.complete ? [] : renderGaps(completeness, await gapsIn(connection, window.value), 0),
    ]
    for (const note of notes) say(context, context.messages.style.yellow(`note: ${note}`))
    return ok(EXIT.ok)
  })
}

type Read = { readonly events: readonly EventWire[]; readonly isCut: boolean; readonly completeness: Completeness | undefined }

async function eventsOf(connection: Connection, filter: Window & { readonly pid?: string; readonly node?: string }, limit: number): Promise<Result<Read, Failure>> {
  const events: EventWire[] = []
  let completeness: Completeness | undefined
  const read = await eachPage(connection, 'query_events', { ...filter, event_type: [...TIMELINE_TYPES], order: 'asc' }, ({ value }) => {
    for (const event of value.events) events.push(event)
    completeness = value.completeness
    return events.length <= limit ? 'more' : 'enough'
  })
  return read.ok ? ok({ events: events.slice(0, limit), isCut: events.length > limit, completeness }) : read
}

async function write(context: Context, out: string | undefined, parts: Iterable<string>): Promise<Result<void, Failure>> {
  if (out !== undefined) return context.ports.writeFile(out, inTurn(parts))
  for (const part of parts) context.ports.stdout.write(part)
  return ok(undefined)
}

async function* inTurn(parts: Iterable<string>): AsyncGenerator<string> {
  yield* parts
}
