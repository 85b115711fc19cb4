/** How events hang together: the calls of a process as a tree, messages between processes, and what led to an event. */

import { failure, type Failure } from '../../base/failure.ts'
import { fail, ok, type Result } from '../../base/result.ts'
import { type CallTree, callTree, type Frame, type Process } from '../../event/query/call-tree.ts'
import { causesOf, messagesBetween, type Cause } from '../../event/query/causality.ts'
import { processName, siteNames } from '../../event/query/columns.ts'
import type { EventFilter } from '../../event/query/filter.ts'
import { groupEvents } from '../../event/query/count.ts'
import { findEvent } from '../../event/query/run.ts'
import { toRecord } from '../../event/query/record.ts'
import { scan, snapshotOf } from '../../event/query/scan.ts'
import { EVENT_TYPES, type EventFunction, type EventRecord } from '../../model/event.ts'
import { formatMfa } from '../../model/names.ts'
import type { Args, Value } from '../../wire/methods.ts'
import { completenessOf } from './completeness.ts'
import { finishWithin, type RuntimeContext } from './context.ts'
import { filterOf, noEvent, plainPid, presentEvent } from './read-events.ts'
import { timeNs } from './time.ts'

const MAX_EVENTS = 1_000_000
/** A sender or parent is looked for so long before what it led to. */
const CAUSE_WINDOW_NS = 60_000_000_000n
/** Callers are looked for among so many calls and returns of the process. */
const MAX_CALLS_BACK = 100_000
const LAST_NS = (1n << 63n) - 1n
/** Of processes that share a pid. */
const NODES_NAMED = 20

type CallTreeNode = Value<'get_call_tree'>['roots'][number]

export function getCallTree(context: RuntimeContext, { pid, node, node_start: nodeStart, since, until, max_depth: maxDepth, max_calls: maxFrames }: Args<'get_call_tree'>): Result<Value<'get_call_tree'>, Failure> {
  const window = filterOf({ since, until, node })
  if (!window.ok) return window
  const { node: _, ...range } = window.value
  const processes = processesOf(context, plainPid(pid), window.value)
  const found = processMeant(processes, pid, nodeStart === undefined ? undefined : timeNs(nodeStart))
  if (!found.ok) return found
  const { meant, others } = found.value
  const tree = finishWithin(context, callTree(context.queries, { process: meant, ...range, maxDepth, maxFrames, maxEvents: MAX_EVENTS }))
  const open = openFrames(tree)
  const frames = framesOf(tree.roots)
  return ok({
    node: meant.node, node_start_ns: meant.startNs, others: others.map(processRecord),
    roots: tree.roots.map((frame) => treeNode(frame, open)), calls: tree.frames, left_out: frames.reduce((sum, { leftOut }) => sum + leftOut, tree.leftOut),
    inferred: frames.filter(({ callId }) => callId === null).length, cut_at_ns: tree.cutAtNs,
    completeness: completenessOf(context, { ...range, node: meant.node }),
  })
}

type Counted = Process & { readonly events: number }

/** That had this pid, the one of the latest start first. */
function processesOf(context: RuntimeContext, pid: string, filter: EventFilter): readonly Counted[] {
  const { groups } = finishWithin(context, groupEvents(context.queries, { ...filter, pid }, 'pid'))
  return groups
    .flatMap(({ source, count }) => (source === null ? [] : [{ ...source, pid, events: count }]))
    .sort((a, b) => (a.startNs < b.startNs ? 1 : a.startNs > b.startNs ? -1 : a.node < b.node ? -1 : 1))
}

/** On the one node that has it, of that node's latest start unless another is meant. */
function processMeant(processes: readonly Counted[], pid: string, startNs: bigint | undefined): Result<{ readonly meant: Process; readonly others: readonly Counted[] }, Failure> {
  const fitting = startNs === undefined ? processes : processes.filter((one) => one.startNs === startNs)
  const [meant] = fitting
  if (meant === undefined) return fail(failure('not_found', `no event of the process ${pid} in this window`, { hint: 'count_events by pid says which processes there are' }))
  const nodes = [...new Set(fitting.map(({ node }) => node))].sort()
  if (nodes.length > 1) return fail(failure('invalid_argument', `${pid} is a process of several nodes: ${nodes.slice(0, NODES_NAMED).join(', ')}`, { hint: 'say which one: node', details: { processes: fitting.slice(0, NODES_NAMED).map(processRecord) } }))
  return ok({ meant, others: processes.filter((other) => other !== meant).slice(0, NODES_NAMED) })
}

function processRecord({ node, startNs, events }: Counted): Value<'get_call_tree'>['others'][number] {
  return { node, node_start_ns: startNs, events }
}

function framesOf(roots: readonly Frame[]): Frame[] {
  const all: Frame[] = []
  const waiting = [...roots]
  for (let frame = waiting.pop(); frame !== undefined; frame = waiting.pop()) {
    all.push(frame)
    for (const child of frame.children) waiting.push(child)
  }
  return all
}

