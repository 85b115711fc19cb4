/**
 * The methods about the runtime, a part of the one map (`methods.ts`). `events` are answered by the query pool from the blocks
 * and a snapshot of the repository; `capture` goes to the capture thread, which alone writes events and talks to nodes.
 */

import { z } from 'zod'
import type { FailureCode } from '../base/failure.ts'
import { answer } from './answers.ts'
import {
  basis, callTreeNode, capturePlan, capturePoint, completeness, eventRecord, eventStatistics, eventType, evidence, hotFunction, instrumentationPoint, nodeRecord, ns, runtimeFigures,
  runtimeInsights, time,
} from './event-records.ts'

const READ: readonly FailureCode[] = ['not_found', 'invalid_argument', 'unavailable', 'timeout', 'busy', 'damaged', 'too_large']
const WRITE: readonly FailureCode[] = ['invalid_argument', 'not_found', 'conflict', 'too_large', 'busy', 'unavailable', 'timeout', 'storage_full', 'insufficient_memory']

const mfa = z.string().min(3).max(1400).describe('e.g. MyApp.Cart.add_item/2')
const nodeId = z.string().min(1).max(8192).describe('a place in the code')
const eventId = z.string().min(3).max(512).describe('node:block:sequence; the node may be left out')
const name = z.string().min(1).max(255)
const requestId = z.string().min(1).max(128).optional().describe('a repeat with the same id is answered with the first result')

const window = {
  since: time.optional().describe('this moment and later; ns since 1970 or ISO 8601'),
  until: time.optional().describe('before this moment'),
}
export const eventFilter = {
  ...window,
  node: name.optional().describe('the BEAM node'),
  pid: z.string().max(255).optional().describe('e.g. 0.113.0'),
  event_type: z.union([eventType, z.array(eventType).min(1).max(64)]).optional(),
  correlation_id: z.string().max(1024).optional(), node_id: nodeId.optional(),
  module: z.string().max(1024).optional(), function: z.string().max(255).optional(), arity: z.int().min(0).max(255).optional(),
  min_duration_ns: z.number().min(0).optional().describe('returns and exceptions that took at least this long'),
}
const page = { limit: z.int().min(1).max(1000).default(100).describe('at most this many'), cursor: z.string().max(2048).optional().describe('from the page before') }
/** What a list is limited to is the whole project otherwise. */
const ranked = { ...window, module_prefix: z.string().max(1024).optional(), limit: z.int().min(1).max(1000).default(50) }

function events<A extends z.ZodRawShape, R extends z.ZodType>(summary: string, shape: A, result: R) {
  return { summary, runs: 'events', idempotent: true, args: z.strictObject(shape), result: answer(result), errors: READ } as const
}

function capture<A extends z.ZodRawShape, R extends z.ZodType>(summary: string, shape: A, result: R) {
  return { summary, runs: 'capture', idempotent: true, args: z.strictObject(shape), result, errors: WRITE } as const
}

function captureOnce<A extends z.ZodRawShape, R extends z.ZodType>(summary: string, shape: A, result: R) {
  return { summary, runs: 'capture', idempotent: false, args: z.strictObject({ ...shape, request_id: requestId }), result, errors: WRITE } as const
}

/** An event as a client states it. */
export const clientEvent = z.strictObject({
  event_type: eventType, timestamp: time.optional().describe('without it: when it arrives'), pid: z.string().max(255).default('client'), peer: z.string().max(255).optional(),
  mfa: mfa.optional(), caller: z.strictObject({ mfa, file: z.string().max(4096).default(''), line: z.int().min(0).default(0) }).optional(),
  correlation_id: z.string().max(1024).optional(), node_id: nodeId.optional(), payload: z.record(z.string(), z.unknown()).optional(),
})
const source = z.string().min(1).max(200).default('client').describe('who says so; stands where a BEAM node would')

const removal = z.object({ removed: z.int().describe('events') })
const listOfFunctions = z.object({ functions: z.array(z.object({ mfa: z.string(), node_id: z.string().nullable(), cyclomatic_complexity: z.int(), source_file: z.string().nullable(), line: z.int().nullable(), figures: runtimeFigures.nullable() })), total: z.int(), ...basis.shape })
const correlated = z.object({ event_id: z.string().nullable(), node_id: z.string().nullable(), evidence, confidence: z.number().nullable().describe('how often evidence of this kind was right where the truth was known; null without evidence'), n: z.int().describe('of that many cases'), candidates: z.array(z.string()), version: z.int().nullable().describe('of the file that the code runs in') })
const storedPlan = z.object({ name: z.string(), plan: capturePlan, active_on: z.array(z.string()), stored_at: z.string() })

