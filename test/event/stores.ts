/** Event stores for tests: on a disk in memory, in small slabs, and what is in them as plain lists. */

import type { Batch } from '../../src/event/batch.ts'
import { encodeBatch } from '../../src/event/batch.ts'
import type { Counts } from '../../src/event/block.ts'
import type { Disk } from '../../src/event/disk.ts'
import { type EventReader, openEventReader } from '../../src/event/event-reader.ts'
import { type EventStore, type EventStoreConfig, openEventStore, type Recovered } from '../../src/event/event-store.ts'
import { correlationOf } from '../../src/event/names.ts'
import type { Blocks } from '../../src/event/query/blocks.ts'
import { createSlabs, openSlabReader, openSlabWriter, type SlabReader, type Slabs } from '../../src/event/slabs.ts'
import { batchOf } from './batches.ts'

export const DIRECTORY = 'events'
export const SOURCE = { node: 'shop@host', startNs: 5n }
export const CONFIG: EventStoreConfig = { idleMs: 1000, maxFileBytes: 1 << 20, warmMs: 60_000 }
/** A few batches fill a block. */
export const TINY: Counts = { rows: 20, sites: 100, pids: 100, correlations: 100, sources: 8, strings: 1000, stringBytes: 140_000, arenaBytes: 1000, summaryBytes: 64_000 }

export type Opened = {
  readonly store: EventStore
  readonly recovered: Recovered
  readonly slabs: Slabs
  readonly slabReader: SlabReader
  readonly reader: EventReader
  readonly clock: { nowMs: number }
}

/** Opens the directory as a process that has just begun: with slabs of its own. Throws what the store answers. */
export function openStore(disk: Disk, { config = CONFIG, nSlabs = 3, capacity = TINY, clock = { nowMs: 1000 } }: { config?: EventStoreConfig; nSlabs?: number; capacity?: Counts; clock?: { nowMs: number } } = {}): Opened {
  const slabs = createSlabs(nSlabs, 1, capacity)
  const nowMs = (): number => clock.nowMs
  const opened = openEventStore(DIRECTORY, { disk, slabs: openSlabWriter(slabs), nowMs, resolve: () => ({ nodeId: null, evidence: 'none' }) }, config)
  if (!opened.ok) throw new Error(opened.error.message)
  const slabReader = openSlabReader(slabs, 0)
  const reader = openEventReader({ directory: DIRECTORY, slabs: slabReader, disk, nowMs, cacheBytes: 1 << 24, warmMs: 60_000 })
  return { ...opened.value, slabs, slabReader, reader, clock }
}

export function sessionOf(n: number): string {
  return n.toString(16).padStart(32, '0')
}

/** A batch each of whose events has a correlation id of its own: `session/no/index`. */
export function numbered(session: number, no: number, nEvents: number, atNs = no * 1000): Batch {
  return batchOf(Array.from({ length: nEvents }, (_, idx) => ({
    type: idx % 2 === 0 ? 'call' : 'send', ts: atNs + idx, pid: `0.${session}.0`, mfa: `Mod${no % 3}.fun/${idx % 2}`, corr: nameOf(session, no, idx),
  } as const)), { no })
}

export function nameOf(session: number, no: number, idx: number): string {
  return `${session}/${no}/${idx}`
}

export function incoming(session: number, batch: Batch): { session: string; source: typeof SOURCE; bytes: Uint8Array; batch: Batch } {
  return { session: sessionOf(session), source: SOURCE, bytes: encodeBatch(batch), batch }
}

/** The correlation ids of all events, in order of blocks and rows, as a reader finds them. */
export function namesIn({ slabReader, reader }: Pick<Opened, 'slabReader' | 'reader'>): string[] {
  slabReader.enter()
  try {
    return namesOf(reader.blocks())
  } finally {
    slabReader.leave()
  }
}

export function namesOf(blocks: Blocks): string[] {
  return blocks.refs().flatMap((ref) => {
    const block = blocks.open(ref)
    return block === 'gone' ? [] : Array.from({ length: ref.nRows }, (_, row) => correlationOf(block, block.corr[row] ?? 0) ?? '')
  })
}
