/** Events and answers about the runtime for the fake daemon: a cart that was filled, as the schema has them. */

import type { EventWire } from '../../src/wire/event-records.ts'
import type { Reply, Value } from '../../src/wire/methods.ts'
import type { WorldOptions } from './fake.ts'

/** 2026-11-21T08:01:00Z, the minute before the fake clock's now. */
export const T0 = 1_795_248_060_000_000_000n
export const NODE = 'shop@127.0.0.1'

export function event(sequence: number, more: Partial<EventWire> & Pick<EventWire, 'event_type'>): EventWire {
  return {
    event_id: `${NODE}:1:${sequence}`, timestamp_ns: T0 + BigInt(sequence) * 1000n, node: NODE, node_start_ns: T0 - 60_000_000_000n, pid: '0.113.0', peer: null, mfa: null, caller: null,
    correlation_id: null, node_id: null, evidence: 'none', duration_ns: null, own_ns: null, payload: null, ...more,
  }
}

export const CALL = event(1, {
  event_type: 'call', mfa: 'Shop.Cart.add/2', caller: { mfa: 'Shop.Order.place/1', file: 'lib/shop/order.ex', line: 9 }, node_id: 'Shop.Order.place/1#1/Cart.add', evidence: 'exact',
  payload: { args: [{ ':id': 7, ':items': [] }, { $tuple: [{ $atom: 'ok' }, 'tea'] }] },
})
export const RETURN = event(2, { event_type: 'return', mfa: 'Shop.Cart.add/2', duration_ns: 12_345, own_ns: 9000, payload: { result: { $atom: 'ok' } } })
export const RAISED = event(3, { event_type: 'exception', mfa: 'Shop.Cart.add/2', duration_ns: 2_000_000, payload: { class: { $atom: 'error' }, value: { $atom: 'badarg' } } })
export const SEND = event(4, { event_type: 'send', peer: '0.114.0', payload: { message: { $tuple: [{ $atom: 'add' }, 1] } } })
export const GAP = event(5, { event_type: 'gap', pid: '', payload: { gap: { reason: 'too many calls', dropped: { call: 120, return: 30, send: 0 } } } })
export const EVENTS = [CALL, RETURN, RAISED, SEND, GAP]

export const COMPLETE = { complete: true, gaps: 0, dropped: 0, lost: [], since_ns: T0, until_ns: T0 + 60_000_000_000n, events: 5 }
export const WITH_GAPS = { ...COMPLETE, complete: false, gaps: 1, dropped: 150, events: 850 }
const BASIS = { window: { since_ns: T0, until_ns: T0 + 60_000_000_000n }, n: 880, method: 'sums over whole blocks; quantiles within 0.8 %', completeness: COMPLETE }
const FIGURES = { calls: 880, returns: 870, exceptions: 6, duration_ns: { p50: 12_300, p95: 80_000, p99: 1_200_000, max: 2_000_000, sum: 46_000_000, outer: 45_000_000, n: 876 }, own_ns: 30_000_000 }

export const INSIGHTS: Value<'get_runtime_insights'> = {
  of: 'Shop.Cart.add/2', kind: 'function', ...BASIS, figures: FIGURES, last_executed_ns: T0 + 59_000_000_000n,
  callers: [{ mfa: 'Shop.Order.place/1', calls: 880, node_id: 'Shop.Order.place/1#1/Cart.add' }], callees: [{ mfa: 'Shop.Money.sum/1', calls: 880, node_id: null }],
  errors: [{ class: 'error', value: '** (ArgumentError) argument error', count: 6 }], stated: [],
}

const HOT: Value<'get_hotspots'>['functions'] = [
  { module: 'Shop.Cart', function: 'add', arity: 2, mfa: 'Shop.Cart.add/2', figures: FIGURES, node_id: 'Shop.Cart.add/2', cyclomatic_complexity: 12 },
  { module: 'Shop.Cart', function: '__struct__', arity: 0, mfa: 'Shop.Cart.__struct__/0', figures: { calls: 2, returns: 2, exceptions: 0, duration_ns: null, own_ns: null }, node_id: null, cyclomatic_complexity: null },
]

export const HOTSPOTS: Value<'get_hotspots'> = { functions: HOT, total: 2, ...BASIS }

export const CONNECTED: Reply<'list_nodes'>['nodes'][number] = {
  node: NODE, node_start_ns: T0, otp: '25', elixir: '1.14.0', agent: '0.1.0', app: 'shop', os_pid: '812', cwd: '/home/ann/shop', connected: true, trace: 'legacy', plan: null,
  planned: { plan: 'run', matched: [], refused: [{ point: 'x', module: 'Enum', function: null, reason: 'an application of Elixir is not traced as a whole' }] }, batches: 3, events: 1971, gaps: 2, modules: 38,
}

const written = (mfa: string) => ({ mfa, node_id: mfa, cyclomatic_complexity: 2, source_file: 'lib/shop/cart.ex', line: 70, figures: null })

