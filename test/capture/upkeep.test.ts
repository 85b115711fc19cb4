/** Files of events are read through one at a time, each in its turn, and no more often than once an hour. */

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { loadBatches, LOAD } from '../../bench/events-load.ts'
import { createUpkeep } from '../../src/capture/upkeep.ts'
import { realDisk } from '../../src/event/disk.ts'
import { encodeBatch } from '../../src/event/batch.ts'
import { close, commit, ingest, openEventStore, tick } from '../../src/event/event-store.ts'
import { createSlabs, openSlabWriter } from '../../src/event/slabs.ts'

const directories: string[] = []
afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true })
})

const HOUR_MS = 3_600_000

test('damage in a finished file is found when its hour comes, set aside, and found no more', () => {
  const directory = mkdtempSync(join(tmpdir(), 'es-upkeep-'))
  directories.push(directory)
  let now = 1_800_000_000_000
  const opened = openEventStore(directory, { disk: realDisk, slabs: openSlabWriter(createSlabs(3, 1)), nowMs: () => now, resolve: () => ({ nodeId: null, evidence: 'none' }) }, { idleMs: 1000, maxFileBytes: 1, warmMs: HOUR_MS })
  if (!opened.ok) throw new Error(opened.error.message)
  const { store } = opened.value
  for (const batch of loadBatches({ ...LOAD, batches: 3, eventsPerBatch: 500 })) {
    expect(ingest(store, { session: 'ab'.repeat(16), source: { node: 'a@host', startNs: 1n }, bytes: encodeBatch(batch), batch })).toMatchObject({ ok: true })
    expect(commit(store)).toMatchObject({ ok: true })
    // Idle: the block is sealed, and its file is finished at once.
    now += 2000
    tick(store)
  }
  expect(store.files.length).toBeGreaterThan(1)
  const upkeep = createUpkeep(store, {}, () => now)
  const victim = join(directory, store.files.map(({ name }) => name).sort()[1] ?? '')
  const bytes = readFileSync(victim)
  bytes[Math.floor(bytes.length / 2)] = (bytes[Math.floor(bytes.length / 2)] ?? 0) ^ 0x40
  writeFileSync(victim, bytes)
  const found = []
  for (let hour = 0; hour < 2 * store.files.length + 2; hour++) {
    expect(upkeep.tidy()).toEqual({ ok: true, value: { removed: 0, setAside: [] } })
    now += HOUR_MS
    const done = upkeep.tidy()
    if (done.ok) found.push(...done.value.setAside.map(({ why }) => why))
  }
  expect(found).toHaveLength(1)
  expect(readdirSync(join(directory, 'set-aside')).length).toBeGreaterThan(0)
  close(store)
})
