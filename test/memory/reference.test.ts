/** The drawings in docs/MEMORY.md are those that the machine itself gives. `vitest -u` draws them again. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { DEFAULT_THRESHOLDS } from '../../src/memory/levels.ts'
import { drawPressureMachine, tableOfLevels } from '../../src/memory/pressure-diagram.ts'

const DOCUMENT = join(import.meta.dirname, '../../docs/MEMORY.md')

const DRAWN: Readonly<Record<string, string>> = {
  machine: `\`\`\`mermaid\n${drawPressureMachine(DEFAULT_THRESHOLDS)}\n\`\`\``,
  levels: tableOfLevels(DEFAULT_THRESHOLDS),
}

function redrawn(text: string): string {
  return text.replaceAll(/(<!-- drawn: (\w+) -->\n)[\s\S]*?(<!-- end -->)/g, (_all, opening: string, name: string, closing: string) => `${opening}${DRAWN[name] ?? ''}\n${closing}`)
}

test('the document shows the machine and the table of levels as they are', async () => {
  const text = readFileSync(DOCUMENT, 'utf8')
  for (const name of Object.keys(DRAWN)) expect(text).toContain(`<!-- drawn: ${name} -->`)
  await expect(redrawn(text)).toMatchFileSnapshot(DOCUMENT)
})

test('every move of the machine is drawn, with its threshold', () => {
  const moves = drawPressureMachine(DEFAULT_THRESHOLDS).split('\n').filter((line) => line.includes('-->')).map((line) => line.trim())
  expect(moves).toEqual([
    '[*] --> normal',
    'normal --> warning : memory > 80 %', 'warning --> critical : memory > 90 %', 'warning --> normal : memory < 75 %',
    'critical --> emergency : memory > 95 %', 'critical --> warning : memory < 85 %', 'emergency --> critical : memory < 90 %',
  ])
})
