/**
 * The command against a real daemon on a small project: what a user types, through bin/elixir-scope, in processes of
 * their own. State lies in a throw-away directory; every daemon that is started is stopped.
 */

import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { exec, LAUNCHER, put, type Output } from './shell.ts'

const CART = `defmodule Shop.Cart do
  @moduledoc "The cart of one customer."
  alias Shop.Money

  @spec total([integer]) :: integer
  def total(items) do
    case items do
      [] -> 0
      items -> items |> Enum.map(&Money.round/1) |> Money.sum()
    end
  end
end
`
const MONEY = `defmodule Shop.Money do
  def sum(amounts), do: Enum.sum(amounts)
  def round(amount), do: amount
end
`
const BROKEN = `defmodule Shop.Broken do
  def fine(x), do: x
  def broken(x), do: (x
end
`

let dir: string
let project: string
let env: Record<string, string | undefined>

beforeAll(() => {
  dir = realpathSync(mkdtempSync(join(tmpdir(), 'es-')))
  project = join(dir, 'shop')
  put(join(project, 'mix.exs'), 'defmodule Shop.MixProject do\n  use Mix.Project\n  def project, do: [app: :shop, version: "0.1.0"]\nend\n')
  put(join(project, 'lib/shop/cart.ex'), CART)
  put(join(project, 'lib/shop/money.ex'), MONEY)
  put(join(project, 'lib/shop/broken.ex'), BROKEN)
  mkdirSync(join(project, 'lib/deep/er'), { recursive: true })
  env = { ...process.env, ELIXIR_SCOPE_HOME: join(dir, 'h'), NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] ?? join(tmpdir(), 'es-compile') }
})

afterAll(async () => {
  await cli('stop')
  rmSync(dir, { recursive: true, force: true })
}, 120_000)

function cli(line: string, cwd: string = project): Promise<Output> {
  return exec(LAUNCHER, line.split(' '), { cwd, env: env })
}

test('before the start: exit 4 and the command that starts it', async () => {
  const { code, err } = await cli('modules')
  expect(code).toBe(4)
  expect(err).toMatch(/no daemon is running for .*shop\n {2}start it with: \S+ start\n/)
  expect((await cli('status --all')).out).toBe('no daemon is running\n')
})

test('start, ask, edit, import, stop', async () => {
  const started = await cli('start')
  expect(started).toMatchObject({ code: 0 })
  expect(started.out).toContain('4 modules, 6 functions')
  expect(started.out).toContain('What to type next')
  expect(started.err).toContain('started for')

  const shown = await cli('show Shop.Cart.total/1', join(project, 'lib/deep/er'))
  expect(shown).toMatchObject({ code: 0, err: '' })
  expect(shown.out).toContain('lib/shop/cart.ex:6')
  expect(shown.out).toContain('Shop.Money.sum/1')
  expect((await cli('show Shop.Cart')).out).toContain('The cart of one customer.')

  const callers = JSON.parse((await cli('callers Shop.Money.sum/1 --json')).out) as { value: { callers: { caller: string; line: number; node_id: string }[] } }
  expect(callers.value.callers).toMatchObject([{ caller: 'Shop.Cart.total/1', line: 9 }])
  const node = await cli(`show ${callers.value.callers[0]?.node_id ?? ''}`)
  expect(node).toMatchObject({ code: 0, err: '' })
  expect(node.out).toContain('lib/shop/cart.ex:9')
  expect((await cli('callees Shop.Cart.total/1')).out).toContain('Enum.map/2')

  const problems = await cli('problems')
  expect(problems.out).toContain('lib/shop/broken.ex:')
  expect((await cli('show Shop.Broken.fine/1')).code).toBe(0)
  expect(await cli('show Shop.Crat')).toMatchObject({ code: 3, err: expect.stringContaining('did you mean Shop.Cart?') as string })

  put(join(project, 'lib/shop/broken.ex'), BROKEN.replace('(x\n', 'x\n'))
  // The daemon follows the file by itself; whoever was faster parsed it.
  expect((await cli('--wait problems')).out).toBe('no problems\n')
  expect((await cli('import')).out).toMatch(/^4 files \([01] parsed, [34] unchanged\)/)
})

test('again: already running; the state of everything; the daemon of another project is another', async () => {
  expect((await cli('start')).err).toContain('already running')
  const status = JSON.parse((await cli('status --json')).out) as { daemon: { pid: number; http: string }; health: { status: string } }
  expect(status.health.status).not.toBe('unhealthy')
  expect(await (await fetch(`${status.daemon.http}/livez`)).text()).toBeTruthy()
  expect((await cli('tree')).out).toContain('ElixirScope.Supervisor')
  expect((await cli('stats')).out).toContain('functions')
  expect((await cli('status --all')).out).toContain(String(status.daemon.pid))
  expect((await cli('modules', dir)).code).toBe(3)
  expect(await cli('--project shop modules Shop.C', dir)).toMatchObject({ code: 0, out: expect.stringContaining('Shop.Cart') as string })
})

test('a reader that goes away ends the command without a word', async () => {
  const { code, err } = await exec('sh', ['-c', `"${LAUNCHER}" export | head -n 1; "${LAUNCHER}" rpc | true`], { cwd: project, env: env })
  expect({ code, err }).toEqual({ code: 0, err: '' })
})

test('a pipe or a directory is no file, and is said so at once', async () => {
  await exec('mkfifo', [join(dir, 'pipe')])
  expect(await cli(`ast ${join(dir, 'pipe')}`)).toMatchObject({ code: 2, err: expect.stringContaining('pipe is not a file') as string })
  expect((await cli('ast lib')).err).toContain('lib is not a file')
})

