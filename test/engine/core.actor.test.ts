/** Core under a simulated scheduler: what is admitted, what is carried out once, and that every call is answered. */

import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { createSimulatedClock } from '../../src/base/clock.ts'
import { failure, type Failure } from '../../src/base/failure.ts'
import { fail, ok, type Result } from '../../src/base/result.ts'
import { CORE, coreActor, STORE_PORT, type CoreBody, type StoreOperation } from '../../src/engine/core.actor.ts'
import { createActorSystem } from '../../src/otp/actor-system.ts'

const seed = process.env['FC_SEED'] === undefined ? {} : { seed: Number(process.env['FC_SEED']) }

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
    write(name: string, requestId?: string): Promise<Result<unknown, Failure>> {
      const body: CoreBody = { method: 'cleanup_module', args: { module_name: name, ...(requestId === undefined ? {} : { request_id: requestId }) } }
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

test('what memory does not admit is refused and not carried out; the same request may be made again', async () => {
  let refusal: Failure | undefined = failure('busy', 'no memory')
  const world = createWorld(() => refusal)
  expect(await world.write('A', 'r1')).toEqual(fail(refusal))
  expect(world.carried).toEqual([])
  refusal = undefined
  const answer = world.write('A', 'r1')
  world.settle(0, ok('done'))
  expect(await answer).toEqual(ok('done'))
})

test('a repeated request is carried out once, under way and after', async () => {
  const world = createWorld()
  const answers = [world.write('A', 'r1'), world.write('A', 'r1')]
  world.settle(0, ok('done'))
  expect(await Promise.all([...answers, world.write('A', 'r1')])).toEqual([ok('done'), ok('done'), ok('done')])
  expect(world.carried).toHaveLength(1)
  expect(await world.write('B', 'r1')).toMatchObject({ ok: false, error: { code: 'conflict' } })
})

test('callers are told when it ends before the store has answered', async () => {
  const world = createWorld()
  const answer = world.write('A')
  world.system.kill(world.pid)
  expect(await answer).toMatchObject({ ok: false, error: { code: 'unavailable' } })
  world.settle(0, ok('late'))
})

const step = fc.oneof(
  fc.record({ type: fc.constant('write' as const), name: fc.constantFrom('A', 'B'), id: fc.option(fc.constantFrom('r1', 'r2', 'r3'), { nil: undefined }) }),
  fc.record({ type: fc.constant('settle' as const), at: fc.nat(5), ok: fc.boolean() }),
)

test('every call is answered once, and each request id is carried out at most once at a time and never again after success', async () => {
  await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
    const world = createWorld()
    const answers: Promise<unknown>[] = []
    const settled = new Set<number>()
    const succeeded = new Set<string>()
    const idOf = ({ operation }: Carried): string | undefined => (operation.args as { request_id?: string }).request_id
    const settle = (at: number, result: Result<unknown, Failure>): void => {
      settled.add(at)
      const id = idOf(world.carried[at] as Carried)
      if (id !== undefined && result.ok) succeeded.add(id)
      world.settle(at, result)
    }
    const open = (): number[] => world.carried.map((_, at) => at).filter((at) => !settled.has(at))
    for (const next of steps) {
      if (next.type === 'settle') {
        const at = open()[next.at]
        if (at !== undefined) settle(at, next.ok ? ok(at) : fail(failure('timeout', 'no')))
        continue
      }
      const before = world.carried.length
      answers.push(world.write(next.name, next.id))
      if (next.id !== undefined && succeeded.has(next.id)) expect(world.carried).toHaveLength(before)
      const running = open().map((at) => idOf(world.carried[at] as Carried)).filter((id) => id !== undefined)
      expect(new Set(running).size).toBe(running.length)
    }
    for (const at of open()) settle(at, ok('end'))
    expect(await Promise.all(answers)).toHaveLength(answers.length)
  }), { numRuns: 200, ...seed })
})
