/**
 * Where the outcomes of parse tasks wait until the task is known to be done: they come straight from the parser thread,
 * word of the task's end comes by way of main. What comes for a task that was given up is dropped.
 */

import { failure, type Failure } from '../base/failure.ts'
import { fail, ok, type Result } from '../base/result.ts'
import type { FileOutcome } from './parse-files.ts'

export type TaskSink = {
  /** Called by the parser thread, with the number that its task was given. */
  readonly take: (args: { readonly task: number; readonly outcomes: readonly FileOutcome[] }) => Result<null, Failure>
  /** Gives a task out under a number of its own, and answers what came back for it. */
  readonly await: (give: (task: number) => Promise<Result<null, Failure>>) => Promise<Result<readonly FileOutcome[], Failure>>
}

export function createTaskSink(): TaskSink {
  const arrived = new Map<number, readonly FileOutcome[] | undefined>()
  let lastTask = 0
  return {
    take({ task, outcomes }) {
      if (arrived.has(task)) arrived.set(task, outcomes)
      return ok(null)
    },
    async await(give) {
      lastTask += 1
      const task = lastTask
      arrived.set(task, undefined)
      const done = await give(task)
      const outcomes = arrived.get(task)
      arrived.delete(task)
      if (!done.ok) return done
      return outcomes === undefined ? fail(failure('internal', 'a parse task ended without its outcomes')) : ok(outcomes)
    },
  }
}
