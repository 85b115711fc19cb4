/**
 * The machine of a circuit breaker: closed, open, half_open, driven by who asks and by how calls end. The drawing of it in
 * docs/RECOVERY.md is made from this machine.
 *
 * Invariant: half_open means that exactly one call, the trial, is under way; each change of state begins a new era, and only
 * ends of calls of the present era are told to the machine (`circuit-breaker.ts` sees to both). Absent on purpose: a clock;
 * whoever asks says what time it is.
 */

import { assign, initialTransition, setup, transition } from 'xstate'
import type { SnapshotFrom } from 'xstate'

export type CircuitTerms = {
  /** Failures in a row that open it. */
  readonly failures: number
  /** How long it stays open before a trial is admitted. */
  readonly recoveryMs: number
}

/** Counts in a row: a success ends a row of failures, and the other way round. */
type Context = {
  readonly terms: CircuitTerms
  readonly nFailures: number
  readonly nSuccesses: number
  readonly lastFailureMs: number | undefined
  /** Failures counted so far, whatever came between. */
  readonly nIncidents: number
  readonly era: number
}

export type CircuitEvent =
  | { readonly type: 'asked'; readonly nowMs: number }
  | { readonly type: 'succeeded' }
  | { readonly type: 'failed'; readonly nowMs: number }
  /** The call ended in a way that says nothing about what is protected. */
  | { readonly type: 'undecided' }

export const circuitMachine = setup({
  types: { context: {} as Context, events: {} as CircuitEvent, input: {} as CircuitTerms },
  guards: {
    isLastStraw: ({ context }) => context.nFailures + 1 >= context.terms.failures,
    hasRested: ({ context, event }) => event.type === 'asked' && event.nowMs - (context.lastFailureMs ?? -Infinity) >= context.terms.recoveryMs,
  },
  actions: {
    countFailure: assign(({ context, event }) =>
      event.type === 'failed' ? { nFailures: context.nFailures + 1, nSuccesses: 0, lastFailureMs: event.nowMs, nIncidents: context.nIncidents + 1 } : {}),
    countSuccess: assign(({ context }) => ({ nFailures: 0, nSuccesses: context.nSuccesses + 1 })),
    beginEra: assign(({ context }) => ({ era: context.era + 1 })),
  },
}).createMachine({
  id: 'circuit',
  initial: 'closed',
  context: ({ input }) => ({ terms: input, nFailures: 0, nSuccesses: 0, lastFailureMs: undefined, nIncidents: 0, era: 0 }),
  states: {
    closed: {
      on: {
        failed: [{ target: 'open', guard: 'isLastStraw', actions: 'countFailure' }, { actions: 'countFailure' }],
        succeeded: { actions: 'countSuccess' },
      },
      exit: 'beginEra',
    },
    open: {
      on: { asked: { target: 'half_open', guard: 'hasRested' } },
      exit: 'beginEra',
    },
    half_open: {
      on: {
        succeeded: { target: 'closed', actions: 'countSuccess' },
        failed: { target: 'open', actions: 'countFailure' },
        undecided: { target: 'open' },
      },
      exit: 'beginEra',
    },
  },
})

export type CircuitSnapshot = SnapshotFrom<typeof circuitMachine>
export type CircuitState = CircuitSnapshot['value']

export function closedCircuit(terms: CircuitTerms): CircuitSnapshot {
  const [initial] = initialTransition(circuitMachine, terms)
  return initial
}

export function circuitAfter(snapshot: CircuitSnapshot, event: CircuitEvent): CircuitSnapshot {
  const [next] = transition(circuitMachine, snapshot, event)
  return next
}
