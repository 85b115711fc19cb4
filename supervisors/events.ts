/**
 * Questions about events as main has them answered: by a thread of the query pool, which reads the resident blocks in a slot
 * that is its own for as long as the question lasts. Main alone knows when that is over, also where the thread has died.
 */

import type { Config } from '../config/schema.ts'
import { failure } from '../src/base/failure.ts'
import { fail, ok } from '../src/base/result.ts'
import { createSlabs, releaseReader, type Slabs } from '../src/event/slabs.ts'
import type { Tree } from '../src/otp/node/tree.ts'
import type { AnyService } from '../src/otp/service.ts'
import type { QueryCalls, QueryTasks } from '../workers/calls.ts'

/** Questions under way at a time, as many as the gateway may have. */
const MAX_QUESTIONS = 64

export function slabsFor({ capture }: Config): Slabs {
  return createSlabs(capture.residentBlocks, MAX_QUESTIONS)
}

export function eventsService(tree: () => Tree, slabs: Slabs): AnyService {
  const free = Array.from({ length: MAX_QUESTIONS }, (_, idx) => idx)
  return {
    calls: {
      query: async ({ method, args }: QueryCalls['query']['args']) => {
        const slot = free.pop()
        if (slot === undefined) return fail(failure('busy', `${MAX_QUESTIONS} questions about events are under way`, { hint: 'ask again shortly' }))
        try {
          return await tree().pool<QueryTasks>('query').run('query', () => {
            // An earlier try may have ended with its thread.
            releaseReader(slabs, slot)
            return ok({ args: { slot, method, args }, transfer: [] })
          }, { lane: 'query' })
        } finally {
          releaseReader(slabs, slot)
          free.push(slot)
        }
      },
    },
  }
}
