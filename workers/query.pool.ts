/**
 * Questions about events: each is answered by one thread of this pool from the blocks, resident ones in shared memory and sealed
 * ones in their files, and a snapshot of the repository. Main gives each question a slot among the readers of the slabs, and
 * takes it back when the question is settled, whatever became of the thread.
 */

import { readFileSync, statSync } from 'node:fs'
import type { Config } from '../config/schema.ts'
import { failure, FailureError } from '../src/base/failure.ts'
import { fail, ok } from '../src/base/result.ts'
import { readKept, type Kept } from '../src/capture/kept.ts'
import { answer } from '../src/engine/answer.ts'
import type { RuntimeContext } from '../src/engine/runtime/context.ts'
import type { EventHandler } from '../src/engine/runtime/read-events.ts'
import { RUNTIME_READS } from '../src/engine/runtime/reads.ts'
import { realDisk } from '../src/event/disk.ts'
import { openEventReader } from '../src/event/event-reader.ts'
import { createNameIndexes } from '../src/event/query/name-index.ts'
import { openSlabReader, type Slabs } from '../src/event/slabs.ts'
import { NODE_PLATFORM } from '../src/otp/node/platform.ts'
import { poolTasks } from '../src/otp/node/run-pool.ts'
import { openReader } from '../src/store/reader.ts'
import type { EventMethod } from '../src/wire/methods.ts'
import type { QueryTasks } from './calls.ts'
import { isVerified, pendingFiles, type SharedState } from './shared-state.ts'

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
/** Of indexes of the names in blocks, in each thread. */
const NAMES_BYTES = 32 << 20
const WARM_MS = 3_600_000
const SLICE_ROWS = 262_144

export default poolTasks<QueryTasks, QueryInit>((init) => {
  const { clock } = NODE_PLATFORM
  const shared = { names: createNameIndexes(NAMES_BYTES), linkLists: new Map(), openOrder: { number: 0, nRows: 0, order: null }, sliceRows: SLICE_ROWS }
  const slots = new Map<number, ReturnType<typeof slotOf>>()
  const statedOf = keptReader(init.keptPath)
  return {
    query: ({ slot, method, args }) => {
      const store = openReader({ path: init.storePath, now: clock.wallMs })
      if (!store.ok) return store
      const own = slots.get(slot) ?? slotOf(init, slot, clock.wallMs)
      slots.set(slot, own)
      const deadlineMs = clock.nowMs() + init.config.query.timeoutMs
      const pause = (): void => {
        if (clock.nowMs() >= deadlineMs) throw new FailureError(failure('timeout', `the question took longer than ${init.config.query.timeoutMs} ms`, { hint: 'ask about a shorter window, or raise query.timeoutMs' }))
      }
      own.slabs.enter()
      try {
        return store.value.snapshot((snapshot) => {
          const verified = isVerified(init.shared)
          const stale = pendingFiles(init.shared) > 0
          const context: RuntimeContext = { queries: { ...shared, blocks: own.events.blocks() }, snapshot, verified, stale, statedOf, pause }
          const handler = RUNTIME_READS[method]
          if (handler === undefined) return fail(failure('unsupported', `${method} is not answered by this daemon`))
          const done = (handler as EventHandler<EventMethod>)(context, args as never)
          const { epoch, writtenAt, importState, unreadableFiles } = snapshot
          return done.ok ? ok(answer(done.value, { epoch, writtenAt, importState, unreadableFiles, verified, stale })) : done
        })
      } finally {
        own.slabs.leave()
        store.value.close()
      }
    },
  }
})

function slotOf({ slabs, eventsPath }: QueryInit, slot: number, nowMs: () => number) {
  const reader = openSlabReader(slabs, slot)
  return { slabs: reader, events: openEventReader({ directory: eventsPath, slabs: reader, disk: realDisk, nowMs, cacheBytes: CACHE_BYTES, warmMs: WARM_MS }) }
}

/** What clients stated, read again when its file has changed. */
function keptReader(path: string): RuntimeContext['statedOf'] {
  let mtimeMs = -1
  let stated: Kept['stated'] = {}
  return (of) => {
    const stat = statSync(path, { throwIfNoEntry: false })
    if (stat !== undefined && stat.mtimeMs !== mtimeMs) {
      const kept = readKept(readFileSync(path, 'utf8'))
      stated = kept.ok ? kept.value.stated : {}
      ;({ mtimeMs } = stat)
    }
    return stated[of] ?? {}
  }
}
