/**
 * One snapshot for all lookups of an event-loop turn: begun by the first, released when the turn ends. So a burst of
 * requests pays for one read transaction, and no reader outlives the turn it answers in.
 */

import type { Reader, Snapshot } from '../store/contract.ts'

export type TurnSnapshot = { current(): Snapshot }

/** `endOfTurn` runs its argument once the turn's requests are answered (setImmediate). */
export function turnSnapshot(reader: Reader, endOfTurn: (run: () => void) => void): TurnSnapshot {
  let held: Snapshot | undefined
  const release = (): void => {
    held?.release()
    held = undefined
  }
  return {
    current() {
      if (held === undefined) {
        held = reader.begin()
        endOfTurn(release)
      }
      return held
    },
  }
}
