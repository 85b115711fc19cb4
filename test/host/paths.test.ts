/** Environment -> paths, as a table; and the promise about the length of the socket's path for any environment. */

import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { basePaths, projectPaths, type PathEnvironment } from '../../src/host/paths.ts'

const plain: PathEnvironment = { env: {}, home: '/home/me', tmpDir: '/tmp', uid: 7 }
const withEnv = (env: Record<string, string>): PathEnvironment => ({ ...plain, env })
const hashes = (path: string): string => path.replaceAll(/[0-9a-f]{16}/g, 'HASH')

test.each<[string, PathEnvironment, string, string]>([
  ['nothing set', plain, '/home/me/.local/state/elixir-scope/projects/shop-HASH', '/tmp/elixir-scope-7/HASH.sock'],
  ['XDG', withEnv({ XDG_STATE_HOME: '/s', XDG_RUNTIME_DIR: '/run/user/7' }), '/s/elixir-scope/projects/shop-HASH', '/run/user/7/elixir-scope/HASH.sock'],
  ['relative XDG paths do not count', withEnv({ XDG_STATE_HOME: 's', XDG_RUNTIME_DIR: 'r' }),
    '/home/me/.local/state/elixir-scope/projects/shop-HASH', '/tmp/elixir-scope-7/HASH.sock'],
  ['empty ones neither', withEnv({ XDG_STATE_HOME: '', ELIXIR_SCOPE_HOME: '' }),
    '/home/me/.local/state/elixir-scope/projects/shop-HASH', '/tmp/elixir-scope-7/HASH.sock'],
  ['a home of its own', withEnv({ ELIXIR_SCOPE_HOME: '/x', XDG_STATE_HOME: '/s', XDG_RUNTIME_DIR: '/r' }), '/x/projects/shop-HASH', '/x/run/HASH.sock'],
  ['a home that is too deep for a socket', withEnv({ ELIXIR_SCOPE_HOME: `/${'x'.repeat(90)}`, XDG_RUNTIME_DIR: '/r' }),
    `/${'x'.repeat(90)}/projects/shop-HASH`, '/r/elixir-scope/HASH.sock'],
  ['everything too deep', { ...withEnv({ XDG_RUNTIME_DIR: `/${'r'.repeat(90)}` }), tmpDir: `/${'t'.repeat(90)}` },
    '/home/me/.local/state/elixir-scope/projects/shop-HASH', '/tmp/elixir-scope-7/HASH.sock'],
  ['as on macOS', { ...plain, home: '/Users/me', tmpDir: '/var/folders/zz/zyxvpxvq6csfxvn_n0000000000000/T' },
    '/Users/me/.local/state/elixir-scope/projects/shop-HASH', '/var/folders/zz/zyxvpxvq6csfxvn_n0000000000000/T/elixir-scope-7/HASH.sock'],
])('%s', (_, environment, stateDir, socket) => {
  const paths = projectPaths(environment, '/code/shop')
  expect([hashes(paths.stateDir), hashes(paths.socket)]).toEqual([stateDir, socket])
  expect(paths.stateDir.startsWith(basePaths(environment).projects)).toBe(true)
})

test('projects, and homes, never share a directory or a socket', () => {
  const all = [
    projectPaths(plain, '/a/shop'), projectPaths(plain, '/b/shop'), projectPaths(plain, '/'),
    projectPaths(withEnv({ ELIXIR_SCOPE_HOME: `/${'x'.repeat(95)}` }), '/a/shop'), projectPaths(withEnv({ ELIXIR_SCOPE_HOME: `/${'y'.repeat(95)}` }), '/a/shop'),
  ]
  expect(new Set(all.map((paths) => paths.stateDir)).size).toBe(all.length)
  expect(new Set(all.map((paths) => paths.socket)).size).toBe(all.length)
})

test('the socket path is short, whatever the environment and the project are', () => {
  const path = fc.string({ unit: 'grapheme', maxLength: 150 }).map((text) => `/${text}`)
  const env = fc.dictionary(fc.constantFrom('ELIXIR_SCOPE_HOME', 'XDG_RUNTIME_DIR', 'XDG_STATE_HOME'), path)
  const seed = process.env['FC_SEED'] === undefined ? {} : { seed: Number(process.env['FC_SEED']) }
  fc.assert(fc.property(env, path, path, fc.nat(), (variables, tmpDir, root, uid) => {
    const paths = projectPaths({ env: variables, home: '/home/me', tmpDir, uid }, root)
    expect(Buffer.byteLength(paths.socket)).toBeLessThan(100)
    expect(paths.stateDir).toMatch(/\/[\w.-]{1,40}-[0-9a-f]{16}$/)
  }), seed)
})
