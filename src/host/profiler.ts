/**
 * Takes CPU profiles and heap snapshots to files: the port of the tasks that do. Checks first who is meant, that nobody
 * profiles the same thread, and that there is room; keeps the newest few files, private to the user.
 *
 * Invariant: a thread counts as busy until it is free again, also when whoever asked has been answered before. What was
 * cancelled leaves no file.
 */

import { readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../base/clock.ts'
import { failure, type Failure } from '../base/failure.ts'
import { fail, ok, type Result } from '../base/result.ts'
import type { ActorPort } from '../otp/actor-system.ts'
import type { Profiled } from '../otp/node/profiled.ts'
import { promisePort } from '../otp/promise-port.ts'
import type { Log } from '../otp/starter.ts'
import type { TakenProfile } from '../wire/records.ts'
import { ensurePrivateDirectory, writeFailure, writeWhole } from './private-files.ts'
import type { TaskOperation } from './task.actor.ts'

export type ProfileOrder = { readonly kind: 'cpu' | 'heap'; readonly thread: string; readonly seconds: number }

export type ProfilerOptions = {
  readonly directory: string
  readonly uid: number
  readonly profiled: () => ReadonlyMap<string, Profiled>
  readonly clock: Clock
  readonly log: Log
  /** What is to be left free on the disk. */
  readonly minFreeBytes: number
  /** Null where that cannot be found out. */
  readonly freeBytes: (directory: string) => number | null
}

export const PROFILE_PORT = 'task.profile'
export const KEPT_PROFILES = 10

const MIB = 1024 * 1024
/** About 8 MB are written a second, while the thread stands still; main is watched from outside by heart and service managers. */
const MAX_HEAP_BYTES = { main: 256 * MIB, others: 1024 * MIB }
const HEAP_LIMIT_MS = 300_000
/** A heap of 69 MB made a file of 101 MB. */
const FILE_BYTES_PER_HEAP_BYTE = 2
/** More than a minute of a thread that does a great deal. */
const CPU_FILE_BYTES = 16 * MIB
/** For beginning and ending, where the thread is slow to hear of it. */
const GRACE_MS = 10_000
const ENDINGS = { cpu: '.cpuprofile', heap: '.heapsnapshot' }
const DRAFT = '.part'
const OWN_DRAFT = `.${process.pid}${DRAFT}`

/** A pool without threads is given the time of the profile to find work. */
export function profileDeadlineMs({ kind, seconds }: ProfileOrder): number {
  return kind === 'heap' ? HEAP_LIMIT_MS : 2 * seconds * 1000 + GRACE_MS
}

type Outcome = Result<TakenProfile, Failure>
type Job = { readonly order: ProfileOrder; readonly target: Profiled; readonly signal: AbortSignal }

export function createProfiler(options: ProfilerOptions): ActorPort {
  const underWay = new Map<string, { readonly thread: string; readonly abort: AbortController }>()
  const begin = async (id: string, order: ProfileOrder): Promise<Outcome> => {
    const target = options.profiled().get(order.thread)
    if (target === undefined) return fail(unknownThread(order.thread, options.profiled()))
    if ([...underWay.values()].some(({ thread }) => thread === order.thread)) {
      return fail(failure('busy', `${order.thread} is being profiled already`, { hint: 'wait for it to end' }))
    }
    const abort = new AbortController()
    const cancelled = Promise.withResolvers<Outcome>()
    abort.signal.addEventListener('abort', () => {
      cancelled.resolve(fail(failure('timeout', `the profile of ${order.thread} was cancelled`, { details: { cancelled: true } })))
    })
    underWay.set(id, { thread: order.thread, abort })
    const taken = take(options, { order, target, signal: abort.signal }).finally(() => underWay.delete(id))
    return Promise.race([taken, cancelled.promise])
  }
  return promisePort(async (task: TaskOperation) => {
    if (task.type === 'begin') return begin(task.id, task.operation as ProfileOrder)
    underWay.get(task.id)?.abort.abort()
    return ok(null)
  })
}

export function unknownThread(thread: string, profiled: ReadonlyMap<string, Profiled>): Failure {
  return failure('not_found', `there is no thread ${JSON.stringify(thread)}`, { hint: `there are ${[...profiled.keys()].join(', ')}` })
}

async function take(options: ProfilerOptions, job: Job): Promise<Outcome> {
  const { directory, clock, log } = options
  const { kind, thread } = job.order
  const refusal = prepare(options, job)
  if (refusal !== undefined) return fail(refusal)
  const beganMs = clock.nowMs()
  const path = join(directory, `${thread}-${new Date(clock.wallMs()).toISOString().replaceAll(/[:.]/g, '-')}${ENDINGS[kind]}`)
  const written = await (kind === 'cpu' ? takeCpu(options, job, path) : takeHeap(job, path))
  if (!written.ok || job.signal.aborted) {
    for (const file of [path, path + OWN_DRAFT]) rmSync(file, { force: true })
    return written.ok ? fail(failure('timeout', 'cancelled')) : written
  }
  const taken: TakenProfile = { path, kind, thread, bytes: statSync(path, { throwIfNoEntry: false })?.size ?? 0, duration_ms: Math.round(clock.nowMs() - beganMs) }
  log('info', 'a profile was taken', taken)
  return ok(taken)
}

/** The failure of what need not be begun; older files have made room otherwise. */
function prepare({ directory, uid, minFreeBytes, freeBytes }: ProfilerOptions, { order: { kind, thread }, target }: Job): Failure | undefined {
  const made = ensurePrivateDirectory(directory, uid)
  if (!made.ok) return made.error
  makeRoom(directory)
  const heapBytes = target.heapBytes() ?? 0
  const limit = thread === 'main' ? MAX_HEAP_BYTES.main : MAX_HEAP_BYTES.others
  if (kind === 'heap' && heapBytes > limit) {
    return failure('too_large', `the heap of ${thread} holds ${Math.round(heapBytes / MIB)} MiB; up to ${limit / MIB} can be written`, {
      hint: 'the thread would stand still for too long; take it earlier, or a CPU profile',
    })
  }
  const needed = minFreeBytes + (kind === 'heap' ? heapBytes * FILE_BYTES_PER_HEAP_BYTE : CPU_FILE_BYTES)
  const free = freeBytes(directory)
  if (free === null || free >= needed) return undefined
  return failure('storage_full', `${Math.round(free / MIB)} MiB are free at ${directory}; ${Math.round(needed / MIB)} are needed`, { hint: 'free disk space' })
}

/** Removes the oldest files, and drafts of a daemon that has ended. */
function makeRoom(directory: string): void {
  const names = readdirSync(directory)
  const old = names.filter((name) => Object.values(ENDINGS).some((ending) => name.endsWith(ending)))
    .map((name) => ({ name, writtenMs: statSync(join(directory, name), { throwIfNoEntry: false })?.mtimeMs ?? 0 }))
    .sort((a, b) => b.writtenMs - a.writtenMs).slice(KEPT_PROFILES - 1).map(({ name }) => name)
  const abandoned = names.filter((name) => name.endsWith(DRAFT) && !name.endsWith(OWN_DRAFT))
  for (const name of [...old, ...abandoned]) rmSync(join(directory, name), { force: true })
}

async function takeCpu({ clock }: ProfilerOptions, { order: { seconds }, target, signal }: Job, path: string): Promise<Result<void, Failure>> {
  const patience = new AbortController()
  const timer = clock.after(seconds * 1000, () => patience.abort())
  const begun = await target.beginCpu(AbortSignal.any([patience.signal, signal]))
  timer.cancel()
  if (!begun.ok) return begun
  await sleep(clock, seconds * 1000, signal)
  const text = await begun.value.end()
  return text.ok ? writeWhole(path, text.value) : text
}

async function takeHeap({ target }: Job, path: string): Promise<Result<void, Failure>> {
  const written = await target.writeHeap(path + OWN_DRAFT, HEAP_LIMIT_MS)
  if (!written.ok) return written
  try {
    renameSync(path + OWN_DRAFT, path)
    return ok(undefined)
  } catch (error) {
    return fail(writeFailure(path, error))
  }
}

function sleep(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = clock.after(ms, resolve)
    signal.addEventListener('abort', () => {
      timer.cancel()
      resolve()
    }, { once: true })
    if (signal.aborted) resolve()
  })
}
