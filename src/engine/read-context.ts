/** What a read needs, as plain arguments: one snapshot, and what the daemon knows about itself. */

import type { VersionMap } from '../model/version-map.ts'
import type { FileVersion, Snapshot } from '../store/contract.ts'
import type { Tree } from '../syntax/tree.ts'
import type { Freshness } from './answer.ts'

export type Identity = {
  readonly version: string
  readonly projectRoot: string
  readonly pid: number
}

/** `usedBytes` is read when asked. */
export type MemoryUse = { readonly maxBytes: number; readonly usedBytes: () => number }

export type ReadContext = {
  readonly snapshot: Snapshot
  /** True once the files have been compared with the store since the start. */
  readonly verified: boolean
  /** True while files are known to have changed that are not in the store yet. */
  readonly stale: boolean
  readonly identity: Identity
  readonly memory: MemoryUse
  /** The tree of a file as it was analysed; undefined for a file the snapshot does not know. */
  readonly treeOf: (path: string) => Tree | undefined
  /** The tree of a version that is kept; undefined for one that could not be read. */
  readonly treeOfVersion: (path: string, version: FileVersion) => Tree | undefined
  /** The map from one content to another, which `make` finds unless it is known by its key. */
  readonly mapOf: (key: string, make: () => VersionMap) => VersionMap
}

export function freshness(context: ReadContext): Freshness {
  const { epoch, writtenAt, importState, unreadableFiles } = context.snapshot
  return { epoch, writtenAt, importState, unreadableFiles, verified: context.verified, stale: context.stale }
}
