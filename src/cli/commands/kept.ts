/** kept: the events that are kept, and what becomes of them: frozen, thawed, deleted. */

import { failure, type Failure } from '../../base/failure.ts'
import { ok, type Result } from '../../base/result.ts'
import type { ArgsInput, Reply } from '../../wire/methods.ts'
import { print, report, withDaemon, type Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit.ts'
import type { Connection } from '../ports.ts'
import { renderKept } from '../render/kept.ts'
import { plural } from '../render/text.ts'

export const KEPT_ACTIONS = ['show', 'freeze', 'thaw', 'delete', 'clear'] as const
export type KeptAction = (typeof KEPT_ACTIONS)[number]

export type KeptFlags = {
  /** For `freeze` and `delete`. */
  readonly olderThanMs?: number
  /** For `delete`: so many are to stay, or as many as take so much. */
  readonly keep?: number
  readonly keepBytes?: number
  /** For `clear`. */
  readonly yes?: boolean
}

export async function kept(context: Context, action: KeptAction, flags: KeptFlags): Promise<ExitCode> {
  const wrong = whatIsMissing(action, flags)
  if (wrong !== undefined) return report(context, wrong)
  return withDaemon(context, (connection) => ACTIONS[action](context, connection, flags))
}

function whatIsMissing(action: KeptAction, { olderThanMs, keep, keepBytes, yes }: KeptFlags): Failure | undefined {
  if (action === 'freeze' && olderThanMs === undefined) return failure('invalid_argument', 'kept freeze needs --older-than', { hint: 'e.g. --older-than 2d: what nobody asked about for two days' })
  if (action === 'delete' && olderThanMs === undefined && keep === undefined && keepBytes === undefined) {
    return failure('invalid_argument', 'kept delete needs --older-than, --keep or --keep-bytes', { hint: 'kept clear deletes everything' })
  }
  return action === 'clear' && yes !== true ? failure('invalid_argument', 'kept clear deletes every event', { hint: 'say --yes if that is meant; frozen ones stay' }) : undefined
}

type Done = Promise<Result<ExitCode, Failure>>

const ACTIONS: Readonly<Record<KeptAction, (context: Context, connection: Connection, flags: KeptFlags) => Done>> = {
  show: (context, connection) => answered(context, connection.call('get_event_stats', {}), (stats) => renderKept(stats, context.view)),
  freeze: (context, connection, { olderThanMs = 0 }) => answered(context, connection.call('freeze_events', { unused_ms: olderThanMs }), ({ moved_files: n }) =>
    [n === 0 ? 'no file of events was unused for so long' : `${plural(n, 'file')} moved to the archive, where no question looks; kept thaw brings them back`]),
  thaw: (context, connection) => answered(context, connection.call('thaw_events', {}), ({ events: n }) => [n === 0 ? 'the archive is empty' : `${plural(n, 'event')} brought back`]),
  delete: (context, connection, flags) => removed(context, connection.call('cleanup_old_events', limitsOf(flags))),
  clear: (context, connection) => removed(context, connection.call('clear_events', {})),
}

function limitsOf({ olderThanMs, keep, keepBytes }: KeptFlags): ArgsInput<'cleanup_old_events'> {
  return {
    ...(olderThanMs === undefined ? {} : { older_than_ms: olderThanMs }), ...(keep === undefined ? {} : { max_events: keep }), ...(keepBytes === undefined ? {} : { max_bytes: keepBytes }),
  }
}

function removed(context: Context, asked: Promise<Result<Reply<'clear_events'>, Failure>>): Done {
  return answered(context, asked, ({ removed: n }) => [n === 0 ? 'nothing to delete; events go in whole files' : `${plural(n, 'event')} deleted`])
}

async function answered<T>(context: Context, asked: Promise<Result<T, Failure>>, lines: (value: T) => readonly string[]): Done {
  const answer = await asked
  if (!answer.ok) return answer
  print(context, answer.value, () => [...lines(answer.value)])
  return ok(EXIT.ok)
}
