/** docs/RECOVERY.md: the circuit is drawn from the machine (`vitest -u` draws it again), and every test it names is there. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { CIRCUIT_TERMS } from '../src/otp/circuit-breaker.ts'
import { drawCircuit } from '../src/otp/circuit-diagram.ts'

const DOCUMENT = join(import.meta.dirname, '../docs/RECOVERY.md')

test('the document shows the machine as it is', async () => {
  const text = readFileSync(DOCUMENT, 'utf8')
  expect(text).toContain('<!-- drawn: circuit -->')
  const drawn = `\`\`\`mermaid\n${drawCircuit(CIRCUIT_TERMS)}\n\`\`\``
  await expect(text.replace(/(<!-- drawn: circuit -->\n)[\s\S]*?(<!-- end -->)/, (_all, opening: string, end: string) => `${opening}${drawn}\n${end}`)).toMatchFileSnapshot(DOCUMENT)
})

test('each failure is followed by a test that causes it', () => {
  const rows = readFileSync(DOCUMENT, 'utf8').split('\n').filter((line) => line.startsWith('| ') && !line.startsWith('| failure |') && !line.startsWith('| ---'))
  expect(rows.length).toBeGreaterThan(15)
  for (const row of rows) {
    const [, path, title] = /`([\w./-]+\.test\.ts)`: \*(.+?)\* \|$/.exec(row) ?? []
    expect([row, title === undefined ? 'names no test' : readFileSync(join(import.meta.dirname, path ?? ''), 'utf8').includes(title)]).toEqual([row, true])
  }
})
