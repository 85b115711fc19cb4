/** What followed from what: the calls of a process as a tree, messages, and the chain that led to an event. Data in, lines out. */

import type { Value } from '../../wire/methods.ts'
import type { EventWire } from '../../wire/event-records.ts'
import { saidBy, shortId } from './events.ts'
import { functionText } from './functions.ts'
import type { View } from './lists.ts'
import { clockOf, exactIsoOf, momentOf, spanOf } from './moments.ts'
import { renderTable } from './table.ts'
import { displayWidth, formatCount, harmless, plural, truncate } from './text.ts'

type Tree = Value<'get_call_tree'>
type Call = Tree['roots'][number]
type Message = Value<'get_message_flow'>['messages'][number]
type Chain = Value<'get_causal_chain'>

/** `placeOf`: file and line of a node, where known. */
export function renderCalls(tree: Tree, placeOf: (nodeId: string) => string | undefined, view: View): string[] {
  return [
    ...tree.roots.flatMap((root) => [callLine(root, '', placeOf, view), ...childLines(root, '', placeOf, view)]),
    ...tree.left_out === 0 ? [] : [`… ${plural(tree.left_out, 'more call')}, left out`],
    ...tree.inferred === 0 ? [] : [`${plural(tree.inferred, 'return')} without a call that was seen: those calls began before the window, or in a gap`],
    ...tree.cut_at_ns === null ? [] : [`nothing was looked at from ${momentOf(tree.cut_at_ns)} UTC on: there are too many events; a shorter window (--since, --until) shows the rest`],
  ]
}

function childLines(call: Call, indent: string, placeOf: (nodeId: string) => string | undefined, view: View): string[] {
  const more = call.left_out > 0
  const lines = call.children.flatMap((child, at) => {
    const last = at === call.children.length - 1 && !more
    return [callLine(child, `${indent}${last ? '└─ ' : '├─ '}`, placeOf, view), ...childLines(child, `${indent}${last ? '   ' : '│  '}`, placeOf, view)]
  })
  return more ? [...lines, `${indent}└─ … ${plural(call.left_out, 'more call')}, left out`] : lines
}

function callLine(call: Call, indent: string, placeOf: (nodeId: string) => string | undefined, { width, style }: View): string {
  const place = call.node_id === null ? undefined : placeOf(call.node_id)
  const facts = [
    call.duration_ns === null ? '' : call.own_ns === null || call.own_ns === call.duration_ns ? spanOf(call.duration_ns) : `${spanOf(call.duration_ns)}, own ${spanOf(call.own_ns)}`,
    OUTCOMES[call.outcome], place === undefined ? '' : `at ${harmless(place)}`,
  ].filter((fact) => fact !== '')
  const name = harmless(functionText(call.mfa))
  const rest = facts.length === 0 ? '' : truncate(`  ${facts.join(', ')}`, Math.max(1, width - displayWidth(indent) - displayWidth(name)))
  return `${indent}${style.bold(name)}${call.outcome === 'raised' ? style.red(rest) : style.dim(rest)}`
}

const OUTCOMES: Readonly<Record<Call['outcome'], string>> = { returned: '', raised: 'raised', open: 'not seen to end', unknown: 'how it ended was not seen' }

/** Processes that share a pid, with what to type to see each. */
export function renderChoices(processes: Tree['others'], command: string): string[] {
  return processes.map(({ node, node_start_ns: start, events }) => `${command} --node ${node} --started ${exactIsoOf(start)}  (${plural(events, 'event')})`)
}

export function renderMessages({ messages, lone, cut_at_ns: cutAt }: Value<'get_message_flow'>, view: View, nowMs: number): string[] {
  const times = messages.map((message) => message.at_ns)
  return [
    ...renderTable<Message>([
      { title: 'SENT (UTC)', cell: (row) => clockOf(row.at_ns, times, nowMs), paint: view.style.dim },
      { title: 'FROM', cell: (row) => row.from },
      { title: 'TO', cell: (row) => row.to },
      { title: 'WAITED', cell: (row) => spanOf(row.waited_ns), align: 'right' },
      { title: 'PAIRED BY', cell: (row) => row.paired_by },
      { title: 'SEND', cell: (row) => shortId(row.send) },
      { title: 'PLACE', cell: (row) => row.node_id ?? '', optional: true, paint: view.style.dim },
    ], messages, view),
    ...lone.sends + lone.receives === 0 ? [] : [`and ${plural(lone.sends, 'send')} and ${plural(lone.receives, 'receive')} whose other half was not traced`],
    ...cutAt === null ? [] : [`nothing was looked at from ${momentOf(cutAt)} UTC on: there are too many events`],
  ]
}

const BECAUSE: Readonly<Record<Chain['chain'][number]['because'], string>> = {
  asked: '', called_by: 'called within', received: 'after it had received', started: 'in a process that started with', sent_by: 'which was sent by', spawned_by: 'which was started by',
}

/** The event asked for first, then what led to it, step by step. */
export function renderChain({ chain, complete }: Chain, view: View, nowMs: number): string[] {
  const times = chain.map(({ event }) => event.timestamp_ns)
  return [
    ...renderTable<{ readonly event: EventWire; readonly because: Chain['chain'][number]['because'] }>([
      { title: 'BECAUSE', cell: (row) => BECAUSE[row.because] },
      { title: 'TIME (UTC)', cell: (row) => clockOf(row.event.timestamp_ns, times, nowMs), optional: true, paint: view.style.dim },
      { title: 'TYPE', cell: (row) => row.event.event_type },
      { title: 'PID', cell: (row) => row.event.pid },
      { title: 'WHAT', cell: (row) => saidBy(row.event), flexible: true, paint: view.style.bold },
      { title: 'EVENT', cell: (row) => shortId(row.event.event_id), paint: view.style.dim },
    ], chain, view),
    complete ? `that is where it begins, ${formatCount(chain.length - 1)} back` : 'the chain goes on from there, but what came before was not traced, or is further back than --limit',
  ]
}
