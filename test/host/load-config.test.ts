/** Which file is read, and what is said about one that cannot be. */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { loadConfig, type LoadConfigOptions } from '../../src/host/load-config.ts'

let root = ''
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'scope-config-'))
})
afterEach(() => rmSync(root, { recursive: true }))

/** The port and where it came from, or the messages. */
function port(options: Partial<LoadConfigOptions>): unknown[] {
  const loaded = loadConfig({ projectRoot: root, env: {}, ...options })
  if (!loaded.ok) return loaded.error.map((problem) => problem.message.replaceAll(root, 'ROOT'))
  return [loaded.value.config.http.port, loaded.value.origins.get('http.port')?.replaceAll(root, 'ROOT')]
}

test('no file: the defaults', () => {
  expect(port({})).toEqual([0, 'default'])
})

test('the file at the project root', () => {
  writeFileSync(join(root, 'elixir_scope.json'), '\uFEFF{"http": {"port": 4}}')
  expect(port({})).toEqual([4, 'file ROOT/elixir_scope.json'])
})

test('a named file replaces the one at the root, the flag before the variable', () => {
  writeFileSync(join(root, 'elixir_scope.json'), '{"http": {"port": 4}}')
  writeFileSync(join(root, 'a.json'), '{"http": {"port": 5}}')
  writeFileSync(join(root, 'b.json'), '{"http": {"port": 6}}')
  const env = { ELIXIR_SCOPE_CONFIG: join(root, 'a.json') }
  expect(port({ env })).toEqual([5, 'file ROOT/a.json'])
  expect(port({ env, configPath: join(root, 'b.json') })).toEqual([6, 'file ROOT/b.json'])
})

test('a named file must be there', () => {
  expect(port({ configPath: join(root, 'none.json') })).toEqual(['the configuration ROOT/none.json cannot be read (ENOENT)'])
})

test('what is no file or no JSON is said, beside what else is wrong', () => {
  mkdirSync(join(root, 'elixir_scope.json'))
  expect(port({})).toEqual(['the configuration ROOT/elixir_scope.json cannot be read (EISDIR)'])
  writeFileSync(join(root, 'broken.json'), '{"http": ')
  const messages = port({ configPath: join(root, 'broken.json'), env: { ELIXIR_SCOPE_HTTP_PORT: 'x' } })
  expect(messages[0]).toMatch(/^the configuration ROOT\/broken.json is not JSON: /)
  expect(messages[1]).toMatch(/^http.port is "x"/)
})
