/**
 * Pools as children: Piscina behind a bulkhead, so that it never holds more tasks than it has threads for. Piscina replaces
 * threads that die; each death is reported to the supervisor as a fault and so counts towards its intensity.
 *
 * Every task settles: with its result, with a typed failure when its thread died, its time ran out or its caller gave up,
 * with `busy` when too many wait in its lane, with `unavailable` when the pool ends. A task that ended its thread or ran out
 * of time is tried once more, then with twice the time; a key that struck twice so is quarantined, with the reason kept. A
 * pool whose threads cannot even start ends, and its supervisor decides. Piscina's `atomics` are disabled: otherwise its
 * threads are frozen between tasks.
 */

import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Transferable, Worker } from 'node:worker_threads'

import { Piscina } from 'piscina'

import type { Timer } from '../../base/clock.ts'
import { failure, toFailure } from '../../base/failure.ts'
import type { Failure } from '../../base/failure.ts'
import { fail, ok } from '../../base/result.ts'
import type { Result } from '../../base/result.ts'
import { createBulkhead } from '../bulkhead.ts'
import type { Bulkhead } from '../bulkhead.ts'
import { calleeUnavailable } from '../channel.ts'
import { formatReason, KILLED, toErrorValue } from '../exit-reason.ts'
import type { ExitReason } from '../exit-reason.ts'
import type { RunningChild, StartContext } from '../starter.ts'
import { SUFFER } from './faults.ts'
import { beginCpuIn, WRITE_HEAP } from './profiled.ts'
import type { Profiled } from './profiled.ts'
import type { PoolArgs, PoolRunOptions, PoolStats } from './tree.ts'
import type { PoolStart } from './tree-spec.ts'

/** What outlives a restart of the pool. `strikes`: what was held against each key, the last one last. */
export type PoolLedger = { nDone: number; nDeaths: number; readonly strikes: Map<string, readonly Failure[]> }

export function createPoolLedger(): PoolLedger {
  return { nDone: 0, nDeaths: 0, strikes: new Map() }
}

export type RunningPool = RunningChild & {
  readonly profiled: Profiled
  run(method: string, args: unknown, options: PoolRunOptions): Promise<Result<unknown, Failure>>
  stats(): PoolStats
  /** Ends threads that have nothing to do. */
  releaseIdle(): void
}

type Task = {
  readonly method: string
  readonly args: unknown
  readonly options: PoolRunOptions
  readonly lane: string
  readonly settle: (result: Result<unknown, Failure>) => void
  nTries: number
  timeoutMs: number
  /** Ends the attempt under way. */
  abort: AbortController
  /** The answer, when the caller or the pool has given it up. */
  why: Failure | undefined
  /** The attempt under way has run out of time. */
  late: Failure | undefined
  timer: Timer | undefined
}

type Pool = {
  readonly context: StartContext
  readonly start: PoolStart
  readonly ledger: PoolLedger
  /** Replaced when idle threads are given up. */
  piscina: Piscina
  readonly bulkhead: Bulkhead<Task>
  readonly running: Set<Task>
  readonly watched: WeakSet<Worker>
  /** Errors that threads died of: Piscina rejects their tasks with the same objects. */
  readonly fatal: WeakMap<object, ExitReason>
  startTimer: Timer | undefined
  nReady: number
  /** Set when no more tasks are taken; the pool ends with it once the last one is done. */
  ending: ExitReason | undefined
  closed: boolean
}

const MAX_STRIKES = 2
const DEFAULT_ATTEMPTS = 2
const DEFAULT_LANE = 'default'
const MAX_LEDGER_KEYS = 1000
const DEFAULT_IDLE_MS = 30_000
const DEFAULT_START_TIMEOUT_MS = 10_000
const DEFAULT_TASK_TIMEOUT_MS = 60_000
const BURIAL_MS = 3000
/** A thread that loops on purpose is ended after this. */
const SUFFERING_MS = 1000

