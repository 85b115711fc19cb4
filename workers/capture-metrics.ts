/** What the writer of events tells of its pairing and of the room in its blocks, as metrics. */

import type { WriterStats } from '../src/event/writer-state.ts'
import type { MetricRecorder } from '../src/host/metric-recorder.ts'

export function measureWriter(recorder: MetricRecorder, { openCalls, unpaired, givenUp, nodesLeftOut }: WriterStats): void {
  recorder.gauge('elixir_scope_open_calls', []).set(openCalls)
  recorder.counter('elixir_scope_events_unpaired_total', []).advanceTo(unpaired)
  recorder.counter('elixir_scope_calls_given_up_total', []).advanceTo(givenUp)
  recorder.counter('elixir_scope_event_places_left_out_total', []).advanceTo(nodesLeftOut)
}
