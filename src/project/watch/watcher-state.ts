/**
 * What the FileWatcher knows, and what its steps have in common. Tags of what is asked of the port carry numbers, so that a
 * late answer reaches nobody. Deliberately absent: decisions.
 */

import type { ActorEffect, ReplyTo, Stepped } from '../../otp/actor.ts'
import { NO_CHANGES } from './batching.ts'
import type { Batching } from './batching.ts'
import { WATCHER_PORT } from './protocol.ts'
import type { Opened, RescanReason, WatcherStatus, WatchOperation } from './protocol.ts'
import { phaseOf, watchStart } from './watch-machine.ts'
import type { WatchState } from './watch-machine.ts'

export type Barrier = {
  readonly from: ReplyTo
  readonly stage: 'asked' | 'sent' | 'due' | 'flushed'
  /** due: the flush that has to end. */
  readonly flush: number
  /** flushed: files held at the time are let go by then. */
  readonly heldUntilMs: number
}

type Flush = { readonly kind: 'look' | 'rescan'; readonly paths: readonly string[]; readonly reason: RescanReason; readonly sinceMs: number }
type Cookie = { readonly n: number | undefined; readonly sentMs: number }

export type FileWatcherState = {
  readonly watch: WatchState
  readonly opened: Opened | undefined
  readonly reason: string | undefined
  readonly batching: Batching
  readonly isWindowOpen: boolean
  /** A rescan is owed, since when. */
  readonly owed: { readonly reason: RescanReason; readonly sinceMs: number } | undefined
  readonly flush: Flush | undefined
  /** Flushes begun; the one under way is the last of them. */
  readonly nFlushes: number
  readonly cookie: Cookie | undefined
  readonly nCookies: number
  readonly isCookieLost: boolean
  /** What a pass over the files took, while polling. */
  readonly cookieTookMs: number
  readonly barriers: readonly Barrier[]
  readonly lastRescanMs: number
  /** What the system said when it refused to watch more. */
  readonly limit: string | undefined
  readonly nEvents: number
  readonly nCasts: number
  readonly nRescans: number
  readonly lastRescan: RescanReason | undefined
}

export function initialState(nowMs: number): FileWatcherState {
  return {
    watch: watchStart(), opened: undefined, reason: undefined, batching: NO_CHANGES, isWindowOpen: false, owed: undefined, flush: undefined, nFlushes: 0,
    cookie: undefined, nCookies: 0, isCookieLost: false, cookieTookMs: 0, barriers: [], lastRescanMs: nowMs, limit: undefined, nEvents: 0, nCasts: 0, nRescans: 0, lastRescan: undefined,
  }
}

export function statusOf({ watch, opened, reason, batching, nEvents, nCasts, nRescans, lastRescan }: FileWatcherState): WatcherStatus {
  return {
    phase: phaseOf(watch), means: opened?.means, reason, nDirectories: opened?.nDirectories ?? 0, problems: opened?.problems ?? [],
    windowMs: batching.windowMs, nPending: batching.pending.size, nEvents, nCasts, nRescans, lastRescan,
  }
}

export type Step = (state: FileWatcherState) => Stepped<FileWatcherState>

/** Steps one after another, their effects in a row. */
export function chain(state: FileWatcherState, ...steps: readonly Step[]): Stepped<FileWatcherState> {
  const effects: ActorEffect[] = []
  let at = state
  for (const step of steps) {
    const [next, more] = step(at)
    at = next
    effects.push(...more)
  }
  return [at, effects]
}

export function run(operation: WatchOperation, tag: string): ActorEffect {
  return { type: 'run', port: WATCHER_PORT, operation, tag }
}

export function openTag({ nFlushes }: FileWatcherState): string {
  return `open ${nFlushes}`
}

export function lookTag({ nFlushes }: FileWatcherState): string {
  return `look ${nFlushes}`
}

export function cookieTag({ nCookies }: FileWatcherState): string {
  return `cookie ${nCookies}`
}
