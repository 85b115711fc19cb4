import { expect, test } from 'vitest'
import { DEFAULTS } from '../../config/defaults.ts'
import type { NodeSpec } from '../../src/otp/node/tree-spec.ts'
import { supervisionTree, type TreeInits } from '../../supervisors/tree.ts'

const INITS = { repository: { parserThreads: 3 }, gateway: {} } as unknown as TreeInits

function nodes(spec: NodeSpec): NodeSpec[] {
  return [spec, ...(spec.start?.kind === 'supervisor' ? spec.start.children.flatMap(nodes) : [])]
}

test('the tree, name by name', () => {
  const shown = nodes(supervisionTree(DEFAULTS, INITS)).map(({ id, start }) => `${id} ${start?.kind === 'supervisor' ? start.flags.strategy : start?.kind}`)
  expect(shown).toEqual([
    'ElixirScope.Supervisor rest_for_one',
    'Threads one_for_one', 'repository thread', 'gateway thread',
    'AST.Supervisor one_for_one', 'Parsing.Supervisor one_for_one', 'parser pool',
  ])
})

test('what the configuration says of supervision reaches every thread', () => {
  const supervision = { ...DEFAULTS.supervision, heartbeatMs: 11, unresponsiveMs: 222, startTimeoutMs: 3333 }
  const starts = nodes(supervisionTree({ ...DEFAULTS, supervision }, INITS)).map(({ start }) => start)
  const times = starts.flatMap((start) => (start?.kind === 'thread' ? [start.times] : []))
  expect(times).toEqual(Array.from({ length: 2 }, () => ({ heartbeatMs: 11, silenceMs: 222, startTimeoutMs: 3333 })))
  expect(starts.find((start) => start?.kind === 'pool')).toMatchObject({ maxThreads: 3, startTimeoutMs: 3333 })
})
