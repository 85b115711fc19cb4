/**
 * The phases of watching, as a machine, and what each phase does by itself. The drawing in docs/WATCHING.md is made from
 * both.
 *
 * Invariant: in every phase changes arrive sooner or later; none of them means that watching is off. Deliberately absent:
 * time, and everything that is done (`file-watcher.actor.ts`).
 */

import { createMachine, initialTransition, transition } from 'xstate'
import type { SnapshotFrom } from 'xstate'

/**
 *   watched    everything is watched and the last cookie came back
 *   impaired   a path cannot be read, or a cookie was lost
 *   polled     the system cannot watch: files are compared at intervals
 *   root_gone  there is no project to watch
 */
export type WatchEvent = { readonly type: 'watched' | 'impaired' | 'polled' | 'root_gone' }

export const watchMachine = createMachine({
  types: {} as { events: WatchEvent },
  id: 'file_watcher',
  initial: 'starting',
  states: {
    starting: { on: { watched: 'watching', impaired: 'degraded', polled: 'polling', root_gone: 'absent' } },
    watching: { on: { impaired: 'degraded', polled: 'polling', root_gone: 'absent' } },
    degraded: { on: { watched: 'watching', polled: 'polling', root_gone: 'absent' } },
    polling: { on: { watched: 'watching', impaired: 'degraded', root_gone: 'absent' } },
    absent: { on: { watched: 'watching', impaired: 'degraded', polled: 'polling' } },
  },
})

export type WatchState = SnapshotFrom<typeof watchMachine>
export const WATCH_PHASES = ['starting', 'watching', 'degraded', 'polling', 'absent'] as const
export type WatchPhase = (typeof WATCH_PHASES)[number]

export type WatchPolicy = {
  /** How often the phase does what it does: see `beat`. */
  readonly beatMs: number
  /** Cookie: proves that events arrive, and looks for the root and for unreadable paths. Open: tries to watch. */
  readonly beat: 'cookie' | 'open'
  /** How often everything is watched anew and compared with the disk. */
  readonly rescanEveryMs: number
}

export const WATCH_POLICIES: Readonly<Record<WatchPhase, WatchPolicy>> = {
  starting: { beatMs: 1000, beat: 'open', rescanEveryMs: Infinity },
  watching: { beatMs: 30_000, beat: 'cookie', rescanEveryMs: 600_000 },
  degraded: { beatMs: 15_000, beat: 'cookie', rescanEveryMs: 600_000 },
  /** A cookie is a pass over all files here, and a rescan tries to watch again. */
  polling: { beatMs: 2000, beat: 'cookie', rescanEveryMs: 300_000 },
  absent: { beatMs: 2000, beat: 'open', rescanEveryMs: Infinity },
}

export function watchStart(): WatchState {
  return initialTransition(watchMachine)[0]
}

export function watchAfter(state: WatchState, type: WatchEvent['type']): WatchState {
  return transition(watchMachine, state, { type })[0]
}

export function phaseOf(state: WatchState): WatchPhase {
  return state.value as WatchPhase
}
