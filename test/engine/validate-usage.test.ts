/** The memory specification of the repository as a check over statistics. */

import { expect, test } from 'vitest'
import { formatBytes, sizeClassOf, validateMemoryUsage, type UsageStatistics } from '../../src/engine/validate-usage.ts'

const WITHIN: UsageStatistics = {
  usedBytes: 300_000_000, repositoryBytes: 100_000_000, correlationBytes: 30_000_000, indexBytes: 20_000_000, correlationCount: 10_000, correlationIndexBytes: 1_000_000,
  modules: { small: { count: 10, bytes: 1_000_000 }, medium: { count: 2, bytes: 1_000_000 }, large: { count: 1, bytes: 5_000_000 } },
}

test('the specification of memory: within, and each violation by itself', () => {
  expect(validateMemoryUsage(WITHIN, 2_000_000_000)).toEqual({ status: 'ok', violations: [] })
  const violations = (change: Partial<UsageStatistics>): string[] =>
    validateMemoryUsage({ ...WITHIN, ...change }, 2_000_000_000).violations.map(({ message }) => message)
  expect(violations({ usedBytes: 2_100_000_000 })).toEqual(['Total repository memory (2.1 GB) exceeds limit (2 GB)'])
  expect(violations({ correlationBytes: 31_000_000 })).toEqual(['Correlation data (31.0 %) exceeds limit (30 %)'])
  expect(violations({ indexBytes: 25_000_000 })).toEqual(['Index overhead (25.0 %) exceeds limit (20 %)'])
  expect(violations({ modules: { ...WITHIN.modules, small: { count: 10, bytes: 2_000_000 } } })).toEqual(['A small module takes 200 KB on average, which exceeds 100 KB'])
  expect(violations({ correlationCount: 1000, correlationIndexBytes: 600_000 })).toEqual([
    'A correlation takes 30 KB on average, which exceeds 5 KB', 'The index of a correlation takes 600 B on average, which exceeds 500 B',
  ])
})

test('all violations are reported at once; an empty repository has none', () => {
  const everything = { ...WITHIN, usedBytes: 3_000_000_000, repositoryBytes: 3_000_000_000, correlationBytes: 2_000_000_000, indexBytes: 1_000_000_000 }
  expect(validateMemoryUsage(everything, 2_000_000_000).violations.map(({ what }) => what)).toEqual(['total', 'correlation_share', 'index_share', 'correlation'])
  const none = { count: 0, bytes: 0 }
  expect(validateMemoryUsage({ usedBytes: 0, repositoryBytes: 0, correlationBytes: 0, indexBytes: 0, correlationCount: 0, correlationIndexBytes: 0, modules: { small: none, medium: none, large: none } }, 1)).toEqual({ status: 'ok', violations: [] })
})

test('size classes and units', () => {
  expect([0, 499, 500, 2000, 2001].map(sizeClassOf)).toEqual(['small', 'small', 'medium', 'medium', 'large'])
  expect([0, 999, 1500, 2e15].map(formatBytes)).toEqual(['0 B', '999 B', '1.5 KB', '2000 TB'])
})
