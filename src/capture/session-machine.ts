/**
 * The life of one agent's connection, as a machine. The drawing in docs/AGENT.md is made from it.
 *
 * Deliberately absent: batches and acknowledgements, which change nothing here and are many (`session.ts`), and time.
 */

import { createMachine, initialTransition, transition } from 'xstate'
import type { SnapshotFrom } from 'xstate'

/**
 *   hello    the agent said who it is, and was welcomed
 *   stop     somebody asked that the capture end
 *   bye      the agent has said its last word
 *   refused  what it sent was not to be trusted, or it is not let in
 *   silent   nothing was heard for as long as the phase allows
 *   closed   the socket is closed
 */
export type SessionEvent = { readonly type: 'hello' | 'stop' | 'bye' | 'refused' | 'silent' | 'closed' }

export const sessionMachine = createMachine({
  types: {} as { events: SessionEvent },
  id: 'agent_session',
  initial: 'greeting',
  states: {
    greeting: { on: { hello: 'streaming', refused: 'ended', silent: 'ended', closed: 'ended' } },
    streaming: { on: { stop: 'stopping', bye: 'ended', refused: 'ended', silent: 'ended', closed: 'ended' } },
    stopping: { on: { bye: 'ended', refused: 'ended', silent: 'ended', closed: 'ended' } },
    ended: {},
  },
})

export type SessionState = SnapshotFrom<typeof sessionMachine>
export const SESSION_PHASES = ['greeting', 'streaming', 'stopping', 'ended'] as const
export type SessionPhase = (typeof SESSION_PHASES)[number]

/** How long a phase waits for a word, and whether it asks for one (every third of the time). */
export const SESSION_PATIENCE: Readonly<Record<SessionPhase, { readonly silenceMs: number; readonly pings: 'pings' | 'only waits' }>> = {
  greeting: { silenceMs: 5000, pings: 'only waits' },
  streaming: { silenceMs: 15_000, pings: 'pings' },
  stopping: { silenceMs: 5000, pings: 'only waits' },
  ended: { silenceMs: Infinity, pings: 'only waits' },
}

export function sessionStart(): SessionState {
  return initialTransition(sessionMachine)[0]
}

export function sessionAfter(state: SessionState, type: SessionEvent['type']): SessionState {
  return transition(sessionMachine, state, { type })[0]
}

export function phaseOf(state: SessionState): SessionPhase {
  return state.value as SessionPhase
}
