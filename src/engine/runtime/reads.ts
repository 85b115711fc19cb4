/** One handler per method about events. Each is a function of the blocks, a snapshot of the repository and validated arguments. */

import type { EventMethod } from '../../wire/methods.ts'
import { countEvents, getCorrelatedEvents, getEventById, queryEvents, type EventHandler } from './read-events.ts'

export const RUNTIME_READS: { readonly [M in EventMethod]?: EventHandler<M> } = {
  query_events: queryEvents,
  get_event_by_id: getEventById,
  count_events: countEvents,
  get_correlated_events: getCorrelatedEvents,
}
