/**
 * From paths that changed to a batch: what the store holds of each is looked up, what the disk has is read and analysed, in
 * the thread that asks. A path is a source file, or a directory that came or went, which stands for all files held below it.
 */

import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import type { Snapshot } from '../../store/contract.ts'
import { parseFiles, type FileOutcome } from '../parse-files.ts'
import type { Prepared, UpdateBatch } from './protocol.ts'

export type PrepareOptions = { readonly root: string; readonly maxFileBytes: number }

/** Files and bytes that are read here; beyond, the parser pool is faster. */
export const MAX_FILES = 64
export const MAX_BYTES = 4 << 20

export function prepareBatch(options: PrepareOptions, snapshot: Snapshot, paths: readonly string[]): Prepared {
  const files = new Map<string, string | null>()
  for (const path of paths) {
    const hash = snapshot.findFile(path)?.sourceHash
    if (hash !== undefined || isSource(path)) files.set(path, hash ?? null)
    for (const held of snapshot.filesBelow(path, MAX_FILES + 1)) files.set(held.path, held.sourceHash)
    if (files.size > MAX_FILES) return { type: 'too_many' }
  }
  if (bytesOf(options.root, [...files.keys()]) > MAX_BYTES) return { type: 'too_many' }
  return { type: 'batch', batch: read(options, files) }
}

/** The watcher names files of the project only; a directory has no such ending, or is not read as a file. */
function isSource(path: string): boolean {
  return /\.exs?$/.test(path)
}

function read({ root, maxFileBytes }: PrepareOptions, files: ReadonlyMap<string, string | null>): UpdateBatch {
  const wanted = [...files].map(([path, knownHash]) => ({ path, knownHash, changedNs: 0n }))
  const outcomes = [...parseFiles(root, wanted, maxFileBytes)]
  return { changes: outcomes.map((outcome) => ({ outcome, knownHash: files.get(outcome.path) ?? null })).filter(isNews) }
}

/** A file that is neither there nor held was somebody's draft. */
function isNews({ outcome, knownHash }: { readonly outcome: FileOutcome; readonly knownHash: string | null }): boolean {
  return outcome.kind !== 'gone' || knownHash !== null
}

function bytesOf(root: string, paths: readonly string[]): number {
  return paths.reduce((sum, path) => sum + sizeOf(join(root, path)), 0)
}

/** Too much where nothing can be found out, as below a directory that must not be entered: what that means, an import knows. */
function sizeOf(absolute: string): number {
  try {
    return lstatSync(absolute, { throwIfNoEntry: false })?.size ?? 0
  } catch {
    return Infinity
  }
}
