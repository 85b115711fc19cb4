/**
 * The drawings of docs/WATCHING.md, made from the machine and its policies, so that they cannot disagree with what runs: a
 * Mermaid state diagram, and a table of what each phase does.
 */

import { drawMoves } from '../../base/draw-moves.ts'
import { phaseOf, WATCH_PHASES, WATCH_POLICIES, watchMachine, watchStart, type WatchEvent } from './watch-machine.ts'

const MEANING: Readonly<Record<WatchEvent['type'], string>> = {
  watched: 'all is watched and the cookie came back', impaired: 'a path cannot be read, or a cookie was lost',
  polled: 'the system cannot watch', root_gone: 'the root is gone',
}

export function drawWatchMachine(): string {
  return drawMoves(watchMachine.config.states, phaseOf(watchStart()), MEANING)
}

/** Markdown. */
export function tableOfPhases(): string {
  const rows = WATCH_PHASES.map((phase) => {
    const { beat, beatMs, rescanEveryMs } = WATCH_POLICIES[phase]
    return [phase, `${beat}, every ${beatMs / 1000} s`, rescanEveryMs === Infinity ? 'as soon as it can be' : `every ${rescanEveryMs / 60_000} min`]
  })
  const head = ['phase', 'by itself', 'watched anew and compared with the disk']
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}
