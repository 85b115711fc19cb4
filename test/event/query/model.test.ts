/**
 * The model test: random operations on blocks (appending in and out of order of time, sealing, pruning, links) and random
 * queries, against the plainest filter and sort of a list. Whatever index is chosen, whether blocks are open, sealed, have
 * footers, were pruned behind the query's back, or the run is driven in slices of a few rows: the answer is the list's.
 */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { EventRecord, EventType } from '../../../src/model/event.ts'
import { countEvents, groupEvents, type GroupBy } from '../../../src/event/query/count.ts'
import { type EventFilter, type EventQuery, type Position, formatCursor, parseCursor, parseEventId } from '../../../src/event/query/filter.ts'
import { explainQuery, finish, getEvent, runQuery } from '../../../src/event/query/run.ts'
import { type Queries, openLearnt, queriesOn } from '../../../src/event/query/scan.ts'
import { type Given, type MemoryBlocks, type Stored, event, linkPayload, memoryBlocks, versionOf } from './memory-blocks.ts'

const seed = process.env['FC_SEED'] === undefined ? {} : { seed: Number(process.env['FC_SEED']) }

const TYPES: readonly EventType[] = ['call', 'return', 'exception', 'send', 'receive', 'gap']
const T0 = 1_700_000_000_000_000_000n
const NODES = ['a@host', 'b@host']
const PIDS = ['0.1.0', '0.2.0', '0.30.0']
const MODULES = ['Shop', 'Shop.Cart', ':gen_server']
const FUNCTIONS = ['add', 'call']
const NODE_IDS = ['Shop.add/1#1/x', 'Shop.Cart.call/2#1']
const CORRS = ['r1', 'r2']

const maybe = <T>(values: readonly T[]) => fc.option(fc.constantFrom(...values), { freq: 2 })
const mfa = fc.record({ module: fc.constantFrom(...MODULES), function: fc.constantFrom(...FUNCTIONS), arity: fc.integer({ min: 0, max: 2 }) })

const given: fc.Arbitrary<Given & { readonly step: number }> = fc
  .record({
    type: fc.constantFrom(...TYPES), step: fc.integer({ min: -30, max: 60 }), node: fc.constantFrom(...NODES), startNs: fc.constantFrom(5n, 9n << 40n), pid: fc.constantFrom(...PIDS),
    peer: maybe(PIDS), mfa: fc.option(mfa, { freq: 6 }), line: fc.integer({ min: 0, max: 3 }), nodeId: maybe(NODE_IDS), corr: maybe(CORRS), took: maybe([0, 10, 1e9]), payload: fc.boolean(),
  })
  .map(({ type, step, node, startNs, pid, peer, mfa, line, nodeId, corr, took, payload }) => ({
    step,
    ...event(type, 0n, {
      source: { node, startNs }, pid, peer, mfa, nodeId, evidence: nodeId === null ? 'none' : 'exact', correlationId: corr, durationNs: took, ownNs: took,
      caller: line === 0 ? null : { module: 'Shop', function: 'run', arity: 0, file: 'lib/shop.ex', line }, payload: payload ? Uint8Array.from([0x80, line]) : null,
    }),
  }))

type Operation =
  | { readonly kind: 'append'; readonly events: readonly (Given & { readonly step: number })[]; readonly times: number }
  | { readonly kind: 'link'; readonly at: number; readonly nodeId: string; readonly wrong: boolean }
  | { readonly kind: 'seal' }
  | { readonly kind: 'prune'; readonly how: 'listed' | 'gone' }
  | { readonly kind: 'query'; readonly filter: (times: readonly bigint[]) => EventFilter; readonly order: 'asc' | 'desc'; readonly limit: number }
  | { readonly kind: 'interrupted'; readonly filter: (times: readonly bigint[]) => EventFilter; readonly order: 'asc' | 'desc'; readonly steps: number; readonly added: readonly (Given & { readonly step: number })[] }
  | { readonly kind: 'walk'; readonly filter: (times: readonly bigint[]) => EventFilter; readonly order: 'asc' | 'desc'; readonly limit: number; readonly added: readonly (Given & { readonly step: number })[] }

/** Up to four things are asked together; times are those of events that are there. */
const FIELDS = ['types', 'pid', 'peer', 'module', 'function', 'arity', 'nodeId', 'versions', 'correlationId', 'node', 'startNs', 'minDurationNs', 'sinceNs', 'untilNs'] as const
const filter: fc.Arbitrary<(times: readonly bigint[]) => EventFilter> = fc
  .record({
    fields: fc.subarray([...FIELDS], { maxLength: 4 }),
    all: fc.record({
      types: fc.uniqueArray(fc.constantFrom(...TYPES, 'correlation' as const), { maxLength: 3 }), pid: fc.constantFrom(...PIDS, 'none'), peer: fc.constantFrom(...PIDS), module: fc.constantFrom(...MODULES, 'No'),
      function: fc.constantFrom(...FUNCTIONS), arity: fc.integer({ min: 0, max: 2 }), nodeId: fc.constantFrom(...NODE_IDS, 'Linked.only/0'), correlationId: fc.constantFrom(...CORRS, 'none'),
      versions: fc.subarray([0, 1, 2]),
      node: fc.constantFrom(...NODES), startNs: fc.constantFrom(5n, 9n << 40n), minDurationNs: fc.constantFrom(0, 10, 1e9), since: fc.nat({ max: 1000 }), until: fc.nat({ max: 1000 }),
    }),
  })
  .map(({ fields, all: { since, until, ...all } }) => (times) => {
    const at = (share: number) => times[Math.floor((share / 1001) * times.length)] ?? T0
    const full: Required<EventFilter> = { ...all, sinceNs: at(since), untilNs: at(until) }
    return Object.fromEntries(fields.map((field) => [field, full[field]]))
  })

