/**
 * Where events of a node of today are found: under the ids that the node had in the kept versions of its file. An event
 * bears the id that its place had in the version that ran. An id that means this node in every version that has it is
 * asked for at any time. One that some version gives to another node is asked for where the event's place was named in a version that
 * means this one; where the block does not say in which (somebody gave the node, or it is from before that was kept), while such a version ruled.
 */

import { indexNodes, readFor, resolveNode, type NodeIndex } from '../../analysis/node-ids.ts'
import { matchVersions } from '../../analysis/versions/match-versions.ts'
import { runQuery, type Page } from '../../event/query/run.ts'
import { parseEventId, type EventFilter, type EventQuery } from '../../event/query/filter.ts'
import type { EventRecord } from '../../model/event.ts'
import { parseNodeId, type NodeId } from '../../model/node-id.ts'
import { readVersionMap } from '../../model/version-map.ts'
import { namesWithin, outward, pathOf, renamed } from '../read-versions.ts'
import { finishWithin, latestOf, type FileSides, type RuntimeContext } from './context.ts'
import type { Window } from './figures.ts'

/** No event is at two of them. */
export type NodePlace = Window & Pick<EventFilter, 'versions'> & { readonly nodeId: NodeId }
/** As a filter calls a version that is not known. */
const UNTOLD = 0

type Named = FileSides[number] & { /** What the node is called in it. */ readonly id: NodeId | undefined }

export function placesOf(context: RuntimeContext, nodeId: NodeId, window: Window): readonly NodePlace[] {
  const root = parseNodeId(nodeId)?.root
  const key = root === undefined ? '' : root.kind === 'body' ? root.module : root.mfa.module
  const path = root === undefined ? undefined : pathOf(context.snapshot, key, undefined)
  const sides = path?.ok === true ? sidesOf(context, path.value) : []
  if (path?.ok !== true || sides.length < 2) return [{ ...window, nodeId }]
  const names = namesIn(context, path.value)
  const versions = namedIn(sides, renamed(nodeId, key, names.get(key) ?? key))
  if (versions.length === 0) return [{ ...window, nodeId }]
  const ids = new Set(versions.flatMap(({ id }) => (id === undefined ? [] : [id])))
  return [...ids].flatMap((id) => meantBy(id, versions).flatMap(({ versions: of, ...period }) => {
    const both = intersect(window, period)
    return both === undefined ? [] : [{ ...both, ...(of === undefined ? {} : { versions: of }), nodeId: outward(id, names) }]
  }))
}

function namesIn(context: RuntimeContext, path: string): ReadonlyMap<string, string> {
  const { names } = latestOf(context)
  const known = names.get(path) ?? namesWithin(context.snapshot, path)
  names.set(path, known)
  return known
}

/** The kept versions of a file, the newest first; none where there is only one. */
function sidesOf(context: RuntimeContext, path: string): FileSides {
  const versions = context.snapshot.versionsOf(path).filter(({ readable }) => readable)
  if (versions.length < 2) return []
  const key = `${path} ${versions.map(({ number, sourceHash }) => `${number} ${sourceHash}`).join()}`
  const known = context.caches.versions.get(key)
  if (known !== undefined) return known
  const indexes = versions.flatMap((version) => {
    const tree = context.treeOfVersion(path, version)
    context.pause()
    return tree === undefined ? [] : [{ version, index: indexNodes(tree) }]
  })
  const [newest] = indexes
  const sides = indexes.map(({ version, index }) => {
    if (newest === undefined || version === newest.version) return { version, index, now: null }
    const map = context.mapOf(`${version.sourceHash} ${newest.version.sourceHash}`, () => matchVersions([index], [newest.index]))
    context.pause()
    return { version, index, now: readVersionMap(map) }
  })
  context.caches.versions.set(key, sides)
  return sides
}

/** None where the newest does not have the node. */
function namedIn(sides: FileSides, id: NodeId): Named[] {
  const [newest] = sides
  if (newest === undefined || !has(newest.index, id)) return []
  return sides.map((side) => ({ ...side, id: side.now === null ? id : side.now.back(id) }))
}

/** Which events with this id are the node's. */
function meantBy(id: NodeId, versions: readonly Named[]): Omit<NodePlace, 'nodeId'>[] {
  if (versions.every((one) => one.id === id || !has(one.index, id))) return [{}]
  const oldest = versions.at(-1)
  const meaning = versions.filter((one) => one.id === id)
  return [{ versions: meaning.map(({ version }) => version.number) }, ...meaning.map(({ version }) => ({
    versions: [UNTOLD], ...(version === oldest?.version ? {} : { sinceNs: nsOf(version.atMs) }), ...(version.until === null ? {} : { untilNs: nsOf(version.until.atMs) }),
  }))]
}

function has(index: NodeIndex, id: NodeId): boolean {
  return resolveNode(readFor(index, id), id) !== undefined
}

function nsOf(ms: number): bigint {
  return BigInt(Math.floor(ms)) * 1_000_000n
}

/** Undefined where they have no moment in common. */
function intersect(a: Window, b: Window): Window | undefined {
  const sinceNs = a.sinceNs === undefined || (b.sinceNs !== undefined && b.sinceNs > a.sinceNs) ? b.sinceNs : a.sinceNs
  const untilNs = a.untilNs === undefined || (b.untilNs !== undefined && b.untilNs < a.untilNs) ? b.untilNs : a.untilNs
  if (sinceNs !== undefined && untilNs !== undefined && sinceNs >= untilNs) return undefined
  return { ...(sinceNs === undefined ? {} : { sinceNs }), ...(untilNs === undefined ? {} : { untilNs }) }
}

/** A page of the events at all of these places, in the query's order. */
export function eventsAt(context: RuntimeContext, places: readonly NodePlace[], query: EventQuery): Pick<Page, 'events' | 'next'> {
  const sign = query.order === 'asc' ? 1 : -1
  const pages = places.map((place) => finishWithin(context, runQuery(context.queries, { ...query, filter: { ...query.filter, ...place } })))
  const all = pages.flatMap(({ events }) => events).sort((a, b) => sign * compareEvents(a, b))
  const events = all.slice(0, query.limit)
  const last = events.at(-1)
  const isMore = all.length > query.limit || pages.some(({ next }) => next !== null)
  const place = last === undefined ? undefined : parseEventId(last.id)
  return { events, next: !isMore || last === undefined || place === undefined ? null : { timestampNs: last.timestampNs, block: place.block, row: place.row } }
}

function compareEvents(a: EventRecord, b: EventRecord): number {
  if (a.timestampNs !== b.timestampNs) return a.timestampNs < b.timestampNs ? -1 : 1
  const [at, other] = [parseEventId(a.id), parseEventId(b.id)]
  return (at?.block ?? 0) - (other?.block ?? 0) || (at?.row ?? 0) - (other?.row ?? 0)
}
