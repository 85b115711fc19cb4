/**
 * Timelines as other programs read them. Chrome's trace event format (Perfetto, chrome://tracing): begin and end events in order
 * for each thread, µs; a BEAM node is a process there and a process a thread. Speedscope's evented format: a profile for each process
 * with calls, frames shared, ns. Both count time from the first event, since doubles cannot hold ns since 1970. Pure.
 */

import type { EventWire } from '../wire/event-records.ts'
import { payloadTexts, saidBy } from './render/events.ts'
import { isoOf } from './render/moments.ts'
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
  let tid = 0
  for (const process of processes) {
    const key = `${process.node} ${process.nodeStartNs}`
    const isNew = !nodes.has(key)
    const pid = nodes.get(key) ?? nodes.size + 1
    nodes.set(key, pid)
    tid += 1
    if (isNew) yield { name: 'process_name', ph: 'M', pid, tid: 0, args: { name: process.node } }
    yield { name: 'thread_name', ph: 'M', pid, tid, args: { name: titleOf(process) } }
    for (const mark of process.marks) yield chromeEvent(mark, pid, tid)
  }
}

function chromeEvent(mark: Mark, pid: number, tid: number): ChromeEvent {
  const base = { name: mark.name, pid, tid, ts: mark.at / 1000 }
  switch (mark.kind) {
    case 'open':
      return { ...base, ph: 'B', cat: 'call', args: { event: mark.event.event_id, ...placeOf(mark.event), ...Object.fromEntries(payloadTexts(mark.event.payload)) } }
    case 'close':
      return { ...base, ph: 'E', cat: 'call', args: mark.event === undefined ? { end: 'not recorded' } : { end: mark.end, ...Object.fromEntries(payloadTexts(mark.event.payload)) } }
    case 'instant':
      return { ...base, ph: 'i', s: 't', cat: mark.event.event_type, args: { event: mark.event.event_id, what: saidBy(mark.event) } }
  }
}

function placeOf({ node_id: nodeId, caller }: EventWire): Record<string, string> {
  return { ...(nodeId === null ? {} : { place: nodeId }), ...(caller === null || caller.file === '' ? {} : { called_from: `${caller.file}:${caller.line}` }) }
}

type SpeedscopeEvent = { readonly type: 'O' | 'C'; readonly frame: number; readonly at: number }

function speedscopeOf({ processes, startNs, end }: Timelines, exporter: string): unknown {
  const frames = new Map<string, number>()
  const frameOf = (name: string): number => {
    const frame = frames.get(name) ?? frames.size
    frames.set(name, frame)
    return frame
  }
  const profiles = processes.filter(hasCalls).map((process) => ({
    type: 'evented', name: `${titleOf(process)} on ${process.node}`, unit: 'nanoseconds', startValue: 0, endValue: end,
    events: process.marks.flatMap((mark): SpeedscopeEvent[] => mark.kind === 'instant' ? [] : [{ type: mark.kind === 'open' ? 'O' : 'C', frame: frameOf(mark.name), at: mark.at }]),
  }))
  return {
    $schema: 'https://www.speedscope.app/file-format-schema.json', exporter, name: `calls from ${isoOf(startNs)} on`, activeProfileIndex: 0,
    shared: { frames: [...frames.keys()].map((name) => ({ name })) }, profiles,
  }
}

export function hasCalls({ marks }: Timeline): boolean {
  return marks.some((mark) => mark.kind === 'open')
}

function titleOf({ pid, name }: Timeline): string {
  if (pid === '') return 'the node itself'
  return name === undefined ? pid : `${name} (${pid})`
}
