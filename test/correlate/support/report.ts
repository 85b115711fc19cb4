/** The accuracy of a run in lines of text: every case, every method. */

import { score, scoreWritten, type Case, type Run, type Tally } from './accuracy.ts'

const VERSIONS: readonly Case['versions'][] = [['ran'], ['moved', 'ran'], ['revised', 'ran'], ['moved'], ['revised']]
const show = ({ right, n }: Tally) => `${right} of ${n}, ${n === 0 ? '-' : ((100 * right) / n).toFixed(3)} %`

/** With `nWrong` of the places that were found wrongly, the most frequent first. */
export function report(run: Run, nWrong: number): string {
  const whole = scoreWritten(run, { versions: ['ran'], beams: 'with lines' })
  const lines = [`${run.made.length} programs, ${run.calls.length} calls, ${run.misaligned} processes otherwise than foretold`, `whole way: places ${show(whole.site)}; ${Array.from(whole.byEvidence, ([evidence, tally]) => `${evidence} ${show(tally)}`).join('; ')}`]
  for (const calls of ['paired', 'alone'] as const) {
    for (const beams of ['with lines', 'stripped'] as const) {
      for (const versions of VERSIONS) {
        const { function: fn, site, byMethod, wrong } = score(run, { versions, beams, calls })
        lines.push(`${calls}, ${beams}, ${versions.join(' + ')}: functions ${show(fn)}; places ${show(site)}`)
        for (const [method, tally] of Array.from(byMethod).toSorted(([a], [b]) => (a < b ? -1 : 1))) lines.push(`    ${method}: ${show(tally)}`)
        for (const [what, times] of Array.from(wrong).toSorted((a, b) => b[1] - a[1]).slice(0, nWrong)) lines.push(`        ${times} x ${what}`)
      }
    }
  }
  return `${lines.join('\n')}\n`
}
