/**
 * How the files are followed, as main knows it: the FileWatcher and the Synchronizer are asked now and then and whenever
 * health is, and what they said last is kept. They are asked for a short time only: one that is busy or away is told by the
 * tree.
 */

import type { Failure } from '../src/base/failure.ts'
import type { Tree } from '../src/otp/node/tree.ts'
import type { SynchronizerBody, SynchronizerStatus } from '../src/project/sync/protocol.ts'
import { FILE_WATCHER, SYNCHRONIZER, type FileWatcherBody, type WatcherStatus } from '../src/project/watch/protocol.ts'
import type { Reply } from '../src/wire/methods.ts'

export type Watching = {
  readonly mode: 'watched' | 'not watched'
  /** What the FileWatcher said last; undefined before, and without watching. */
  status(): WatcherStatus | undefined
  /** Why changes do not come into the store; undefined when they do, and after a first try that failed. */
  stuck(): Failure | undefined
  refresh(): Promise<void>
}

const ANSWER_MS = 250

export function createWatching(tree: () => Tree, mode: Watching['mode']): Watching {
  let last: WatcherStatus | undefined
  let synchronizer: SynchronizerStatus | undefined
  return {
    mode,
    status: () => last,
    stuck: () => (synchronizer !== undefined && synchronizer.nFailed > 1 ? synchronizer.lastFailure : undefined),
    async refresh() {
      if (mode === 'not watched') return
      const [watched, stored] = await Promise.all([
        tree().actors.call(FILE_WATCHER, { type: 'status' } satisfies FileWatcherBody, ANSWER_MS),
        tree().actors.call(SYNCHRONIZER, { type: 'status' } satisfies SynchronizerBody, ANSWER_MS),
      ])
      if (watched.ok) last = watched.value as WatcherStatus
      if (stored.ok) synchronizer = stored.value as SynchronizerStatus
    },
  }
}

export function watchingRecord(watching: Watching, nPending: number): Reply<'daemon_status'>['watching'] {
  if (watching.mode === 'not watched') return null
  const status = watching.status()
  if (status === undefined) return { phase: 'starting', means: null, reason: null, directories: 0, rescans: 0, pending_files: nPending }
  const { phase, means, reason, nDirectories, nRescans } = status
  return { phase, means: means ?? null, reason: reason ?? null, directories: nDirectories, rescans: nRescans, pending_files: nPending }
}
