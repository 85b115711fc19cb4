/**
 * The directories of a project that matter to watching, found by the rules of `discover.ts`: the same globs, ignore rules
 * and links. Files are shown to a visitor and counted, not kept.
 *
 * Invariant: a directory is shown to the visitor before its entries are read, so that what changes in between is heard.
 * Absent on purpose: sizes and times of files, which decide nothing here, and what a file that cannot be read means.
 */

import { realpathSync, statSync, type Dirent, type Stats } from 'node:fs'
import { basename, dirname, join, sep } from 'node:path'
import { USUAL_PLACES, type DiscoverOptions } from '../discover.ts'
import { MIX_FILE } from '../find-root.ts'
import { readRules, rulesAbove } from '../git-rules.ts'
import { addRules, isIgnored, NO_RULES, type IgnoreRules } from '../ignore-rules.ts'
import { compileGlobs, type IncludeGlobs } from '../include-globs.ts'
import type { WatchProblem } from './protocol.ts'
import { codeOf, isGone, type WatchSystem } from './watch-system.ts'

export type TreeOptions = Pick<DiscoverOptions, 'root' | 'include' | 'exclude' | 'respectGitignore' | 'followSymlinks'>

export const SOURCE = /\.exs?$/

export type TreeDirectory = {
  /** Relative to the root; '' for the root. */
  readonly path: string
  readonly realPath: string
  readonly git: IgnoreRules
  readonly excluded: IgnoreRules
  readonly hasMixFile: boolean
}

export type Visitor = {
  /** Before the directory is read. False: it is gone or cannot be watched, and is left out. */
  enter(path: string, realPath: string): boolean
  leave(path: string): void
  /** A source file of the project. */
  file(path: string, realPath: string): void
}

export type Tree = {
  readonly options: TreeOptions
  readonly system: WatchSystem
  readonly globs: IncludeGlobs
  readonly rootIdentity: string | undefined
  /** From the directory that the rules of .gitignore count from to the root: '' or `sub/`. */
  readonly gitPrefix: string
  readonly directories: Map<string, TreeDirectory>
  readonly realPaths: Map<string, TreeDirectory>
  /** Links that lead somewhere, followed or not. */
  readonly links: Set<string>
  /** Links (their absolute paths) that lead nowhere: nobody says when there is something, so they are looked at now and then. */
  readonly dangling: Set<string>
  /** Real path of a file -> the link that makes it one of the project. */
  readonly aliases: Map<string, string>
  readonly problems: Map<string, WatchProblem>
  /** Sources or directories whose names are not UTF-8, as they come: with U+FFFD, and no path leads there. */
  readonly badNames: string[]
  nFiles: number
}

type Place = Pick<TreeDirectory, 'path' | 'realPath' | 'git' | 'excluded'>
type Walk = { readonly tree: Tree; readonly visitor: Visitor; readonly stack: Place[]; readonly links: Place[] }

/** The visitor's throws end the walk. */
export function growTree(options: TreeOptions, system: WatchSystem, visitor: Visitor): Tree {
  const { root, include, exclude, respectGitignore } = options
  const isMix = exists(system, join(root, MIX_FILE))
  const git = respectGitignore ? rulesAbove(root) : { rules: NO_RULES, prefix: '' }
  const tree: Tree = {
    options, system, globs: compileGlobs(include ?? (isMix ? USUAL_PLACES : ['**'])), gitPrefix: git.prefix, rootIdentity: identityOf(system, root),
    directories: new Map(), realPaths: new Map(), links: new Set(), dangling: new Set(), aliases: new Map(), problems: new Map(), badNames: [], nFiles: 0,
  }
  walk(tree, visitor, { path: '', realPath: root, git: git.rules, excluded: addRules(NO_RULES, '', exclude) })
  return tree
}

/** A directory that has come. True when it, or anything beneath, is a link or cannot be read: that takes a new walk to sort out. */
export function enterDirectory(tree: Tree, parent: TreeDirectory, name: string, visitor: Visitor): boolean {
  const place = placeIn(parent, name)
  if (!mayEnter(tree, place)) return false
  const nBefore = tree.links.size + tree.problems.size
  walk(tree, visitor, place)
  return tree.links.size + tree.problems.size > nBefore
}

/** A directory that has gone, with all beneath. True when there were links among them. */
export function leaveDirectory(tree: Tree, path: string, visitor: Visitor): boolean {
  const isBeneath = (other: string): boolean => other === path || other.startsWith(`${path}/`)
  for (const directory of [...tree.directories.values()].filter((each) => isBeneath(each.path))) {
    tree.directories.delete(directory.path)
    tree.realPaths.delete(directory.realPath)
    visitor.leave(directory.path)
  }
  for (const problem of [...tree.problems.keys()].filter(isBeneath)) tree.problems.delete(problem)
  return [...tree.links].some(isBeneath)
}

/** Whether a source file at this path is one of the project; what a link has brought before has that link's path. */
export function takesFile(tree: Tree, directory: TreeDirectory, path: string): boolean {
  if (tree.aliases.has(join(directory.realPath, basename(path)))) return false
  return tree.globs.includes(path) && !isLeftOut(tree, { ...directory, path }, 'file')
}

export function childPath(directory: string, name: string): string {
  return directory === '' ? name : `${directory}/${name}`
}

export function exists(system: WatchSystem, path: string): boolean {
  return entryAt(system, path) !== undefined
}

export function entryAt(system: WatchSystem, path: string): Stats | undefined {
  try {
    return system.stat(path)
  } catch {
    return undefined // gone, or behind what cannot be entered: not there for us
  }
}

