/**
 * Who may run and who waits, when several kinds of work (lanes) share one pool: at most `size` of a lane run at once, and
 * `size + overflow` in all, so a lane that takes all it can get always leaves `overflow` places to the others.
 *
 * Invariants: nothing waits while it could run; within a lane the order is kept; a place that falls free goes to the lane
 * that runs the fewest, among equals to the one served longest ago, so no lane starves. Absent on purpose: the work itself,
 * deadlines, and who is told what.
 */

import { assert } from '../base/assert.ts'
import { createBoundedQueue } from '../base/bounded-queue.ts'
import type { BoundedQueue } from '../base/bounded-queue.ts'

export type BulkheadSize = {
  readonly size: number
  readonly overflow: number
  /** Items that may wait in a lane; one more is refused. */
  readonly maxWaiting: number
}

export type LaneLoad = { readonly running: number; readonly waiting: number; readonly refused: number }

export type Bulkhead<T> = {
  /** `run`: it has a place, to be given back by `leave`. `wait`: a later `leave` answers it. `refused`: nothing is kept. */
  enter(lane: string, item: T): 'run' | 'wait' | 'refused'
  /** One of this lane has ended. Answers the item that has its place now. */
  leave(lane: string): T | undefined
  /** Takes out what waits and matches. */
  remove(matches: (item: T) => boolean): T[]
  /** By lane, for lanes that have been used. */
  loads(): Readonly<Record<string, LaneLoad>>
}

type Lane<T> = { running: number; refused: number; servedAt: number; readonly waiting: BoundedQueue<T> }

export function createBulkhead<T>({ size, overflow, maxWaiting }: BulkheadSize): Bulkhead<T> {
  assert(size > 0 && overflow >= 0, `a bulkhead of ${size} + ${overflow}`)
  const lanes = new Map<string, Lane<T>>()
  let nRunning = 0
  let nServed = 0

  const laneOf = (name: string): Lane<T> => {
    const known = lanes.get(name)
    if (known !== undefined) return known
    const lane: Lane<T> = { running: 0, refused: 0, servedAt: 0, waiting: createBoundedQueue(maxWaiting) }
    lanes.set(name, lane)
    return lane
  }
  const hasPlace = (lane: Lane<T>): boolean => lane.running < size && nRunning < size + overflow
  const serve = (lane: Lane<T>): void => {
    lane.running += 1
    nRunning += 1
    nServed += 1
    lane.servedAt = nServed
  }
  return {
    enter(name, item) {
      const lane = laneOf(name)
      if (hasPlace(lane)) {
        serve(lane)
        return 'run'
      }
      if (lane.waiting.push(item)) return 'wait'
      lane.refused += 1
      return 'refused'
    },
    leave(name) {
      const left = laneOf(name)
      assert(left.running > 0, `somebody runs in lane ${name}`)
      left.running -= 1
      nRunning -= 1
      const [next] = [...lanes.values()]
        .filter((lane) => lane.waiting.size() > 0 && hasPlace(lane))
        .sort((a, b) => a.running - b.running || a.servedAt - b.servedAt)
      if (next === undefined) return undefined
      serve(next)
      return next.waiting.shift()
    },
    remove: (matches) => [...lanes.values()].flatMap((lane) => lane.waiting.remove(matches)),
    loads: () => Object.fromEntries([...lanes].map(([name, { running, refused, waiting }]) => [name, { running, waiting: waiting.size(), refused }])),
  }
}
