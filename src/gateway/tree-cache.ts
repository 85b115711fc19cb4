/**
 * Trees of files that were asked about, by content: the least recently used go first when the sources of those kept grow
 * beyond a budget. A tree costs about three times its source.
 */

import { parse } from '../syntax/parse.ts'
import type { Tree } from '../syntax/tree.ts'
import type { Snapshot } from '../store/contract.ts'

const SOURCE_BUDGET_BYTES = 8 << 20

export type TreeCache = { treeOf(snapshot: Snapshot, path: string): Tree | undefined }

export function createTreeCache(): TreeCache {
  const trees = new Map<string, Tree>()
  let bytes = 0
  const keep = (hash: string, tree: Tree): Tree => {
    trees.set(hash, tree)
    bytes += tree.source.length
    for (const [oldest, { source }] of trees) {
      if (bytes <= SOURCE_BUDGET_BYTES || oldest === hash) break
      trees.delete(oldest)
      bytes -= source.length
    }
    return tree
  }
  return {
    treeOf(snapshot, path) {
      const hash = snapshot.findFile(path)?.sourceHash
      if (hash === undefined) return undefined
      const known = trees.get(hash)
      if (known !== undefined) {
        trees.delete(hash)
        trees.set(hash, known)
        return known
      }
      const source = snapshot.sourceOf(path)
      return source === undefined ? undefined : keep(hash, parse(source))
    },
  }
}
