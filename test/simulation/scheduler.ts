/**
 * The scheduler of a simulated world: processes (threads, clients, whatever runs on its own), each with lanes of things that
 * wait to be run, and one clock. A step runs the head of a lane that chance picks; when there is none, it moves the clock to the next timer.
 * So everything is reordered except within one lane, which is one sender's messages to one receiver, or one process's timers.
 *
 * A process that ends takes its lanes and timers with it; one that hangs keeps them until it goes on. Absent on purpose:
 * what messages mean, and promises: whoever drives the steps lets them settle in between.
 */

import { createSimulatedClock } from '../../src/base/clock.ts'
import type { Clock, SimulatedClock, Timer } from '../../src/base/clock.ts'
import type { Random } from './random.ts'

export type Process = {
  readonly name: string
  isAlive: boolean
  isHung: boolean
  /** It will never run again, although it may take a while to end. */
  isDoomed: boolean
  /** When it last went on after it had hung. */
  resumedMs: number
  /** What is told of the end, once. */
  readonly atEnd: Set<() => void>
  readonly lanes: Set<Lane>
  readonly timers: Set<Timer>
  /** Under which timers that have run out wait their turn. */
  readonly due: Lane
}

type Item = { readonly run: () => void; readonly what: unknown }

export type Lane = {
  readonly name: string
  readonly owner: Process
  readonly items: Item[]
  isDelayed: boolean
  /** Its place among the lanes to choose from; -1 when it is none of them. */
  place: number
}

export type Happening = { readonly step: number; readonly atMs: number; readonly where: string; readonly what: unknown }

export type Scheduler = {
  readonly clock: SimulatedClock
  readonly random: Random
  nSteps(): number
  /** False when nothing will ever happen again. */
  step(): boolean
  open(name: string): Process
  lane(owner: Process, name: string): Lane
  /** `what` is only looked at when a failure is told. */
  push(lane: Lane, run: () => void, what?: unknown): void
  end(process: Process): void
  hang(process: Process): void
  resume(process: Process): void
  /** Holds a lane back for so long; false when there is none that waits. */
  delaySome(ms: number): boolean
  clockOf(process: Process): Clock
  note(where: string, what: unknown): void
  last(): readonly Happening[]
}

/** How often time passes although something could run, and how much: everything takes its time. */
const TIME_PASSES = 0.03
const MAX_PASSING_MS = 10
const N_REMEMBERED = 50

/** How time can be made wrong, to see that it is noticed. */
export type ClockFlaw = 'deadlines are forgotten' | 'timers are not cancelled'

export type SchedulerOptions = { readonly random: Random; readonly flaw: ClockFlaw | undefined; readonly onThrow: (process: Process, thrown: unknown) => void }

export function createScheduler({ random, flaw, onThrow }: SchedulerOptions): Scheduler {
  const clock = createSimulatedClock()
  const ready: Lane[] = []
  const ring: Happening[] = []
  let nSteps = 0

  const settle = (lane: Lane): void => {
    const isReady = lane.items.length > 0 && !lane.isDelayed && lane.owner.isAlive && !lane.owner.isHung
    if (isReady === lane.place >= 0) return
    if (isReady) {
      lane.place = ready.push(lane) - 1
      return
    }
    const last = ready.pop() as Lane
    if (last !== lane) {
      ready[lane.place] = last
      last.place = lane.place
    }
    lane.place = -1
  }
  const settleAll = (process: Process): void => process.lanes.forEach(settle)
  const note = (where: string, what: unknown): void => {
    ring[nNoted++ % N_REMEMBERED] = { step: nSteps, atMs: clock.nowMs(), where, what }
  }
  let nNoted = 0
  const lane = (owner: Process, name: string): Lane => {
    const made: Lane = { name, owner, items: [], isDelayed: false, place: -1 }
    owner.lanes.add(made)
    return made
  }
  const push = (to: Lane, run: () => void, what?: unknown): void => {
    if (!to.owner.isAlive) return
    to.items.push({ run, what })
    settle(to)
  }
  const runOne = (from: Lane): void => {
    const item = from.items.shift() as Item
    settle(from)
    note(`${from.owner.name} ${from.name}`, item.what)
    try {
      item.run()
    } catch (thrown) {
      onThrow(from.owner, thrown)
    }
  }
  return {
    clock, random, lane, push, note,
    nSteps: () => nSteps,
    step() {
      nSteps += 1
      if (ready.length === 0) return clock.runNext()
      if (random.chance(TIME_PASSES)) clock.advance(random.below(MAX_PASSING_MS))
      runOne(ready[random.below(ready.length)] as Lane)
      return true
    },
    open(name) {
      const process: Process = { name, isAlive: true, isHung: false, isDoomed: false, resumedMs: 0, atEnd: new Set(), lanes: new Set(), timers: new Set(), due: undefined as never }
      return Object.assign(process, { due: lane(process, 'timers') })
    },
    end(process) {
      if (!process.isAlive) return
      process.isAlive = false
      settleAll(process)
      for (const timer of process.timers) timer.cancel()
      process.timers.clear()
      for (const tell of process.atEnd) tell()
      process.lanes.clear()
    },
    hang(process) {
      process.isHung = true
      settleAll(process)
    },
    resume(process) {
      if (process.isDoomed) return
      process.isHung = false
      process.resumedMs = clock.nowMs()
      settleAll(process)
    },
    delaySome(ms) {
      const some = ready[random.below(ready.length)]
      if (some === undefined) return false
      some.isDelayed = true
      settle(some)
      clock.after(ms, () => {
        some.isDelayed = false
        settle(some)
      })
      return true
    },
    clockOf: (process) => flawed(clockOf(process, clock, push), process.name.startsWith('client') ? undefined : flaw, random),
    last: () => [...ring].sort((a, b) => a.step - b.step || a.atMs - b.atMs),
  }
}

function flawed(clock: Clock, flaw: ClockFlaw | undefined, random: Random): Clock {
  if (flaw === undefined) return clock
  return {
    ...clock,
    after(ms, run) {
      if (flaw === 'deadlines are forgotten' && random.chance(0.1)) return { cancel: () => undefined }
      const timer = clock.after(ms, run)
      return flaw === 'timers are not cancelled' ? { cancel: () => undefined } : timer
    },
  }
}

/** A timer that has run out waits its turn like everything else, and can be cancelled until then. */
function clockOf(process: Process, clock: SimulatedClock, push: Scheduler['push']): Clock {
  return {
    nowMs: clock.nowMs,
    wallMs: clock.wallMs,
    after(ms, run) {
      if (!process.isAlive) return { cancel: () => undefined }
      let isCancelled = false
      const inner = clock.after(ms, () => push(process.due, () => {
        process.timers.delete(timer)
        if (!isCancelled) run()
      }, ms))
      const timer: Timer = {
        cancel() {
          isCancelled = true
          process.timers.delete(timer)
          inner.cancel()
        },
      }
      process.timers.add(timer)
      return timer
    },
  }
}
