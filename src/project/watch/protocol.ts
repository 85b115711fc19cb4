/**
 * What the FileWatcher says and is told: names, messages, and the operations of the port through which it reaches the
 * file system. Paths are relative to the project's root, with `/`.
 *
 * A changed path names a source file, or a directory that went or was replaced: then all that was held beneath it may have
 * changed with it. Files beneath a directory that came are named one by one. Nothing is said of what became of a path:
 * whoever is told looks for himself. `overflow` says that more changed than is named, and only a comparison of all files
 * with the disk, begun after the message, finds out what.
 */

import type { WatchPhase } from './watch-machine.ts'

export const FILE_WATCHER = 'ElixirScope.AST.Synchronization.FileWatcher'
export const SYNCHRONIZER = 'ElixirScope.AST.Synchronization.Synchronizer'
/** The port that the actor's system must have (`watcher-port.ts`). */
export const WATCHER_PORT = 'sync.watcher'

export type RescanReason =
  /** Watching has begun: what changed before is unknown. */
  | 'opened'
  /** Nobody reports that the kernel's queue overflows, and a burst may have done it. */
  | 'too_many_events'
  | 'too_many_paths'
  | 'cookie_lost'
  | 'limit_reached'
  /** A .gitignore or a mix.exs that decides what belongs to the project. */
  | 'rules_changed'
  | 'links_changed'
  | 'root_replaced'
  /** A directory that cannot be read any more: what it holds is unknown, not gone. */
  | 'unreadable'
  | 'readable_again'
  | 'unnamed_event'
  | 'watcher_failed'
  | 'background'
  | 'asked'

/** Cast to the Synchronizer. */
export type ChangedMessage = {
  readonly type: 'changed'
  readonly paths: readonly string[]
  readonly overflow?: true
  /** With `overflow`: why. */
  readonly reason?: RescanReason
}

export type FileWatcherBody =
  /**
   * A call, answered with null once every change saved before it has been cast to the Synchronizer. Takes a millisecond or
   * so; a second and a rescan when events are lost; `unavailable` while the project's root is gone.
   */
  | { readonly type: 'barrier' }
  /** A cast: has everything compared with the disk, once it is watched. Every Synchronizer begins with it. */
  | { readonly type: 'rescan' }
  /** A call, answered with WatcherStatus. */
  | { readonly type: 'status' }

export type Means = 'chokidar' | 'directories' | 'polling'

/** A path that hides changes from us. */
export type WatchProblem = { readonly path: string; readonly code: string; readonly message: string }

export type WatcherStatus = {
  readonly phase: WatchPhase
  readonly means: Means | undefined
  /** What keeps it from watching as it should. */
  readonly reason: string | undefined
  readonly nDirectories: number
  readonly problems: readonly WatchProblem[]
  readonly windowMs: number
  readonly nPending: number
  readonly nEvents: number
  readonly nCasts: number
  readonly nRescans: number
  readonly lastRescan: RescanReason | undefined
}

export type WatchOperation =
  /**
   * Watches anew, whatever was watched before -> Opened; `not_found` when the root is gone. `poll` says why it has to be
   * polling. One that is overtaken by another, or by `close`, is not answered.
   */
  | { readonly type: 'open'; readonly poll?: string }
  /** Answered as soon as there is something to tell -> Batch. One at a time. */
  | { readonly type: 'next' }
  /** -> Look; `not_found` when the root is gone. */
  | { readonly type: 'look'; readonly paths: readonly string[] }
  /** Has a cookie come back through the watcher, and looks whether the root, unreadable paths and dangling links are as they were -> its number. */
  | { readonly type: 'cookie' }
  | { readonly type: 'close' }

export type Opened = {
  readonly means: Means
  /** Why it is polling. */
  readonly because?: string
  readonly nDirectories: number
  readonly problems: readonly WatchProblem[]
}

export type Batch = {
  readonly paths: readonly string[]
  /** As the system reported them: several for one change. */
  readonly nEvents: number
  /** More has changed than `paths` says. */
  readonly lost?: RescanReason
  /** The number of the last cookie that came back; 0 for none. */
  readonly cookie: number
  /** The system refuses to watch more: what it said. */
  readonly limit?: string
}

/** Per path asked for: bytes of a file, null when nothing is there, undefined for anything else. */
export type Look = { readonly sizes: readonly (number | null | undefined)[] }
