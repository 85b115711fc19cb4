/** A repeat is answered with the first result; the table stays within its bound. */

import { expect, test } from 'vitest'
import { failure } from '../../src/base/failure.ts'
import { fail, ok } from '../../src/base/result.ts'
import { type Answer, createRepeatTable } from '../../src/wire/repeat-table.ts'

function counter(answer: Answer = ok('done')): { run: () => Answer; runs: () => number } {
  let runs = 0
  return { run: () => (runs++, answer), runs: () => runs }
}

test('a repeat gets the first answer and runs nothing', async () => {
  const table = createRepeatTable(10)
  const first = counter(ok(1))
  expect(await table.once('a', 'call', first.run)).toEqual(ok(1))
  expect(await table.once('a', 'call', first.run)).toEqual(ok(1))
  expect(first.runs()).toBe(1)
})

test('a repeat while the first is under way waits for its answer', async () => {
  const table = createRepeatTable(10)
  const { promise, resolve } = Promise.withResolvers<Answer>()
  const first = table.once('a', 'call', () => promise)
  const second = table.once('a', 'call', () => expect.unreachable('ran twice'))
  resolve(ok(2))
  expect(await Promise.all([first, second])).toEqual([ok(2), ok(2)])
})

test('the same id for another call is a conflict', async () => {
  const table = createRepeatTable(10)
  await table.once('a', 'call', counter().run)
  expect(await table.once('a', 'another', counter().run)).toMatchObject({ ok: false, error: { code: 'conflict' } })
})

test('a refusal that was final is kept, one that leaves it open is not', async () => {
  const table = createRepeatTable(10)
  const refused = counter(fail(failure('conflict', 'no')))
  const busy = counter(fail(failure('busy', 'later')))
  for (let i = 0; i < 2; i++) {
    await table.once('a', 'call', refused.run)
    await table.once('b', 'call', busy.run)
  }
  expect([refused.runs(), busy.runs()]).toEqual([1, 2])
})

test('a call that threw is not remembered', async () => {
  const table = createRepeatTable(10)
  await expect(table.once('a', 'call', () => Promise.reject(new Error('bug')))).rejects.toThrow('bug')
  expect(await table.once('a', 'call', counter().run)).toEqual(ok('done'))
})

test('the oldest answers go first', async () => {
  const table = createRepeatTable(3)
  for (const id of ['a', 'b', 'c', 'd']) await table.once(id, 'call', counter().run)
  const again = counter()
  await table.once('a', 'call', again.run)
  await table.once('d', 'call', again.run)
  expect([again.runs(), table.size()]).toEqual([1, 3])
})
