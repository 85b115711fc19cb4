/**
 * What each method of capture does, as the capture thread carries it out. All that is written to the blocks goes through
 * `ingest` and `commit` of the event store, be it from a node or from a client.
 */

import { must } from '../base/assert.ts'
import { failure, type Failure } from '../base/failure.ts'
import { fail, ok, type Result } from '../base/result.ts'
import { encodeBatch } from '../event/batch.ts'
import { applyRetention, cleanupOldEvents, clear, commit, freeze, ingest, lastPlace, stats, thaw, type EventStore, type SetAside } from '../event/event-store.ts'
import { timeNs } from '../engine/runtime/time.ts'
import { formatEventId, parseEventId } from '../event/query/filter.ts'
import type { Args, CaptureMethod, NotificationParams, Reply } from '../wire/methods.ts'
import { batchOfClientEvents } from './client-events.ts'
import { planFor, planForAgent, pointsForAgent, under, wholePoint, type Keeper, type Kept } from './kept.ts'
import type { KnownNode, Nodes } from './nodes.ts'
import type { OwnSession } from './own-session.ts'
import type { AgentServer } from './serve-agents.ts'
import type { Session } from './session.ts'

export type CaptureMeans = {
  readonly store: EventStore
  /** Of what is stored for clients. */
  readonly own: OwnSession
  /** Damage that was found, the latest last. */
  readonly setAside: SetAside[]
  readonly keeper: Keeper
  readonly nodes: Nodes
  readonly server: AgentServer
  /** The first parts of the names of the project's modules: `Shop`, `ShopWeb`. */
  readonly ownModules: () => readonly string[]
  readonly nowMs: () => number
  /** Whoever watches is told. */
  readonly tell: {
    instrumentationChanged(changed: NotificationParams<'instrumentation_changed'>): void
    correlationUpdated(updated: NotificationParams<'correlation_updated'>): void
  }
  /** The monotonic clock that sessions count by. */
  readonly tickMs: () => number
}

type Outcome<M extends CaptureMethod> = Result<Reply<M>, Failure> | Promise<Result<Reply<M>, Failure>>
type Operations = { readonly [M in CaptureMethod]: (means: CaptureMeans, args: Args<M>) => Outcome<M> }

const ASK_MS = 5000
/** A plan that a node is sent is one frame, and so is what it answers. */
const MAX_POINTS = 20_000

