/**
 * What was answered to calls that carry a `request_id`, so that a repeat is answered with the first result and not carried
 * out again. Bounded by count; the oldest answer goes first, calls still under way never do (they are bounded by who
 * makes them). A call is known by its id, method and arguments: the same id for another call is a conflict.
 * Answers that leave open whether anything was done (`busy`, `unavailable`, `timeout`, `internal`), or say to come
 * back later (`insufficient_memory`), are not kept.
 */

import { createHash } from 'node:crypto'

import { type Failure, type FailureCode, failure } from '../base/failure.ts'
import { fail, type Result } from '../base/result.ts'

export type Answer = Result<unknown, Failure>

export type RepeatTable<Caller> = {
  /**
   * What is to be done about a call: `carry_out`, and then `settle`; `wait` for the answer of the first, which `settle`
   * will give to all; or `answer` at once.
   */
  begin(requestId: string, call: string, caller: Caller): { readonly type: 'carry_out' | 'wait' } | { readonly type: 'answer'; readonly answer: Answer }
  /** Everybody who waits for it, the first caller included. */
  settle(requestId: string, answer: Answer): readonly Caller[]
  size(): number
}

type UnderWay<Caller> = { readonly call: string; readonly callers: Caller[] }

const NOT_KEPT: ReadonlySet<FailureCode> = new Set<FailureCode>(['busy', 'unavailable', 'timeout', 'internal', 'insufficient_memory'])

export function createRepeatTable<Caller>(maxAnswers: number): RepeatTable<Caller> {
  const underWay = new Map<string, UnderWay<Caller>>()
  const answered = new Map<string, { readonly call: string; readonly answer: Answer }>()
  return {
    size: () => underWay.size + answered.size,
    begin(requestId, call, caller) {
      const first = underWay.get(requestId) ?? answered.get(requestId)
      if (first === undefined) {
        underWay.set(requestId, { call, callers: [caller] })
        return { type: 'carry_out' }
      }
      if (first.call !== call) return { type: 'answer', answer: fail(usedBefore(requestId)) }
      if ('answer' in first) return { type: 'answer', answer: first.answer }
      first.callers.push(caller)
      return { type: 'wait' }
    },
    settle(requestId, answer) {
      const first = underWay.get(requestId)
      if (first === undefined) return []
      underWay.delete(requestId)
      if (answer.ok || !NOT_KEPT.has(answer.error.code)) answered.set(requestId, { call: first.call, answer })
      for (const oldest of answered.keys()) {
        if (answered.size <= maxAnswers) break
        answered.delete(oldest)
      }
      return first.callers
    },
  }
}

/** Equal for equal calls: what `begin` takes as `call`. Validated arguments have their keys in one order. */
export function fingerprint(method: string, args: unknown): string {
  return createHash('sha256').update(method).update(JSON.stringify(args)).digest('base64')
}

function usedBefore(requestId: string): Failure {
  return failure('conflict', `request_id ${JSON.stringify(requestId)} was used for another call`, {
    hint: 'give each call a request_id of its own; only a repeat of the same call has the same one',
  })
}
