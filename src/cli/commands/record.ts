/**
 * record: has the nodes that are connected trace the project for a while, and shows what it came to. The plan that a node
 * followed before is in force again afterwards, however this ends: the node itself stops when the time is over.
 */

import { failure, type Failure } from '../../base/failure.ts'
import { fail, ok, type Result } from '../../base/result.ts'
import type { Reply } from '../../wire/methods.ts'
import { planOf, type PlanWishes } from '../capture-plan.ts'
import { commandFor, print, say, withDaemon, type Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit.ts'
import { basisOf } from '../gaps.ts'
import type { Connection } from '../ports.ts'
import { howToConnect, planTold } from '../render/capture.ts'
import { renderHot } from '../render/insights.ts'
import { spanOf } from '../render/moments.ts'
import { formatCount, plural } from '../render/text.ts'

export type RecordFlags = PlanWishes & { readonly forMs: number; readonly node?: string }

const PLAN = 'record'
const SHOWN = 15
/** What is on its way when the time is over has arrived by then. */
const SETTLE_MS = 500
/** The node goes on a little longer than the command waits, so that it is the command that ends it. */
const MARGIN_MS = 5000

export function record(context: Context, { forMs, node, ...wishes }: RecordFlags): Promise<ExitCode> {
  return withDaemon(context, async (connection, root) => {
    const listed = await connection.call('list_nodes', {})
    if (!listed.ok) return listed
    const meant = nodesMeant(listed.value.nodes, node, commandFor(context, root))
    if (!meant.ok) return meant
    const bereft = listed.value.nodes.filter((one) => one.connected && one.plan === null && planTold(one) !== null && meant.value.includes(one.node)).map((one) => one.node)
    const plan = await planOf(connection, wishes, forMs + MARGIN_MS)
    if (!plan.ok) return plan
    const before = await connection.call('list_instrumentation_plans', {})
    if (!before.ok) return before
    const stored = await connection.call('store_instrumentation_plan', { name: PLAN, plan: plan.value })
    if (!stored.ok) return stored
    const from = new Date(context.ports.now()).toISOString()
    const ended = await traced(context, connection, meant.value, { forMs, nModules: plan.value.points.length })
    const restored = await restore(connection, meant.value, before.value)
    if (!ended.ok) return ended
    if (!restored.ok) return restored
    if (bereft.length > 0) say(context, `the plan that ${bereft.join(', ')} was started with is over; it traces nothing now`)
    const settling = context.ports.pause(SETTLE_MS)
    await settling.over
    const shown = await summary(context, connection, { since: from, until: new Date(context.ports.now()).toISOString() }, commandFor(context, root))
    return shown.ok ? ok(EXIT.ok) : shown
  })
}

function nodesMeant(nodes: Reply<'list_nodes'>['nodes'], node: string | undefined, command: string): Result<string[], Failure> {
  const connected = [...new Set(nodes.filter((one) => one.connected).map((one) => one.node))].sort()
  if (node !== undefined && connected.includes(node)) return ok([node])
  if (node !== undefined) return fail(failure('not_found', `${node} is not connected`, { hint: connected.length === 0 ? `no node is; ${howToConnect(command)}` : `connected: ${connected.join(', ')}` }))
  if (connected.length > 0) return ok(connected)
  return fail(failure('unavailable', 'no node is connected', { hint: howToConnect(command) }))
}

async function traced(
  context: Context, connection: Connection, nodes: readonly string[], { forMs, nModules }: { readonly forMs: number; readonly nModules: number },
): Promise<Result<void, Failure>> {
  const stop = Promise.withResolvers<void>()
  const release = context.ports.onInterrupt(() => stop.resolve())
  try {
    for (const node of nodes) {
      const told = await connection.call('activate_instrumentation_plan', { name: PLAN, node })
      if (!told.ok) return told
    }
    say(context, `recording calls of ${plural(nModules, 'module')} on ${nodes.join(', ')} for ${spanOf(forMs * 1e6)}; Ctrl-C ends it sooner`)
    const pause = context.ports.pause(forMs)
    await Promise.race([pause.over, stop.promise])
    pause.cancel()
    return ok(undefined)
  } finally {
    release()
  }
}

/** Each node follows again what it alone followed; deleting the plan leaves the others with what every node does. */
async function restore(connection: Connection, nodes: readonly string[], before: Reply<'list_instrumentation_plans'>): Promise<Result<unknown, Failure>> {
  for (const node of nodes) {
    const was = before.plans.find((plan) => plan.name !== PLAN && plan.active_on.includes(node))
    const told = was === undefined ? ok(undefined) : await connection.call('activate_instrumentation_plan', { name: was.name, node })
    if (!told.ok) return told
  }
  return connection.call('delete_instrumentation_plan', { name: PLAN })
}

/** What was recorded in a window, by type and by function. */
export async function summary(context: Context, connection: Connection, window: { readonly since: string; readonly until: string }, command: string): Promise<Result<void, Failure>> {
  const [counted, hottest] = await Promise.all([
    connection.call('count_events', { ...window, by: 'type' }), connection.call('get_hotspots', { ...window, by: 'own', limit: SHOWN }),
  ])
  if (!counted.ok) return counted
  if (!hottest.ok) return hottest
  const { groups, total } = counted.value.value
  const { functions, total: nFunctions } = hottest.value.value
  const basis = await basisOf(connection, hottest.value.value, window)
  print(context, { window, events: counted.value.value, hot: hottest.value.value }, () => total === 0 ? [
    'nothing was recorded: the program did nothing in that time, or none of its modules is traced (`nodes` says what is refused)',
  ] : [
    `${plural(total, 'event')}: ${groups.map(({ key, count }) => `${formatCount(count)} ${key}`).join(', ')}`,
    '',
    ...functions.length === 0 ? ['no call was seen in that time'] : renderHot(functions, context.view),
    ...nFunctions > functions.length ? [`… ${formatCount(nFunctions - functions.length)} more: ${command} hot --since ${window.since} --until ${window.until}`] : [],
    '',
    ...basis,
    ...functions[0] === undefined ? [] : ['', `what to type next: ${command} trace ${functions[0].mfa} --since ${window.since}`],
  ])
  return ok(undefined)
}
