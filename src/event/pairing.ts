/**
 * Returns find their calls: a stack of open calls for each process, in arrays of a fixed size for all processes together.
 *
 *     call f       pushed
 *     return of f  pops down to the nearest open call of f; the calls above it never returned as far as was seen
 *     exit, gap    the stack is given up: what returns later has no call
 *
 * What is inferred: calls above the one that returns were left by a tail call, are traced without their returns, or their
 * returns were lost; no duration is made up for them, and the time of what they called counts as called by the one that
 * returns. A return without an open call of its function leaves the stack alone. Where a process nests too deep, the
 * outermost half of its calls is given up, never the innermost: so a return finds its own call or none. Where all places
 * are taken, the processes that called longest ago are given up, until half of the places are free.
 *
 * An open call also keeps where it was made from, and how often what was called since: of the first few different calls;
 * and which call was made last.
 *
 * Absent on purpose: what a function, a site and a place are; all are numbers of the writer's.
 */

import { assert } from '../base/assert.ts'

const MAX_DEPTH = 4096
/** Calls below a new one that are looked at for one of its function: a recursion over more functions than these is not seen. */
const LOOK_BELOW = 8
/** Different calls that are counted for an open one, and how far. */
const CALLED = 8
const MOST_COUNTED = 8
export const NONE = -1

export type Pairing = {
  /** Places for open calls, chained from the top of a stack downwards; the free ones are chained from `free`. */
  readonly below: Int32Array
  readonly callee: Int32Array
  readonly site: Int32Array
  readonly at: Float64Array
  /** ns of the calls within that have returned. */
  readonly inner: Float64Array
  /** 1: another call of the function is open below. */
  readonly nested: Uint8Array
  /** Where it was made from; 0 where unknown. */
  readonly from: Int32Array
  /** Of each place: so many calls, and how often each was made. */
  readonly nCalled: Uint8Array
  readonly called: Int32Array
  readonly calledTimes: Uint8Array
  /** The call that it made last: 0 for none, `NONE` where that is not known. */
  readonly last: Int32Array
  free: number
  nFree: number
  /** By number of the process. */
  readonly tops: number[]
  readonly depths: number[]
  readonly lastCalls: number[]
  readonly freeProcesses: number[]
  readonly processes: Map<string, Map<string, number>>
  nPushed: number
  givenUp: number
  /** What `pop` found: the site of the call, ns since it, without the calls within, and whether it was made within a call of its function. */
  foundSite: number
  took: number
  own: number
  isNested: boolean
}

export function openPairing(maxOpenCalls: number): Pairing {
  const below = new Int32Array(maxOpenCalls)
  for (let i = 0; i < maxOpenCalls; i++) below[i] = i + 1 < maxOpenCalls ? i + 1 : NONE
  return {
    below, callee: new Int32Array(maxOpenCalls), site: new Int32Array(maxOpenCalls),
    at: new Float64Array(maxOpenCalls), inner: new Float64Array(maxOpenCalls), nested: new Uint8Array(maxOpenCalls), from: new Int32Array(maxOpenCalls),
    nCalled: new Uint8Array(maxOpenCalls), called: new Int32Array(maxOpenCalls * CALLED), calledTimes: new Uint8Array(maxOpenCalls * CALLED), last: new Int32Array(maxOpenCalls), free: 0, nFree: maxOpenCalls,
    tops: [], depths: [], lastCalls: [], freeProcesses: [], processes: new Map(),
    nPushed: 0, givenUp: 0, foundSite: 0, took: Number.NaN, own: Number.NaN, isNested: false,
  }
}

/** The number of a process, until the next `rebase`. */
export function processOf(pairing: Pairing, source: string, pid: string): number {
  let ofSource = pairing.processes.get(source)
  if (ofSource === undefined) pairing.processes.set(source, ofSource = new Map())
  const known = ofSource.get(pid)
  if (known !== undefined) return known
  const process = pairing.freeProcesses.pop() ?? pairing.tops.length
  pairing.tops[process] = NONE
  pairing.depths[process] = 0
  pairing.lastCalls[process] = 0
  ofSource.set(pid, process)
  return process
}

export function push(pairing: Pairing, process: number, callee: number, site: number, from: number, at: number): void {
  if ((pairing.depths[process] ?? 0) >= MAX_DEPTH) giveUpOutermost(pairing, process)
  if (pairing.nFree === 0) giveUpStalest(pairing)
  const place = pairing.free
  pairing.free = pairing.below[place] ?? NONE
  pairing.nFree--
  pairing.below[place] = pairing.tops[process] ?? NONE
  pairing.callee[place] = callee
  pairing.site[place] = site
  pairing.at[place] = at
  pairing.inner[place] = 0
  pairing.nested[place] = isOpen(pairing, process, callee) ? 1 : 0
  pairing.from[place] = from
  pairing.nCalled[place] = 0
  pairing.last[place] = 0
  pairing.tops[process] = place
  pairing.depths[process] = (pairing.depths[process] ?? 0) + 1
  pairing.lastCalls[process] = ++pairing.nPushed
}

function isOpen({ below, callee, tops }: Pairing, process: number, fn: number): boolean {
  let place = tops[process] ?? NONE
  for (let looked = 0; looked < LOOK_BELOW && place !== NONE; looked++) {
    if (callee[place] === fn) return true
    place = below[place] ?? NONE
  }
  return false
}

