/**
 * Watches by chokidar what is there when it begins; directories that come later stay with the watches that
 * `directories.ts` gives them. chokidar reads a new directory before it watches it and tells of changes later than of
 * others that came after them, so that a change could be missed or overtaken by a cookie; its raw events, which are what
 * the system says in the order it says it, have neither fault.
 */

import { basename, dirname } from 'node:path'
import type { Stats } from 'node:fs'
import type { DirectoriesWatcher } from './directories.ts'
import { SOURCE } from './tree.ts'
import { isLimit } from './watch-system.ts'
import { limitMessage, WatchLimit, type WatchContext, type Watcher } from './watcher.ts'

/** Takes over from `base` once it is ready. Rejects with WatchLimit when the system refuses; `base` is closed then. */
export async function takeOver(base: DirectoriesWatcher, { options: { root }, system, notes }: WatchContext): Promise<Watcher> {
  const tree = base.tree()
  const known = new Map([...tree.directories.values()].map(({ path, realPath }) => [realPath, path] as const))
  const isLinked = (realPath: string): boolean => realPath !== root && !known.has(dirname(realPath))
  const ignored = (path: string, stats?: Stats): boolean => {
    if (known.has(path)) return false
    return stats?.isDirectory() === true || !known.has(dirname(path)) || !SOURCE.test(path)
  }
  const watcher = system.chokidar([root, ...[...known.keys()].filter(isLinked)], {
    ignored, ignoreInitial: true, followSymlinks: false, atomic: false, ignorePermissionErrors: true,
  })
  const close = async (): Promise<void> => {
    await Promise.all([base.close(), watcher.close()])
    watcher.on('error', () => undefined) // work under way may still fail, and nobody wants to know
  }
  watcher.on('raw', (event, name, details) => {
    const { watchedPath } = details as { readonly watchedPath: string }
    const kind = event === 'rename' ? 'rename' : 'change'
    const directory = known.get(watchedPath)
    const home = known.get(dirname(watchedPath))
    if (directory !== undefined) base.hear(directory, kind, name || null)
    else if (home !== undefined) base.hear(home, kind, basename(watchedPath))
  })
  try {
    await new Promise<void>((resolve, reject) => {
      watcher.on('ready', resolve)
      watcher.on('error', (error) => {
        reject(error)
        if (isLimit(error)) notes.limit(limitMessage(error))
        else notes.lose('watcher_failed')
      })
    })
  } catch (error) {
    await close()
    throw new WatchLimit(limitMessage(error), { cause: error })
  }
  for (const path of known.values()) base.release(path)
  return { means: 'chokidar', tree: base.tree, close }
}
