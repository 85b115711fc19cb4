/** Trees of files that were asked about, by content, as a view of the gateway's cache. */

import { TIMELESS, type Cache } from '../memory/cache.ts'
import { parse } from '../syntax/parse.ts'
import type { Tree } from '../syntax/tree.ts'
import type { Snapshot } from '../store/contract.ts'

/** A tree costs about three times its source, and holds that as well. */
const BYTES_PER_SOURCE_BYTE = 4

export type TreeCache = { treeOf(snapshot: Snapshot, path: string): Tree | undefined }

export function createTreeCache(cache: Cache): TreeCache {
  const trees = cache.view<Tree>('trees', { sizeOf: ({ source }) => BYTES_PER_SOURCE_BYTE * source.length })
  return {
    treeOf(snapshot, path) {
      const hash = snapshot.findFile(path)?.sourceHash
      if (hash === undefined) return undefined
      const known = trees.find(TIMELESS, hash)
      if (known !== undefined) return known
      const source = snapshot.sourceOf(path)
      if (source === undefined) return undefined
      const tree = parse(source)
      trees.keep(TIMELESS, hash, tree)
      return tree
    },
  }
}
