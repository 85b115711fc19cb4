/**
 * How many events fit a filter, in all or by type, called function, process, BEAM node or place in the code; without
 * making records, and where the postings say it already, without looking at rows. Per block the counts are by code; codes
 * become names once at its end.
 */

import type { EventSource } from '../../model/event.ts'
import { formatMfa } from '../../model/names.ts'
import { type Posted, POSTED } from '../block.ts'
import type { BlockRef } from './blocks.ts'
import { type BlockView, processName, relativeNs, siteNames, typeName, viewOf } from './columns.ts'
import type { EventFilter } from './filter.ts'
import { type Links, linkedNode } from './links.ts'
import { type Fitting, type Matcher, compile, fitTo, matches } from './match.ts'
import { postings, postingsLength, skips } from './plan.ts'
import { type Queries, type Snapshot, snapshotOf } from './scan.ts'

export type GroupBy = 'type' | 'function' | 'pid' | 'node' | 'node_id'

export type Group = {
  /** The type, the function as `formatMfa` prints it, the pid, the BEAM node's name, the node id; null where the event has none. */
  readonly key: string | null
  /** Of a process: where it runs. */
  readonly source: EventSource | null
  readonly count: number
}

export type Counted = { readonly count: number; readonly examined: number }
export type Grouped = { readonly groups: readonly Group[]; readonly examined: number }

/** What of one block fits, in no order. */
type Part = { readonly view: BlockView; readonly fitting: Fitting; /** The postings of a column are all that is asked about. */ readonly alone: Posted | 'all' | null }

type Mutable<T> = { -readonly [K in keyof T]: T[K] }
type Tally = { readonly groups: Map<string, Mutable<Group>>; examined: number }

const COLUMN = { type: 'type', function: 'site', pid: 'pid', node: 'pid', node_id: 'site' } as const

export function* countEvents(queries: Queries, filter: EventFilter): Generator<'yield', Counted> {
  let count = 0
  let examined = 0
  yield* eachPart(queries, snapshotOf(queries), filter, (part) => {
    const { view, fitting: { codes }, alone } = part
    if (alone === 'all') count += view.rows
    else if (alone !== null) count += postingsLength(view, alone, codes[alone] ?? [])
    else {
      const seen = eachRow(part, () => count++)
      examined += seen
      return seen
    }
    return 0
  })
  return { count, examined }
}

/** The groups with the most events first. */
export function* groupEvents(queries: Queries, filter: EventFilter, by: GroupBy): Generator<'yield', Grouped> {
  const snapshot = snapshotOf(queries)
  const tally: Tally = { groups: new Map(), examined: 0 }
  yield* eachPart(queries, snapshot, filter, (part) => groupPart(tally, part, by, snapshot.links))
  const groups = [...tally.groups.values()].sort((a, b) => b.count - a.count || (String(a.key) < String(b.key) ? -1 : 1))
  return { groups, examined: tally.examined }
}

/** Visits each block that may hold something; `visit` answers how many rows it examined. */
function* eachPart(queries: Queries, { refs, links }: Snapshot, filter: EventFilter, visit: (part: Part) => number): Generator<'yield', void> {
  const compiled = compile(filter)
  const bounds = { sinceNs: filter.sinceNs, untilNs: filter.untilNs, after: undefined, order: 'asc' } as const
  let slice = queries.sliceRows
  for (const ref of refs) {
    if (skips(ref, compiled, bounds, queries.blocks, links) !== undefined) continue
    const block = queries.blocks.open(ref)
    if (block === 'gone') continue
    const view = viewOf(ref, block)
    const fitting = fitTo(compiled, view, queries.learnt, links)
    if (fitting !== undefined) slice -= visit(partOf(view, ref, fitting, filter))
    // A block costs something though no row of it be looked at.
    slice -= 256
    if (slice > 0) continue
    yield 'yield'
    slice = queries.sliceRows
  }
}

