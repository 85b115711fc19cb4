/**
 * Finds the Elixir sources of a project on disk. Answers with everything it found, everything that it could not read as
 * problems, and what it left out with the reason; nothing on disk makes it throw or run for ever: links that lead in
 * circles are followed once, and the number of files and directory entries is bounded.
 *
 * The walk is synchronous, meant for a thread that may block. Absent on purpose: reading the sources.
 */

import { existsSync, lstatSync, readdirSync, realpathSync, statSync, type BigIntStats, type Dirent, type Stats } from 'node:fs'
import { join, sep } from 'node:path'
import { MIX_FILE } from './find-root.ts'
import { readRules, rulesAbove } from './git-rules.ts'
import { addRules, isIgnored, NO_RULES, type IgnoreRules } from './ignore-rules.ts'
import { compileGlobs, type IncludeGlobs } from './include-globs.ts'

/** What `project.include: null` stands for in a mix project. */
export const USUAL_PLACES = ['lib', 'test', 'apps/*', 'config', MIX_FILE] as const

export type DiscoverOptions = {
  /** A real path. */
  readonly root: string
  readonly include: readonly string[] | null
  readonly exclude: readonly string[]
  readonly respectGitignore: boolean
  readonly followSymlinks: boolean
  readonly maxFileBytes: number
  readonly maxFiles: number
}

export type FoundFile = {
  /** Relative to the root, with `/`. */
  readonly path: string
  readonly size: number
  /** As `changedNsOf` has it. */
  readonly changedNs: bigint
}

/**
 * When a file was last changed: the later of its own time (mtime), which anybody can set back, and the system's (ctime), which
 * nobody can. A file whose mode or name changed counts too, and is the same once it is read.
 */
export function changedNsOf({ mtimeNs, ctimeNs }: BigIntStats): bigint {
  return ctimeNs > mtimeNs ? ctimeNs : mtimeNs
}

export type DiscoveryProblem = { readonly path: string; readonly code: DiscoveryCode; readonly message: string }
export type DiscoveryCode = 'unreadable_file' | 'file_too_large' | 'unreadable_directory' | 'name_not_utf8' | 'too_many_files'

export type UnreadableFile = FoundFile & { readonly problem: DiscoveryProblem }

export type SkipReason = 'excluded' | 'gitignored' | 'not_included' | 'linked_twice' | 'link' | 'broken_link' | 'not_a_file'
/** A directory or a source file that was left out. */
export type Skipped = { readonly path: string; readonly reason: SkipReason }

export type Discovery = {
  /** Sorted by path. */
  readonly files: readonly FoundFile[]
  /** Known to be there, but not to be read. Sorted by path. */
  readonly unreadable: readonly UnreadableFile[]
  /** Directories and names that hide files from us. What lies beneath them is unknown, not gone. */
  readonly problems: readonly DiscoveryProblem[]
  /** The first `MAX_SKIPPED`, sorted by path. */
  readonly skipped: readonly Skipped[]
  readonly nSkipped: number
  readonly layout: 'mix' | 'plain'
}

const MAX_SKIPPED = 1000
const MAX_ENTRIES = 10_000_000
const SOURCE = /\.exs?$/

type Directory = { readonly path: string; readonly realPath: string; readonly git: IgnoreRules; readonly excluded: IgnoreRules }

type Walk = {
  readonly options: DiscoverOptions
  readonly globs: IncludeGlobs
  /** From the directory that the rules of .gitignore count from to the root: '' or `sub/`. */
  readonly gitPrefix: string
  readonly stack: Directory[]
  /** Met so far and not followed yet. */
  readonly links: Directory[]
  /** Real paths of all that was entered or found, so that what a link reaches a second time is left out. */
  readonly seen: Set<string>
  readonly files: FoundFile[]
  readonly unreadable: UnreadableFile[]
  readonly problems: DiscoveryProblem[]
  readonly skipped: Skipped[]
  nSkipped: number
  nEntries: number
  state: 'walking' | 'overflown'
}

