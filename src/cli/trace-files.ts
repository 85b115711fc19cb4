/**
 * Timelines as other programs read them. Chrome's trace event format (Perfetto): begin and end events in order
 * for each thread, µs; a BEAM node is a process there and a process a thread. Speedscope's evented format: a profile for each process
 * with calls, from its first to its last, frames shared, ns; shown first is the one with the most calls. Both count time from the first event, since doubles cannot hold ns since 1970. Pure.
 */

import type { EventWire } from '../wire/event-records.ts'
import { payloadTexts, saidBy } from './render/events.ts'
import { functionText } from './render/functions.ts'
import { isoOf, momentOf } from './render/moments.ts'
import type { Mark, Timeline, Timelines } from './timelines.ts'

export const TRACE_FORMATS = ['chrome', 'speedscope'] as const
export type TraceFormat = (typeof TRACE_FORMATS)[number]

type ChromeEvent = {
  readonly name: string
  readonly ph: 'B' | 'E' | 'i' | 'M'
  readonly pid: number
  readonly tid: number
  /** µs. */
  readonly ts?: number
  readonly cat?: string
  readonly s?: 't'
  readonly args?: Readonly<Record<string, unknown>>
}

/** In pieces, since one text of all may be larger than a string can be. */
export function* traceText(format: TraceFormat, timelines: Timelines, exporter: string): Generator<string> {
  if (format === 'speedscope') {
    yield JSON.stringify(speedscopeOf(timelines, exporter))
    return
  }
  yield '{"traceEvents":['
  let first = true
  for (const event of chromeEvents(timelines)) {
    yield `${first ? '' : ','}\n${JSON.stringify(event)}`
    first = false
  }
  yield `\n],"displayTimeUnit":"ns","otherData":${JSON.stringify({ exporter, started: isoOf(timelines.startNs), calls_cut: timelines.nCut, returns_without_call: timelines.nWithoutCall })}}\n`
}

function* chromeEvents({ processes }: Timelines): Generator<ChromeEvent> {
  const nodes = new Map<string, number>()
  const nodeName = nodeNames(processes)
  let tid = 0
  for (const process of processes) {
    const key = `${process.node} ${process.nodeStartNs}`
    const isNew = !nodes.has(key)
    const pid = nodes.get(key) ?? nodes.size + 1
    nodes.set(key, pid)
    tid += 1
    if (isNew) yield { name: 'process_name', ph: 'M', pid, tid: 0, args: { name: nodeName(process) } }
    yield { name: 'thread_name', ph: 'M', pid, tid, args: { name: titleOf(process) } }
    for (const mark of process.marks) yield chromeEvent(mark, pid, tid)
  }
}

function chromeEvent(mark: Mark, pid: number, tid: number): ChromeEvent {
  const base = { name: functionText(mark.name), pid, tid, ts: mark.at / 1000 }
  switch (mark.kind) {
    case 'open':
      return { ...base, ph: 'B', cat: 'call', args: { event: mark.event.event_id, ...placeOf(mark.event), ...Object.fromEntries(payloadTexts(mark.event.payload)) } }
    case 'close':
      return { ...base, ph: 'E', cat: 'call', args: mark.event === undefined ? { end: mark.end === 'tail' ? 'a tail call' : 'not recorded' } : { end: mark.end, ...Object.fromEntries(payloadTexts(mark.event.payload)) } }
    case 'instant':
      return { ...base, ph: 'i', s: 't', cat: mark.event.event_type, args: { event: mark.event.event_id, what: saidBy(mark.event) } }
  }
}

function placeOf({ node_id: nodeId, caller }: EventWire): Record<string, string> {
  return { ...(nodeId === null ? {} : { place: nodeId }), ...(caller === null || caller.file === '' ? {} : { called_from: `${caller.file}:${caller.line}` }) }
}

type SpeedscopeEvent = { readonly type: 'O' | 'C'; readonly frame: number; readonly at: number }

function speedscopeOf({ processes, startNs }: Timelines, exporter: string): unknown {
  const frames = new Map<string, number>()
  const frameOf = (name: string): number => {
    const frame = frames.get(name) ?? frames.size
    frames.set(name, frame)
    return frame
  }
  const nodeName = nodeNames(processes)
  const profiles = processes.filter(hasCalls).map((process) => {
    const events = process.marks.flatMap((mark): SpeedscopeEvent[] => mark.kind === 'instant' ? [] : [{ type: mark.kind === 'open' ? 'O' : 'C', frame: frameOf(mark.name), at: mark.at }])
    return { type: 'evented', name: `${titleOf(process)} on ${nodeName(process)}`, unit: 'nanoseconds', startValue: events[0]?.at ?? 0, endValue: events.at(-1)?.at ?? 0, events }
  })
  const most = profiles.reduce((best, { events }, at) => (events.length > (profiles[best]?.events.length ?? 0) ? at : best), 0)
  return {
    $schema: 'https://www.speedscope.app/file-format-schema.json', exporter, name: `calls from ${isoOf(startNs)} on`, activeProfileIndex: most,
    shared: { frames: [...frames.keys()].map((name) => ({ name: functionText(name) })) }, profiles,
  }
}

export function hasCalls({ marks }: Timeline): boolean {
  return marks.some((mark) => mark.kind === 'open')
}

/** A pid tells nobody much: the name it registered does, or what it called first. */
function titleOf({ pid, name, marks }: Timeline): string {
  if (pid === '') return 'the node itself'
  const first = marks.find((mark) => mark.kind === 'open')
  return name === undefined ? [pid, ...first === undefined ? [] : [functionText(first.name)]].join(' ') : `${name} (${pid})`
}

/** Nodes of one name that were started at different times are told apart. */
function nodeNames(processes: readonly Timeline[]): (process: Timeline) => string {
  const starts = new Map<string, Set<bigint>>()
  for (const { node, nodeStartNs } of processes) starts.set(node, (starts.get(node) ?? new Set()).add(nodeStartNs))
  return ({ node, nodeStartNs }) => (starts.get(node)?.size ?? 0) > 1 ? `${node}, started ${momentOf(nodeStartNs)}` : node
}
