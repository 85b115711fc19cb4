/**
 * The calls of one process in a range of time, one within the other. A return closes the topmost open call of its function;
 * calls above that one never came back by themselves (tail calls, an exit, a gap), and say `unseen`. A return whose call is
 * not in the range gets a frame without a call: it takes in what happened since it began, where its duration is known, or
 * all of what stands at the top so far, where nothing is open.
 *
 * Invariant: no more than `maxFrames` frames, no deeper than twice `maxDepth`; what is not shown is counted in `leftOut` of
 * the frame that it happened in.
 */

import { EVENT_TYPES, type EventFunction, type Evidence } from '../../model/event.ts'
import { formatMfa } from '../../model/names.ts'
import type { NodeId } from '../../model/node-id.ts'
import { durationOf } from '../block.ts'
import { type BlockView, processName, siteNames, timestampNs } from './columns.ts'
import { formatEventId } from './filter.ts'
import { linkedNode } from './links.ts'
import { countEvents } from './count.ts'
import { type Queries, type Snapshot, scan, snapshotOf } from './scan.ts'

/** A process: the pid means nothing without the node and its start. */
export type Process = { readonly node: string; readonly startNs: bigint; readonly pid: string }

export type CallTreeQuery = {
  readonly process: Process
  readonly sinceNs?: bigint
  readonly untilNs?: bigint
  readonly maxDepth: number
  readonly maxFrames: number
  /** Events looked at before the tree is cut. */
  readonly maxEvents: number
}

export type Frame = {
  readonly mfa: EventFunction | null
  readonly nodeId: NodeId | null
  readonly evidence: Evidence
  /** Ids of the events; null for the one that was not seen. */
  readonly callId: string | null
  readonly endId: string | null
  /** When the call was made: where it was not seen, as its duration says; null where nothing does. */
  readonly startNs: bigint | null
  readonly endNs: bigint | null
  readonly end: 'return' | 'exception' | 'unseen'
  readonly durationNs: number | null
  readonly ownNs: number | null
  readonly children: readonly Frame[]
  /** Calls within this one that are not shown. */
  readonly leftOut: number
}

export type CallTree = {
  readonly roots: readonly Frame[]
  readonly frames: number
  /** Calls at the top that are not shown. */
  readonly leftOut: number
  /** Gaps that the node reported in the range: then frames may be missing without a trace of their own. */
  readonly gaps: number
  /** From here on nothing was looked at, because the events were too many; null where all were. */
  readonly cutAtNs: bigint | null
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }
type Growing = Mutable<Omit<Frame, 'children'>> & { readonly children: Growing[] }
type Top = { readonly children: Growing[]; leftOut: number }
/** `frame` is null where the call is left out; `within` is the frame that is shown and nearest. */
type OpenCall = { readonly fn: string; readonly startNs: bigint; readonly frame: Growing | null; readonly within: Growing | Top }

type Build = {
  readonly query: CallTreeQuery
  readonly snapshot: Snapshot
  readonly top: Top
  readonly stack: OpenCall[]
  /** Open calls by function, so that a return without a call is known without a search. */
  readonly open: Map<string, number>
  nFrames: number
  nWrapped: number
}

export function* callTree(queries: Queries, query: CallTreeQuery): Generator<'yield', CallTree> {
  const { process: of, sinceNs, untilNs } = query
  const range = { ...(sinceNs === undefined ? {} : { sinceNs }), ...(untilNs === undefined ? {} : { untilNs }) }
  const snapshot = snapshotOf(queries)
  const build: Build = { query, snapshot, top: { children: [], leftOut: 0 }, stack: [], open: new Map(), nFrames: 0, nWrapped: 0 }
  let nEvents = 0
  let cutAtNs: bigint | null = null
  yield* scan(queries, snapshot, { filter: { ...of, ...range, types: ['call', 'return', 'exception'] }, order: 'asc' }, (view, row) => {
    if (nEvents++ === query.maxEvents) {
      cutAtNs = timestampNs(view, row)
      return 'enough'
    }
    if (view.block.type[row] === EVENT_TYPES.call) enter(build, view, row)
    else leave(build, view, row)
    return 'more'
  })
  const gaps = yield* countEvents(queries, { node: of.node, startNs: of.startNs, ...range, types: ['gap'] })
  return { roots: build.top.children, frames: build.nFrames, leftOut: build.top.leftOut, gaps: gaps.count, cutAtNs }
}

