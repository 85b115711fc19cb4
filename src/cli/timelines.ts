/**
 * Calls as flame graphs show them, of events in order of time: for each process what was opened and closed, one within the other. A
 * return closes the topmost open call of its function, and what stands above it (tail calls, ends that were not recorded); an exit, a gap or
 * the end of the events closes all that is open. A return whose call is not among the events is left out and counted.
 *
 * Invariant: the marks of a process never go back in time, every call that is opened is closed, and the one that was opened last first.
 */

import { termText, type Term } from '../engine/runtime/terms.ts'
import type { EventWire } from '../wire/event-records.ts'

export type Mark =
  /** `at`: ns since the first event. `end` says how it was closed: `cut` where that was not seen. */
  | { readonly kind: 'open'; readonly at: number; readonly name: string; readonly event: EventWire }
  | { readonly kind: 'close'; readonly at: number; readonly name: string; readonly end: 'return' | 'exception' | 'cut'; readonly event: EventWire | undefined }
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
  readonly open: string[]
}

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
      for (const timeline of processes.values()) {
        if (timeline.node === event.node && (isOfAll(event) || timeline.pid === event.pid)) closeAll(timeline, at)
      }
    }
    const timeline = timelineFor(processes, event)
    switch (event.event_type) {
      case 'call':
        timeline.open.push(event.mfa ?? 'unknown')
        timeline.marks.push({ kind: 'open', at, name: event.mfa ?? 'unknown', event })
        break
      case 'return':
      case 'exception': {
        const depth = timeline.open.lastIndexOf(event.mfa ?? 'unknown')
        if (depth < 0) {
          nWithoutCall += 1
          break
        }
        closeDownTo(timeline, depth + 1, at)
        const name = timeline.open.pop() ?? ''
        timeline.marks.push({ kind: 'close', at, name, end: event.event_type, event })
        break
      }
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

function closeDownTo(timeline: Timeline, depth: number, at: number): void {
  while (timeline.open.length > depth) timeline.marks.push({ kind: 'close', at, name: timeline.open.pop() ?? '', end: 'cut', event: undefined })
}

function timelineFor(processes: Map<string, Timeline>, { node, node_start_ns: start, pid }: EventWire): Timeline {
  const key = `${node} ${start} ${pid}`
  const known = processes.get(key)
  if (known !== undefined) return known
  const made: Timeline = { node, nodeStartNs: BigInt(start), pid, name: undefined, marks: [], open: [] }
  processes.set(key, made)
  return made
}

/** An event of the node itself, not of one process. */
function isOfAll({ pid }: EventWire): boolean {
  return pid === '' || pid === '0'
}

function nameIn(payload: unknown): string | undefined {
  const name = typeof payload === 'object' && payload !== null ? (payload as { readonly name?: Term }).name : undefined
  return name === undefined ? undefined : termText(name).replace(/^:/, '')
}
