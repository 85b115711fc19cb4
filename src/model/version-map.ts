/**
 * Version maps: where the nodes of one version of some source are in the next. A node id means a node only together with
 * a version, so that carrying one over needs such a map, also when the id reads the same in both.
 *
 * A root is a function (`A.f/1`), a clause with all below it (`A.f/1#1`), a module's body (`A#body`) or a head in it. A
 * root that the map does not name is the same on both sides, with all below it; of one that is named, a node is what its
 * own entry says, or else the nearest entry above it that covers a subtree. So the map is as large as the change.
 * Broken, new and maintained are a partition of the ids of both versions. Translating is one to one, and translating back
 * undoes it. Ids carry `@2` where the same files define a module again.
 *
 * Deliberately absent: how a map is found (src/analysis/versions), and which versions it lies between.
 */

import type { NodeId } from './node-id.ts'

export type VersionMapEntry = {
  /** Null for what is new. */
  readonly old: NodeId | null
  /** Null for what is broken. */
  readonly new: NodeId | null
  /** `subtree`: the same holds for every node below, at the same path from here. */
  readonly covers: 'node' | 'subtree'
}

export type VersionMap = readonly VersionMapEntry[]

/** A map made ready to ask. Ids that no version has are answered as if they were there. */
export type VersionTranslator = {
  /** The id in the new version; undefined when the node is broken. */
  readonly forward: (id: NodeId) => NodeId | undefined
  /** The id in the old version; undefined when the node is new. */
  readonly back: (id: NodeId) => NodeId | undefined
}

export function readVersionMap(map: VersionMap): VersionTranslator {
  const old = sideOf(map.map((entry) => ({ from: entry.old, to: entry.new, covers: entry.covers })))
  const now = sideOf(map.map((entry) => ({ from: entry.new, to: entry.old, covers: entry.covers })))
  return { forward: (id) => translate(old, id), back: (id) => translate(now, id) }
}

type Direction = { readonly from: NodeId | null; readonly to: NodeId | null; readonly covers: VersionMapEntry['covers'] }
type Side = { readonly entries: ReadonlyMap<NodeId, Direction>; readonly roots: ReadonlySet<NodeId> }

function sideOf(directions: readonly Direction[]): Side {
  const entries = new Map<NodeId, Direction>()
  for (const one of directions) if (one.from !== null) entries.set(one.from, one)
  return { entries, roots: new Set(Array.from(entries.keys(), rootOf)) }
}

function translate({ entries, roots }: Side, id: NodeId): NodeId | undefined {
  const exact = entries.get(id)
  if (exact !== undefined) return exact.to ?? undefined
  const root = rootOf(id)
  if (!roots.has(root)) return id
  for (let end = id.lastIndexOf('/'); end >= root.length; end = id.lastIndexOf('/', end - 1)) {
    const above = entries.get(id.slice(0, end))
    if (above?.covers === 'subtree') return above.to === null ? undefined : above.to + id.slice(end)
  }
  return undefined
}

/** The first step under a body that is the head of a function: `f%2F1`, `f%2F1:2`. */
const HEAD = /%2F\d+(?::\d+)?$/
/** A quoted name, in which `#` and `/` mean nothing. */
const QUOTED = /^[^"#]*"(?:[^"\\]|\\.)*"/s

/** The root that an id hangs on. */
export function rootOf(id: NodeId): NodeId {
  const hash = id.indexOf('#', QUOTED.exec(id)?.[0].length ?? 0)
  const end = hash < 0 ? -1 : id.indexOf('/', hash)
  if (end < 0) return id
  if (!id.startsWith('#body', hash)) return id.slice(0, end)
  const next = id.indexOf('/', end + 1)
  const step = next < 0 ? id : id.slice(0, next)
  return HEAD.test(step) ? step : id.slice(0, end)
}
