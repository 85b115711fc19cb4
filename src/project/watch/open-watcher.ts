/**
 * Chooses by what means a project is watched: chokidar where there are few files, a watch per directory where there are
 * many, comparing at intervals where the system cannot watch or does not tell of what others change.
 */

import { takeOver } from './chokidar.ts'
import { openDirectories, type DirectoriesWatcher } from './directories.ts'
import { openPolling } from './polling.ts'
import { WatchLimit, type WatchContext, type Watcher } from './watcher.ts'

/** chokidar watches each file, at 15 kB of memory: beyond this, too much of what the daemon may use at 1,000 modules. docs/WATCHING.md has the figures. */
const MAX_CHOKIDAR_FILES = 500

/** Numbers from statfs(2) on Linux. What others write there goes unreported. */
const REMOTE_FILE_SYSTEMS: Readonly<Record<number, string>> = {
  0x6969: 'NFS', 0x517b: 'SMB', 0xff534d42: 'CIFS', 0xfe534d42: 'SMB2', 0x01021997: '9P', 0x65735546: 'FUSE', 0x5346414f: 'AFS', 0x73757245: 'Coda',
  0x786f4256: 'vboxsf', 0x00c36400: 'Ceph', 0x7c7c6673: 'prl_fs',
}

/** Throws the system's errors when the root cannot be looked at at all. */
export async function openWatcher(context: WatchContext, maxChokidarFiles: number = MAX_CHOKIDAR_FILES): Promise<Watcher> {
  const remote = REMOTE_FILE_SYSTEMS[context.system.fileSystemType(context.options.root)]
  if (process.platform === 'linux' && remote !== undefined) return openPolling(context, `the project lies on a ${remote} file system, which does not tell of changes made elsewhere`)
  let base: DirectoriesWatcher
  try {
    base = openDirectories(context)
    return base.tree().nFiles > maxChokidarFiles ? base : await takeOver(base, context)
  } catch (error) {
    if (!(error instanceof WatchLimit)) throw error
    return openPolling(context, error.message)
  }
}
