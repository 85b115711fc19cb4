/**
 * Looks through a finished file for damage: every checksum is compared. A damaged block is set aside and leaves the file, by
 * a new footer behind the old one; the other blocks stay where they are.
 */

import type { Failure } from '../base/failure.ts'
import { fail, ok, type Result } from '../base/result.ts'
import { keysIn } from './block-entry.ts'
import { closeFile, type FileEntry, type FileIndex, finishFile, readEntry, reopenBlockFile } from './block-file.ts'
import { attempt } from './disk.ts'
import type { Extent } from './held.ts'
import { setAside, type SetAside } from './set-aside.ts'
import { type EventStore, stateHeld } from './store-state.ts'

/** The finished file of that name; what was set aside, where it was damaged. Takes as long as to read the file. */
export function examine(store: EventStore, name: string): Result<readonly SetAside[], Failure> {
  const { disk } = store.ports
  const index = store.files.find((file) => file.name === name)
  if (index === undefined) return ok([])
  const damaged = []
  const sound = []
  for (const entry of index.entries) {
    const block = readEntry(disk, index.path, entry)
    if (!block.ok) return block
    if (block.value === 'damaged') damaged.push({ at: entry.at, nBytes: entry.nBytes, why: 'damaged' as const, facts: entry })
    else sound.push({ entry, keys: keysIn(block.value) })
  }
  if (damaged.length === 0) return ok([])
  const kept = setLostAside(store, index, damaged)
  if (!kept.ok) return kept
  const size = attempt('look at a file of events', () => disk.stat(index.path)?.nBytes ?? index.nBytes)
  if (!size.ok) return size
  const reopened = reopenBlockFile(disk, { ...index, nBytes: size.value, entries: sound.map(({ entry }) => entry), isFinished: false }, sound.map(({ keys }) => keys))
  if (!reopened.ok) return reopened
  const failed = finishFile(reopened.value)
  closeFile(reopened.value)
  if (failed !== undefined) return fail(failed)
  store.files = store.files.map((file) => (file === index ? reopened.value.index : file))
  stateHeld(store)
  return kept
}

/** A part of a file that cannot be read, or that was there and is not any more. */
export type LostPart = Pick<FileEntry, 'at' | 'nBytes'> & { readonly why: keyof typeof WHY; readonly facts: Extent | undefined }

export const DAMAGED = 'a block of events has another checksum than when it was written'
const WHY = {
  damaged: DAMAGED,
  'cut off': 'a file of events ends before events that it held',
} as const

/** Keeps the bytes of lost blocks of a file. */
export function setLostAside(store: EventStore, { path, name }: FileIndex, lost: readonly LostPart[]): Result<readonly SetAside[], Failure> {
  const { disk } = store.ports
  const all: SetAside[] = []
  for (const { at, nBytes, why, facts } of lost) {
    const bytes = attempt('read a file of events', () => {
      const file = disk.open(path, 'read')
      try {
        const into = Buffer.alloc(nBytes)
        return into.subarray(0, file.read(into, at))
      } finally {
        file.close()
      }
    })
    if (!bytes.ok) return bytes
    const kept = setAside(store, { name, at, why: WHY[why], facts }, bytes.value)
    if (!kept.ok) return kept
    all.push(kept.value)
  }
  return ok(all)
}
