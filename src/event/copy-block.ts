/**
 * A block as it is filled now, in memory of its own: for who reads longer than the writer can wait for the slab. Postings, order
 * and summary are there where the block is sealed.
 */

import { type Block, blockBytes, BLOCK_STATES, type Counts, counts, HEADER, isSealed, isSorted, layOut, lengthOf, publish, SECTION_NAMES, type SectionName, setSorted } from './block.ts'

/** `block`: one that the caller may read. */
export function copyBlock(block: Block): Block {
  // Asked first: it may be sealed while it is copied, and then not all of that would be here.
  const isDone = isSealed(block)
  const filled = counts(block)
  const copy = layOut(new ArrayBuffer(blockBytes(filled)), filled)
  for (const name of SECTION_NAMES) copySection(block, copy, name, filled)
  copy.base[0] = block.base[0] ?? 0n
  copy.header[HEADER.number] = block.header[HEADER.number] ?? 0
  copy.header[HEADER.state] = isDone ? BLOCK_STATES.sealed : BLOCK_STATES.open
  setSorted(copy, isSorted(block) ? 'sorted' : 'out of order')
  publish(copy, filled)
  return copy
}

function copySection<S extends SectionName>(from: Block, to: Block, name: S, filled: Counts): void {
  to[name].set(from[name].subarray(0, lengthOf(name, filled)))
}
