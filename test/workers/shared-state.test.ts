/** The state that answers about events are for: numbers that a change moves on, whoever dies in the middle of it. */

import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { answerState, changing, createSharedState, giveUpStore, numberOf, setEventsClosed, setEventsDamaged, setEventsOpen, type CapturedPart } from '../../workers/shared-state.ts'

const seed = process.env['FC_SEED'] === undefined ? {} : { seed: Number(process.env['FC_SEED']) }

test('a part is of no state while it is being changed, and of another one afterwards, also where the change threw', () => {
  const shared = createSharedState()
  const first = answerState(shared, 'f')
  const seen = changing(shared, 'events', () => answerState(shared, 'f'))
  const second = answerState(shared, 'f')
  expect(() => changing(shared, 'kept', () => {
    throw new Error('a bug')
  })).toThrow('a bug')
  expect(new Set([first, second, answerState(shared, 'f'), answerState(shared, 'g')]).size).toBe(4)
  expect([seen, first === null]).toEqual([null, false])
})

test('what has changed nothing leaves the state as it is', () => {
  const shared = createSharedState()
  const before = answerState(shared, 'f')
  expect(changing(shared, 'events', () => 3, (done) => done === 3)).toBe(3)
  expect(answerState(shared, 'f')).toBe(before)
})

test('another store in its place is another state; once damage was met there is none', () => {
  const shared = createSharedState()
  const before = answerState(shared, 'f')
  giveUpStore(shared)
  expect(answerState(shared, 'f')).not.toBe(before)
  setEventsDamaged(shared)
  expect(answerState(shared, 'f')).toBe(null)
})

test('without the store of events there is no state, whoever dies at opening it; open again, it is another', () => {
  const shared = createSharedState()
  const before = answerState(shared, 'f')
  for (let life = 0; life < 2; life++) setEventsClosed(shared)
  expect(answerState(shared, 'f')).toBe(null)
  setEventsOpen(shared)
  expect([null, before]).not.toContain(answerState(shared, 'f'))
})

/** Where the number of a part stands. */
function placeOf(part: CapturedPart): number {
  const fresh = createSharedState()
  return changing(fresh, part, () => fresh.indexOf(1))
}

const PARTS = ['events', 'kept'] as const satisfies readonly CapturedPart[]
type Step = { readonly part: CapturedPart; readonly ends: 'changed' | 'same' | 'dies' }

test('whatever is changed, and wherever a thread dies: a state comes again only where nothing has changed', () => {
  fc.assert(fc.property(fc.array(fc.record({ part: fc.constantFrom(...PARTS), ends: fc.constantFrom<Step['ends']>('changed', 'same', 'dies') }), { maxLength: 30 }), (steps) => {
    const shared = createSharedState()
    const content = { events: 0, kept: 0 }
    const dead = { events: false, kept: false }
    const contentOf = new Map<string, string>()
    for (const { part, ends } of steps) {
      if (ends === 'dies') {
        // Ended within a change: what it had done can be seen, and nobody has said so.
        Atomics.or(shared, placeOf(part), 1)
        content[part] += 1
        dead[part] = true
      } else {
        changing(shared, part, () => (content[part] += ends === 'same' ? 0 : 1), () => ends === 'same')
        dead[part] = false
      }
      const state = answerState(shared, '')
      expect(state === null).toBe(dead.events || dead.kept)
      const now = JSON.stringify(content)
      if (state !== null) expect(contentOf.get(state) ?? now).toBe(now)
      if (state !== null) contentOf.set(state, now)
    }
    expect(numberOf(shared, 'events') % 2 !== 0).toBe(dead.events)
  }), seed)
})
