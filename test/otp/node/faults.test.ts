/** Faults on purpose: each happens where it is meant to, by the cause that is asked for, and is recovered from. */

import { afterEach, expect, test } from 'vitest'

import { startTree } from '../../../src/otp/node/start-tree.ts'
import { actor, moduleUrl, pool, supervisor, thread } from '../../../src/otp/node/tree-spec.ts'
import type { Tree } from '../../../src/otp/node/tree.ts'
import type { Fault } from '../../../src/otp/starter.ts'

const trees: Tree[] = []
const limits = { resourceLimits: { maxOldGenerationSizeMb: 48 } }

afterEach(async () => {
  await Promise.all(trees.splice(0).map((tree) => tree.stop(5000)))
})

type Grown = { readonly tree: Tree; readonly ends: Set<string> }

/** `ends`: why each child ended, as it was logged. */
async function grow(): Promise<Grown> {
  const ends = new Set<string>()
  const idle = { mailbox: { capacity: 1, overflow: 'shed' as const }, init: () => ({ type: 'ok' as const, state: null }), step: (state: null) => [state, []] as const }
  const tree = startTree({
    root: supervisor({
      id: 'root', intensity: 10, children: [
        supervisor({ id: 'threads', intensity: 10, children: [
          thread({ id: 'host', url: moduleUrl('./fixtures/actors.thread', import.meta.url), times: { heartbeatMs: 20, silenceMs: 1500 }, ...limits }),
        ] }),
        actor({ id: 'near', actor: idle }),
        actor({ id: 'far', thread: 'host', actor: 'puppet', name: 'far' }),
        pool({ id: 'tasks', url: moduleUrl('./fixtures/tasks.pool', import.meta.url), size: 1, maxQueue: 8, ...limits }),
      ],
    }),
    log: (_level, _message, { child, reason } = {}) => void ends.add(`${String(child)} ${String(reason)}`),
  })
  trees.push(tree)
  expect(await tree.started).toEqual({ ok: true, value: undefined })
  return { tree, ends }
}

async function endOf(path: string, { ends }: Grown): Promise<string> {
  for (;;) {
    const line = [...ends].find((end) => end.startsWith(`${path} `))
    if (line !== undefined) return line.slice(path.length + 1)
    await new Promise((resolve) => setImmediate(resolve))
  }
}

test.each<[string, Fault, RegExp]>([
  ['threads/host', 'throw', /^\{uncaught, "Error: a fault on purpose"\}$/],
  ['threads/host', 'exit', /^\{exit_code, 3\}$/],
  ['threads/host', 'exit_0', /^normal$/],
  ['threads/host', 'loop', /^\{unresponsive, \d+\}$/],
  ['threads/host', 'heap', /^oom$/],
  ['near', 'throw', /^\{uncaught, "Error: a fault on purpose"\}$/],
  ['far', 'throw', /^\{uncaught, "Error: a fault on purpose"\}$/],
  ['tasks', 'throw', /^\{uncaught, "Error: a fault on purpose"\}$/],
  ['tasks', 'exit', /^\{exit_code, 3\}$/],
  ['tasks', 'exit_0', /^\{exit_code, 0\}$/],
  ['tasks', 'heap', /^oom$/],
])('%s suffers %s', async (path, fault, reason) => {
  const grown = await grow()
  expect(grown.tree.inject(`root/${path}`, fault)).toBe(true)
  expect(await endOf(`root/${path}`, grown)).toMatch(reason)
})

test('nothing is made to fail in a supervisor, or where nothing runs; the root can be ended by force', async () => {
  const { tree } = await grow()
  expect([tree.inject('root', 'throw'), tree.inject('root/none', 'throw')]).toEqual([false, false])
  expect(tree.kill('root')).toBe(true)
  expect(await tree.ended).toEqual({ kind: 'killed' })
})