export function discover(options: DiscoverOptions): Discovery {
  const layout = existsSync(join(options.root, MIX_FILE)) ? 'mix' : 'plain'
  const git = options.respectGitignore ? rulesAbove(options.root) : { rules: NO_RULES, prefix: '' }
  const walk: Walk = {
    options, gitPrefix: git.prefix, globs: compileGlobs(options.include ?? (layout === 'mix' ? USUAL_PLACES : ['**'])),
    stack: [], links: [], seen: new Set(), files: [], unreadable: [], problems: [], skipped: [], nSkipped: 0, nEntries: 0, state: 'walking',
  }
  walk.stack.push({ path: '', realPath: options.root, git: git.rules, excluded: addRules(NO_RULES, '', options.exclude) })
  run(walk)
  return {
    files: walk.files.sort(byPath), unreadable: walk.unreadable.sort(byPath), problems: walk.problems.sort(byPath),
    skipped: walk.skipped.sort(byPath), nSkipped: walk.nSkipped, layout,
  }
}

/** Real entries first, links after them: what both reach keeps its real path. */
function run(walk: Walk): void {
  enterAll(walk)
  while (walk.links.length > 0) {
    for (const link of walk.links.splice(0).sort(byPath)) {
      followLink(walk, link)
      enterAll(walk)
    }
  }
}

function enterAll(walk: Walk): void {
  for (let directory = walk.stack.pop(); directory; directory = walk.stack.pop()) {
    if (walk.state === 'walking') readDirectory(walk, directory)
  }
}

function readDirectory(walk: Walk, directory: Directory): void {
  if (walk.seen.has(directory.realPath)) return skip(walk, directory.path, 'linked_twice')
  walk.seen.add(directory.realPath)
  const entries = listDirectory(walk, directory)
  const inner = withRulesOf(walk, directory, entries)
  for (const entry of entries) {
    visit(walk, inner, entry)
    walk.nEntries += 1
    if (walk.nEntries >= MAX_ENTRIES) overflow(walk)
    if (walk.state === 'overflown') return
  }
}

/** Ends the walk: what was not seen by now is unknown. */
function overflow(walk: Walk): void {
  walk.state = 'overflown'
  walk.problems.push({ path: '', code: 'too_many_files', message: tooMany(walk) })
}

function tooMany(walk: Walk): string {
  return `the project holds more than ${walk.files.length} source files in ${walk.nEntries} directory entries; the rest is left out. `
    + 'Narrow project.include, widen project.exclude, or raise project.maxFiles'
}

function listDirectory(walk: Walk, { path, realPath }: Directory): Dirent[] {
  try {
    return readdirSync(realPath, { withFileTypes: true })
  } catch (error) {
    const message = `the directory ${path || '.'} cannot be read (${errorCode(error)}); what it holds is unknown`
    walk.problems.push({ path, code: 'unreadable_directory', message })
    return []
  }
}

/** The directory with the rules that its own .gitignore and mix.exs bring. */
function withRulesOf(walk: Walk, directory: Directory, entries: readonly Dirent[]): Directory {
  let { git, excluded } = directory
  const { respectGitignore, exclude } = walk.options
  if (respectGitignore && entries.some((entry) => entry.name === '.gitignore')) git = readRules(git, directory.realPath, walk.gitPrefix + directory.path)
  if (directory.path !== '' && entries.some((entry) => entry.name === MIX_FILE)) excluded = addRules(excluded, directory.path, exclude)
  return { ...directory, git, excluded }
}

function visit(walk: Walk, parent: Directory, entry: Dirent): void {
  const path = parent.path === '' ? entry.name : `${parent.path}/${entry.name}`
  const child: Directory = { ...parent, path, realPath: join(parent.realPath, entry.name) }
  const isSource = SOURCE.test(entry.name)
  if (entry.isSymbolicLink()) {
    // Whether it leads to a file or a directory is found out later; its name alone can already say that neither matters.
    if (isSource || walk.globs.mayHold(path)) walk.links.push(child)
  } else if (entry.isDirectory()) {
    enter(walk, child)
  } else if (isSource) {
    take(walk, child, entry)
  }
}

