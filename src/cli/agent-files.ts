/**
 * The agent, compiled by the Elixir of this machine into the user's cache: once for each content of its sources and each OTP release,
 * since beams of a newer release do not load in an older one. Two commands at once do no harm: the first to be done is kept.
 */

import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { failure, type Failure } from '../base/failure.ts'
import { fail, ok, type Result } from '../base/result.ts'

export type AgentBuild = {
  /** The directory of the agent's mix project. */
  readonly sources: string
  /** The user's cache. */
  readonly cache: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly compiling: (otp: string) => void
}

const INSTALL = 'install Erlang/OTP 25 and Elixir 1.14 or newer, or put the directories of `erl` and `mix` into PATH'

/** A directory for ERL_LIBS. */
export async function compiledAgent({ sources, cache, env, compiling }: AgentBuild): Promise<Result<string, Failure>> {
  if (!existsSync(join(sources, 'mix.exs'))) return fail(failure('unsupported', `the agent's sources are missing: ${sources}`, { hint: 'install elixir-scope again' }))
  const asked = await output('erl', ['-noshell', '-eval', 'io:put_chars(erlang:system_info(otp_release)), halt().'], { env })
  if (!asked.ok) return asked
  const otp = asked.value.trim()
  if (!/^\d+$/.test(otp) || Number(otp) < 25) return fail(failure('unsupported', `the agent needs OTP 25 or newer; erl is of OTP ${otp}`, { hint: INSTALL }))
  const build = join(cache, 'agent', `${hashOf(sources)}-otp${otp}`)
  if (isWhole(build)) return ok(join(build, 'lib'))
  compiling(otp)
  mkdirSync(join(cache, 'agent'), { recursive: true })
  const draft = mkdtempSync(`${build}.tmp-`)
  try {
    const compiled = await output('mix', ['compile', '--no-deps-check'], { env: { ...withoutMix(env), MIX_ENV: 'prod', MIX_BUILD_PATH: draft }, cwd: sources })
    if (!compiled.ok) return compiled
    return keep(draft, build)
  } finally {
    rmSync(draft, { recursive: true, force: true })
  }
}

function keep(draft: string, build: string): Result<string, Failure> {
  if (!isWhole(draft)) return fail(failure('internal', 'mix compiled no agent'))
  try {
    renameSync(draft, build)
  } catch (error) {
    // Another command was first, or left half of it.
    if (!isWhole(build)) return fail(failure('invalid_argument', `${build} cannot be written (${(error as NodeJS.ErrnoException).code ?? String(error)})`, { hint: 'delete it' }))
  }
  return ok(join(build, 'lib'))
}

function isWhole(build: string): boolean {
  return existsSync(join(build, 'lib', 'elixir_scope_agent', 'ebin', 'elixir_scope_agent.app'))
}

/** Of the names and the content of all that is compiled. */
function hashOf(sources: string): string {
  const files = readdirSync(join(sources, 'lib'), { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ex')).sort()
  const hash = createHash('sha256')
  for (const file of ['mix.exs', ...files.map((name) => join('lib', name))]) hash.update(`${file}\0`).update(readFileSync(join(sources, file))).update('\0')
  return hash.digest('hex').slice(0, 16)
}

/** What a user sets for projects of their own is not meant for this one. */
function withoutMix(env: AgentBuild['env']): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('MIX_') || name === 'MIX_HOME'))
}

async function output(command: string, args: readonly string[], { env, cwd }: { readonly env: AgentBuild['env']; readonly cwd?: string }): Promise<Result<string, Failure>> {
  const child = spawn(command, args, { env: { ...env }, stdio: ['ignore', 'pipe', 'pipe'], ...(cwd === undefined ? {} : { cwd }) })
  const [texts, errors]: [string[], string[]] = [[], []]
  child.stdout.setEncoding('utf8').on('data', (text: string) => texts.push(text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => errors.push(text))
  const { promise, resolve } = Promise.withResolvers<Result<string, Failure>>()
  child.once('error', (error: NodeJS.ErrnoException) => resolve(fail(failure('unsupported',
    error.code === 'ENOENT' ? `${command} was not found; the agent is compiled with the Elixir of this machine` : `${command} cannot be started: ${error.message}`, { hint: INSTALL }))))
  child.once('close', (code) => resolve(code === 0 ? ok(texts.join(''))
    : fail(failure('unsupported', `${command} ${args[0] ?? ''} failed with exit code ${code ?? 'none'}: ${[...texts, ...errors].join('').trim().split('\n').slice(-5).join('; ')}`, { hint: INSTALL }))))
  return promise
}
