/**
 * Where a call goes: reads are answered here and now from the turn's snapshot, writes by the repository thread, questions
 * about events by the query pool, capture by its thread, what concerns the daemon by main. The protocols (ipc, later others) share this one function.
 */

import type { Failure } from '../base/failure.ts'
import type { Result } from '../base/result.ts'
import { freshnessName } from '../engine/answer.ts'
import type { ClientWriteMethod } from '../engine/core.actor.ts'
import type { Identity, MemoryUse, ReadContext } from '../engine/read-context.ts'
import { isReadMethod, READS } from '../engine/reads.ts'
import type { HotKey } from '../memory/cache.ts'
import type { Snapshot } from '../store/contract.ts'
import { METHODS, type Args, type CaptureMethod, type ControlMethod, type EventMethod, type Method, type ReadArgs, type ReadMethod, type TaskMethod } from '../wire/methods.ts'
import type { Settled } from '../project/sync/protocol.ts'
import type { AnswerCache } from './answer-cache.ts'
import type { Subscriber } from './subscribers.ts'
import type { TreeCache } from './tree-cache.ts'
import type { TurnSnapshot } from './turn-snapshot.ts'

type Outcome = Result<unknown, Failure>

export type CallPorts = {
  readonly snapshot: TurnSnapshot
  readonly trees: TreeCache
  readonly answers: AnswerCache
  readonly identity: Identity
  readonly memory: MemoryUse
  readonly isVerified: () => boolean
  readonly isStale: () => boolean
  /** Settles when every change saved before is in the store. */
  readonly settle: () => Promise<Result<Settled, Failure>>
  /** This connection is told of every change from now on. */
  readonly subscribe: (subscriber: Subscriber) => void
  readonly write: (method: ClientWriteMethod, args: unknown) => Promise<Outcome>
  readonly importProject: (args: Args<'import_project'>, call: CallerPorts) => Promise<Outcome>
  readonly control: (method: ControlMethod, args: unknown) => Promise<Outcome>
  readonly capture: (method: CaptureMethod, args: unknown) => Promise<Outcome>
  /** `facts`: the state of the repository that this call can see. */
  readonly events: (question: { readonly method: EventMethod; readonly args: unknown; readonly facts: string }, call: CallerPorts) => Promise<Outcome>
  readonly task: (method: TaskMethod, args: unknown, call: CallerPorts) => Promise<Outcome>
}

/** What a call may use of the connection it came on. A write goes on when its client leaves: it may be repeated. */
export type CallerPorts = Subscriber

export function answerCall(ports: CallPorts, method: Method, args: unknown, call: CallerPorts): Outcome | Promise<Outcome> {
  if (method === 'watch') ports.subscribe(call)
  if (isReadMethod(method)) return readAs(ports, method, args as Args<typeof method>)
  switch (METHODS[method].runs) {
    case 'events':
      return ports.events({ method: method as EventMethod, args, facts: stateOf(ports, ports.snapshot.current()) }, call)
    case 'capture':
      return ports.capture(method as CaptureMethod, args)
    case 'task':
      return ports.task(method as TaskMethod, args, call)
    case 'control':
      return ports.control(method as ControlMethod, args)
    default:
      return method === 'import_project' ? ports.importProject(args as Args<'import_project'>, call) : ports.write(method as ClientWriteMethod, args)
  }
}

function readAs<M extends ReadMethod>(ports: CallPorts, method: M, { wait, ...args }: Args<M>): Outcome | Promise<Outcome> {
  return wait === true ? readSettled(ports, method, args) : read(ports, method, args)
}

async function readSettled<M extends ReadMethod>(ports: CallPorts, method: M, args: ReadArgs<M>): Promise<Outcome> {
  const settled = await ports.settle()
  return settled.ok ? read(ports, method, args) : settled
}

function read<M extends ReadMethod>(ports: CallPorts, method: M, args: ReadArgs<M>): Outcome {
  const snapshot = ports.snapshot.current()
  const treeOf = (path: string) => ports.trees.treeOf(snapshot, path)
  const treeOfVersion: ReadContext['treeOfVersion'] = (path, version) => ports.trees.treeOfVersion(snapshot, path, version)
  const context: ReadContext = { snapshot, verified: ports.isVerified(), stale: ports.isStale(), identity: ports.identity, memory: ports.memory, treeOf, treeOfVersion, mapOf: ports.trees.mapOf }
  const make = (): Outcome => READS[method](context, args)
  return UNCACHED.has(method) ? make() : ports.answers.answer(stateOf(ports, snapshot), `${method} ${JSON.stringify(args)}`, make)
}

/** Makes an answer again that was kept before a restart, in its place; a key that means nothing now is left out. */
export function restoreAnswer(ports: CallPorts, saved: HotKey): void {
  const [method = '', ...rest] = saved.key.split(' ')
  if (!isReadMethod(method) || UNCACHED.has(method)) return
  const args = METHODS[method].args.safeParse(parsed(rest.join(' ')))
  if (!args.success) return
  const { wait: _, ...about } = args.data
  if (!read(ports, method, about).ok) return
  ports.answers.lift(stateOf(ports, ports.snapshot.current()), saved)
}

function stateOf(ports: CallPorts, { epoch, importState, unreadableFiles }: Snapshot): string {
  return freshnessName({ epoch, importState, unreadableFiles, verified: ports.isVerified(), stale: ports.isStale() })
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    return undefined // damaged: its schema refuses it
  }
}

/** Their answers hold more than the state of the repository, or are pages that nobody reads twice. */
const UNCACHED: ReadonlySet<ReadMethod> = new Set(['watch', 'get_statistics', 'export_data', 'validate_memory_usage'])
