/**
 * Lookups of events by each index, in blocks that are resident and have no footers, so that every block is asked: the
 * latency of one query for at most a hundred events as records, p50 and p95 of this thread, and what a window's counts take.
 * The rows of the blocks are not in order of time: several schedulers and nodes never deliver them so.
 */

import { type Block, BLOCK_CAPACITY, BLOCK_ROWS, blockBytes, counts, HEADER, layOut, lengthOf, SECTION_NAMES } from '../src/event/block.ts'
import type { BlockRef, Blocks } from '../src/event/query/blocks.ts'
import { countEvents, groupEvents } from '../src/event/query/count.ts'
import type { EventFilter } from '../src/event/query/filter.ts'
import { finish, getEvent, runQuery } from '../src/event/query/run.ts'
import { openLearnt, type Queries, queriesOn } from '../src/event/query/scan.ts'
import { seal, timeRange } from '../src/event/seal.ts'
import { append, beginBlock } from '../src/event/writer.ts'
import { openWriter } from '../src/event/writer-state.ts'
import type { EventRecord } from '../src/model/event.ts'
import { timeFigures } from './events-figures.ts'
import { LOAD, loadBatches } from './events-load.ts'

const SOURCE = { node: 'shop@localhost', startNs: 1_789_000_000_000_000_000n }
const LOOKUPS = 1000
const TRIES = 3
const LIMIT = 100
const MS = 1_000_000n
/** So late may an event stand in its batch. */
const LATE_NS = 200_000

type Latencies = { readonly p50_us: number; readonly p95_us: number; readonly max_us: number; readonly mean_cpu_us: number }
type LookupFigures = Latencies & { /** Per lookup: events answered, rows looked at. */ readonly found: number; readonly examined: number }

export function benchEventLookups(nEvents = 10_000_000): object {
  const built = build(nEvents)
  const queries = queriesOn(blocksOf(built), openLearnt())
  const firstMs = timed(() => finish(runQuery(queries, { filter: { correlationId: 'nobody' }, order: 'asc', limit: 1 })))
  const sample = sampleOf(built, queries)
  const shapes: Record<string, (event: EventRecord) => EventFilter> = {
    pid: ({ pid }) => ({ pid }),
    function: ({ mfa }) => ({ ...mfa }),
    module: ({ mfa }) => (mfa === null ? {} : { module: mfa.module }),
    node_id: ({ nodeId }) => (nodeId === null ? {} : { nodeId }),
    correlation_id: ({ correlationId }) => (correlationId === null ? {} : { correlationId }),
    event_type: ({ type }) => ({ types: [type] }),
    time: ({ timestampNs }) => ({ sinceNs: timestampNs, untilNs: timestampNs + MS }),
    pid_and_type: ({ pid, type }) => ({ pid, types: [type] }),
    pid_and_function: ({ pid, mfa }) => ({ pid, ...mfa }),
    function_since: ({ mfa, timestampNs }) => ({ ...mfa, sinceNs: timestampNs }),
    slow_calls_of_function: ({ mfa }) => ({ ...mfa, minDurationNs: 2_000_000_000 }),
    nothing_found: ({ mfa }) => ({ ...mfa, pid: '0.1.0' }),
  }
  const lookups = Object.fromEntries(Object.entries(shapes).map(([name, filterOf]) => [name, measure(queries, name === 'slow_calls_of_function' ? sample.slice(0, 50) : sample, filterOf)]))
  const window = { sinceNs: sample[0]?.timestampNs ?? 0n, untilNs: (sample[0]?.timestampNs ?? 0n) + 1000n * MS }
  return {
    events: built.length * BLOCK_ROWS, blocks: built.length, first_lookup_ms: round(firstMs), lookups, by_id: latencies(sample, ({ id }) => getEvent(queries, id)),
    figures: timeFigures(blocksOf(built)),
    counts_ms: {
      all_by_function: round(timed(() => finish(groupEvents(queries, {}, 'function')))),
      all_by_pid: round(timed(() => finish(groupEvents(queries, {}, 'pid')))),
      window_of_1_s_by_function: round(timed(() => finish(groupEvents(queries, window, 'function')))),
      one_function: round(timed(() => finish(countEvents(queries, shapes['function']?.(sample[0] as EventRecord) ?? {})))),
    },
  }
}