export const EVENT_METHODS = {
  query_events: events('Events by any combination of what they are about, in order of time.', {
    ...eventFilter, ...page, order: z.enum(['asc', 'desc']).default('asc'), explain: z.boolean().default(false).describe('also how they were found'),
  }, z.object({ events: z.array(eventRecord), cursor: z.string().nullable(), completeness, plan: z.unknown() })),
  get_event_by_id: events('One event.', { event_id: eventId }, eventRecord),
  count_events: events('How many events there are, by what is asked for.', { ...eventFilter, by: z.enum(['type', 'function', 'pid', 'node_id', 'node']).default('type'), limit: page.limit },
    z.object({ groups: z.array(z.object({ key: z.string(), count: z.int() })), total: z.int(), completeness })),
  correlate_event: events('Where in the code an event happened, and how that is known.', { event_id: eventId }, correlated),
  get_correlated_events: events('The events of a place in the code, in order of time, whatever its id was in the version that ran.',
    { node_id: nodeId, ...window, ...page, order: z.enum(['asc', 'desc']).default('asc') }, z.object({ events: z.array(eventRecord), cursor: z.string().nullable(), completeness })),
  get_correlations: events('The places in the code that one execution, or one event, is tied to.', { correlation_id: z.string().min(1).max(1024).describe('or an event id'), ...page },
    z.object({ correlations: z.array(z.object({ correlation_id: z.string().nullable(), node_id: z.string(), event_id: z.string(), event_type: eventType, timestamp_ns: z.union([z.int(), z.bigint()]), sequence_number: z.int(), evidence })), cursor: z.string().nullable() })),
  get_runtime_insights: events('What a function, module or node did when it ran.', { of: z.string().min(1).max(8192).describe('MFA, module or node id'), ...window }, runtimeInsights),
  get_hotspots: events('Functions by the time spent in them.', { ...ranked, by: z.enum(['own', 'duration', 'calls', 'p95', 'exceptions']).default('own') },
    z.object({ functions: z.array(hotFunction), total: z.int(), ...basis.shape })),
  find_never_executed: events('Functions of the project that no event tells of, though their module was traced.', ranked, listOfFunctions),
  find_untested: events('Functions that were executed, but by no test.', ranked, listOfFunctions),
  find_unseen_callers: events('Calls in the code that were never seen, though their callee was.', { ...ranked, mfa: mfa.optional() },
    z.object({ calls: z.array(z.object({ caller: z.string(), callee: z.string(), node_id: z.string(), line: z.int() })), total: z.int(), undecided: z.int().describe('calls that may have been seen: some of their callee\'s calls have no known place'), ...basis.shape })),
  find_complex_and_hot: events('Functions that are both complex and hot, by cyclomatic complexity times share of own time.', { ...ranked, min_complexity: z.int().min(1).default(5) }, listOfFunctions),
  get_observed_calls: events('The calls of a function as written, each with how often it was seen.', { mfa, ...window },
    z.object({ calls: z.array(z.object({ callee: z.string(), node_id: z.string().nullable(), line: z.int().nullable(), observed: z.int(), written: z.boolean().describe('false: seen, but not written there') })), ...basis.shape })),
  get_call_tree: events('What a process called, as a tree.', { pid: z.string().min(1).max(255), node: name.optional(), node_start: time.optional().describe('when the node of the process had started: several starts may have had the pid; without it, the latest'), ...window, max_depth: z.int().min(1).max(1000).default(50), max_calls: z.int().min(1).max(100_000).default(2000) },
    z.object({ node: z.string(), node_start_ns: ns, others: z.array(z.object({ node: z.string(), node_start_ns: ns, events: z.int() })).describe('that had the same pid in the window, at other starts'), roots: z.array(callTreeNode), calls: z.int(), left_out: z.int(), inferred: z.int().describe('returns whose call was not seen'), cut_at_ns: z.union([z.int(), z.bigint()]).nullable().describe('from here on nothing was looked at: there are too many events'), completeness })),
  get_message_flow: events('Who sent to whom, and how long it waited.', { ...window, node: name.optional(), pid: z.string().max(255).optional(), correlation_id: z.string().max(1024).optional(), limit: page.limit },
    z.object({
      messages: z.array(z.object({ send: z.string().describe('event id'), receive: z.string(), from: z.string(), to: z.string(), at_ns: z.union([z.int(), z.bigint()]).describe('when it was sent'), waited_ns: z.number(), node_id: z.string().nullable().describe('where it was sent'), paired_by: z.enum(['correlation', 'order']) })),
      lone: z.object({ sends: z.int(), receives: z.int() }).describe('without the other half'), cut_at_ns: z.union([z.int(), z.bigint()]).nullable().describe('from here on nothing was looked at'), completeness,
    })),
  get_causal_chain: events('What led to an event: its caller, the message it was answered to, its sender, and so on.', { event_id: eventId, limit: z.int().min(1).max(1000).default(100) },
    z.object({ chain: z.array(z.object({ event: eventRecord, because: z.enum(['asked', 'called_by', 'received', 'started', 'sent_by', 'spawned_by']) })), complete: z.boolean().describe('false where a sender or parent was not found, or the limit was reached') })),
  get_instrumentation_points: events('Where a module, function or node can be traced, with what is traced there and how often it was met.', { of: z.string().min(1).max(8192).describe('module, MFA or node id'), ...page },
    z.object({ points: z.array(instrumentationPoint), cursor: z.string().nullable(), ...basis.shape })),
  analyze_complexity: events('How complex a module or function is, as written and as it ran.', { of: z.string().min(1).max(1400).describe('module or MFA') },
    z.object({ of: z.string(), functions: z.array(z.object({ mfa: z.string(), cyclomatic_complexity: z.int(), lines_of_code: z.int(), clauses: z.int(), figures: runtimeFigures.nullable() })), cyclomatic_total: z.int(), cyclomatic_max: z.int(), lines_of_code: z.int(), ...basis.shape })),

  store_event: captureOnce('Store one event; it is on disk when this is answered.', { event: clientEvent, source }, z.object({ event_id: z.string() })),
  store_events: captureOnce('Store events, each or not at all; what is refused is named.', { events: z.array(clientEvent).min(1).max(10_000), source },
    z.object({ stored: z.int(), event_ids: z.array(z.string()), refused: z.array(z.object({ index: z.int(), why: z.string() })) })),
  store_correlation: captureOnce('State that an event belongs to a place in the code.', { event_id: eventId, node_id: nodeId, source }, z.object({ event_id: z.string() })),
  get_event_stats: capture('How many events are kept, where, and what the indexes hold.', {}, eventStatistics),
  update_runtime_insights: capture('Keep insights that were come by elsewhere, under the name of their source; they replace what that source said before.',
    { of: z.string().min(1).max(8192).describe('MFA, module or node id'), source: z.string().min(1).max(200), insights: z.record(z.string(), z.unknown()) }, z.object({ ok: z.literal(true) })),
  update_function_runtime_data: capture('The same for one function.', { mfa, source: z.string().min(1).max(200), data: z.record(z.string(), z.unknown()) }, z.object({ ok: z.literal(true) })),
  cleanup_old_events: capture('Delete old events, whole files at a time. By age nothing younger goes, and some that is older may stay; by count and bytes up to a file more goes than asked.',
    { older_than_ms: z.int().min(0).optional(), before: time.optional(), max_events: z.int().min(0).optional(), max_bytes: z.int().min(0).optional() }, removal),
  clear_events: capture('Delete all events.', {}, removal),
  freeze_events: capture('Move files of events that nobody used for so long to the archive directory, where no query reads them.', { unused_ms: z.int().min(0) }, z.object({ moved_files: z.int() })),
  thaw_events: capture('Bring events back from the archive directory.', {}, z.object({ events: z.int() })),
  store_instrumentation_plan: capture('Keep a plan of what to trace, under a name.', { name, plan: capturePlan }, z.object({ name: z.string(), stored_at: z.string() })),
  get_instrumentation_plan: capture('A plan by its name, or the one that a node follows.', { name: name.optional(), node: name.optional() }, storedPlan),
  list_instrumentation_plans: capture('All plans.', {}, z.object({ plans: z.array(storedPlan) })),
  delete_instrumentation_plan: capture('Forget a plan; a node that follows it goes on without.', { name }, z.object({ ok: z.literal(true) })),
  activate_instrumentation_plan: capture('Have a node trace what a plan says, now and whenever it connects; without a name, nothing.', { name: name.nullable(), node: name.nullable().default(null).describe('null: every node') }, z.object({ nodes: z.array(z.string()), planned: z.unknown() })),
  set_instrumentation_point: capture('Switch, sample or tag one point of a plan.', { name, point_id: name, enabled: z.boolean().optional(), sampling: z.number().min(0).max(1).optional(), tags: capturePoint.shape.tags.max(100).optional() }, z.object({ point: capturePoint })),
  list_nodes: capture('The nodes that are or were connected.', {}, z.object({ nodes: z.array(nodeRecord), listening: z.array(z.string()) })),
  ask_node: capture('Ask a connected node: its supervision tree, its processes, how its agent does.', { node: name.optional().describe('may be left out where only one is connected'), what: z.enum(['supervision', 'processes', 'stats']) }, z.object({ node: z.string(), answer: z.unknown() })),
  stop_capture: capture('Have a node\'s agent stop tracing, clean up and disconnect.', { node: name }, z.object({ ok: z.literal(true) })),
} as const
