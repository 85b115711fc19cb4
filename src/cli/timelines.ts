/**
 * Calls as flame graphs show them, of events in order of time: for each process what was opened and closed, one within the other. A
 * return closes the topmost open call of its function, and what stands above it (ends that were not recorded); an exit, a gap or the end
 * of the events closes all that is open. A return whose call is not among the events is left out and counted.
 *
 * A tail call takes the place of the call that made it where that is beyond doubt, or a loop of a server would be as deep as it is old.
 * All calls whose place was taken return at once with the last.
 *
 * Invariant: the marks of a process never go back in time, every call that is opened is closed, and the one that was opened last first.
 */

import { termText, type Term } from '../engine/runtime/terms.ts'
import type { EventWire } from '../wire/event-records.ts'

export type Mark =
  /** `at`: ns since the first event. `end` says how it was closed: `tail` by a tail call, `cut` where it was not seen. */
  | { readonly kind: 'open'; readonly at: number; readonly name: string; readonly event: EventWire }
  | { readonly kind: 'close'; readonly at: number; readonly name: string; readonly end: 'return' | 'exception' | 'tail' | 'cut'; readonly event: EventWire | undefined }
  /** What happened at one moment: a message, an exit, a gap. */
  | { readonly kind: 'instant'; readonly at: number; readonly name: string; readonly event: EventWire }

export type Timeline = {
  readonly node: string
  /** A pid of an earlier start of the node is another process. */
  readonly nodeStartNs: bigint
  readonly pid: string
  /** As it was registered, where that was seen. */
  name: string | undefined
  readonly marks: Mark[]
  readonly open: Open[]
  /** Calls whose place was taken and that return now, the innermost last. */
  due: string[]
}

/** `replaced`: the calls whose place it has taken, one after the other. */
type Open = { readonly name: string; readonly caller: EventWire['caller']; readonly replaced: string[] }

export type Timelines = {
  /** ns since 1970, of the first event. */
  readonly startNs: bigint
  /** ns since the first event. */
  readonly end: number
  readonly processes: readonly Timeline[]
  /** Returns whose call is not among the events. */
  readonly nWithoutCall: number
  /** Calls whose end is not among them. */
  readonly nCut: number
}

/** What timelines are made of; the rest would only take time. */
export const TIMELINE_TYPES = ['call', 'return', 'exception', 'send', 'receive', 'spawn', 'spawned', 'exit', 'register', 'gap', 'capture_start', 'capture_end', 'test_start', 'test_end'] as const

export function timelinesOf(events: Iterable<EventWire>): Timelines {
  const processes = new Map<string, Timeline>()
  let startNs: bigint | undefined
  let end = 0
  let nWithoutCall = 0
  let nCut = 0
  const closeAll = (timeline: Timeline, at: number): void => {
    nCut += timeline.open.length
    closeDownTo(timeline, 0, at)
  }
  for (const event of events) {
    const ns = BigInt(event.timestamp_ns)
    startNs ??= ns
    const at = Math.max(end, Number(ns - startNs))
    end = at
    if (event.event_type === 'gap' || event.event_type === 'capture_start' || event.event_type === 'capture_end') {
      for (const timeline of processes.values()) if (endsCalls(event, timeline)) closeAll(timeline, at)
    }
    const timeline = timelineFor(processes, event)
    switch (event.event_type) {
      case 'call':
        open(timeline, event, at)
        break
      case 'return':
      case 'exception':
        if (!close(timeline, event, at)) nWithoutCall += 1
        break
      case 'register':
        timeline.name = nameIn(event.payload)
        break
      case 'exit':
        closeAll(timeline, at)
        timeline.marks.push({ kind: 'instant', at, name: 'exit', event })
        break
      default:
        timeline.marks.push({ kind: 'instant', at, name: event.event_type, event })
    }
  }
  for (const timeline of processes.values()) closeAll(timeline, end)
  return { startNs: startNs ?? 0n, end, processes: [...processes.values()].filter(isOfUse), nWithoutCall, nCut }
}

/** Processes of which only start and end were seen would hide the others. */
function isOfUse({ pid, marks }: Timeline): boolean {
  return marks.some((mark) => mark.kind === 'open' || mark.name === 'send' || mark.name === 'receive' || (mark.kind === 'instant' && pid === ''))
}

function open(timeline: Timeline, event: EventWire, at: number): void {
  const name = event.mfa ?? 'unknown'
  const before = timeline.open.at(-1)
  const replaced = before !== undefined && isTailCall(timeline.open, event) ? before.replaced : []
  if (before !== undefined && replaced === before.replaced) {
    timeline.open.pop()
    timeline.marks.push({ kind: 'close', at, name: before.name, end: 'tail', event: undefined })
    replaced.push(before.name)
  }
  timeline.due = []
  timeline.open.push({ name, caller: event.caller, replaced })
  timeline.marks.push({ kind: 'open', at, name, event })
}

/**
 * Called from where the call before it was called, which therefore is no more. Only of a caller that is known not to be there twice
 * is that true: one that is open itself, just below, or what starts a process. What calls functions for others (Enum.map) may be.
 */
function isTailCall(open: readonly Open[], { caller }: EventWire): boolean {
  const [below, before] = [open.at(-2), open.at(-1)]
  if (caller === null || before === undefined || before.caller?.mfa !== caller.mfa || before.caller.line !== caller.line || caller.mfa === before.name) return false
  return below === undefined ? STARTS_PROCESSES.test(caller.mfa) : below.name === caller.mfa
}

const STARTS_PROCESSES = /^(?::proc_lib|:erlang|Task\.Supervised)\./

/** False where the call is not among the events. */
function close(timeline: Timeline, event: EventWire, at: number): boolean {
  const name = event.mfa ?? 'unknown'
  if (timeline.due.at(-1) === name) {
    timeline.due.pop()
    return true
  }
  const depth = timeline.open.findLastIndex((one) => one.name === name)
  if (depth < 0) return false
  closeDownTo(timeline, depth + 1, at)
  timeline.due = timeline.open.pop()?.replaced ?? []
  timeline.marks.push({ kind: 'close', at, name, end: event.event_type === 'exception' ? 'exception' : 'return', event })
  return true
}

function closeDownTo(timeline: Timeline, depth: number, at: number): void {
  while (timeline.open.length > depth) timeline.marks.push({ kind: 'close', at, name: timeline.open.pop()?.name ?? '', end: 'cut', event: undefined })
}

function timelineFor(processes: Map<string, Timeline>, { node, node_start_ns: start, pid }: EventWire): Timeline {
  const key = `${node} ${start} ${pid}`
  const known = processes.get(key)
  if (known !== undefined) return known
  const made: Timeline = { node, nodeStartNs: BigInt(start), pid, name: undefined, marks: [], open: [], due: [] }
  processes.set(key, made)
  return made
}

/** That events are missing ends what is open of the process, or of all where it is the node's own. The first word of a later start ends the one before. */
function endsCalls({ event_type: type, node, node_start_ns: start, pid }: EventWire, timeline: Timeline): boolean {
  if (timeline.node !== node) return false
  if (timeline.nodeStartNs !== BigInt(start)) return type === 'capture_start' && timeline.nodeStartNs < BigInt(start)
  return pid === '' || pid === '0' || pid === timeline.pid
}

function nameIn(payload: unknown): string | undefined {
  const name = typeof payload === 'object' && payload !== null ? (payload as { readonly name?: Term }).name : undefined
  return name === undefined ? undefined : termText(name).replace(/^:/, '')
}