function enter(build: Build, view: BlockView, row: number): void {
  const parent = build.stack.at(-1)
  const within = parent === undefined ? build.top : (parent.frame ?? parent.within)
  // Within a call that is not shown none is: neither depth nor number gets less there.
  const shown = build.stack.length < build.query.maxDepth && build.nFrames < build.query.maxFrames
  const startNs = timestampNs(view, row)
  const frame = shown ? { ...blankFrame(build, view, row), callId: eventId(view, row), startNs } : null
  if (frame === null) within.leftOut++
  else add(build, within.children, frame)
  const fn = functionOf(view, row)
  build.stack.push({ fn, startNs, frame, within })
  build.open.set(fn, (build.open.get(fn) ?? 0) + 1)
}

function leave(build: Build, view: BlockView, row: number): void {
  const fn = functionOf(view, row)
  if ((build.open.get(fn) ?? 0) === 0) return leaveUnseen(build, view, row)
  for (;;) {
    const call = close(build)
    if (call === undefined) return
    if (call.fn !== fn) continue
    if (call.frame !== null) Object.assign(call.frame, endOf(view, row))
    return
  }
}

/** A return whose call is not there. */
function leaveUnseen(build: Build, view: BlockView, row: number): void {
  const end = endOf(view, row)
  const startNs = end.durationNs === null ? null : end.endNs - BigInt(end.durationNs)
  if (startNs !== null) closeSince(build, startNs)
  const parent = build.stack.at(-1)
  const within = parent === undefined ? build.top : (parent.frame ?? parent.within)
  if ((parent !== undefined && parent.frame === null) || build.nFrames >= build.query.maxFrames) {
    within.leftOut++
    return
  }
  const frame: Growing = { ...blankFrame(build, view, row), startNs, ...end }
  if ((startNs !== null || parent === undefined) && build.nWrapped < build.query.maxDepth) {
    const from = startNs === null ? 0 : firstSince(within.children, startNs)
    frame.children.push(...within.children.splice(from))
    if (frame.children.length > 0) build.nWrapped++
    if (from === 0 && parent === undefined) [frame.leftOut, within.leftOut] = [within.leftOut, 0]
  }
  add(build, within.children, frame)
}

/** What is open and began within a call that is over had no end of its own. */
function closeSince(build: Build, ns: bigint): void {
  for (let call = build.stack.at(-1); call !== undefined && call.startNs >= ns; call = build.stack.at(-1)) close(build)
}

function close(build: Build): OpenCall | undefined {
  const call = build.stack.pop()
  if (call !== undefined) build.open.set(call.fn, (build.open.get(call.fn) ?? 1) - 1)
  return call
}

function add(build: Build, children: Growing[], frame: Growing): void {
  children.push(frame)
  build.nFrames++
}

/** The first of the frames, which are in order of their ends, that lies wholly behind this instant. */
function firstSince(frames: readonly Growing[], ns: bigint): number {
  let from = frames.length
  while (from > 0 && (frames[from - 1]?.startNs ?? ns - 1n) >= ns) from--
  return from
}

function blankFrame({ snapshot }: Build, view: BlockView, row: number): Growing {
  const site = siteNames(view, view.block.site[row] ?? 0)
  const linked = linkedNode(snapshot.links, view, row)
  return {
    mfa: site.mfa, nodeId: linked ?? site.nodeId, evidence: linked === undefined ? site.evidence : 'given', callId: null, endId: null, startNs: null, endNs: null, end: 'unseen',
    durationNs: null, ownNs: null, children: [], leftOut: 0,
  }
}

function endOf(view: BlockView, row: number) {
  const { type, took, own } = view.block
  const end = type[row] === EVENT_TYPES.exception ? ('exception' as const) : ('return' as const)
  return { endId: eventId(view, row), endNs: timestampNs(view, row), end, durationNs: knownNs(durationOf(took[row])), ownNs: knownNs(own[row]) }
}

function knownNs(ns: number | undefined): number | null {
  return ns === undefined || Number.isNaN(ns) ? null : ns
}

function eventId(view: BlockView, row: number): string {
  return formatEventId({ node: processName(view, view.block.pid[row] ?? 0).source.node, block: view.number, row })
}

/** Empty for a site that names none: such a return closes the topmost call that names none either. */
function functionOf(view: BlockView, row: number): string {
  const { mfa } = siteNames(view, view.block.site[row] ?? 0)
  return mfa === null ? '' : formatMfa({ module: mfa.module, name: mfa.function, arity: mfa.arity })
}