export const CAPTURE_OPERATIONS: Operations = {
  store_event: (means, { event, source, request_id: requestId }) => {
    const stored = storeEvents(means, { events: [event], source, request_id: requestId })
    if (!stored.ok) return stored
    const [id] = stored.value.event_ids
    return id === undefined ? fail(failure('invalid_argument', stored.value.refused[0]?.why ?? 'the event was refused')) : ok({ event_id: id })
  },
  store_events: storeEvents,
  store_correlation: (means, { event_id: eventId, node_id: nodeId, source, request_id: requestId }) => {
    if (parseEventId(eventId) === undefined) return fail(failure('invalid_argument', `${JSON.stringify(eventId)} is no event id`, { hint: 'they look like shop@host:12:345' }))
    const stored = storeEvents(means, { events: [{ event_type: 'correlation', pid: 'client', node_id: nodeId, payload: { event: eventId } }], source, request_id: requestId })
    if (!stored.ok) return stored
    means.tell.correlationUpdated({ node_id: nodeId, event_id: eventId })
    return ok({ event_id: stored.value.event_ids[0] ?? '' })
  },
  update_runtime_insights: (means, { of, source, insights }) => state(means, of, source, insights),
  update_function_runtime_data: (means, { mfa, source, data }) => state(means, mfa, source, data),
  get_event_stats: ({ store, setAside }) => ok(statistics(store, setAside)),
  cleanup_old_events: cleanUp,
  clear_events: ({ store }) => mapped(clear(store), (removed) => ({ removed })),
  freeze_events: ({ store }, { unused_ms: unusedMs }) => mapped(freeze(store, unusedMs), (moved) => ({ moved_files: moved })),
  thaw_events: ({ store }) => mapped(thaw(store), (events) => ({ events })),
  store_instrumentation_plan: (means, { name, plan }) => {
    const nPoints = pointsForAgent(plan, means.ownModules())
    if (nPoints > MAX_POINTS) return fail(failure('too_large', `the plan comes to ${nPoints} points, more than ${MAX_POINTS}: each point for * stands for two of every module of the scope`, { hint: 'one point for * is enough; or name fewer modules' }))
    const at = new Date(means.nowMs()).toISOString()
    const kept = means.keeper.update((was) => ({ ...was, plans: { ...was.plans, [name]: { plan, stored_at: at } } }))
    if (!kept.ok) return kept
    tellAll(means, name)
    return ok({ name, stored_at: at })
  },
  get_instrumentation_plan: ({ keeper }, { name, node }) => {
    const kept = keeper.kept()
    const wanted = name ?? (node === undefined ? undefined : planFor(kept, node)?.name)
    if (wanted === undefined) return fail(failure('invalid_argument', 'give the name of a plan, or a node', { hint: 'list_instrumentation_plans names them' }))
    const found = presentPlan(kept, wanted)
    return found === undefined ? noPlan(wanted, kept) : ok(found)
  },
  list_instrumentation_plans: ({ keeper }) => {
    const kept = keeper.kept()
    return ok({ plans: Object.keys(kept.plans).sort().flatMap((name) => presentPlan(kept, name) ?? []) })
  },
  delete_instrumentation_plan: (means, { name }) => {
    if (under(means.keeper.kept().plans, name) === undefined) return noPlan(name, means.keeper.kept())
    const kept = means.keeper.update((was) => ({ ...was, plans: without(was.plans, (other) => other === name), active: without(was.active, (_node, followed) => followed === name) }))
    if (!kept.ok) return kept
    tellAll(means, name)
    return ok({ ok: true })
  },
  activate_instrumentation_plan: (means, { name, node }) => {
    const { keeper, nodes } = means
    if (name !== null && under(keeper.kept().plans, name) === undefined) return noPlan(name, keeper.kept())
    const kept = keeper.update((was) => ({ ...was, active: activeWith(was.active, node, name) }))
    if (!kept.ok) return kept
    tellAll(means, name ?? '')
    const told = nodes.all().filter((known) => known.isConnected && (node === null || known.hello.node === node))
    return ok({ nodes: told.map(({ hello }) => hello.node), planned: Object.fromEntries(told.map(({ hello, planned }) => [hello.node, planned])) })
  },
  set_instrumentation_point: (means, { name, point_id: id, ...changes }) => {
    const plan = under(means.keeper.kept().plans, name)
    if (plan === undefined) return noPlan(name, means.keeper.kept())
    const found = plan.plan.points.map(wholePoint).find((point) => point.id === id)
    if (found === undefined) return fail(failure('not_found', `the plan ${name} has no point ${id}`, { hint: `its points: ${plan.plan.points.map((point) => wholePoint(point).id).slice(0, 20).join(', ')}` }))
    const point = { ...found, ...given(changes) }
    const points = plan.plan.points.map((one) => (wholePoint(one).id === id ? point : one))
    const kept = means.keeper.update((was) => ({ ...was, plans: { ...was.plans, [name]: { ...plan, plan: { ...plan.plan, points } } } }))
    if (!kept.ok) return kept
    tellAll(means, name)
    return ok({ point })
  },
  list_nodes: ({ nodes, server }) => ok({ nodes: nodes.all().map(presentNode), listening: [...server.addresses] }),
  ask_node: async (means, { node, what }) => {
    const found = sessionOf(means, node)
    if (!found.ok) return found
    const answer = await found.value.session.ask(what, means.tickMs() + ASK_MS)
    if (answer instanceof Error) return fail(failure('timeout', `${found.value.node}: ${answer.message}`, { hint: 'is the node overloaded? `elixir-scope nodes` shows what it dropped' }))
    return ok({ node: found.value.node, answer })
  },
  stop_capture: (means, { node }) => {
    const found = sessionOf(means, node)
    if (!found.ok) return found
    found.value.session.stop(means.tickMs())
    return ok({ ok: true })
  },
}

