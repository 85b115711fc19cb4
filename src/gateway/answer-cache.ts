/**
 * Answers to reads, encoded, of one state of the repository: a lookup that was made before costs a map access. Everything
 * goes with the first question to another state, so nothing here is ever stale; the least recently used go first when the
 * bytes kept grow beyond a budget.
 */

import { EncodedResult } from '../wire/rpc.ts'

export type AnswerCache = {
  /** The answer kept under `key` for this state. */
  find(state: string, key: string): EncodedResult | undefined
  /** Encodes the answer, and keeps it unless it is large. */
  keep(key: string, answer: unknown): EncodedResult
  stats(): { readonly cacheHits: number; readonly cacheMisses: number; readonly cacheBytes: number }
}

const BUDGET_BYTES = 16 << 20
/** A larger answer is a page of a list, seldom asked for twice. */
const MAX_ANSWER_BYTES = 64 << 10

export function createAnswerCache(): AnswerCache {
  const answers = new Map<string, EncodedResult>()
  let stateOfAnswers = ''
  let bytes = 0
  let hits = 0
  let misses = 0
  const forget = (key: string, { bytes: { length } }: EncodedResult): void => {
    answers.delete(key)
    bytes -= length
  }
  return {
    find(state, key) {
      if (state !== stateOfAnswers) {
        answers.clear()
        bytes = 0
        stateOfAnswers = state
      }
      const known = answers.get(key)
      if (known === undefined) {
        misses += 1
        return undefined
      }
      hits += 1
      answers.delete(key)
      answers.set(key, known)
      return known
    },
    keep(key, answer) {
      const encoded = new EncodedResult(answer)
      if (encoded.bytes.length > MAX_ANSWER_BYTES) return encoded
      answers.set(key, encoded)
      bytes += encoded.bytes.length
      for (const [oldest, old] of answers) {
        if (bytes <= BUDGET_BYTES) break
        forget(oldest, old)
      }
      return encoded
    },
    stats: () => ({ cacheHits: hits, cacheMisses: misses, cacheBytes: bytes }),
  }
}
