/** The drawing of docs/RECOVERY.md, made from the machine itself, so that it cannot disagree with what runs. */

import { circuitMachine, closedCircuit } from './circuit-machine.ts'
import type { CircuitTerms } from './circuit-machine.ts'

type Move = { readonly target?: string; readonly guard?: string }

/** Mermaid, one line per move in the order of the machine. */
export function drawCircuit(terms: CircuitTerms): string {
  const words: Readonly<Record<string, string>> = { isLastStraw: `, the ${terms.failures}th in a row`, hasRested: ` ${terms.recoveryMs / 1000} s or more after the last failure` }
  const moves = Object.entries(circuitMachine.config.states ?? {}).flatMap(([from, node]) =>
    Object.entries(node.on ?? {}).flatMap(([event, given]) =>
      movesOf(given).map(({ target, guard }) => `    ${from} --> ${target ?? from} : ${event}${guard === undefined ? '' : words[guard]}`)))
  const notes = ['closed : every call is let through', 'open : calls are refused with circuit_open', 'half_open : one call is under way, others are refused']
  return ['stateDiagram-v2', `    [*] --> ${closedCircuit(terms).value}`, ...moves, ...notes.map((note) => `    ${note}`)].join('\n')
}

/** The machine's own configuration types allow far more than it uses. */
function movesOf(given: unknown): readonly Move[] {
  return (Array.isArray(given) ? given : [given]) as readonly Move[]
}
