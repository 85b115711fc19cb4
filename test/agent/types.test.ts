/** The agent's table of event types is the daemon's: every type below 64, under the same name and code, and no other. */

import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { EVENT_TYPES } from '../../src/model/event.ts'

/** From here on clients store them, and no agent sends them. */
const FIRST_OF_CLIENTS = 64

test('the agent has the codes that the daemon has', () => {
  const source = readFileSync(new URL('../../agent/lib/elixir_scope_agent/types.ex', import.meta.url), 'utf8')
  const [, table = ''] = /@codes \[([^\]]*)\]/.exec(source) ?? []
  const codes = [...table.matchAll(/(\w+): (\d+)/g)].map(([, name, code]) => [name, Number(code)])
  expect(codes).toEqual(Object.entries(EVENT_TYPES).filter(([, code]) => code < FIRST_OF_CLIENTS))
})
