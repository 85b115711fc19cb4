/** What answers about the runtime hold: events, insights, points and plans, nodes. Times are ns since 1970 on the node's clock. */

import { z } from 'zod'
import { EVENT_TYPES, EVIDENCE, type EventType, type Evidence } from '../model/event.ts'

export const eventType = z.enum(Object.keys(EVENT_TYPES) as [EventType, ...EventType[]])
export const evidence = z.enum(Object.keys(EVIDENCE) as [Evidence, ...Evidence[]])
export const ns = z.union([z.int(), z.bigint()])
/** ns since 1970, or a moment in ISO 8601. */
export const time = z.union([ns, z.iso.datetime({ offset: true })])

const functionName = { module: z.string(), function: z.string(), arity: z.int() }

export const eventRecord = z.object({
  event_id: z.string().describe('node:block:sequence'),
  event_type: eventType,
  timestamp_ns: ns,
  node: z.string().describe('the BEAM node, or the client that stored it'),
  node_start_ns: ns.describe('a pid of an earlier start is another process'),
  pid: z.string(),
  peer: z.string().nullable().describe('receiver, sender, spawned process or parent'),
  mfa: z.string().nullable(),
  caller: z.object({ mfa: z.string(), file: z.string(), line: z.int() }).nullable(),
  correlation_id: z.string().nullable().describe('one execution or trace'),
  node_id: z.string().nullable().describe('the place in the code'),
  evidence: evidence.describe('how the place is known'),
  duration_ns: z.number().nullable().describe('of a return or exception: since the call'),
  own_ns: z.number().nullable().describe('the same without the traced calls within'),
  payload: z.unknown().describe('arguments, result, message; terms of Elixir as docs/RPC.md says'),
})
export type EventWire = z.output<typeof eventRecord>

/** Where events are missing, as far as that is known. */
export const completeness = z.object({
  complete: z.boolean().describe('no gap is known that touches the window, and nothing in it was lost'),
  gaps: z.int().describe('that nodes told of'), dropped: z.int().describe('events that the gaps tell of'),
  lost: z.array(z.object({ since_ns: ns.nullable(), until_ns: ns.nullable(), events: z.int().nullable(), why: z.string() })).describe('what was stored and is no more, e.g. by damage; null: not known. The latest 20'),
  since_ns: ns.nullable().describe('the first event of the window'), until_ns: ns.nullable(),
  events: z.int(),
})

const quantiles = z.object({ p50: z.number(), p95: z.number(), p99: z.number(), max: z.number(), sum: z.number(), outer: z.number().describe('the sum without calls within another of their function'), n: z.int() })

export const runtimeFigures = z.object({
  calls: z.int(), returns: z.int(), exceptions: z.int(),
  duration_ns: quantiles.nullable(), own_ns: z.number().nullable(),
})

/** What figures rest on. */
export const basis = z.object({
  window: z.object({ since_ns: ns.nullable(), until_ns: ns.nullable() }).describe('as asked, else from the first to the last event'),
  n: z.int().describe('calls that the answer rests on'),
  method: z.string().describe('how the figures were come by'),
  completeness,
})

export const runtimeInsights = z.object({
  of: z.string(), kind: z.enum(['function', 'module', 'node']), ...basis.shape, figures: runtimeFigures, last_executed_ns: ns.nullable(),
  callers: z.array(z.object({ mfa: z.string(), calls: z.int(), node_id: z.string().nullable() })),
  callees: z.array(z.object({ mfa: z.string(), calls: z.int(), node_id: z.string().nullable() })),
  errors: z.array(z.object({ class: z.string(), value: z.string(), count: z.int() })).describe('of the latest 1000 exceptions; `value` as Elixir heads it: `** (RuntimeError) oops`'),
  stated: z.array(z.object({ source: z.string(), at: z.string(), insights: z.record(z.string(), z.unknown()) })).describe('what clients stated, under their own names'),
})

export const hotFunction = z.object({ ...functionName, mfa: z.string(), figures: runtimeFigures, node_id: z.string().nullable(), cyclomatic_complexity: z.int().nullable() })

export const callTreeNode = z.object({
  event_id: z.string().nullable().describe('of the call; of its end where the call was not seen'), mfa: z.string(), node_id: z.string().nullable(),
  start_ns: ns.nullable(), duration_ns: z.number().nullable(), own_ns: z.number().nullable(), outcome: z.enum(['returned', 'raised', 'open', 'unknown']),
  get children() {
    return z.array(callTreeNode)
  },
  left_out: z.int().describe('calls below that the limits left out'),
})

