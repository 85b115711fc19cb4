/**
 * Querying.Cache: answers about events, encoded, each found only for the very state that it was made for (`answerState`), so
 * that nothing here is ever stale. What an answer took to make decides whether and how long it is kept. The CacheManager
 * resizes and purges it as it does the gateway's caches; its keys are not saved over a restart.
 *
 * What it keeps is made once for the daemon (`createEventAnswers`), and emptied when the actor is started again. Absent on
 * purpose: what belongs to a state, and who asks for what (the Executor).
 */

import { ok } from '../base/result.ts'
import { cachePolicy } from '../memory/cache-policy.ts'
import { createCache, type Cache, type CacheView } from '../memory/cache.ts'
import { runOnCaches } from '../memory/ports.ts'
import { createStateEpochs, type StateEpochs } from '../memory/state-epochs.ts'
import type { Actor } from '../otp/actor.ts'
import type { CacheBody } from './protocol.ts'

export const EVENT_ANSWERS = 'event answers'

export type EventAnswers = {
  readonly cache: Cache
  readonly view: CacheView<Uint8Array>
  readonly epochs: StateEpochs
  /** False where asking the Cache is in vain: nothing has been kept since everything became as it is. For main to read. */
  readonly mayHold: (state: string) => boolean
}

/** Questions and answers waiting to be looked up or kept; one more is looked for in vain, or not kept. */
const MAX_MAILBOX = 1024

export function createEventAnswers(options: Parameters<typeof createCache>[0]): EventAnswers {
  const cache = createCache(options)
  const epochs = createStateEpochs()
  return { cache, view: cache.view(EVENT_ANSWERS, { sizeOf: ({ length }) => length }), epochs, mayHold: epochs.isLatest }
}

/** `ratio`: what caches may use of their budget at the present memory pressure. */
export function queryCacheActor({ cache, view, epochs }: EventAnswers, ratio: () => number): Actor<null, CacheBody> {
  return {
    mailbox: { capacity: MAX_MAILBOX, overflow: 'shed' },
    init() {
      cache.clear()
      cache.resize(ratio())
      return { type: 'ok', state: null }
    },
    step(state, msg) {
      if (msg.type !== 'call' && msg.type !== 'cast') return [state, []]
      const result = msg.body.type === 'find' || msg.body.type === 'keep' ? answerTo(msg.body) : runOnCaches(cache, () => ok(0), msg.body)
      return [state, msg.type === 'call' ? [{ type: 'reply', to: msg.from, result }] : []]
    },
  }

  function answerTo(body: Extract<CacheBody, { type: 'find' | 'keep' }>) {
    if (body.type === 'find') return ok(epochs.isLatest(body.state) ? view.find(epochs.epochOf(body.state), body.key) ?? null : null)
    const policy = cachePolicy(body.costUs)
    if (policy.keep !== 'not') view.keep(epochs.epochOf(body.state), body.key, body.bytes, { ttlMs: policy.ttlMs })
    return ok(null)
  }
}
