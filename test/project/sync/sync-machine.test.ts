/** The machine's moves as a whole; what the Synchronizer does in them is tested with the actor. */

import { expect, test } from 'vitest'
import { modeOf, SYNC_MODES, syncAfter, syncMachine, syncStart, type SyncEvent, type SyncMode, type SyncState } from '../../../src/project/sync/sync-machine.ts'

const movesOf = (mode: SyncMode): SyncEvent['type'][] => Object.keys(syncMachine.config.states?.[mode]?.on ?? {}) as SyncEvent['type'][]

/** Each mode once, as it is first reached from `state`. */
function reached(state: SyncState, seen = new Map<SyncMode, SyncState>()): Map<SyncMode, SyncState> {
  if (seen.has(modeOf(state))) return seen
  seen.set(modeOf(state), state)
  for (const event of movesOf(modeOf(state))) reached(syncAfter(state, event), seen)
  return seen
}

test('every mode is reached from any other', () => {
  for (const state of reached(syncStart()).values()) expect([...reached(state).keys()].sort()).toEqual([...SYNC_MODES].sort())
})

test('whatever goes wrong, it pauses; and a pause ends in idle only', () => {
  const all = reached(syncStart())
  const working = [...all].filter(([mode]) => mode !== 'idle' && mode !== 'pausing')
  expect(working.map(([, state]) => modeOf(syncAfter(state, 'failed')))).toEqual(['pausing', 'pausing', 'pausing'])
  expect(movesOf('pausing')).toEqual(['time_up'])
})

test('what cannot come in a mode is a bug', () => {
  expect(() => syncAfter(syncStart(), 'stored')).toThrow('stored while idle')
})
