/**
 * What the capture thread stores for clients, as a session like that of an agent, and the answers to requests that may be
 * repeated. These are kept in memory: a request that is repeated over a restart of the thread is carried out again.
 */

import { LRUCache } from 'lru-cache'

export type OwnSession = {
  /** 32 hex digits, unique for this life of the thread. */
  readonly name: string
  /** When it began: pids of an earlier life are others. */
  readonly startNs: bigint
  /** The number of its next batch. */
  nextNo(): number
  answerTo(requestId: string): unknown
  keepAnswer(requestId: string, answer: object): void
}

const MAX_ANSWERS = 10_000

export function openOwnSession(name: string, startNs: bigint): OwnSession {
  const answers = new LRUCache<string, object>({ max: MAX_ANSWERS })
  let no = 0
  return {
    name, startNs,
    nextNo: () => {
      no += 1
      return no
    },
    answerTo: (requestId) => answers.get(requestId),
    keepAnswer: (requestId, answer) => void answers.set(requestId, answer),
  }
}
