/**
 * A first-in first-out queue that holds at most `capacity` items and says so when it is full: `push` answers false and
 * keeps nothing. What to do then (shed, block, coalesce) is the owner's to name. A ring that grows to its capacity, so
 * pushing and shifting cost the same however long the queue is.
 */

import { assert } from './assert.ts'

export type BoundedQueue<T> = {
  readonly capacity: number
  size(): number
  /** False when full; the item is then not kept. */
  push(item: T): boolean
  shift(): T | undefined
  /** The oldest item, which stays. */
  peek(): T | undefined
  /** Replaces the oldest item that matches, in its place. False when none does. */
  replace(matches: (item: T) => boolean, item: T): boolean
  /** Takes out every item that matches, in order. */
  remove(matches: (item: T) => boolean): T[]
}

export function createBoundedQueue<T>(capacity: number): BoundedQueue<T> {
  assert(capacity > 0, `a queue needs a capacity above 0, not ${capacity}`)
  let ring: (T | undefined)[] = emptySlots(Math.min(capacity, 16))
  let head = 0
  let size = 0

  const at = (n: number): number => (head + n) % ring.length
  const grow = (): void => {
    const bigger = emptySlots<T>(Math.min(capacity, ring.length * 2))
    for (let n = 0; n < size; n++) bigger[n] = ring[at(n)]
    ring = bigger
    head = 0
  }
  const shift = (): T | undefined => {
    if (size === 0) return undefined
    const item = ring[head]
    ring[head] = undefined
    head = at(1)
    size -= 1
    return item
  }
  const push = (item: T): boolean => {
    if (size >= capacity) return false
    if (size === ring.length) grow()
    ring[at(size)] = item
    size += 1
    return true
  }
  return {
    capacity,
    size: () => size,
    push,
    shift,
    peek: () => ring[head],
    replace(matches, item) {
      for (let n = 0; n < size; n++) {
        if (!matches(ring[at(n)] as T)) continue
        ring[at(n)] = item
        return true
      }
      return false
    },
    remove(matches) {
      const taken: T[] = []
      for (let n = size; n > 0; n--) {
        const item = shift() as T
        if (matches(item)) taken.push(item)
        else push(item)
      }
      return taken
    },
  }
}

function emptySlots<T>(length: number): (T | undefined)[] {
  return Array.from({ length }, () => undefined)
}
