/** What is drawn in docs/SUPERVISION.md, from `placement.ts` and the machine of a thread's life; a test keeps the file equal to it. */

import { drawThreadLife } from '../src/otp/thread-diagram.ts'
import { DEPENDENCIES, INTENSITIES, LATER, placesOf, TREE, type Place } from './placement.ts'

/** By the name of the place in the file. */
export function supervisionTables(): Readonly<Record<string, string>> {
  return {
    tree: ['```', ...treeLines(TREE, '', ''), '```'].join('\n'), nodes: nodesTable(), thread: ['```mermaid', drawThreadLife(), '```'].join('\n'),
    intensities: intensitiesTable(), dependencies: dependenciesTable(), later: laterTable(),
  }
}

function treeLines(place: Place, lead: string, indent: string): string[] {
  const children = place.kind === 'supervisor' ? place.children : []
  return [`${lead}${place.name} (${kindOf(place)})`, ...children.flatMap((child, at) => {
    const isLast = at === children.length - 1
    return treeLines(child, `${indent}${isLast ? '└── ' : '├── '}`, `${indent}${isLast ? '    ' : '│   '}`)
  })]
}

function kindOf(place: Place): string {
  return place.kind === 'supervisor' ? place.strategy : `${place.kind}, ${place.restart}`
}

function nodesTable(): string {
  const rows = placesOf(TREE).map((place) => place.kind === 'supervisor'
    ? [place.name, 'supervisor', 'main', 'permanent', 'infinity', `${place.strategy}, ${place.intensity}`]
    : [place.name, place.kind, place.thread, place.restart, typeof place.shutdown === 'number' ? `${place.shutdown} ms` : place.shutdown, place.does])
  return table(['node', 'kind', 'thread', 'restart', 'shutdown', 'strategy and intensity, or what it does'], rows)
}

function intensitiesTable(): string {
  return table(['class', 'restarts', 'within'], Object.entries(INTENSITIES).map(([name, { intensity, period }]) => [name, String(intensity), `${period} s`]))
}

function dependenciesTable(): string {
  return table(['node', 'needs'], Object.entries(DEPENDENCIES).map(([name, needed]) => [name, needed.join(', ')]))
}

function laterTable(): string {
  return table(['node', 'comes with'], Object.entries(LATER).map(([name, part]) => [name, part]))
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}
