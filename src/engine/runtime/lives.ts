/**
 * When each life of a node was last heard of: a node of one name may have ended without a word, and may have been started
 * again, or twice at once. What sealed blocks tell is kept.
 */

import type { BlockRef } from '../../event/query/blocks.ts'
import { type BlockView, processName, timestampNs, viewOf } from '../../event/query/columns.ts'
import type { EventSource } from '../../model/event.ts'
import type { RuntimeContext } from './context.ts'
import { isWhole, touches, type Window } from './figures.ts'

export function lifeOf({ node, startNs }: EventSource): string {
  return `${node} ${startNs}`
}

/** By life, in the blocks that the window touches. */
export function lastHeard(context: RuntimeContext, window: Window): ReadonlyMap<string, bigint> {
  const heard = new Map<string, bigint>()
  for (const ref of context.queries.blocks.refs()) {
    if (!touches(ref, window)) continue
    for (const [life, ns] of livesIn(context, ref)) keepLatest(heard, life, ns)
    context.pause()
  }
  return heard
}

function livesIn({ queries: { blocks }, caches: { lives } }: RuntimeContext, ref: BlockRef): ReadonlyMap<string, bigint> {
  const known = lives.get(ref.number)
  if (known !== undefined) return known
  const block = blocks.open(ref)
  if (block === 'gone') return new Map()
  const view = viewOf(ref, block)
  const found = livesOf(view)
  if (isWhole(view)) lives.set(ref.number, found)
  return found
}

function livesOf(view: BlockView): ReadonlyMap<string, bigint> {
  const { block: { pid, ts }, rows, counts } = view
  const last = new Int32Array(counts.pids + 1).fill(-1)
  for (let row = 0; row < rows; row++) {
    const code = pid[row] ?? 0
    const before = last[code] ?? -1
    if (before < 0 || (ts[row] ?? 0) >= (ts[before] ?? 0)) last[code] = row
  }
  const heard = new Map<string, bigint>()
  for (const [code, row] of last.entries()) if (row >= 0) keepLatest(heard, lifeOf(processName(view, code).source), timestampNs(view, row))
  return heard
}

function keepLatest(heard: Map<string, bigint>, life: string, ns: bigint): void {
  const known = heard.get(life)
  if (known === undefined || ns > known) heard.set(life, ns)
}
