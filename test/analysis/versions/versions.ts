/** Two versions of a source, matched; and the laws that hold for every map. */

import { indexNodes, labelOf, nodeIdOf, type NodeIndex } from '../../../src/analysis/node-ids.ts'
import { matchVersions, partition, type Partition } from '../../../src/analysis/versions/match-versions.ts'
import { readVersionMap, type VersionMap } from '../../../src/model/version-map.ts'
import { parse } from '../../../src/syntax/parse.ts'

export const indexOf = (source: string): NodeIndex => indexNodes(parse(new TextEncoder().encode(source)))

export type Versions = { readonly olds: readonly NodeIndex[]; readonly nows: readonly NodeIndex[]; readonly map: VersionMap; readonly parts: Partition }

export function versions(olds: readonly string[], nows: readonly string[], steps?: number): Versions {
  const sides = { olds: olds.map(indexOf), nows: nows.map(indexOf) }
  const map = matchVersions(sides.olds, sides.nows, steps)
  return { ...sides, map, parts: partition(sides.olds, sides.nows, map) }
}

/** The ids of all nodes, found node by node; for files that define no module twice. */
export function idsByNode(index: NodeIndex): Set<string> {
  const ids = new Set<string>()
  for (let node = 0; node < index.tree.length; node++) {
    const id = labelOf(index, node) === null ? undefined : nodeIdOf(index, node)
    if (id !== undefined) ids.add(id)
  }
  return ids
}

/** Throws where broken, new and maintained are no partition, or translating is not one to one. */
export function checkLaws({ olds, nows, map, parts }: Versions, oldIds: readonly string[], nowIds: readonly string[]): void {
  const { forward, back } = readVersionMap(map)
  expectSame('old ids', [...parts.broken, ...parts.maintained.map(([old]) => old)], oldIds)
  expectSame('new ids', [...parts.new, ...parts.maintained.map(([, now]) => now)], nowIds)
  for (const [old, now] of parts.maintained) if (back(now) !== old) throw new Error(`${old} is ${now}, which was ${back(now) ?? 'new'}`)
  for (const id of parts.new) if (back(id) !== undefined) throw new Error(`${id} is new and old`)
  for (const id of parts.broken) if (forward(id) !== undefined) throw new Error(`${id} is broken and maintained`)
  const again = partition(nows, olds, map.map((entry) => ({ ...entry, old: entry.new, new: entry.old })))
  expectSame('pairs of the inverse', again.maintained.map(([now, old]) => `${old} ${now}`), parts.maintained.map(([old, now]) => `${old} ${now}`))
}

/** The same strings, each once. */
function expectSame(what: string, found: readonly string[], wanted: readonly string[]): void {
  const left = new Set(wanted)
  for (const one of found) if (!left.delete(one)) throw new Error(`${what}: ${one} is there twice, or should not be`)
  if (left.size > 0) throw new Error(`${what}: ${[...left].slice(0, 3).join(', ')} missing`)
}