export function answerOf(value: unknown): unknown {
  return { value, epoch: 7, as_of: '2026-11-21T08:00:00.000Z', complete: true, verified: true, stale: false }
}

/** Filters by type alone; the newest first where that is asked for. */
function queried({ event_type: types, order, limit = 100 }: Record<string, unknown>): unknown {
  const wanted = EVENTS.filter((one) => types === undefined || [types].flat().includes(one.event_type))
  const ordered = order === 'desc' ? wanted.toReversed() : wanted
  return answerOf({ events: ordered.slice(0, Number(limit)), cursor: ordered.length > Number(limit) ? 'c1' : null, completeness: WITH_GAPS, plan: null })
}

export const RUNTIME: NonNullable<WorldOptions['handlers']> = {
  query_events: queried,
  get_correlated_events: () => answerOf({ events: [CALL], cursor: null, completeness: COMPLETE }),
  get_event_by_id: () => answerOf(CALL),
  count_events: ({ by }) => answerOf({ groups: by === 'node' ? [{ key: NODE, count: 5 }] : by === 'pid' ? [{ key: '0.113.0', count: 4 }, { key: '', count: 1 }] : [{ key: 'call', count: 3 }, { key: 'gap', count: 2 }], total: 5, completeness: WITH_GAPS }),
  get_runtime_insights: () => answerOf(INSIGHTS),
  get_hotspots: () => answerOf(HOTSPOTS),
  find_never_executed: () => answerOf({ functions: [written('Shop.Cart.total/1')], total: 1, ...BASIS }),
  find_untested: () => answerOf({ functions: [written('Shop.Cart.add/2')], total: 1, ...BASIS }),
  get_call_tree: () => answerOf({
    node: NODE, node_start_ns: T0 - 60_000_000_000n, others: [],
    roots: [{
      event_id: CALL.event_id, mfa: 'Shop.Order.place/1', node_id: null, start_ns: T0, duration_ns: 40_000, own_ns: 20_000, outcome: 'returned', left_out: 3,
      children: [{ event_id: CALL.event_id, mfa: 'Shop.Cart.add/2', node_id: 'Shop.Cart.add/2#1/Money.sum', start_ns: T0, duration_ns: 12_345, own_ns: 12_345, outcome: 'raised', children: [], left_out: 0 }],
    }], calls: 2, left_out: 1, inferred: 1, cut_at_ns: null, completeness: COMPLETE,
  }),
  get_message_flow: () => answerOf({
    messages: [{ send: `${NODE}:1:4`, receive: `${NODE}:1:9`, from: '0.113.0', to: '0.114.0', at_ns: T0, waited_ns: 9810, node_id: null, paired_by: 'order' }], lone: { sends: 1, receives: 0 }, cut_at_ns: null, completeness: COMPLETE,
  }),
  get_causal_chain: () => answerOf({ chain: [{ event: RETURN, because: 'asked' }, { event: CALL, because: 'called_by' }], complete: true }),
  get_instrumentation_points: () => answerOf({ points: [{
    point_id: 'function_entry:Shop.Cart.add/2', node_id: 'Shop.Cart.add/2', source_location: { file: 'lib/shop/cart.ex', line: 12, column: 3 }, plan: { name: 'money', point_id: 'p1' }, instrumentation_type: 'function_entry',
    capture_config: { args: false, result: false, exceptions: true, caller: true }, sampling_rate: 1, conditions: [], custom_logic: null, correlation_strategy: 'correlation_id', correlation_metadata: { evidence: 'exact' }, runtime_mapping: [],
    overhead_estimate_ns: 1160, execution_frequency: 1, impact_assessment: 'low', enabled: true, priority: 'medium', tags: [], description: 'calls of Shop.Cart.add/2', created_at: null, last_triggered_ns: T0, trigger_count: 880, average_duration_ns: 51_000,
  }], cursor: null }),
  get_event_stats: () => ({ total_events: 5 }),
  list_nodes: () => ({ nodes: [CONNECTED, { ...CONNECTED, node: 'old@127.0.0.1', connected: false, planned: null, gaps: 0 }], listening: ['/run/user/1000/es/1a2b.agent'] }),
  list_instrumentation_plans: () => ({ plans: [] }),
  get_instrumentation_plan: ({ name }) => ({ name, ...PLAN }),
  store_instrumentation_plan: ({ name }) => ({ name, stored_at: '2026-11-21T08:00:00.000Z' }),
  activate_instrumentation_plan: () => ({ nodes: [NODE], planned: {} }),
  delete_instrumentation_plan: () => ({ ok: true }),
}

export const PLAN = {
  plan: {
    points: [{ module: 'Shop.Cart', function: 'add', arity: 2, capture: ['args' as const] }], scope: [], processes: 'all' as const, messages: true, lifecycle: true, scheduling: false, gc: false, limits: { rate_per_s: 1000 }, redact: [],
  }, active_on: ['*'], stored_at: '2026-11-21T08:00:00.000Z',
}
