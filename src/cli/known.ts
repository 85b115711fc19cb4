/** Names that events are asked by: where one is known neither from the code nor from the events, that is told instead of nothing. */

import { failure, type Failure } from '../base/failure.ts'
import type { Result } from '../base/result.ts'
import { formatMfa } from '../model/names.ts'
import type { ArgsInput } from '../wire/methods.ts'
import { nearestName } from '../wire/nearest-name.ts'
import { functionsNamed, type Named } from './names.ts'
import type { Connection } from './ports.ts'
import { unknownFunction, unknownPrefix, withSuggestion } from './suggestions.ts'
import type { Window } from './times.ts'

type Asked = Pick<ArgsInput<'query_events'>, 'module' | 'function' | 'arity' | 'pid' | 'node' | 'node_id'>

/** The processes that are named where one is not known. */
const BUSIEST = 5
/** Of a plan: so many points are looked at, and so many that are not known are named. */
const POINTS_CHECKED = 500
const UNKNOWN_NAMED = 10

export async function unknownName(connection: Connection, asked: Asked): Promise<Failure | undefined> {
  const unknown = await unknownNode(connection, asked) ?? await unknownProcess(connection, asked)
  if (unknown !== undefined) return unknown
  if (asked.module === undefined && asked.function !== undefined) return unknownFunction(connection, asked.function)
  const written = writtenName(asked)
  if (written === undefined || await isSeen(connection, written.seen)) return undefined
  const found = await written.find(connection)
  return found.ok || found.error.code !== 'not_found' ? undefined : withSuggestion(connection, written.named, found.error)
}

/** What of a plan is known by no such name, and what was probably meant. The first few. */
export async function unknownInPlan(connection: Connection, { points = [], scope = [] }: ArgsInput<'store_instrumentation_plan'>['plan']): Promise<Unknown[]> {
  const unknown = new Map<string, Unknown>()
  const asked = [
    ...scope.map((prefix) => () => unknownPrefix(connection, prefix)),
    ...points.filter(({ module }) => module !== '*').slice(0, POINTS_CHECKED).map(({ module, function: name, arity }) => () =>
      unknownName(connection, { module, ...(typeof name === 'string' ? { function: name, ...(typeof arity === 'number' ? { arity } : {}) } : {}) })),
  ]
  for (const ask of asked) {
    const failed = await ask()
    if (failed === undefined) continue
    const [near = null] = (failed.details?.['suggestions'] ?? []) as readonly string[]
    // Those of Erlang are in no project.
    if (near !== null || !/^no (?:module|function) :/.test(failed.message)) unknown.set(failed.message, { message: `${failed.message} in the project`, near })
    if (unknown.size >= UNKNOWN_NAMED) break
  }
  return [...unknown.values()]
}

export type Unknown = { readonly message: string; readonly near: string | null }

type Written = { readonly named: Named; readonly seen: Asked; readonly find: (connection: Connection) => Promise<Result<unknown, Failure>> }

/** What has its name from the code. */
function writtenName({ module, function: name, arity, node_id: id }: Asked): Written | undefined {
  if (id !== undefined) return { named: { kind: 'node', id }, seen: { node_id: id }, find: (connection) => connection.call('get_ast_node', { node_id: id }) }
  if (module === undefined) return undefined
  if (name === undefined) return { named: { kind: 'module', name: module }, seen: { module }, find: (connection) => connection.call('get_module', { module_name: module }) }
  if (arity === undefined) return { named: { kind: 'function', module, name }, seen: { module, function: name }, find: (connection) => functionsNamed(connection, module, name) }
  const mfa = formatMfa({ module, name, arity })
  return { named: { kind: 'mfa', mfa }, seen: { module, function: name, arity }, find: (connection) => connection.call('get_function', { mfa, text_limit: 0 }) }
}

async function unknownProcess(connection: Connection, { pid, node }: Asked): Promise<Failure | undefined> {
  if (pid === undefined || await isSeen(connection, { pid, ...(node === undefined ? {} : { node }) })) return undefined
  return failure('not_found', `no event of the process ${pid}${node === undefined ? '' : ` on ${node}`}`, { hint: await busiest(connection, {}) })
}

async function unknownNode(connection: Connection, { node }: Asked): Promise<Failure | undefined> {
  if (node === undefined || await isSeen(connection, { node })) return undefined
  const listed = await connection.call('list_nodes', {})
  const names = listed.ok ? listed.value.nodes.map((one) => one.node) : [node]
  if (names.includes(node)) return undefined
  const near = nearestName(node, names)
  return failure('not_found', `no node ${node}`, { hint: near === undefined ? 'the command `nodes` lists those that are or were connected' : `did you mean ${near}?` })
}

/** Where that cannot be told, nothing is said against it. */
async function isSeen(connection: Connection, asked: Asked): Promise<boolean> {
  const counted = await connection.call('count_events', asked)
  return !counted.ok || counted.value.value.total > 0
}

/** Processes that there are, where one was asked for that is not. */
export async function busiest(connection: Connection, window: Window): Promise<string> {
  const counted = await connection.call('count_events', { ...window, by: 'pid', limit: BUSIEST })
  const pids = counted.ok ? counted.value.value.groups.map(({ key }) => key).filter((key) => key !== '') : []
  return pids.length === 0 ? 'the command `events` shows what was recorded' : `those with most events: ${pids.join(', ')}`
}
