/** How the FileWatcher moves between the phases of `watch-machine.ts`, and what it tells of that. */

import { failure } from '../../base/failure.ts'
import type { Failure } from '../../base/failure.ts'
import { fail } from '../../base/result.ts'
import type { ActorEffect, Stepped } from '../../otp/actor.ts'
import { NO_CHANGES } from './batching.ts'
import { phaseOf, WATCH_POLICIES, watchAfter } from './watch-machine.ts'
import type { WatchEvent } from './watch-machine.ts'
import { chain, run } from './watcher-state.ts'
import type { FileWatcherState } from './watcher-state.ts'

/** While polling, the share of time spent on it is at most one over this. */
const POLL_SHARE = 50
const ROOT_GONE = 'the project directory is not there'

export function move(state: FileWatcherState, event: WatchEvent['type']): Stepped<FileWatcherState> {
  const next = { ...state, watch: watchAfter(state.watch, event) }
  const phase = phaseOf(next.watch)
  if (phase === phaseOf(state.watch)) return [next, []]
  const [level, message] = phase === 'watching' ? ['info', 'the files of the project are watched'] as const : ['warn', `watching files: ${phase}${state.reason === undefined ? '' : `, ${state.reason}`}`] as const
  const fields = { phase, means: state.opened?.means, problems: state.opened?.problems.map(({ path }) => path) }
  return [next, [{ type: 'log', level, message, fields }, beat(next)]]
}

export function beat({ watch, cookieTookMs }: FileWatcherState): ActorEffect {
  const { beatMs } = WATCH_POLICIES[phaseOf(watch)]
  return { type: 'after', name: 'beat', ms: phaseOf(watch) === 'polling' ? Math.max(beatMs, POLL_SHARE * cookieTookMs) : beatMs }
}

export function wholeness({ opened, isCookieLost }: FileWatcherState): WatchEvent['type'] {
  return isCookieLost || (opened?.problems.length ?? 0) > 0 ? 'impaired' : 'watched'
}

/** Nobody watches, and nobody tries to at the moment. */
export function isAway({ watch, flush }: FileWatcherState): boolean {
  return phaseOf(watch) === 'absent' && flush === undefined
}

/** Nothing is told meanwhile: files of a volume that is not mounted are not deleted. */
export function rootGone(state: FileWatcherState, reason: string): Stepped<FileWatcherState> {
  const gone: FileWatcherState = {
    ...state, opened: undefined, reason, batching: NO_CHANGES, isWindowOpen: false, owed: undefined, flush: undefined, cookie: undefined, barriers: [],
  }
  const cancels = ['window', 'held', 'cookie', 'open'].map((name): ActorEffect => ({ type: 'cancel', name }))
  return chain(gone, (now) => [now, [...refuse(state), ...cancels, run({ type: 'close' }, 'close')]], (now) => move(now, 'root_gone'))
}

function refuse({ barriers }: FileWatcherState): ActorEffect[] {
  return barriers.map(({ from }) => ({ type: 'reply', to: from, result: fail(absent()) }))
}

export function absent(): Failure {
  return failure('unavailable', ROOT_GONE, { hint: 'mount it, or move it back' })
}
