/** Blocks in place for a moment only: whoever takes longer begins anew with copies, and never holds the slabs when it is over. */

import { expect, test } from 'vitest'
import { IN_PLACE_MS, withBlocks } from '../../src/event/in-place.ts'
import type { Blocks } from '../../src/event/query/blocks.ts'

function reading() {
  const clock = { nowMs: 1000 }
  const within = { depth: 0 }
  const [blocks, copies]: Blocks[] = [0, 1].map(() => ({ refs: () => [], open: () => 'gone', mayHold: () => false }))
  if (blocks === undefined || copies === undefined) throw new Error('two of them')
  const slabs = { enter: () => void within.depth++, leave: () => void within.depth-- }
  return { clock, within, blocks, copies, means: { events: { blocks: () => blocks, copies: () => copies }, slabs, nowMs: () => clock.nowMs } }
}

test('a short query reads in place, within', () => {
  const { means, blocks, within, clock } = reading()
  const asked = withBlocks(means, () => {}, (of, pause) => {
    clock.nowMs += IN_PLACE_MS - 1
    pause()
    return { isInPlace: of === blocks, depth: within.depth }
  })
  expect(asked).toEqual({ isInPlace: true, depth: 1 })
  expect(within.depth).toBe(0)
})

test('a long one begins anew with copies, and is not within then', () => {
  const { means, copies, within, clock } = reading()
  let begun = 0
  const asked = withBlocks(means, () => {}, (of, pause) => {
    begun++
    clock.nowMs += IN_PLACE_MS
    pause()
    return { isCopies: of === copies, depth: within.depth }
  })
  expect([asked, begun]).toEqual([{ isCopies: true, depth: 0 }, 2])
})

test('what a query or its caller throws comes through, and the slabs are left', () => {
  const { means, within } = reading()
  const late = new Error('the deadline')
  expect(() => withBlocks(means, () => { throw late }, (_, pause) => pause())).toThrow(late)
  expect(() => withBlocks(means, () => {}, () => { throw new Error('of its own') })).toThrow('of its own')
  expect(within.depth).toBe(0)
})
