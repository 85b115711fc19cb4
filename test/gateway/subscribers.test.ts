import { expect, test } from 'vitest'
import { createSubscribers, type Subscriber } from '../../src/gateway/subscribers.ts'
import type { NotificationParams } from '../../src/wire/methods.ts'

const NONE = { added: 0, modified: 0, removed: 0 }
const NAMES = { added: [], modified: [], removed: [] }
const CHANGES: NotificationParams<'changed'> = {
  epoch: 7, at: '2026-01-01T00:00:00.000Z', truncated: false, counts: { files: NONE, modules: NONE, functions: NONE }, files: NAMES, modules: NAMES, functions: NAMES,
}

function subscriber() {
  const closed = new AbortController()
  const told: unknown[] = []
  const one: Subscriber = { signal: closed.signal, notify: (_name, params) => told.push(params) > 0 }
  return { one, told, close: () => closed.abort() }
}

test('a connection is told once of each commit, however often it asked, until it is closed', () => {
  const subscribers = createSubscribers()
  const [a, b] = [subscriber(), subscriber()]
  for (const { one } of [a, b, a]) subscribers.add(one)
  subscribers.tell('changed', CHANGES)
  a.close()
  subscribers.tell('changed', { ...CHANGES, epoch: 8 })
  subscribers.add(a.one)
  expect([a.told.length, b.told.length, subscribers.size()]).toEqual([1, 2, 1])
})
