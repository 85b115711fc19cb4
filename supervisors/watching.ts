/**
 * How the files are followed, as main knows it: the FileWatcher is asked now and then and whenever health is, and what it
 * said last is kept. It is asked for a short time only: one that is busy or away is told by the tree.
 */

import type { Tree } from '../src/otp/node/tree.ts'
import { FILE_WATCHER, type FileWatcherBody, type WatcherStatus } from '../src/project/watch/protocol.ts'
import type { Reply } from '../src/wire/methods.ts'

export type Watching = {
  readonly mode: 'watched' | 'not watched'
  /** What it said last; undefined before, and without watching. */
  status(): WatcherStatus | undefined
  refresh(): Promise<void>
}

const ANSWER_MS = 250

export function createWatching(tree: () => Tree, mode: Watching['mode']): Watching {
  let last: WatcherStatus | undefined
  return {
    mode,
    status: () => last,
    async refresh() {
      if (mode === 'not watched') return
      const answer = await tree().actors.call(FILE_WATCHER, { type: 'status' } satisfies FileWatcherBody, ANSWER_MS)
      if (answer.ok) last = answer.value as WatcherStatus
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
