import { expect, test } from 'vitest'
import { failure } from '../../src/base/failure.ts'
import { makeContext } from '../../src/cli/context.ts'
import { untilInterrupted } from '../../src/cli/until-interrupted.ts'
import { makeWorld } from './fake.ts'

test('what is answered as Ctrl-C comes is not taken, and nothing is asked after it', async () => {
  const world = makeWorld({ pauses: 100 })
  const taken: number[] = []
  let asked = 0
  const ask = (): Promise<number> => {
    asked += 1
    if (asked === 3) world.interrupt()
    return Promise.resolve(asked)
  }
  expect(await untilInterrupted(makeContext(world.ports, {}), 10, ask, (answer) => void taken.push(answer))).toEqual({ ok: true, value: 0 })
  expect([taken, asked]).toEqual([[1, 2], 3])
})

test('a failure that is given ends it', async () => {
  const world = makeWorld({ pauses: 100 })
  const ended = await untilInterrupted(makeContext(world.ports, {}), 10, () => Promise.resolve(1), () => failure('busy', 'no'))
  expect(ended).toMatchObject({ ok: false, error: { code: 'busy' } })
})
