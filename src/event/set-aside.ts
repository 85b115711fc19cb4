/**
 * What is damaged is never thrown away: its bytes are kept in `set-aside/` beside the files, under the name of the file they
 * were in and where, and nothing removes them but the user. That events are lost with it stands in the list of losses first.
 */

import { join } from 'node:path'
import type { Failure } from '../base/failure.ts'
import { ok, type Result } from '../base/result.ts'
import { attempt, type Disk } from './disk.ts'
import type { Extent } from './held.ts'
import { keepLoss } from './losses.ts'

export type SetAside = {
  readonly path: string
  readonly why: string
  /** What is lost with it, where that is known. */
  readonly minNs: bigint | null
  readonly maxNs: bigint | null
  readonly events: number | null
}

export const SET_ASIDE = 'set-aside'

export type Damaged = {
  /** The file's name. */
  readonly name: string
  readonly at: number
  readonly why: string
  readonly facts: Extent | undefined
}

type Aside = { readonly directory: string; readonly ports: { readonly disk: Disk; readonly nowMs: () => number }; readonly nextNumber: number }

/** Keeps these bytes, and what is lost with them; done when both are on disk. Doing it again changes nothing. */
export function setAside({ directory, ports: { disk, nowMs }, nextNumber }: Aside, { name, at, why, facts }: Damaged, bytes: Uint8Array): Result<SetAside, Failure> {
  const kept = join(directory, SET_ASIDE)
  const key = `${name}.${at}`
  const path = join(kept, key)
  const lost = { why, minNs: facts?.minNs ?? null, maxNs: facts?.maxNs ?? null, events: facts?.nRows ?? null }
  // Where nobody knows from when events are missing, they had come by now.
  const noted = keepLoss(disk, directory, { ...lost, key, maxNs: lost.maxNs ?? BigInt(Math.round(nowMs())) * 1_000_000n, before: nextNumber })
  if (!noted.ok) return noted
  const written = attempt('set damaged events aside', () => {
    disk.makeDirectory(kept)
    const file = disk.open(path, 'new')
    try {
      file.write([bytes], 0)
      file.sync()
    } finally {
      file.close()
    }
    disk.syncDirectory(kept)
  })
  return written.ok ? ok({ path, ...lost }) : written
}
