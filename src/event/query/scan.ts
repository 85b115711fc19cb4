/**
 * Goes through all rows that fit in the order (time, block, row), either way. Blocks are opened only when nothing that is
 * open comes before them, so that whoever has enough leaves most blocks alone. Blocks overlap in time where events came
 * late; a heap of the streams that are open sorts that out. After so many rows examined a scan yields: whoever drives it may
 * do something else meanwhile, or give up.
 *
 *     snapshot -> skips -> sorted by time -> streams (fit, plan, candidates) -> heap -> take
 */

import type { BlockRef, Blocks } from './blocks.ts'
import { type BlockView, viewOf } from './columns.ts'
import type { EventFilter, Order, Position } from './filter.ts'
import { type LinkLists, type Links, linksOf } from './links.ts'
import { type Compiled, type Matcher, compile, fitTo, matches } from './match.ts'
import { type NameIndexes, createNameIndexes } from './name-index.ts'
import { type OpenOrder, orderOf } from './order.ts'
import { type BlockPlan, type Bounds, type Candidates, type Skip, planBlock, skips } from './plan.ts'
import { type SlowestSites, createSlowestSites } from './slowest.ts'

/** What queries of one thread learn of blocks and leave to the next: nothing in it depends on where a block is held. */
export type Learnt = { readonly names: NameIndexes; readonly slowest: SlowestSites; readonly linkLists: LinkLists; readonly openOrder: OpenOrder }

export type Queries = {
  /** Of one query, or of several that share an epoch. */
  readonly blocks: Blocks
  readonly learnt: Learnt
  /** Rows examined between two yields. */
  readonly sliceRows: number
}

/** The blocks as they are when a query begins. */
export type Snapshot = { readonly refs: readonly BlockRef[]; readonly links: Links }

export type Outcome = {
  /** Blocks not gone through, by reason; `unreached`: whoever asked had enough before. */
  readonly skipped: Readonly<Record<Skip | 'unreached', number>>
  readonly opened: readonly BlockPlan[]
  readonly examined: number
}

export type Scan = { readonly filter: EventFilter; readonly order: Order; readonly after?: Position | undefined }

/** Takes one row; says whether it wants more. */
export type Take = (view: BlockView, row: number) => 'more' | 'enough'

/** The rows of one block that are still to come; `row` is the one that stands next. */
type Stream = {
  readonly view: BlockView
  readonly matcher: Matcher
  readonly candidates: Candidates
  readonly plan: BlockPlan
  /** The block's base, as whole seconds and ns after some instant, so that times of blocks compare without rounding. */
  readonly baseS: number
  readonly baseNs: number
  /** Candidates passed, from the end where the order is `desc`. */
  passed: number
  row: number
  ts: number
  /** The same time in seconds and ns after that instant. */
  atS: number
  atNs: number
}

type Run = {
  readonly queries: Queries
  readonly snapshot: Snapshot
  readonly compiled: Compiled
  readonly bounds: Bounds
  /** 1 or -1: the order. */
  readonly sign: number
  readonly skipped: Record<Skip | 'unreached', number>
  readonly opened: BlockPlan[]
  readonly heap: Stream[]
  /** Rows that may be examined before the next yield. */
  slice: number
}

const NAME_INDEX_BYTES = 64 << 20
const SLOWEST_BYTES = 16 << 20
const SLICE_ROWS = 131_072
const SECOND = 1_000_000_000n

export function openLearnt(): Learnt {
  return { names: createNameIndexes(NAME_INDEX_BYTES), slowest: createSlowestSites(SLOWEST_BYTES), linkLists: new Map(), openOrder: { number: -1, nRows: 0, order: null } }
}

export function queriesOn(blocks: Blocks, learnt: Learnt, sliceRows: number = SLICE_ROWS): Queries {
  return { blocks, learnt, sliceRows }
}

export function snapshotOf(queries: Queries): Snapshot {
  const refs = queries.blocks.refs()
  return { refs, links: linksOf(queries.learnt.linkLists, queries.blocks, refs) }
}

export function* scan(queries: Queries, snapshot: Snapshot, { filter, order, after }: Scan, take: Take): Generator<'yield', Outcome> {
  const run: Run = {
    queries, snapshot, compiled: compile(filter), bounds: { sinceNs: filter.sinceNs, untilNs: filter.untilNs, after, order }, sign: order === 'asc' ? 1 : -1,
    skipped: { time: 0, footer: 0, names: 0, gone: 0, unreached: 0 }, opened: [], heap: [], slice: queries.sliceRows,
  }
  const refs = refsInTurn(run)
  let nextRef = 0
  for (;;) {
    for (let ref = refs[nextRef]; ref !== undefined && mayComeFirst(run, ref); ref = refs[++nextRef]) {
      const stream = streamOf(run, ref)
      if (stream !== undefined && (yield* advance(run, stream))) push(run, stream)
    }
    const first = run.heap[0]
    if (first === undefined || take(first.view, first.row) === 'enough') break
    if (yield* advance(run, first)) sink(run, 0)
    else pop(run)
  }
  run.skipped.unreached = refs.length - nextRef
  return { skipped: run.skipped, opened: run.opened, examined: run.opened.reduce((sum, plan) => sum + plan.examined, 0) }
}

