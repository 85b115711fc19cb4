/**
 * Questions about events: each is answered by one thread of this pool from the blocks, resident ones in shared memory and sealed
 * ones in their files, and a snapshot of the repository. Main gives each question a slot among the readers of the slabs, and
 * takes it back when the question is settled, whatever became of the thread. An answer is encoded here, and names the state
 * that it holds for where there was but one while it was made.
 */

import { existsSync, readFileSync } from 'node:fs'
import type { Config } from '../config/schema.ts'
import { createAnalyser } from '../src/analysis/analyse.ts'
import { must } from '../src/base/assert.ts'
import { failure, FailureError, type Failure } from '../src/base/failure.ts'
import { fail, ok, type Result } from '../src/base/result.ts'
import { readKept, wholePoint, type Kept } from '../src/capture/kept.ts'
import { createStaticCache } from '../src/correlate/static-index.ts'
import { answer, freshnessName } from '../src/engine/answer.ts'
import { openCaches, type ActivePlan, type RuntimeContext } from '../src/engine/runtime/context.ts'
import type { EventHandler } from '../src/engine/runtime/read-events.ts'
import { RUNTIME_READS } from '../src/engine/runtime/reads.ts'
import { WARM_MS } from '../src/event/archive.ts'
import { realDisk } from '../src/event/disk.ts'
import { openEventReader } from '../src/event/event-reader.ts'
import { withBlocks } from '../src/event/in-place.ts'
import { openLearnt, queriesOn } from '../src/event/query/scan.ts'
import { openSlabReader, type SlabReader, type Slabs } from '../src/event/slabs.ts'
import { createTreeCache } from '../src/gateway/tree-cache.ts'
import { createCache } from '../src/memory/cache.ts'
import { NODE_PLATFORM } from '../src/otp/node/platform.ts'
import { poolTasks } from '../src/otp/node/run-pool.ts'
import type { Made, Question } from '../src/querying/protocol.ts'
import type { Snapshot } from '../src/store/contract.ts'
import { openReader } from '../src/store/reader.ts'
import type { Args, EventMethod } from '../src/wire/methods.ts'
import { encodeResult } from '../src/wire/rpc.ts'
import type { QueryTasks } from './calls.ts'
import { answerState, isVerified, numberOf, pendingFiles, setEventsDamaged, storeGeneration, type SharedState } from './shared-state.ts'

export type QueryInit = {
  readonly storePath: string
  readonly eventsPath: string
  readonly keptPath: string
  readonly slots: { readonly slabs: Slabs; readonly givenUp: Int32Array }
  readonly shared: SharedState
  readonly config: Pick<Config, 'query'>
}

/** Of blocks read from files, in each thread. */
const CACHE_BYTES = 128 << 20
/** Of trees of earlier versions, and functions and calls of analysed ones, in each thread. */
const TREE_BYTES = 32 << 20
const CODE_LIMIT = 100_000
/** How long a question waits for the store of events to be open, and how often it looks. */
const OPENING_MS = 5000
const LOOK_MS = 5
const NOBODY = new Int32Array(new SharedArrayBuffer(4))

