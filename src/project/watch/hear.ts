/**
 * What one event of a watched directory means to the project: a file changed, a directory came or went, or something that
 * only a new walk can sort out (ignore rules, links). Synchronous, so that a cookie's event, which comes later, finds all
 * of it noted.
 */

import { existsSync } from 'node:fs'
import { basename, join } from 'node:path'
import { MIX_FILE } from '../find-root.ts'
import type { Notes } from './notes.ts'
import { childPath, enterDirectory, entryAt, exists, identityOf, isBadName, isReadable, leaveDirectory, SOURCE, takesFile, type Tree, type TreeDirectory, type Visitor } from './tree.ts'
import type { RawEvent } from './watch-system.ts'

export type Ear = { readonly tree: Tree; readonly notes: Notes; readonly visitor: Visitor }

/** `path` is of the directory that was watched. */
export function hear(ear: Ear, path: string, event: RawEvent, name: string | null): void {
  const { tree, notes } = ear
  notes.count()
  if (notes.isLost()) return
  const directory = tree.directories.get(path)
  if (directory === undefined) return
  if (name === null) return notes.lose('unnamed_event')
  if (event === 'rename' && name === basename(directory.realPath)) hearOfItself(ear, directory)
  if (changesRules(tree, directory, event, name)) return notes.lose('rules_changed')
  hearOfEntry(ear, directory, event, name)
}

/** Perhaps the directory itself was moved or removed. For others than these the directory above tells. */
function hearOfItself({ tree, notes }: Ear, { path, realPath }: TreeDirectory): void {
  if (path === '' && identityOf(tree.system, realPath) !== tree.rootIdentity) notes.lose('root_replaced')
  if (tree.links.has(path) && !exists(tree.system, realPath)) notes.lose('links_changed')
}

function changesRules({ options, system }: Tree, { realPath, hasMixFile }: TreeDirectory, event: RawEvent, name: string): boolean {
  if (name === '.gitignore') return options.respectGitignore
  return name === MIX_FILE && event === 'rename' && exists(system, join(realPath, MIX_FILE)) !== hasMixFile
}

function hearOfEntry(ear: Ear, directory: TreeDirectory, event: RawEvent, name: string): void {
  const { tree, notes } = ear
  const path = childPath(directory.path, name)
  const isSource = SOURCE.test(name)
  if (isSource && takesFile(tree, directory, path)) notes.changed(path)
  const alias = tree.aliases.get(join(directory.realPath, name))
  if (alias !== undefined) notes.changed(alias)
  if (event === 'change') return hearOfMode(ear, tree.directories.get(path))
  // What is not UTF-8 comes with U+FFFD, and then no path leads there: a walk names it as a problem.
  if (isBadName(tree, { path, realPath: join(directory.realPath, name) })) return notes.lose('unnamed_event')
  if (tree.directories.has(path)) {
    notes.changed(path)
    if (leaveDirectory(tree, path, ear.visitor)) notes.lose('links_changed')
  }
  if (tree.links.has(path)) return notes.lose('links_changed')
  if (isSource || tree.globs.mayHold(path)) hearOfArrival(ear, directory, name)
}

/** Of a directory nothing changes but who may read it, and its times. */
function hearOfMode({ tree, notes }: Ear, directory: TreeDirectory | undefined): void {
  if (directory === undefined) return
  const readable = isReadable(tree.system, directory.realPath)
  if (readable === tree.problems.has(directory.path)) notes.lose(readable ? 'readable_again' : 'unreadable')
}

/** Also of what is replaced by another of the same name. */
function hearOfArrival({ tree, notes, visitor }: Ear, directory: TreeDirectory, name: string): void {
  const realPath = join(directory.realPath, name)
  const entry = entryAt(tree.system, realPath)
  tree.dangling.delete(realPath)
  if (entry?.isSymbolicLink() === true) {
    if (!tree.options.followSymlinks) return
    if (existsSync(realPath)) notes.lose('links_changed')
    else tree.dangling.add(realPath)
  } else if (entry?.isDirectory() === true) {
    if (enterDirectory(tree, directory, name, visitor)) notes.lose(isReadable(tree.system, realPath) ? 'links_changed' : 'unreadable')
  }
}
