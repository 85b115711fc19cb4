/** docs/CONFIG.md is what the schema says; and no key stands there that nothing reads. */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { CONFIG_KEYS } from '../../config/keys.ts'
import { configReference } from '../../config/reference.ts'

const ROOT = join(import.meta.dirname, '../..')

test('docs/CONFIG.md equals the reference made from the schema', () => {
  expect(readFileSync(join(ROOT, 'docs/CONFIG.md'), 'utf8')).toBe(configReference())
})

test('every key is read somewhere', () => {
  const sources = ['src', 'workers', 'supervisors'].flatMap((folder) => typescriptFiles(join(ROOT, folder)))
    .map((path) => readFileSync(path, 'utf8')).join('\n')
  const unread = CONFIG_KEYS.filter((key) => !isRead(sources, key.path)).map((key) => key.key)
  expect(unread).toEqual([])
})

test.each([
  ['serve(config.http.port)', true],
  ['const { host, port } = init.config.http', true],
  ['const { host, port: wanted } = config.http', true],
  ['serve(config.http); function serve(options) { listen(options.port) }', true],
  ['serve({ root, ...config.http }); function serve({ port }) {}', true],
  ["const key = 'http.port'", false],
  ['serve(config.http.portal)', false],
  ['serve(config.http.host); url.port', false],
  ['serve(config.http); const port = 1', false],
])('%s reads http.port: %s', (source, expected) => {
  expect(isRead(source, ['http', 'port'])).toBe(expected)
})

/** As `section.key`; or as a property of that name, where the section is handed on whole. */
function isRead(sources: string, path: readonly string[]): boolean {
  const [section = '', name] = path
  if (name === undefined) return new RegExp(String.raw`\bconfig\.${section}\b`).test(sources)
  if (new RegExp(String.raw`(?<!['"\`\w])(?:\w+\.)*\b${section}\.${name}\b(?!['"\`])`).test(sources)) return true
  const isHandedOn = new RegExp(String.raw`\b(?:config|value)\.${section}\b(?!\.)`).test(sources)
  return isHandedOn && new RegExp(String.raw`\.${name}\b|\{[^{}=()]*\b${name}\b[^{}=()]*\}(?: = |[:,)])`).test(sources)
}

function typescriptFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts')).map((entry) => join(entry.parentPath, entry.name))
}