export default poolTasks<QueryTasks, QueryInit>((init) => {
  const { clock } = NODE_PLATFORM
  const learnt = openLearnt()
  const slabs = slabsBySlot(init.slots.slabs)
  const events = openEventReader({ directory: init.eventsPath, slabs: slabs.reader, disk: realDisk, nowMs: clock.wallMs, cacheBytes: CACHE_BYTES, warmMs: WARM_MS })
  const kept = keptReader(init)
  const stores = storeReader(init)
  const caches = openCaches()
  const trees = createTreeCache(createCache({ maxBytes: TREE_BYTES, nowMs: clock.nowMs }))
  const code = createStaticCache(createAnalyser(), CODE_LIMIT)
  const make = (snapshot: Snapshot, { method, args }: Question, pause: () => void): Result<Made, Failure> => {
    const { epoch, writtenAt, importState, unreadableFiles } = snapshot
    const freshness = { epoch, writtenAt, importState, unreadableFiles, verified: isVerified(init.shared), stale: pendingFiles(init.shared) > 0 }
    const stateNow = (): string | null => answerState(init.shared, freshnessName(freshness))
    // Before anything is read of what it names.
    const state = stateNow()
    const startedMs = clock.nowMs()
    const done = withBlocks({ events, slabs: slabs.reader, nowMs: clock.nowMs }, pause, (blocks, mustPause) => {
      const context: RuntimeContext = {
        queries: queriesOn(blocks, learnt), snapshot, verified: freshness.verified, stale: freshness.stale, caches, pause: mustPause, lost: events.lost, code: code.at(snapshot),
        mapOf: trees.mapOf, treeOf: (path) => trees.treeOf(snapshot, path), treeOfVersion: (path, version) => trees.treeOfVersion(snapshot, path, version),
        statedOf: (of) => kept()?.stated[of] ?? {}, activePlans: () => activePlans(kept()),
      }
      return (RUNTIME_READS[method] as EventHandler<EventMethod>)(context, args as never)
    })
    const problems = events.problems()
    if (problems.some(({ code: kind }) => kind === 'damaged')) setEventsDamaged(init.shared)
    if (!done.ok) return done
    const bytes = new Uint8Array(encodeResult(answer(done.value, freshness)))
    // What could not be read is tried anew with the next question.
    const isOne = state !== null && problems.length === 0 && state === stateNow()
    return ok({ bytes, state: isOne && lasts(method, args) ? state : null, costUs: (clock.nowMs() - startedMs) * 1000 })
  }
  const work = (slot: number, question: Question, pause: () => void): Result<Made, Failure> => {
    const store = stores()
    if (!store.ok) return store
    slabs.use(slot)
    return store.value.snapshot((snapshot) => make(snapshot, question, pause))
  }
  return {
    query: ({ slot, ...question }) => {
      const pause = pauseOf(init, slot)
      for (;;) {
        const opened = whenOpened(init.shared, pause)
        if (!opened.ok) return opened
        const made = work(slot, question, pause)
        // Opened anew meanwhile: some blocks may have been looked for in vain.
        if (numberOf(init.shared, 'opened') === opened.value) return made
      }
    },
  }
})

/** The number of the store of events as it is open; waits for a capture thread that is being started again. */
function whenOpened(shared: SharedState, pause: () => void): Result<number, Failure> {
  const { clock } = NODE_PLATFORM
  const untilMs = clock.nowMs() + OPENING_MS
  for (;;) {
    const number = numberOf(shared, 'opened')
    if (number % 2 === 0) return ok(number)
    if (clock.nowMs() >= untilMs) return fail(failure('unavailable', 'the store of events is being opened', { hint: 'ask again shortly; `elixir-scope tree` shows whether the capture thread runs' }))
    pause()
    Atomics.wait(NOBODY, 0, 0, LOOK_MS)
  }
}

/** How events were found depends on which files were used lately, too. */
function lasts(method: EventMethod, args: unknown): boolean {
  return !(method === 'query_events' && (args as Args<'query_events'>).explain)
}

function pauseOf({ slots: { givenUp }, config: { query: { timeoutMs } } }: QueryInit, slot: number): () => void {
  const { clock } = NODE_PLATFORM
  const deadlineMs = clock.nowMs() + timeoutMs
  return () => {
    if (Atomics.load(givenUp, slot) === 1) throw new FailureError(failure('timeout', 'nobody waits for the answer any more', { details: { cancelled: true } }))
    if (clock.nowMs() >= deadlineMs) throw new FailureError(failure('timeout', `the question took longer than ${timeoutMs} ms`, { hint: 'ask about a shorter window, or raise query.timeoutMs' }))
  }
}

/** One reader of the slabs for the thread, in the slot of the question it works on: a thread works on one at a time. */
function slabsBySlot(slabs: Slabs): { readonly reader: SlabReader; use(slot: number): void } {
  let reader: SlabReader | undefined
  const current = (): SlabReader => must(reader, 'the slot of a question')
  return {
    use: (slot) => {
      reader = openSlabReader(slabs, slot)
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

/** What clients stated and planned, read again when it has changed: times of files are too coarse to tell. */
function keptReader({ keptPath, shared }: QueryInit): () => Kept | undefined {
  let number: number | undefined
  let kept: Kept | undefined
  return () => {
    const now = numberOf(shared, 'kept')
    if (number !== now || now % 2 !== 0) {
      const read = existsSync(keptPath) ? readKept(readFileSync(keptPath, 'utf8')) : undefined
      kept = read?.ok === true ? read.value : undefined
      number = now
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
