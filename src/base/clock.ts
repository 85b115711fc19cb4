/**
 * The clock port. Whoever needs time is handed a Clock; nothing below the outer ring reads one by itself. `nowMs` is
 * monotonic and has no meaning as a date; `wallMs` is the date and may jump. The simulated clock moves only when told to,
 * and runs what is due in order of due time, then of arming, so that a run can be repeated exactly.
 */

export type Timer = { cancel(): void }

export type Clock = {
  /** Monotonic milliseconds, possibly fractional. */
  nowMs(): number
  /** Milliseconds since 1970. */
  wallMs(): number
  /** Runs `run` once, `ms` from now. */
  after(ms: number, run: () => void): Timer
}

export type SimulatedClock = Clock & {
  /** Moves time on by `ms`, running every timer that falls due on the way. */
  advance(ms: number): void
  /** Moves time to the next timer and runs it. False when none is armed. */
  runNext(): boolean
  nTimers(): number
}

/** A cancelled timer stays in the heap, disarmed, until it would have been due. */
type Armed = { readonly dueMs: number; readonly seq: number; readonly run: () => void; isArmed: boolean }

export function createSimulatedClock(startMs: number = 0, wallStartMs: number = 0): SimulatedClock {
  let nowMs = startMs
  let seq = 0
  const heap: Armed[] = []
  let nArmed = 0

  const disarm = (timer: Armed): void => {
    if (timer.isArmed) nArmed -= 1
    timer.isArmed = false
  }
  const popDue = (limitMs: number): Armed | undefined => {
    for (let top = heap[0]; top !== undefined && top.dueMs <= limitMs; top = heap[0]) {
      popHeap(heap)
      if (top.isArmed) return top
    }
    return undefined
  }
  const fire = (timer: Armed): void => {
    nowMs = Math.max(nowMs, timer.dueMs)
    disarm(timer)
    timer.run()
  }
  return {
    nowMs: () => nowMs,
    wallMs: () => wallStartMs + (nowMs - startMs),
    after(ms, run) {
      const timer = { dueMs: nowMs + Math.max(0, ms), seq: seq++, run, isArmed: true }
      pushHeap(heap, timer)
      nArmed += 1
      return { cancel: () => disarm(timer) }
    },
    advance(ms) {
      const limitMs = nowMs + ms
      for (let timer = popDue(limitMs); timer !== undefined; timer = popDue(limitMs)) fire(timer)
      nowMs = limitMs
    },
    runNext() {
      const timer = popDue(Infinity)
      if (timer !== undefined) fire(timer)
      return timer !== undefined
    },
    nTimers: () => nArmed,
  }
}

function before(a: Armed, b: Armed): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.seq < b.seq)
}

function pushHeap(heap: Armed[], item: Armed): void {
  let at = heap.length
  heap.push(item)
  while (at > 0) {
    const parentAt = (at - 1) >> 1
    const parent = heap[parentAt]
    if (parent === undefined || !before(item, parent)) break
    heap[at] = parent
    at = parentAt
  }
  heap[at] = item
}

function popHeap(heap: Armed[]): void {
  const last = heap.pop()
  if (last === undefined || heap.length === 0) return
  let at = 0
  for (;;) {
    let childAt = 2 * at + 1
    let child = heap[childAt]
    if (child === undefined) break
    const right = heap[childAt + 1]
    if (right !== undefined && before(right, child)) {
      child = right
      childAt += 1
    }
    if (!before(child, last)) break
    heap[at] = child
    at = childAt
  }
  heap[at] = last
}
