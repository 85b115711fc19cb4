/** What is watched is what discovery finds: the same files by the same rules, over random trees; and what changes it. */

import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { discover, type DiscoverOptions } from '../../../src/project/discover.ts'
import { enterDirectory, growTree, leaveDirectory, takesFile, type Tree } from '../../../src/project/watch/tree.ts'
import { nodeWatchSystem } from '../../../src/project/watch/watch-system.ts'
import { optionsFor, writeTree } from '../support.ts'
import { tempDirectory } from './world.ts'

const seed = process.env['FC_SEED'] === undefined ? {} : { seed: Number(process.env['FC_SEED']) }

function grow(options: DiscoverOptions): { readonly tree: Tree; readonly files: string[]; readonly entered: string[] } {
  const files: string[] = []
  const entered: string[] = []
  const tree = growTree(options, nodeWatchSystem, {
    enter: (path) => entered.push(path) > 0, leave: () => undefined, file: (path) => void files.push(path),
  })
  return { tree, files: files.sort((a, b) => (a < b ? -1 : 1)), entered }
}

const names = fc.constantFrom('lib', 'apps', 'deps', 'test', 'a', 'b', '_build', 'x y')
const directories = fc.array(names, { maxLength: 4 }).map((parts) => parts.join('/'))
const fileNames = fc.constantFrom('a.ex', 'b.exs', 'c.ex', 'mix.exs', 'notes.md', '.gitignore')
const rules = fc.array(fc.constantFrom('a', '/a', 'b/', '*.exs', '!c.ex', 'lib/a', '**/b', 'deps', '/lib/*', '# x'), { maxLength: 3 }).map((lines) => lines.join('\n'))
/** Within the project, or outside. */
const targets = fc.oneof(directories, fc.tuple(directories, fileNames).map((parts) => parts.join('/')), fc.constantFrom('../outside', '../outside/o.ex', '../outside/p', '../outside/p/q.exs', '..'))
const entries = fc.oneof(
  { weight: 6, arbitrary: fc.record({ type: fc.constant('file' as const), directory: directories, name: fileNames, text: rules }) },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('link' as const), directory: directories, name: fc.constantFrom('l.ex', 'linked', 'lib', 'm.exs'), to: targets }) },
)
const settings = fc.record({
  include: fc.option(fc.constantFrom<string[][]>(['lib'], ['**'], ['**'], ['**'], ['apps/*/lib', 'test'], ['*.ex'])), exclude: fc.constantFrom<string[][]>([], ['deps', '_build'], ['/a']),
  respectGitignore: fc.boolean(), followSymlinks: fc.constantFrom(true, true, true, false),
})

test('the same files as discovery, and each directory it reads is watched', () => {
  let nFiles = 0
  let nLinked = 0
  fc.assert(fc.property(fc.array(entries, { minLength: 1, maxLength: 25 }), settings, fc.boolean(), (made, setting, isNested) => {
    const top = tempDirectory()
    const root = join(top, 'a')
    mkdirSync(root)
    writeTree(top, { 'outside/o.ex': '', 'outside/p/q.exs': '', 'outside/p/lib/r.ex': '' })
    if (isNested) {
      mkdirSync(join(top, '.git'))
      writeFileSync(join(top, '.gitignore'), 'b\n/a/lib/a')
    }
    for (const entry of made) make(root, entry)
    const options = optionsFor(root, setting)
    const found = discover(options)
    const { tree, files, entered } = grow(options)
    expect(files).toEqual(found.files.map(({ path }) => path))
    expect(new Set(entered)).toEqual(new Set(tree.directories.keys()))
    for (const file of files) expect(isWatched(tree, file)).toBe(true)
    nFiles += files.length
    nLinked += tree.aliases.size
  }), { numRuns: 250, ...seed })
  expect(nFiles).toBeGreaterThan(150)
  expect(nLinked).toBeGreaterThan(5)
}, 60_000)

/** A name that is taken, by a directory or a link that leads nowhere, stays as it is. */
function make(root: string, entry: { readonly type: 'file' | 'link'; readonly directory: string; readonly name: string; readonly text?: string; readonly to?: string }): void {
  const path = join(root, entry.directory, entry.name)
  try {
    mkdirSync(dirname(path), { recursive: true })
    if (entry.type === 'file') writeFileSync(path, entry.text ?? '')
    else symlinkSync(join(root, entry.to ?? ''), path)
  } catch (error) {
    expect(['EEXIST', 'EISDIR', 'ENOTDIR', 'ELOOP', 'ENOENT']).toContain((error as NodeJS.ErrnoException).code)
  }
}

/** By the directory that holds it, or as what a link leads to. */
function isWatched(tree: Tree, file: string): boolean {
  const directory = tree.directories.get(dirname(file) === '.' ? '' : dirname(file))
  return [...tree.aliases.values()].includes(file) || (directory !== undefined && takesFile(tree, directory, file))
}

test('a directory that comes and goes again leaves the tree as it was', () => {
  const root = tempDirectory()
  mkdirSync(join(root, 'lib'))
  const { tree } = grow(optionsFor(root, { include: ['lib'] }))
  const lib = tree.directories.get('lib')
  if (lib === undefined) throw new Error('lib is missing')
  mkdirSync(join(root, 'lib/new/deep'), { recursive: true })
  writeFileSync(join(root, 'lib/new/deep/a.ex'), '')
  const seen: string[] = []
  const visitor = { enter: (path: string) => seen.push(`+${path}`) > 0, leave: (path: string) => void seen.push(`-${path}`), file: (path: string) => void seen.push(path) }
  expect(enterDirectory(tree, lib, 'new', visitor)).toBe(false)
  expect(leaveDirectory(tree, 'lib/new', visitor)).toBe(false)
  expect(seen).toEqual(['+lib/new', '+lib/new/deep', 'lib/new/deep/a.ex', '-lib/new', '-lib/new/deep'])
  expect([...tree.directories.keys()]).toEqual(['', 'lib'])
  expect(tree.realPaths.size).toBe(2)
})
