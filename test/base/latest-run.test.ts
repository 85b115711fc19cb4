import { expect, test } from 'vitest'
import { latestRun } from '../../src/base/latest-run.ts'

function controlled() {
  const started: { wish: number; finish: PromiseWithResolvers<string> }[] = []
  const runs = latestRun<number, string>((wish) => {
    const finish = Promise.withResolvers<string>()
    started.push({ wish, finish })
    return finish.promise
  }, Math.max)
  return { runs, started }
}

test('requests during a run share the next one, with the strongest wish', async () => {
  const { runs, started } = controlled()
  const first = runs.request(1)
  const second = runs.request(2)
  const third = runs.request(7)
  const fourth = runs.request(3)
  expect(started.map(({ wish }) => wish)).toEqual([1])
  started[0]?.finish.resolve('one')
  expect(await first).toBe('one')
  await Promise.resolve()
  expect(started.map(({ wish }) => wish)).toEqual([1, 7])
  started[1]?.finish.resolve('two')
  expect(await Promise.all([second, third, fourth])).toEqual(['two', 'two', 'two'])
  expect(runs.running()).toBe(false)
})

test('a run that fails fails its own requests, and the next one runs', async () => {
  const { runs, started } = controlled()
  const first = runs.request(1)
  const second = runs.request(2)
  started[0]?.finish.reject(new Error('broken'))
  await expect(first).rejects.toThrow('broken')
  await Promise.resolve()
  started[1]?.finish.resolve('fine')
  expect(await second).toBe('fine')
})
