/**
 * Pools as children: Piscina behind a queue of our own, so that it never holds more tasks than it has threads for. Piscina
 * replaces threads that die; each death is reported to the supervisor as a fault and so counts towards its intensity.
 *
 * Every task settles: with its result, with a typed failure when its thread died, its time ran out or its caller gave up,
 * with `busy` when the queue is full, with `unavailable` when the pool ends. A task whose thread died is tried once more; a
 * key that killed two threads is quarantined. A pool whose threads cannot even start ends, and its supervisor decides.
 * Piscina's `atomics` are disabled: otherwise its threads are frozen between tasks.
 */

import { fileURLToPath } from 'node:url'
import type { Transferable, Worker } from 'node:worker_threads'

import { Piscina } from 'piscina'

import { createBoundedQueue } from '../../base/bounded-queue.ts'
import type { BoundedQueue } from '../../base/bounded-queue.ts'
import type { Timer } from '../../base/clock.ts'
import { failure, toFailure } from '../../base/failure.ts'
import type { Failure } from '../../base/failure.ts'
import { fail } from '../../base/result.ts'
import type { Result } from '../../base/result.ts'
import { calleeUnavailable } from '../channel.ts'
import { formatReason, KILLED, toErrorValue } from '../exit-reason.ts'
import type { ExitReason } from '../exit-reason.ts'
import type { RunningChild, StartContext } from '../starter.ts'
import type { PoolRunOptions, PoolStats } from './tree.ts'
import type { PoolStart } from './tree-spec.ts'

/** What outlives a restart of the pool. */
export type PoolLedger = { nDone: number; nRefused: number; nDeaths: number; readonly deathsOf: Map<string, number> }

export function createPoolLedger(): PoolLedger {
  return { nDone: 0, nRefused: 0, nDeaths: 0, deathsOf: new Map() }
}

export type RunningPool = RunningChild & {
  run(method: string, args: unknown, options: PoolRunOptions): Promise<Result<unknown, Failure>>
  stats(): PoolStats
}

type Task = {
  readonly method: string
  readonly args: unknown
  readonly options: PoolRunOptions
  readonly settle: (result: Result<unknown, Failure>) => void
  nDeaths: number
  /** Ends the attempt under way; `why` is then the answer. */
  abort: AbortController
  why: Failure | undefined
  timer: Timer | undefined
}

