/**
 * Questions about events: each is answered by one thread of this pool from the blocks, resident ones in shared memory and sealed
 * ones in their files, and a snapshot of the repository. Main gives each question a slot among the readers of the slabs, and
 * takes it back when the question is settled, whatever became of the thread.
 */

import { readFileSync, statSync } from 'node:fs'
import type { Config } from '../config/schema.ts'
import { createAnalyser } from '../src/analysis/analyse.ts'
import { must } from '../src/base/assert.ts'
import { failure, FailureError } from '../src/base/failure.ts'
import { ok } from '../src/base/result.ts'
import { readKept, wholePoint, type Kept } from '../src/capture/kept.ts'
import { createStaticCache } from '../src/correlate/static-index.ts'
import { answer } from '../src/engine/answer.ts'
import { openCaches, type ActivePlan, type RuntimeContext } from '../src/engine/runtime/context.ts'
import type { EventHandler } from '../src/engine/runtime/read-events.ts'
import { RUNTIME_READS } from '../src/engine/runtime/reads.ts'
import { WARM_MS } from '../src/event/archive.ts'
import { realDisk } from '../src/event/disk.ts'
import { openEventReader } from '../src/event/event-reader.ts'
import { openLearnt, queriesOn } from '../src/event/query/scan.ts'
import { openSlabReader, type SlabReader, type Slabs } from '../src/event/slabs.ts'
import { createTreeCache } from '../src/gateway/tree-cache.ts'
import { createCache } from '../src/memory/cache.ts'
import { NODE_PLATFORM } from '../src/otp/node/platform.ts'
import { poolTasks } from '../src/otp/node/run-pool.ts'
import { openReader } from '../src/store/reader.ts'
import type { EventMethod } from '../src/wire/methods.ts'
import type { QueryTasks } from './calls.ts'
import { isVerified, pendingFiles, storeGeneration, type SharedState } from './shared-state.ts'

export type QueryInit = {
  readonly storePath: string
  readonly eventsPath: string
  readonly keptPath: string
  readonly slabs: Slabs
  readonly shared: SharedState
  readonly config: Pick<Config, 'query'>
}

/** Of blocks read from files, in each thread. */
const CACHE_BYTES = 128 << 20
/** Of trees of earlier versions, and functions and calls of analysed ones, in each thread. */
const TREE_BYTES = 32 << 20
const CODE_LIMIT = 100_000

export default poolTasks<QueryTasks, QueryInit>((init) => {
  const { clock } = NODE_PLATFORM
  const learnt = openLearnt()
  const slabs = slabsBySlot(init.slabs)
  const events = openEventReader({ directory: init.eventsPath, slabs: slabs.reader, disk: realDisk, nowMs: clock.wallMs, cacheBytes: CACHE_BYTES, warmMs: WARM_MS })
  const kept = keptReader(init.keptPath)
  const stores = storeReader(init)
  const caches = openCaches()
  const trees = createTreeCache(createCache({ maxBytes: TREE_BYTES, nowMs: clock.nowMs }))
  const code = createStaticCache(createAnalyser(), CODE_LIMIT)
  return {
    query: ({ slot, method, args }) => {
      const store = stores()
      if (!store.ok) return store
      const deadlineMs = clock.nowMs() + init.config.query.timeoutMs
      const pause = (): void => {
        if (clock.nowMs() >= deadlineMs) throw new FailureError(failure('timeout', `the question took longer than ${init.config.query.timeoutMs} ms`, { hint: 'ask about a shorter window, or raise query.timeoutMs' }))
      }
      slabs.enterAt(slot)
      try {
        return store.value.snapshot((snapshot) => {
          const verified = isVerified(init.shared)
          const stale = pendingFiles(init.shared) > 0
          const context: RuntimeContext = {
            queries: queriesOn(events.blocks(), learnt), snapshot, verified, stale, caches, pause, lost: events.lost, code: code.at(snapshot), mapOf: trees.mapOf,
            treeOf: (path) => trees.treeOf(snapshot, path), treeOfVersion: (path, version) => trees.treeOfVersion(snapshot, path, version),
            statedOf: (of) => kept()?.stated[of] ?? {}, activePlans: () => activePlans(kept()),
          }
          const done = (RUNTIME_READS[method] as EventHandler<EventMethod>)(context, args as never)
          const { epoch, writtenAt, importState, unreadableFiles } = snapshot
          return done.ok ? ok(answer(done.value, { epoch, writtenAt, importState, unreadableFiles, verified, stale })) : done
        })
      } finally {
        slabs.reader.leave()
      }
    },
  }
})

/** One reader of the slabs for the thread, in the slot of the question it works on: a thread works on one at a time. */
function slabsBySlot(slabs: Slabs): { readonly reader: SlabReader; enterAt(slot: number): void } {
  let reader: SlabReader | undefined
  const current = (): SlabReader => must(reader, 'the slot of a question')
  return {
    enterAt: (slot) => {
      reader = openSlabReader(slabs, slot)
      reader.enter()
    },
    reader: { enter: () => current().enter(), leave: () => current().leave(), find: (number) => current().find(number), resident: () => current().resident() },
  }
}

/** The repository, opened anew where another has come in its place. */
function storeReader({ storePath, shared }: QueryInit): () => ReturnType<typeof openReader> {
  let opened: ReturnType<typeof openReader> | undefined
  let generation = -1
  return () => {
    if (opened?.ok === true && generation === storeGeneration(shared) && opened.value.place() === 'in place') return opened
    if (opened?.ok === true) opened.value.close()
    generation = storeGeneration(shared)
    opened = openReader({ path: storePath, now: NODE_PLATFORM.clock.wallMs })
    return opened
  }
}

/** What clients stated and planned, read again when its file has changed. */
function keptReader(path: string): () => Kept | undefined {
  let mtimeMs = -1
  let kept: Kept | undefined
  return () => {
    const stat = statSync(path, { throwIfNoEntry: false })
    if (stat !== undefined && stat.mtimeMs !== mtimeMs) {
      const read = readKept(readFileSync(path, 'utf8'))
      kept = read.ok ? read.value : undefined
      ;({ mtimeMs } = stat)
    }
    return kept
  }
}

function activePlans(kept: Kept | undefined): ActivePlan[] {
  return [...new Set(Object.values(kept?.active ?? {}))].flatMap((name) => {
    const found = kept?.plans[name]
    return found === undefined ? [] : [{ name, storedAt: found.stored_at, scope: found.plan.scope, points: found.plan.points.map(wholePoint) }]
  })
}
