/** What clients may ask of supervisors, against a tree that only notes what reaches it. */

import { expect, test } from 'vitest'
import { DEFAULTS } from '../../config/defaults.ts'
import { ok } from '../../src/base/result.ts'
import type { Tree } from '../../src/otp/node/tree.ts'
import { placesOf, ROOT } from '../../supervisors/placement.ts'
import { supervisorCalls } from '../../supervisors/supervisor-calls.ts'
import { supervisionTree, treeFor, type TreeInits } from '../../supervisors/tree.ts'

const root = supervisionTree(DEFAULTS, { repository: { parserThreads: 3 }, gateway: {}, memory: {}, sync: {}, capture: {}, query: {}, querying: {} } as unknown as TreeInits)

function world() {
  const asked: string[] = []
  const tree = {
    request: (path: string, { type }: { readonly type: string }) => {
      asked.push(`${type} ${path}`)
      return Promise.resolve(ok(ok({ type: 'ok' })))
    },
  } as unknown as Tree
  return { asked, calls: supervisorCalls(() => ({ tree, root })) }
}

const PAIRS = placesOf(treeFor(DEFAULTS)).flatMap((place) => (place.kind === 'supervisor' ? place.children.map((child) => ({ supervisor: place.name, child: child.name })) : []))
const LAST = ['ElixirScope.Threads', 'ElixirScope.AST.Supervisor', 'ElixirScope.Capture.Supervisor', 'ElixirScope.Gateway.Supervisor', 'gateway']

test.each(['supervisor.terminate_child', 'supervisor.delete_child'] as const)('%s is for all but what the daemon cannot do without', async (method) => {
  const { asked, calls } = world()
  const refused: string[] = []
  for (const pair of PAIRS) {
    const answer = await calls[method](pair)
    if (answer.ok) continue
    refused.push(pair.child)
    expect(answer.error).toEqual({
      code: 'conflict', message: `the daemon cannot do without ${pair.child}`, hint: '`elixir-scope restart` starts everything anew', details: { error: 'lasting' },
    })
  }
  expect(refused.toSorted()).toEqual(LAST.toSorted())
  expect(asked.length).toBe(PAIRS.length - LAST.length)
})

test('a child that there is not is not found, wherever it is looked for', async () => {
  const { asked, calls } = world()
  await calls['supervisor.terminate_child']({ supervisor: ROOT, child: 'repository' })
  expect(asked).toEqual([`terminate_child ${ROOT}`])
})

test('to start again what has ended is for every child', async () => {
  const { calls } = world()
  for (const pair of PAIRS) expect(await calls['supervisor.restart_child'](pair)).toEqual({ ok: true, value: { ok: true } })
})
