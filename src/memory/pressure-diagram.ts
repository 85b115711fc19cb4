/**
 * The drawings of docs/MEMORY.md, made from the machine and the table of levels themselves, so that they cannot disagree
 * with what runs: a Mermaid state diagram, and a table of what holds at each level.
 */

import { initialTransition } from 'xstate'
import { LEVEL_POLICIES, PRESSURE_LEVELS } from './levels.ts'
import type { LevelPolicy, RaisedLevel, Thresholds } from './levels.ts'
import { levelIn, pressureMachine } from './pressure-machine.ts'

/** Mermaid, one line per move in the order of the machine. */
export function drawPressureMachine(thresholds: Thresholds): string {
  const { config } = pressureMachine
  const [initial] = initialTransition(pressureMachine, thresholds)
  const moves = Object.entries(config.states ?? {}).flatMap(([from, node]) =>
    movesOf(node.always).map(({ target, guard }) => `    ${from} --> ${target} : memory ${sentence(guard, thresholds)}`))
  const notes = PRESSURE_LEVELS.flatMap((level) => notesOf(LEVEL_POLICIES[level]).map((note) => `    ${level} : ${note}`))
  return ['stateDiagram-v2', `    [*] --> ${levelIn(initial)}`, ...moves, ...notes].join('\n')
}

/** Markdown. */
export function tableOfLevels(thresholds: Thresholds): string {
  const rows = PRESSURE_LEVELS.map((level) => {
    const { sampleEveryMs, cacheRatio, cleanup, cleanupEveryMs, clientWrites, syncUpdates, events } = LEVEL_POLICIES[level]
    const entered = level === 'normal' ? '' : `above ${percent(thresholds.above[level])}`
    const left = level === 'normal' ? '' : `below ${percent(thresholds.below[level])}`
    const cleaning = cleanup === undefined ? 'none' : `${cleanup}, again after ${cleanupEveryMs / 1000} s`
    return [level, entered, left, `${sampleEveryMs} ms`, percent(cacheRatio), cleaning, clientWrites, syncUpdates, events]
  })
  const head = ['level', 'entered', 'left', 'sampled every', 'caches', 'cleaning', 'client writes', 'updates from files', 'events']
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

type Move = { readonly target: string; readonly guard: { readonly type: string; readonly params: { readonly level: RaisedLevel } } }

/** The machine's own configuration types allow far more than it uses. */
function movesOf(always: unknown): readonly Move[] {
  return (Array.isArray(always) ? always : [always]) as readonly Move[]
}

function sentence({ type, params }: Move['guard'], thresholds: Thresholds): string {
  return type === 'above' ? `> ${percent(thresholds.above[params.level])}` : `< ${percent(thresholds.below[params.level])}`
}

function notesOf({ cacheRatio, cleanup, sampleEveryMs, clientWrites }: LevelPolicy): string[] {
  return [
    `caches ${percent(cacheRatio)}`,
    `cleaning ${cleanup ?? 'off'}`,
    `sampled every ${sampleEveryMs} ms`,
    ...(clientWrites === 'refused' ? ['client writes refused'] : []),
  ]
}

function percent(share: number): string {
  return `${Math.round(share * 1000) / 10} %`
}
