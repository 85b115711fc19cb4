/**
 * The drawings of docs/WATCHING.md, made from the machine and its policies, so that they cannot disagree with what runs: a
 * Mermaid state diagram, and a table of what each phase does.
 */

import { phaseOf, WATCH_PHASES, WATCH_POLICIES, watchMachine, watchStart } from './watch-machine.ts'

const MEANING: Readonly<Record<string, string>> = {
  watched: 'all is watched and the cookie came back', impaired: 'a path cannot be read, or a cookie was lost',
  polled: 'the system cannot watch', root_gone: 'the root is gone',
}

/** Mermaid, one line per move in the order of the machine. */
export function drawWatchMachine(): string {
  const moves = Object.entries(watchMachine.config.states ?? {}).flatMap(([from, node]) =>
    Object.entries((node.on ?? {}) as Readonly<Record<string, string>>).map(([event, target]) => `    ${from} --> ${target} : ${MEANING[event] ?? event}`))
  return ['stateDiagram-v2', `    [*] --> ${phaseOf(watchStart())}`, ...moves].join('\n')
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
