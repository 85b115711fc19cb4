/** One handler per method about events. Each is a function of the blocks, a snapshot of the repository and validated arguments. */

import type { EventMethod } from '../../wire/methods.ts'
import { correlateEvent, getCorrelatedEvents, getCorrelations } from './read-correlations.ts'
import { findComplexAndHot, findNeverExecuted, findUnseenCallers, findUntested, getObservedCalls } from './read-coverage.ts'
import { countEvents, getEventById, queryEvents, type EventHandler } from './read-events.ts'
import { getCallTree, getCausalChain, getMessageFlow } from './read-flow.ts'
import { analyzeComplexity, getHotspots, getRuntimeInsights } from './read-insights.ts'
import { getInstrumentationPoints } from './read-points.ts'

export const RUNTIME_READS: { readonly [M in EventMethod]: EventHandler<M> } = {
  query_events: queryEvents,
  get_event_by_id: getEventById,
  count_events: countEvents,
  correlate_event: correlateEvent,
  get_correlated_events: getCorrelatedEvents,
  get_correlations: getCorrelations,
  get_runtime_insights: getRuntimeInsights,
  get_hotspots: getHotspots,
  find_never_executed: findNeverExecuted,
  find_untested: findUntested,
  find_unseen_callers: findUnseenCallers,
  find_complex_and_hot: findComplexAndHot,
  get_observed_calls: getObservedCalls,
  get_call_tree: getCallTree,
  get_message_flow: getMessageFlow,
  get_causal_chain: getCausalChain,
  get_instrumentation_points: getInstrumentationPoints,
  analyze_complexity: analyzeComplexity,
}
