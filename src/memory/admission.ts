/**
 * The question before every write: may it go ahead at this level? The three kinds of writer differ in what they can bear.
 * A client can be told to come back. What the synchroniser knows must not be lost, so it waits and goes on
 * when there is room again, and answers are not `verified` meanwhile. Events are shed before they are acknowledged, and the gap is counted.
 * A write under mere warning goes ahead and asks for cleaning.
 */

import type { Failure } from '../base/failure.ts'
import { failure } from '../base/failure.ts'
import { LEVEL_POLICIES } from './levels.ts'
import type { PressureLevel } from './levels.ts'

export type WriteOrigin = 'client' | 'sync' | 'events'

export type Admission =
  | { readonly type: 'accept' }
  /** Accept, and tell the pressure handler `cleanup_wanted`. */
  | { readonly type: 'accept_and_clean' }
  | { readonly type: 'refuse'; readonly failure: Failure }
  | { readonly type: 'wait' }
  | { readonly type: 'shed' }

export function admitWrite(level: PressureLevel, origin: WriteOrigin): Admission {
  const policy = LEVEL_POLICIES[level]
  if (origin === 'client' && policy.clientWrites === 'refused') {
    return { type: 'refuse', failure: insufficientMemory(level) }
  }
  if (origin === 'sync' && policy.syncUpdates === 'wait') return { type: 'wait' }
  if (origin === 'events' && policy.events === 'shed') return { type: 'shed' }
  return { type: policy.cleanup === undefined ? 'accept' : 'accept_and_clean' }
}

export function insufficientMemory(level: PressureLevel): Failure {
  return failure('insufficient_memory', `memory pressure is ${level}, so nothing is stored`, {
    hint: 'try again when the pressure has gone down, or raise memory.maxBytes', details: { pressure: level },
  })
}
