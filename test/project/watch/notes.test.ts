/** Notes wait for whoever asks, are handed out once, and are bounded. */

import { expect, test } from 'vitest'
import { MAX_BURST_EVENTS, MAX_PENDING_PATHS } from '../../../src/project/watch/batching.ts'
import { createNotes } from '../../../src/project/watch/notes.ts'
import type { Batch } from '../../../src/project/watch/protocol.ts'

function create() {
  const deferred: (() => void)[] = []
  const told: Batch[] = []
  const notes = createNotes((run) => void deferred.push(run))
  return { notes, told, turn: () => deferred.splice(0).forEach((run) => run()), ask: () => notes.next((batch) => void told.push(batch)) }
}

test('what happens in one turn is one batch, whether it is asked for before or after', () => {
  const { notes, told, turn, ask } = create()
  ask()
  notes.count()
  notes.changed('a')
  notes.count()
  notes.changed('a')
  notes.changed('b')
  turn()
  notes.changed('c')
  turn()
  expect(told).toEqual([{ paths: ['a', 'b'], nEvents: 2, cookie: 0 }])
  ask()
  turn()
  expect(told[1]).toEqual({ paths: ['c'], nEvents: 0, cookie: 0 })
})

test('nobody is told of nothing, and who asks again replaces who asked before', () => {
  const { notes, told, turn, ask } = create()
  const early: Batch[] = []
  notes.next((batch) => void early.push(batch))
  turn()
  ask()
  turn()
  expect([early, told]).toEqual([[], []])
  notes.limit('full')
  turn()
  expect([early, told]).toEqual([[], [{ paths: [], nEvents: 0, cookie: 0, limit: 'full' }]])
})

test.each([
  ['paths', MAX_PENDING_PATHS, 'too_many_paths', (notes: ReturnType<typeof createNotes>, n: number) => notes.changed(`f${n}`)],
  ['events', MAX_BURST_EVENTS, 'too_many_events', (notes: ReturnType<typeof createNotes>) => notes.count()],
] as const)('too many %s: none is named, and cookies still come', (_name, max, lost, note) => {
  const { notes, told, turn, ask } = create()
  for (let n = 0; n < max; n++) note(notes, n)
  expect(notes.isLost()).toBe(false)
  note(notes, max)
  notes.changed('one more')
  notes.cookie(3)
  notes.cookie(2)
  ask()
  turn()
  expect(told).toMatchObject([{ paths: [], lost, cookie: 3 }])
  expect(notes.isLost()).toBe(false)
})
