/** The drawing in docs/AGENT.md is the one that the machine itself gives. `vitest -u` draws it again. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { drawSessionMachine } from '../../src/capture/session-diagram.ts'
import { phaseOf, SESSION_PHASES, sessionAfter, sessionStart, type SessionEvent } from '../../src/capture/session-machine.ts'

const DOCUMENT = join(import.meta.dirname, '../../docs/AGENT.md')
const DRAWN = /(<!-- drawn: session -->\n)[\s\S]*?(<!-- end -->)/

test('the document shows the machine as it is', async () => {
  const text = readFileSync(DOCUMENT, 'utf8')
  expect(text).toMatch(DRAWN)
  await expect(text.replace(DRAWN, (_all, opening: string, closing: string) => `${opening}\`\`\`mermaid\n${drawSessionMachine()}\n\`\`\`\n${closing}`)).toMatchFileSnapshot(DOCUMENT)
})

test('every phase is reached, and from every one a lost connection ends it', () => {
  const events: readonly SessionEvent['type'][] = ['hello', 'stop', 'bye', 'refused', 'silent', 'closed']
  const reached = new Set([phaseOf(sessionStart())])
  const open = [sessionStart()]
  for (let state = open.pop(); state !== undefined; state = open.pop()) {
    expect(phaseOf(sessionAfter(state, 'closed'))).toBe('ended')
    for (const next of events.map((event) => sessionAfter(state, event)).filter((one) => !reached.has(phaseOf(one)))) {
      reached.add(phaseOf(next))
      open.push(next)
    }
  }
  expect([...reached].sort()).toEqual([...SESSION_PHASES].sort())
})
