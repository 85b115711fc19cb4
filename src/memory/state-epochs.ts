/**
 * Numbers for states that have names: a cache finds a value only under the epoch that it was kept under, and another state than
 * the latest has a new epoch. Going back to an earlier state is a new one, too: what was kept for it is made again.
 */

import { TIMELESS } from './cache.ts'

export type StateEpochs = {
  /** The state is the latest from now on. */
  epochOf(state: string): number
  isLatest(state: string): boolean
}

export function createStateEpochs(): StateEpochs {
  let latest: string | undefined
  let epoch = TIMELESS
  return {
    epochOf: (state) => {
      if (state !== latest) {
        latest = state
        epoch += 1
      }
      return epoch
    },
    isLatest: (state) => state === latest,
  }
}
