/** What the three means of watching have in common: they note what changes in a tree until they are closed. */

import type { Notes } from './notes.ts'
import type { Means } from './protocol.ts'
import type { Tree, TreeOptions } from './tree.ts'
import { codeOf, type WatchSystem } from './watch-system.ts'

export type WatchContext = { readonly options: TreeOptions; readonly system: WatchSystem; readonly notes: Notes }

export type Watcher = {
  readonly means: Means
  /** Why it is polling. */
  readonly because?: string
  /** As it stands now. */
  tree(): Tree
  /** Polling: notes what has changed since the last time. */
  poll?(): void
  close(): Promise<void>
}

/** The system does not let us watch. The message says what would. */
export class WatchLimit extends Error {
  override readonly name = 'WatchLimit'
}

export function limitMessage(error: unknown): string {
  const code = codeOf(error)
  const setting = code === 'EMFILE' ? 'fs.inotify.max_user_instances and the limit of open files' : 'fs.inotify.max_user_watches'
  return `the system refuses to watch more (${code}); raise ${setting}`
}
