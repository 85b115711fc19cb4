/** The drawing of a thread's life in docs/SUPERVISION.md, made from the machine itself, so that it cannot disagree with what runs. */

import { startThreadLife, threadMachine } from './thread-life.ts'
import type { ThreadMode } from './thread-life.ts'

type Move = { readonly target?: string; readonly guard?: string }

const WORDS: Readonly<Record<string, string>> = { isLate: ', late', isHung: ', silent for too long' }

const NOTES: Readonly<Record<ThreadMode, string>> = {
  starting: 'loads, and opens what it needs',
  running: 'is asked for a sign of life at each heartbeat',
  stopping: 'ends by itself, as long as its supervisor lets it',
  dying: 'has been terminated',
  zombie: 'does not end: given up and heard no more',
  ended: 'its supervisor knows why',
}

/** Mermaid, one line per move in the order of the machine. */
export function drawThreadLife(): string {
  const nodes = Object.entries(threadMachine.config.states ?? {})
  const moves = nodes.flatMap(([from, node]) =>
    Object.entries(node.on ?? {}).flatMap(([event, given]) =>
      movesOf(given).map(({ target, guard = '' }) => `${from} --> ${target ?? from} : ${event}${WORDS[guard] ?? ''}`)))
  const lasts = nodes.filter(([, node]) => node.on === undefined).map(([name]) => `${name} --> [*]`)
  const [{ value: first }] = startThreadLife({ startTimeoutMs: 0, heartbeatMs: 0, silenceMs: 0, burialMs: 0 })
  const lines = [`[*] --> ${first}`, ...moves, ...lasts, ...Object.entries(NOTES).map(([mode, note]) => `${mode} : ${note}`)]
  return ['stateDiagram-v2', ...lines.map((line) => `    ${line}`)].join('\n')
}

/** The machine's own configuration types allow far more than it uses. */
function movesOf(given: unknown): readonly Move[] {
  return (Array.isArray(given) ? given : [given]).map((move: Move | string) => (typeof move === 'string' ? { target: move } : move))
}
