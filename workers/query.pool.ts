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
import { openLearnt, queriesOn } from '../src/event/query/scan.ts'
import { openSlabReader, type SlabReader, type Slabs } from '../src/event/slabs.ts'
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
const WARM_MS = 3_600_000

export default poolTasks<QueryTasks, QueryInit>((init) => {
  const { clock } = NODE_PLATFORM
  const learnt = openLearnt()
  const slabs = slabsBySlot(init.slabs)
  const events = openEventReader({ directory: init.eventsPath, slabs: slabs.reader, disk: realDisk, nowMs: clock.wallMs, cacheBytes: CACHE_BYTES, warmMs: WARM_MS })
  const statedOf = keptReader(init.keptPath)
  return {
    query: ({ slot, method, args }) => {
      const store = openReader({ path: init.storePath, now: clock.wallMs })
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
          const context: RuntimeContext = { queries: queriesOn(events.blocks(), learnt), snapshot, verified, stale, statedOf, pause }
          const handler = RUNTIME_READS[method]
          if (handler === undefined) return fail(failure('unsupported', `${method} is not answered by this daemon`))
          const done = (handler as EventHandler<EventMethod>)(context, args as never)
          const { epoch, writtenAt, importState, unreadableFiles } = snapshot
          return done.ok ? ok(answer(done.value, { epoch, writtenAt, importState, unreadableFiles, verified, stale })) : done
        })
      } finally {
        slabs.reader.leave()
        store.value.close()
      }
    },
  }
})

/** One reader of the slabs for the thread, in the slot of the question it works on: a thread works on one at a time. */
function slabsBySlot(slabs: Slabs): { readonly reader: SlabReader; enterAt(slot: number): void } {
  let current = openSlabReader(slabs, 0)
  return {
    enterAt: (slot) => {
      current = openSlabReader(slabs, slot)
      current.enter()
    },
    reader: { enter: () => current.enter(), leave: () => current.leave(), find: (number) => current.find(number), resident: () => current.resident() },
  }
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
