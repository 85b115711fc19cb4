/** What follows from contents of files that were asked about, by their hashes, as views of the gateway's cache: trees, and maps between two versions. */

import { TIMELESS, type Cache } from '../memory/cache.ts'
import type { VersionMap } from '../model/version-map.ts'
import { parse } from '../syntax/parse.ts'
import type { Tree } from '../syntax/tree.ts'
import type { FileVersion, Snapshot } from '../store/contract.ts'

/** A tree costs about three times its source, and holds that as well. */
const BYTES_PER_SOURCE_BYTE = 4

/** Of an entry of a map: two ids that share most of their text with others. */
const BYTES_PER_ENTRY = 200

export type TreeCache = {
  treeOf(snapshot: Snapshot, path: string): Tree | undefined
  treeOfVersion(snapshot: Snapshot, path: string, version: FileVersion): Tree | undefined
  mapOf(key: string, make: () => VersionMap): VersionMap
}

export function createTreeCache(cache: Cache): TreeCache {
  const trees = cache.view<Tree>('trees', { sizeOf: ({ source }) => BYTES_PER_SOURCE_BYTE * source.length })
  const maps = cache.view<VersionMap>('version maps', { sizeOf: (map) => BYTES_PER_ENTRY * map.length })
  const treeBy = (hash: string, read: () => Uint8Array | undefined): Tree | undefined => {
    const known = trees.find(TIMELESS, hash)
    if (known !== undefined) return known
    const source = read()
    if (source === undefined) return undefined
    const tree = parse(source)
    trees.keep(TIMELESS, hash, tree)
    return tree
  }
  return {
    treeOf(snapshot, path) {
      const hash = snapshot.findFile(path)?.sourceHash
      return hash === undefined ? undefined : treeBy(hash, () => snapshot.sourceOf(path))
    },
    treeOfVersion: (snapshot, path, { number, sourceHash }) => treeBy(sourceHash, () => snapshot.versionSource(path, number)),
    mapOf(key, make) {
      const known = maps.find(TIMELESS, key)
      if (known !== undefined) return known
      const map = make()
      maps.keep(TIMELESS, key, map)
      return map
    },
  }
}
