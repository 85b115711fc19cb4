/**
 * The example application compiles without warnings, passes its own tests, and its load generator does what
 * the rules of the shop say. Skipped where mix is missing. Build output goes to a temporary directory.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'

const SHOP = fileURLToPath(new URL('../../examples/shop', import.meta.url))
const hasMix = spawnSync('mix', ['--version']).status === 0

let scratch = ''
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'shop-'))
})
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

/** Runs mix in the example; the output, whatever the stream, and the exit status. */
function mix(mixEnv: string, ...args: readonly string[]): { status: number | null; output: string } {
  const run = spawnSync('mix', args, {
    cwd: SHOP,
    encoding: 'utf8',
    env: { ...process.env, MIX_ENV: mixEnv, MIX_BUILD_PATH: join(scratch, mixEnv) },
  })
  return { status: run.status, output: run.stdout + run.stderr }
}

test.skipIf(!hasMix)('is formatted (skipped without mix)', () => {
  expect(mix('dev', 'format', '--check-formatted')).toEqual({ status: 0, output: '' })
})

test.skipIf(!hasMix)('compiles without warnings, and its load generator counts what the rules say (skipped without mix)', () => {
  expect(mix('dev', 'compile', '--warnings-as-errors')).toMatchObject({ status: 0 })
  const script = 'r = Shop.Load.run(120); IO.inspect({Map.take(r, [:delivered, :failed, :crashes]) == Shop.Load.expected(120), r.customers})'
  expect(mix('dev', 'run', '-e', script)).toEqual({ status: 0, output: '{true, 120}\n' })
})

test.skipIf(!hasMix)('passes its own tests (skipped without mix)', () => {
  const { status, output } = mix('test', 'test', '--warnings-as-errors')
  expect(output).toMatch(/\d+ tests, 0 failures/)
  expect(status).toBe(0)
})
