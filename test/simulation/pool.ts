/**
 * A pool of threads in a simulated world: tasks take their time, threads die under them, more than it has room for is
 * answered `busy`. What is modelled is what callers and the supervisor see of `src/otp/node/pool-child.ts`.
 */

import type { MessagePort } from 'node:worker_threads'

import { failure } from '../../src/base/failure.ts'
import type { Failure } from '../../src/base/failure.ts'
import { fail, ok } from '../../src/base/result.ts'
import type { Result } from '../../src/base/result.ts'
import { calleeUnavailable } from '../../src/otp/channel.ts'
import { KILLED } from '../../src/otp/exit-reason.ts'
import type { ExitReason } from '../../src/otp/exit-reason.ts'
import type { RunningPool } from '../../src/otp/node/pool-child.ts'
import type { PoolArgs } from '../../src/otp/node/tree.ts'
import type { PoolStart } from '../../src/otp/node/tree-spec.ts'
import type { Platform } from '../../src/otp/node/platform.ts'
import type { StartContext } from '../../src/otp/starter.ts'
import type { Random } from './random.ts'

export type PoolTrap = 'a thread dies' | 'a task is slow' | 'the pool ends'

export type PoolWorld = { readonly random: Random; readonly platform: Platform; takeTrap(): PoolTrap | undefined; /** What a task comes to. */ outcome(): unknown }

type Task = { readonly settle: (result: Result<unknown, Failure>) => void }

const SLOW_MS = 20_000

export function startPool(start: PoolStart, context: StartContext, { random, platform, takeTrap, outcome }: PoolWorld): RunningPool {
  const limit = start.size + (start.overflow ?? 0) + start.maxQueue
  const tasks = new Set<Task>()
  let ended = false

  const end = (reason: ExitReason): void => {
    if (ended) return
    ended = true
    for (const { settle } of tasks) settle(fail(calleeUnavailable(context.id, 'it ended')))
    context.report({ type: 'exit', reason })
  }
  const attempt = (task: Task): void => {
    const trap = takeTrap()
    if (trap === 'the pool ends') return end({ kind: 'exit_code', code: 1 })
    if (trap === 'a thread dies') {
      context.report({ type: 'fault', reason: { kind: 'exit_code', code: 1 } })
      return task.settle(fail(calleeUnavailable(context.id, 'its thread died')))
    }
    context.clock.after(trap === 'a task is slow' ? SLOW_MS : random.below(20), () => {
      task.settle(ok(outcome()))
    })
  }
  const run: RunningPool['run'] = (_method, given) => {
    if (ended) return Promise.resolve(fail(calleeUnavailable(context.id, 'it ended')))
    if (tasks.size >= limit) return Promise.resolve(fail(failure('busy', `${context.id} has ${limit} tasks`)))
    const made = typeof given === 'function' ? (given as PoolArgs<unknown>)() : ok({ args: given, transfer: [] })
    if (!made.ok) return Promise.resolve(made)
    return new Promise((resolve) => {
      const task: Task = {
        settle(result) {
          if (!tasks.delete(task)) return
          tellSink(platform, made.value.args, result.ok)
          resolve(result)
        },
      }
      tasks.add(task)
      attempt(task)
    })
  }
  context.report({ type: 'started' })
  return {
    run,
    stop: (reason) => end(reason),
    kill: () => end(KILLED),
    info: () => ({}),
    stats: () => ({ nThreads: 0, nRunning: tasks.size, nDone: 0, nDeaths: 0, lanes: {}, quarantined: [] }),
  } as Partial<RunningPool> as RunningPool
}

/** The outcomes of a parse task go straight to whoever wants them, before the task ends. A thread that dies takes the port with it. */
function tellSink(platform: Platform, args: unknown, isDone: boolean): void {
  const { sink, task } = (args ?? {}) as { readonly sink?: MessagePort; readonly task?: number }
  if (sink === undefined) return
  const port = platform.portOf(sink)
  if (isDone) port.post(['cast', 'take', { task, outcomes: [] }])
  port.close()
}
