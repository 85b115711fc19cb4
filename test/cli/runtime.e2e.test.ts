/**
 * The commands about the runtime on a real daemon and a real BEAM: a program whose calls are known is run, attached to and
 * recorded. Skipped where there is no Elixir.
 */

import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { exec, LAUNCHER, put, type Output } from './shell.ts'

const hasElixir = spawnSync('mix', ['--version']).status === 0 && spawnSync('erl', ['-noshell', '-eval', 'halt().']).status === 0
/** Nothing in it is called in the last place, where a BEAM forgets who called. */
const SUM = `defmodule Sum do
  def of([]), do: 0
  def of([head | tail]), do: max(0, add(head, of(tail)))

  def add(a, b), do: a + b
  def never(x), do: x
end
`
const LOOP = 'require Sum; loop = fn loop -> Sum.of([1, 2, 3]); Process.sleep(20); loop.(loop) end; IO.puts("on"); loop.(loop)'

let dir: string
let project: string
let env: Record<string, string | undefined>
const children: ChildProcess[] = []

beforeAll(() => {
  dir = realpathSync(mkdtempSync(join(tmpdir(), 'es-')))
  project = join(dir, 'sum')
  put(join(project, 'mix.exs'), 'defmodule Sum.MixProject do\n  use Mix.Project\n  def project, do: [app: :sum, version: "0.1.0"]\nend\n')
  put(join(project, 'lib/sum.ex'), SUM)
  put(join(dir, 'cookie'), 'a_cookie_of_the_test\n')
  env = { ...process.env, ELIXIR_SCOPE_HOME: join(dir, 'h'), NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] ?? join(tmpdir(), 'es-compile') }
})

afterAll(async () => {
  for (const child of children) child.kill('SIGKILL')
  await cli('stop')
  rmSync(dir, { recursive: true, force: true })
}, 120_000)

function cli(...words: readonly string[]): Promise<Output> {
  return exec(LAUNCHER, words.length === 1 ? (words[0] ?? '').split(' ') : words, { cwd: project, env })
}

test.skipIf(!hasElixir)('run: exit code and output are the program\'s; every call is there, in its place', async () => {
  const ran = await cli('run', '--args', '--', 'mix', 'run', '-e', 'IO.puts(Sum.of([1, 2, 3])); exit({:shutdown, 7})')
  expect([ran.code, ran.out.split('\n').at(-2)]).toEqual([7, '6'])
  expect(ran.err).toMatch(/compiling the agent for OTP \d+; this happens once\n/)
  expect(ran.err).toMatch(/elixir-scope: [\d,]+ events of nonode@nohost; see: .* hot --since /)

  const insights = JSON.parse((await cli('--json trace Sum.add/2')).out) as { value: { n: number; callers: { mfa: string; calls: number; node_id: string | null }[] } }
  expect(insights.value).toMatchObject({ n: 3, callers: [{ mfa: 'Sum.of/1', calls: 3, node_id: 'Sum.of/1#2/max/add' }] })
  expect((await cli('events --mfa Sum.add/2 --type call')).out).toMatch(/Sum\.add\(3, 0\)(.|\n)*Sum\.add\(2, 3\)(.|\n)*Sum\.add\(1, 5\)/)
  const covered = await cli('cover Sum')
  expect(covered.out).toContain('Sum.never/1')
  expect(covered.out).toMatch(/\nSum +3 +2 +1 /)
}, 120_000)

test.skipIf(!hasElixir)('run: a node that loads no code by itself, as releases do, starts all the same', async () => {
  const ran = await cli('run', '--', 'erl', '-mode', 'embedded', '-noshell', '-eval', 'io:put_chars(atom_to_list(element(1, code:is_loaded(list_to_atom("Elixir.ElixirScopeAgent.Boot"))))), halt(3).')
  expect([ran.code, ran.out]).toEqual([3, 'file'])
}, 60_000)

test.skipIf(!hasElixir)('export-trace, calls and why of what was run', async () => {
  const file = join(dir, 'trace.json')
  expect(await cli(`export-trace --out ${file}`)).toMatchObject({ code: 0, out: '' })
  const trace = JSON.parse(readFileSync(file, 'utf8')) as { traceEvents: { ph: string; name: string }[] }
  expect(trace.traceEvents.filter(({ ph, name }) => ph === 'B' && name === 'Sum.add/2')).toHaveLength(3)
  const { value } = JSON.parse((await cli('--json events --mfa Sum.add/2 --type call --limit 1')).out) as { value: { events: { event_id: string; pid: string }[] } }
  const [last] = value.events
  const tree = await cli(`calls ${last?.pid}`)
  expect(tree.out.replace(/(\/\d) .*$/gm, '$1')).toContain('Sum.of/1\n├─ Sum.of/1\n│  ├─ Sum.of/1\n│  │  ├─ Sum.of/1\n│  │  └─ Sum.add/2\n│  └─ Sum.add/2\n└─ Sum.add/2')
  expect((await cli(`why ${last?.event_id}`)).out).toContain('called within')
}, 60_000)

test.skipIf(!hasElixir)('record while it runs; attach to a node that was started without us, and be gone', async () => {
  const watched = spawn(LAUNCHER, ['run', '--module', 'Sum', '--', 'mix', 'run', '-e', LOOP], { cwd: project, env, stdio: ['ignore', 'pipe', 'ignore'] })
  children.push(watched)
  await heard(watched)
  const recorded = await cli('record --for 1s')
  expect(recorded.code).toBe(0)
  expect(recorded.out).toMatch(/^[\d,]+ events: .* call/)
  expect(recorded.out).toContain('Sum.of/1')
  watched.kill('SIGTERM')

  const node = `sum${process.pid}@${hostname().split('.')[0]}`
  const target = spawn('elixir', ['--sname', node.split('@')[0] ?? '', '--cookie', 'a_cookie_of_the_test', '-S', 'mix', 'run', '-e', LOOP], { cwd: project, env, stdio: ['ignore', 'pipe', 'ignore'] })
  children.push(target)
  await heard(target)
  const attached = await cli(`attach ${node} --cookie-file ${join(dir, 'cookie')} --duration 1s`)
  expect(attached).toMatchObject({ code: 0, err: expect.stringContaining(`detached from ${node}; nothing of the agent is left there`) as string })
  expect(attached.out).toContain('Sum.add/2')
  expect((await cli('nodes')).out).toMatch(new RegExp(`^${node} +gone`, 'm'))
  expect(target.exitCode).toBeNull()
}, 120_000)

/** Until it says that it is on. */
async function heard(child: ChildProcess): Promise<void> {
  for await (const chunk of child.stdout ?? []) if (String(chunk).includes('on\n')) return
  throw new Error('the program ended before it began')
}