export function startPool(start: PoolStart, context: StartContext, ledger: PoolLedger): RunningPool {
  const { size, overflow = 0, maxQueue } = start
  const maxThreads = size + overflow
  const pool: Pool = {
    context, start, ledger, piscina: openPiscina(start, maxThreads, context), bulkhead: createBulkhead({ size, overflow, maxWaiting: Math.max(1, maxQueue) }),
    running: new Set(), watched: new WeakSet(), fatal: new WeakMap(), startTimer: undefined, nReady: 0, ending: undefined, closed: false,
  }
  watchThreads(pool)
  context.report({ type: 'started' })
  return {
    run: (method, args, options) => submit(pool, method, args, options),
    stop: (reason) => beginEnd(pool, reason),
    kill: () => close(pool, KILLED),
    suffer: (fault) => void submit(pool, SUFFER, fault, { timeoutMs: SUFFERING_MS, attempts: 1 }),
    info: () => {
      const stats = numbers(pool)
      return { mailbox: stats['running'] + stats['waiting'], utilization: pool.running.size / maxThreads, stats }
    },
    stats: () => statsOf(pool),
    releaseIdle: () => releaseIdle(pool),
    profiled: {
      beginCpu: (signal) => beginCpu(pool, signal),
      writeHeap: async (path, limitMs) => {
        const written = await submit(pool, WRITE_HEAP, path, { timeoutMs: limitMs, attempts: 1 })
        return written.ok ? ok(null) : written
      },
      heapBytes: () => undefined,
    },
  }
}

/** Of the thread that is there for longest, or of the next to come. */
async function beginCpu({ piscina, context: { id } }: Pool, signal: AbortSignal): ReturnType<Profiled['beginCpu']> {
  const isThere = piscina.threads.length > 0 || await once(piscina, 'workerCreate', { signal }).then(() => true, () => false)
  const [worker] = piscina.threads
  if (isThere && worker !== undefined) return beginCpuIn(worker, `a thread of ${id}`)
  return fail(failure('unavailable', `${id} had no work, and so no thread to profile`, { hint: 'give it work meanwhile' }))
}

function openPiscina(start: PoolStart, maxThreads: number, context: StartContext): Piscina {
  return new Piscina({
    filename: fileURLToPath(start.url),
    name: 'default',
    minThreads: start.minThreads ?? 0,
    maxThreads,
    idleTimeout: start.idleMs ?? DEFAULT_IDLE_MS,
    workerData: start.init ?? { pool: context.id },
    atomics: 'disabled',
    recordTiming: false,
    ...(start.resourceLimits === undefined ? {} : { resourceLimits: start.resourceLimits }),
  })
}

// Tasks

function submit(pool: Pool, method: string, args: unknown, options: PoolRunOptions): Promise<Result<unknown, Failure>> {
  const refusal = refusalOf(pool, options)
  if (refusal !== undefined) return Promise.resolve(fail(refusal))
  return new Promise((resolve) => {
    const settle = (result: Result<unknown, Failure>): void => {
      options.signal?.removeEventListener('abort', cancel)
      resolve(result)
    }
    const task: Task = {
      method, args, options, lane: options.lane ?? DEFAULT_LANE, settle, nTries: 0, abort: new AbortController(), why: undefined, late: undefined, timer: undefined,
      timeoutMs: options.timeoutMs ?? pool.start.taskTimeoutMs ?? DEFAULT_TASK_TIMEOUT_MS,
    }
    const cancel = (): void => giveUp(pool, task, failure('timeout', `${pool.context.id}.${method} was cancelled by its caller`, { details: { cancelled: true } }))
    options.signal?.addEventListener('abort', cancel, { once: true })
    const entered = pool.bulkhead.enter(task.lane, task)
    if (entered === 'run') launch(pool, task)
    else if (entered === 'refused') settle(fail(laneFull(pool, task.lane)))
  })
}

function refusalOf({ ending, context: { id }, ledger }: Pool, { key, signal }: PoolRunOptions): Failure | undefined {
  if (ending !== undefined) return calleeUnavailable(id, 'it is stopping')
  if (signal?.aborted === true) return failure('timeout', `a task of ${id} was cancelled before it began`, { details: { cancelled: true } })
  const strikes = key === undefined ? [] : ledger.strikes.get(key) ?? []
  return key !== undefined && strikes.length >= MAX_STRIKES ? quarantined(id, key, strikes) : undefined
}

function laneFull({ context: { id }, start: { maxQueue } }: Pool, lane: string): Failure {
  return failure('busy', `${id} has ${maxQueue} tasks waiting in lane ${lane}`, { hint: 'try again in a moment', details: { lane, limit: maxQueue } })
}

