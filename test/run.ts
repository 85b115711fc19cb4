/**
 * Runs everything that is checked (types, lint, then all tests), each visible as it runs, and ends with the one line
 * `N passed, N failed` (`, N skipped` when some were), counted from what ran. Exits with 1 on any failure. Arguments are
 * filters for the tests; with them types and lint are left out.
 *
 *   npm test                     everything
 *   npm test -- syntax           the tests whose path holds "syntax"
 *   npm test -- -t 'some name'   the tests of that name
 */

import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

type Counts = { readonly passed: number; readonly failed: number; readonly skipped: number }
type TestFile = { readonly status: string; readonly assertionResults: readonly { readonly status: string }[] }

const root = join(import.meta.dirname, '..')

async function main(filters: readonly string[]): Promise<number> {
  const counts: Counts[] = []
  if (filters.length === 0) {
    counts.push(await check('types', 'tsc', ['--noEmit']), await check('lint', 'oxlint', []))
  }
  counts.push(await tests(filters))
  const total = counts.reduce((sum, one) => ({
    passed: sum.passed + one.passed, failed: sum.failed + one.failed, skipped: sum.skipped + one.skipped,
  }))
  const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : ''
  process.stdout.write(`\n${total.passed} passed, ${total.failed} failed${skipped}\n`)
  return total.failed > 0 ? 1 : 0
}

/** One command that passes or fails as a whole. */
async function check(name: string, command: string, args: readonly string[]): Promise<Counts> {
  const code = await run(name, command, args)
  return { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0 }
}

async function tests(filters: readonly string[]): Promise<Counts> {
  const dir = mkdtempSync(join(tmpdir(), 'elixir-scope-test-'))
  const report = join(dir, 'report.json')
  try {
    const args = ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`, ...filters]
    const code = await run('tests', 'vitest', args)
    return countTests(report, code)
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

/** Counts single tests. A file that did not load is one failure, and so is a run that failed in no test at all. */
function countTests(report: string, code: number): Counts {
  let files: readonly TestFile[]
  try {
    files = (JSON.parse(readFileSync(report, 'utf8')) as { testResults: readonly TestFile[] }).testResults
  } catch {
    return { passed: 0, failed: 1, skipped: 0 }
  }
  const statuses = files.flatMap((file) => file.assertionResults.map((result) => result.status))
  const passed = statuses.filter((status) => status === 'passed').length
  const failedTests = statuses.filter((status) => status === 'failed').length
  const unloaded = files.filter((file) => file.status === 'failed' && file.assertionResults.every(({ status }) => status !== 'failed'))
  const failed = failedTests + unloaded.length
  return { passed, failed: failed === 0 && code !== 0 ? 1 : failed, skipped: statuses.length - passed - failedTests }
}

function run(name: string, command: string, args: readonly string[]): Promise<number> {
  process.stdout.write(`\n== ${name}: ${command} ${args.filter((arg) => !arg.startsWith('--outputFile')).join(' ')}\n`)
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, stdio: 'inherit', env: environment() })
    child.on('error', (error) => {
      process.stderr.write(`${command} could not be started: ${error.message}\n`)
      resolve(1)
    })
    child.on('exit', (code) => resolve(code ?? 1))
  })
}

/** Property tests take a new seed each time, to find more; CI takes the same one, so that it judges the change alone. */
const CI_SEED = '20261121'

/** Elixir warns about, and reads names wrongly under, a locale that is not UTF-8. */
function environment(): NodeJS.ProcessEnv {
  const { env } = process
  const locale = env['LC_ALL'] ?? env['LC_CTYPE'] ?? env['LANG'] ?? ''
  return {
    ...(env['CI'] === 'true' ? { FC_SEED: CI_SEED } : {}), ...env, ...(/utf-?8/i.test(locale) ? {} : { LC_ALL: 'C.UTF-8' }),
  }
}

process.exitCode = await main(process.argv.slice(2))
