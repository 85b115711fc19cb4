/**
 * Compares every file of the tree with how it was at the last pass: for where the system cannot watch. Costs a walk and a
 * stat per file each time. Files that cannot be seen now (beneath an unreadable directory) are left as they were.
 */

import { growTree, type Tree } from './tree.ts'
import type { WatchContext, Watcher } from './watcher.ts'

type Pass = { readonly tree: Tree; readonly files: ReadonlyMap<string, string> }

export function openPolling({ options, system, notes }: WatchContext, because: string): Watcher {
  const look = (): Pass => {
    const files = new Map<string, string>()
    const file = (path: string, realPath: string): void => {
      try {
        const { mtimeMs, ctimeMs, size, ino } = system.stat(realPath)
        files.set(path, `${mtimeMs}:${ctimeMs}:${size}:${ino}`)
      } catch {
        // gone since its directory was read
      }
    }
    return { files, tree: growTree(options, system, { enter: () => true, leave: () => undefined, file }) }
  }
  let last = look()
  return {
    means: 'polling',
    because,
    tree: () => last.tree,
    poll() {
      const now = look()
      const changed = [...now.files].filter(([path, state]) => last.files.get(path) !== state).map(([path]) => path)
      const gone = [...last.files.keys()].filter((path) => !now.files.has(path) && !isHidden(now.tree, path))
      for (const path of [...changed, ...gone]) {
        notes.count()
        notes.changed(path)
      }
      if (namesOf(now) !== namesOf(last)) notes.lose('unnamed_event')
      const hidden = [...last.files].filter(([path]) => !now.files.has(path) && isHidden(now.tree, path))
      last = { tree: now.tree, files: new Map([...now.files, ...hidden]) }
    },
    close: async () => undefined,
  }
}

function namesOf({ tree }: Pass): string {
  return JSON.stringify(tree.badNames.toSorted())
}

function isHidden({ problems }: Tree, path: string): boolean {
  return [...problems.keys()].some((hiding) => hiding === '' || path.startsWith(`${hiding}/`))
}
