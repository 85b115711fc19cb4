/**
 * The modes of the Synchronizer, as a machine. The drawing in docs/WATCHING.md is made from it.
 *
 * Invariant: one thing is under way in every mode but `idle`, and every mode leads back there. Deliberately absent: what is
 * pending, time, and everything that is done (`synchronizer.actor.ts`).
 */

import { createMachine, initialTransition, transition } from 'xstate'
import type { SnapshotFrom } from 'xstate'
import { assert } from '../../base/assert.ts'

/**
 *   named             files that changed are known by name
 *   unnamed           something changed, and only a comparison of all files finds out what
 *   read              a batch is read and analysed
 *   too_many          what changed is more than the sync thread reads by itself
 *   stored            what was under way is in the store
 *   changed_meanwhile somebody else has stored a file since it was read
 *   failed            what is needed is away, or memory or the disk is short
 *   time_up           the pause is over
 */
export type SyncEvent = {
  readonly type: 'named' | 'unnamed' | 'read' | 'too_many' | 'stored' | 'changed_meanwhile' | 'failed' | 'time_up'
}

export const syncMachine = createMachine({
  types: {} as { events: SyncEvent },
  id: 'synchronizer',
  initial: 'idle',
  states: {
    /** Nothing is pending, or it is about to be begun. */
    idle: { on: { named: 'preparing', unnamed: 'rescanning', too_many: 'rescanning' } },
    /** The sync thread reads and analyses a batch. */
    preparing: { on: { read: 'updating', too_many: 'rescanning', failed: 'pausing' } },
    /** The IncrementalUpdater applies it. */
    updating: { on: { stored: 'idle', changed_meanwhile: 'idle', failed: 'pausing' } },
    /** An import of what changed. */
    rescanning: { on: { stored: 'idle', failed: 'pausing' } },
    pausing: { on: { time_up: 'idle' } },
  },
})

export type SyncState = SnapshotFrom<typeof syncMachine>
export const SYNC_MODES = ['idle', 'preparing', 'updating', 'rescanning', 'pausing'] as const
export type SyncMode = (typeof SYNC_MODES)[number]

export function syncStart(): SyncState {
  return initialTransition(syncMachine)[0]
}

/** Every event that comes is a move: another one is a bug of ours. */
export function syncAfter(state: SyncState, type: SyncEvent['type']): SyncState {
  const [next] = transition(syncMachine, state, { type })
  assert(next.value !== state.value, `${type} while ${modeOf(state)}`)
  return next
}

export function modeOf(state: SyncState): SyncMode {
  return state.value as SyncMode
}
