/**
 * The event store on a real disk: frames decoded, logged, appended, sealed, compressed, written and synced, with a commit after
 * every so many batches; then opened again with a full log to replay, blocks read back from files, and a file pruned. On the
 * file system of the temporary directory, whose speed is the disk's share of these figures.
 */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decodeBatch, encodeBatch } from '../src/event/batch.ts'
import { type Disk, type DiskFile, realDisk } from '../src/event/disk.ts'
import { openEventReader } from '../src/event/event-reader.ts'
import { cleanupOldEvents, close, commit, type EventStore, type EventStorePorts, ingest, openEventStore, stats } from '../src/event/event-store.ts'
import { createSlabs, openSlabReader, openSlabWriter, type Slabs } from '../src/event/slabs.ts'
import { timeFigures } from './events-figures.ts'
import { LOAD, loadBatches } from './events-load.ts'

const SOURCE = { node: 'shop@localhost', startNs: 1_789_000_000_000_000_000n }
const SESSION = '00112233445566778899aabbccddeeff'
const CONFIG = { idleMs: 60_000, maxFileBytes: 256 << 20, warmMs: 3_600_000 }
const BATCHES_PER_COMMIT = 4
const DISTINCT = 64

/** Seconds that steps on the disk took. */
const onDisk = { write: 0, sync: 0, names: 0 }

const timedDisk: Disk = {
  ...realDisk,
  open: (path, how) => timedFile(timed('names', () => realDisk.open(path, how))),
  remove: (path) => timed('names', () => realDisk.remove(path)),
  syncDirectory: (path) => timed('sync', () => realDisk.syncDirectory(path)),
}

function timedFile(file: DiskFile): DiskFile {
  return { ...file, write: (parts, at) => timed('write', () => file.write(parts, at)), sync: () => timed('sync', () => file.sync()) }
}

function timed<T>(kind: keyof typeof onDisk, step: () => T): T {
  const from = performance.now()
  try {
    return step()
  } finally {
    onDisk[kind] += (performance.now() - from) / 1000
  }
}

export function benchEventStore(nEvents = 10_000_000): object {
  const parent = mkdtempSync(join(tmpdir(), 'bench-events-'))
  const directory = join(parent, 'events')
  const slabs = createSlabs(8, 1)
  try {
    const store = opened(directory, slabs).store
    const written = write(store, nEvents)
    const kept = stats(store)
    close(store)
    const from = performance.now()
    const again = opened(directory, slabs)
    const recoveryMs = performance.now() - from
    return {
      ...written, bytes_per_event_on_disk: round(kept.bytesOnDisk / kept.events), files: kept.files, blocks: kept.blocks,
      recovery_ms: round(recoveryMs), replayed_events: again.recovered.replayedEvents, recovered_events: again.recovered.events,
      ...readBack(directory, slabs), ...prune(again.store),
    }
  } finally {
    rmSync(parent, { recursive: true })
  }
}

function opened(directory: string, slabs: Slabs): { readonly store: EventStore; readonly recovered: { readonly events: number; readonly replayedEvents: number } } {
  const ports: EventStorePorts = {
    disk: timedDisk, slabs: openSlabWriter(slabs), nowMs: Date.now,
    resolve: ({ caller }) => (caller === null ? { nodeId: null, evidence: 'function' } : { nodeId: `${caller.module}.${caller.function}/1#1/Worker.call`, evidence: 'exact' }),
  }
  const result = openEventStore(directory, ports, CONFIG)
  if (!result.ok) throw new Error(result.error.message)
  return result.value
}

/** The same frames again and again under new numbers and times; to make them is not counted. */
function write(store: EventStore, nEvents: number): object {
  const distinct = [...loadBatches({ ...LOAD, batches: DISTINCT })]
  const spanNs = BigInt(LOAD.eventsPerBatch * DISTINCT * 1500)
  let seconds = 0
  let commitMs = 0
  let nCommits = 0
  let cpu = 0
  for (let no = 1; (no - 1) * LOAD.eventsPerBatch < nEvents; no++) {
    const batch = distinct[(no - 1) % DISTINCT]
    if (batch === undefined) throw new Error('there is no batch')
    const frame = encodeBatch({ ...batch, no, t0Ns: batch.t0Ns + spanNs * BigInt(Math.floor((no - 1) / DISTINCT)) })
    const cpuFrom = process.cpuUsage()
    const from = performance.now()
    const decoded = decodeBatch(frame)
    if (!decoded.ok) throw new Error(decoded.error.message)
    const stored = ingest(store, { session: SESSION, source: SOURCE, bytes: frame, batch: decoded.value })
    if (!stored.ok) throw new Error(stored.error.message)
    if (no % BATCHES_PER_COMMIT === 0) {
      const before = performance.now()
      commit(store)
      commitMs += performance.now() - before
      nCommits += 1
    }
    seconds += (performance.now() - from) / 1000
    const { user, system } = process.cpuUsage(cpuFrom)
    cpu += (user + system) / 1e6
  }
  const diskSeconds = onDisk.write + onDisk.sync + onDisk.names
  return {
    seconds: round(seconds), seconds_on_disk: { write: round(onDisk.write), sync: round(onDisk.sync), names: round(onDisk.names) }, events_per_s_without_disk: Math.round(nEvents / (seconds - diskSeconds)),
    events: nEvents, events_per_s: Math.round(nEvents / seconds), events_per_cpu_s: Math.round(nEvents / cpu), commit_ms: round(commitMs / nCommits),
  }
}

/** One block after the other from files: opened, one column read, all columns read. */
function readBack(directory: string, slabs: Slabs): object {
  const slabReader = openSlabReader(slabs, 0)
  const reader = openEventReader({ directory, slabs: slabReader, disk: realDisk, nowMs: Date.now, cacheBytes: 64 << 20, warmMs: 3_600_000 })
  slabReader.enter()
  const blocks = reader.blocks()
  const refs = blocks.refs().filter(({ zone }) => zone !== 'hot')
  const times = { open: [] as number[], postings: [] as number[], all: [] as number[] }
  for (const ref of refs) {
    const from = performance.now()
    const block = blocks.open(ref)
    if (block === 'gone') throw new Error(`block ${ref.number} is gone`)
    times.open.push(performance.now() - from)
    if (block.pidRows.length > 0) times.postings.push(performance.now() - from)
    if (block.buffer.byteLength > 0) times.all.push(performance.now() - from)
  }
  const mayHold = refs.map((ref) => {
    const from = performance.now()
    blocks.mayHold(ref, { kind: 'correlation', key: 'nobody' })
    return performance.now() - from
  })
  const lists = Array.from({ length: 200 }, () => {
    const from = performance.now()
    reader.blocks().refs()
    return performance.now() - from
  })
  const figures = timeFigures(reader.blocks())
  slabReader.leave()
  return { figures, open_block_ms: median(times.open), with_one_index_ms: median(times.postings), all_sections_ms: median(times.all), may_hold_us: round(median(mayHold) * 1000), list_blocks_ms: median(lists) }
}

function prune(store: EventStore): object {
  const from = performance.now()
  const removed = cleanupOldEvents(store, 2n ** 62n)
  return { pruned_events: removed.ok ? removed.value : 0, prune_ms: round(performance.now() - from) }
}

function median(values: readonly number[]): number {
  return round(values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0)
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000
}
