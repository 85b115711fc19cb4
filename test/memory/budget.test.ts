/** The limit from readings of machines and containers, the files they are read from, and the check of the specification. */

import { expect, test } from 'vitest'
import { allowedBytesOf, memoryBudget } from '../../src/memory/budget.ts'
import { limitFiles, readMemoryReadings } from '../../src/memory/readings.ts'
import { fullestHeap, growthBytesPerSecond, usedBytesOf } from '../../src/memory/sample.ts'
import type { MemorySample } from '../../src/memory/sample.ts'
import { formatBytes, sizeClassOf, validateMemoryUsage } from '../../src/memory/validate-usage.ts'
import type { UsageStatistics } from '../../src/memory/validate-usage.ts'

const GIB = 2 ** 30

test('the default limit: the ceiling, 60 % of a small machine, 60 % of a container', () => {
  expect(memoryBudget({ totalBytes: 16 * GIB, groupLimits: [] })).toEqual({
    maxBytes: 2 * GIB, cacheBytes: GIB / 2, allowedBytes: 16 * GIB, source: 'ceiling', problems: [],
  })
  expect(memoryBudget({ totalBytes: 2 * GIB, groupLimits: ['max\n'] })).toMatchObject({ maxBytes: Math.floor(1.2 * GIB), source: 'machine' })
  expect(memoryBudget({ totalBytes: 16 * GIB, groupLimits: ['max\n', `${GIB}\n`] })).toMatchObject({ maxBytes: Math.floor(0.6 * GIB), source: 'container' })
})

test('a configured limit wins, and what is wrong with it is said', () => {
  expect(memoryBudget({ totalBytes: 16 * GIB, groupLimits: [] }, 3 * GIB)).toMatchObject({ maxBytes: 3 * GIB, source: 'configured', problems: [] })
  expect(memoryBudget({ totalBytes: 16 * GIB, groupLimits: [String(GIB)] }, 3 * GIB).problems.join()).toMatch(/may end the daemon first/)
  expect(memoryBudget({ totalBytes: 16 * GIB, groupLimits: [] }, 1000).problems.join()).toMatch(/under pressure with nothing loaded/)
})

test('what is no limit counts as none', () => {
  for (const text of ['max', '', '0', '9223372036854771712', '-1', '1e9', 'banana']) {
    expect(allowedBytesOf({ totalBytes: 8 * GIB, groupLimits: [text] })).toBe(8 * GIB)
  }
  expect(allowedBytesOf({ totalBytes: 8 * GIB, groupLimits: ['4096', '8192'] })).toBe(4096)
})

test('limit files of version 2: the own group and all above it', () => {
  expect(limitFiles('0::/user.slice/app.scope\n').slice(0, 6)).toEqual([
    '/sys/fs/cgroup/user.slice/app.scope/memory.max', '/sys/fs/cgroup/user.slice/app.scope/memory.high',
    '/sys/fs/cgroup/user.slice/memory.max', '/sys/fs/cgroup/user.slice/memory.high',
    '/sys/fs/cgroup/memory.max', '/sys/fs/cgroup/memory.high',
  ])
})

test('limit files of version 1, and those of a container that sees a path of its host', () => {
  const files: Record<string, string> = {
    '/proc/self/cgroup': '12:cpu,cpuacct:/docker/abc\n9:memory:/docker/abc\n1:name=systemd:/docker/abc\n',
    '/sys/fs/cgroup/memory/memory.limit_in_bytes': '536870912\n',
  }
  expect(readMemoryReadings({ totalBytes: GIB, readText: (path) => files[path] })).toEqual({ totalBytes: GIB, groupLimits: ['536870912\n'] })
  expect(limitFiles(files['/proc/self/cgroup'] ?? '')).not.toContain('/sys/fs/cgroup/docker/abc/memory.max')
  expect(limitFiles(files['/proc/self/cgroup'] ?? '')[0]).toBe('/sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes')
})

test('where there are no such files, the machine counts', () => {
  expect(readMemoryReadings({ totalBytes: GIB, readText: () => undefined })).toEqual({ totalBytes: GIB, groupLimits: [] })
})

