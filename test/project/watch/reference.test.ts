/** The drawings in docs/WATCHING.md are those that the machines themselves give. `vitest -u` draws them again. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { drawSyncMachine } from '../../../src/project/sync/sync-diagram.ts'
import { drawWatchMachine, tableOfPhases } from '../../../src/project/watch/watch-diagram.ts'
import { phaseOf, WATCH_PHASES, watchAfter, watchStart, type WatchEvent } from '../../../src/project/watch/watch-machine.ts'

const DOCUMENT = join(import.meta.dirname, '../../../docs/WATCHING.md')

const mermaid = (drawing: string): string => `\`\`\`mermaid\n${drawing}\n\`\`\``
const DRAWN: Readonly<Record<string, string>> = { machine: mermaid(drawWatchMachine()), phases: tableOfPhases(), modes: mermaid(drawSyncMachine()) }

function redrawn(text: string): string {
  return text.replaceAll(/(<!-- drawn: (\w+) -->\n)[\s\S]*?(<!-- end -->)/g, (_all, opening: string, name: string, closing: string) => `${opening}${DRAWN[name] ?? ''}\n${closing}`)
}

test('the document shows the machines and the phases as they are', async () => {
  const text = readFileSync(DOCUMENT, 'utf8')
  for (const name of Object.keys(DRAWN)) expect(text).toContain(`<!-- drawn: ${name} -->`)
  await expect(redrawn(text)).toMatchFileSnapshot(DOCUMENT)
})

test('every phase can be left, and reached from any other', () => {
  const events: readonly WatchEvent['type'][] = ['watched', 'impaired', 'polled', 'root_gone']
  const reached = new Set([phaseOf(watchStart())])
  const seen = [watchStart()]
  for (let state = seen.pop(); state !== undefined; state = seen.pop()) {
    const next = events.map((event) => watchAfter(state, event))
    expect(next.some((each) => phaseOf(each) !== phaseOf(state))).toBe(true)
    for (const each of next.filter((one) => !reached.has(phaseOf(one)))) {
      reached.add(phaseOf(each))
      seen.push(each)
    }
  }
  expect([...reached].sort()).toEqual([...WATCH_PHASES].sort())
})
