/**
 * Threads and ports as Node has them, in a simulated world: Workers that are processes of the scheduler, MessagePorts whose
 * messages wait in lanes. What holds of Node's holds of these: a port's messages arrive in order and before the news that its
 * peer is gone; a port that never arrives closes; what is posted to the dead is lost; a Worker's messages come before its exit.
 */

import type { MessagePort, Worker, WorkerOptions } from 'node:worker_threads'

import { must } from '../../src/base/assert.ts'
import type { FromThread, ThreadData, ToThread } from '../../src/otp/node/control.ts'
import type { Platform } from '../../src/otp/node/platform.ts'
import { runThreadOn } from '../../src/otp/node/run-thread.ts'
import type { ThreadStarter } from '../../src/otp/node/run-thread.ts'
import type { Port, ToCallee, ToCaller } from '../../src/otp/port.ts'
import type { Lane, Process, Scheduler } from './scheduler.ts'

// Ports

/** One end. Its owner is the process that holds it; one that is under way to another thread has none. */
export type Half = {
  peer: Half
  owner: Process | undefined
  lane: Lane | undefined
  readonly inbox: unknown[]
  isOpen: boolean
  heard: { readonly onMessage: (message: unknown) => void; readonly onClose: () => void } | undefined
  readonly onClosed: Set<() => void>
}

const CLOSED = Symbol('closed')
const halves = new WeakMap<object, Half>()

export type Ports = {
  openPair(owner: Process): readonly [Half, Half]
  own(half: Half, owner: Process): void
  close(half: Half): void
  portOf(half: Half): Port
  /** Open ports by owner. */
  openOf(owner: Process): readonly Half[]
  /** The most messages that ever waited at one port. */
  longest(): number
}

export function createPorts(scheduler: Scheduler): Ports {
  const owned = new Map<Process, Set<Half>>()
  let longest = 0

  const own = (half: Half, owner: Process): void => {
    if (half.owner !== undefined) owned.get(half.owner)?.delete(half)
    half.owner = owner
    if (!owner.isAlive) return close(half)
    const all = owned.get(owner) ?? new Set()
    all.add(half)
    if (owned.has(owner)) return
    owned.set(owner, all)
    owner.atEnd.add(() => {
      owned.delete(owner)
      for (const each of all) close(each)
    })
  }
  const forget = (half: Half): void => {
    if (half.owner === undefined) return
    owned.get(half.owner)?.delete(half)
    if (half.lane !== undefined) half.owner.lanes.delete(half.lane)
  }
  const takeOne = (half: Half): void => {
    if (!half.isOpen || half.heard === undefined || half.inbox.length === 0) return
    const message = half.inbox.shift()
    if (message !== CLOSED) return half.heard.onMessage(message)
    half.isOpen = false
    forget(half)
    tellClosed(half)
  }
  const tellClosed = (half: Half): void => {
    half.heard?.onClose()
    for (const tell of half.onClosed) tell()
  }
  const arrive = (half: Half, message: unknown): void => {
    if (!half.isOpen) return
    half.inbox.push(message)
    longest = Math.max(longest, half.inbox.length)
    if (half.lane !== undefined) scheduler.push(half.lane, () => takeOne(half), message)
  }
  const close = (half: Half): void => {
    if (!half.isOpen) return
    half.isOpen = false
    arrive(half.peer, CLOSED)
    const { lane } = half
    if (lane !== undefined) scheduler.push(lane, () => tellClosed(half), CLOSED)
    forget(half)
  }
  return {
    own, close,
    openPair(owner) {
      const [left, right] = [createHalf(), createHalf()]
      left.peer = right
      right.peer = left
      own(left, owner)
      own(right, owner)
      return [left, right]
    },
    portOf: (half) => ({
      post(message: ToCaller | ToCallee) {
        if (half.isOpen) arrive(half.peer, message)
      },
      listen(onMessage, onClose) {
        half.heard = { onMessage, onClose }
        if (!half.isOpen) return
        half.lane = scheduler.lane(must(half.owner, 'the owner of a port'), 'port')
        for (const message of half.inbox) scheduler.push(half.lane, () => takeOne(half), message)
      },
      drain() {
        while (half.isOpen && half.heard !== undefined && half.inbox.length > 0) takeOne(half)
      },
      close: () => close(half),
    }),
    openOf: (owner) => [...(owned.get(owner) ?? [])],
    longest: () => longest,
  }
}

function createHalf(): Half {
  return { peer: undefined as never, owner: undefined, lane: undefined, inbox: [], isOpen: true, heard: undefined, onClosed: new Set() }
}

