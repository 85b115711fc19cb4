/**
 * A writer of events without end, to be killed or read beside: batches of one session, from the number after the last that is
 * durable; each number is said once it is committed. Run as a child process (arguments: the directory) or as a Worker,
 * which prunes too, and ends when it is told.
 */

import { isMainThread, parentPort, workerData } from 'node:worker_threads'
import { realDisk } from '../../src/event/disk.ts'
import { applyRetention, close, commit, durableOf, ingest, openEventStore } from '../../src/event/event-store.ts'
import { createSlabs, openSlabWriter, type Slabs } from '../../src/event/slabs.ts'
import { CONFIG, incoming, numbered, sessionOf, TINY } from './stores.ts'

export const EVENTS = 7
export type LoopData = { readonly loop: string; readonly slabs: Slabs; readonly stop: Int32Array; readonly maxEvents: number }

function loop({ loop: directory, slabs, stop, maxEvents }: LoopData, report: (no: number) => void): void {
  const ports = { disk: realDisk, slabs: openSlabWriter(slabs), nowMs: Date.now, resolve: () => ({ nodeId: null, evidence: 'none' as const }) }
  const opened = openEventStore(directory, ports, { ...CONFIG, maxFileBytes: 4000 })
  if (!opened.ok) throw new Error(opened.error.message)
  const { store } = opened.value
  report(durableOf(store, sessionOf(1)))
  for (let no = durableOf(store, sessionOf(1)) + 1; Atomics.load(stop, 0) === 0;) {
    const stored = ingest(store, incoming(1, numbered(1, no, EVENTS)))
    // Every slab is being read: readers leave soon.
    if (!stored.ok && stored.error.code === 'busy') continue
    if (!stored.ok) throw new Error(stored.error.message)
    if (no % 3 === 0) {
      const done = commit(store)
      if (!done.ok) throw new Error(done.error.message)
      report(no)
    }
    if (maxEvents > 0 && no % 40 === 0) applyRetention(store, { maxEvents })
    no += 1
  }
  close(store)
}

const data = workerData as Partial<LoopData> | null
const port = parentPort
if (port !== null && data?.loop !== undefined) {
  loop(data as LoopData, (no) => port.postMessage(no))
} else if (isMainThread && process.argv[2] !== undefined) {
  loop({ loop: process.argv[2], slabs: createSlabs(3, 1, TINY), stop: new Int32Array(1), maxEvents: 0 }, (no) => process.send?.(no))
}