/** Counts a call that was made since the open one of `place` was; how many of it were made before, or -1 where that is not known. */
export function countCall({ nCalled, called, calledTimes }: Pairing, place: number, call: number): number {
  const n = nCalled[place] ?? 0
  const first = place * CALLED
  for (let i = first; i < first + n; i++) {
    if (called[i] !== call) continue
    const times = calledTimes[i] ?? 0
    if (times >= MOST_COUNTED) return -1
    calledTimes[i] = times + 1
    return times
  }
  if (n === CALLED) return -1
  called[first + n] = call
  calledTimes[first + n] = 1
  nCalled[place] = n + 1
  return 0
}

/** Numbers of places and calls are void: what was called since is not known any more. */
export function forgetCalled({ from, nCalled, called }: Pairing, place: number): void {
  from[place] = 0
  nCalled[place] = CALLED
  called.fill(0, place * CALLED, (place + 1) * CALLED)
}

/** Whether the process has an open call of this function; if so it is popped, and the `found` fields tell of it. */
export function pop(pairing: Pairing, process: number, callee: number, at: number): boolean {
  const { below } = pairing
  let place = pairing.tops[process] ?? NONE
  let within = 0
  let depth = 0
  while (place !== NONE && pairing.callee[place] !== callee) {
    within += pairing.inner[place] ?? 0
    place = below[place] ?? NONE
    depth++
  }
  if (place === NONE) return false
  const took = at - (pairing.at[place] ?? 0)
  const rest = below[place] ?? NONE
  pairing.foundSite = pairing.site[place] ?? 0
  pairing.isNested = pairing.nested[place] === 1
  // Times of one process rise; where they don't, its clock was set back meanwhile.
  pairing.took = took >= 0 ? took : Number.NaN
  pairing.own = took >= 0 ? Math.max(0, took - within - (pairing.inner[place] ?? 0)) : Number.NaN
  if (rest !== NONE && took > 0) pairing.inner[rest] = (pairing.inner[rest] ?? 0) + took
  below[place] = pairing.free
  pairing.free = pairing.tops[process] ?? NONE
  pairing.nFree += depth + 1
  pairing.tops[process] = rest
  pairing.depths[process] = (pairing.depths[process] ?? 0) - depth - 1
  return true
}

/** The process is gone: nothing waits for its calls. */
export function clearProcess(pairing: Pairing, process: number): void {
  const top = pairing.tops[process] ?? NONE
  if (top === NONE) return
  pairing.tops[process] = NONE
  pairing.depths[process] = 0
  release(pairing, top)
}

/** Events of the process are missing: its open calls are given up. */
export function giveUpProcess(pairing: Pairing, process: number): void {
  pairing.givenUp += pairing.depths[process] ?? 0
  clearProcess(pairing, process)
}

export function giveUpSource(pairing: Pairing, source: string): void {
  for (const process of pairing.processes.get(source)?.values() ?? []) giveUpProcess(pairing, process)
}

export function nOpenCalls(pairing: Pairing): number {
  return pairing.below.length - pairing.nFree
}

/**
 * Forgets processes without open calls, and hands each open call to `change`, which may write its `at`, `site` and `callee`.
 * Numbers of processes given before are void.
 */
export function rebase(pairing: Pairing, change: (place: number) => void): void {
  for (const [source, ofSource] of pairing.processes) {
    for (const [pid, process] of ofSource) {
      let place = pairing.tops[process] ?? NONE
      if (place === NONE) {
        ofSource.delete(pid)
        pairing.freeProcesses.push(process)
      }
      for (; place !== NONE; place = pairing.below[place] ?? NONE) change(place)
    }
    if (ofSource.size === 0) pairing.processes.delete(source)
  }
}

/** Chains the places from `top` downwards to the free ones; their number. */
function release(pairing: Pairing, top: number): number {
  let last = top
  let nPlaces = 1
  for (let next = pairing.below[last] ?? NONE; next !== NONE; next = pairing.below[last] ?? NONE) {
    last = next
    nPlaces++
  }
  pairing.below[last] = pairing.free
  pairing.free = top
  pairing.nFree += nPlaces
  return nPlaces
}

function giveUpOutermost(pairing: Pairing, process: number): void {
  let last = pairing.tops[process] ?? NONE
  const kept = MAX_DEPTH / 2
  for (let i = 1; i < kept; i++) last = pairing.below[last] ?? NONE
  const rest = pairing.below[last] ?? NONE
  assert(rest !== NONE, 'a stack as deep as it is counted')
  pairing.below[last] = NONE
  pairing.nested[last] = 0
  pairing.givenUp += release(pairing, rest)
  pairing.depths[process] = kept
}

function giveUpStalest(pairing: Pairing): void {
  const waiting = pairing.tops.flatMap((top, process) => (top === NONE ? [] : [process]))
  waiting.sort((a, b) => (pairing.lastCalls[a] ?? 0) - (pairing.lastCalls[b] ?? 0))
  for (const process of waiting) {
    if (pairing.nFree * 2 >= pairing.below.length) return
    giveUpProcess(pairing, process)
  }
}