/** What Node's code holds in place of a MessagePort. */
function messagePortOf(half: Half): MessagePort {
  const port = { on: (event: string, tell: () => void) => void (event === 'close' && half.onClosed.add(tell)) }
  halves.set(port, half)
  return port as unknown as MessagePort
}

function halfOf(port: object): Half {
  return must(halves.get(port), 'a simulated port')
}

/** What a process of the world runs on. */
export function platformOf(process: Process, scheduler: Scheduler, ports: Ports, crash: (thrown: unknown) => void): Platform {
  const immediates = scheduler.lane(process, 'turns')
  return {
    clock: scheduler.clockOf(process),
    turns: { defer: (run) => scheduler.push(immediates, run), pick: (nReady) => scheduler.random.below(nReady) },
    openPorts() {
      const [left, right] = ports.openPair(process)
      return { port1: messagePortOf(left), port2: messagePortOf(right) }
    },
    portOf(port) {
      const half = halfOf(port)
      if (half.owner !== process) ports.own(half, process)
      return ports.portOf(half)
    },
    crash,
  }
}

// Threads

export type Thread = {
  readonly name: string
  readonly process: Process
  /** As if the thread had died of it. */
  die(cause: { readonly code: number } | { readonly error: unknown }): void
  /** How long `terminate` takes to end it: one in a system call does not end at once. */
  burialMs: number
}

export type ThreadsOptions = {
  readonly scheduler: Scheduler
  readonly ports: Ports
  readonly main: Process
  readonly starterOf: (thread: Thread) => ThreadStarter<unknown>
  readonly onCrash: (thread: Thread, thrown: unknown) => void
}

export type Threads = {
  open(options: WorkerOptions): Worker
  living(): readonly Thread[]
}

export function createThreads({ scheduler, ports, main, starterOf, onCrash }: ThreadsOptions): Threads {
  const living = new Set<Thread>()
  let nOpened = 0

  const open = ({ name = 'thread', workerData }: WorkerOptions): Worker => {
    nOpened += 1
    const process = scheduler.open(`${name}#${nOpened}`)
    const [toThread, toMain] = [scheduler.lane(process, 'control'), scheduler.lane(main, `from ${name}`)]
    const listeners = new Map<string, ((value: never) => void)[]>()
    const inThread: ((message: ToThread) => void)[] = []
    const underWay = new Set<Half>()
    const emit = (event: string, value: unknown): void => scheduler.push(toMain, () => listeners.get(event)?.forEach((tell) => tell(value as never)), [event, value])
    const thread: Thread = {
      name, process, burialMs: 0,
      die(cause) {
        if (!process.isAlive) return
        living.delete(thread)
        scheduler.end(process)
        for (const half of underWay) ports.close(half)
        if ('error' in cause) emit('error', cause.error)
        emit('exit', 'code' in cause ? cause.code : 1)
      },
    }
    living.add(thread)
    main.atEnd.add(() => {
      living.delete(thread)
      scheduler.end(process)
      for (const half of underWay) ports.close(half)
    })
    const crash = (thrown: unknown): void => {
      onCrash(thread, thrown)
      thread.die({ error: thrown })
    }
    scheduler.push(toThread, () => runThreadOn({
      ...platformOf(process, scheduler, ports, crash),
      main: {
        on: (_event: string, tell: (message: never) => void) => void inThread.push(tell as never),
        postMessage: (message: FromThread) => {
          if (process.isAlive) emit('message', message)
        },
      } as never,
      data: workerData as ThreadData, heapBytes: () => 1, exit: () => thread.die({ code: 0 }),
    }, starterOf(thread)), 'load')

    return {
      on: (event: string, tell: (value: never) => void) => void listeners.set(event, [...(listeners.get(event) ?? []), tell]),
      removeAllListeners: (event: string) => void listeners.delete(event),
      postMessage(message: ToThread, transfer: readonly MessagePort[] = []) {
        const moved = transfer.map(halfOf)
        if (!process.isAlive) return moved.forEach((half) => ports.close(half))
        for (const half of moved) underWay.add(half)
        scheduler.push(toThread, () => {
          for (const half of moved) {
            underWay.delete(half)
            ports.own(half, process)
          }
          for (const tell of inThread) tell(message)
        }, message)
      },
      terminate() {
        // Not a line of it runs any more, even if it takes its time to end.
        process.isDoomed = true
        scheduler.hang(process)
        scheduler.clock.after(thread.burialMs, () => thread.die({ code: 1 }))
        return Promise.resolve(1)
      },
      performance: { eventLoopUtilization: () => ({ idle: 0, active: 0, utilization: 0 }) },
    } as unknown as Worker
  }
  return { open, living: () => [...living] }
}
