/** The agent is compiled once by the Elixir of the machine, here scripts that stand in for it; and programs that are run for their exit code. */

import { chmodSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { compiledAgent } from '../../src/cli/agent-files.ts'
import { accompany, run } from '../../src/cli/programs.ts'
import { put } from './shell.ts'

let dir: string
let heard: string[]

beforeEach(() => {
  dir = realpathSync(mkdtempSync(join(tmpdir(), 'es-')))
  heard = []
  put(join(dir, 'agent/mix.exs'), 'project')
  put(join(dir, 'agent/lib/a.ex'), 'a')
})

afterEach(() => rmSync(dir, { recursive: true, force: true }))

function tool(name: string, script: string): void {
  put(join(dir, 'bin', name), `#!/bin/sh\n${script}\n`)
  chmodSync(join(dir, 'bin', name), 0o755)
}

const COMPILES = 'echo "$MIX_ENV $PWD $MIX_TARGET" >>"$LOG"; mkdir -p "$MIX_BUILD_PATH/lib/elixir_scope_agent/ebin"; echo app >"$MIX_BUILD_PATH/lib/elixir_scope_agent/ebin/elixir_scope_agent.app"'

function compile(): ReturnType<typeof compiledAgent> {
  const env = { PATH: `${join(dir, 'bin')}:/usr/bin:/bin`, LOG: join(dir, 'log'), MIX_TARGET: 'other' }
  return compiledAgent({ sources: join(dir, 'agent'), cache: join(dir, 'cache'), env: { ...env, PATH: hasTools ? env.PATH : join(dir, 'bin') }, compiling: (otp) => heard.push(otp) })
}

let hasTools = true

test('once for the sources and the OTP release; anew when either is another', async () => {
  tool('erl', 'printf 25')
  tool('mix', COMPILES)
  const first = await compile()
  expect(first).toMatchObject({ ok: true })
  expect(first.ok && first.value).toMatch(/\/cache\/agent\/[0-9a-f]{16}-otp25\/lib$/)
  expect(await compile()).toEqual(first)
  expect(heard).toEqual(['25'])
  tool('erl', 'printf 27')
  expect(await compile()).toMatchObject({ ok: true, value: expect.stringContaining('-otp27/') as string })
  writeFileSync(join(dir, 'agent/lib/a.ex'), 'b')
  const changed = await compile()
  expect([changed.ok, heard.length, readdirSync(join(dir, 'cache/agent')).length]).toEqual([true, 3, 3])
})

test('the user\'s settings for mix are not for this project; two at once end with one build', async () => {
  tool('erl', 'printf 25')
  tool('mix', COMPILES)
  const [one, other] = await Promise.all([compile(), compile()])
  expect(one).toEqual(other)
  expect(readdirSync(join(dir, 'cache/agent')).length).toBe(1)
})

test.each([
  ['erl', 'printf 24', COMPILES, 'the agent needs OTP 25 or newer; erl is of OTP 24'],
  ['mix', 'printf 25', 'echo "== Compilation error ==" >&2; exit 1', 'mix compile failed with exit code 1: == Compilation error =='],
  ['mix', 'printf 25', 'exit 0', 'mix compiled no agent'],
])('what is wrong with %s is said, and nothing half done stays', async (_tool, erl, mix, message) => {
  tool('erl', erl)
  tool('mix', mix)
  expect(await compile()).toMatchObject({ ok: false, error: { message } })
  tool('erl', 'printf 25')
  tool('mix', COMPILES)
  expect(await compile()).toMatchObject({ ok: true })
})

test('without Erlang: what to install', async () => {
  hasTools = false
  expect(await compile()).toMatchObject({ ok: false, error: { code: 'unsupported', message: 'erl was not found; the agent is compiled with the Elixir of this machine', hint: expect.stringContaining('install Erlang/OTP 25') as string } })
  hasTools = true
  rmSync(join(dir, 'agent'), { recursive: true })
  expect(await compile()).toMatchObject({ ok: false, error: { message: `the agent's sources are missing: ${join(dir, 'agent')}` } })
})

test('run: the exit code is the program\'s, also where a signal ended it', async () => {
  const env = { PATH: '/usr/bin:/bin' }
  expect(await run(['sh', '-c', 'exit 7'], env)).toEqual({ ok: true, value: 7 })
  expect(await run(['sh', '-c', 'kill -TERM $$'], env)).toEqual({ ok: true, value: 143 })
  expect(await run(['no-such-program'], env)).toMatchObject({ ok: false, error: { code: 'not_found', message: 'there is no program no-such-program' } })
})

test('accompany: its lines, its input, and its end when the input ends', async () => {
  const lines: string[] = []
  const first = Promise.withResolvers<void>()
  const companion = accompany(['sh', '-c', 'read cookie; echo "attached $cookie"; read rest || exit 5'], { env: { PATH: '/usr/bin:/bin' }, input: 'monster\n', hear: (line) => {
    lines.push(line)
    first.resolve()
  } })
  if (!companion.ok) throw new Error(companion.error.message)
  await first.promise
  companion.value.finish()
  expect([await companion.value.ended, lines]).toEqual([5, ['attached monster']])
  const missing = accompany(['no-such-program'], { env: { PATH: '/usr/bin:/bin' }, input: '', hear: () => undefined })
  expect(missing.ok && await missing.value.ended).toBe(127)
})
