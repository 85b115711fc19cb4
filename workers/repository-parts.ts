/** What the pieces of the repository thread share: its store, and how what they do with it is answered. */

import type { Config } from '../config/schema.ts'
import { FailureError, type Failure } from '../src/base/failure.ts'
import { fail, type Result } from '../src/base/result.ts'
import type { Freshness } from '../src/engine/answer.ts'
import type { MetricRecorder } from '../src/host/metric-recorder.ts'
import type { ThreadContext } from '../src/otp/node/run-thread.ts'
import type { Reader, Writer } from '../src/store/contract.ts'
import { isVerified, pendingFiles, type SharedState } from './shared-state.ts'
import type { StoreWatch } from './store-watch.ts'

export type RepositoryInit = {
  readonly storePath: string
  /** Used when the store is new. */
  readonly repositoryId: string
  readonly root: string
  readonly config: Pick<Config, 'project' | 'storage' | 'parser' | 'sync'>
  readonly parserThreads: number
  readonly shared: SharedState
}

export type RepositoryParts = {
  readonly context: ThreadContext<RepositoryInit>
  readonly writer: Writer
  readonly reader: Reader
  readonly recorder: MetricRecorder
  readonly storeWatch: StoreWatch
}

/** What only the disk can cause inside a read is thrown, and is an answer like others; anything else is a bug of ours and ends the thread. */
export async function orDisk<T>({ storeWatch }: RepositoryParts, run: () => Result<T, Failure> | Promise<Result<T, Failure>>): Promise<Result<T, Failure>> {
  const done = await caughtFrom(run)
  if (!done.ok) storeWatch.met(done.error)
  return done
}

async function caughtFrom<T>(run: () => Result<T, Failure> | Promise<Result<T, Failure>>): Promise<Result<T, Failure>> {
  try {
    return await run()
  } catch (caught) {
    if (caught instanceof FailureError) return fail(caught.failure)
    throw caught
  }
}

export function freshness(parts: RepositoryParts): Freshness {
  const { shared } = parts.context.init
  const [verified, stale] = [isVerified(shared), pendingFiles(shared) > 0]
  return parts.reader.snapshot(({ epoch, writtenAt, importState, unreadableFiles }) => ({ epoch, writtenAt, importState, unreadableFiles, verified, stale }))
}
