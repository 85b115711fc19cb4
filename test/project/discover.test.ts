/** Real directories, as a table: files on disk and options -> files found, what was left out and why, problems. */

import { execFileSync } from 'node:child_process'
import { chmodSync, lstatSync, mkdirSync, renameSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { discover, type DiscoverOptions, type Discovery } from '../../src/project/discover.ts'
import { parseFiles } from '../../src/project/parse-files.ts'
import { makeTree, optionsFor } from './support.ts'

const tree = (...paths: string[]): Record<string, string> => Object.fromEntries(paths.map((path) => [path, '']))
const paths = (found: Discovery): string[] => found.files.map((file) => file.path)
const skipped = (found: Discovery): string[] => found.skipped.map(({ path, reason }) => `${path} ${reason}`)

function find(root: string, changes: Partial<DiscoverOptions> = {}): Discovery {
  return discover(optionsFor(root, changes))
}

test('the usual places of a mix project, sorted; what else is there is said', () => {
  const root = makeTree(tree('mix.exs', 'lib/b.ex', 'lib/a/z.ex', 'lib/a.ex', 'test/a_test.exs', 'config/config.exs', 'priv/x.exs', 'other.exs',
    'lib/readme.md', 'deps/dep/lib/d.ex', '_build/x.ex', '.git/hook.ex', 'lib/node_modules/x/y.ex', 'lib/deps/kept.ex', 'lib/x.exx'))
  const found = find(root)
  expect(paths(found)).toEqual(['config/config.exs', 'lib/a.ex', 'lib/a/z.ex', 'lib/b.ex', 'lib/deps/kept.ex', 'mix.exs', 'test/a_test.exs'])
  expect(skipped(found)).toEqual(['_build not_included', 'deps not_included', 'lib/node_modules excluded', 'other.exs not_included', 'priv not_included'])
  expect(found).toMatchObject({ layout: 'mix', problems: [], unreadable: [], nSkipped: 5 })
})

test('an umbrella: every app without what it fetched or built', () => {
  const root = makeTree(tree('mix.exs', 'apps/web/mix.exs', 'apps/web/lib/w.ex', 'apps/web/deps/d/d.ex', 'apps/web/_build/b.ex', 'apps/web/priv/static/s.ex',
    'apps/web/priv/repo/migrations/1.exs', 'apps/core/mix.exs', 'apps/core/test/c_test.exs'))
  const found = find(root)
  expect(paths(found)).toEqual(['apps/core/mix.exs', 'apps/core/test/c_test.exs', 'apps/web/lib/w.ex', 'apps/web/mix.exs', 'apps/web/priv/repo/migrations/1.exs', 'mix.exs'])
  expect(skipped(found)).toEqual(['apps/web/_build excluded', 'apps/web/deps excluded', 'apps/web/priv/static excluded'])
})

test('without a mix.exs, everything; nested projects keep their deps out', () => {
  const root = makeTree(tree('tools/x.exs', 'backend/mix.exs', 'backend/lib/a.ex', 'backend/deps/d/lib/d.ex', 'deps/e.ex'))
  const found = find(root)
  expect(paths(found)).toEqual(['backend/lib/a.ex', 'backend/mix.exs', 'tools/x.exs'])
  expect(skipped(found)).toEqual(['backend/deps excluded', 'deps excluded'])
  expect(found.layout).toBe('plain')
})

test('deps can be asked for', () => {
  const root = makeTree(tree('mix.exs', 'lib/a.ex', 'deps/d/lib/d.ex', 'deps/d/mix.exs', '_build/b.ex'))
  expect(paths(find(root, { include: ['**'], exclude: ['_build/'] }))).toEqual(['deps/d/lib/d.ex', 'deps/d/mix.exs', 'lib/a.ex', 'mix.exs'])
})

test('.gitignore: nested, negated, and switched off', () => {
  const root = makeTree({
    ...tree('mix.exs', 'lib/gen/a.ex', 'lib/gen/keep/b.ex', 'lib/tmp/c.ex', 'lib/deep/tmp/d.ex', 'lib/deep/e.ex'),
    '.gitignore': '/lib/gen/*\n!/lib/gen/keep/\ntmp/\n',
    'lib/deep/.gitignore': '!tmp/\ne.ex\n',
  })
  const found = find(root)
  expect(paths(found)).toEqual(['lib/deep/tmp/d.ex', 'lib/gen/keep/b.ex', 'mix.exs'])
  expect(skipped(found)).toEqual(['lib/deep/e.ex gitignored', 'lib/gen/a.ex gitignored', 'lib/tmp gitignored'])
  expect(paths(find(root, { respectGitignore: false }))).toHaveLength(6)
})

test('rules above the root count within the same work tree, except those that ignore the root itself', () => {
  const top = makeTree({ ...tree('a/mix.exs', 'a/lib/x.ex', 'a/lib/y.ex', 'tmp/p/mix.exs', 'tmp/p/lib/x.ex'), '.gitignore': 'x.ex\n/tmp/\n' })
  expect(paths(find(join(top, 'a')))).toEqual(['lib/x.ex', 'lib/y.ex', 'mix.exs'])
  mkdirSync(join(top, '.git'))
  expect(paths(find(join(top, 'a')))).toEqual(['lib/y.ex', 'mix.exs'])
  expect(paths(find(join(top, 'tmp/p')))).toEqual(['lib/x.ex', 'mix.exs'])
})

test('links: followed once, circles and ways out upwards ended, broken ones named', () => {
  const root = makeTree(tree('mix.exs', 'lib/a/x.ex', 'shared/s.ex', 'shared/deep/t.ex'))
  symlinkSync('..', join(root, 'lib/a/up'))
  symlinkSync('/', join(root, 'lib/disk'))
  symlinkSync('a', join(root, 'lib/again'))
  symlinkSync('../shared', join(root, 'lib/shared'))
  symlinkSync('a/x.ex', join(root, 'lib/0.ex'))
  symlinkSync('../shared/s.ex', join(root, 'lib/1.ex'))
  symlinkSync('nowhere', join(root, 'lib/gone.ex'))
  symlinkSync('self', join(root, 'lib/self'))
  const found = find(root)
  expect(paths(found)).toEqual(['lib/1.ex', 'lib/a/x.ex', 'lib/shared/deep/t.ex', 'mix.exs'])
  expect(skipped(found)).toEqual(['lib/0.ex linked_twice', 'lib/a/up linked_twice', 'lib/again linked_twice', 'lib/disk linked_twice',
    'lib/gone.ex broken_link', 'lib/self broken_link', 'lib/shared/s.ex linked_twice', 'shared not_included'])
  expect(paths(find(root, { followSymlinks: false }))).toEqual(['lib/a/x.ex', 'mix.exs'])
})

test('a link to a directory does not end a walk, however the links cross', () => {
  const root = makeTree(tree('lib/a/x.ex', 'lib/b/y.ex'))
  symlinkSync('../b', join(root, 'lib/a/b'))
  symlinkSync('../a', join(root, 'lib/b/a'))
  expect(paths(find(root))).toEqual(['lib/a/x.ex', 'lib/b/y.ex'])
})

test('a large file is known but not read; what is no file is left out', () => {
  const root = makeTree({ 'mix.exs': '', 'lib/big.ex': 'x'.repeat(2000), 'lib/fits.ex': 'x'.repeat(1024) })
  execFileSync('mkfifo', [join(root, 'lib/pipe.ex')])
  mkdirSync(join(root, 'lib/folder.ex'))
  writeFileSync(join(root, 'lib/folder.ex/in.ex'), '')
  const found = find(root, { maxFileBytes: 1024 })
  expect(found.files.map(({ path, size }) => [path, size])).toEqual([['lib/fits.ex', 1024], ['lib/folder.ex/in.ex', 0], ['mix.exs', 0]])
  expect(found.unreadable).toMatchObject([{ path: 'lib/big.ex', size: 2000, problem: { code: 'file_too_large' } }])
  expect(skipped(found)).toEqual(['lib/pipe.ex not_a_file'])
})

test('a directory that cannot be read is a problem', () => {
  const root = makeTree(tree('mix.exs', 'lib/a.ex', 'lib/locked/b.ex'))
  // A name of the wrong kind stands in for a closed door, which the superuser would walk through.
  chmodSync(join(root, 'lib/locked'), 0o000)
  const found = find(root)
  const isSuperuser = process.getuid?.() === 0
  expect(paths(found)).toEqual(isSuperuser ? ['lib/a.ex', 'lib/locked/b.ex', 'mix.exs'] : ['lib/a.ex', 'mix.exs'])
  expect(found.problems.map((problem) => problem.code)).toEqual(isSuperuser ? [] : ['unreadable_directory'])
  chmodSync(join(root, 'lib/locked'), 0o700)
})

test('a root that is not there is a problem too', () => {
  const root = makeTree({})
  expect(find(join(root, 'none')).problems).toEqual([
    { path: '', code: 'unreadable_directory', message: 'the directory . cannot be read (ENOENT); what it holds is unknown' },
  ])
})

test('names that are not UTF-8 are problems; odd names that are, are not', () => {
  const root = makeTree(tree('mix.exs', 'lib/ü b[1]#!.ex', 'lib/new\nline.ex', 'lib/\uFFFD.ex', 'lib/bad.ex', 'lib/badDirectory/x.ex'))
  const raw = (name: string): Buffer => Buffer.concat([Buffer.from(`${root}/lib/${name}`), Buffer.from([0xff])])
  renameSync(join(root, 'lib/bad.ex'), Buffer.concat([raw('bad'), Buffer.from('.ex')]))
  renameSync(join(root, 'lib/badDirectory'), raw('badDirectory'))
  const found = find(root)
  expect(paths(found)).toEqual(['lib/new\nline.ex', 'lib/ü b[1]#!.ex', 'lib/\uFFFD.ex', 'mix.exs'])
  expect(found.problems.map(({ path, code }) => [path, code])).toEqual([['lib/badDirectory\uFFFD', 'name_not_utf8'], ['lib/bad\uFFFD.ex', 'name_not_utf8']])
})

test('no more than the allowed number of files, and then it says so', () => {
  const root = makeTree(tree('mix.exs', 'lib/a.ex', 'lib/b.ex'))
  expect(find(root, { maxFiles: 3 })).toMatchObject({ files: { length: 3 }, problems: [] })
  expect(find(root, { maxFiles: 2 })).toMatchObject({ files: { length: 2 }, problems: [{ path: '', code: 'too_many_files' }] })
})

test('a file that is written anew at the same size, with its time set back, is found changed', () => {
  const root = makeTree({ 'mix.exs': '', 'lib/a.ex': 'x = 1' })
  const path = join(root, 'lib/a.ex')
  const save = (text: string): bigint => {
    writeFileSync(path, text)
    utimesSync(path, 1_600_000_000, 1_600_000_000)
    return lstatSync(path, { bigint: true }).ctimeNs
  }
  const first = save('x = 1')
  const [before] = find(root, { include: ['lib'] }).files
  const [read] = parseFiles(root, [{ path: 'lib/a.ex', changedNs: 0n, knownHash: null }], 100)
  expect(read).toMatchObject({ kind: 'parsed', stamp: { size: before?.size, changedNs: before?.changedNs } })
  // The grain of the system's time may be coarse.
  while (save('x = 2') === first);
  expect(find(root, { include: ['lib'] }).files).not.toEqual([before])
})
