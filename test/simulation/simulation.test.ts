/**
 * The daemon under a seeded scheduler that kills, delays, reorders and fails whatever it can (`world.ts`), in many worlds until
 * so many steps and faults have passed, and proof that a daemon, a store or a clock with a flaw is found out.
 *
 *   SIM_SEED=7 …            that one world again, step by step the same
 *   FC_SEED=7 …             that world and those after it; chance where it is not set
 *   SIM_STEPS=… SIM_FAULTS=…  how much at least; by hand 1,000,000 faults
 */

import { expect, test } from 'vitest'

import { FAULTS } from './faults.ts'
import { runWorld } from './world.ts'
import type { Flaw, Outcome } from './world.ts'

/** Steps of chaos in one world: many short worlds find more than a long one. */
const STEPS_PER_WORLD = 8000
const AT_LEAST = { steps: Number(process.env['SIM_STEPS'] ?? 1_000_000), faults: Number(process.env['SIM_FAULTS'] ?? 100_000) }
/** A thousandth of what it takes: a run never ends without a word. */
const MS_PER_FAULT = 10

function nFaults({ faults }: Outcome): number {
  return Object.values(faults).reduce((sum, n) => sum + n, 0)
}

function must({ seed, breach }: Outcome): void {
  if (breach !== undefined) throw new Error(`${breach}\n\nagain: SIM_SEED=${seed} bin/with-node vitest run test/simulation`)
}

const given = process.env['SIM_SEED']

test.runIf(given !== undefined)(`the world of the seed ${given}`, async () => {
  const { breach } = await runWorld({ seed: Number(given), nSteps: STEPS_PER_WORLD })
  expect.soft(breach).toBeUndefined()
}, 600_000)

test.runIf(given === undefined)(`what must hold does, for ${AT_LEAST.steps} steps and ${AT_LEAST.faults} faults`, async () => {
  const first = Number(process.env['FC_SEED'] ?? Math.floor(Math.random() * 2 ** 31))
  const total = { worlds: 0, steps: 0, faults: 0, daemons: 0, commits: 0 }
  const byKind = new Map<string, number>()
  while (total.steps < AT_LEAST.steps || total.faults < AT_LEAST.faults) {
    const outcome = await runWorld({ seed: first + total.worlds, nSteps: STEPS_PER_WORLD })
    must(outcome)
    total.worlds += 1
    total.steps += outcome.nSteps
    total.faults += nFaults(outcome)
    total.daemons += outcome.nDaemons
    total.commits += outcome.nCommits
    for (const [name, n] of Object.entries(outcome.faults)) byKind.set(name, (byKind.get(name) ?? 0) + n)
  }
  expect(total.steps).toBeGreaterThanOrEqual(AT_LEAST.steps)
  expect(total.faults).toBeGreaterThanOrEqual(AT_LEAST.faults)
  // It is no simulation of a daemon that does nothing.
  expect(total.commits).toBeGreaterThan(total.worlds)
  expect(FAULTS.filter(({ name }) => !byKind.has(name))).toEqual([])
  process.stdout.write(`simulation: ${JSON.stringify({ ...total, ...Object.fromEntries(byKind) })}\n`)
}, 120_000 + AT_LEAST.faults * MS_PER_FAULT)

test('a seed repeats a world exactly', async () => {
  const [once, again] = [await runWorld({ seed: 4, nSteps: 1500 }), await runWorld({ seed: 4, nSteps: 1500 })]
  expect(again).toEqual(once)
  const [broken, same] = [await runWorld({ seed: 4, nSteps: 1500, flaw: 'forgets at a crash' }), await runWorld({ seed: 4, nSteps: 1500, flaw: 'forgets at a crash' })]
  expect(same).toEqual(broken)
})

/** What the breach says, whichever of them is found first. */
const CAUGHT: Readonly<Record<Flaw, RegExp>> = {
  'acknowledges before it commits': /was acknowledged with epoch \d+ and is not on disk/,
  'shows half of a batch': /saw half of a batch/,
  'forgets at a crash': /is lost|is not on disk|answered epoch \d+ after/,
  'goes back in time': /answered epoch -?\d+ after \d+ had been seen/,
  'a change is not reported': /answered too early|as they are/,
  'a settle does not wait': /answered too early/,
  'updates are lost': /answered too early|as they are/,
  'an import lets updates through': /in the store, after|answered too early/,
  'an actor loses replies': /gave no answer in time|no answer within|is answered/,
  'forgets what it has answered': /was carried out twice/,
  'notes requests after it commits': /was carried out twice/,
  'an actor is not started again': /is answered|does not run|all is well again/,
  'a handler throws': /threw: Error: a bug/,
  'answers are kept whatever changes': /a question was answered from epoch \d+ after/,
  'wires have no bound': /calls and \d+ casts under way/,
  // These break whatever comes first.
  'deadlines are forgotten': /./,
  'timers are not cancelled': /./,
}

test.each(Object.entries(CAUGHT))('found out: %s', async (flaw, what) => {
  for (let seed = 1; seed <= 40; seed++) {
    const { breach } = await runWorld({ seed, nSteps: 3000, flaw: flaw as Flaw })
    if (breach !== undefined) return expect(breach).toMatch(what)
  }
  expect.fail('nobody noticed')
})
