/** Core under a simulated scheduler: what is admitted, and who is answered what. */

import { expect, test } from 'vitest'
import { createSimulatedClock } from '../../src/base/clock.ts'
import { failure, type Failure } from '../../src/base/failure.ts'
import { fail, ok, type Result } from '../../src/base/result.ts'
import { CORE, coreActor, STORE_PORT, type CoreBody, type StoreOperation } from '../../src/engine/core.actor.ts'
import { createActorSystem } from '../../src/otp/actor-system.ts'

type Carried = { readonly operation: StoreOperation; readonly done: (result: Result<unknown, Failure>) => void }

function createWorld(admit: () => Failure | undefined = () => undefined) {
  const clock = createSimulatedClock()
  const carried: Carried[] = []
  const system = createActorSystem({
    clock, log: () => undefined, defer: () => undefined,
    ports: { [STORE_PORT]: (operation, done) => void carried.push({ operation: operation as StoreOperation, done }) },
  })
  const spawned = system.spawn({ actor: coreActor(admit), name: CORE })
  if (spawned.type !== 'ok') throw new Error('Core did not start')
  return {
    carried, pid: spawned.pid, system,
    write(name: string): Promise<Result<unknown, Failure>> {
      const body: CoreBody = { method: 'cleanup_module', args: { module_name: name } }
      const answer = system.call(CORE, body)
      system.runReady(100)
      return answer
    },
    settle(at: number, result: Result<unknown, Failure>): void {
      carried[at]?.done(result)
      system.runReady(100)
    },
  }
}

test('a write is carried out by the store and answered with what it answers', async () => {
  const world = createWorld()
  const answer = world.write('A')
  expect(world.carried.map(({ operation }) => operation.args)).toEqual([{ module_name: 'A' }])
  world.settle(0, ok(1))
  expect(await answer).toEqual(ok(1))
})

test('what memory does not admit is refused and not carried out', async () => {
  let refusal: Failure | undefined = failure('busy', 'no memory')
  const world = createWorld(() => refusal)
  expect(await world.write('A')).toEqual(fail(refusal))
  expect(world.carried).toEqual([])
  refusal = undefined
  const answer = world.write('A')
  world.settle(0, ok('done'))
  expect(await answer).toEqual(ok('done'))
})

test('callers of several writes under way each get the answer to their own', async () => {
  const world = createWorld()
  const answers = [world.write('A'), world.write('B')]
  world.settle(1, ok('B'))
  world.settle(0, fail(failure('conflict', 'A')))
  expect(await Promise.all(answers)).toEqual([fail(failure('conflict', 'A')), ok('B')])
})

test('callers are told when it ends before the store has answered', async () => {
  const world = createWorld()
  const answer = world.write('A')
  world.system.kill(world.pid)
  expect(await answer).toMatchObject({ ok: false, error: { code: 'unavailable' } })
  world.settle(0, ok('late'))
})
