/**
 * What is damaged is never thrown away: its bytes are kept in `set-aside/` beside the files, under the name of the file they
 * were in and where, and nothing removes them but the user.
 */

import { join } from 'node:path'
import type { Failure } from '../base/failure.ts'
import type { Result } from '../base/result.ts'
import { attempt, type Disk } from './disk.ts'

export type SetAside = {
  readonly path: string
  readonly why: string
  /** What is lost with it, where that is known. */
  readonly minNs: bigint | null
  readonly maxNs: bigint | null
  readonly events: number | null
}

export const SET_ASIDE = 'set-aside'

type Damaged = {
  /** The file's name. */
  readonly name: string
  readonly at: number
  readonly why: string
  readonly facts?: { readonly minNs: bigint; readonly maxNs: bigint; readonly nRows: number } | undefined
}

/** Keeps these bytes; done when they are on disk. Doing it again changes nothing. */
export function setAsideBytes(disk: Disk, directory: string, { name, at, why, facts }: Damaged, bytes: Uint8Array): Result<SetAside, Failure> {
  const kept = join(directory, SET_ASIDE)
  const path = join(kept, `${name}.${at}`)
  return attempt('set damaged events aside', () => {
    disk.makeDirectory(kept)
    const file = disk.open(path, 'new')
    try {
      file.write([bytes], 0)
      file.sync()
    } finally {
      file.close()
    }
    disk.syncDirectory(kept)
    return { path, why, minNs: facts?.minNs ?? null, maxNs: facts?.maxNs ?? null, events: facts?.nRows ?? null }
  })
}
