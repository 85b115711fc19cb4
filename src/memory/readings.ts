/**
 * Collects what the budget needs from the files in which Linux states memory limits. A limit may sit on the own control
 * group or on any above it, and inside a container the path that the process sees may not exist below the mount; so every
 * candidate from the own group up to the root is tried and the absent ones are left out. Elsewhere no file is found, and
 * the machine's memory alone counts. The reading itself is handed in.
 */

import { posix } from 'node:path'
import type { MemoryReadings } from './budget.ts'

export type ReadingSource = {
  readonly totalBytes: number
  /** Undefined when the file is absent or cannot be read. */
  readonly readText: (path: string) => string | undefined
}

const SELF = '/proc/self/cgroup'
const V2 = { root: '/sys/fs/cgroup', files: ['memory.max', 'memory.high'] }
const V1 = { root: '/sys/fs/cgroup/memory', files: ['memory.limit_in_bytes'] }

export function readMemoryReadings({ totalBytes, readText }: ReadingSource): MemoryReadings {
  const groupLimits = limitFiles(readText(SELF) ?? '').flatMap((path) => readText(path) ?? [])
  return { totalBytes, groupLimits }
}

/** The files that may hold a limit, given the text of /proc/self/cgroup. */
export function limitFiles(ownGroups: string): string[] {
  const lines = ownGroups.split('\n').map((line) => /^\d+:([^:]*):(\/.*)$/.exec(line)).filter((match) => match !== null)
  const paths = lines.flatMap(([, controllers = '', group = '/']) => {
    if (controllers === '') return candidates(V2, group)
    return controllers.split(',').includes('memory') ? candidates(V1, group) : []
  })
  return [...new Set([...paths, ...candidates(V2, '/'), ...candidates(V1, '/')])]
}

function candidates({ root, files }: typeof V2, group: string): string[] {
  const here = files.map((file) => posix.join(root, group, file))
  return group === '/' ? here : [...here, ...candidates({ root, files }, posix.dirname(group))]
}
