/**
 * events, event: what nodes told of, by any combination of what it is about, the newest last; and one event in full. `--follow`
 * asks again and again, and shows what came late too, as long as it is not older than a few seconds.
 */

import { failure, type Failure } from '../../base/failure.ts'
import { fail, ok, type Result } from '../../base/result.ts'
import { timeNs } from '../../engine/runtime/time.ts'
import { EVENT_TYPES, type EventType } from '../../model/event.ts'
import { parseMfa } from '../../model/names.ts'
import type { ArgsInput } from '../../wire/methods.ts'
import type { EventWire } from '../../wire/event-records.ts'
import { renderJson } from '../../wire/json.ts'
import { nearestName } from '../../wire/nearest-name.ts'
import { print, report, say, withDaemon, type Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit.ts'
import { gapsIn } from '../gaps.ts'
import { unknownName } from '../known.ts'
import { readName } from '../names.ts'
import { collect, eachPage } from '../pages.ts'
import type { Connection } from '../ports.ts'
import { missingWords } from '../render/basis.ts'
import { eventPages, renderEvent, renderEvents } from '../render/events.ts'
import { harmless } from '../render/text.ts'
import { readSpanMs, readWindow, type WindowFlags } from '../times.ts'
import { untilInterrupted } from '../until-interrupted.ts'

export type EventFlags = WindowFlags & {
  readonly type?: string
  readonly module?: string
  readonly function?: string
  readonly mfa?: string
  readonly pid?: string
  readonly node?: string
  readonly correlation?: string
  readonly at?: string
  readonly slowerThan?: string
  readonly limit?: number
  readonly all?: boolean
  readonly cursor?: string
  readonly follow?: boolean
  readonly explain?: boolean
}

type Filter = Omit<ArgsInput<'query_events'>, 'limit' | 'cursor' | 'order' | 'explain'>

/** Latest events shown unless --all or --limit says otherwise. */
const SHOWN = 200
const FOLLOW_MS = 500
/** Batches of other nodes and processes come in later than this seldom. */
const LATE_NS = 3_000_000_000n

/** What ends a list is of no use where it goes on. */
const NOT_FOLLOWED = ['until', 'limit', 'all', 'cursor', 'explain'] as const

export async function events(context: Context, flags: EventFlags): Promise<ExitCode> {
  const useless = flags.follow === true ? NOT_FOLLOWED.find((name) => flags[name] !== undefined) : undefined
  if (useless !== undefined) return report(context, failure('invalid_argument', `--${useless} does not go with --follow`, { hint: '--follow shows what comes in until Ctrl-C; filters and --since do' }))
  const filter = filterOf(flags, context.ports.now())
  if (!filter.ok) return report(context, filter.error)
  return withDaemon(context, (connection) => {
    if (flags.follow === true) return follow(context, connection, filter.value)
    return flags.all === true && context.format === 'text' ? everything(context, connection, filter.value) : latest(context, connection, filter.value, flags)
  })
}

async function latest(context: Context, connection: Connection, filter: Filter, flags: EventFlags): Promise<Result<ExitCode, Failure>> {
  const paging = { limit: flags.limit ?? (flags.all === true ? Infinity : SHOWN), cursor: flags.cursor }
  // By its place alone a node is found whatever its id was in the version that ran.
  const { node_id: at, since, until, ...rest } = filter
  const listed = at !== undefined && Object.keys(rest).length === 0 && flags.explain !== true
    ? await collect(connection, 'get_correlated_events', { node_id: at, ...(since === undefined ? {} : { since }), ...(until === undefined ? {} : { until }), order: 'desc' }, paging)
    : await collect(connection, 'query_events', { ...filter, order: 'desc', explain: flags.explain === true }, paging)
  if (!listed.ok) return listed
  const { events: found, cursor, completeness } = listed.value.value
  const rows = found.toReversed()
  const unknown = rows.length === 0 ? await unknownName(connection, filter) : undefined
  if (unknown !== undefined) return fail(unknown)
  print(context, { ...listed.value, value: { ...listed.value.value, events: rows } }, () =>
    rows.length === 0 ? ['no such events'] : renderEvents(rows, context.view, { nowMs: context.ports.now() }))
  if (context.format === 'json') return ok(EXIT.ok)
  if ('plan' in listed.value.value && flags.explain === true) context.ports.stdout.write(`how they were found:\n${renderJson(listed.value.value.plan, { indent: 2 })}\n`)
  if (rows.length === 0) await sayWhyNone(context, connection)
  if (cursor !== null) say(context, context.messages.style.dim(`the latest ${rows.length} shown; all with --all, those before with --cursor ${cursor}`))
  if (!completeness.complete) await sayGaps(context, connection, rows)
  return ok(EXIT.ok)
}

/** What is missing among the events shown; the window they were looked for in may be far longer. */
async function sayGaps(context: Context, connection: Connection, rows: readonly EventWire[]): Promise<void> {
  const [first, last] = [rows[0], rows.at(-1)]
  if (first === undefined || last === undefined) return
  const gaps = await gapsIn(connection, { since: BigInt(first.timestamp_ns), until: BigInt(last.timestamp_ns) + 1n })
  if (gaps.length > 0) say(context, context.messages.style.yellow(`note: ${missingWords(gaps)}`))
}

/** Nothing at all is another matter than nothing that fits. */
async function sayWhyNone(context: Context, connection: Connection): Promise<void> {
  const [statistics, nodes] = await Promise.all([connection.call('get_event_stats', {}), connection.call('list_nodes', {})])
  if (!statistics.ok || !nodes.ok || statistics.value.total_events > 0) return
  say(context, nodes.value.nodes.some((node) => node.connected) ? 'nothing was recorded yet; `record` traces the project on the nodes that are connected'
    : 'nothing was recorded yet, and no node is connected; `run -- mix run` starts a program that tells what it does')
}

/** From the oldest on, page by page as they come. */
async function everything(context: Context, connection: Connection, filter: Filter): Promise<Result<ExitCode, Failure>> {
  const linesOf = eventPages(context.view)
  let shown = 0
  const read = await eachPage(connection, 'query_events', { ...filter, order: 'asc' }, ({ value }) => {
    context.ports.stdout.write(linesOf(value.events, context.ports.now()).map((line) => `${line}\n`).join(''))
    shown += value.events.length
    return 'more'
  })
  if (!read.ok) return read
  const unknown = shown === 0 ? await unknownName(connection, filter) : undefined
  if (unknown !== undefined) return fail(unknown)
  if (shown === 0) context.ports.stdout.write('no such events\n')
  return ok(EXIT.ok)
}

/** From the newest event on, as the nodes' clocks have it: this machine's clock may be another. */
async function follow(context: Context, connection: Connection, filter: Filter): Promise<Result<ExitCode, Failure>> {
  const statistics = await connection.call('get_event_stats', {})
  if (!statistics.ok) return statistics
  let since = filter.since === undefined ? BigInt(statistics.value.newest_ns ?? 0) + 1n : timeNs(filter.since)
  let seen = new Map<string, bigint>()
  const linesOf = eventPages(context.view)
  const unknown = context.format === 'text' ? await unknownName(connection, filter) : undefined
  if (unknown !== undefined) say(context, context.messages.style.yellow(`note: ${harmless([unknown.message, unknown.hint].filter((part) => part !== undefined).join('; '))}`))
  if (context.format === 'text') say(context, 'events as they come in; Ctrl-C ends')
  return untilInterrupted(context, FOLLOW_MS, () => eventsSince(connection, filter, since), (read) => {
    if (!read.ok) return read.error
    const fresh = read.value.filter((event) => !seen.has(event.event_id))
    for (const event of fresh) seen.set(event.event_id, BigInt(event.timestamp_ns))
    since = [...seen.values()].reduce((latest, at) => (at - LATE_NS > latest ? at - LATE_NS : latest), since)
    seen = new Map([...seen].filter(([, at]) => at >= since))
    const lines = context.format === 'json' ? fresh.map((event) => renderJson(event)) : linesOf(fresh, context.ports.now())
    context.ports.stdout.write(lines.map((line) => `${line}\n`).join(''))
    return undefined
  })
}

async function eventsSince(connection: Connection, filter: Filter, since: bigint): Promise<Result<EventWire[], Failure>> {
  const events: EventWire[] = []
  const read = await eachPage(connection, 'query_events', { ...filter, since, order: 'asc' }, ({ value }) => {
    events.push(...value.events)
    return 'more'
  })
  return read.ok ? ok(events) : read
}

/** What names an event; the daemon would speak of its own methods. */
export function checkEventId(id: string): Result<string, Failure> {
  if (/^(?:.+:)?\d+:\d+$/.test(id)) return ok(id)
  return fail(failure('invalid_argument', `${JSON.stringify(id)} is no event`, { hint: 'the last column of `events` names them, e.g. 12:345' }))
}

export async function event(context: Context, id: string): Promise<ExitCode> {
  const checked = checkEventId(id)
  if (!checked.ok) return report(context, checked.error)
  return withDaemon(context, async (connection) => {
    const found = await connection.call('get_event_by_id', { event_id: id })
    if (!found.ok) return found
    print(context, found.value, () => renderEvent(found.value.value, context.view))
    return ok(EXIT.ok)
  })
}

/** What the user asks for, as the daemon takes it. */
export function filterOf(flags: EventFlags, nowMs: number): Result<Filter, Failure> {
  const window = readWindow(flags, nowMs)
  if (!window.ok) return window
  const types = typesOf(flags.type)
  if (!types.ok) return types
  const named = functionOf(flags)
  if (!named.ok) return named
  const slowest = flags.slowerThan === undefined ? undefined : readSpanMs(flags.slowerThan)
  if (flags.slowerThan !== undefined && slowest === undefined) return fail(failure('invalid_argument', `${JSON.stringify(flags.slowerThan)} is no span of time`, { hint: 'write e.g. 500us, 5ms or 2s' }))
  return ok({
    ...window.value, ...named.value, ...(types.value.length === 0 ? {} : { event_type: types.value }),
    ...(flags.pid === undefined ? {} : { pid: flags.pid }), ...(flags.node === undefined ? {} : { node: flags.node }),
    ...(flags.correlation === undefined ? {} : { correlation_id: flags.correlation }), ...(flags.at === undefined ? {} : { node_id: flags.at }),
    ...(slowest === undefined ? {} : { min_duration_ns: Math.round(slowest * 1e6) }),
  })
}

function typesOf(text: string | undefined): Result<EventType[], Failure> {
  const names = (text ?? '').split(',').map((name) => name.trim()).filter((name) => name !== '')
  const unknown = names.find((name) => !Object.hasOwn(EVENT_TYPES, name))
  if (unknown === undefined) return ok(names as EventType[])
  const near = nearestName(unknown, Object.keys(EVENT_TYPES))
  return fail(failure('invalid_argument', `there is no type of events ${JSON.stringify(unknown)}`, { hint: near === undefined ? `there are ${Object.keys(EVENT_TYPES).join(', ')}` : `did you mean ${near}?` }))
}

function functionOf({ module, function: name, mfa }: EventFlags): Result<Filter, Failure> {
  if (mfa !== undefined && (module !== undefined || name !== undefined)) return fail(failure('invalid_argument', '--mfa names module and function already', { hint: 'leave out --module and --function' }))
  if (mfa === undefined) return ok({ ...(module === undefined ? {} : { module }), ...(name === undefined ? {} : { function: name }) })
  const named = readName(mfa)
  if (named.ok && named.value.kind === 'function') return ok({ module: named.value.module, function: named.value.name })
  const parsed = named.ok && named.value.kind === 'mfa' ? parseMfa(named.value.mfa) : undefined
  if (parsed === undefined) return fail(failure('invalid_argument', `${mfa} is no function`, { hint: 'write e.g. MyApp.Cart.add_item/2' }))
  return ok({ module: parsed.module, function: parsed.name, arity: parsed.arity })
}
