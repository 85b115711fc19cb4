/**
 * What was answered to calls that carry a `request_id`, so that a repeat is answered with the first result and not carried
 * out again. Bounded by count; the oldest answer goes first, calls still under way never do (they are bounded by who
 * makes them). A call is known by its id, method and arguments: the same id for another call is a conflict.
 * Answers that leave open whether anything was done (`busy`, `unavailable`, `timeout`, `internal`) are not kept.
 */

import { type Failure, type FailureCode, failure } from '../base/failure.ts'
import { fail, type Result } from '../base/result.ts'

export type Answer = Result<unknown, Failure>

export type RepeatTable = {
  /** The first call's answer when there was one, else that of `run`, which is then remembered. */
  once(requestId: string, call: string, run: () => Answer | Promise<Answer>): Answer | Promise<Answer>
  size(): number
}

type Entry = { readonly call: string; readonly answer: Answer | Promise<Answer> }

const NOT_KEPT: ReadonlySet<FailureCode> = new Set<FailureCode>(['busy', 'unavailable', 'timeout', 'internal'])

/** `call` of `once`: the method and its arguments in a form that is equal for equal calls, e.g. a digest. */
export function createRepeatTable(maxAnswers: number): RepeatTable {
  const underWay = new Map<string, Entry>()
  const answered = new Map<string, Entry>()

  const keep = (requestId: string, call: string, answer: Answer): Answer => {
    underWay.delete(requestId)
    if (!answer.ok && NOT_KEPT.has(answer.error.code)) return answer
    answered.set(requestId, { call, answer })
    for (const oldest of answered.keys()) {
      if (answered.size <= maxAnswers) break
      answered.delete(oldest)
    }
    return answer
  }

  return {
    size: () => underWay.size + answered.size,
    once(requestId, call, run) {
      const first = underWay.get(requestId) ?? answered.get(requestId)
      if (first !== undefined) return first.call === call ? first.answer : fail(usedBefore(requestId))
      const answer = run()
      if (!(answer instanceof Promise)) return keep(requestId, call, answer)
      const kept = answer.then(
        (settled) => keep(requestId, call, settled),
        (error: unknown) => {
          underWay.delete(requestId)
          throw error
        },
      )
      underWay.set(requestId, { call, answer: kept })
      return kept
    },
  }
}

function usedBefore(requestId: string): Failure {
  return failure('conflict', `request_id ${JSON.stringify(requestId)} was used for another call`, {
    hint: 'give each call a request_id of its own; only a repeat of the same call has the same one',
  })
}
