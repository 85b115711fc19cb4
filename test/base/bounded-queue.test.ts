/** The bounded queue against an array that does the same. */

import * as fc from 'fast-check'
import { expect, test } from 'vitest'

import { createBoundedQueue } from '../../src/base/bounded-queue.ts'
import type { BoundedQueue } from '../../src/base/bounded-queue.ts'

test('behaves as an array that refuses to grow', () => {
  const op = fc.record({ type: fc.constantFrom('push', 'push', 'push', 'shift', 'replace', 'remove'), n: fc.integer({ min: 0, max: 5 }) })
  fc.assert(fc.property(fc.integer({ min: 1, max: 40 }), fc.array(op, { maxLength: 120 }), (capacity, ops) => {
    const queue = createBoundedQueue<number>(capacity)
    const model: number[] = []
    for (const step of ops) {
      const answer = applyTo(queue, step)
      expect(answer).toEqual(applyToArray(model, capacity, step))
      expect([queue.size(), queue.peek()]).toEqual([model.length, model[0]])
    }
  }))
})

type Op = { readonly type: string; readonly n: number }

function applyTo(queue: BoundedQueue<number>, { type, n }: Op): unknown {
  if (type === 'push') return queue.push(n)
  if (type === 'shift') return queue.shift()
  return type === 'replace' ? queue.replace((item) => item === n, n + 1) : queue.remove((item) => item === n)
}

function applyToArray(model: number[], capacity: number, { type, n }: Op): unknown {
  if (type === 'push') return model.length < capacity && model.push(n) > 0
  if (type === 'shift') return model.shift()
  const at = model.indexOf(n)
  if (type === 'replace') {
    if (at !== -1) model[at] = n + 1
    return at !== -1
  }
  const taken = model.filter((item) => item === n)
  model.splice(0, Infinity, ...model.filter((item) => item !== n))
  return taken
}
