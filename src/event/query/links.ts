/**
 * Events that somebody said belong to a node: `correlation` events, whose payload is a map with the first key `event`, the
 * id of the event meant, and whose site's node is the node. What is said so stands above what was found: a linked event is
 * the node's, and no other's; of several links the last (by block and row) holds. So the node of an event and the events
 * of a node stay each other's inverse. A link is forgotten with the block it stands in.
 *
 * Links are few: those of a block are found once, through its postings, and kept; an open block's are carried on.
 */

import { EVENT_TYPES } from '../../model/event.ts'
import type { NodeId } from '../../model/node-id.ts'
import type { BlockRef, Blocks } from './blocks.ts'
import { type BlockView, payloadOf, processName, siteNames, viewOf } from './columns.ts'
import { type EventPlace, parseEventId } from './filter.ts'

type Link = { readonly row: number; readonly event: EventPlace; readonly nodeId: NodeId }

/** What is known of the links in one block: those in its first `nRows` rows. */
type LinkList = { nRows: number; readonly links: Link[] }

export type LinkLists = Map<number, LinkList>

/** The links among the blocks of one snapshot, by the block and row of the event they are about, the last first. */
export type Links = ReadonlyMap<number, ReadonlyMap<number, readonly Link[]>>

const CORRELATION = EVENT_TYPES.correlation
const NO_LINKS: Links = new Map()

/** `lists` is what earlier queries found, and is brought up to date. */
export function linksOf(lists: LinkLists, blocks: Blocks, refs: readonly BlockRef[]): Links {
  const found: [number, Link][] = []
  for (const ref of refs) {
    const list = lists.get(ref.number)
    const current = list !== undefined && list.nRows >= ref.nRows ? list : readLinks(list, blocks, ref)
    if (current !== list) lists.set(ref.number, current)
    for (const link of current.links) found.push([ref.number, link])
  }
  if (lists.size > 2 * refs.length + 64) forget(lists, refs)
  return found.length === 0 ? NO_LINKS : byEvent(found)
}

function readLinks(known: LinkList | undefined, blocks: Blocks, ref: BlockRef): LinkList {
  const links = known?.links ?? []
  if (!blocks.mayHold(ref, { kind: 'type', key: 'correlation' })) return { nRows: ref.nRows, links }
  const block = blocks.open(ref)
  if (block === 'gone') return { nRows: ref.nRows, links }
  const view = viewOf(ref, block)
  for (const row of correlationRows(view, known?.nRows ?? 0)) {
    const link = linkAt(view, row)
    if (link !== undefined) links.push(link)
  }
  return { nRows: ref.nRows, links }
}

function* correlationRows({ block, sealed, rows }: BlockView, from: number): Generator<number> {
  if (sealed) {
    for (const row of block.typeRows.subarray(block.typeStarts[CORRELATION], block.typeStarts[CORRELATION + 1])) if (row >= from && row < rows) yield row
    return
  }
  for (let row = block.type.indexOf(CORRELATION, from); row >= 0 && row < rows; row = block.type.indexOf(CORRELATION, row + 1)) yield row
}

function linkAt(view: BlockView, row: number): Link | undefined {
  const { nodeId } = siteNames(view, view.block.site[row] ?? 0)
  const payload = payloadOf(view, row)
  const event = payload === null ? undefined : parseEventId(firstValue(payload, 'event') ?? '')
  return nodeId === null || event === undefined ? undefined : { row, event, nodeId }
}

function byEvent(found: [number, Link][]): Links {
  found.sort(([blockA, a], [blockB, b]) => blockB - blockA || b.row - a.row)
  const links = new Map<number, Map<number, Link[]>>()
  for (const [, link] of found) {
    const rows = links.get(link.event.block) ?? new Map<number, Link[]>()
    rows.set(link.event.row, [...(rows.get(link.event.row) ?? []), link])
    links.set(link.event.block, rows)
  }
  return links
}

/** The node that a row is linked to; undefined where it is not. An id that names another BEAM node than the row's is of no event. */
export function linkedNode(links: Links, view: BlockView, row: number): NodeId | undefined {
  const ofRow = links.get(view.number)?.get(row)
  if (ofRow === undefined) return undefined
  const { node } = processName(view, view.block.pid[row] ?? 0).source
  return ofRow.find((link) => link.event.node === node)?.nodeId
}

function forget(lists: LinkLists, refs: readonly BlockRef[]): void {
  const there = new Set(refs.map((ref) => ref.number))
  for (const number of lists.keys()) if (!there.has(number)) lists.delete(number)
}

/** The text under the first key of a MessagePack map, where that is the key asked for; read by hand, so that garbage is nothing. */
function firstValue(payload: Uint8Array, key: string): string | undefined {
  const head = payload[0] ?? 0
  const keyAt = head >= 0x81 && head <= 0x8f ? 1 : head === 0xde ? 3 : undefined
  if (keyAt === undefined) return undefined
  const first = textAt(payload, keyAt)
  return first?.text === key ? textAt(payload, first.end)?.text : undefined
}

function textAt(bytes: Uint8Array, at: number): { text: string; end: number } | undefined {
  const head = bytes[at] ?? 0
  const byte = (i: number) => bytes[at + i] ?? 0
  const [start, length] =
    head >= 0xa0 && head <= 0xbf ? [at + 1, head & 0x1f] : head === 0xd9 ? [at + 2, byte(1)] : head === 0xda ? [at + 3, (byte(1) << 8) | byte(2)] : [at, -1]
  if (length < 0 || start + length > bytes.length) return undefined
  return { text: Buffer.from(bytes.buffer, bytes.byteOffset + start, length).toString(), end: start + length }
}
