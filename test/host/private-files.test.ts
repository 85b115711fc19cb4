/** Modes, owners and what is said when a path cannot be written. */

import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ensurePrivateDirectory, probeWritable, writeFailure, writeWhole } from '../../src/host/private-files.ts'
import { temporaryDirectory } from './support.ts'

const uid = process.getuid?.() ?? 0
const mode = (path: string): string => (statSync(path).mode & 0o777).toString(8)

test('directories are made private, and made private again', () => {
  const path = join(temporaryDirectory(), 'a/b')
  expect(ensurePrivateDirectory(path, uid).ok).toBe(true)
  expect(mode(path)).toBe('700')
  chmodSync(path, 0o777)
  expect(ensurePrivateDirectory(path, uid).ok).toBe(true)
  expect(mode(path)).toBe('700')
})

test('what somebody else may have put there is not used', () => {
  const root = temporaryDirectory()
  mkdirSync(join(root, 'real'))
  symlinkSync('real', join(root, 'link'))
  writeFileSync(join(root, 'file'), '')
  const message = (path: string, owner: number): string => {
    const made = ensurePrivateDirectory(join(root, path), owner)
    return made.ok ? 'made' : made.error.message.replaceAll(root, 'ROOT')
  }
  expect(message('link', uid)).toBe('the directory ROOT/link is a link, which somebody else may point elsewhere')
  expect(message('real', uid + 1)).toBe(`the directory ROOT/real belongs to another user (${uid})`)
  expect(message('file', uid)).toBe('ROOT/file cannot be written (EEXIST)')
  expect(message('file/below', uid)).toBe('ROOT/file/below cannot be written (ENOTDIR)')
})

test.skipIf(process.platform !== 'linux')('a directory that takes no entries fails, and does not keep us for ever', () => {
  expect(ensurePrivateDirectory('/proc/none/below', uid)).toMatchObject({ ok: false, error: { code: 'unavailable', message: '/proc/none/below cannot be written (ENOENT)' } })
})

test('a probe leaves nothing, and finds what is not there', () => {
  const root = temporaryDirectory()
  expect([probeWritable(root).ok, readdirSync(root)]).toEqual([true, []])
  expect(probeWritable(join(root, 'none')).ok).toBe(false)
})

test('a file is replaced whole, and a failed write leaves the old one alone', () => {
  const root = temporaryDirectory()
  const path = join(root, 'file')
  expect(writeWhole(path, 'old').ok).toBe(true)
  expect(writeWhole(path, 'new').ok).toBe(true)
  expect([readFileSync(path, 'utf8'), mode(path), readdirSync(root)]).toEqual(['new', '600', ['file']])
  mkdirSync(join(root, 'taken'))
  expect(writeWhole(join(root, 'taken'), 'x').ok).toBe(false)
  expect([existsSync(join(root, 'taken')), readdirSync(root)]).toEqual([true, ['file', 'taken']])
})

test.each([
  ['ENOSPC', 'storage_full', 'free disk space and start again'],
  ['EROFS', 'unavailable', 'the file system is read-only: set ELIXIR_SCOPE_HOME to a directory that can be written'],
  ['EACCES', 'unavailable', 'make /a writable for this user, or set ELIXIR_SCOPE_HOME to a directory that is'],
  ['EIO', 'unavailable', 'set ELIXIR_SCOPE_HOME to a directory that can be written'],
])('%s is %s', (code, failureCode, hint) => {
  expect(writeFailure('/a/b', { code })).toMatchObject({ code: failureCode, hint })
})