const SAMPLE: MemorySample = {
  rssBytes: 1000, externalBytes: 10, sharedBytes: 20, databaseBytes: 300, walBytes: 50, eventBlockBytes: 0, filesIn: 'disk',
  heaps: [{ thread: 'main', usedBytes: 50, limitBytes: 0 }, { thread: 'gateway', usedBytes: 30, limitBytes: 60 }, { thread: 'repository', usedBytes: 40, limitBytes: 100 }],
}

test('what counts as used; the fullest heap', () => {
  expect(usedBytesOf(SAMPLE)).toBe(1000)
  expect(usedBytesOf({ ...SAMPLE, filesIn: 'memory' })).toBe(1350)
  expect(fullestHeap(SAMPLE)).toEqual({ thread: 'gateway', usedBytes: 30, limitBytes: 60, usedRatio: 0.5 })
  expect(fullestHeap({ ...SAMPLE, heaps: [] })).toBeUndefined()
})

test('growth per second', () => {
  expect(growthBytesPerSecond([])).toBe(0)
  expect(growthBytesPerSecond([{ atMs: 5, usedBytes: 100 }])).toBe(0)
  expect(growthBytesPerSecond([0, 1, 2, 3].map((n) => ({ atMs: 500 * n, usedBytes: 1000 + 250 * n })))).toBeCloseTo(500)
})

const WITHIN: UsageStatistics = {
  totalBytes: 100_000_000, correlationBytes: 30_000_000, indexBytes: 20_000_000, correlationCount: 10_000, correlationIndexBytes: 1_000_000,
  modules: { small: { count: 10, bytes: 1_000_000 }, medium: { count: 2, bytes: 1_000_000 }, large: { count: 1, bytes: 5_000_000 } },
}

test('the specification of memory: within, and each violation by itself', () => {
  expect(validateMemoryUsage(WITHIN, 2_000_000_000)).toEqual({ status: 'ok', violations: [] })
  const violations = (change: Partial<UsageStatistics>): string[] =>
    validateMemoryUsage({ ...WITHIN, ...change }, 2_000_000_000).violations.map(({ message }) => message)
  expect(violations({ totalBytes: 2_100_000_000 })).toEqual(['Total repository memory (2.1 GB) exceeds limit (2 GB)'])
  expect(violations({ correlationBytes: 31_000_000 })).toEqual(['Correlation data (31.0 %) exceeds limit (30 %)'])
  expect(violations({ indexBytes: 25_000_000 })).toEqual(['Index overhead (25.0 %) exceeds limit (20 %)'])
  expect(violations({ modules: { ...WITHIN.modules, small: { count: 10, bytes: 2_000_000 } } })).toEqual(['A small module takes 200 KB on average, which exceeds 100 KB'])
  expect(violations({ correlationCount: 1000, correlationIndexBytes: 600_000 })).toEqual([
    'A correlation takes 30 KB on average, which exceeds 5 KB', 'The index of a correlation takes 600 B on average, which exceeds 500 B',
  ])
})

test('all violations are reported at once; an empty repository has none', () => {
  const everything = { ...WITHIN, totalBytes: 3_000_000_000, correlationBytes: 2_000_000_000, indexBytes: 1_000_000_000 }
  expect(validateMemoryUsage(everything, 2_000_000_000).violations.map(({ what }) => what)).toEqual(['total', 'correlation_share', 'index_share', 'correlation'])
  const none = { count: 0, bytes: 0 }
  expect(validateMemoryUsage({ totalBytes: 0, correlationBytes: 0, indexBytes: 0, correlationCount: 0, correlationIndexBytes: 0, modules: { small: none, medium: none, large: none } }, 1)).toEqual({ status: 'ok', violations: [] })
})

test('size classes and units', () => {
  expect([0, 499, 500, 2000, 2001].map(sizeClassOf)).toEqual(['small', 'small', 'medium', 'medium', 'large'])
  expect([0, 999, 1500, 2e15].map(formatBytes)).toEqual(['0 B', '999 B', '1.5 KB', '2000 TB'])
})
