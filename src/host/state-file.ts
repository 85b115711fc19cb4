/**
 * daemon.json: where the running daemon of a project can be reached. Written whole once the daemon is ready, removed when
 * it stops in order; after a crash it stays, so a reader asks the lock whether it still holds true.
 */

import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import type { Failure } from '../base/failure.ts'
import type { Result } from '../base/result.ts'
import { isLockHeld } from './lock.ts'
import { LOCK_FILE, STATE_FILE, type BasePaths } from './paths.ts'
import { writeWhole } from './private-files.ts'

export const daemonState = z.object({
  pid: z.int(),
  version: z.string(),
  wire_version: z.int(),
  node_version: z.string(),
  project_root: z.string(),
  profile: z.string(),
  socket: z.string(),
  /** Null when HTTP is switched off. */
  http: z.string().nullable(),
  /** Null when the log goes to a terminal. */
  log_file: z.string().nullable(),
  started_at: z.string(),
  /** The process that starts the daemon again when it aborts. Null in the foreground. */
  heart: z.object({ pid: z.int(), restarts: z.int() }).nullable(),
})

export type DaemonState = z.infer<typeof daemonState>

export type KnownDaemon = { readonly state: DaemonState; readonly stateDir: string; readonly status: 'running' | 'gone' }

export function writeDaemonState(path: string, state: DaemonState): Result<void, Failure> {
  return writeWhole(path, `${JSON.stringify(state, null, 2)}\n`)
}

/** Undefined when there is none, or what is there is no state of ours. */
export function readDaemonState(path: string): DaemonState | undefined {
  try {
    return daemonState.parse(JSON.parse(readFileSync(path, 'utf8')))
  } catch {
    return undefined // no daemon has come so far, or another version wrote it: then nothing is known
  }
}

export function removeDaemonState(path: string): void {
  rmSync(path, { force: true })
}

/** The daemons of all projects of this user, by project root. */
export function listDaemons({ projects }: BasePaths): KnownDaemon[] {
  const known = directoriesIn(projects).map((name) => knownDaemon(join(projects, name))).filter((daemon) => daemon !== undefined)
  return known.sort((a, b) => (a.state.project_root < b.state.project_root ? -1 : 1))
}

function knownDaemon(stateDir: string): KnownDaemon | undefined {
  const state = readDaemonState(join(stateDir, STATE_FILE))
  return state && { state, stateDir, status: isLockHeld(join(stateDir, LOCK_FILE)) ? 'running' : 'gone' }
}

function directoriesIn(path: string): string[] {
  try {
    return readdirSync(path)
  } catch {
    return [] // no daemon was ever started
  }
}