function enter(walk: Walk, directory: Directory): void {
  if (directory.path.endsWith('.git') && /(^|\/)\.git$/.test(directory.path)) return
  if (isBadName(walk, directory)) return
  const reason = walk.globs.mayHold(directory.path) ? ignoredBy(walk, directory, 'directory') : 'not_included'
  if (reason) skip(walk, directory.path, reason)
  else walk.stack.push(directory)
}

function take(walk: Walk, file: Directory, entry: Pick<Dirent, 'isFile'>): void {
  if (isBadName(walk, file)) return
  const reason = walk.globs.includes(file.path) ? ignoredBy(walk, file, 'file') : 'not_included'
  if (reason) return skip(walk, file.path, reason)
  if (!entry.isFile()) return skip(walk, file.path, 'not_a_file')
  if (walk.seen.has(file.realPath)) return skip(walk, file.path, 'linked_twice')
  if (walk.files.length >= walk.options.maxFiles) return overflow(walk)
  walk.seen.add(file.realPath)
  let stat: BigIntStats
  try {
    stat = lstatSync(file.realPath, { bigint: true })
  } catch {
    return // gone since the directory was read
  }
  const found: FoundFile = { path: file.path, size: Number(stat.size), changedNs: changedNsOf(stat) }
  if (found.size > walk.options.maxFileBytes) walk.unreadable.push({ ...found, problem: tooLarge(found, walk.options.maxFileBytes) })
  else walk.files.push(found)
}

function followLink(walk: Walk, link: Directory): void {
  if (walk.state === 'overflown') return
  if (!walk.options.followSymlinks) return skip(walk, link.path, 'link')
  let realPath: string
  let stat: Stats
  try {
    realPath = realpathSync(link.realPath)
    stat = statSync(realPath)
  } catch {
    return skip(walk, link.path, 'broken_link')
  }
  const target: Directory = { ...link, realPath }
  if (!stat.isDirectory()) {
    if (SOURCE.test(link.path)) take(walk, target, { isFile: () => stat.isFile() })
  } else if (isAbove(realPath, walk.options.root)) {
    skip(walk, link.path, 'linked_twice')
  } else {
    enter(walk, target)
  }
}

/** Following a link to a directory above the project would read the whole disk. */
function isAbove(directory: string, root: string): boolean {
  const prefix = directory.endsWith(sep) ? directory : directory + sep
  return root === directory || root.startsWith(prefix)
}

function ignoredBy(walk: Walk, { path, git, excluded }: Directory, kind: 'file' | 'directory'): SkipReason | undefined {
  if (isIgnored(excluded, path, kind)) return 'excluded'
  return isIgnored(git, walk.gitPrefix + path, kind) ? 'gitignored' : undefined
}

/** Names that are not UTF-8 come with U+FFFD in place of what could not be read, and then no such entry exists. */
function isBadName(walk: Walk, { path, realPath }: Directory): boolean {
  if (!path.includes('\uFFFD')) return false
  try {
    lstatSync(realPath)
    return false
  } catch {
    walk.problems.push({ path, code: 'name_not_utf8', message: `the name ${path} is not UTF-8 and cannot be read; rename it` })
    return true
  }
}

function skip(walk: Walk, path: string, reason: SkipReason): void {
  walk.nSkipped += 1
  if (walk.skipped.length < MAX_SKIPPED) walk.skipped.push({ path, reason })
}

function tooLarge({ path, size }: FoundFile, maxFileBytes: number): DiscoveryProblem {
  const message = `${path} has ${size} bytes; more than ${maxFileBytes} are not read (project.maxFileBytes)`
  return { path, code: 'file_too_large', message }
}

function errorCode(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'unknown'
}

/** Plain order of code units: the same on every machine. */
function byPath(a: { readonly path: string }, b: { readonly path: string }): number {
  if (a.path === b.path) return 0
  return a.path < b.path ? -1 : 1
}
