/**
 * What a query reads: the blocks there are, and each one when it is needed. The list is the query's snapshot: rows that
 * are appended and blocks that are begun after `refs` are not seen by it. A block that was opened stays readable until
 * the query is done; whoever runs the query sees to that (an epoch entered before, left after).
 *
 * Absent on purpose: where blocks are, how they are loaded, and who may prune them meanwhile.
 */

import type { EventType } from '../../model/event.ts'
import type { Block } from '../block.ts'

/** Hot is resident, warm and cold are on disk, frozen is in the archive and not listed until thawed. */
export type Zone = 'hot' | 'warm' | 'cold' | 'frozen'

export type BlockRef = {
  /** Unique for ever within a state directory; blocks are filled in the order of their numbers. */
  readonly number: number
  /** Rows that were there when the list was made. */
  readonly nRows: number
  /** The least and the greatest time among these rows, ns since 1970. */
  readonly minNs: bigint
  readonly maxNs: bigint
  readonly zone: Zone
}

/** What the footer of a file knows of its blocks. `function` is the called one, as `formatMfa` prints it. */
export type BlockKey =
  | { readonly kind: 'pid' | 'correlation' | 'node' | 'function'; readonly key: string }
  | { readonly kind: 'type'; readonly key: EventType }

export type Blocks = {
  refs(): readonly BlockRef[]
  /** `gone` when it was pruned since the list was made. */
  open(ref: BlockRef): Block | 'gone'
  /** False only where it is certain that no row of the block has this key. */
  mayHold(ref: BlockRef, key: BlockKey): boolean
}