type Pool = {
  readonly context: StartContext
  readonly start: PoolStart
  readonly ledger: PoolLedger
  readonly piscina: Piscina
  readonly waiting: BoundedQueue<Task>
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

const MAX_DEATHS = 2
const MAX_LEDGER_KEYS = 1000
const DEFAULT_IDLE_MS = 30_000
const DEFAULT_START_TIMEOUT_MS = 10_000
const DEFAULT_TASK_TIMEOUT_MS = 60_000
const BURIAL_MS = 3000

export function startPool(start: PoolStart, context: StartContext, ledger: PoolLedger): RunningPool {
  const pool: Pool = {
    context, start, ledger, piscina: openPiscina(start, context), waiting: createBoundedQueue(Math.max(1, start.maxQueue)),
    running: new Set(), watched: new WeakSet(), fatal: new WeakMap(), startTimer: undefined, nReady: 0, ending: undefined, closed: false,
  }
  watchThreads(pool)
  context.report({ type: 'started' })
  return {
    run: (method, args, options) => submit(pool, method, args, options),
    stop: (reason) => beginEnd(pool, reason),
    kill: () => close(pool, KILLED),
    info: () => ({ mailbox: pool.waiting.size() + pool.running.size, utilization: pool.running.size / start.maxThreads, stats: numbers(pool) }),
    stats: () => statsOf(pool),
  }
}

function openPiscina(start: PoolStart, context: StartContext): Piscina {
  return new Piscina({
    filename: fileURLToPath(start.url),
    name: 'default',
    minThreads: start.minThreads ?? 0,
    maxThreads: start.maxThreads,
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
    const task: Task = { method, args, options, settle, nDeaths: 0, abort: new AbortController(), why: undefined, timer: undefined }
    const cancel = (): void => giveUp(pool, task, failure('timeout', `${pool.context.id}.${method} was cancelled by its caller`, { details: { cancelled: true } }))
    options.signal?.addEventListener('abort', cancel, { once: true })
    if (pool.running.size < pool.start.maxThreads) launch(pool, task)
    else pool.waiting.push(task)
  })
}

function refusalOf(pool: Pool, { key, signal }: PoolRunOptions): Failure | undefined {
  const { id } = pool.context
  if (pool.ending !== undefined) return calleeUnavailable(id, 'it is stopping')
  if (signal?.aborted === true) return failure('timeout', `a task of ${id} was cancelled before it began`, { details: { cancelled: true } })
  if (key !== undefined && (pool.ledger.deathsOf.get(key) ?? 0) >= MAX_DEATHS) return quarantined(id, key)
  const isFull = pool.running.size >= pool.start.maxThreads && pool.waiting.size() >= pool.start.maxQueue
  if (!isFull) return undefined
  pool.ledger.nRefused += 1
  return failure('busy', `${id} has ${pool.start.maxQueue} tasks waiting`, { hint: 'try again in a moment', details: { limit: pool.start.maxQueue } })
}

function launch(pool: Pool, task: Task): void {
  const { context, piscina, start } = pool
  const { options, method, args } = task
  const timeoutMs = options.timeoutMs ?? start.taskTimeoutMs ?? DEFAULT_TASK_TIMEOUT_MS
  pool.running.add(task)
  task.abort = new AbortController()
  task.timer = context.clock.after(timeoutMs, () => giveUp(pool, task, failure('timeout', `${context.id}.${method} took longer than ${timeoutMs} ms`, { details: { timeout_ms: timeoutMs } })))
  awaitFirstThread(pool)
  const transferList = options.transfer === undefined ? {} : { transferList: [...(options.transfer as readonly Transferable[])] as never[] }
  piscina.run({ method, args }, { signal: task.abort.signal, ...transferList }).then(
    (result: Result<unknown, Failure>) => finished(pool, task, result),
    (thrown: unknown) => failed(pool, task, thrown),
  )
}

function giveUp(pool: Pool, task: Task, why: Failure): void {
  if (pool.waiting.remove((other) => other === task).length > 0) return task.settle(fail(why))
  if (!pool.running.has(task) || task.why !== undefined) return
  task.why = why
  task.abort.abort()
}

function finished(pool: Pool, task: Task, result: Result<unknown, Failure>): void {
  pool.running.delete(task)
  task.timer?.cancel()
  pool.ledger.nDone += 1
  task.settle(result)
  if (pool.ending !== undefined) return endWhenIdle(pool)
  const next = pool.waiting.shift()
  if (next !== undefined) launch(pool, next)
}

function failed(pool: Pool, task: Task, thrown: unknown): void {
  const { id } = pool.context
  const death = deathOf(pool, thrown)
  if (task.why !== undefined) return finished(pool, task, fail(task.why))
  if (pool.closed) return finished(pool, task, fail(calleeUnavailable(id, 'it ended')))
  if (death === undefined) return finished(pool, task, fail(toFailure(thrown)))
  const { key, transfer } = task.options
  task.nDeaths += 1
  const nDeaths = key === undefined ? task.nDeaths : countDeath(pool.ledger, key)
  if (nDeaths >= MAX_DEATHS) return finished(pool, task, fail(quarantined(id, key ?? task.method, death)))
  if (transfer !== undefined || pool.ending !== undefined) {
    return finished(pool, task, fail(calleeUnavailable(`${id}.${task.method}`, `its thread ended with ${formatReason(death)}`)))
  }
  pool.running.delete(task)
  task.timer?.cancel()
  launch(pool, task)
}

function countDeath({ deathsOf }: PoolLedger, key: string): number {
  const nDeaths = (deathsOf.get(key) ?? 0) + 1
  deathsOf.set(key, nDeaths)
  const oldest = deathsOf.size > MAX_LEDGER_KEYS ? deathsOf.keys().next() : undefined
  if (oldest?.done === false) deathsOf.delete(oldest.value)
  return nDeaths
}

function quarantined(id: string, key: string, death?: ExitReason): Failure {
  const last = death === undefined ? '' : `, the last by ${formatReason(death)}`
  return failure('internal', `${id} gave up on ${key}: it ended ${MAX_DEATHS} threads${last}`, {
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
    if (pool.running.size > piscina.threads.length) bootFailed(pool, { kind: 'exit_code', code: 1 })
  }))
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
  for (const task of pool.waiting.remove(() => true)) task.settle(fail(calleeUnavailable(pool.context.id, 'it is stopping')))
}

function statsOf(pool: Pool): PoolStats {
  const { nDone, nRefused, nDeaths, deathsOf } = pool.ledger
  return {
    nThreads: pool.piscina.threads.length,
    nRunning: pool.running.size,
    nWaiting: pool.waiting.size(),
    nDone,
    nRefused,
    nDeaths,
    quarantined: [...deathsOf].filter(([, n]) => n >= MAX_DEATHS).map(([key]) => key),
  }
}

function numbers(pool: Pool): Record<string, number> {
  const { nThreads, nRunning, nWaiting, nDone, nRefused, nDeaths, quarantined: keys } = statsOf(pool)
  return { threads: nThreads, running: nRunning, waiting: nWaiting, done: nDone, refused: nRefused, deaths: nDeaths, quarantined: keys.length }
}
