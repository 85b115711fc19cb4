/**
 * Threads as children: the shell around `../thread-life.ts`. It makes the Worker, feeds what it says and does into the
 * machine, and runs the effects. Each life has a Worker of its own; what a Worker of an earlier life still says reaches nobody.
 * A timer's verdict waits for one turn of the event loop, in which what a thread has said meanwhile is heard.
 */

import type { MessagePort, Worker, WorkerOptions } from 'node:worker_threads'

import type { Timer } from '../../base/clock.ts'
import type { Failure } from '../../base/failure.ts'
import { fail } from '../../base/result.ts'
import type { Result } from '../../base/result.ts'
import { calleeUnavailable } from '../channel.ts'
import { formatReason, toErrorValue, uncaught } from '../exit-reason.ts'
import type { ExitReason } from '../exit-reason.ts'
import type { ChildEvent, ChildInfo, RunningChild, StartContext } from '../starter.ts'
import { startThreadLife, stepThreadLife } from '../thread-life.ts'
import type { ThreadEffect, ThreadLife, ThreadMsg, ThreadTimer, ThreadTimes } from '../thread-life.ts'
import { beginCpuIn } from './profiled.ts'
import type { Profiled } from './profiled.ts'
import type { FromThread, ThreadData, ToThread, Wire } from './control.ts'
import type { ThreadStart } from './tree-spec.ts'

/** A thread as the wiring sees it. */
export type ThreadHandle = {
  readonly name: string
  send(message: ToThread, transfer?: readonly MessagePort[]): void
}

export type ThreadHooks = {
  openThread(url: URL, options: WorkerOptions): Worker
  /** A later turn of the event loop. */
  defer(run: () => void): void
  /** Where named actors live. */
  readonly places: ReadonlyMap<string, string>
  /** A loaded Worker that waits to become this thread, if there is one. */
  takeSpare(name: string): Worker | undefined
  /** A spare is wanted from now on. */
  wantSpare(name: string, make: () => Worker | ExitReason): void
  spareState(name: string): 'loading' | 'ready' | undefined
  /** The wires on which a thread of this name calls. */
  wiresFrom(name: string): readonly Wire[]
  spawned(thread: ThreadHandle): void
  ready(thread: ThreadHandle): void
  gone(thread: ThreadHandle, reason: ExitReason): void
  actorEvent(thread: ThreadHandle, key: number, event: ChildEvent): void
  actorLoads(thread: ThreadHandle, loads: Extract<FromThread, { type: 'pong' }>['actors']): void
}

export type RunningThread = RunningChild & { readonly profiled: Profiled }

export const DEFAULT_TIMES: ThreadTimes = { startTimeoutMs: 15_000, heartbeatMs: 2000, silenceMs: 20_000, burialMs: 3000 }

type Shell = {
  readonly worker: Worker
  readonly start: ThreadStart
  readonly context: StartContext
  readonly hooks: ThreadHooks
  readonly handle: ThreadHandle
  readonly timers: Map<ThreadTimer, Timer>
  life: ThreadLife
  pong: Extract<FromThread, { type: 'pong' }> | undefined
  lastUse: ReturnType<Worker['performance']['eventLoopUtilization']> | undefined
  utilization: number | undefined
  /** Waits for the heap to be written. */
  heapWritten: ((outcome: Result<null, Failure>) => void) | undefined
}

export function startThread(start: ThreadStart, context: StartContext, hooks: ThreadHooks): RunningThread {
  const worker = hooks.takeSpare(context.id) ?? spawn(context.id, start, hooks)
  if ('kind' in worker) return neverStarted(context, worker)
  const [life, effects] = startThreadLife({ ...DEFAULT_TIMES, ...start.times })
  const handle: ThreadHandle = { name: context.id, send: (message, transfer = []) => worker.postMessage(message, transfer) }
  const shell: Shell = { worker, start, context, hooks, handle, timers: new Map(), life, pong: undefined, lastUse: undefined, utilization: undefined, heapWritten: undefined }
  worker.on('message', (message: FromThread) => hear(shell, message))
  worker.on('error', (thrown: unknown) => feed(shell, { type: 'error', error: toErrorValue(thrown) }))
  worker.on('messageerror', (thrown) => context.log('error', 'a control message could not be read', { thread: context.id, error: String(thrown) }))
  worker.on('exit', (code) => feed(shell, { type: 'exit', code }))
  run(shell, effects)
  hooks.spawned(handle)
  handle.send({ type: 'begin', epoch: context.epoch, places: hooks.places })
  return {
    stop: (reason) => feed(shell, { type: 'stop', reason }),
    kill: () => feed(shell, { type: 'kill' }),
    suffer: (fault) => handle.send({ type: 'suffer', fault }),
    info: () => infoOf(shell),
    profiled: {
      beginCpu: () => beginCpuIn(worker, context.id),
      writeHeap: (path, limitMs) => askForHeap(shell, path, limitMs),
      heapBytes: () => shell.pong?.heapBytes,
    },
  }
}

