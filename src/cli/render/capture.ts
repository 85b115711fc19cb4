/** Nodes, plans and points where code can be traced, as lines. Data in, lines out. */

import type { Reply, Value } from '../../wire/methods.ts'
import type { View } from './lists.ts'
import { momentOf, spanOf } from './moments.ts'
import { renderFields, renderTable } from './table.ts'
import { formatCount, harmless, plural } from './text.ts'

type NodeRecord = Reply<'list_nodes'>['nodes'][number]
type StoredPlan = Reply<'get_instrumentation_plan'>
type Point = Value<'get_instrumentation_points'>['points'][number]

export function renderNodes({ nodes, listening }: Reply<'list_nodes'>, command: string, view: View): string[] {
  return [
    ...nodes.length === 0 ? ['no node has connected since the daemon started'] : renderTable<NodeRecord>([
      { title: 'NODE', cell: (row) => row.node, flexible: true, paint: view.style.bold },
      { title: 'STATE', cell: (row) => row.connected ? 'connected' : 'gone', paint: (text, row) => row.connected ? view.style.green(text) : view.style.yellow(text) },
      { title: 'PLAN', cell: (row) => row.connected ? row.plan ?? planTold(row) ?? 'none' : '', flexible: true },
      { title: 'EVENTS', cell: (row) => formatCount(row.events), align: 'right' },
      { title: 'GAPS', cell: (row) => formatCount(row.gaps), align: 'right', paint: (text, row) => row.gaps > 0 ? view.style.yellow(text) : text },
      { title: 'MODULES', cell: (row) => formatCount(row.modules), align: 'right' },
      { title: 'OTP', cell: (row) => row.otp },
      { title: 'ELIXIR', cell: (row) => row.elixir ?? '' },
      { title: 'PROCESS', cell: (row) => row.os_pid, align: 'right', optional: true },
      { title: 'DIRECTORY', cell: (row) => row.cwd, optional: true, paint: view.style.dim },
    ], nodes, view),
    ...nodes.flatMap(refusals),
    '',
    ...renderFields([['listening on', listening.length === 0 ? 'nothing: capture.enabled is off' : listening.join(', ')]], view),
    ...nodes.some((node) => node.connected) ? [] : [howToConnect(command)],
  ]
}

export function howToConnect(command: string): string {
  return `to connect one: ${command} run -- mix run, or ${command} attach NODE`
}

/** A plan that the node brought along, as it says itself. */
export function planTold({ planned }: Pick<NodeRecord, 'planned'>): string | null {
  const name = typeof planned === 'object' && planned !== null ? (planned as Record<string, unknown>)['plan'] : undefined
  return typeof name === 'string' && name !== '' ? name : null
}

/** What of its plan a node does not trace, with the agent's reason. */
function refusals({ node, planned }: NodeRecord): string[] {
  const refused = typeof planned === 'object' && planned !== null ? (planned as Record<string, unknown>)['refused'] : undefined
  if (!Array.isArray(refused)) return []
  return refused.map((one: unknown) => {
    const { module, function: name, reason } = (one ?? {}) as Record<string, unknown>
    const point = [module, name].filter((part) => typeof part === 'string').join('.')
    return harmless(`${node} does not trace ${point === '' ? 'a point of its plan' : point}: ${typeof reason === 'string' ? reason : 'it does not say why'}`)
  })
}

export function renderPlans(plans: readonly StoredPlan[], view: View): string[] {
  return renderTable<StoredPlan>([
    { title: 'PLAN', cell: (row) => row.name, flexible: true, paint: view.style.bold },
    { title: 'POINTS', cell: (row) => formatCount(row.plan.points.length), align: 'right' },
    { title: 'BESIDES', cell: besides },
    { title: 'FOLLOWED BY', cell: followers },
    { title: 'STORED', cell: (row) => row.stored_at, optional: true, paint: view.style.dim },
  ], plans, view)
}

const SHOWN_POINTS = 100

export function renderPlan(stored: StoredPlan, view: View): string[] {
  const { plan } = stored
  const points = plan.points.slice(0, SHOWN_POINTS)
  return [
    view.style.bold(harmless(stored.name)),
    ...renderFields([
      ['followed by', followers(stored)],
      ['processes', typeof plan.processes === 'string' ? plan.processes : plan.processes.join(', ')],
      ['besides calls', besides(stored)],
      ['scope', plan.scope.length === 0 ? null : plan.scope.join(', ')],
      ['limits', Object.entries(plan.limits).map(([name, value]) => `${name} ${formatCount(Number(value))}`).join(', ')],
      ['redacted', plan.redact.length === 0 ? 'what is always redacted' : `${plan.redact.join(', ')}, and what always is`],
      ['stored', stored.stored_at],
    ], view),
    '',
    ...renderTable<StoredPlan['plan']['points'][number]>([
      { title: 'POINT', cell: (row) => `${row.module}${row.function === undefined || row.function === null ? '' : `.${row.function}/${row.arity ?? '*'}`}`, flexible: true, paint: view.style.bold },
      { title: 'RECORDS', cell: (row) => row.capture?.join(', ') ?? 'return, exceptions, caller' },
      { title: 'SAMPLING', cell: (row) => String(row.sampling ?? 1), align: 'right' },
      { title: 'ON', cell: (row) => row.enabled === false ? 'off' : 'on' },
      { title: 'TAGS', cell: (row) => row.tags?.join(', ') ?? '', optional: true },
    ], points, view),
    ...plan.points.length > points.length ? [`… ${plural(plan.points.length - points.length, 'more point')}; --json shows them`] : [],
  ]
}

function besides({ plan }: StoredPlan): string {
  const kinds = (['messages', 'lifecycle', 'scheduling', 'gc'] as const).filter((kind) => plan[kind])
  return kinds.length === 0 ? 'nothing' : kinds.join(', ')
}

function followers({ active_on: nodes }: StoredPlan): string {
  return nodes.length === 0 ? 'no node' : nodes.map((node) => node === '*' ? 'every node' : node).join(', ')
}

export function renderPoints(points: readonly Point[], view: View): string[] {
  return renderTable<Point>([
    { title: 'PLACE', cell: ({ source_location: at }) => `${at.file}:${at.line}`, flexible: 'from start', paint: view.style.dim },
    { title: 'KIND', cell: (row) => row.instrumentation_type.replace('_', ' '), optional: true },
    { title: 'WHAT', cell: (row) => row.description, flexible: true, paint: view.style.bold },
    // What `run`, `attach` and `record` gave to a node is not among the plans that are kept.
    { title: 'KEPT PLAN', cell: (row) => row.plan === null ? 'none' : row.enabled ? row.plan.name : `${row.plan.name}, off` },
    { title: 'SEEN', cell: (row) => formatCount(row.trigger_count), align: 'right' },
    { title: 'MEAN', cell: (row) => row.average_duration_ns === null ? '' : spanOf(row.average_duration_ns), align: 'right' },
    { title: 'LAST (UTC)', cell: (row) => row.last_triggered_ns === null ? 'never' : momentOf(row.last_triggered_ns), optional: true },
    { title: 'COSTS', cell: (row) => `~${spanOf(row.overhead_estimate_ns)}`, align: 'right', optional: true },
    { title: 'POINT', cell: (row) => row.plan?.point_id ?? row.point_id, optional: true, paint: view.style.dim },
  ], points, view)
}
