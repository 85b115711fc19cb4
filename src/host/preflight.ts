/**
 * What must hold before the root supervisor starts, checked in one go: runtime, configuration, directories, disk, store,
 * lock. All failures are reported at once, each with its remedy; a check that builds on one that failed is left out. The
 * lock comes last and is held from then on, so that nothing of a refused daemon remains.
 */

import { statfsSync } from 'node:fs'
import type { Config } from '../../config/schema.ts'
import { failure, type Failure } from '../base/failure.ts'
import { fail, ok, type Result } from '../base/result.ts'
import { acquireLock, type Lock, type LockOwner } from './lock.ts'
import type { ProjectPaths } from './paths.ts'
import { ensurePrivateDirectory, probeWritable } from './private-files.ts'
import type { LoadedConfig } from './resolve-config.ts'

export type PreflightOptions = {
  readonly config: Result<LoadedConfig, readonly Failure[]>
  readonly paths: ProjectPaths
  readonly uid: number
  /** `process.versions.node`. */
  readonly nodeVersion: string
  readonly owner: LockOwner
  /** Whether the store's file can be used by this version; a file that is not there yet can. Runs under the lock. */
  readonly checkStore: (databasePath: string) => Failure | undefined
  /** Bytes that this user may still write there; null where that cannot be found out. */
  readonly freeBytes?: (directory: string) => number | null
}

export type Cleared = { readonly loaded: LoadedConfig; readonly lock: Lock }

const MIN_NODE_MAJOR = 24

export function preflight(options: PreflightOptions): Result<Cleared, readonly Failure[]> {
  const { config, paths } = options
  const directories = [checkDirectory(paths.stateDir, options.uid), checkDirectory(paths.socketDir, options.uid)].filter((found) => found !== undefined)
  const failures = [
    checkRuntime(options.nodeVersion),
    ...(config.ok ? [] : config.error),
    ...directories,
    config.ok && directories.length === 0 ? checkFreeSpace(options, config.value.config) : undefined,
  ].filter((found) => found !== undefined)
  const lock = directories.length === 0 ? acquireLock(paths.lock, options.owner) : undefined
  if (lock?.ok === false) failures.push(lock.error)
  const store = lock?.ok === true && isKept(config) ? options.checkStore(paths.database) : undefined
  if (store) failures.push(store)
  if (config.ok && lock?.ok === true && failures.length === 0) return ok({ loaded: config.value, lock: lock.value })
  if (lock?.ok === true) lock.value.release()
  return fail(failures)
}

export function freeBytesAt(directory: string): number | null {
  try {
    const { bavail, bsize } = statfsSync(directory)
    return bavail * bsize
  } catch {
    return null // not every file system tells
  }
}

/** A store in memory has no file that could be of another version. */
function isKept(config: PreflightOptions['config']): boolean {
  return !config.ok || config.value.config.storage.backend === 'disk'
}

function checkRuntime(version: string): Failure | undefined {
  if (Number.parseInt(version, 10) >= MIN_NODE_MAJOR) return undefined
  return failure('unsupported', `Node ${version} is too old; ${MIN_NODE_MAJOR} or newer is needed`, { hint: 'install a newer Node, or run `npm run setup` in a checkout' })
}

function checkDirectory(directory: string, uid: number): Failure | undefined {
  const made = ensurePrivateDirectory(directory, uid)
  const usable = made.ok ? probeWritable(directory) : made
  return usable.ok ? undefined : usable.error
}

function checkFreeSpace({ paths, freeBytes = freeBytesAt }: PreflightOptions, { storage }: Config): Failure | undefined {
  const free = freeBytes(paths.stateDir)
  if (free === null || free >= storage.minFreeBytes) return undefined
  return failure('storage_full', `${free} bytes are free at ${paths.stateDir}; ${storage.minFreeBytes} are needed (storage.minFreeBytes)`, {
    hint: 'free disk space, lower storage.minFreeBytes, or set ELIXIR_SCOPE_HOME to another disk',
  })
}
