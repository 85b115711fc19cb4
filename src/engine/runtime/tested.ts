/**
 * Which events a test caused: those that carry the correlation id of a test (the agent marks what follows from it), and
 * those of the test's process between its `test_start` and `test_end`, or of a process that it spawned meanwhile, or one of
 * these, and so on.
 *
 * Absent on purpose: which test it was.
 */

import type { SiteFigures } from '../../correlate/insights.ts'
import { correlationOf } from '../../event/names.ts'
import { type BlockView, processName, relativeNs, timestampNs } from '../../event/query/columns.ts'
import { scan, snapshotOf } from '../../event/query/scan.ts'
import type { EventSource } from '../../model/event.ts'
import { EVENT_TYPES } from '../../model/event.ts'
import { finishWithin, type RuntimeContext } from './context.ts'
import { figuresOfRows, type Window } from './figures.ts'

/** When a process ran for a test; for ever where its end was not seen. */
type Span = { readonly fromNs: bigint; toNs: bigint | null }
type Tests = { readonly correlations: Set<string>; readonly processes: Map<string, Span[]> }

/** Spawns and tests looked at. What comes later is not known to be tested. */
const MAX_EVENTS = 2_000_000

export function testedFigures(context: RuntimeContext, window: Window): { readonly figures: readonly SiteFigures[]; readonly state: 'tests' | 'no tests' | 'cut' } {
  const { tests, nEvents } = findTests(context, window)
  if (tests.correlations.size + tests.processes.size === 0) return { figures: [], state: 'no tests' }
  const figures = figuresOfRows(context, window, (view) => {
    const correlated = codesWhere(view.counts.correlations, (code) => tests.correlations.has(correlationOf(view.block, code) ?? ''))
    const spans = spansIn(view, tests)
    if (correlated.size + spans.size === 0) return null
    return (row) => correlated.has(view.block.corr[row] ?? 0) || ranForTest(spans.get(view.block.pid[row] ?? 0), view.block.ts[row] ?? 0)
  })
  return { figures, state: nEvents > MAX_EVENTS ? 'cut' : 'tests' }
}

/** A test may have begun before the window. */
function findTests(context: RuntimeContext, { untilNs }: Window): { readonly tests: Tests; readonly nEvents: number } {
  const { queries } = context
  const tests: Tests = { correlations: new Set(), processes: new Map() }
  let nEvents = 0
  const filter = { types: ['test_start', 'test_end', 'spawn'] as const, ...(untilNs === undefined ? {} : { untilNs }) }
  finishWithin(context, scan(queries, snapshotOf(queries), { filter, order: 'asc' }, (view, row) => {
    note(tests, view, row)
    return ++nEvents > MAX_EVENTS ? 'enough' : 'more'
  }))
  return { tests, nEvents }
}

function note({ correlations, processes }: Tests, view: BlockView, row: number): void {
  const { block } = view
  const type = block.type[row]
  const { source, pid } = processName(view, block.pid[row] ?? 0)
  const ns = timestampNs(view, row)
  const spans = processes.get(keyOf(source, pid))
  if (type === EVENT_TYPES.spawn) {
    const parent = spans?.at(-1)
    if (parent === undefined || (parent.toNs !== null && parent.toNs < ns)) return
    const child = processName(view, block.peer[row] ?? 0)
    if (child.pid !== '') open(processes, keyOf(source, child.pid), ns)
    return
  }
  const correlation = correlationOf(block, block.corr[row] ?? 0)
  if (correlation !== null) correlations.add(correlation)
  if (type === EVENT_TYPES.test_start) return open(processes, keyOf(source, pid), ns)
  const last = spans?.at(-1)
  if (last !== undefined) last.toNs ??= ns
}

function open(processes: Tests['processes'], key: string, fromNs: bigint): void {
  const spans = processes.get(key)
  if (spans === undefined) processes.set(key, [{ fromNs, toNs: null }])
  else spans.push({ fromNs, toNs: null })
}

/** The processes of a block that ran for tests, with the times as the block has them. */
function spansIn(view: BlockView, { processes }: Tests): ReadonlyMap<number, readonly (readonly [from: number, to: number])[]> {
  const found = new Map<number, (readonly [number, number])[]>()
  if (processes.size === 0) return found
  for (let code = 1; code <= view.counts.pids; code++) {
    const { source, pid } = processName(view, code)
    const spans = processes.get(keyOf(source, pid))
    if (spans !== undefined) found.set(code, spans.map(({ fromNs, toNs }) => [relativeNs(view, fromNs), toNs === null ? Infinity : relativeNs(view, toNs)] as const))
  }
  return found
}

function ranForTest(spans: readonly (readonly [number, number])[] | undefined, ts: number): boolean {
  return spans?.some(([from, to]) => ts >= from && ts <= to) === true
}

function codesWhere(nCodes: number, fits: (code: number) => boolean): ReadonlySet<number> {
  const codes = new Set<number>()
  for (let code = 1; code <= nCodes; code++) if (fits(code)) codes.add(code)
  return codes
}

function keyOf({ node, startNs }: EventSource, pid: string): string {
  return `${node} ${startNs} ${pid}`
}
