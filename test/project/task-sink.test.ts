import { expect, test } from 'vitest'
import { failure } from '../../src/base/failure.ts'
import { fail, ok } from '../../src/base/result.ts'
import { createTaskSink } from '../../src/project/task-sink.ts'

const gone = [{ kind: 'gone' as const, path: 'a.ex' }]

test('the outcomes of a task are answered once the task is done', async () => {
  const sink = createTaskSink()
  expect(await sink.await(async (task) => sink.take({ task, outcomes: gone }))).toEqual(ok(gone))
})

test('a task that ends without outcomes is a bug of ours, and says so', async () => {
  expect(await createTaskSink().await(async () => ok(null))).toMatchObject({ ok: false, error: { code: 'internal' } })
})

test('outcomes of a task that was given up are dropped, and never taken for those of another', async () => {
  const sink = createTaskSink()
  const tasks: number[] = []
  const given = await sink.await(async (task) => {
    tasks.push(task)
    return fail(failure('timeout', 'too slow'))
  })
  expect(given).toMatchObject({ ok: false, error: { code: 'timeout' } })
  const next = await sink.await(async (task) => {
    sink.take({ task: tasks[0] ?? 0, outcomes: gone })
    expect(task).not.toBe(tasks[0])
    return ok(null)
  })
  expect(next).toMatchObject({ ok: false, error: { code: 'internal' } })
})
