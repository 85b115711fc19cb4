/** Events as lines: tables, one in full, and what each says in one line, terms as Elixir prints them. Data in, lines out. */

import { crashOf, raisedText } from '../../engine/runtime/raised.ts'
import { structOf, termText, termTexts, type Term } from '../../engine/runtime/terms.ts'
import type { EventWire } from '../../wire/event-records.ts'
import { plainReason } from './basis.ts'
import { functionText } from './functions.ts'
import type { View } from './lists.ts'
import { clockOf, isoOf, spanOf } from './moments.ts'
import { renderFields, renderTable, type Column } from './table.ts'
import { formatCount, harmless } from './text.ts'

type Shown = { readonly nowMs: number; /** Where others are shown beside these. */ readonly nodes?: ReadonlySet<string> }

/** In the order given. Whose events they are is told where they are of several nodes. */
export function renderEvents(events: readonly EventWire[], view: View, { nowMs, nodes = nodesOf(events) }: Shown): string[] {
  const times = events.map((event) => event.timestamp_ns)
  return renderTable<EventWire>([
    { title: 'TIME (UTC)', cell: (row) => clockOf(row.timestamp_ns, times, nowMs), paint: view.style.dim },
    { title: 'TYPE', cell: (row) => row.event_type },
    ...nodes.size > 1 ? [{ title: 'NODE', cell: (row: EventWire) => row.node }] : [],
    { title: 'PID', cell: (row) => row.pid },
    { title: 'WHAT', cell: saidBy, flexible: true, paint: view.style.bold },
    { title: 'TOOK', cell: (row) => row.duration_ns === null ? '' : spanOf(row.duration_ns), align: 'right' },
    eventColumn(view),
  ], events, view)
}

/** Pages of one table: its head stands above the first, and once more where events of a second node join. */
export function eventPages(view: View): (events: readonly EventWire[], nowMs: number) => string[] {
  let nodes: ReadonlySet<string> = new Set()
  return (events, nowMs) => {
    const before = nodes.size
    nodes = new Set([...nodes, ...nodesOf(events)])
    const isHeaded = before === 0 || (before === 1 && nodes.size > 1)
    return renderEvents(events, view, { nowMs, nodes }).slice(isHeaded ? 0 : 1)
  }
}

function nodesOf(events: readonly EventWire[]): ReadonlySet<string> {
  return new Set(events.map(({ node }) => node))
}

/** Never cut: half an id names nothing. */
export function eventColumn({ style }: View): Column<{ readonly event_id: string }> {
  return { title: 'EVENT', cell: (row) => shortId(row.event_id), paint: style.dim }
}

/** Within one store an event is known without the name of its node. */
export function shortId(id: string): string {
  return /\d+:\d+$/.exec(id)?.[0] ?? id
}

export function renderEvent(event: EventWire, view: View): string[] {
  const { style } = view
  const place = event.evidence === 'none' ? 'not known' : `${event.node_id ?? 'not known'}, ${EVIDENCE_WORDS[event.evidence]}`
  return [
    `${style.bold(event.event_type)}  ${harmless(saidBy(event))}`,
    ...renderFields([
      ['event', event.event_id],
      ['time', isoOf(event.timestamp_ns)],
      ['process', `${event.pid} on ${event.node}, started ${isoOf(event.node_start_ns).slice(0, 19)}Z`],
      ['other process', event.peer],
      ['function', event.mfa === null ? null : functionText(event.mfa)],
      ['called from', event.caller === null ? null : `${functionText(event.caller.mfa)}${lineOf(event.caller)}`],
      ['place', place],
      ['execution', event.correlation_id],
      ['took', event.duration_ns === null ? null : spanOf(event.duration_ns)],
      ['own time', event.own_ns === null ? null : `${spanOf(event.own_ns)}, without the traced calls within`],
      ...payloadTexts(event.payload),
    ], view),
  ]
}

const EVIDENCE_WORDS: Readonly<Record<EventWire['evidence'], string>> = {
  none: 'not known', given: 'as the event itself says', exact: 'the one call of that name at that line in the version that runs',
  line: 'by its line and what went before; one of them, the version or the name is not beyond doubt', function: 'the function; where in it is not known', ambiguous: 'one of several that fit',
}