const asked = { filter, order: fc.constantFrom('asc' as const, 'desc' as const), limit: fc.integer({ min: 1, max: 40 }) }
const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('append' as const), events: fc.array(given, { minLength: 1, maxLength: 30 }), times: fc.constantFrom(1, 1, 1, 1, 40) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('link' as const), at: fc.nat(), nodeId: fc.constantFrom(...NODE_IDS, 'Linked.only/0'), wrong: fc.constantFrom(false, false, false, true) }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'seal' as const }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('prune' as const), how: fc.constantFrom('listed' as const, 'gone' as const) }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('query' as const), ...asked }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('interrupted' as const), filter, order: asked.order, steps: fc.integer({ min: 0, max: 5 }), added: fc.array(given, { maxLength: 30 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('walk' as const), ...asked, added: fc.array(given, { maxLength: 5 }) }) },
)

test('whatever is asked after whatever happened, the answer is that of the list', () => {
  fc.assert(
    fc.property(
      fc.array(operation, { minLength: 8, maxLength: 40 }), fc.constantFrom(7, 50, 200, 1500), fc.constantFrom('footers' as const, 'no footers' as const), fc.constantFrom(1, 9, 100_000),
      (operations, rowsPerBlock, footers, sliceRows) => {
        const blocks = memoryBlocks(rowsPerBlock, footers)
        const queries = queriesOn(blocks, openLearnt(), sliceRows)
        const clock = { ns: T0 }
        for (const operation of operations) perform(operation, blocks, queries, clock)
      },
    ),
    { numRuns: 120, ...seed },
  )
}, 60_000)

function perform(operation: Operation, blocks: MemoryBlocks, queries: Queries, clock: { ns: bigint }): void {
  switch (operation.kind) {
    case 'append':
      // Many times over, so that postings grow longer than what is sorted and checked.
      for (let n = 0; n < operation.times; n++) blocks.append(timed(operation.events, clock))
      return undefined
    case 'link':
      return link(operation, blocks, clock)
    case 'seal':
      return blocks.seal()
    case 'prune':
      return blocks.prune(operation.how)
    case 'query':
      return checkQuery({ filter: operation.filter(timesOf(blocks)), order: operation.order, limit: operation.limit }, blocks, queries)
    case 'interrupted':
      return checkInterrupted(operation, blocks, queries, clock)
    case 'walk':
      return checkWalk(operation, blocks, queries, clock)
  }
}

function timed(events: readonly (Given & { readonly step: number })[], clock: { ns: bigint }): Given[] {
  return events.map(({ step, ...event }) => {
    clock.ns += BigInt(step)
    return { ...event, timestampNs: clock.ns }
  })
}

function link({ at, nodeId, wrong }: Operation & { kind: 'link' }, blocks: MemoryBlocks, clock: { ns: bigint }): void {
  const target = blocks.stored[at % Math.max(1, blocks.stored.length)]
  if (target === undefined) return
  const id = wrong ? `nobody@host:${target.block}:${target.row}` : target.id
  blocks.append([event('correlation', clock.ns, { source: { node: 'client', startNs: 0n }, nodeId, evidence: 'given', payload: linkPayload(id) })])
}

function timesOf(blocks: MemoryBlocks): bigint[] {
  return blocks.stored.map((event) => event.timestampNs).sort((a, b) => (a < b ? -1 : 1))
}

function checkQuery(query: EventQuery, blocks: MemoryBlocks, queries: Queries): void {
  const all = expectedAnswer(query, blocks.stored)
  const page = finish(runQuery(queries, query))
  expect(page.events).toEqual(all.slice(0, query.limit))
  expect(finish(explainQuery(queries, query)).found).toBe(Math.min(all.length, query.limit))
  expect(finish(countEvents(queries, query.filter)).count).toBe(all.length)
  for (const by of ['type', 'function', 'pid', 'node', 'node_id'] as const) {
    const { groups } = finish(groupEvents(queries, query.filter, by))
    expect(Object.fromEntries(groups.map(({ key, source, count }) => [source === null ? (key ?? 'null') : `${source.node}@${source.startNs} ${key}`, count]))).toEqual(expectedGroups(all, by))
  }
  for (const { id } of page.events.slice(0, 3)) expect(getEvent(queries, id)).toEqual(linked(blocks.stored).find((event) => event.id === id))
}

