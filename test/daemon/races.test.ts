/**
 * Saves, while a real daemon rolls back, verifies, repairs, imports, and finds its database damaged under its hands, all at
 * once and in any order: no call fails but in a way that is told, and in the end the facts are those of a fresh import.
 */

import { closeSync, openSync, readSync, statSync, writeSync } from 'node:fs'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { differences } from '../project/verify/verified.ts'
import { untilAnswered, type RunningDaemon } from './running-daemon.ts'
import { startOn, type Live } from './set-up.ts'

const seed = process.env['FC_SEED'] === undefined ? {} : { seed: Number(process.env['FC_SEED']) }

const FILES = 12
const PAGE = 4096
/** Refusals that say what to do: somebody else is at it, the store is being rebuilt, the epoch is not kept. */
const TOLD = ['busy', 'conflict', 'unavailable', 'timeout', 'not_found', 'damaged', 'invalid_argument']

const moduleText = (n: number, body: string): string => `defmodule M${n} do\n  def f(x), do: ${body}\n  def g(x), do: M${(n + 1) % FILES}.f(x)\nend\n`

const startAll = (): Promise<Live> => startOn(Object.fromEntries(Array.from({ length: FILES }, (_, n) => [`lib/m${n}.ex`, moduleText(n, 'x')])))

type Race =
  | { readonly type: 'save'; readonly n: number; readonly body: string }
  | { readonly type: 'delete'; readonly n: number }
  | { readonly type: 'rollback'; readonly back: number }
  | { readonly type: 'verify' | 'repair' | 'import' | 'wait' }
  | { readonly type: 'damage'; readonly at: number }

const plain: fc.Arbitrary<Race> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ type: fc.constant('save' as const), n: fc.nat(FILES - 1), body: fc.constantFrom('x', 'x + 1', 'M0.g(x)', '(x', 'if x, do: 1') }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('delete' as const), n: fc.nat(FILES - 1) }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('rollback' as const), back: fc.nat(4) }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constantFrom('verify' as const, 'repair' as const, 'import' as const, 'wait' as const) }) },
)
const damaging: fc.Arbitrary<Race> = fc.oneof({ weight: 6, arbitrary: plain }, { weight: 1, arbitrary: fc.record({ type: fc.constant('damage' as const), at: fc.nat(1000) }) })

/** What is asked for is begun and not waited for; but for what a wait is for. */
async function run({ box, live: { client } }: Live, races: readonly Race[]): Promise<string[]> {
  const under: Promise<{ readonly ok: boolean; readonly error?: { readonly code: string; readonly message: string } }>[] = []
  for (const race of races) {
    if (race.type === 'save') box.write(`lib/m${race.n}.ex`, moduleText(race.n, race.body))
    if (race.type === 'delete' && statSync(`${box.root}/lib/m${race.n}.ex`, { throwIfNoEntry: false }) !== undefined) box.remove(`lib/m${race.n}.ex`)
    if (race.type === 'rollback') {
      const now = await client.call('get_statistics', {})
      if (now.ok) under.push(client.call('rollback', { epoch: Math.max(0, now.value.value.epoch - race.back) }))
    }
    if (race.type === 'verify') under.push(client.call('verify', {}, { timeoutMs: Infinity }))
    if (race.type === 'repair') under.push(client.call('repair', {}, { timeoutMs: Infinity }))
    if (race.type === 'import') under.push(client.call('import_project', {}))
    if (race.type === 'wait') await client.call('hello', { wait: true })
    if (race.type === 'damage') flip(box.paths.database, race.at)
  }
  const failed = (await Promise.all(under)).flatMap((answer) => (answer.ok || answer.error === undefined ? [] : [answer.error]))
  return failed.filter(({ code }) => !TOLD.includes(code)).map(({ code, message }) => `${code}: ${message}`)
}

/** One byte of one page, not the first. */
function flip(path: string, at: number): void {
  const file = openSync(path, 'r+')
  const nPages = Math.floor(statSync(path).size / PAGE)
  const offset = (1 + (at % Math.max(1, nPages - 1))) * PAGE + (at % PAGE)
  const byte = Buffer.alloc(1)
  if (readSync(file, byte, 0, 1, offset) === 1) writeSync(file, Buffer.from([(byte[0] ?? 0) ^ 0xff]), 0, 1, offset)
  closeSync(file)
}

/** What lies damaged and unread is found by a repair; one that meets it while it reads says so, and the store is built anew. */
async function repaired({ client }: RunningDaemon): Promise<void> {
  for (;;) {
    const answer = await client.call('repair', {}, { timeoutMs: Infinity })
    if (answer.ok) return
    expect(TOLD).toContain(answer.error.code)
  }
}

async function expectInStep({ box, live: { client } }: Live): Promise<void> {
  await untilAnswered(() => client.call('import_project', {}))
  await untilAnswered(() => client.call('hello', { wait: true }))
  expect(await differences(box.paths.database, box.root)).toEqual([])
}

test('rollback, verify, repair and import race with saves', async () => {
  const parts = await startAll()
  await fc.assert(fc.asyncProperty(fc.array(plain, { minLength: 4, maxLength: 25 }), async (races) => {
    expect(await run(parts, races)).toEqual([])
    await expectInStep(parts)
  }), { numRuns: 5, endOnFailure: true, ...seed })
}, 60_000)

test('the database is damaged while files are saved', async () => {
  const parts = await startAll()
  await fc.assert(fc.asyncProperty(fc.array(damaging, { minLength: 4, maxLength: 25 }), async (races) => {
    expect(await run(parts, races)).toEqual([])
    await repaired(parts.live)
    await expectInStep(parts)
  }), { numRuns: 3, endOnFailure: true, ...seed })
}, 60_000)
