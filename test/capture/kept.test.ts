/** Plans and stated insights survive as one file, or are not kept at all. */

import { expect, test } from 'vitest'
import { failure } from '../../src/base/failure.ts'
import { fail, ok } from '../../src/base/result.ts'
import { openKept, planFor, planForAgent, pointsForAgent } from '../../src/capture/kept.ts'
import { capturePlan } from '../../src/wire/event-records.ts'

const plan = capturePlan.parse({ points: [{ module: 'Shop.Cart', function: 'add', arity: 2 }] })

function disk(text?: string) {
  const file = { text, isFull: false }
  return {
    file,
    ports: {
      load: () => file.text,
      save: (next: string) => {
        if (file.isFull) return fail(failure('storage_full', 'the disk is full'))
        file.text = next
        return ok(undefined)
      },
    },
  }
}

test('what was kept is there again, and a disk that is full keeps what was', () => {
  const { file, ports } = disk()
  const { keeper, problem } = openKept(ports)
  expect(problem).toBeNull()
  keeper.update((was) => ({ ...was, plans: { cart: { plan, stored_at: '2026-01-01T00:00:00Z' } }, active: { '*': 'cart' } }))
  file.isFull = true
  expect(keeper.update((was) => ({ ...was, plans: {} }))).toMatchObject({ ok: false, error: { code: 'storage_full' } })
  expect(Object.keys(keeper.kept().plans)).toEqual(['cart'])
  expect(openKept(ports).keeper.kept()).toEqual(keeper.kept())
})

test.each(['{', '{"version":2}', '[]'])('a file that says %s is said to be unreadable', (text) => {
  expect(openKept(disk(text).ports).problem).toEqual(expect.any(String))
})

test('a node follows its own plan before that of every node, and none that was deleted', () => {
  const other = { plan, stored_at: '' }
  const kept = { version: 1 as const, plans: { all: other, own: other }, active: { '*': 'all', 'a@h': 'own', 'b@h': 'gone' }, stated: {} }
  expect(planFor(kept, 'a@h')?.name).toBe('own')
  expect(planFor(kept, 'c@h')?.name).toBe('all')
  expect(planFor(kept, 'b@h')).toBeUndefined()
})

test('a name that every object has is no plan and no node', () => {
  const kept = { version: 1 as const, plans: { all: { plan, stored_at: '' } }, active: { '*': 'all' }, stated: {} }
  for (const name of ['constructor', '__proto__', 'toString']) {
    expect(planFor(kept, name)?.name).toBe('all')
    expect(planFor({ ...kept, active: { '*': name } }, 'a@h')).toBeUndefined()
  }
})

test('the agent is given whole points', () => {
  expect(planForAgent('cart', plan, ['Shop'])).toMatchObject({
    id: 'cart', processes: 'all', points: [{ id: 'Shop.Cart.add/2', module: 'Shop.Cart', function: 'add', arity: 2, capture: ['return', 'exceptions', 'caller'], sampling: 1, enabled: true }],
  })
})

test('a point for every module stands for those of the scope, or of the project', () => {
  const all = capturePlan.parse({ points: [{ module: '*', id: 'all' }] })
  const modulesOf = (scope: string[]) => (planForAgent('p', { ...all, scope }, ['Shop', 'Web']).points as { id: string; module: string; scope?: unknown }[]).map(({ id, module, scope: within }) => [id, module, within])
  expect(modulesOf([])).toEqual([['all Shop', 'Shop', undefined], ['all Shop.', '*', { prefix: 'Shop.' }], ['all Web', 'Web', undefined], ['all Web.', '*', { prefix: 'Web.' }]])
  expect(modulesOf(['Shop.Cart'])).toEqual([['all Shop.Cart', 'Shop.Cart', undefined], ['all Shop.Cart.', '*', { prefix: 'Shop.Cart.' }]])
})

test('what a plan comes to is counted as it is', () => {
  for (const [points, scope, own] of [[['A'], [], ['Shop']], [['A', '*', '*'], [], ['Shop', 'Web']], [['*'], ['X', 'Y', 'Z'], ['Shop']]] as const) {
    const given = capturePlan.parse({ points: points.map((module) => ({ module })), scope })
    expect(pointsForAgent(given, own)).toBe((planForAgent('p', given, own).points as unknown[]).length)
  }
})
