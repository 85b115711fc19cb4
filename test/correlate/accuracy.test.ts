/**
 * Correlation is right about programs whose every call is known, on a real BEAM. The seed is printed with a failure, and
 * taken from FC_SEED. `ACCURACY_PROGRAMS=60` makes a large run and prints every rate, `ACCURACY_WRONG=20` what was wrong:
 * the rates in `src/correlate/resolution.ts` come from it.
 */

import { spawnSync } from 'node:child_process'
import { beforeAll, expect, test } from 'vitest'
import { RATES } from '../../src/correlate/resolution.ts'
import { runPrograms, score, scoreWritten, type Case, type Run, type Tally } from './support/accuracy.ts'
import { report } from './support/report.ts'

const seed = Number(process.env['FC_SEED'] ?? 2_024)
const hasElixir = spawnSync('elixir', ['--version']).status === 0
const rate = ({ right, n }: Tally) => right / n
let run: Run

beforeAll(() => {
  if (hasElixir) run = runPrograms(seed, Number(process.env['ACCURACY_PROGRAMS'] ?? 12))
}, 300_000)

const CASES: readonly Case['versions'][] = [['ran'], ['moved', 'ran'], ['revised', 'ran']]

test.skipIf(!hasElixir)('what ran is what was foretold', () => {
  expect([run.misaligned, run.calls.length > 2000], `FC_SEED=${seed}`).toEqual([0, true])
})

test.skipIf(!hasElixir)('functions and places are right, whatever was edited since, and with stripped beams', () => {
  for (const beams of ['with lines', 'stripped'] as const) {
    for (const versions of CASES) {
      const { function: fn, site, byMethod } = score(run, { versions, beams, calls: 'paired' })
      const told = `FC_SEED=${seed} ${beams} ${versions.join()}`
      expect(rate(fn), `${told} functions`).toBeGreaterThan(0.99)
      expect(rate(site), `${told} places`).toBeGreaterThan(0.9)
      for (const method of ['site', 'next line', 'nth at the line', 'next in order', 'tail call'] as const) {
        expect(rate(byMethod.get(method) ?? { right: 1, n: 1 }), `${told} ${method}`).toBeGreaterThan(rate(RATES.paired[method]) - 0.05)
      }
    }
  }
})

test.skipIf(!hasElixir)('so they are on the whole way, from batches to blocks, and what is exact is right', () => {
  for (const beams of ['with lines', 'stripped'] as const) {
    const { site, byEvidence } = scoreWritten(run, { versions: ['ran'], beams })
    const exact = byEvidence.get('exact') ?? { right: 0, n: 0 }
    const told = `FC_SEED=${seed} ${beams}`
    expect(rate(site), `${told} places`).toBeGreaterThan(0.9)
    expect(exact.n, `${told} exact`).toBeGreaterThan(site.n / 5)
    expect(exact.right, `${told} exact`).toBe(exact.n)
  }
})

test.skipIf(!hasElixir)('without the version that ran, nothing is exact that is wrong', () => {
  const { byMethod } = score(run, { versions: ['moved'], beams: 'with lines', calls: 'paired' })
  const { right, n } = byMethod.get('only call') ?? { right: 0, n: 0 }
  expect([n > 0, right === n], `FC_SEED=${seed}`).toEqual([true, true])
})

test.skipIf(!hasElixir || process.env['ACCURACY_PROGRAMS'] === undefined)('every rate', () => {
  const text = report(run, Number(process.env['ACCURACY_WRONG'] ?? 0))
  process.stdout.write(`seed ${seed}, ${text}`)
  expect(text).toContain('paired, with lines, ran')
}, 600_000)
