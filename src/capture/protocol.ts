/** What the actors of capture are called, which of them answers which method, and the port they stand before. */

import type { CaptureMethod } from '../wire/methods.ts'

export const CAPTURE_ACTORS = {
  /** Stores, deletes, moves events; talks to nodes. */
  eventStore: 'ElixirScope.Capture.EventStore',
  /** What is stated about the runtime beside events. */
  enhanced: 'ElixirScope.AST.Repository.Enhanced',
  /** Plans of what to trace, and their points. */
  mapper: 'ElixirScope.AST.Parsing.InstrumentationMapper',
} as const

/** `CaptureOperation` -> what the method answers; `'tidy'` -> nothing. */
export const CAPTURE_PORT = 'capture'

/** Arguments are validated: `args` is `Args<typeof method>`. */
export type CaptureOperation = { readonly method: CaptureMethod; readonly args: unknown }
/** What the event store does by itself now and then: retention, sealing what is idle. */
export type CaptureBody = CaptureOperation | { readonly method: 'tidy' }

const ENHANCED: ReadonlySet<CaptureMethod> = new Set(['store_correlation', 'update_runtime_insights', 'update_function_runtime_data'])
const MAPPER: ReadonlySet<CaptureMethod> = new Set([
  'store_instrumentation_plan', 'get_instrumentation_plan', 'list_instrumentation_plans', 'delete_instrumentation_plan', 'activate_instrumentation_plan', 'set_instrumentation_point',
])

const READING: ReadonlySet<CaptureMethod> = new Set(['get_event_stats', 'get_instrumentation_plan', 'list_instrumentation_plans', 'list_nodes', 'ask_node', 'stop_capture'])

/** What a method changes: events, what is kept beside them, or nothing. */
export function changedBy(method: CaptureMethod): 'events' | 'kept' | undefined {
  if (READING.has(method)) return undefined
  return MAPPER.has(method) || method === 'update_runtime_insights' || method === 'update_function_runtime_data' ? 'kept' : 'events'
}

/** The actor that answers a method. */
export function actorFor(method: CaptureMethod): string {
  if (ENHANCED.has(method)) return CAPTURE_ACTORS.enhanced
  return MAPPER.has(method) ? CAPTURE_ACTORS.mapper : CAPTURE_ACTORS.eventStore
}
