/**
 * A circuit breaker as a value: whoever guards an operation asks `admit` before each call and tells `settle` how it ended.
 *
 *   const [circuit, admission] = admit(state.circuit, nowMs)
 *   if ('refused' in admission) …                               // a Failure: unavailable, circuit_open
 *   const settled = settle(circuit, admission.pass, 'failure', nowMs)
 *
 * Five failures in a row open it; 30 s later one call is let through, and its end decides. What is a failure, the guard
 * says: `undecided` ends (busy, cancelled, the caller's own fault) count neither way. Calls that are under way together fail
 * together: a call counts as a failure only if none has been counted since it was admitted. A pass is good for one `settle`;
 * an end that comes after the circuit has changed is of the past and changes nothing. Every pass must be settled.
 */

import { failure } from '../base/failure.ts'
import type { Failure } from '../base/failure.ts'
import { circuitAfter, closedCircuit } from './circuit-machine.ts'
import type { CircuitSnapshot, CircuitState, CircuitTerms } from './circuit-machine.ts'

export type Circuit = { readonly name: string; readonly snapshot: CircuitSnapshot }
/** When it was admitted: the era of the circuit, and how many failures had been counted. */
export type Pass = { readonly era: number; readonly nIncidents: number }
export type Admission = { readonly pass: Pass } | { readonly refused: Failure }
export type Verdict = 'success' | 'failure' | 'undecided'

/** Times are of the clock that the guard reads. */
export type CircuitView = {
  readonly name: string
  readonly state: CircuitState
  /** In a row, as are successes. */
  readonly nFailures: number
  readonly nSuccesses: number
  readonly lastFailureMs: number | undefined
  /** From when on a trial is admitted, while it is open. */
  readonly retryAtMs: number | undefined
}

export const CIRCUIT_TERMS: CircuitTerms = { failures: 5, recoveryMs: 30_000 }

export function createCircuit(name: string, terms: CircuitTerms = CIRCUIT_TERMS): Circuit {
  return { name, snapshot: closedCircuit(terms) }
}

export function admit(circuit: Circuit, nowMs: number): readonly [Circuit, Admission] {
  const { value: before } = circuit.snapshot
  const snapshot = circuitAfter(circuit.snapshot, { type: 'asked', nowMs })
  const isAdmitted = before === 'closed' || (before === 'open' && snapshot.value === 'half_open')
  const next = { ...circuit, snapshot }
  const { era, nIncidents } = snapshot.context
  return [next, isAdmitted ? { pass: { era, nIncidents } } : { refused: circuitOpen(next, nowMs) }]
}

export function settle(circuit: Circuit, pass: Pass, verdict: Verdict, nowMs: number): Circuit {
  const { snapshot } = circuit
  const { era, nIncidents } = snapshot.context
  if (pass.era !== era || (verdict === 'failure' && pass.nIncidents !== nIncidents)) return circuit
  switch (verdict) {
    case 'success':
      return { ...circuit, snapshot: circuitAfter(snapshot, { type: 'succeeded' }) }
    case 'failure':
      return { ...circuit, snapshot: circuitAfter(snapshot, { type: 'failed', nowMs }) }
    case 'undecided':
      return { ...circuit, snapshot: circuitAfter(snapshot, { type: 'undecided' }) }
  }
}

export function viewOf({ name, snapshot: { value: state, context } }: Circuit): CircuitView {
  const { nFailures, nSuccesses, lastFailureMs, terms } = context
  return { name, state, nFailures, nSuccesses, lastFailureMs, retryAtMs: state === 'open' ? (lastFailureMs ?? 0) + terms.recoveryMs : undefined }
}

export function isCircuitOpen({ details }: Failure): boolean {
  return details?.['reason'] === 'circuit_open'
}

function circuitOpen(circuit: Circuit, nowMs: number): Failure {
  const { name, state, nFailures, retryAtMs = nowMs } = viewOf(circuit)
  const retryAfterMs = Math.max(0, Math.ceil(retryAtMs - nowMs))
  const why = state === 'half_open' ? 'whether it works again is being tried' : `it failed ${nFailures} times in a row`
  return failure('unavailable', `${name} is not tried now: ${why}`, {
    hint: state === 'half_open' ? 'try again in a moment' : `try again in ${Math.ceil(retryAfterMs / 1000)} s; the log says why it failed`,
    details: { reason: 'circuit_open', circuit: name, retry_after_ms: retryAfterMs },
  })
}
