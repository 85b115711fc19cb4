import { expect, test } from 'vitest'
import { createSimulatedClock } from '../../src/base/clock.ts'
import { failure } from '../../src/base/failure.ts'
import { fail, ok } from '../../src/base/result.ts'
import { createTaskSink } from '../../src/project/task-sink.ts'

const gone = [{ kind: 'gone' as const, path: 'a.ex' }]

test('outcomes that come before the task is done', async () => {
  const clock = createSimulatedClock()
  const sink = createTaskSink(clock)
  const given = sink.await(async (task) => {
    sink.take({ task, outcomes: gone })
    return ok(null)
  })
  expect(await given).toEqual(ok(gone))
  expect(clock.nTimers()).toBe(0)
})

test('outcomes that come after it', async () => {
  const sink = createTaskSink(createSimulatedClock())
  const tasks: number[] = []
  const given = sink.await(async (task) => {
    tasks.push(task)
    return ok(null)
  })
  await new Promise((resolve) => setImmediate(resolve))
  sink.take({ task: tasks[0] ?? 0, outcomes: gone })
  expect(await given).toEqual(ok(gone))
})

test('a task that ends without outcomes is a bug of ours, and says so', async () => {
  const clock = createSimulatedClock()
  const given = createTaskSink(clock).await(async () => ok(null))
  await new Promise((resolve) => setImmediate(resolve))
  clock.advance(30_000)
  expect(await given).toMatchObject({ ok: false, error: { code: 'internal' } })
})

test('outcomes of a task that was given up are never taken for those of another', async () => {
  const sink = createTaskSink(createSimulatedClock())
  const tasks: number[] = []
  const given = await sink.await(async (task) => {
    tasks.push(task)
    return fail(failure('timeout', 'too slow'))
  })
  expect(given).toMatchObject({ ok: false, error: { code: 'timeout' } })
  const next = sink.await(async (task) => {
    sink.take({ task: tasks[0] ?? 0, outcomes: gone })
    sink.take({ task, outcomes: [] })
    return ok(null)
  })
  expect(await next).toEqual(ok([]))
})
