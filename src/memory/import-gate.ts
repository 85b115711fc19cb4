/**
 * Holds imports while memory does not admit what they bring: asked between their tasks, it answers at once, or when the
 * pressure has gone down, or after MAX_WAIT_MS with `insufficient_memory`, so that nobody waits for ever.
 *
 *   open      the level admits updates from files           a question at critical or above -> waiting
 *   waiting   looks at the level every LOOK_EVERY_MS        admitted, or too long -> open; all who asked get the one answer
 */

import type { Clock } from '../base/clock.ts'
import type { Failure } from '../base/failure.ts'
import { fail, ok, type Result } from '../base/result.ts'
import { admitWrite, insufficientMemory } from './admission.ts'
import { levelOf, type PressureCell } from './pressure-cell.ts'

export const LOOK_EVERY_MS = 250
export const MAX_WAIT_MS = 600_000

export type ImportGate = {
  isOpen(): boolean
  pass(): Promise<Result<null, Failure>>
}

export type ImportGateOptions = {
  readonly cell: PressureCell
  readonly clock: Pick<Clock, 'nowMs' | 'after'>
  readonly onChange: (state: 'waits' | 'goes on') => void
}

export function createImportGate({ cell, clock, onChange }: ImportGateOptions): ImportGate {
  let waiting: Promise<Result<null, Failure>> | undefined
  const isOpen = (): boolean => admitWrite(levelOf(cell), 'sync').type !== 'wait'
  const wait = async (): Promise<Result<null, Failure>> => {
    const untilMs = clock.nowMs() + MAX_WAIT_MS
    onChange('waits')
    while (!isOpen() && clock.nowMs() < untilMs) await new Promise<void>((resolve) => void clock.after(LOOK_EVERY_MS, resolve))
    waiting = undefined
    onChange('goes on')
    return isOpen() ? ok(null) : fail(insufficientMemory(levelOf(cell)))
  }
  return {
    isOpen,
    pass: () => (waiting === undefined && isOpen() ? Promise.resolve(ok(null)) : waiting ??= wait()),
  }
}
