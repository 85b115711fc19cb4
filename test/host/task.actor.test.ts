/** A task under a simulated clock: what its callers hear, what its port is told, when it ends. */

import { expect, test } from 'vitest'
import { createSimulatedClock } from '../../src/base/clock.ts'
import { failure, type Failure } from '../../src/base/failure.ts'
import { fail, ok, type Result } from '../../src/base/result.ts'
import { KEPT_MS, taskActor, type TaskOperation } from '../../src/host/task.actor.ts'
import { createActorSystem } from '../../src/otp/actor-system.ts'
import { formatReason, SHUTDOWN } from '../../src/otp/exit-reason.ts'

const DEADLINE_MS = 1000

function begin() {
  const clock = createSimulatedClock()
  const told: string[] = []
  const heard: string[] = []
  let finish: (result: Result<unknown, Failure>) => void = () => undefined
  const system = createActorSystem({
    clock, log: () => undefined, defer: () => undefined,
    ports: {
      work: (operation, done) => {
        const { type, id } = operation as TaskOperation
        told.push(`${type} ${id}`)
        if (type === 'begin') finish = done
        else done(ok(null))
      },
    },
  })
  const note = (text: string): void => void heard.push(text)
  const spawned = system.spawn({
    actor: taskActor('work'), args: { id: 'x', operation: 'dig', deadlineMs: DEADLINE_MS }, name: 'task',
    onExit: (reason) => note(formatReason(reason)),
  })
  const run = async (): Promise<void> => {
    while (system.runReady(100) > 0);
    await Promise.resolve()
  }
  return {
    clock, told, heard, system, pid: spawned.type === 'ok' ? spawned.pid : -1,
    ask: (body: 'await' | 'cancel', timeoutMs = 100) => void system.call('task', body, timeoutMs).then((result) => note(result.ok ? JSON.stringify(result.value) : result.error.code)),
    finish: (result: Result<unknown, Failure>) => finish(result),
    async advance(ms: number) {
      await run()
      clock.advance(ms)
      await run()
    },
  }
}

test('whoever waits is answered when it is done, whoever comes later at once; then it ends', async () => {
  const task = begin()
  task.ask('await')
  await task.advance(10)
  expect([task.told, task.heard]).toEqual([['begin x'], []])
  task.finish(ok('gold'))
  await task.advance(0)
  task.ask('await')
  await task.advance(KEPT_MS - 1)
  expect(task.heard).toEqual(['{"ok":true,"value":"gold"}', '{"ok":true,"value":"gold"}'])
  await task.advance(1)
  expect(task.heard.slice(2)).toEqual(['normal'])
  expect(task.told).toEqual(['begin x'])
})

test('a caller whose time is up learns that it is under way, and may ask again', async () => {
  const task = begin()
  task.ask('await')
  await task.advance(101)
  task.ask('await')
  task.finish(fail(failure('busy', 'somebody digs already')))
  await task.advance(0)
  expect(task.heard).toEqual(['timeout', '{"ok":false,"error":{"code":"busy","message":"somebody digs already"}}'])
})

test('cancelled: the port is told, and its answer is the outcome', async () => {
  const task = begin()
  task.ask('await')
  task.ask('cancel')
  await task.advance(0)
  expect([task.told, task.heard]).toEqual([['begin x', 'cancel x'], ['null']])
  task.finish(fail(failure('timeout', 'cancelled')))
  await task.advance(0)
  task.ask('cancel')
  await task.advance(0)
  expect(task.heard.slice(1)).toEqual(['{"ok":false,"error":{"code":"timeout","message":"cancelled"}}', 'null'])
  expect(task.told).toHaveLength(2)
})

test('past its deadline the port is told to cancel, and what it answers then counts no more', async () => {
  const task = begin()
  task.ask('await', DEADLINE_MS + 1)
  await task.advance(DEADLINE_MS)
  expect(task.told).toEqual(['begin x', 'cancel x'])
  task.finish(ok('too late'))
  task.ask('await')
  await task.advance(0)
  expect(task.heard.map((text) => text.includes('"code":"timeout"'))).toEqual([true, true])
})

test('ended by its supervisor, it has the work cancelled', async () => {
  const task = begin()
  task.system.stop(task.pid, SHUTDOWN)
  expect([task.told, task.heard]).toEqual([['begin x', 'cancel x'], ['shutdown']])
  task.finish(ok(null))
  await task.advance(KEPT_MS)
  expect(task.heard).toHaveLength(1)
})
