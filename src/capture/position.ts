/**
 * Where the thread's own batches land, and the answers to requests that may be repeated. Answers are kept in memory: a
 * request that is repeated over a restart of the thread is carried out again.
 */

import { LRUCache } from 'lru-cache'
import { counts } from '../event/block.ts'
import type { SlabReader } from '../event/slabs.ts'

export type EventPosition = {
  /** The number of the next batch of this thread's session. */
  nextNo(): number
  /** The open block and its rows, after a batch was appended. */
  last(): { readonly block: number; readonly nRows: number }
  answerTo(requestId: string): unknown
  keepAnswer(requestId: string, answer: object): void
}

const MAX_ANSWERS = 10_000

export function createPosition(slabs: SlabReader): EventPosition {
  const answers = new LRUCache<string, object>({ max: MAX_ANSWERS })
  let no = 0
  return {
    nextNo: () => {
      no += 1
      return no
    },
    last: () => {
      slabs.enter()
      try {
        const block = Math.max(0, ...slabs.resident())
        const open = slabs.find(block)
        return { block, nRows: open === undefined ? 0 : counts(open).rows }
      } finally {
        slabs.leave()
      }
    },
    answerTo: (requestId) => answers.get(requestId),
    keepAnswer: (requestId, answer) => void answers.set(requestId, answer),
  }
}
