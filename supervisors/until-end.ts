/**
 * How a daemon comes to its end: asked to stop, or its tree gives up. What is asked for happens: a stop that takes longer
 * than ending everything by force would is waited for no more, and the process ends without it.
 */

import type { Clock } from '../src/base/clock.ts'
import type { Logger } from '../src/host/log.ts'

export type Ending = {
  /** Settles with the reason when the tree has ended by itself. */
  readonly ended: Promise<string>
  /** Settles with who wants it. */
  readonly asked: Promise<string>
  stop(): Promise<string>
  /** After which `stop` ends by force what is left. */
  readonly stopTimeoutMs: number
  /** It has begun. */
  readonly stopping: () => void
  readonly clock: Clock
  readonly log: Pick<Logger, 'log' | 'fatal'>
}

/** Threads that are ended by force are given up after 3 s. */
const FORCE_MS = 10_000

export async function untilEnd({ ended, asked, stop, stopTimeoutMs, stopping, clock, log }: Ending): Promise<'stopped' | 'gaveUp' | 'atOnce'> {
  const by = await Promise.race([asked, ended.then(() => undefined)])
  stopping()
  if (by === undefined) {
    log.fatal('the supervision tree gave up', { reason: await ended })
    return 'gaveUp'
  }
  log.log('info', 'stopping', { asked_by: by })
  const overdue = Promise.withResolvers<undefined>()
  const timer = clock.after(stopTimeoutMs + FORCE_MS, () => overdue.resolve(undefined))
  const reason = await Promise.race([stop(), overdue.promise])
  timer.cancel()
  if (reason === undefined) {
    log.fatal('the supervision tree does not end, ending without it', { after_ms: stopTimeoutMs + FORCE_MS })
    return 'atOnce'
  }
  log.log('info', 'stopped', { reason })
  return 'stopped'
}
