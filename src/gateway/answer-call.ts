/**
 * Where a call goes: reads are answered here and now from the turn's snapshot, writes by the repository thread, what
 * concerns the daemon by main. The protocols (ipc, later others) share this one function.
 */

import type { Failure } from '../base/failure.ts'
import { ok, type Result } from '../base/result.ts'
import type { ClientWriteMethod } from '../engine/core.actor.ts'
import type { Identity } from '../engine/read-context.ts'
import { isReadMethod, READS } from '../engine/reads.ts'
import { METHODS, type Args, type ControlMethod, type Method, type NotificationParams, type ReadMethod } from '../wire/methods.ts'
import type { AnswerCache } from './answer-cache.ts'
import type { TreeCache } from './tree-cache.ts'
import type { TurnSnapshot } from './turn-snapshot.ts'

type Outcome = Result<unknown, Failure>

export type CallPorts = {
  readonly snapshot: TurnSnapshot
  readonly trees: TreeCache
  readonly answers: AnswerCache
  readonly identity: Identity
  readonly isVerified: () => boolean
  readonly write: (method: ClientWriteMethod, args: unknown) => Promise<Outcome>
  readonly importProject: (args: Args<'import_project'>, call: CallerPorts) => Promise<Outcome>
  readonly control: (method: ControlMethod, args: unknown) => Promise<Outcome>
}

/** What a call may use of the connection it came on. A write goes on when its client leaves: it may be repeated. */
export type CallerPorts = {
  readonly progress: (progress: NotificationParams<'import_progress'>) => void
}

export function answerCall(ports: CallPorts, method: Method, args: unknown, call: CallerPorts): Outcome | Promise<Outcome> {
  if (isReadMethod(method)) return read(ports, method, args)
  if (METHODS[method].runs === 'control') return ports.control(method as ControlMethod, args)
  return method === 'import_project' ? ports.importProject(args as Args<'import_project'>, call) : ports.write(method as ClientWriteMethod, args)
}

function read<M extends ReadMethod>(ports: CallPorts, method: M, args: unknown): Outcome {
  const snapshot = ports.snapshot.current()
  const verified = ports.isVerified()
  const treeOf = (path: string) => ports.trees.treeOf(snapshot, path)
  const answer = (): Outcome => READS[method]({ snapshot, verified, identity: ports.identity, treeOf }, args as Args<M>)
  if (UNCACHED.has(method)) return answer()
  const state = `${snapshot.epoch} ${snapshot.importState.state} ${snapshot.unreadableFiles} ${verified}`
  const key = `${method} ${JSON.stringify(args)}`
  const known = ports.answers.find(state, key)
  if (known !== undefined) return ok(known)
  const fresh = answer()
  return fresh.ok ? ok(ports.answers.keep(key, fresh.value)) : fresh
}

/** Their answers hold more than the state of the repository, or are pages that nobody reads twice. */
const UNCACHED: ReadonlySet<ReadMethod> = new Set(['get_statistics', 'export_data'])
