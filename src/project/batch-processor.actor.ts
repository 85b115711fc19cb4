/**
 * Parsing.BatchProcessor: brings the store in step with the files, one import at a time, and ends when nothing is left to
 * do. It is transient: an orderly end stays an end until somebody wants an import again; a life that was cut short, and a
 * store that says `interrupted`, are followed by another import without being asked.
 *
 *   looking    asks the queue what is wanted   a mode -> importing      nothing -> ends `normal`
 *   importing  the import runs                 done -> looking          `unavailable` -> pausing      other failures -> looking
 *   pausing    what it needs is restarting     timer -> importing again, at most MAX_ATTEMPTS times in a row
 */

import { NORMAL } from '../otp/exit-reason.ts'
import type { Actor, ActorEffect, ActorMsg, Stepped } from '../otp/actor.ts'
import type { ImportMode } from './import-project.ts'

export const BATCH_PROCESSOR = 'ElixirScope.AST.Parsing.BatchProcessor'

/** ImportOperation -> see there. */
export const IMPORTS_PORT = 'imports'

export type ImportOperation =
  /** -> ImportMode, or undefined when nothing is wanted. `resume`: an import that was interrupted is wanted, too. */
  | { readonly type: 'next'; readonly resume: boolean }
  /** -> ImportResult, which those who wanted it are given as well. */
  | { readonly type: 'import'; readonly mode: ImportMode }

export type BatchProcessorState = { readonly mode: ImportMode | undefined; readonly nFailed: number }

export const MAX_ATTEMPTS = 6
export const FIRST_PAUSE_MS = 250

const NEXT = 'next'
const IMPORTED = 'imported'
const PAUSE = 'pause'

export const batchProcessorActor: Actor<BatchProcessorState, never> = {
  mailbox: { capacity: 1, overflow: 'shed' },
  init: () => ({ type: 'ok', state: { mode: undefined, nFailed: 0 }, effects: [look(true)] }),
  step(state, msg) {
    if (msg.type === 'timer' && state.mode !== undefined) return [state, [importing(state.mode)]]
    if (msg.type !== 'answer') return [state, []]
    return msg.tag === NEXT ? onNext(state, msg) : onImported(state, msg)
  },
}

type Answer = Extract<ActorMsg<never>, { type: 'answer' }>

function onNext(state: BatchProcessorState, { result }: Answer): Stepped<BatchProcessorState> {
  const mode = result.ok ? (result.value as ImportMode | undefined) : undefined
  if (mode === undefined) return [state, [{ type: 'stop', reason: NORMAL }]]
  return [{ mode, nFailed: 0 }, [importing(mode)]]
}

function onImported(state: BatchProcessorState, { result }: Answer): Stepped<BatchProcessorState> {
  const nFailed = state.nFailed + 1
  if (result.ok || result.error.code !== 'unavailable' || nFailed >= MAX_ATTEMPTS) return [{ mode: undefined, nFailed: 0 }, [look(false)]]
  return [{ ...state, nFailed }, [{ type: 'after', name: PAUSE, ms: FIRST_PAUSE_MS * 2 ** (nFailed - 1) }]]
}

function look(resume: boolean): ActorEffect {
  return { type: 'run', port: IMPORTS_PORT, operation: { type: 'next', resume } satisfies ImportOperation, tag: NEXT }
}

function importing(mode: ImportMode): ActorEffect {
  return { type: 'run', port: IMPORTS_PORT, operation: { type: 'import', mode } satisfies ImportOperation, tag: IMPORTED }
}
