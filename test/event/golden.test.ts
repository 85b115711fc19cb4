/**
 * The golden bytes of the agent's protocol. `agent/test/golden` is written by this test alone, when GOLDEN=write is set;
 * the agent's tests read the same files. Without it the files are compared, so that no change of the format goes unseen.
 */

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type Batch, decodeBatch, encodeBatch } from '../../src/event/batch.ts'
import { SITE_WORDS } from '../../src/event/block.ts'
import { GOLDEN, type Golden } from './golden.ts'

const FOLDER = join(import.meta.dirname, '..', '..', 'agent', 'test', 'golden')
const NAMES = GOLDEN.map(({ name }) => name)

/** The batch for whoever reads the files without this code: big numbers as text, bytes as hex. */
function described({ about, batch, terms }: Golden): string {
  const { no, t0Ns, n, strings, pids, corrs, type, ts, pid, peer, site, corr, payloadRows } = batch
  const sites = Array.from({ length: batch.sites.length / SITE_WORDS }, (_, idx) => [...batch.sites.subarray(idx * SITE_WORDS, (idx + 1) * SITE_WORDS)])
  const columns = Object.fromEntries(Object.entries({ type, ts, pid, peer, site, corr }).map(([name, column]) => [name, [...column]]))
  const payloads = batch.payloads.map((bytes, idx) => ({ row: payloadRows[idx], term: terms[idx], hex: Buffer.from(bytes).toString('hex') }))
  const lines = Object.entries({ about, no, t0: String(t0Ns), n, strings, pids, corrs, sites, columns, payloads }).map(([key, value]) => `  ${JSON.stringify(key)}: ${JSON.stringify(value)}`)
  return `{\n${lines.join(',\n')}\n}\n`
}

const plain = (batch: Batch): object => ({ ...batch, type: [...batch.type], payloads: batch.payloads.map((payload) => [...payload]) })

test.runIf(process.env['GOLDEN'] === 'write')('the golden files are written', () => {
  mkdirSync(FOLDER, { recursive: true })
  for (const golden of GOLDEN) {
    writeFileSync(join(FOLDER, `${golden.name}.bin`), encodeBatch(golden.batch))
    writeFileSync(join(FOLDER, `${golden.name}.json`), described(golden))
  }
  expect(readdirSync(FOLDER)).toEqual(expect.arrayContaining(NAMES.map((name) => `${name}.bin`)))
})

test.each(GOLDEN)('$name: the golden bytes are what is written and read', (golden) => {
  const bytes = readFileSync(join(FOLDER, `${golden.name}.bin`))
  expect(Buffer.from(encodeBatch(golden.batch)).toString('hex')).toBe(bytes.toString('hex'))
  const read = decodeBatch(bytes)
  expect(read.ok && plain(read.value)).toEqual(plain(golden.batch))
  expect(readFileSync(join(FOLDER, `${golden.name}.json`), 'utf8')).toBe(described(golden))
})
