/**
 * The circuits of the daemon as main knows them: actors report to the port, metrics count, health asks. A circuit is known
 * from its first report on, whatever becomes of the actor that keeps it.
 */

import { ok } from '../src/base/result.ts'
import { checkCircuit, type Check } from '../src/host/health.ts'
import type { MetricRecorder } from '../src/host/metric-recorder.ts'
import type { ActorPort } from '../src/otp/actor-system.ts'
import type { CircuitView } from '../src/otp/circuit-breaker.ts'
import type { CircuitReport } from '../src/project/parser.actor.ts'

export type Circuits = { readonly port: ActorPort; checks(nowMs: number): readonly Check[] }

const STATES: readonly CircuitView['state'][] = ['closed', 'half_open', 'open']

export function createCircuits(recorder: MetricRecorder): Circuits {
  const views = new Map<string, CircuitView>()
  return {
    port(operation, done) {
      const { view, event } = operation as CircuitReport
      views.set(view.name, view)
      recorder.gauge('elixir_scope_circuit_state', [view.name]).set(STATES.indexOf(view.state))
      if (event === 'changed') recorder.counter('elixir_scope_circuit_transitions_total', [view.name, view.state]).add()
      if (event === 'refused') recorder.counter('elixir_scope_circuit_refused_total', [view.name]).add()
      done(ok(null))
    },
    checks: (nowMs) => [...views.values()].map((view) => checkCircuit(view, nowMs)),
  }
}
