/**
 * Correlation is right about programs whose every call is known: a small run of `count-accuracy.ts`, on a real BEAM. The
 * seed is printed with a failure, and taken from FC_SEED.
 */

import { spawnSync } from 'node:child_process'
import { beforeAll, expect, test } from 'vitest'
import { RATES } from '../../src/correlate/resolution.ts'
import { runPrograms, score, type Case, type Run, type Tally } from './support/accuracy.ts'

const seed = Number(process.env['FC_SEED'] ?? 2_024)
const hasElixir = spawnSync('elixir', ['--version']).status === 0
const rate = ({ right, n }: Tally) => right / n
let run: Run

beforeAll(() => {
  if (hasElixir) run = runPrograms(seed, 12)
})

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
      for (const method of ['site', 'next line', 'nth at the line', 'tail call'] as const) {
        expect(rate(byMethod.get(method) ?? { right: 1, n: 1 }), `${told} ${method}`).toBeGreaterThan(RATES[method].right / RATES[method].n - 0.05)
      }
    }
  }
})

test.skipIf(!hasElixir)('without the version that ran, nothing is exact that is wrong', () => {
  const { byMethod } = score(run, { versions: ['moved'], beams: 'with lines', calls: 'paired' })
  const { right, n } = byMethod.get('only call') ?? { right: 0, n: 0 }
  expect([n > 0, right === n], `FC_SEED=${seed}`).toEqual([true, true])
})
