/** calls, messages, why: what a process called, who sent to whom, and what led to an event. */

import { failure, type Failure } from '../../base/failure.ts'
import { fail, ok } from '../../base/result.ts'
import type { Value } from '../../wire/methods.ts'
import { commandFor, print, report, say, withDaemon, type Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit.ts'
import { gapsIn } from '../gaps.ts'
import { busiest, unknownName } from '../known.ts'
import type { Connection } from '../ports.ts'
import { renderGaps, type Completeness } from '../render/basis.ts'
import { renderCalls, renderChain, renderChoices, renderMessages } from '../render/flows.ts'
import { momentOf } from '../render/moments.ts'
import { readMoment, readWindow, type Window, type WindowFlags } from '../times.ts'
import { checkEventId } from './events.ts'

type Tree = Value<'get_call_tree'>
type Call = Tree['roots'][number]

/** Places are looked up for so many nodes of a tree; the rest go without. */
const PLACES = 200

export type CallsFlags = WindowFlags & { readonly node?: string; readonly started?: string; readonly depth?: number; readonly limit?: number }

export async function calls(context: Context, pid: string, { node, started, depth, limit, ...flags }: CallsFlags): Promise<ExitCode> {
  const window = readWindow(flags, context.ports.now())
  if (!window.ok) return report(context, window.error)
  const start = started === undefined ? undefined : readMoment(started, context.ports.now())
  if (start?.ok === false) return report(context, start.error)
  return withDaemon(context, async (connection, root) => {
    const found = await connection.call('get_call_tree', {
      pid, ...window.value, ...(node === undefined ? {} : { node }), ...(start === undefined ? {} : { node_start: start.value }), ...(depth === undefined ? {} : { max_depth: depth }), ...(limit === undefined ? {} : { max_calls: limit }),
    })
    const command = `${commandFor(context, root)} calls ${pid}`
    if (!found.ok) return fail(await whichProcess(connection, found.error, window.value, command))
    const tree = found.value.value
    const places = context.format === 'json' ? new Map<string, string>() : await placesOf(connection, tree.roots)
    const gaps = await gapLines(connection, tree.completeness, window.value)
    print(context, found.value, () => tree.roots.length === 0 ? [`no call of ${pid} was seen`, ...gaps] : [...renderCalls(tree, (id) => places.get(id), context.view), '', ...gaps])
    if (context.format === 'text' && tree.others.length > 0) {
      say(context, `this is ${pid} of ${tree.node}, started ${momentOf(tree.node_start_ns)} UTC; there are others that had this pid:`)
      for (const line of renderChoices(tree.others, command)) say(context, `  ${line}`)
    }
    return ok(EXIT.ok)
  })
}

/** Processes that there are, where one was asked for that is not, or that is several. */
async function whichProcess(connection: Connection, error: Failure, window: Window, command: string): Promise<Failure> {
  if (error.code === 'not_found') return failure('not_found', error.message, { hint: await busiest(connection, window) })
  const processes = error.details?.['processes'] as Tree['others'] | undefined
  return processes === undefined ? error : failure(error.code, error.message, { hint: ['which one:', ...renderChoices(processes, command)].join('\n  '), details: { ...error.details } })
}

/** File and line of the nodes of a tree. */
async function placesOf(connection: Connection, roots: readonly Call[]): Promise<Map<string, string>> {
  const ids = new Set<string>()
  const gather = (call: Call): void => {
    if (call.node_id !== null && ids.size < PLACES) ids.add(call.node_id)
    call.children.forEach(gather)
  }
  roots.forEach(gather)
  const found = await Promise.all([...ids].map(async (id) => [id, await connection.call('get_ast_node', { node_id: id })] as const))
  return new Map(found.flatMap(([id, answer]) => answer.ok ? [[id, `${answer.value.value.source_file}:${answer.value.value.location.line}`] as const] : []))
}

export type MessagesFlags = WindowFlags & { readonly node?: string; readonly correlation?: string; readonly limit: number }

export async function messages(context: Context, pid: string | undefined, { node, correlation, limit, ...flags }: MessagesFlags): Promise<ExitCode> {
  const window = readWindow(flags, context.ports.now())
  if (!window.ok) return report(context, window.error)
  return withDaemon(context, async (connection) => {
    const found = await connection.call('get_message_flow', {
      ...window.value, limit, ...(pid === undefined ? {} : { pid }), ...(node === undefined ? {} : { node }), ...(correlation === undefined ? {} : { correlation_id: correlation }),
    })
    if (!found.ok) return found
    const flow = found.value.value
    const none = flow.messages.length === 0
    const unknown = none ? await unknownName(connection, { ...(pid === undefined ? {} : { pid }), ...(node === undefined ? {} : { node }) }) : undefined
    if (unknown !== undefined) return fail(unknown)
    const gaps = await gapLines(connection, flow.completeness, window.value)
    print(context, found.value, () => [...none ? ['no message was seen to be sent and received'] : [], ...renderMessages(flow, context.view, context.ports.now()), '', ...gaps])
    if (none && context.format === 'text') say(context, 'messages are traced where the plan says so: `record --messages`')
    if (flow.messages.length >= limit && context.format === 'text') say(context, context.messages.style.dim(`${flow.messages.length} shown; more with --limit`))
    return ok(EXIT.ok)
  })
}

export async function why(context: Context, id: string, limit: number): Promise<ExitCode> {
  const checked = checkEventId(id)
  if (!checked.ok) return report(context, checked.error)
  return withDaemon(context, async (connection) => {
    const found = await connection.call('get_causal_chain', { event_id: id, limit })
    if (!found.ok) return found
    print(context, found.value, () => renderChain(found.value.value, context.view, context.ports.now()))
    return ok(EXIT.ok)
  })
}

async function gapLines(connection: Connection, completeness: Completeness, window: Window): Promise<string[]> {
  return renderGaps(completeness, completeness.complete ? [] : await gapsIn(connection, window), 0)
}
