/**
 * A model of the store: what is committed, and one transaction at a time that is seen by nobody until it commits. It outlives
 * every process of the world. A transaction goes through its points (begin, each change, commit, answer), between which
 * anything may happen; one whose process ends is as if it had never been. Traps make it fail, stall or die at one point.
 */

import { failure } from '../../src/base/failure.ts'
import type { Failure } from '../../src/base/failure.ts'
import { fail, ok } from '../../src/base/result.ts'
import type { Result } from '../../src/base/result.ts'
import type { Process, Scheduler } from './scheduler.ts'

export type Change = { readonly key: string; readonly token: string }

export type Commit = { readonly epoch: number; readonly changes: readonly Change[]; readonly requestId: string | undefined }

export type Read = { readonly epoch: number; readonly tokens: readonly (string | undefined)[] }

export const POINTS = ['begin', 'change', 'commit', 'answer'] as const
export type Point = (typeof POINTS)[number]
export type Trap = { readonly at: Point; readonly what: 'fail' | 'die' | 'stall' }

/** How the model can be made wrong, to see that it is noticed. */
export type DiskFlaw = 'acknowledges before it commits' | 'shows half of a batch' | 'forgets at a crash' | 'goes back in time' | 'forgets what it has answered' | 'notes requests after it commits'

export type Disk = {
  readonly log: readonly Commit[]
  importState: 'none' | 'running' | 'interrupted' | 'complete'
  isFull: boolean
  trap: Trap | undefined
  read(keys: readonly string[]): Read
  /** All changes in one epoch, or none; answers the epoch. A request that is known is answered with the epoch it has made. */
  write(process: Process, asked: Write, done: (result: Result<number, Failure>) => void): void
}

/** `check`: what is in the way, looked at when nobody else can write any more. */
export type Write = { readonly changes: readonly Change[]; readonly requestId?: string | undefined; readonly check?: (() => Failure | undefined) | undefined }

export type DiskOptions = { readonly scheduler: Scheduler; readonly onTrap: (trap: Trap, process: Process) => void; readonly flaw: DiskFlaw | undefined }

type Transaction = Write & {
  readonly process: Process
  readonly done: (result: Result<number, Failure>) => void
  nChanged: number
}

const BUSY_MS = 20
const STALL_MS = 12_000

export function createDisk({ scheduler, onTrap, flaw }: DiskOptions): Disk {
  const log: Commit[] = []
  /** Request -> the epoch it has made; as much on disk as what it wrote. */
  const answered = new Map<string, number>()
  let values = new Map<string, string>()
  let lock: Transaction | undefined
  const { random, clock } = scheduler

  const go = (transaction: Transaction, run: () => void, ms = random.chance(0.2) ? random.below(30) : 0): void => {
    const { process } = transaction
    const lane = laneOf(scheduler, process)
    const push = (): void => scheduler.push(lane, run, 'disk')
    if (ms === 0) push()
    else clock.after(ms, push)
  }
  /** Undefined when nothing is in the way; otherwise the point has been dealt with. */
  const trapped = (transaction: Transaction, at: Point, next: () => void): boolean => {
    const { trap } = disk
    if (trap?.at !== at) return false
    disk.trap = undefined
    onTrap(trap, transaction.process)
    if (trap.what === 'stall') go(transaction, next, STALL_MS)
    if (trap.what === 'fail') refuse(transaction, failure('internal', `the disk failed at ${at}`))
    return true
  }
  const refuse = (transaction: Transaction, why: Failure): void => {
    if (lock === transaction) lock = undefined
    transaction.done(fail(why))
  }
  const begin = (transaction: Transaction): void => {
    if (lock !== undefined && lock.process.isAlive) return go(transaction, () => begin(transaction), BUSY_MS)
    const epoch = answered.get(transaction.requestId ?? '')
    if (epoch !== undefined && flaw !== 'forgets what it has answered') return transaction.done(ok(epoch))
    const refused = transaction.check?.()
    if (refused !== undefined) return transaction.done(fail(refused))
    lock = transaction
    if (!trapped(transaction, 'begin', () => change(transaction))) go(transaction, () => change(transaction))
  }
  const change = (transaction: Transaction): void => {
    const next = transaction.changes[transaction.nChanged]
    if (next === undefined) return commit(transaction)
    transaction.nChanged += 1
    if (flaw === 'shows half of a batch') values.set(next.key, next.token)
    if (!trapped(transaction, 'change', () => change(transaction))) go(transaction, () => change(transaction))
  }
  const commit = (transaction: Transaction): void => {
    if (disk.isFull) return refuse(transaction, failure('storage_full', 'the disk is full'))
    if (trapped(transaction, 'commit', () => commit(transaction))) return
    if (flaw === 'acknowledges before it commits') {
      transaction.done(ok(log.length + 1))
      return go(transaction, () => persist(transaction), 50)
    }
    const epoch = persist(transaction)
    const answer = (): void => {
      note(transaction, epoch)
      transaction.done(ok(epoch))
    }
    if (!trapped(transaction, 'answer', answer)) go(transaction, answer)
  }
  const persist = (transaction: Transaction): number => {
    const epoch = log.length + 1
    values = new Map(values)
    for (const { key, token } of transaction.changes) values.set(key, token)
    log.push({ epoch, changes: transaction.changes, requestId: transaction.requestId })
    if (flaw !== 'notes requests after it commits') note(transaction, epoch)
    lock = undefined
    if (flaw === 'forgets at a crash') transaction.process.atEnd.add(() => log.pop())
    return epoch
  }
  const note = ({ requestId }: Transaction, epoch: number): void => {
    if (requestId !== undefined) answered.set(requestId, epoch)
  }
  const disk: Disk = {
    log, importState: 'none', isFull: false, trap: undefined,
    read: (keys) => ({ epoch: log.length - (flaw === 'goes back in time' && random.chance(0.02) ? 1 : 0), tokens: keys.map((key) => values.get(key)) }),
    write: (process, asked, done) => begin({ ...asked, process, done, nChanged: 0 }),
  }
  return disk
}

const lanes = new WeakMap<Process, ReturnType<Scheduler['lane']>>()

function laneOf(scheduler: Scheduler, process: Process): ReturnType<Scheduler['lane']> {
  const known = lanes.get(process)
  if (known !== undefined) return known
  const lane = scheduler.lane(process, 'disk')
  lanes.set(process, lane)
  return lane
}
