/** nodes, plan: who is connected and what is to be traced there. */

import { basename } from 'node:path'
import { failure, type Failure } from '../../base/failure.ts'
import { fail, ok, type Result } from '../../base/result.ts'
import type { ArgsInput } from '../../wire/methods.ts'
import { commandFor, print, report, say, withDaemon, type Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit.ts'
import { unknownInPlan, unknownName, type Unknown } from '../known.ts'
import type { Connection } from '../ports.ts'
import { renderNodes, renderPlan, renderPlans } from '../render/capture.ts'
import { harmless, plural } from '../render/text.ts'

export const PLAN_ACTIONS = ['list', 'show', 'store', 'activate', 'deactivate', 'delete'] as const
export type PlanAction = (typeof PLAN_ACTIONS)[number]

export type PlanFlags = {
  /** The plan's name, for `store`. */
  readonly name?: string
  /** Without it: every node. */
  readonly node?: string
}

/** The failure in words of this command. */
export function planFailure(error: Failure): Failure {
  if (error.code !== 'not_found' || error.hint?.startsWith('there are') === true) return error
  return failure(error.code, error.message, { hint: 'there are none; `plan store FILE` keeps one' })
}

export function nodes(context: Context): Promise<ExitCode> {
  return withDaemon(context, async (connection, root) => {
    const listed = await connection.call('list_nodes', {})
    if (!listed.ok) return listed
    print(context, listed.value, () => renderNodes(listed.value, commandFor(context, root), context.view))
    return ok(EXIT.ok)
  })
}

export async function plan(context: Context, action: PlanAction, argument: string | undefined, flags: PlanFlags): Promise<ExitCode> {
  const needs = action === 'store' ? 'the file of a plan, or - for standard input' : 'the name of a plan'
  if (argument === undefined && action !== 'list' && action !== 'deactivate') {
    return report(context, failure('invalid_argument', `plan ${action} needs ${needs}`, { hint: action === 'store' ? 'docs/RUNTIME.md shows a plan' : `${context.ports.command} plan list names the plans there are` }))
  }
  const name = argument ?? ''
  switch (action) {
    case 'list':
      return withDaemon(context, (connection) => list(context, connection))
    case 'show':
      return withDaemon(context, (connection) => show(context, connection, name))
    case 'store':
      return store(context, name, flags.name)
    case 'activate':
      return withDaemon(context, (connection) => activate(context, connection, name, flags.node))
    case 'deactivate':
      return withDaemon(context, (connection) => activate(context, connection, null, flags.node))
    case 'delete':
      return withDaemon(context, (connection) => remove(context, connection, name))
  }
}

type Done = Promise<Result<ExitCode, Failure>>

async function list(context: Context, connection: Connection): Done {
  const listed = await connection.call('list_instrumentation_plans', {})
  if (!listed.ok) return listed
  const { plans } = listed.value
  print(context, listed.value, () => plans.length === 0 ? ['no plans'] : renderPlans(plans, context.view))
  return ok(EXIT.ok)
}

async function show(context: Context, connection: Connection, name: string): Done {
  const found = await connection.call('get_instrumentation_plan', { name })
  if (!found.ok) return fail(planFailure(found.error))
  print(context, found.value, () => renderPlan(found.value, context.view))
  return ok(EXIT.ok)
}

async function store(context: Context, file: string, named: string | undefined): Promise<ExitCode> {
  const name = named ?? (file === '-' ? undefined : basename(file).replace(/\.json$/, ''))
  if (name === undefined) return report(context, failure('invalid_argument', 'a plan from standard input needs --name'))
  const text = file === '-' ? ok(new TextEncoder().encode(await context.ports.readStdin())) : context.ports.readFile(file)
  if (!text.ok) return report(context, text.error)
  const read = parseJson(new TextDecoder().decode(text.value))
  if (!read.ok) return report(context, failure('invalid_argument', `${file} is no JSON: ${read.error}`, { hint: 'docs/RUNTIME.md shows a plan' }))
  return withDaemon(context, async (connection) => {
    // The daemon validates; what the user wrote goes there as it stands.
    const wanted = read.value as ArgsInput<'store_instrumentation_plan'>['plan']
    const stored = await connection.call('store_instrumentation_plan', { name, plan: wanted })
    if (!stored.ok) return stored
    const unknown = await unknownInPlan(connection, wanted)
    print(context, { ...stored.value, unknown }, () => [`stored as ${name}; to have it followed: ${context.ports.command} plan activate ${name}`])
    if (context.format === 'text') sayUnknown(context, unknown)
    return ok(EXIT.ok)
  })
}

/** No mistake in itself: dependencies and what Elixir and Erlang bring can be traced, and are not in the project. */
function sayUnknown(context: Context, unknown: readonly Unknown[]): void {
  for (const { message, near } of unknown) say(context, context.messages.style.yellow(`note: ${harmless(`${message}${near === null ? '' : `; did you mean ${near}?`}`)}`))
  if (unknown.length > 0) say(context, '  what is of a dependency, of Elixir or of Erlang is traced all the same')
}

function parseJson(text: string): Result<unknown, string> {
  try {
    return ok(JSON.parse(text))
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error))
  }
}

async function activate(context: Context, connection: Connection, name: string | null, node: string | undefined): Done {
  const told = await connection.call('activate_instrumentation_plan', { name, node: node ?? null })
  if (!told.ok) return fail(planFailure(told.error))
  const { nodes: now } = told.value
  const unknown = node === undefined || now.includes(node) ? undefined : await unknownName(connection, { node })
  print(context, told.value, () => [
    name === null ? `${node ?? 'every node'} traces nothing from now on` : `${node ?? 'every node'} follows ${name}`,
    ...now.length > 0 ? [`${plural(now.length, 'node')} told at once: ${now.join(', ')}`] : name === null ? [] : [NOT_YET[node === undefined ? 'all' : 'one']],
  ])
  if (unknown !== undefined && context.format === 'text') say(context, context.messages.style.yellow(`note: ${harmless(`${unknown.message} has been there yet; ${unknown.hint ?? ''}`)}`))
  return ok(EXIT.ok)
}

const NOT_YET = { all: 'none is connected now; the plan is told to those that connect', one: 'it is not connected now; the plan is told when it is' } as const

async function remove(context: Context, connection: Connection, name: string): Done {
  const deleted = await connection.call('delete_instrumentation_plan', { name })
  if (!deleted.ok) return fail(planFailure(deleted.error))
  print(context, deleted.value, () => [`${name} is deleted; nodes that followed it trace nothing, or what every node does`])
  return ok(EXIT.ok)
}