/** What is stored and sealed while a query rests is not its business. */
function checkInterrupted({ filter: of, order, steps, added }: Operation & { kind: 'interrupted' }, blocks: MemoryBlocks, queries: Queries, clock: { ns: bigint }): void {
  const query = { filter: of(timesOf(blocks)), order, limit: 1000 }
  const expected = expectedAnswer(query, blocks.stored).slice(0, query.limit)
  const run = runQuery(queries, query)
  let step = run.next()
  for (let n = 0; n < steps && step.done !== true; n++) step = run.next()
  blocks.append(timed(added, clock))
  blocks.seal()
  expect((step.done === true ? step.value : finish(run)).events).toEqual(expected)
}

/** Page after page, with events added after the first that lie before or behind the cursor, none is missed or doubled. */
function checkWalk({ filter: of, order, limit, added }: Operation & { kind: 'walk' }, blocks: MemoryBlocks, queries: Queries, clock: { ns: bigint }): void {
  const filter = of(timesOf(blocks))
  const first = finish(runQuery(queries, { filter, order, limit }))
  blocks.append(timed(added, clock))
  if (limit % 5 === 0) blocks.prune('listed')
  const seen: EventRecord[] = []
  let next: Position | null | undefined = first.next
  while (next !== null && next !== undefined) {
    const after = parseCursor(formatCursor(next))
    if (after === undefined) throw new Error('a cursor that cannot be read')
    const page = finish(runQuery(queries, { filter, order, limit, after }))
    seen.push(...page.events)
    next = page.next
  }
  const at = first.next
  if (at === null) return
  const rest = expectedAnswer({ filter, order, limit }, blocks.stored).filter((event) => comparePlaces(place(event), at) * (order === 'asc' ? 1 : -1) > 0)
  expect(seen).toEqual(rest)
}

function expectedAnswer({ filter, order }: EventQuery, stored: readonly Stored[]): EventRecord[] {
  const found = linked(stored).filter((event) => fits(event, filter))
  found.sort((a, b) => comparePlaces(place(a), place(b)) * (order === 'asc' ? 1 : -1))
  return found
}

function fits(event: EventRecord, filter: EventFilter): boolean {
  const is = <T>(wanted: T | undefined, found: T | undefined | null) => wanted === undefined || wanted === found
  return (
    (filter.types === undefined || filter.types.includes(event.type)) && is(filter.pid, event.pid) && is(filter.peer, event.peer) && is(filter.module, event.mfa?.module) &&
    is(filter.function, event.mfa?.function) && is(filter.arity, event.mfa?.arity) && is(filter.nodeId, event.nodeId) && (filter.nodeId === undefined || (filter.versions?.includes(versionOf(event)) ?? true)) && is(filter.correlationId, event.correlationId) &&
    is(filter.node, event.source.node) && is(filter.startNs, event.source.startNs) && (filter.sinceNs === undefined || event.timestampNs >= filter.sinceNs) &&
    (filter.untilNs === undefined || event.timestampNs < filter.untilNs) && (filter.minDurationNs === undefined || (event.durationNs !== null && event.durationNs >= filter.minDurationNs))
  )
}

/** The events as they read with the links that are stored: the last link to an event gives its node. */
function linked(stored: readonly Stored[]): EventRecord[] {
  const nodes = new Map<string, string>()
  for (const event of stored) if (event.type === 'correlation' && event.nodeId !== null && event.payload !== null) nodes.set(Buffer.from(event.payload.subarray(9)).toString(), event.nodeId)
  return stored.map(({ block: _block, row: _row, ...event }) => {
    const nodeId = nodes.get(event.id)
    return nodeId === undefined ? event : { ...event, nodeId, evidence: 'given' }
  })
}

function place(event: EventRecord): Position {
  const { block = 0, row = 0 } = parseEventId(event.id) ?? {}
  return { timestampNs: event.timestampNs, block, row }
}

function comparePlaces(a: Position, b: Position): number {
  return a.timestampNs === b.timestampNs ? a.block - b.block || a.row - b.row : a.timestampNs < b.timestampNs ? -1 : 1
}

function expectedGroups(events: readonly EventRecord[], by: GroupBy): Record<string, number> {
  const groups: Record<string, number> = {}
  for (const event of events) {
    const key = keyOf(event, by) ?? 'null'
    groups[key] = (groups[key] ?? 0) + 1
  }
  return groups
}

function keyOf(event: EventRecord, by: GroupBy): string | null {
  switch (by) {
    case 'type':
      return event.type
    case 'function':
      return event.mfa === null ? null : `${event.mfa.module}.${event.mfa.function}/${event.mfa.arity}`
    case 'pid':
      return `${event.source.node}@${event.source.startNs} ${event.pid}`
    case 'node':
      return event.source.node
    case 'node_id':
      return event.nodeId
  }
}
