/**
 * What a daemon tells the process that started it, over the IPC channel of the child process: once how its start went and,
 * where heart started it, signs of life from then on. Heart passes the first report on to its own starter. A daemon that
 * was started to stand alone closes the channel with its report; one that was started to end with its parent keeps it.
 *
 * Absent on purpose: validation libraries. Heart loads this file, and heart is small.
 */

import type { Config } from '../../config/schema.ts'
import type { Failure } from '../base/failure.ts'
import type { DaemonState } from './state-file.ts'

/** What the daemon's configuration says that heart must know, since heart does not read it. */
export type HeartTerms = Config['heart'] & { readonly logFormat: 'json' | 'pretty' }

export type DaemonReport =
  | { readonly type: 'ready'; readonly state: DaemonState; readonly terms?: HeartTerms }
  | { readonly type: 'failed'; readonly failures: readonly Failure[] }

/** What heart tells its own starter: what the daemon reported, or that it ended before it could. */
export type StartReport =
  | DaemonReport
  | { readonly type: 'died'; readonly code: number | null; readonly signal: NodeJS.Signals | null }

export type DaemonMessage = DaemonReport | { readonly type: 'beat' }

type Starter = Pick<NodeJS.Process, 'send' | 'disconnect' | 'connected'>

/** Reports once, then lets go of whoever started this process. Does nothing in a process that was not spawned so. */
export function reportToStarter(report: StartReport, starter: Starter = process): void {
  if (!starter.connected) return
  starter.send?.(report, undefined, {}, () => {
    if (starter.connected) starter.disconnect()
  })
}

/** Sends without letting go. A parent that goes meanwhile is heard of by the event `disconnect`. */
export function tellParent(message: DaemonMessage, parent: Starter = process): void {
  if (parent.connected) parent.send?.(message, undefined, {}, () => undefined)
}