function partOf(view: BlockView, ref: BlockRef, { matcher, codes }: Fitting, { sinceNs, untilNs }: EventFilter): Part {
  const within = (sinceNs === undefined || ref.minNs >= sinceNs) && (untilNs === undefined || ref.maxNs < untilNs)
  const timed: Matcher = within ? matcher : { ...matcher, lo: sinceNs === undefined ? -Infinity : relativeNs(view, sinceNs), hi: untilNs === undefined ? Infinity : relativeNs(view, untilNs) }
  const asked = POSTED.filter((column) => codes[column] !== null)
  const posted = view.sealed && view.rows === view.counts.rows && within && matcher.node === null && matcher.peer === null && matcher.minTook === -Infinity
  return { view, fitting: { matcher: timed, codes }, alone: !posted || asked.length > 1 ? null : (asked[0] ?? 'all') }
}

/** Calls `take` with every row that fits; answers how many were examined. */
function eachRow({ view, fitting: { matcher, codes } }: Part, take: (row: number) => void): number {
  const shortest = view.sealed ? shortestColumn(view, codes) : null
  if (shortest === null) {
    for (let row = 0; row < view.rows; row++) if (matches(matcher, view, row)) take(row)
    return view.rows
  }
  const rows = postings(view, shortest, codes)
  for (const row of rows) if (matches(matcher, view, row)) take(row)
  return rows.length
}

/** The column with the shortest postings, null where going through all rows is as cheap. */
function shortestColumn(view: BlockView, codes: Fitting['codes']): Posted | null {
  let shortest: Posted | null = null
  let least = view.rows / 2
  for (const column of POSTED) {
    const ofColumn = codes[column]
    if (ofColumn === null) continue
    const length = postingsLength(view, column, ofColumn)
    if (length < least) [shortest, least] = [column, length]
  }
  return shortest
}

function groupPart(tally: Tally, part: Part, by: GroupBy, links: Links): number {
  const { view, alone } = part
  const column = COLUMN[by]
  const linked = by === 'node_id' ? links.get(view.number) : undefined
  if ((alone === 'all' || alone === column) && linked === undefined) {
    const starts = view.block[`${column}Starts`]
    const codes = part.fitting.codes[column] ?? Array.from({ length: codesOf(view, column) + 1 }, (_, code) => code)
    for (const code of codes) add(tally, view, by, code, (starts[code + 1] ?? 0) - (starts[code] ?? 0))
    return 0
  }
  const codes = view.block[column]
  const counts = new Uint32Array(codesOf(view, column) + 1)
  const examined = eachRow(part, (row) => {
    const nodeId = linked?.has(row) === true ? linkedNode(links, view, row) : undefined
    const code = codes[row] ?? 0
    if (nodeId === undefined) counts[code] = (counts[code] ?? 0) + 1
    else addTo(tally, nodeId, nodeId, null, 1)
  })
  for (const [code, count] of counts.entries()) add(tally, view, by, code, count)
  tally.examined += examined
  return examined
}

function codesOf({ counts }: BlockView, column: 'type' | 'site' | 'pid'): number {
  return column === 'type' ? 255 : column === 'site' ? counts.sites : counts.pids
}

function add(tally: Tally, view: BlockView, by: GroupBy, code: number, count: number): void {
  if (count === 0) return
  switch (by) {
    case 'type': {
      const type = typeName(code)
      return addTo(tally, type, type, null, count)
    }
    case 'function': {
      const { mfa } = siteNames(view, code)
      const key = mfa === null ? null : formatMfa({ module: mfa.module, name: mfa.function, arity: mfa.arity })
      return addTo(tally, key ?? '', key, null, count)
    }
    case 'node_id': {
      const { nodeId } = siteNames(view, code)
      return addTo(tally, nodeId ?? '', nodeId, null, count)
    }
    case 'pid': {
      const { pid, source } = processName(view, code)
      return addTo(tally, `${source.node} ${source.startNs} ${pid}`, pid, source, count)
    }
    case 'node': {
      const { node } = processName(view, code).source
      return addTo(tally, node, node, null, count)
    }
  }
}

function addTo({ groups }: Tally, id: string, key: string | null, source: EventSource | null, count: number): void {
  const group = groups.get(id)
  if (group === undefined) groups.set(id, { key, source, count })
  else group.count += count
}
