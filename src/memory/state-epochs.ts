/**
 * Numbers for states that have names: a cache finds a value only under the epoch that it was kept under, and another state than
 * the last one has a new epoch. Going back to an earlier state is a new one, too: what was kept for it is made again.
 */

import { TIMELESS } from './cache.ts'

export function createStateEpochs(): (state: string) => number {
  let last: string | undefined
  let epoch = TIMELESS
  return (state) => {
    if (state !== last) {
      last = state
      epoch += 1
    }
    return epoch
  }
}
