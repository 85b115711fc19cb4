/**
 * The question before every write: may it go ahead at this level? The three kinds of writer differ in what they can bear.
 * A client can be told to come back. What the synchroniser knows must not be lost, so it waits and is retried on the way
 * down, and answers say `stale` meanwhile. Events are shed before they are acknowledged, and the gap is counted.
 * A write under mere warning goes ahead and asks for cleaning.
 */

import type { Failure } from '../base/failure.ts'
import { failure } from '../base/failure.ts'
import { LEVEL_POLICIES } from './levels.ts'
import type { PressureLevel } from './levels.ts'

export type WriteOrigin = 'client' | 'sync' | 'events'

export type WriteMetric = 'stored' | 'stored_with_pressure' | 'storage_rejected' | 'update_waits' | 'events_shed'

export type Admission =
  | { readonly type: 'accept'; readonly metric: WriteMetric }
  /** Accept, and tell the pressure handler `cleanup_wanted`. */
  | { readonly type: 'accept_and_clean'; readonly metric: WriteMetric }
  | { readonly type: 'refuse'; readonly metric: WriteMetric; readonly failure: Failure }
  | { readonly type: 'wait'; readonly metric: WriteMetric }
  | { readonly type: 'shed'; readonly metric: WriteMetric }

export function admitWrite(level: PressureLevel, origin: WriteOrigin): Admission {
  const policy = LEVEL_POLICIES[level]
  if (origin === 'client' && policy.clientWrites === 'refused') {
    return { type: 'refuse', metric: 'storage_rejected', failure: insufficientMemory(level) }
  }
  if (origin === 'sync' && policy.syncUpdates === 'wait') return { type: 'wait', metric: 'update_waits' }
  if (origin === 'events' && policy.events === 'shed') return { type: 'shed', metric: 'events_shed' }
  if (policy.cleanup === undefined) return { type: 'accept', metric: 'stored' }
  return { type: 'accept_and_clean', metric: 'stored_with_pressure' }
}

/** True when files may have changed without the repository having been allowed to follow. */
export function areAnswersStale(level: PressureLevel, nWaitingUpdates: number): boolean {
  return nWaitingUpdates > 0 && LEVEL_POLICIES[level].syncUpdates === 'wait'
}

function insufficientMemory(level: PressureLevel): Failure {
  return failure('busy', `insufficient memory: the pressure is ${level}, so writes are refused`, {
    hint: 'try again when the pressure has gone down, or raise memory.maxBytes',
    details: { reason: 'insufficient_memory', pressure: level },
  })
}