/** Begins a try of a task that has its place. */
function launch(pool: Pool, task: Task): void {
  const { context, piscina } = pool
  const { method, timeoutMs } = task
  const made = isMade(task.args) ? task.args() : ok({ args: task.args, transfer: [] })
  pool.running.add(task)
  if (!made.ok) return void Promise.resolve().then(() => finished(pool, task, made))
  task.nTries += 1
  task.late = undefined
  task.abort = new AbortController()
  task.timer = context.clock.after(timeoutMs, () => {
    task.late = failure('timeout', `${context.id}.${method} took longer than ${timeoutMs} ms`, { details: { timeout_ms: timeoutMs } })
    task.abort.abort()
  })
  awaitFirstThread(pool)
  const { args, transfer } = made.value
  piscina.run({ method, args }, { signal: task.abort.signal, transferList: [...(transfer as readonly Transferable[])] as never[] }).then(
    (result: Result<unknown, Failure>) => finished(pool, task, result),
    (thrown: unknown) => failed(pool, task, thrown),
  )
}

/** No other arguments are functions: those cannot be copied. */
function isMade(args: unknown): args is PoolArgs<unknown> {
  return typeof args === 'function'
}

function giveUp(pool: Pool, task: Task, why: Failure): void {
  if (pool.bulkhead.remove((other) => other === task).length > 0) return task.settle(fail(why))
  if (!pool.running.has(task)) return
  task.why ??= why
  task.abort.abort()
}

function finished(pool: Pool, task: Task, result: Result<unknown, Failure>): void {
  const { key } = task.options
  pool.running.delete(task)
  task.timer?.cancel()
  pool.ledger.nDone += 1
  if (result.ok && key !== undefined) pool.ledger.strikes.delete(key)
  task.settle(result)
  const next = pool.bulkhead.leave(task.lane)
  if (next !== undefined) launch(pool, next)
  else if (pool.ending !== undefined) endWhenIdle(pool)
}

function failed(pool: Pool, task: Task, thrown: unknown): void {
  const { id } = pool.context
  if (task.why !== undefined) return finished(pool, task, fail(task.why))
  if (pool.closed) return finished(pool, task, fail(calleeUnavailable(id, 'it ended')))
  const death = deathOf(pool, thrown)
  const strike = task.late ?? (death === undefined ? undefined : calleeUnavailable(`${id}.${task.method}`, `its thread ended with ${formatReason(death)}`))
  if (strike === undefined) return finished(pool, task, fail(toFailure(thrown)))
  const { key, attempts = DEFAULT_ATTEMPTS } = task.options
  const strikes = key === undefined ? [] : addStrike(pool.ledger, key, strike)
  if (key !== undefined && strikes.length >= MAX_STRIKES) return finished(pool, task, fail(quarantined(id, key, strikes)))
  if (task.nTries >= attempts || pool.ending !== undefined) return finished(pool, task, fail(strike))
  pool.running.delete(task)
  task.timer?.cancel()
  if (task.late !== undefined) task.timeoutMs *= 2
  launch(pool, task)
}

function addStrike({ strikes }: PoolLedger, key: string, strike: Failure): readonly Failure[] {
  const all = [...strikes.get(key) ?? [], strike]
  strikes.set(key, all)
  const oldest = strikes.size > MAX_LEDGER_KEYS ? strikes.keys().next() : undefined
  if (oldest?.done === false) strikes.delete(oldest.value)
  return all
}

function quarantined(id: string, key: string, strikes: readonly Failure[]): Failure {
  return failure('internal', `${id} gave it up after ${strikes.length} tries: ${strikes.map(({ message }) => message).join('; ')}`, {
    hint: 'it is not tried again until it changes or the daemon restarts', details: { quarantined: key },
  })
}

// Threads

/** Why a thread died, when `thrown` is what Piscina rejects the tasks of a dead thread with. */
function deathOf(pool: Pool, thrown: unknown): ExitReason | undefined {
  if (!(thrown instanceof Error)) return undefined
  const code = /^worker exited with code: (\d+)$/.exec(thrown.message)?.[1]
  return pool.fatal.get(thrown) ?? (code === undefined ? undefined : { kind: 'exit_code', code: Number(code) })
}

function watchThreads(pool: Pool): void {
  const { piscina } = pool
  piscina.on('workerCreate', () => {
    pool.nReady += 1
    pool.startTimer?.cancel()
    pool.startTimer = undefined
    for (const worker of piscina.threads) watch(pool, worker)
  })
  piscina.on('error', (thrown: Error) => {
    if (!pool.fatal.has(thrown)) bootFailed(pool, reasonOf(thrown))
  })
  piscina.on('workerDestroy', () => setImmediate(() => {
    if (piscina === pool.piscina && pool.running.size > piscina.threads.length) bootFailed(pool, { kind: 'exit_code', code: 1 })
  }))
}

