/**
 * Our supervisor against OTP's: the same random scripts on both, compared step by step in starts, stops, answers and who is
 * alive. Several hundred scripts a run; `OTP_SCRIPTS=5000` plays more, `FC_SEED` repeats a run. All scripts of a run wait at
 * the same time, so a run takes as long as its longest script.
 */

import { execFile, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

import * as fc from 'fast-check'
import { expect, test } from 'vitest'

import { playScript } from './play-script.ts'
import { script, toErlang } from './supervisor-scripts.ts'
import type { Script } from './supervisor-scripts.ts'

const ORACLE = join(import.meta.dirname, 'oracle', 'supervisor.escript')
const hasErlang = spawnSync('escript', ['--version'], { stdio: 'ignore' }).error === undefined
const nScripts = Number(process.env['OTP_SCRIPTS'] ?? 400)
const seed = Number(process.env['FC_SEED'] ?? Date.now() % 2 ** 31)

async function askOracle(scripts: readonly Script[]): Promise<string[][]> {
  const folder = mkdtempSync(join(tmpdir(), 'otp-oracle-'))
  try {
    const file = join(folder, 'scripts')
    writeFileSync(file, scripts.map((one, n) => toErlang(n, one)).join('\n'))
    const { stdout } = await promisify(execFile)('escript', [ORACLE, file], { maxBuffer: 2 ** 30, timeout: 300_000 })
    return stdout.split('\n').slice(0, scripts.length).map((line) => line.slice(line.indexOf('\t') + 1).split(' | '))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Dynamic children are stopped all at once: the order of those lines means nothing. */
function inOrder(steps: readonly string[], { flags }: Script): readonly string[] {
  if (flags.strategy !== 'simple_one_for_one') return steps
  return steps.map((step) => {
    const [answer, events = '', living] = step.split('; ')
    const isStop = (event: string): boolean => event.startsWith('stop ')
    const all = events.split(', ')
    return [answer, [...all.filter(isStop).sort(), ...all.filter((event) => !isStop(event))].join(', '), living].join('; ')
  })
}

test.skipIf(!hasErlang)(`ours and OTP's do the same (${hasErlang ? `seed ${seed}` : 'skipped: no escript on this machine'})`, async () => {
  const scripts = fc.sample(script, { seed, numRuns: nScripts })
  const theirs = await askOracle(scripts)
  expect(theirs).toHaveLength(nScripts)
  const differing: string[] = []
  for (const [n, one] of scripts.entries()) {
    const mine = inOrder(await playScript(one), one)
    const other = inOrder(theirs[n] ?? [], one)
    const at = mine.findIndex((step, i) => step !== other[i])
    if (at < 0 && mine.length === other.length) continue
    differing.push(`script ${n} of seed ${seed}, step ${at}: ${JSON.stringify(one.ops[at - 1] ?? 'start or end')}\n  ours  ${mine[at]}\n  OTP's ${other[at]}\n${toErlang(n, one)}\n  before: ${mine.slice(0, at).join(' | ')}`)
  }
  expect(differing.slice(0, 5).join('\n\n'), `${differing.length} of ${nScripts} scripts differ, seed ${seed}`).toBe('')
}, 300_000)
