/**
 * The package as a user installs it: packed, installed globally elsewhere, run outside the checkout, its threads and pools
 * too. Dependencies come from npm's cache where they can.
 */

import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { exec, put, ROOT, type Output } from './cli/shell.ts'

let dir: string
let project: string
let env: Record<string, string | undefined>

beforeAll(async () => {
  dir = realpathSync(mkdtempSync(join(tmpdir(), 'es-')))
  project = join(dir, 'shop')
  put(join(project, 'mix.exs'), 'defmodule Shop.MixProject do\n  def project, do: [app: :shop]\nend\n')
  put(join(project, 'lib/cart.ex'), 'defmodule Shop.Cart do\n  def add(cart, item), do: [item | cart]\nend\n')
  env = {
    ...process.env,
    PATH: [dirname(process.execPath), process.env['PATH']].join(delimiter),
    ELIXIR_SCOPE_HOME: join(dir, 'h'),
    NODE_COMPILE_CACHE: join(dir, 'c'),
  }
  mkdirSync(join(dir, 'pack'))
  must(await exec('npm', ['pack', '--silent', '--pack-destination', join(dir, 'pack')], { cwd: ROOT, env }))
  const [tarball = ''] = readdirSync(join(dir, 'pack'))
  must(await exec('npm', [
    'install', '--global', '--prefix', join(dir, 'global'), '--prefer-offline', '--ignore-scripts', '--no-audit', '--no-fund',
    join(dir, 'pack', tarball),
  ], { cwd: dir, env }))
}, 300_000)

afterAll(async () => {
  await cli('stop')
  rmSync(dir, { recursive: true, force: true })
}, 60_000)

function cli(line: string): Promise<Output> {
  return exec(join(dir, 'global/bin/elixir-scope'), line.split(' '), { cwd: project, env })
}

function must(output: Output): void {
  if (output.code !== 0) throw new Error(`exit code ${output.code}\n${output.out}\n${output.err}`)
}

test('holds compiled code and no sources, tests or tools', () => {
  const root = join(dir, 'global/lib/node_modules/elixir-scope')
  const top = readdirSync(root).filter((name) => name !== 'node_modules').sort()
  expect(top).toEqual(['LICENSE', 'README.md', 'agent', 'bin', 'dist', 'docs', 'package.json', 'packaging'])
  expect(readdirSync(join(root, 'bin'))).toEqual(['elixir-scope'])
  // What `run` and `attach` compile.
  expect(readdirSync(join(root, 'agent')).sort()).toEqual(['README.md', 'lib', 'mix.exs'])
  const files = readdirSync(join(root, 'dist'), { recursive: true, encoding: 'utf8' })
  expect(files.filter((file) => file.endsWith('.ts'))).toEqual([])
  expect(files).toContain('src/cli/main.js')
})

test('starts, reads a project in its pool, answers, and stops', async () => {
  const started = await cli('start')
  expect(started).toMatchObject({ code: 0 })
  expect(started.out).toContain('2 modules, 2 functions')
  const shown = await cli('show Shop.Cart.add/2')
  expect(shown).toMatchObject({ code: 0, err: '' })
  expect(shown.out).toContain('lib/cart.ex:2')
  const tree = await cli('tree')
  expect(tree.out).toMatch(/repository.*thread/)
  expect((await cli('ast --digest lib/cart.ex')).out).toMatch(/^lib\/cart\.ex\t[0-9a-f]{64}\t[0-9a-f]{64}\n$/)
  expect((await cli('stop')).out).toContain('stopped for')
})