/** What had not returned when the range ended: the last of each level, as long as its end is not there. */
function openFrames({ roots }: CallTree): ReadonlySet<Frame> {
  const open = new Set<Frame>()
  for (let frame = roots.at(-1); frame?.end === 'unseen'; frame = frame.children.at(-1)) open.add(frame)
  return open
}

const OUTCOMES = { return: 'returned', exception: 'raised', unseen: 'unknown' } as const

function treeNode(frame: Frame, open: ReadonlySet<Frame>): CallTreeNode {
  const { mfa, nodeId, callId, endId, startNs, durationNs, ownNs, end, children, leftOut } = frame
  return {
    event_id: callId ?? endId, mfa: mfa === null ? '(unknown)' : mfaText(mfa), node_id: nodeId, start_ns: startNs, duration_ns: durationNs, own_ns: ownNs,
    outcome: open.has(frame) ? 'open' : OUTCOMES[end], children: children.map((child) => treeNode(child, open)), left_out: leftOut,
  }
}

function mfaText(fn: EventFunction): string {
  return formatMfa({ ...fn, name: fn.function })
}

export function getMessageFlow(context: RuntimeContext, { since, until, node, pid, correlation_id: correlationId, limit }: Args<'get_message_flow'>): Result<Value<'get_message_flow'>, Failure> {
  const window = filterOf({ since, until, node })
  if (!window.ok) return window
  const { sinceNs = 0n, untilNs = LAST_NS } = window.value
  const among = { ...(node === undefined ? {} : { node }), ...(correlationId === undefined ? {} : { correlationId }) }
  const { messages, lone, cutAtNs } = finishWithin(context, messagesBetween(context.queries, { sinceNs, untilNs, among, ...(pid === undefined ? {} : { pid: plainPid(pid) }), limit, maxEvents: MAX_EVENTS }))
  return ok({
    messages: messages.map(({ send, receive, by, latencyNs }) => ({
      send: send.id, receive: receive.id, from: send.pid, to: receive.pid, at_ns: send.timestampNs, waited_ns: latencyNs, node_id: send.nodeId, paired_by: by,
    })),
    lone: { sends: lone.sends, receives: lone.receives }, cut_at_ns: cutAtNs, completeness: completenessOf(context, window.value),
  })
}

type Link = Value<'get_causal_chain'>['chain'][number]

export function getCausalChain(context: RuntimeContext, { event_id: id, limit }: Args<'get_causal_chain'>): Result<Value<'get_causal_chain'>, Failure> {
  const causes = finishWithin(context, causesOf(context.queries, { id, maxSteps: limit, windowNs: CAUSE_WINDOW_NS, maxEvents: MAX_EVENTS }))
  if (causes === undefined) return noEvent(id)
  const callers = callersOf(context, id)
  const chain: Link[] = [
    { event: presentEvent(causes.event), because: 'asked' }, ...callers.map((event) => ({ event: presentEvent(event), because: 'called_by' as const })),
    ...causes.causes.map((cause) => ({ event: presentEvent(cause.event), because: becauseOf(cause) })),
  ]
  return ok({ chain: chain.slice(0, limit), complete: causes.end === 'beginning' && chain.length <= limit })
}

function becauseOf({ link, event }: Cause): Link['because'] {
  if (link === 'sent') return 'sent_by'
  if (link === 'spawned') return 'spawned_by'
  return event.type === 'spawned' ? 'started' : 'received'
}

/** The calls that were open in the process when the event happened, the innermost first. */
function callersOf(context: RuntimeContext, id: string): EventRecord[] {
  const { queries } = context
  const start = findEvent(queries, id)
  if (start === undefined) return []
  const { view, row } = start
  const snapshot = snapshotOf(queries)
  const { source, pid } = processName(view, view.block.pid[row] ?? 0)
  const after = { timestampNs: view.baseNs + BigInt(view.block.ts[row] ?? 0), block: view.number, row }
  const callers: EventRecord[] = []
  // Functions that returned later than where the walk is: their calls are not open.
  const returned: string[] = isEnd(view.block.type[row]) ? [nameAt(view, row)] : []
  let nSeen = 0
  finishWithin(context, scan(queries, snapshot, { filter: { types: ['call', 'return', 'exception'], ...source, pid }, order: 'desc', after }, (at, seen) => {
    if (isEnd(at.block.type[seen])) returned.push(nameAt(at, seen))
    else if (!closes(returned, nameAt(at, seen))) callers.push(toRecord(at, seen, snapshot.links))
    return ++nSeen < MAX_CALLS_BACK ? 'more' : 'enough'
  }))
  return callers
}

/** A call whose function returned later is over, with all that it called. */
function closes(returned: string[], name: string): boolean {
  if (returned.length === 0) return false
  if (returned.at(-1) === name) returned.pop()
  return true
}

function isEnd(type: number | undefined): boolean {
  return type === EVENT_TYPES.return || type === EVENT_TYPES.exception
}

function nameAt(view: Parameters<typeof siteNames>[0], row: number): string {
  const { mfa } = siteNames(view, view.block.site[row] ?? 0)
  return mfa === null ? '' : mfaText(mfa)
}
