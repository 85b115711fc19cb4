/**
 * Blocks for one query: in their places for a moment, which most need no longer than, else copies. The writer cannot use memory
 * again that is read, and events come in however long a query takes.
 */

import type { EventReader } from './event-reader.ts'
import type { Blocks } from './query/blocks.ts'
import type { SlabReader } from './slabs.ts'

export type Reading = {
  readonly events: Pick<EventReader, 'blocks' | 'copies'>
  readonly slabs: Pick<SlabReader, 'enter' | 'leave'>
  /** Monotonic. */
  readonly nowMs: () => number
}

/** A query that has read in place for so long begins anew with copies. */
export const IN_PLACE_MS = 100

const GIVE_WAY = new Error('the writer needs the memory that is read')

/** `query` is to call its `pause` often; it must leave nothing half done when that throws. */
export function withBlocks<T>({ events, slabs, nowMs }: Reading, pause: () => void, query: (blocks: Blocks, pause: () => void) => T): T {
  const untilMs = nowMs() + IN_PLACE_MS
  slabs.enter()
  try {
    return query(events.blocks(), () => {
      pause()
      if (nowMs() >= untilMs) throw GIVE_WAY
    })
  } catch (caught) {
    if (caught !== GIVE_WAY) throw caught
  } finally {
    slabs.leave()
  }
  return query(events.copies(), pause)
}
