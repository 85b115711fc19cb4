/**
 * Compares what was found on disk with what the repository holds, by size and time. What may have changed is wanted:
 * whoever reads it compares the hash of its content before parsing. Pure.
 *
 * Invariant: every path found or held is in exactly one of the lists, or counted as unchanged.
 */

import type { FileState } from '../store/contract.ts'
import type { Discovery, UnreadableFile } from './discover.ts'
import type { WantedFile } from './parse-files.ts'

export type Comparison = {
  /** To be read; in order of path. The hash that is known is null where the file must be parsed whatever it holds. */
  readonly wanted: readonly (WantedFile & { readonly size: number })[]
  /** How many files are as they were. */
  readonly unchanged: number
  /** There, but not to be read. */
  readonly unreadable: readonly UnreadableFile[]
  /** Held, and gone from the disk; in order of path. */
  readonly removed: readonly string[]
  /** Held, and hidden from us now (a directory that cannot be read, a walk cut short): neither gone nor known. */
  readonly hidden: readonly string[]
}

/** `everything` wants each file parsed, changed or not. */
export function compare(found: Discovery, held: ReadonlyMap<string, FileState>, mode: 'changed' | 'everything'): Comparison {
  const wanted: (WantedFile & { readonly size: number })[] = []
  for (const { path, size, changedNs } of found.files) {
    const state = held.get(path)
    const isKnown = mode === 'changed' && state?.readable === true
    if (!isKnown) wanted.push({ path, size, changedNs, knownHash: null })
    else if (state.size !== size || state.changedNs !== changedNs) wanted.push({ path, size, changedNs, knownHash: state.sourceHash })
  }
  const there = new Set([...found.files, ...found.unreadable].map((file) => file.path))
  const missing = [...held.keys()].filter((path) => !there.has(path)).sort()
  const isHidden = hiddenBy(found)
  return {
    wanted, unchanged: found.files.length - wanted.length, unreadable: found.unreadable,
    removed: missing.filter((path) => !isHidden(path)), hidden: missing.filter(isHidden),
  }
}

function hiddenBy({ problems }: Discovery): (path: string) => boolean {
  const hiding = problems.map(({ path }) => (path === '' ? '' : `${path}/`))
  return (path) => hiding.some((prefix) => path.startsWith(prefix))
}
