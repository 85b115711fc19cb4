/** The drawing of an agent's connection in docs/AGENT.md, made from the machine, so that it cannot disagree with what runs. */

import { drawMoves } from '../base/draw-moves.ts'
import { phaseOf, SESSION_PATIENCE, SESSION_PHASES, sessionMachine, sessionStart, type SessionEvent } from './session-machine.ts'

const MEANING: Readonly<Record<SessionEvent['type'], string>> = {
  hello: 'it says who it is, and is let in', stop: 'it is asked to stop', bye: 'its last word', refused: 'it is refused', silent: 'nothing is heard for too long', closed: 'the connection is lost',
}

export function drawSessionMachine(): string {
  const waits = SESSION_PHASES.flatMap((phase) => {
    const { silenceMs, pings } = SESSION_PATIENCE[phase]
    return silenceMs === Infinity ? [] : [`    ${phase} : waits ${silenceMs / 1000} s for a word${pings === 'pings' ? ', and asks for one' : ''}`]
  })
  return [drawMoves(sessionMachine.config.states, phaseOf(sessionStart()), MEANING), ...waits].join('\n')
}
