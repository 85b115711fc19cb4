/**
 * Faults at every node of a real daemon, by every cause, while clients read and write. In a test run a few hundred; by hand
 * as many as wanted, with a table at the end:
 *
 *   CHAOS_FAULTS=10000 bin/with-node vitest run test/chaos/chaos
 *   CHAOS_SEED=7 …    deals the same faults again
 */

import { afterEach, expect, test } from 'vitest'
import { createSandbox } from '../daemon/running-daemon.ts'
import { projectFiles } from './model.ts'
import { ALL_PAIRS } from './pairs.ts'
import { runChaos, type ChaosReport } from './run-chaos.ts'
import { startUnderHeart } from './under-heart.ts'

const byHand = process.env['CHAOS_FAULTS']
/** Every cause at every node at least once, and time for those that met nobody. */
const nFaults = Number(byHand ?? Math.max(200, Math.ceil(ALL_PAIRS.length * 2.2)))
const seed = Number(process.env['CHAOS_SEED'] ?? Math.floor(Math.random() * 2 ** 31))
const LABELS = ALL_PAIRS.map(({ node, cause }) => `${node} ${cause}`)
const say = (line: string): void => void process.stdout.write(`${line}\n`)

const closing: (() => Promise<void> | void)[] = []

afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close()
})

test(`${nFaults} faults: nothing is lost, nothing hangs, no answer is wrong, everything runs again (CHAOS_SEED=${seed})`, { timeout: 180_000 + nFaults * 2000 }, async () => {
  const box = createSandbox(projectFiles())
  closing.push(box.dispose)
  const daemon = await startUnderHeart(box)
  closing.push(daemon.kill)
  const report = await runChaos(box, daemon, { seed, nFaults, log: byHand === undefined ? () => undefined : say })
  if (byHand !== undefined) say(table(report))
  expect(report.violations, `CHAOS_SEED=${seed}`).toEqual([])
  if (byHand === undefined) expect(uncovered(report), 'what did not happen').toEqual([])
})

function uncovered({ recoveries, unseen }: ChaosReport): string[] {
  return LABELS.filter((label) => !recoveries.has(label) && !unseen.includes(label))
}

function table({ recoveries, unseen, counts, nFaults: n, nLives }: ChaosReport): string {
  const rows = LABELS.map((label) => {
    const times = (recoveries.get(label) ?? []).toSorted((a, b) => a - b)
    const at = (share: number): string => times.length === 0 ? '-' : String(Math.round(times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0))
    const nUnseen = unseen.filter((other) => other === label).length
    return `| ${label} | ${times.length} | ${nUnseen} | ${at(0.5)} | ${at(0.95)} |`
  })
  return [
    `seed ${seed}: ${n} faults in ${nLives} lives of the process; ${JSON.stringify(counts)}`,
    '| node and cause | recovered | nothing seen | p50 ms | p95 ms |', '| --- | --- | --- | --- | --- |', ...rows,
  ].join('\n')
}
