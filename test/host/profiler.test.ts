/** The port that takes profiles, over threads that do what the test says. */

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createSimulatedClock, type SimulatedClock } from '../../src/base/clock.ts'
import type { Failure } from '../../src/base/failure.ts'
import { ok, type Result } from '../../src/base/result.ts'
import { createProfiler, KEPT_PROFILES, profileDeadlineMs, type ProfileOrder } from '../../src/host/profiler.ts'
import type { Profiled } from '../../src/otp/node/profiled.ts'
import type { TakenProfile } from '../../src/wire/records.ts'

const MIB = 1024 * 1024

let directory: string
let clock: SimulatedClock

beforeEach(() => {
  directory = join(mkdtempSync(join(tmpdir(), 'es-profiler-')), 'profiles')
  clock = createSimulatedClock(0, Date.parse('2026-11-21T08:00:00.000Z'))
})

afterEach(() => rmSync(join(directory, '..'), { recursive: true }))

/** A thread whose heap is written when the test says so. */
function thread(heapBytes?: number): Profiled & { readonly ended: number[]; finishHeap: () => void } {
  const ended: number[] = []
  const made: ReturnType<typeof thread> = {
    ended, heapBytes: () => heapBytes, finishHeap: () => undefined,
    beginCpu: () => Promise.resolve(ok({
      end: () => {
        ended.push(clock.nowMs())
        return Promise.resolve(ok('{"nodes":[]}'))
      },
    })),
    writeHeap: (path) => new Promise((resolve) => {
      made.finishHeap = () => {
        writeFileSync(path, '{"snapshot":{}}')
        resolve(ok(null))
      }
    }),
  }
  return made
}

function begin(threads: Readonly<Record<string, Profiled>>, freeBytes: number | null = 1024 * MIB) {
  const port = createProfiler({
    directory, uid: process.getuid?.() ?? 0, profiled: () => new Map(Object.entries(threads)), clock, log: () => undefined, minFreeBytes: 100 * MIB, freeBytes: () => freeBytes,
  })
  return {
    take: (id: string, order: Partial<ProfileOrder> & { thread: string }): Promise<Result<TakenProfile, Failure>> => new Promise((resolve) => {
      port({ type: 'begin', id, operation: { kind: 'cpu', seconds: 5, ...order } }, (result) => resolve(result as Result<TakenProfile, Failure>))
    }),
    cancel: (id: string) => port({ type: 'cancel', id }, () => undefined),
  }
}

/** Lets promises settle; timers are the clock's. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('a CPU profile of so many seconds, in a private file', async () => {
  const main = thread()
  const taken = begin({ main }).take('1', { thread: 'main' })
  await settled()
  clock.advance(4999)
  await settled()
  expect(main.ended).toEqual([])
  clock.advance(1)
  const expected = join(directory, 'main-2026-11-21T08-00-00-000Z.cpuprofile')
  expect(await taken).toEqual({ ok: true, value: { path: expected, kind: 'cpu', thread: 'main', bytes: 12, duration_ms: 5000 } })
  expect([readFileSync(expected, 'utf8'), statSync(expected).mode & 0o777, statSync(directory).mode & 0o777]).toEqual(['{"nodes":[]}', 0o600, 0o700])
})

test('a thread that there is not: the failure names those there are', async () => {
  expect(await begin({ main: thread(), gateway: thread() }).take('1', { thread: 'gatway' }))
    .toMatchObject({ ok: false, error: { code: 'not_found', hint: 'there are main, gateway' } })
})

test('one at a time in a thread, however many threads', async () => {
  const profiler = begin({ main: thread(), gateway: thread() })
  const first = profiler.take('1', { thread: 'main' })
  expect(await profiler.take('2', { thread: 'main' })).toMatchObject({ ok: false, error: { code: 'busy' } })
  const other = profiler.take('3', { thread: 'gateway' })
  await settled()
  clock.advance(5000)
  expect([(await first).ok, (await other).ok]).toEqual([true, true])
  const again = profiler.take('4', { thread: 'main' })
  await settled()
  clock.advance(5000)
  expect((await again).ok).toBe(true)
})

test('cancelled: answered at once, the profile is ended, no file is left', async () => {
  const main = thread()
  const profiler = begin({ main })
  const taken = profiler.take('1', { thread: 'main' })
  await settled()
  clock.advance(100)
  profiler.cancel('1')
  expect(await taken).toMatchObject({ ok: false, error: { code: 'timeout', details: { cancelled: true } } })
  await settled()
  expect([main.ended, readdirSync(directory)]).toEqual([[100], []])
})

test('a heap that is being written keeps its thread busy after it was cancelled', async () => {
  const repository = thread(50 * MIB)
  const profiler = begin({ repository })
  const taken = profiler.take('1', { thread: 'repository', kind: 'heap' })
  await settled()
  profiler.cancel('1')
  expect((await taken).ok).toBe(false)
  expect(await profiler.take('2', { thread: 'repository' })).toMatchObject({ ok: false, error: { code: 'busy' } })
  repository.finishHeap()
  await settled()
  expect(readdirSync(directory)).toEqual([])
  const again = profiler.take('3', { thread: 'repository', kind: 'heap' })
  await settled()
  repository.finishHeap()
  expect(await again).toMatchObject({ ok: true, value: { kind: 'heap', bytes: 15, path: expect.stringMatching(/\.heapsnapshot$/) as string } })
})

test.each([
  ['main', 257 * MIB, 10_000 * MIB, 'too_large'],
  ['gateway', 1025 * MIB, 10_000 * MIB, 'too_large'],
  ['gateway', 500 * MIB, 1099 * MIB, 'storage_full'],
])('the heap of %s is not begun with %i bytes in use and %i on the disk', async (name, heapBytes, freeBytes, code) => {
  expect(await begin({ [name]: thread(heapBytes) }, freeBytes).take('1', { thread: name, kind: 'heap' })).toMatchObject({ ok: false, error: { code } })
})

test('the newest are kept, with drafts of ended daemons removed', async () => {
  mkdirSync(directory, { recursive: true })
  for (let at = 0; at < KEPT_PROFILES + 2; at++) {
    writeFileSync(join(directory, `old-${at}.cpuprofile`), '')
    utimesSync(join(directory, `old-${at}.cpuprofile`), at, at)
  }
  writeFileSync(join(directory, 'x.heapsnapshot.1.part'), '')
  writeFileSync(join(directory, 'notes.txt'), 'of the user')
  const taken = begin({ main: thread() }).take('1', { thread: 'main' })
  await settled()
  clock.advance(5000)
  expect((await taken).ok).toBe(true)
  const kept = readdirSync(directory)
  expect(kept.filter((name) => name.endsWith('.cpuprofile'))).toHaveLength(KEPT_PROFILES)
  expect(kept.filter((name) => /old-[0-2]\.|part/.test(name))).toEqual([])
  expect(kept).toContain('notes.txt')
})

test('a task has time for a pool to find work, and an end', () => {
  expect(profileDeadlineMs({ kind: 'cpu', thread: 'parser', seconds: 60 })).toBe(130_000)
  expect(profileDeadlineMs({ kind: 'heap', thread: 'parser', seconds: 1 })).toBe(300_000)
})