/** The blocks that are not skipped, by the time of what they begin with in the query's order. */
function refsInTurn({ queries, snapshot, compiled, bounds, skipped }: Run): BlockRef[] {
  const refs: BlockRef[] = []
  for (const ref of snapshot.refs) {
    const skip = skips(ref, compiled, bounds, queries.blocks, snapshot.links)
    if (skip === undefined) refs.push(ref)
    else skipped[skip]++
  }
  if (bounds.order === 'asc') return refs.sort((a, b) => compareNs(a.minNs, b.minNs) || a.number - b.number)
  return refs.sort((a, b) => compareNs(b.maxNs, a.maxNs) || b.number - a.number)
}

function compareNs(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** Whether some row of the block may come before the first one of all open streams. */
function mayComeFirst({ heap, bounds }: Run, ref: BlockRef): boolean {
  const first = heap[0]
  if (first === undefined) return true
  const ns = first.view.baseNs + BigInt(first.ts)
  return bounds.order === 'asc' ? ref.minNs <= ns : ref.maxNs >= ns
}

function streamOf(run: Run, ref: BlockRef): Stream | undefined {
  const { queries, snapshot, compiled, bounds, skipped } = run
  const block = queries.blocks.open(ref)
  if (block === 'gone') {
    skipped.gone++
    return undefined
  }
  const view = viewOf(ref, block)
  const fitting = fitTo(compiled, view, queries.learnt, snapshot.links)
  if (fitting === undefined) {
    skipped.names++
    return undefined
  }
  const { plan, candidates } = planBlock(view, ref, fitting, orderOf(view, queries.learnt.openOrder), bounds)
  run.opened.push(plan)
  return { view, matcher: fitting.matcher, candidates, plan, baseS: Number(view.baseNs / SECOND), baseNs: Number(view.baseNs % SECOND), passed: 0, row: -1, ts: 0, atS: 0, atNs: 0 }
}

/** Goes to the next row of the stream that fits; false where there is none. */
function* advance(run: Run, stream: Stream): Generator<'yield', boolean> {
  for (;;) {
    const before = stream.passed
    const found = step(stream, run.sign, run.slice)
    stream.plan.examined += stream.passed - before
    run.slice -= stream.passed - before
    if (found !== 'more') return found === 'found'
    yield 'yield'
    run.slice = run.queries.sliceRows
  }
}

function step(stream: Stream, sign: number, budget: number): 'found' | 'none' | 'more' {
  const { view, matcher, candidates: { rows, from, to } } = stream
  const last = Math.min(to - from, stream.passed + budget)
  for (let passed = stream.passed; passed < last; passed++) {
    const at = sign === 1 ? from + passed : to - 1 - passed
    const row = rows === null ? at : (rows[at] ?? 0)
    if (!matches(matcher, view, row)) continue
    stream.passed = passed + 1
    stream.row = row
    standAt(stream, view.block.ts[row] ?? 0)
    return 'found'
  }
  stream.passed = last
  return last === to - from ? 'none' : 'more'
}

/** Sums of times within 2^53 ns are exact; of others the seconds are taken apart. */
function standAt(stream: Stream, ts: number): void {
  const restNs = Number.isSafeInteger(ts) ? ts : ts % 1e9
  stream.ts = ts
  stream.atS = stream.baseS + Math.round((ts - restNs) / 1e9)
  stream.atNs = stream.baseNs + restNs
}

function precedes({ sign }: Run, a: Stream, b: Stream): boolean {
  const difference = (a.atS - b.atS) * 1e9 + (a.atNs - b.atNs)
  return sign * (difference === 0 ? a.view.number - b.view.number : difference) < 0
}

function push(run: Run, stream: Stream): void {
  const { heap } = run
  let at = heap.length
  heap.push(stream)
  while (at > 0) {
    const parentAt = (at - 1) >> 1
    const parent = heap[parentAt]
    if (parent === undefined || !precedes(run, stream, parent)) break
    heap[at] = parent
    at = parentAt
  }
  heap[at] = stream
}

function pop(run: Run): void {
  const last = run.heap.pop()
  if (last === undefined || run.heap.length === 0) return
  run.heap[0] = last
  sink(run, 0)
}

function sink(run: Run, from: number): void {
  const { heap } = run
  const stream = heap[from]
  if (stream === undefined) return
  let at = from
  for (;;) {
    const left = heap[2 * at + 1]
    const right = heap[2 * at + 2]
    if (left === undefined) break
    const child = right !== undefined && precedes(run, right, left) ? right : left
    if (!precedes(run, child, stream)) break
    heap[at] = child
    at = child === left ? 2 * at + 1 : 2 * at + 2
  }
  heap[at] = stream
}