test('ast needs no daemon', async () => {
  const { code, out } = await cli('ast lib/shop/money.ex', project)
  expect(code).toBe(0)
  expect(out).toContain('{:defmodule,')
  const digest = await exec(LAUNCHER, ['ast', '--digest', '-'], { cwd: project, env: env, input: 'lib/shop/money.ex\nlib/shop/cart.ex\n' })
  expect(digest.out).toMatch(/^lib\/shop\/money\.ex\t[0-9a-f]{64}\t[0-9a-f]{64}\nlib\/shop\/cart\.ex\t[0-9a-f]{64}\t[0-9a-f]{64}\n$/)
})

test('the daemon killed: the next command waits for heart to bring it back, and its answer is whole', async () => {
  const before = JSON.parse((await cli('status --json')).out) as { daemon: { pid: number; heart: { pid: number; restarts: number } } }
  expect(before.daemon.heart.restarts).toBe(0)
  process.kill(before.daemon.pid, 'SIGKILL')
  expect(await cli('show Shop.Cart.total/1')).toMatchObject({ code: 0, out: expect.stringContaining('lib/shop/cart.ex:6') as string })
  const after = JSON.parse((await cli('status --json')).out) as typeof before
  expect(after.daemon).toMatchObject({ heart: { pid: before.daemon.heart.pid, restarts: 1 } })
  expect(after.daemon.pid).not.toBe(before.daemon.pid)
  expect((await cli('status')).out).toContain(`process ${after.daemon.heart.pid}, 1 restart`)
})

test('restart with a bad configuration leaves the daemon as it is', async () => {
  const pid = async (): Promise<unknown> => (JSON.parse((await cli('status --json')).out) as { daemon: { pid: number } }).daemon.pid
  const before = await pid()
  expect(await cli('restart --set bogus=1')).toMatchObject({ code: 2, err: expect.stringContaining('bogus') as string })
  expect(await cli('restart --config nope.json')).toMatchObject({ code: 2, err: expect.stringContaining('nope.json') as string })
  expect(await pid()).toBe(before)
})

test('restart parses nothing again; stop stops, twice is fine', async () => {
  const restarted = await cli('restart')
  expect(restarted).toMatchObject({ code: 0 })
  expect(restarted.out).toMatch(/^Found in \S+: 4 files, \d+ B\n/)
  expect((await cli('stop')).out).toContain('stopped for')
  expect((await cli('stop')).out).toContain('no daemon was running')
  expect((await exec('sh', ['-c', 'ps -A -o args= || true'])).out).not.toContain(project)
  expect((await cli('modules')).code).toBe(4)
})

test('a bad configuration is refused before anything starts, with key, value and expectation', async () => {
  const { code, err } = await cli('start --set http.port=99999')
  expect(code).toBe(2)
  expect(err).toContain('http.port')
  expect(err).toContain('99999')
  expect((await cli('status')).code).toBe(4)
})

test('a port in use: what is wrong, what to do, where the log is', async () => {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  const { port } = taken.address() as AddressInfo
  const { code, err } = await cli(`start --set http.port=${port}`)
  taken.close()
  expect(code).toBe(1)
  expect(err).toContain(`${port} is in use`)
  expect(err).toContain('set http.port to another port, or to 0')
  expect(err).toContain('daemon.log')
  expect(err).not.toContain('{')
})

test('a directory without mix.exs, once started, is found from inside and below', async () => {
  const plain = join(dir, 'plain')
  put(join(plain, 'lib/plain.ex'), 'defmodule Plain do\n  def one, do: 1\nend\n')
  put(join(dir, 'plainer/x.ex'), '')
  expect((await cli('status', plain)).err).toContain('no mix.exs')
  expect((await cli(`start ${plain}`)).code).toBe(0)
  expect(await cli('show Plain', join(plain, 'lib'))).toMatchObject({ code: 0, out: expect.stringContaining('one/0') as string })
  expect((await cli('status', plain)).out).toContain(plain)
  expect((await cli('status', join(dir, 'plainer'))).code).toBe(3)
  expect((await cli('stop', join(plain, 'lib'))).out).toBe(`stopped for ${plain}\n`)
})

/** The command in the foreground, once it says that it runs. `closed`: no process that can write to its output is left. */
async function foreground(): Promise<{ child: ChildProcess; exited: Promise<number | null>; closed: Promise<unknown> }> {
  const child = spawn(LAUNCHER, ['start', '--foreground'], { cwd: project, env: env, stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  const running = new Promise<void>((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        said += chunk.toString()
        if (said.includes('Press Ctrl-C')) resolve()
      })
    }
  })
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve))
  const closed = once(child, 'close')
  await Promise.race([running, exited])
  expect(said).toContain('Press Ctrl-C')
  return { child, exited, closed }
}

test('in the foreground until Ctrl-C, without heart; a second daemon is refused meanwhile', async () => {
  const { child, exited } = await foreground()
  expect((await cli('show Shop.Cart')).code).toBe(0)
  expect(JSON.parse((await cli('status --json')).out)).toMatchObject({ daemon: { heart: null } })
  const second = await cli('start --foreground')
  expect(second.code).toBe(1)
  expect(second.err).toContain('running')
  child.kill('SIGINT')
  expect(await exited).toBe(0)
  expect((await cli('modules')).code).toBe(4)
})

test('a foreground daemon ends in order when its command is killed', async () => {
  const { child, closed } = await foreground()
  child.kill('SIGKILL')
  await closed
  expect((await cli('status --all')).out).toBe('no daemon is running\n')
})
