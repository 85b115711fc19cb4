/** profile: a CPU profile or a heap snapshot of a thread of the daemon, to a file. Ctrl-C cancels. */

import { failure, type Failure } from '../../base/failure.ts'
import { fail, ok, type Result } from '../../base/result.ts'
import type { TakenProfile } from '../../wire/records.ts'
import { print, say, withDaemon, type Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit.ts'
import type { Connection } from '../ports.ts'
import { renderProfile } from '../render/profile.ts'
import { summarizeProfile, type ProfileSummary } from '../top-functions.ts'

export type ProfileArgs = {
  readonly kind: 'cpu' | 'heap'
  readonly thread: string
  readonly seconds: number
  /** Where the file is moved to. */
  readonly out: string | undefined
}

const SHOWN_FUNCTIONS = 10
const WAIT_MS = 2000
const CANCELLED = 'cancelled'

export function profile(context: Context, { kind, thread, seconds, out }: ProfileArgs): Promise<ExitCode> {
  return withDaemon(context, async (connection): Promise<Result<ExitCode, Failure>> => {
    const begun = await connection.call('profile', { kind, thread, seconds })
    if (!begun.ok) return begun
    say(context, kind === 'cpu' ? `profiling ${thread} for ${seconds} s; Ctrl-C cancels` : `writing the heap of ${thread}, which stands still meanwhile; Ctrl-C cancels`)
    const taken = await untilTaken(context, connection, begun.value.task)
    if (taken === CANCELLED) return ok(EXIT.interrupted)
    if (!taken.ok) return taken
    const placed = await place(context, taken.value, out)
    if (!placed.ok) return placed
    const summary = summaryOf(context, placed.value)
    if (!summary.ok) return summary
    print(context, { ...placed.value, ...summary.value }, () => renderProfile(placed.value, summary.value, context.view))
    return ok(EXIT.ok)
  })
}

/** Asks again and again: a profile may take longer than any call. */
async function untilTaken(context: Context, connection: Connection, task: string): Promise<Result<TakenProfile, Failure> | typeof CANCELLED> {
  const interrupted = Promise.withResolvers<typeof CANCELLED>()
  const release = context.ports.onInterrupt(() => void connection.call('task.cancel', { task }).then(() => interrupted.resolve(CANCELLED)))
  try {
    for (;;) {
      const standing = await Promise.race([interrupted.promise, connection.call('task.await', { task, wait_ms: WAIT_MS })])
      if (standing === CANCELLED || !standing.ok) return standing
      if (standing.value.profile !== null) return ok(standing.value.profile)
    }
  } finally {
    release()
  }
}

async function place(context: Context, taken: TakenProfile, out: string | undefined): Promise<Result<TakenProfile, Failure>> {
  if (out === undefined) return ok(taken)
  const moved = await context.ports.moveFile(taken.path, out)
  return moved.ok ? ok({ ...taken, path: out }) : fail(failure(moved.error.code, moved.error.message, { hint: `the profile is still at ${taken.path}` }))
}

function summaryOf(context: Context, { kind, path }: TakenProfile): Result<ProfileSummary | undefined, Failure> {
  if (kind === 'heap') return ok(undefined)
  const read = context.ports.readFile(path)
  return read.ok ? ok(summarizeProfile(new TextDecoder().decode(read.value), SHOWN_FUNCTIONS)) : read
}
