/**
 * Where a CPU profile or a heap snapshot is taken: main, a thread, a thread of a pool. A CPU profile is begun and ended from
 * main without the thread's help, so that one that hangs can be profiled. A heap is written by the thread itself, which
 * stands still meanwhile: main would have to hold the whole text. Absent on purpose: files, limits, who may ask (src/host).
 */

import { Session } from 'node:inspector/promises'
import { getHeapStatistics, writeHeapSnapshot } from 'node:v8'
import type { Worker } from 'node:worker_threads'

import { failure } from '../../base/failure.ts'
import type { Failure } from '../../base/failure.ts'
import { fail, ok } from '../../base/result.ts'
import type { Result } from '../../base/result.ts'

export type Profiled = {
  /** Answers when it has begun. A pool without threads waits for one until `signal` is aborted. */
  beginCpu(signal: AbortSignal): Promise<Result<CpuProfile, Failure>>
  /** Writes to a file that must not be there yet; silence of the thread is excused for `limitMs`. */
  writeHeap(path: string, limitMs: number): Promise<Result<null, Failure>>
  /** Bytes in use, undefined where that is not known. */
  heapBytes(): number | undefined
}

export type CpuProfile = {
  /** The profile as text in the format of .cpuprofile files. To be called once. */
  end(): Promise<Result<string, Failure>>
}

/** The task that a thread of a pool writes its heap by; its argument is the path. */
export const WRITE_HEAP = 'write heap'

export function writeHeap(path: string): Result<null, Failure> {
  try {
    writeHeapSnapshot(path)
    return ok(null)
  } catch (thrown) {
    return fail(failure('unavailable', `the heap could not be written: ${(thrown as Error).message}`, { hint: 'is there room on the disk?' }))
  }
}

export const mainProfiled: Profiled = {
  beginCpu: () => attempt('main', async () => {
    const session = new Session()
    session.connect()
    await session.post('Profiler.enable')
    await session.post('Profiler.start')
    return {
      end: () => attempt('main', async () => {
        const { profile } = await session.post('Profiler.stop')
        session.disconnect()
        return JSON.stringify(profile)
      }),
    }
  }),
  writeHeap: (path) => Promise.resolve(writeHeap(path)),
  heapBytes: () => getHeapStatistics().used_heap_size,
}

export async function beginCpuIn(worker: Worker, name: string): Promise<Result<CpuProfile, Failure>> {
  if (!('startCpuProfile' in worker)) {
    return fail(failure('unsupported', `Node ${process.versions.node} cannot profile threads`, { hint: 'from 24.8 on it can; main can be profiled' }))
  }
  return attempt(name, async () => {
    const handle = await worker.startCpuProfile()
    return { end: () => attempt(name, () => handle.stop()) }
  })
}

/** A thread that ends takes its profile with it. */
async function attempt<T>(name: string, work: () => Promise<T>): Promise<Result<T, Failure>> {
  try {
    return ok(await work())
  } catch (thrown) {
    return fail(failure('unavailable', `${name} could not be profiled to the end: ${(thrown as Error).message}`, {
      hint: 'a thread that ends takes its profile with it; those of a pool end when they have been idle: give it work meanwhile, or a shorter time',
    }))
  }
}