export function runCapture(means: CaptureMeans, method: CaptureMethod, args: unknown): Result<unknown, Failure> | Promise<Result<unknown, Failure>> {
  return (CAPTURE_OPERATIONS[method] as (means: CaptureMeans, args: unknown) => Result<unknown, Failure> | Promise<Result<unknown, Failure>>)(means, args)
}

/** The plan that a node is to follow, as the agent takes it; noted as told. */
export function planToTell(kept: Kept, own: readonly string[], node: string, known: KnownNode | undefined): Record<string, unknown> | null {
  const found = planFor(kept, node)
  const plan = found === undefined ? null : planForAgent(found.name, found.plan, own)
  if (known !== undefined) {
    known.plan = found?.name ?? null
    known.toldPlan = JSON.stringify(plan)
  }
  return plan
}

/** Has every connected node whose plan is another than it was told follow that, and tells who follows `changed` now. */
function tellAll({ server, keeper, nodes, ownModules, tell }: CaptureMeans, changed: string): void {
  const own = ownModules()
  for (const session of server.sessions()) {
    const hello = session.hello()
    const known = hello === undefined ? undefined : nodes.find(hello)
    if (hello === undefined || known === undefined) continue
    const was = known.toldPlan
    const plan = planToTell(keeper.kept(), own, hello.node, known)
    if (known.toldPlan !== was) session.plan(plan)
  }
  tell.instrumentationChanged({ plan: changed, nodes: nodes.all().filter(({ isConnected, plan }) => isConnected && plan === changed).map(({ hello }) => hello.node) })
}

/** One batch: what it answers is its place. */
function storeEvents({ store, own, nowMs }: CaptureMeans, { events, source, request_id: requestId }: Pick<Args<'store_events'>, 'events' | 'source'> & { readonly request_id?: string | undefined }): Result<Reply<'store_events'>, Failure> {
  const known = requestId === undefined ? undefined : own.answerTo(requestId)
  if (known !== undefined) return ok(known as Reply<'store_events'>)
  const { batch, refused } = batchOfClientEvents(events, own.nextNo(), BigInt(Math.round(nowMs() * 1000)) * 1000n)
  if (batch === undefined) return ok({ stored: 0, event_ids: [], refused: [...refused] })
  const done = ingest(store, { session: own.name, source: { node: source, startNs: own.startNs }, bytes: encodeBatch(batch), batch })
  if (!done.ok) return done
  const { block, nRows } = must(lastPlace(store), 'the block of what was just stored')
  const durable = commit(store)
  if (!durable.ok) return durable
  const eventIds = Array.from({ length: batch.n }, (_, idx) => formatEventId({ node: source, block, row: nRows - batch.n + idx }))
  const answer = { stored: batch.n, event_ids: eventIds, refused: [...refused] }
  if (requestId !== undefined) own.keepAnswer(requestId, answer)
  return ok(answer)
}

function state({ keeper, nowMs }: CaptureMeans, of: string, source: string, insights: Record<string, unknown>): Result<{ ok: true }, Failure> {
  const at = new Date(nowMs()).toISOString()
  const kept = keeper.update((was) => ({ ...was, stated: { ...was.stated, [of]: { ...under(was.stated, of), [source]: { at, insights } } } }))
  return kept.ok ? ok({ ok: true }) : kept
}

function cleanUp({ store, nowMs }: CaptureMeans, { older_than_ms: ageMs, before, max_events: maxEvents, max_bytes: maxBytes }: Args<'cleanup_old_events'>): Result<{ removed: number }, Failure> {
  if (ageMs === undefined && before === undefined && maxEvents === undefined && maxBytes === undefined) {
    return fail(failure('invalid_argument', 'say what is old: older_than_ms, before, max_events or max_bytes', { hint: 'clear_events deletes everything' }))
  }
  let removed = 0
  for (const beforeNs of [before === undefined ? undefined : timeNs(before), ageMs === undefined ? undefined : BigInt(Math.round(nowMs()) - ageMs) * 1_000_000n]) {
    if (beforeNs === undefined) continue
    const done = cleanupOldEvents(store, beforeNs)
    if (!done.ok) return done
    removed += done.value
  }
  const wanted = given({ maxEvents, maxBytes })
  if (Object.keys(wanted).length > 0) {
    const done = applyRetention(store, wanted)
    if (!done.ok) return done
    removed += done.value
  }
  return ok({ removed })
}