function measure(queries: Queries, sample: readonly EventRecord[], filterOf: (event: EventRecord) => EventFilter): LookupFigures {
  let found = 0
  let examined = 0
  const figures = latencies(sample, (event, idx) => {
    const page = finish(runQuery(queries, { filter: filterOf(event), order: idx % 2 === 0 ? 'desc' : 'asc', limit: LIMIT }))
    found += page.events.length
    examined += page.outcome.examined
  })
  const perLookup = (sum: number): number => Math.round(sum / sample.length / TRIES)
  return { ...figures, found: perLookup(found), examined: perLookup(examined) }
}

/** The best of three passes for each lookup, because other work on the machine comes in between; and the mean on a core, of all. */
function latencies<T>(sample: readonly T[], lookup: (item: T, idx: number) => void): Latencies {
  const best = new Float64Array(sample.length).fill(Infinity)
  const cpu = process.threadCpuUsage()
  for (let n = 0; n < TRIES; n++) for (const [idx, item] of sample.entries()) best[idx] = Math.min(best[idx] ?? 0, timed(() => lookup(item, idx)))
  const { user, system } = process.threadCpuUsage(cpu)
  best.sort()
  const at = (q: number): number => Math.round((best[Math.min(best.length - 1, Math.floor(best.length * q))] ?? 0) * 1000)
  return { p50_us: at(0.5), p95_us: at(0.95), max_us: at(1), mean_cpu_us: Math.round((user + system) / sample.length / TRIES) }
}

function timed(run: () => unknown): number {
  const fromMs = performance.now()
  run()
  return performance.now() - fromMs
}

function round(ms: number): number {
  return Math.round(ms * 100) / 100
}

/** Calls from all over, so that what is looked for is asked as often as it happens. */
function sampleOf(built: readonly Block[], queries: Queries): EventRecord[] {
  const sample: EventRecord[] = []
  let state = 12_345
  while (sample.length < LOOKUPS) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    const event = getEvent(queries, `${SOURCE.node}:${1 + (state % built.length)}:${(state >>> 12) % BLOCK_ROWS}`)
    if (event !== undefined && event.mfa !== null && event.nodeId !== null) sample.push(event)
  }
  return sample
}

function build(nEvents: number): Block[] {
  const built: Block[] = []
  const writer = openWriter()
  const buffers = [new SharedArrayBuffer(blockBytes(BLOCK_CAPACITY)), new SharedArrayBuffer(blockBytes(BLOCK_CAPACITY))] as const
  let block = layOut(buffers[0], BLOCK_CAPACITY)
  beginBlock(writer, block, 1)
  for (const batch of loadBatches({ ...LOAD, batches: Math.ceil(nEvents / LOAD.eventsPerBatch) })) {
    const late = { ...batch, ts: batch.ts.map((ts, i) => ts - ((i * 7919) % 13 === 0 ? (i * 104_729) % LATE_NS : 0)) }
    if (append(writer, late, SOURCE, resolve) === 'appended') continue
    seal(block)
    built.push(compacted(block))
    block = layOut(buffers[built.length % 2 === 0 ? 0 : 1], BLOCK_CAPACITY)
    beginBlock(writer, block, built.length + 1)
    append(writer, late, SOURCE, resolve)
  }
  return built
}

const resolve: Parameters<typeof append>[3] = ({ mfa, caller }) => ({ nodeId: caller === null ? null : `${caller.module}.${caller.function}/${caller.arity}#1/${mfa?.function}`, evidence: 'exact' })

/** The block without the room that it does not use. */
function compacted(block: Block): Block {
  const filled = counts(block)
  const copy = layOut(new SharedArrayBuffer(blockBytes(filled)), filled)
  for (const name of SECTION_NAMES) copy[name].set(block[name].subarray(0, lengthOf(name, filled)))
  copy.header.set(block.header)
  copy.base[0] = block.base[0] ?? 0n
  return copy
}

function blocksOf(built: readonly Block[]): Blocks {
  const refs = built.map((block): BlockRef => ({ number: block.header[HEADER.number] ?? 0, nRows: counts(block).rows, ...(timeRange(block) ?? { minNs: 0n, maxNs: 0n }), zone: 'hot' }))
  return { refs: () => refs, open: (ref) => built[ref.number - 1] ?? 'gone', mayHold: () => true }
}
