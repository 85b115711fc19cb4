/** Pauses double, stay within their bound, and spread over the upper half of the step. */

import { expect, test } from 'vitest'
import { backOffMs } from '../../src/client/back-off.ts'

test('the pause by attempt and chance', () => {
  const range = { firstMs: 100, maxMs: 1000 }
  expect([0, 1, 2, 3, 4, 5000].map((attempt) => backOffMs(attempt, 1, range))).toEqual([100, 200, 400, 800, 1000, 1000])
  expect([0, 1, 2].map((attempt) => backOffMs(attempt, 0, range))).toEqual([50, 100, 200])
  expect(backOffMs(0, 0.5, range)).toBe(75)
})
