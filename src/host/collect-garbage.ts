/**
 * Has this thread's garbage collected now, for an emergency: V8 does it by itself long before, but not for the sake of other
 * threads. The flag that shows `gc` holds for contexts made after it was set, hence the context of its own.
 */

import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** Bytes of heap and external memory freed. */
export function collectGarbage(): number {
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc') as () => void
  const before = heldBytes()
  gc()
  return Math.max(0, before - heldBytes())
}

function heldBytes(): number {
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