function statistics(store: EventStore, setAside: readonly SetAside[]): Reply<'get_event_stats'> {
  const { events, oldestNs, newestNs, blocks, residentBlocks, files, coldFiles, frozenFiles, bytesOnDisk, bytesFrozen, eventsByType, indexEntries, commits, waitingBlocks, lastProblem } = stats(store)
  return {
    total_events: events, oldest_ns: oldestNs, newest_ns: newestNs, blocks, resident_blocks: residentBlocks, files, cold_files: coldFiles, frozen_files: frozenFiles,
    bytes_on_disk: bytesOnDisk, bytes_frozen: bytesFrozen, index_entries: { ...indexEntries }, events_by_type: { ...eventsByType },
    set_aside: setAside.map(({ path, why }) => ({ path, why })), commits, waiting_blocks: waitingBlocks, last_problem: lastProblem?.message ?? null,
  }
}

function presentPlan(kept: Kept, name: string): Reply<'get_instrumentation_plan'> | undefined {
  const found = under(kept.plans, name)
  if (found === undefined) return undefined
  return { name, plan: found.plan, active_on: Object.entries(kept.active).flatMap(([node, followed]) => (followed === name ? [node] : [])).sort(), stored_at: found.stored_at }
}

function noPlan(name: string, { plans }: Kept): { readonly ok: false; readonly error: Failure } {
  const names = Object.keys(plans).sort()
  return fail(failure('not_found', `there is no plan ${JSON.stringify(name)}`, { hint: names.length === 0 ? 'store_instrumentation_plan stores one' : `there are: ${names.slice(0, 20).join(', ')}` }))
}

function activeWith(active: Kept['active'], node: string | null, name: string | null): Kept['active'] {
  const at = node ?? '*'
  // For every node: what single nodes had been told before is over.
  const others = node === null ? {} : without(active, (other) => other === at)
  return name === null ? others : { ...others, [at]: name }
}

function presentNode({ hello, isConnected, plan, planned, nBatches, nEvents, nGaps, modules }: KnownNode): Reply<'list_nodes'>['nodes'][number] {
  const { node, nodeStartNs, otp, elixir, agent, app, osPid, cwd, trace } = hello
  return {
    node, node_start_ns: nodeStartNs, otp, elixir, agent, app, os_pid: osPid, cwd, connected: isConnected, trace, plan, planned,
    batches: nBatches, events: nEvents, gaps: nGaps, modules: modules.size,
  }
}

/** The session of a connected node; without a name, of the only one. */
function sessionOf({ server }: CaptureMeans, node: string | undefined): Result<{ readonly session: Session; readonly node: string }, Failure> {
  const connected = server.sessions().flatMap((session) => {
    const hello = session.hello()
    return hello === undefined ? [] : [{ session, node: hello.node }]
  })
  const names = connected.map((each) => each.node).sort()
  const there = names.length === 0 ? 'no node is connected' : `connected: ${names.join(', ')}`
  if (node === undefined) {
    const [only] = connected
    return only !== undefined && connected.length === 1 ? ok(only) : fail(failure(only === undefined ? 'unavailable' : 'invalid_argument', `which node? ${there}`, { hint: 'docs/AGENT.md says how a node is connected' }))
  }
  const [found, ...others] = connected.filter((each) => each.node === node)
  if (found === undefined) return fail(failure('not_found', `${node} is not connected: ${there}`))
  return others.length === 0 ? ok(found) : fail(failure('conflict', `${others.length + 1} connected nodes are called ${node}`, { hint: 'start them with names of their own: --sname or --name' }))
}

function mapped<T, U>(result: Result<T, Failure>, map: (value: T) => U): Result<U, Failure> {
  return result.ok ? ok(map(result.value)) : result
}

function without<T>(fields: Readonly<Record<string, T>>, gone: (key: string, value: T) => boolean): Record<string, T> {
  return Object.fromEntries(Object.entries(fields).filter(([key, value]) => !gone(key, value)))
}

/** Without what is undefined. */
function given<T extends Record<string, unknown>>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as { [K in keyof T]?: Exclude<T[K], undefined> }
}