/** Tells a directory from another in its place; undefined when there is none. */
export function identityOf(system: WatchSystem, directory: string): string | undefined {
  const stat = entryAt(system, directory)
  return stat?.isDirectory() === true ? `${stat.dev}:${stat.ino}` : undefined
}

export function isReadable(system: WatchSystem, directory: string): boolean {
  try {
    system.readDirectory(directory)
    return true
  } catch {
    return false
  }
}

// The walk: real entries first, links after them, as in `discover.ts`

function walk(tree: Tree, visitor: Visitor, start: Place): void {
  const walk: Walk = { tree, visitor, stack: [start], links: [] }
  enterAll(walk)
  while (walk.links.length > 0) {
    for (const link of walk.links.splice(0).sort((a, b) => (a.path < b.path ? -1 : 1))) {
      followLink(walk, link)
      enterAll(walk)
    }
  }
}

function enterAll(walk: Walk): void {
  for (let place = walk.stack.pop(); place !== undefined; place = walk.stack.pop()) {
    if (!walk.tree.realPaths.has(place.realPath)) readPlace(walk, place)
  }
}

function readPlace(walk: Walk, place: Place): void {
  const { tree, visitor } = walk
  if (!visitor.enter(place.path, place.realPath)) return
  let entries: Dirent[] = []
  try {
    entries = tree.system.readDirectory(place.realPath)
  } catch (error) {
    if (isGone(error)) return visitor.leave(place.path)
    const code = codeOf(error)
    tree.problems.set(place.path, { path: place.path, code, message: `the directory ${place.path || '.'} cannot be read (${code}); it is tried again` })
  }
  const directory = withRulesOf(tree, place, entries)
  tree.directories.set(directory.path, directory)
  tree.realPaths.set(directory.realPath, directory)
  for (const entry of entries) visit(walk, directory, entry)
}

function withRulesOf(tree: Tree, place: Place, entries: readonly Dirent[]): TreeDirectory {
  const { respectGitignore, exclude } = tree.options
  const hasRules = respectGitignore && entries.some(({ name }) => name === '.gitignore')
  const hasMixFile = entries.some(({ name }) => name === MIX_FILE)
  return {
    ...place, hasMixFile,
    git: hasRules ? readRules(place.git, place.realPath, tree.gitPrefix + place.path) : place.git,
    excluded: hasMixFile && place.path !== '' ? addRules(place.excluded, place.path, exclude) : place.excluded,
  }
}

function visit(walk: Walk, parent: TreeDirectory, entry: Dirent): void {
  const { tree } = walk
  const place = placeIn(parent, entry.name)
  if (isBadName(tree, place)) tree.badNames.push(place.path)
  else if (entry.isSymbolicLink()) {
    if (SOURCE.test(entry.name) || tree.globs.mayHold(place.path)) walk.links.push(place)
  } else if (entry.isDirectory()) {
    if (mayEnter(tree, place)) walk.stack.push(place)
  } else if (entry.isFile() && SOURCE.test(entry.name) && takesFile(tree, parent, place.path)) {
    take(walk, place)
  }
}

/** Of what may belong to the project. */
export function isBadName({ system, globs }: Tree, { path, realPath }: Pick<Place, 'path' | 'realPath'>): boolean {
  return path.includes('\uFFFD') && (SOURCE.test(path) || globs.mayHold(path)) && !exists(system, realPath)
}

function take({ tree, visitor }: Walk, { path, realPath }: Place): void {
  tree.nFiles += 1
  visitor.file(path, realPath)
}

function followLink(walk: Walk, link: Place): void {
  const { tree } = walk
  if (!tree.options.followSymlinks) return
  let realPath: string
  let stat: Stats
  try {
    realPath = realpathSync(link.realPath)
    stat = statSync(realPath)
  } catch {
    tree.dangling.add(link.realPath) // such as the lock files of an editor
    return
  }
  tree.links.add(link.path)
  const target = { ...link, realPath }
  if (stat.isDirectory()) {
    if (!isAbove(realPath, tree.options.root) && mayEnter(tree, target)) walk.stack.push(target)
  } else if (stat.isFile() && SOURCE.test(link.path)) {
    followToFile(walk, target)
  }
}

function followToFile(walk: Walk, target: Place): void {
  const { tree } = walk
  const home = tree.realPaths.get(dirname(target.realPath))
  const isTaken = home !== undefined && SOURCE.test(target.realPath) && takesFile(tree, home, childPath(home.path, basename(target.realPath)))
  if (isTaken || tree.aliases.has(target.realPath)) return
  if (!tree.globs.includes(target.path) || isLeftOut(tree, target, 'file')) return
  tree.aliases.set(target.realPath, target.path)
  take(walk, target)
}

function placeIn(parent: TreeDirectory, name: string): Place {
  return { path: childPath(parent.path, name), realPath: join(parent.realPath, name), git: parent.git, excluded: parent.excluded }
}

function mayEnter(tree: Tree, place: Place): boolean {
  if (/(^|\/)\.git$/.test(place.path)) return false
  return tree.globs.mayHold(place.path) && !isLeftOut(tree, place, 'directory')
}

function isLeftOut(tree: Tree, { path, git, excluded }: Place, kind: 'file' | 'directory'): boolean {
  return isIgnored(excluded, path, kind) || isIgnored(git, tree.gitPrefix + path, kind)
}

/** Following a link to a directory above the project would read the whole disk. */
function isAbove(directory: string, root: string): boolean {
  return root === directory || root.startsWith(directory.endsWith(sep) ? directory : directory + sep)
}
