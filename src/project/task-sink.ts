/**
 * Where the outcomes of parse tasks arrive: they come straight from the parser thread, word of the task's end comes by way of
 * main, in either order. What comes for a task that was given up is dropped.
 */

import type { Clock } from '../base/clock.ts'
import { failure, type Failure } from '../base/failure.ts'
import { fail, ok, type Result } from '../base/result.ts'
import type { FileOutcome } from './parse-files.ts'

type Outcomes = Result<readonly FileOutcome[], Failure>

export type TaskSink = {
  /** Called by the parser thread, with the number that its task was given. */
  readonly take: (args: { readonly task: number; readonly outcomes: readonly FileOutcome[] }) => void
  /** Gives a task out under a number of its own, and answers what came for it. */
  readonly await: (give: (task: number) => Promise<Result<null, Failure>>) => Promise<Outcomes>
}

/** A parser thread sends outcomes before it says that it is done: they can be late by what this thread was busy with. */
const LATE_MS = 30_000

export function createTaskSink(clock: Clock): TaskSink {
  const expected = new Map<number, (outcomes: Outcomes) => void>()
  let lastTask = 0
  return {
    take({ task, outcomes }) {
      expected.get(task)?.(ok(outcomes))
    },
    async await(give) {
      lastTask += 1
      const task = lastTask
      const arrived = Promise.withResolvers<Outcomes>()
      expected.set(task, arrived.resolve)
      const done = await give(task)
      if (!done.ok) arrived.resolve(done)
      const late = clock.after(LATE_MS, () => arrived.resolve(fail(failure('internal', 'a parse task ended without its outcomes'))))
      const outcomes = await arrived.promise
      late.cancel()
      expected.delete(task)
      return outcomes
    },
  }
}
