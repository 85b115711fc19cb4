/** What the walk leaves out is what git leaves out: random .gitignore files at three depths, against git itself. */

import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { discover } from '../../src/project/discover.ts'
import { addRules, isIgnored, NO_RULES, ruleLines } from '../../src/project/ignore-rules.ts'
import { makeTree, optionsFor, writeTree } from './support.ts'

// No name of a single letter beyond ASCII: git's ? and [!a] stand for one byte, ours for one letter.
const FILES = ['a.ex', 'b.exs', 'foo/a.ex', 'foo/bar/a.ex', 'foo/bar/b.exs', 'foo/#x.ex', 'foo/!x.ex', 'bar/a b.ex', 'bar/[x].ex', 'bar/foo/a.ex',
  'bar/foo/bar/c.ex', 'baz.d/üü.ex', 'baz.d/foo/x-y.ex', 'a/b/c/d/a.ex', 'A/a.ex']
const GIT_ENV = { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_SYSTEM: '/dev/null', GIT_DIR: undefined, GIT_WORK_TREE: undefined }

const name = fc.constantFrom('a', 'b', 'c', 'foo', 'bar', '*', '*.ex', '?.ex', 'a.ex', 'b.exs', '**', 'baz.*', 'f*o', '[ab].ex', '[!a].ex', '[a-c]*', 'üü.ex',
  String.raw`\[x].ex`, 'a b.ex', 'x-y.ex', String.raw`\*.ex`, 'A')
const rule = fc.tuple(fc.constantFrom('', '', '!'), fc.constantFrom('', '', '/'), fc.array(name, { minLength: 1, maxLength: 3 }), fc.constantFrom('', '', '/', ' ', '\r'))
  .map(([sign, anchor, names, end]) => sign + anchor + names.join('/') + end)
const line = fc.oneof({ weight: 8, arbitrary: rule },
  { weight: 1, arbitrary: fc.constantFrom('', '# foo', String.raw`\#x.ex`, String.raw`\!x.ex`, '/', '//', '**/', '/**', 'foo/**', '**/a.ex', '[', 'foo/**/a.ex', ' ') })
const file = fc.array(line, { maxLength: 4 }).map((lines) => lines.join('\n'))

/** To be asked in one go: to start git takes longer than to ask it. */
const TREES = ['t0', 't1', 't2', 't3', 't4', 't5', 't6', 't7']

test('the same files as git, whatever the rules', () => {
  const root = makeTree(Object.fromEntries(TREES.flatMap((tree) => FILES.map((path) => [`${tree}/${path}`, '']))))
  execFileSync('git', ['init', '-q', root], { env: GIT_ENV })
  const rules = fc.record({ '.gitignore': file, 'foo/.gitignore': file, 'bar/foo/.gitignore': file })
  const property = fc.property(fc.array(rules, { minLength: TREES.length, maxLength: TREES.length }), (all) => {
    for (const [idx, tree] of TREES.entries()) writeTree(join(root, tree), all[idx] ?? {})
    const theirs = gitFiles(root)
    const ours = TREES.flatMap((tree) => discover(optionsFor(join(root, tree), { include: ['**'], exclude: [] })).files.map(({ path }) => `${tree}/${path}`))
    expect(ours).toEqual(theirs)
  })
  fc.assert(property, { numRuns: 50, ...(process.env['FC_SEED'] === undefined ? {} : { seed: Number(process.env['FC_SEED']) }) })
})

test('rules of a nested file count from where it lies, even where the directory has a name full of signs', () => {
  const rules = addRules(NO_RULES, 'we[ir]d *dir', ruleLines('\uFEFFx.ex\r\n/y.ex\n# z.ex\nz/w.ex'))
  const verdicts = ['we[ir]d *dir/x.ex', 'we[ir]d *dir/deep/x.ex', 'we[ir]d *dir/y.ex', 'we[ir]d *dir/deep/y.ex', 'we[ir]d *dir/z/w.ex', 'wei d *dir/x.ex', 'x.ex']
    .map((path) => isIgnored(rules, path, 'file'))
  expect(verdicts).toEqual([true, true, true, false, true, false, false])
})

test('any text is taken as rules without an exception', () => {
  fc.assert(fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: fc.constantFrom('[', ']', '\\', '*', '!', '-', '/', 'a', '^', ' ', '{', '(') }), (text, signs) => {
    const rules = addRules(NO_RULES, 'd', [...ruleLines(text), signs])
    expect(typeof isIgnored(rules, 'd/a/b.ex', 'file')).toBe('boolean')
  }), { numRuns: 1000 })
})

/** What git would add, as it would say itself. */
function gitFiles(root: string): string[] {
  const output = execFileSync('git', ['-C', root, 'ls-files', '-z', '-o', '--exclude-standard'], { env: GIT_ENV, encoding: 'utf8' })
  return output.split('\0').filter((path) => /\.exs?$/.test(path)).sort((a, b) => (a < b ? -1 : 1))
}
