/**
 * Watches each directory of the tree by itself, for its entries: cheap, however many files there are. What is heard is
 * noted in the order of events, and directories that come are watched before they are read.
 */

import { dirname, join } from 'node:path'
import { hear } from './hear.ts'
import type { Notes } from './notes.ts'
import { growTree, type Tree, type Visitor } from './tree.ts'
import { codeOf, isGone, isLimit, type RawEvent } from './watch-system.ts'
import { limitMessage, WatchLimit, type WatchContext, type Watcher } from './watcher.ts'

export type DirectoriesWatcher = Watcher & {
  /** What was heard by other means of a directory of the tree. */
  hear(path: string, event: RawEvent, name: string | null): void
  /** Gives a directory out of hand: others watch it from now on. */
  release(path: string): void
}

type Listener = (event: RawEvent, name: string | null) => void
type Watches = {
  /** False when nothing is there. Without the right to read it, it is not watched. Throws WatchLimit. */
  add(key: string, directory: string, listener: Listener): boolean
  remove(key: string): void
  removeAll(): void
}

/** Throws WatchLimit when the system refuses; nothing is left watched then. */
export function openDirectories(context: WatchContext): DirectoriesWatcher {
  const { options, system, notes } = context
  const watches = createWatches(context)
  let tree: Tree | undefined

  const listen = (path: string, event: RawEvent, name: string | null): void => {
    if (tree === undefined) return
    try {
      hear({ tree, notes, visitor }, path, event, name)
    } catch (error) {
      if (!(error instanceof WatchLimit)) throw error
      notes.limit(error.message)
    }
  }
  const visitor: Visitor = {
    enter: (path, realPath) => watches.add(path, realPath, (event, name) => listen(path, event, name)),
    leave: watches.remove,
    file: (path) => void (tree !== undefined && notes.changed(path)),
  }
  try {
    const grown = growTree(options, system, visitor)
    watchAliases(grown, watches, notes)
    tree = grown
    return { means: 'directories', tree: () => grown, hear: listen, release: watches.remove, close: async () => watches.removeAll() }
  } catch (error) {
    watches.removeAll()
    throw error
  }
}

function createWatches({ system, notes }: WatchContext): Watches {
  const closers = new Map<string, () => void>()
  const failed = (error: unknown): void => (isLimit(error) ? notes.limit(limitMessage(error)) : notes.lose('watcher_failed'))
  const remove = (key: string): void => {
    closers.get(key)?.()
    closers.delete(key)
  }
  return {
    add(key, directory, heard) {
      remove(key)
      try {
        closers.set(key, system.watch(directory, { heard, failed }))
      } catch (error) {
        if (isGone(error)) return false
        if (!['EACCES', 'EPERM'].includes(codeOf(error))) throw new WatchLimit(limitMessage(error))
      }
      return true
    },
    remove,
    removeAll: () => [...closers.keys()].forEach(remove),
  }
}

/** Files that links reach, and that lie where no directory of the tree is. */
function watchAliases(tree: Tree, watches: Watches, notes: Notes): void {
  for (const home of new Set([...tree.aliases.keys()].map((path) => dirname(path)))) {
    if (tree.realPaths.has(home)) continue
    watches.add(home, home, (_event, name) => {
      const alias = tree.aliases.get(join(home, name ?? ''))
      if (alias === undefined) return
      notes.count()
      notes.changed(alias)
    })
  }
}