export const capturePoint = z.object({
  id: z.string(), module: z.string(), function: z.string().nullable(), arity: z.int().min(0).max(255).nullable(),
  capture: z.array(z.enum(['args', 'result', 'exceptions', 'caller', 'return'])),
  sampling: z.number().min(0).max(1), enabled: z.boolean(), priority: z.enum(['low', 'medium', 'high', 'critical']), tags: z.array(z.string()),
  condition: z.object({ arg: z.int().min(0).max(254), op: z.enum(['==', '>', '<', 'is']), value: z.union([z.string(), z.number(), z.boolean(), z.null()]) }).nullable(),
})

export const instrumentationPoint = z.object({
  point_id: z.string(), node_id: z.string(), source_location: z.object({ file: z.string(), line: z.int(), column: z.int() }),
  plan: z.object({ name: z.string(), point_id: z.string() }).nullable().describe('the plan and its point that trace it: a kept one, as set_instrumentation_point takes them, or one that `run` or `attach` brought'),
  instrumentation_type: z.enum(['function_entry', 'function_exit', 'call', 'expression', 'variable']),
  capture_config: z.object({ args: z.boolean(), result: z.boolean(), exceptions: z.boolean(), caller: z.boolean() }),
  sampling_rate: z.number(), conditions: z.array(z.unknown()), custom_logic: z.null(),
  correlation_strategy: z.enum(['correlation_id', 'line_based', 'pattern_based']), correlation_metadata: z.object({ evidence }), runtime_mapping: z.array(z.string()).describe('the latest events'),
  overhead_estimate_ns: z.number().describe('per execution, on the node: as measured once on OTP 25, without copies of arguments and results'), execution_frequency: z.number().nullable().describe('per second, as observed'),
  impact_assessment: z.enum(['low', 'medium', 'high']), enabled: z.boolean(), priority: z.enum(['low', 'medium', 'high', 'critical']), tags: z.array(z.string()), description: z.string(),
  created_at: z.string().nullable(), last_triggered_ns: ns.nullable(), trigger_count: z.int(), average_duration_ns: z.number().nullable(),
})

const limits = z.strictObject({
  duration_ms: z.int().min(0).optional(), events: z.int().min(0).optional(), bytes: z.int().min(0).optional(),
  rate_per_s: z.int().min(1).optional(), rate_per_function_s: z.int().min(1).optional(), depth: z.int().min(0).max(64).optional(), size_bytes: z.int().min(0).max(1 << 20).optional(),
})

/** What to trace, as docs/AGENT.md says; what is left out has its default. */
export const capturePlan = z.strictObject({
  points: z.array(capturePoint.partial().required({ module: true }).strict()).max(10_000).default([]),
  scope: z.array(z.string().min(1).max(1024)).max(1000).default([]).describe('modules that a point for `*` stands for, by prefix; none: the project\'s own'),
  processes: z.union([z.enum(['all', 'new']), z.array(z.string().max(255)).max(10_000)]).default('all'),
  messages: z.boolean().default(false), lifecycle: z.boolean().default(true), scheduling: z.boolean().default(false), gc: z.boolean().default(false),
  limits: limits.default({}), redact: z.array(z.string().max(255)).max(1000).default([]).describe('more keys whose values are never sent'),
})

export const nodeRecord = z.object({
  node: z.string(), node_start_ns: ns, otp: z.string(), elixir: z.string().nullable(), agent: z.string(), app: z.string().nullable(), os_pid: z.string(), cwd: z.string(),
  connected: z.boolean(), trace: z.enum(['sessions', 'legacy']), plan: z.string().nullable(), planned: z.unknown(),
  batches: z.int(), events: z.int(), gaps: z.int(), modules: z.int(),
})

export const eventStatistics = z.object({
  total_events: z.int(), oldest_ns: ns.nullable(), newest_ns: ns.nullable(), blocks: z.int(), resident_blocks: z.int(), files: z.int(), cold_files: z.int(), frozen_files: z.int(),
  bytes_on_disk: z.int(), bytes_frozen: z.int(), index_entries: z.record(z.string(), z.int()), events_by_type: z.record(z.string(), z.int()),
  set_aside: z.array(z.object({ path: z.string(), why: z.string() })).describe('damage that was found when the events were opened'),
  commits: z.int(), waiting_blocks: z.int().describe('sealed, and waiting for room on the disk'), last_problem: z.string().nullable(),
})
