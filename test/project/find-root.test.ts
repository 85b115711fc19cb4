/** Which directory is the project, for a working directory or a named path. */

import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { findProjectRoot } from '../../src/project/find-root.ts'

let base = ''
beforeEach(() => {
  base = realpathSync(mkdtempSync(join(tmpdir(), 'scope-root-')))
  for (const directory of ['one/lib/deep', 'umbrella/apps/web/lib', 'plain/sub', 'vendor/lib/inner']) mkdirSync(join(base, directory), { recursive: true })
  writeFileSync(join(base, 'one/mix.exs'), 'defmodule One.MixProject do end')
  writeFileSync(join(base, 'umbrella/mix.exs'), 'def project, do: [apps_path: "apps"]')
  writeFileSync(join(base, 'umbrella/apps/web/mix.exs'), 'def project, do: [app: :web]')
  writeFileSync(join(base, 'vendor/mix.exs'), 'def project, do: [app: :vendor]')
  writeFileSync(join(base, 'vendor/lib/inner/mix.exs'), 'def project, do: [app: :inner]')
  symlinkSync(join(base, 'one'), join(base, 'link'))
})
afterEach(() => rmSync(base, { recursive: true }))

test.each([
  ['one', undefined, 'one mix'],
  ['one/lib/deep', undefined, 'one mix'],
  ['link/lib', undefined, 'one mix'],
  ['umbrella/apps/web/lib', undefined, 'umbrella mix'],
  ['umbrella', undefined, 'umbrella mix'],
  ['vendor/lib/inner', undefined, 'vendor/lib/inner mix'],
  ['plain', '../one', 'one mix'],
  ['plain', '../one/mix.exs', 'one mix'],
  ['one', '../umbrella/apps/web', 'umbrella/apps/web mix'],
  ['one', '../plain', 'plain plain'],
  ['.', 'link', 'one mix'],
])('from %s with %s: %s', (from, named, expected) => {
  const found = findProjectRoot({ from: join(base, from), named })
  expect(found.ok ? `${found.value.root.slice(base.length + 1)} ${found.value.layout}` : found.error.message).toBe(expected)
})

test.each([
  ['plain/sub', undefined, 'no mix.exs in BASE/plain/sub or any directory above it'],
  ['plain', 'none', 'there is no BASE/plain/none'],
  ['plain', '../one/mix.exs/x', 'BASE/one/mix.exs/x cannot be opened (ENOTDIR)'],
])('from %s with %s: %s', (from, named, message) => {
  const found = findProjectRoot({ from: join(base, from), named })
  expect(found.ok ? undefined : { ...found.error, message: found.error.message.replaceAll(base, 'BASE') }).toEqual({
    code: 'not_found', message, hint: 'name the project: --project PATH, or run the command inside a mix project',
  })
})

test('a file that is no mix.exs is not a project', () => {
  writeFileSync(join(base, 'file.ex'), '')
  expect(findProjectRoot({ from: base, named: 'file.ex' })).toMatchObject({ ok: false, error: { message: `${join(base, 'file.ex')} is not a directory` } })
})
