/**
 * The agent's own suite, in Elixir: its tests against a daemon that stands in for ours, in a copy, so that nothing is built in the checkout.
 * Skipped where mix is missing.
 */

import { execFile, spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const AGENT = fileURLToPath(new URL('../../agent', import.meta.url))
const hasMix = spawnSync('mix', ['--version']).status === 0
/** Of the last counted; a suite that has lost tests is no suite. */
const N_TESTS = 50

/** What mix said, and its exit code: a suite that fails is read, too. */
async function mix(args: readonly string[], cwd: string, env: Readonly<Record<string, string>>): Promise<{ readonly code: number | string; readonly output: string }> {
  const { promise, resolve } = Promise.withResolvers<{ code: number | string; output: string }>()
  execFile('mix', args, { cwd, env: { ...process.env, ...env }, maxBuffer: 1 << 24 }, (error, out, err) => resolve({ code: error?.code ?? 0, output: `${out}\n${err}` }))
  return promise
}

test.skipIf(!hasMix)('the agent passes its own tests, compiles without a warning, and is formatted (skipped without mix)', { timeout: 300_000 }, async () => {
  const base = realpathSync(mkdtempSync(join(tmpdir(), 'es-agent-')))
  try {
    const copy = join(base, 'agent')
    cpSync(AGENT, copy, { recursive: true, filter: (path) => !path.includes('_build') })
    const env = { MIX_ENV: 'test', MIX_BUILD_PATH: join(base, 'build') }
    expect(await mix(['format', '--check-formatted'], copy, env)).toMatchObject({ code: 0 })
    expect(await mix(['compile', '--warnings-as-errors'], copy, env)).toMatchObject({ code: 0 })
    const { code, output } = await mix(['test'], copy, env)
    const [, tests = '0', failures = ''] = /(\d+) tests?, (\d+) failures?/.exec(output) ?? []
    expect({ code, failures, output: code === 0 ? '' : output }).toEqual({ code: 0, failures: '0', output: '' })
    expect(Number(tests)).toBeGreaterThanOrEqual(N_TESTS)
  } finally {
    rmSync(base, { recursive: true, force: true })
  }
})
