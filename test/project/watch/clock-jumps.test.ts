/**
 * The FileWatcher and the Synchronizer between a disk and a store that are maps, while their clock jumps by hours: forth, as
 * after a suspended machine, and back, which a monotonic clock must not do and a wrong one may. Timers run by what passes.
 */

import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { createSimulatedClock, type Clock } from '../../../src/base/clock.ts'
import type { Failure } from '../../../src/base/failure.ts'
import { ok, type Result } from '../../../src/base/result.ts'
import { createActorSystem } from '../../../src/otp/actor-system.ts'
import { incrementalUpdaterActor } from '../../../src/project/sync/incremental-updater.actor.ts'
import { INCREMENTAL_UPDATER, SYNC_PORTS, type PrepareOperation, type UpdateBatch } from '../../../src/project/sync/protocol.ts'
import { synchronizerActor } from '../../../src/project/sync/synchronizer.actor.ts'
import { fileWatcherActor } from '../../../src/project/watch/file-watcher.actor.ts'
import { createNotes } from '../../../src/project/watch/notes.ts'
import { FILE_WATCHER, SYNCHRONIZER, WATCHER_PORT, type WatchOperation } from '../../../src/project/watch/protocol.ts'

const seed = process.env['FC_SEED'] === undefined ? {} : { seed: Number(process.env['FC_SEED']) }

const HOUR_MS = 3_600_000
/** More than a lost cookie, a burst and a pause take; less than the comparison that comes now and then. */
const CALM_MS = 20_000

type Done = (result: Result<unknown, Failure>) => void

function createWorld() {
  const time = createSimulatedClock()
  const clock: Clock = { nowMs: () => time.nowMs() + world.offsetMs, wallMs: () => time.wallMs() + world.offsetMs, after: time.after }
  const disk = new Map<string, number>()
  const store = new Map<string, number>()
  const notes = createNotes((run) => void time.after(0, run))
  const world = { disk, store, notes, offsetMs: 0, epoch: 0, pass, settle }
  let nCookies = 0
  const watch = (operation: WatchOperation, done: Done): void => {
    if (operation.type === 'next') return notes.next((batch) => done(ok(batch)))
    if (operation.type === 'look') return done(ok({ sizes: operation.paths.map((path) => disk.get(path) ?? null) }))
    if (operation.type === 'open') return done(ok({ means: 'directories', nDirectories: 1, problems: [] }))
    if (operation.type === 'close') return done(ok(null))
    nCookies += 1
    done(ok(nCookies))
    notes.cookie(nCookies)
  }
  const prepare = ({ paths }: PrepareOperation): unknown => ({
    type: 'batch', batch: { changes: paths.map((path) => ({ knownHash: null, outcome: { kind: 'same', path, stamp: { size: disk.get(path) ?? -1, changedNs: 0n } } })) },
  })
  const put = (path: string, size: number): void => void (size < 0 ? store.delete(path) : store.set(path, size))
  const stored = (): Result<unknown, Failure> => ok({ epoch: (world.epoch += 1), changed: true })
  const system = createActorSystem({
    clock, log: () => undefined, defer: () => undefined,
    ports: {
      [WATCHER_PORT]: (operation, done) => watch(operation as WatchOperation, done),
      [SYNC_PORTS.prepare]: (operation, done) => done(ok(prepare(operation as PrepareOperation))),
      [SYNC_PORTS.report]: (_operation, done) => done(ok(null)),
      [SYNC_PORTS.update]: (operation, done) => {
        for (const { outcome } of (operation as UpdateBatch).changes) if (outcome.kind === 'same') put(outcome.path, outcome.stamp.size)
        done(stored())
      },
      [SYNC_PORTS.rescan]: (_operation, done) => {
        for (const path of new Set([...disk.keys(), ...store.keys()])) put(path, disk.get(path) ?? -1)
        done(stored())
      },
    },
  })
  function pass(ms: number): void {
    for (let left = ms; left >= 0; left -= 10) {
      drain()
      time.advance(Math.min(10, left))
    }
    drain()
  }
  function drain(): void {
    while (system.runReady(1000) > 0);
  }
  /** What whoever waits for all that was saved is answered within CALM_MS; undefined for nothing. */
  async function settle(): Promise<Result<unknown, Failure> | undefined> {
    let answer: Result<unknown, Failure> | undefined
    const wait = async (): Promise<void> => {
      answer = await system.call(SYNCHRONIZER, { type: 'settle' }, 'infinity')
    }
    void wait()
    pass(CALM_MS)
    for (let i = 0; i < 5; i++) await Promise.resolve()
    return answer
  }
  system.spawn({ actor: fileWatcherActor, name: FILE_WATCHER })
  system.spawn({ actor: synchronizerActor, name: SYNCHRONIZER })
  system.spawn({ actor: incrementalUpdaterActor(() => undefined), name: INCREMENTAL_UPDATER })
  pass(1000)
  return world
}

const move = fc.oneof(
  { weight: 6, arbitrary: fc.record({ type: fc.constant('save' as const), path: fc.nat(9), size: fc.option(fc.nat(2), { nil: undefined }), nEvents: fc.constantFrom(1, 2, 20, 3000) }) },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('pass' as const), ms: fc.oneof(fc.nat(60), fc.nat(600)) }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('jump' as const), hours: fc.constantFrom(-24, -3, -0.001, 0.001, 2, 24) }) },
)

test('whatever the clock says, what is saved is in the store soon', async () => {
  await fc.assert(fc.asyncProperty(fc.array(move, { minLength: 1, maxLength: 30 }), async (moves) => {
    const world = createWorld()
    for (const next of moves) {
      if (next.type === 'jump') world.offsetMs += next.hours * HOUR_MS
      if (next.type === 'pass') world.pass(next.ms)
      if (next.type !== 'save') continue
      const path = `f${next.path}.ex`
      if (next.size === undefined) world.disk.delete(path)
      else world.disk.set(path, next.size)
      for (let n = 0; n < next.nEvents; n++) world.notes.count()
      world.notes.changed(path)
    }
    expect(await world.settle()).toMatchObject({ ok: true })
    expect(world.store).toEqual(world.disk)
  }), { numRuns: 400, ...seed })
})
