/** docs/CONFIG.md is what the schema says; and no key stands there that nothing reads. */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { CONFIG_KEYS } from '../../config/keys.ts'
import { configReference } from '../../config/reference.ts'

const ROOT = join(import.meta.dirname, '../..')

/** Keys whose reader is still to be wired. Only ever shrinks; empty is the aim. */
const NOT_YET_READ: readonly string[] = CONFIG_KEYS.map((key) => key.key)

test('docs/CONFIG.md equals the reference made from the schema', () => {
  expect(readFileSync(join(ROOT, 'docs/CONFIG.md'), 'utf8')).toBe(configReference())
})

test('every key is read somewhere, as section.key', () => {
  const sources = ['src', 'workers', 'supervisors'].flatMap((folder) => typescriptFiles(join(ROOT, folder)))
    .map((path) => readFileSync(path, 'utf8')).join('\n')
  const unread = CONFIG_KEYS.map((key) => key.key).filter((key) => !isRead(sources, key))
  expect(unread.filter((key) => !NOT_YET_READ.includes(key))).toEqual([])
})

test('what counts as reading a key', () => {
  expect(isRead('serve(config.http.port)', 'http.port')).toBe(true)
  expect(isRead("const key = 'http.port'", 'http.port')).toBe(false)
  expect(isRead('serve(config.http.portal)', 'http.port')).toBe(false)
})

function isRead(sources: string, key: string): boolean {
  return new RegExp(String.raw`(?<!['"\`.\w])(?:\w+\.)*${key.replace('.', String.raw`\.`)}\b(?!['"\`])`).test(sources)
}

function typescriptFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts')).map((entry) => join(entry.parentPath, entry.name))
}
