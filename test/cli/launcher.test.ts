/** bin/elixir-scope: from anywhere, through links, with the right Node, and a clear word where there is none. */

import { copyFileSync, mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { exec, LAUNCHER, linkTools, put, ROOT, withTemp } from './shell.ts'

const TOOLS = ['sh', 'dirname', 'readlink', 'mkdir']
const PRINT = `console.log(JSON.stringify({ args: process.argv.slice(2), script: process.argv[1], cache: process.env.NODE_COMPILE_CACHE, pool: process.env.UV_THREADPOOL_SIZE }))`

/** An installed package whose program prints what it got. */
function fakePackage(root: string): string {
  const launcher = join(root, 'bin/elixir-scope')
  mkdirSync(join(root, 'bin'), { recursive: true })
  copyFileSync(LAUNCHER, launcher)
  put(join(root, 'dist/src/cli/main.js'), PRINT)
  put(join(root, 'package.json'), '{"type": "commonjs"}')
  return launcher
}

test('runs the checkout from any directory, through a chain of links', async () => {
  await withTemp(async (dir) => {
    mkdirSync(join(dir, 'a/b'), { recursive: true })
    symlinkSync(LAUNCHER, join(dir, 'a/absolute'))
    symlinkSync('../absolute', join(dir, 'a/b/relative'))
    symlinkSync('a/b/relative', join(dir, 'third'))
    for (const path of [LAUNCHER, join(dir, 'third'), '../third']) {
      const ran = await exec(path, ['--version'], { cwd: join(dir, 'a') })
      expect(ran).toMatchObject({ code: 0, err: '' })
      expect(ran.out).toMatch(/^\d+\.\d+\.\d+\n$/)
    }
  })
})

test('hands on every argument as it stands and prepares the environment', async () => {
  await withTemp(async (dir) => {
    const launcher = fakePackage(join(dir, 'with space'))
    const args = ['show', 'a b', '', '*', "it's", '--x=$HOME']
    const bin = join(dir, 'bin')
    await linkTools(bin, TOOLS)
    symlinkSync(process.execPath, join(bin, 'node'))
    const ran = await exec(launcher, args, { env: { PATH: bin, HOME: '/home/ann', XDG_CACHE_HOME: join(dir, 'cache') } })
    expect(ran.err).toBe('')
    expect(JSON.parse(ran.out)).toEqual({
      args, script: join(dir, 'with space/dist/src/cli/main.js'), cache: join(dir, 'cache/elixir-scope/compile'), pool: '16',
    })
    const own = await exec(launcher, [], { env: { PATH: bin, ELIXIR_SCOPE_HOME: join(dir, 'home'), UV_THREADPOOL_SIZE: '4' } })
    expect(JSON.parse(own.out)).toMatchObject({ cache: join(dir, 'home/cache/compile'), pool: '4' })
    const homeless = await exec(launcher, [], { env: { PATH: bin } })
    expect(JSON.parse(homeless.out)).toMatchObject({ args: [] })
  })
})

test('an old Node or none: exit 69 and what to do', async () => {
  await withTemp(async (dir) => {
    const launcher = fakePackage(join(dir, 'package'))
    const bin = join(dir, 'bin')
    await linkTools(bin, TOOLS)
    const none = await exec(launcher, [], { env: { PATH: bin } })
    expect(none).toEqual({ code: 69, out: '', err: 'elixir-scope needs Node 24 or newer; the system has none.\nInstall it from https://nodejs.org\n' })
    put(join(bin, 'node'), '#!/bin/sh\necho v20.20.2\n', 0o755)
    const old = await exec(launcher, [], { env: { PATH: bin } })
    expect(old.code).toBe(69)
    expect(old.err).toContain('the system has v20.20.2')
  })
})

test('a checkout prefers the Node that was fetched for it, and says when it is not set up', async () => {
  await withTemp(async (dir) => {
    const launcher = fakePackage(dir)
    const bin = join(dir, 'tools')
    await linkTools(bin, TOOLS)
    put(join(dir, 'src/cli/main.ts'), '// a checkout')
    put(join(dir, 'bin/setup'), '')
    const bare = await exec(launcher, [], { env: { PATH: bin } })
    expect(bare.code).toBe(69)
    expect(bare.err).toContain('run setup')
    put(join(dir, '.node24/node_modules/node-any-cpu/bin/node'), '#!/bin/sh\necho "fetched $1"\n', 0o755)
    const unready = await exec(launcher, [], { env: { PATH: bin } })
    expect(unready.code).toBe(69)
    expect(unready.err).toContain('not set up')
    mkdirSync(join(dir, 'node_modules'))
    const ready = await exec(launcher, [], { env: { PATH: bin } })
    expect(ready).toEqual({ code: 0, out: `fetched ${join(dir, 'src/cli/main.ts')}\n`, err: '' })
  })
})

test('completion in bash: candidates of the command, paths of the shell', async () => {
  const script = `source <("$1" completion bash); shift
complete_words() { COMP_WORDS=("$@"); COMP_CWORD=$(( $# - 1 )); _elixir_scope; printf '%s\\n' "\${COMPREPLY[@]}"; }
complete_words "$@"`
  const candidates = async (...words: readonly string[]): Promise<string> =>
    (await exec('bash', ['-c', script, 'bash', LAUNCHER, LAUNCHER, ...words], { cwd: ROOT })).out
  expect(await candidates('completion', '')).toBe('bash\nzsh\nfish\n')
  expect(await candidates('--json', 'calle')).toBe('callers\ncallees\n')
  expect(await candidates('start', 'exam')).toBe('examples\n')
  expect(await candidates('--project', '=', 'exam')).toBe('examples\n')
  expect(await candidates('ast', 'README')).toBe('README.md\n')
})
