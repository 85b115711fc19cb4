/**
 * Counts the accuracy of correlation over many programs: `node test/correlate/count-accuracy.ts [seed] [programs]`.
 * The rates in `src/correlate/resolution.ts` come from it.
 */

import { runPrograms, score, type Case, type Tally } from './support/accuracy.ts'

const [seed = 1, programs = 100] = process.argv.slice(2).map(Number)
const run = runPrograms(seed, programs)
const show = ({ right, n }: Tally) => `${n === 0 ? '-' : ((100 * right) / n).toFixed(3)} % of ${n}`
process.stdout.write(`seed ${seed}, ${programs} programs, ${run.calls.length} calls, ${run.misaligned} processes otherwise than foretold\n`)
const CASES: readonly Case['versions'][] = [['ran'], ['moved', 'ran'], ['revised', 'ran'], ['moved'], ['revised']]
for (const calls of ['paired', 'alone'] as const) {
  for (const beams of ['with lines', 'stripped'] as const) {
    for (const versions of CASES) {
      const { function: fn, site, byMethod, wrong } = score(run, { versions, beams, calls })
      process.stdout.write(`${calls}, ${beams}, ${versions.join(' + ')}: function ${show(fn)}, site ${show(site)}\n`)
      for (const [method, tally] of Array.from(byMethod).toSorted(([a], [b]) => (a < b ? -1 : 1))) process.stdout.write(`    ${method}: ${show(tally)}\n`)
      if (process.env['WRONG'] !== undefined) for (const one of Array.from(wrong).toSorted((a, b) => b[1] - a[1]).slice(0, Number(process.env['WRONG']))) process.stdout.write(`        ${one[1]} x ${one[0]}\n`)
    }
  }
}