function lineOf({ file, line }: { readonly file: string; readonly line: number }): string {
  if (file === '') return line === 0 ? '' : `, line ${line}`
  return line === 0 ? `, ${file}` : `, ${file}:${line}`
}

/** What happened, in one line. */
export function saidBy(event: EventWire): string {
  const fields = fieldsOf(event.payload)
  const text = (key: string): string | undefined => fields[key] === undefined ? undefined : termText(fields[key])
  const mfa = event.mfa === null ? '(function not known)' : functionText(event.mfa)
  const peer = event.peer ?? '(process not known)'
  switch (event.event_type) {
    case 'call':
      return event.mfa !== null && Array.isArray(fields['args']) ? functionText(event.mfa, termTexts(fields['args'] as readonly Term[])) : mfa
    case 'return':
      return fields['result'] === undefined ? mfa : `${mfa} gave ${termText(fields['result'])}`
    case 'exception':
      return `${mfa} raised ${raisedText(fields['class'], fields['value'])}`
    case 'send':
      return `to ${peer}${withColon(text('message'))}`
    case 'receive':
      return `${event.peer === null ? '' : `from ${peer}`}${withColon(text('message'))}`.replace(/^: /, '')
    case 'spawn':
      return `started ${peer}${event.mfa === null ? '' : `, running ${mfa}`}`
    case 'spawned':
      return `started by ${peer}${event.mfa === null ? '' : `, running ${mfa}`}`
    case 'exit':
      return `ended${withColon(crashOf(fields['reason'])?.text ?? text('reason'))}`
    case 'link':
    case 'unlink':
    case 'getting_linked':
    case 'getting_unlinked':
      return `${event.event_type.replace('_', ' ')} ${event.event_type.endsWith('unlinked') || event.event_type === 'unlink' ? 'from' : 'to'} ${peer}`
    case 'gap':
      return gapText(fields['gap'])
    case 'degraded':
      return whyOf(fields['gap'])
    default:
      return [event.mfa === null ? null : mfa, ...Object.entries(fields).map(([key, value]) => `${key} ${termText(value)}`)].filter((part) => part !== null).join(', ')
  }
}

function withColon(text: string | undefined): string {
  return text === undefined ? '' : `: ${text}`
}

function whyOf(gap: Term | undefined): string {
  const { reason } = fieldsOf(gap)
  return reason === undefined ? '' : typeof reason === 'string' ? plainReason(reason) : termText(reason)
}

function gapText(gap: Term | undefined): string {
  const { dropped } = fieldsOf(gap)
  const types = Object.entries(fieldsOf(dropped)).filter(([, count]) => count !== 0).map(([type, count]) => `${formatCount(Number(count))} ${type}`).join(', ')
  const why = whyOf(gap)
  return `events are missing${why === '' ? '' : `, ${why}`}${types === '' ? '' : `: ${types}`}`
}

/** What a payload holds, by its name, terms as Elixir prints them. */
export function payloadTexts(payload: unknown): readonly (readonly [name: string, text: string])[] {
  const { class: kind, value, reason, ...others } = fieldsOf(payload)
  const crash = crashOf(reason)
  const raised = kind === undefined && value === undefined ? [] : [['raised', raisedText(kind, value)] as const]
  // The message alone is said already.
  const isSaid = value === undefined || [...structOf(value)?.fields.keys() ?? ['message']].every((field) => field === 'message')
  const ended = reason === undefined ? [] : crash === undefined ? [['reason', termText(reason)] as const] : [['reason', crash.text] as const, ['stack', crash.stack.join(', ')] as const]
  return [
    ...Object.entries(others).map(([name, term]) => [name, name === 'args' && Array.isArray(term) ? `[${termTexts(term as readonly Term[])}]` : termText(term)] as const),
    ...raised, ...isSaid ? [] : [['value', termText(value)] as const], ...ended,
  ]
}

/** The fields of a payload; a payload of another form has none. */
function fieldsOf(payload: unknown): Readonly<Record<string, Term>> {
  if (typeof payload !== 'object' || payload === null || Array.isArray(payload) || payload instanceof Uint8Array) return {}
  return payload as Readonly<Record<string, Term>>
}