/** Ends threads without work before their time; when some work, none: those that do not are few, and soon needed. */
function releaseIdle(pool: Pool): void {
  const { piscina, start: { size, overflow = 0 } } = pool
  if (pool.closed || pool.running.size > 0 || piscina.threads.length === 0) return
  pool.piscina = openPiscina(pool.start, size + overflow, pool.context)
  watchThreads(pool)
  void piscina.destroy()
}

/** Our listeners run before Piscina's, which forgets a dead thread; a thread it ended itself is forgotten by then. */
function watch(pool: Pool, worker: Worker): void {
  if (pool.watched.has(worker)) return
  pool.watched.add(worker)
  worker.prependListener('error', (thrown) => {
    const reason = reasonOf(thrown)
    if (typeof thrown === 'object' && thrown !== null) pool.fatal.set(thrown, reason)
    died(pool, reason)
  })
  worker.prependListener('exit', (code) => {
    if (pool.piscina.threads.includes(worker)) died(pool, { kind: 'exit_code', code })
  })
}

function died(pool: Pool, reason: ExitReason): void {
  if (pool.closed) return
  pool.ledger.nDeaths += 1
  pool.context.report({ type: 'fault', reason })
}

function reasonOf(thrown: unknown): ExitReason {
  const error = toErrorValue(thrown)
  return error.code === 'ERR_WORKER_OUT_OF_MEMORY' ? { kind: 'oom' } : { kind: 'uncaught', error }
}

/** Threads that hang while they load say nothing, so the first one of a pool has a deadline. */
function awaitFirstThread(pool: Pool): void {
  if (pool.nReady > 0 || pool.startTimer !== undefined) return
  const ms = pool.start.startTimeoutMs ?? DEFAULT_START_TIMEOUT_MS
  pool.startTimer = pool.context.clock.after(ms, () => bootFailed(pool, { kind: 'start_timeout', ms }))
}

/** Piscina stops replacing threads that fail to load, and leaves their tasks waiting for ever. */
function bootFailed(pool: Pool, reason: ExitReason): void {
  if (!pool.closed) close(pool, reason)
}

// Ending

function beginEnd(pool: Pool, reason: ExitReason): void {
  pool.ending ??= reason
  dropWaiting(pool)
  endWhenIdle(pool)
}

function endWhenIdle(pool: Pool): void {
  if (pool.running.size === 0 && pool.ending !== undefined) close(pool, pool.ending)
}

function close(pool: Pool, reason: ExitReason): void {
  if (pool.closed) return
  pool.closed = true
  pool.ending ??= reason
  pool.startTimer?.cancel()
  dropWaiting(pool)
  for (const task of pool.running) task.why ??= calleeUnavailable(pool.context.id, `it ended with ${formatReason(reason)}`)
  const buried = Promise.withResolvers<void>()
  const burial = pool.context.clock.after(BURIAL_MS, buried.resolve)
  void Promise.race([pool.piscina.destroy(), buried.promise]).then(() => bury(pool, reason, burial))
}

function bury(pool: Pool, reason: ExitReason, burial: Timer): void {
  burial.cancel()
  for (const task of pool.running) finished(pool, task, fail(calleeUnavailable(pool.context.id, 'it ended')))
  pool.context.report({ type: 'exit', reason })
}

function dropWaiting(pool: Pool): void {
  for (const task of pool.bulkhead.remove(() => true)) task.settle(fail(calleeUnavailable(pool.context.id, 'it is stopping')))
}

function statsOf({ piscina, running, bulkhead, ledger: { nDone, nDeaths, strikes } }: Pool): PoolStats {
  return {
    nThreads: piscina.threads.length,
    nRunning: running.size,
    nDone,
    nDeaths,
    lanes: bulkhead.loads(),
    quarantined: [...strikes].filter(([, all]) => all.length >= MAX_STRIKES).map(([key]) => key),
  }
}

type PoolNumbers = Record<'threads' | 'running' | 'waiting' | 'done' | 'deaths' | 'quarantined', number>

/** Numbers of a lane are named `lane.number`. */
function numbers(pool: Pool): PoolNumbers & Record<string, number> {
  const { nThreads, nRunning, nDone, nDeaths, lanes, quarantined: keys } = statsOf(pool)
  const all = Object.entries(lanes)
  return {
    threads: nThreads, running: nRunning, waiting: all.reduce((sum, [, { waiting }]) => sum + waiting, 0), done: nDone, deaths: nDeaths, quarantined: keys.length,
    ...Object.fromEntries(all.flatMap(([lane, load]) => Object.entries(load).map(([number, value]) => [`${lane}.${number}`, value]))),
  }
}