/** The Worker, or why there is none: only start data that cannot be copied makes the constructor throw. */
export function spawn(name: string, start: ThreadStart, hooks: Pick<ThreadHooks, 'openThread' | 'wiresFrom'>): Worker | ExitReason {
  const data: ThreadData = { name, init: start.init, wires: hooks.wiresFrom(name) }
  try {
    const { resourceLimits } = start
    return hooks.openThread(start.url, { name, workerData: data, ...(resourceLimits === undefined ? {} : { resourceLimits }) })
  } catch (thrown) {
    return uncaught(thrown)
  }
}

function neverStarted(context: StartContext, reason: ExitReason): RunningThread {
  context.report({ type: 'start_failed', reason })
  const gone = (): Promise<Result<never, Failure>> => Promise.resolve(fail(calleeUnavailable(context.id, 'it did not start')))
  return { stop: () => undefined, kill: () => undefined, info: () => ({}), profiled: { beginCpu: gone, writeHeap: gone, heapBytes: () => undefined } }
}

function askForHeap(shell: Shell, path: string, limitMs: number): Promise<Result<null, Failure>> {
  if (shell.life.value !== 'running') return Promise.resolve(fail(calleeUnavailable(shell.context.id, 'it is not running')))
  feed(shell, { type: 'excuse', ms: limitMs })
  shell.handle.send({ type: 'write_heap', path })
  return new Promise((resolve) => {
    shell.heapWritten = resolve
  })
}

function hear(shell: Shell, message: FromThread): void {
  switch (message.type) {
    case 'log':
      return shell.context.log(message.level, message.message, { thread: shell.context.id, ...message.fields })
    case 'pong':
      shell.pong = message
      shell.hooks.actorLoads(shell.handle, message.actors)
      return feed(shell, { type: 'pong' })
    case 'actor':
      return shell.hooks.actorEvent(shell.handle, message.key, message.event)
    case 'heap_written':
      feed(shell, { type: 'excuse', ms: 0 })
      return shell.heapWritten?.(message.outcome)
    case 'loaded':
      return
    default:
      return feed(shell, message)
  }
}

function feed(shell: Shell, msg: ThreadMsg): void {
  const [life, effects] = stepThreadLife(shell.life, msg)
  shell.life = life
  run(shell, effects)
  if (life.value !== 'ended' && life.value !== 'zombie') return
  for (const timer of shell.timers.values()) timer.cancel()
  shell.timers.clear()
  shell.heapWritten?.(fail(calleeUnavailable(shell.context.id, 'it ended')))
}

function run(shell: Shell, effects: readonly ThreadEffect[]): void {
  for (const effect of effects) {
    switch (effect.type) {
      case 'arm':
        arm(shell, effect.timer, effect.ms)
        break
      case 'ping':
        measure(shell)
        shell.handle.send({ type: 'ping' })
        break
      case 'ask_stop':
        shell.handle.send({ type: 'stop', reason: effect.reason })
        break
      case 'terminate':
        void shell.worker.terminate()
        break
      case 'report':
        report(shell, effect.event)
    }
  }
}

function arm(shell: Shell, timer: ThreadTimer, ms: number): void {
  const { context: { clock }, hooks, timers } = shell
  timers.get(timer)?.cancel()
  const dueMs = clock.nowMs() + ms
  timers.set(timer, clock.after(ms, () => {
    const lateMs = clock.nowMs() - dueMs
    hooks.defer(() => feed(shell, { type: `${timer}_due`, lateMs }))
  }))
}

/** Peers learn first, so that no call made in reaction to the report can hang. */
function report(shell: Shell, event: ChildEvent): void {
  const { hooks, handle, context, start } = shell
  if (event.type === 'started') {
    hooks.ready(handle)
    if (start.spare === true) hooks.wantSpare(context.id, () => spawn(context.id, start, hooks))
  }
  if (event.type === 'exit' || event.type === 'start_failed') {
    hooks.gone(handle, event.reason)
    if (shell.life.value === 'zombie') context.log('error', 'a thread does not end although terminated', { thread: context.id, reason: formatReason(event.reason) })
  }
  context.report(event)
}

function measure(shell: Shell): void {
  const use = shell.worker.performance.eventLoopUtilization()
  // Given one measurement only, it would answer for the moment since then.
  const since = shell.lastUse === undefined ? use : shell.worker.performance.eventLoopUtilization(use, shell.lastUse)
  shell.utilization = Math.max(0, since.utilization)
  shell.lastUse = use
}

function infoOf({ context, hooks, pong, utilization }: Shell): ChildInfo {
  const spare = hooks.spareState(context.id)
  return {
    thread: context.id,
    ...(spare === undefined ? {} : { spare }),
    ...(pong === undefined ? {} : { heapBytes: pong.heapBytes, mailbox: pong.mailbox }),
    ...(pong?.stats === undefined ? {} : { stats: pong.stats }),
    ...(utilization === undefined ? {} : { utilization }),
  }
}
