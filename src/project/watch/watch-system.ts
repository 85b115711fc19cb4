/**
 * What watching needs of the operating system, as one port, so that tests can have a limit reached or a directory that
 * cannot be read. All of it throws the system's own errors.
 */

import { lstatSync, readdirSync, statfsSync, watch, type Dirent, type Stats } from 'node:fs'
import { watch as watchByChokidar } from 'chokidar'

export type RawEvent = 'rename' | 'change'

export type DirectoryListener = {
  /** `name` is of an entry of the directory, or its own; null when the system does not say. */
  heard(event: RawEvent, name: string | null): void
  failed(error: NodeJS.ErrnoException): void
}

export type WatchSystem = {
  /** Entries only, not what lies deeper. Answers how to end it. */
  watch(directory: string, listener: DirectoryListener): () => void
  readonly chokidar: typeof watchByChokidar
  readDirectory(directory: string): Dirent[]
  stat(path: string): Stats
  /** As statfs(2) says it. */
  fileSystemType(path: string): number
}

export const nodeWatchSystem: WatchSystem = {
  watch(directory, listener) {
    const watcher = watch(directory, (event, name) => listener.heard(event === 'rename' ? 'rename' : 'change', name))
    watcher.on('error', (error) => listener.failed(error))
    return () => watcher.close()
  },
  chokidar: watchByChokidar,
  readDirectory: (directory) => readdirSync(directory, { withFileTypes: true }),
  stat: (path) => lstatSync(path),
  fileSystemType: (path) => statfsSync(path).type,
}

export function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'unknown'
}

/** The system has no more watches, or no more memory for them, to give. */
export function isLimit(error: unknown): boolean {
  return ['ENOSPC', 'EMFILE', 'ENFILE', 'ENOMEM'].includes(codeOf(error))
}

/** Nothing is there (any more). */
export function isGone(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR', 'ELOOP'].includes(codeOf(error))
}
