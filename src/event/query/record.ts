/**
 * One event with its names, from the codes of its row. The payload is copied out of the block; everything else is too, by
 * becoming strings, so that a record outlives the block.
 */

import type { EventRecord } from '../../model/event.ts'
import { durationOf } from '../block.ts'
import { correlationOf } from '../names.ts'
import { type BlockView, payloadOf, processName, siteNames, timestampNs, typeName } from './columns.ts'
import { formatEventId } from './filter.ts'
import { type Links, linkedNode } from './links.ts'

export function toRecord(view: BlockView, row: number, links: Links): EventRecord {
  const { block } = view
  const site = siteNames(view, block.site[row] ?? 0)
  const { source, pid } = processName(view, block.pid[row] ?? 0)
  const peer = block.peer[row] ?? 0
  const linked = linkedNode(links, view, row)
  return {
    id: formatEventId({ node: source.node, block: view.number, row }),
    type: typeName(block.type[row] ?? 0),
    timestampNs: timestampNs(view, row),
    source,
    pid,
    peer: peer === 0 ? null : processName(view, peer).pid,
    mfa: site.mfa,
    caller: site.caller,
    correlationId: correlationOf(block, block.corr[row] ?? 0),
    nodeId: linked ?? site.nodeId,
    evidence: linked === undefined ? site.evidence : 'given',
    durationNs: known(durationOf(block.took[row])),
    ownNs: known(block.own[row]),
    payload: payloadOf(view, row),
  }
}

function known(ns: number | undefined): number | null {
  return ns === undefined || Number.isNaN(ns) ? null : ns
}
