/** Globs, path and what they say of it: `+` included, `.` a directory that may hold included files, `-` neither. */

import { expect, test } from 'vitest'
import { compileGlobs } from '../../src/project/include-globs.ts'

function verdict(globs: string[], path: string): string {
  const compiled = compileGlobs(globs)
  if (compiled.includes(path)) return '+'
  return compiled.mayHold(path) ? '.' : '-'
}

test.each<[string[], string, string]>([
  [['lib'], 'lib', '+'],
  [['lib'], 'lib/a/b.ex', '+'],
  [['lib'], 'library', '-'],
  [['lib'], 'src/lib', '-'],
  [['lib/'], 'lib/a.ex', '+'],
  [['./lib'], 'lib/a.ex', '+'],
  [['apps/*'], 'apps', '.'],
  [['apps/*'], 'apps/web/lib/a.ex', '+'],
  [['apps/*/lib'], 'apps/web', '.'],
  [['apps/*/lib'], 'apps/web/lib/a.ex', '+'],
  [['apps/*/lib'], 'apps/web/test/a.exs', '-'],
  [['**'], 'a/b/c.ex', '+'],
  [['**/lib'], 'a/b', '.'],
  [['**/lib'], 'a/b/lib/c.ex', '+'],
  [['**/lib'], 'lib/c.ex', '+'],
  [['src/**/gen'], 'src/a/b/gen/x.ex', '+'],
  [['src/**/gen'], 'src', '.'],
  [['src/**/gen'], 'lib/gen/x.ex', '-'],
  [['*.exs'], 'mix.exs', '+'],
  [['*.exs'], 'lib/mix.exs', '-'],
  [['a?c'], 'abc/x.ex', '+'],
  [['a?c'], 'ac/x.ex', '-'],
  [['a.c'], 'abc', '-'],
  [['[a]'], '[a]/x.ex', '+'],
  [['ü?'], 'ü😀/x.ex', '+'],
  [['lib', 'test'], 'test/x.exs', '+'],
  [[], 'lib/x.ex', '-'],
])('%j of %s: %s', (globs, path, expected) => {
  expect(verdict(globs, path)).toBe(expected)
})
