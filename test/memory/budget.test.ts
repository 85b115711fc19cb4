/** The limit from readings of machines and containers, and the files they are read from. */

import { expect, test } from 'vitest'
import { allowedBytesOf, memoryBudget } from '../../src/memory/budget.ts'
import { limitFiles, readMemoryReadings } from '../../src/memory/readings.ts'
import { growthBytesPerSecond, usedBytesOf } from '../../src/memory/sample.ts'
import type { MemorySample } from '../../src/memory/sample.ts'

const GIB = 2 ** 30
const COMPUTED = { maxBytes: null, cachePercent: 25 }

test('the default limit: the ceiling, 60 % of a small machine, 60 % of a container', () => {
  expect(memoryBudget({ totalBytes: 16 * GIB, groupLimits: [] }, COMPUTED)).toEqual({
    maxBytes: 2 * GIB, cacheBytes: GIB / 2, allowedBytes: 16 * GIB, source: 'ceiling', problems: [],
  })
  expect(memoryBudget({ totalBytes: 2 * GIB, groupLimits: ['max\n'] }, COMPUTED)).toMatchObject({ maxBytes: Math.floor(1.2 * GIB), source: 'machine' })
  expect(memoryBudget({ totalBytes: 16 * GIB, groupLimits: ['max\n', `${GIB}\n`] }, COMPUTED)).toMatchObject({ maxBytes: Math.floor(0.6 * GIB), source: 'container' })
})

test('a configured limit wins, and what is wrong with it is said', () => {
  expect(memoryBudget({ totalBytes: 16 * GIB, groupLimits: [] }, { maxBytes: 3 * GIB, cachePercent: 10 })).toMatchObject({ maxBytes: 3 * GIB, cacheBytes: Math.floor(0.3 * GIB), source: 'configured', problems: [] })
  expect(memoryBudget({ totalBytes: 16 * GIB, groupLimits: [String(GIB)] }, { ...COMPUTED, maxBytes: 3 * GIB }).problems.join()).toMatch(/may end the daemon first/)
  expect(memoryBudget({ totalBytes: 16 * GIB, groupLimits: [] }, { ...COMPUTED, maxBytes: 1000 }).problems.join()).toMatch(/under pressure with nothing loaded/)
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
  rssBytes: 1000, externalBytes: 10, sharedBytes: 20, databaseBytes: 300, walBytes: 50, filesIn: 'disk',
  heaps: [{ thread: 'main', usedBytes: 50 }],
}

test('what counts as used', () => {
  expect(usedBytesOf(SAMPLE)).toBe(1000)
  expect(usedBytesOf({ ...SAMPLE, filesIn: 'memory' })).toBe(1350)
})

test('growth per second', () => {
  expect(growthBytesPerSecond([])).toBe(0)
  expect(growthBytesPerSecond([{ atMs: 5, usedBytes: 100 }])).toBe(0)
  expect(growthBytesPerSecond([0, 1, 2, 3].map((n) => ({ atMs: 500 * n, usedBytes: 1000 + 250 * n })))).toBeCloseTo(500)
})
