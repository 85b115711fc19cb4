/**
 * Zones, by last use. Hot blocks are resident; warm ones are on disk and were read not long ago, cold ones not for longer.
 * Frozen files are in `archive/` beside the others, where no query looks until they are thawed: the directory can be a mount of its
 * own only with all the rest, since files are renamed, not copied.
 */

import { join } from 'node:path'
import type { Failure } from '../base/failure.ts'
import type { Result } from '../base/result.ts'
import { attempt, type Disk } from './disk.ts'
import { blockFileNumber } from './block-file.ts'

export const ARCHIVE = 'archive'

/** Files that nobody read for so long are cold, to whoever reads and to the one that writes. */
export const WARM_MS = 3_600_000

export type FileOnDisk = { readonly name: string; readonly nBytes: number; readonly lastUsedMs: number }

export function zoneOf({ lastUsedMs }: { readonly lastUsedMs: number }, nowMs: number, warmMs: number): 'warm' | 'cold' {
  return nowMs - lastUsedMs < warmMs ? 'warm' : 'cold'
}

export function filesToFreeze(files: readonly FileOnDisk[], nowMs: number, unusedMs: number): readonly string[] {
  return files.filter(({ lastUsedMs }) => nowMs - lastUsedMs >= unusedMs).map(({ name }) => name)
}

/** The frozen files, in the order of their blocks. */
export function archiveOf(disk: Disk, directory: string): Result<readonly FileOnDisk[], Failure> {
  return attempt('look into the archive of events', () => {
    if (!disk.list(directory).includes(ARCHIVE)) return []
    return disk.list(join(directory, ARCHIVE)).filter((name) => blockFileNumber(name) !== undefined).sort()
      .map((name) => ({ name, nBytes: 0, lastUsedMs: 0, ...disk.stat(join(directory, ARCHIVE, name)) }))
  })
}

export function moveToArchive(disk: Disk, directory: string, name: string): Result<void, Failure> {
  return attempt('freeze a file of events', () => {
    disk.makeDirectory(join(directory, ARCHIVE))
    disk.rename(join(directory, name), join(directory, ARCHIVE, name))
    disk.syncDirectory(join(directory, ARCHIVE))
    disk.syncDirectory(directory)
  })
}

/** It is warm then. */
export function moveFromArchive(disk: Disk, directory: string, name: string, nowMs: number): Result<void, Failure> {
  return attempt('thaw a file of events', () => {
    disk.rename(join(directory, ARCHIVE, name), join(directory, name))
    disk.touch(join(directory, name), nowMs)
    disk.syncDirectory(directory)
    disk.syncDirectory(join(directory, ARCHIVE))
  })
}
