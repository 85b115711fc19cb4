/** One-off tasks as clients ask for them: children of TaskSupervisor, begun, waited for and cancelled by the id of the task. */

import { randomUUID } from 'node:crypto'
import { failure, type Failure } from '../src/base/failure.ts'
import { fail, ok, type Result } from '../src/base/result.ts'
import { profileDeadlineMs, unknownThread } from '../src/host/profiler.ts'
import { taskName, type TaskArgs, type TaskBody, type TaskOutcome } from '../src/host/task.actor.ts'
import type { Tree } from '../src/otp/node/tree.ts'
import type { NodeSpec } from '../src/otp/node/tree-spec.ts'
import type { Args, Reply } from '../src/wire/methods.ts'
import type { TakenProfile } from '../src/wire/records.ts'
import { TASK_SUPERVISOR } from './placement.ts'
import { startDynamic } from './supervisor-calls.ts'

type TaskMethod = 'profile' | 'task.await' | 'task.cancel'
type TaskCalls = { readonly [M in TaskMethod]: (args: Args<M>) => Promise<Result<Reply<M>, Failure>> }

const CANCEL_MS = 5000

export function taskCalls(supervised: () => { readonly tree: Tree; readonly root: NodeSpec }): TaskCalls {
  const call = (id: string, body: TaskBody, timeoutMs: number): Promise<Result<unknown, Failure>> => supervised().tree.actors.call(taskName(id), body, timeoutMs)
  return {
    profile: async ({ kind, thread, seconds, request_id: id = randomUUID() }) => {
      const { profiled } = supervised().tree
      if (!profiled.has(thread)) return fail(unknownThread(thread, profiled))
      const order = { kind, thread, seconds }
      const started = await startDynamic(supervised(), TASK_SUPERVISOR, { id, operation: order, deadlineMs: profileDeadlineMs(order) } satisfies TaskArgs)
      // A repeated request finds its task under way.
      return started.ok || started.error.details?.['error'] === 'start_failed' ? ok({ task: id }) : started
    },
    'task.await': async ({ task, wait_ms: waitMs }) => {
      const answered = await call(task, 'await', waitMs)
      if (!answered.ok) return answered.error.code === 'timeout' ? ok({ state: 'running', profile: null }) : fail(asMissing(task, answered.error))
      const outcome = answered.value as TaskOutcome
      return outcome.ok ? ok({ state: 'done', profile: outcome.value as TakenProfile }) : outcome
    },
    'task.cancel': async ({ task }) => {
      const answered = await call(task, 'cancel', CANCEL_MS)
      return answered.ok ? ok({ ok: true }) : fail(asMissing(task, answered.error))
    },
  }
}

function asMissing(task: string, error: Failure): Failure {
  if (error.code !== 'unavailable') return error
  return failure('not_found', `there is no task ${JSON.stringify(task)}`, { hint: 'what became of a task is kept for a minute' })
}
