import fc from 'fast-check'
import { expect, test } from 'vitest'
import { cutList, cutText } from '../../src/engine/cut.ts'

test('a text is cut at most at the limit, never within a character, and says so', () => {
  fc.assert(fc.property(fc.string({ unit: 'grapheme' }), fc.nat(40), (text, limit) => {
    const cut = cutText(text, limit)
    expect(text.startsWith(cut.text)).toBe(true)
    expect(cut.text.length).toBeLessThanOrEqual(limit)
    expect(cut.cut_at).toBe(cut.text === text ? null : cut.text.length)
    expect(cut.text.isWellFormed()).toBe(true)
  }))
})

test('a list says how many it kept', () => {
  expect(cutList([1, 2, 3], 2)).toEqual({ items: [1, 2], cutAt: 2 })
  expect(cutList([1, 2], 2)).toEqual({ items: [1, 2], cutAt: null })
})
