/**
 * A client of the simulated daemon: it writes batches under request ids, repeats what may or may not have been carried out
 * under the same id until it knows, and reads. Deadlines and repeats over a new connection are those of `src/client`. What
 * it is told is held against the disk at once.
 */

import type { Clock } from '../../src/base/clock.ts'
import { failure } from '../../src/base/failure.ts'
import type { Failure, FailureCode } from '../../src/base/failure.ts'
import type { Result } from '../../src/base/result.ts'
import { createPendingCalls } from '../../src/client/pending-calls.ts'
import type { PendingCall } from '../../src/client/pending-calls.ts'
import type { Port } from '../../src/otp/port.ts'
import type { Change, Disk, Read } from './disk.ts'
import { behind } from './files.ts'
import type { Files } from './files.ts'
import type { Random } from './random.ts'

/** What the gateway is sent, and answers. */
export type Request = readonly [id: number, method: string, args: unknown]
export type Reply = readonly [id: number, result: Result<unknown, Failure>]

export type WriteArgs = { readonly changes: readonly Change[]; readonly request_id: string }

export type ClientWorld = {
  readonly name: string
  readonly clock: Clock
  readonly random: Random
  readonly disk: Disk
  readonly files: Files
  /** Undefined when nobody listens. */
  connect(): Port | undefined
  /** A breach of what the daemon promises. */
  breach(what: string): void
}

export type Client = {
  /** Many calls at once. */
  burst(n: number): void
  write(): void
  read(): void
  ask(method: string, timeoutMs: number): void
  /** Waits for the files as they are now to be in the store. */
  settle(): void
  drop(): void
  /** No new calls; those under way are brought to their ends. */
  rest(): void
  /** Calls and writes whose outcome is not known. */
  nOpen(): number
  /** Calls answered since the last time this was asked. */
  answers(): { readonly good: number; readonly bad: readonly string[] }
  acknowledged(): ReadonlyMap<string, number>
  close(): void
}

const GROUPS = 6
const KEYS_PER_GROUP = 4
const TIMEOUT_MS = 30_000
/** A deadline is kept to within so much: everything takes its time. */
const GRACE_MS = 20_000
const MAX_OPEN = 12
/** A client gives itself a limit, too. */
const MAX_PENDING = 1000
const REPEAT_MS = 200
const MAX_REPEAT_MS = 3000
/** Nothing was done, and nothing will be. */
const DEFINITE: ReadonlySet<FailureCode> = new Set<FailureCode>(['storage_full', 'conflict', 'invalid_argument', 'too_large'])
/** Whether it was done is not known, or it was not because it was not the time. */
const LATER: ReadonlySet<FailureCode> = new Set<FailureCode>(['unavailable', 'timeout', 'internal', 'busy', 'insufficient_memory'])

export function keysOf(group: number): readonly string[] {
  return Array.from({ length: KEYS_PER_GROUP }, (_, n) => `g${group}k${n}`)
}

export function createClient({ name, clock, random, disk, files, connect, breach }: ClientWorld): Client {
  const pending = createPendingCalls(clock)
  /** Token -> epoch of its acknowledgement. */
  const acknowledged = new Map<string, number>()
  const undecided = new Set<string>()
  let connection: Port | undefined
  let isResting = false
  let nWritten = 0
  let good = 0
  let bad: string[] = []
  let seenEpoch = 0
  let nRead = 0

  const reconnect = (): void => {
    connection = connect()
    if (connection === undefined) return void clock.after(50 + random.below(200), reconnect)
    const mine = connection
    mine.listen((message) => hear(message as Reply), () => lost(mine))
    for (const call of pending.unsent()) send(call)
  }
  const lost = (port: Port): void => {
    if (connection !== port) return
    connection = undefined
    pending.connectionLost(failure('unavailable', 'the connection was lost'))
    clock.after(20 + random.below(200), reconnect)
  }
  const send = (call: PendingCall): void => {
    if (connection === undefined) return
    pending.markSent(call)
    connection.post([call.id, call.method, call.params[0]] satisfies Request as never)
  }
  const hear = ([id, result]: Reply): void => pending.settle(id, result)
  const request = (method: string, args: unknown, { requestId, timeoutMs }: { requestId?: string; timeoutMs: number }, settle: (result: Result<unknown, Failure>) => void): void => {
    const dueMs = clock.nowMs() + timeoutMs + GRACE_MS
    send(pending.add({
      method, params: [args], idempotent: requestId === undefined, requestId, timeoutMs,
      settle(result) {
        if (clock.nowMs() > dueMs) breach(`${name}: ${method} took longer than its ${timeoutMs} ms`)
        if (result.ok) good += 1
        else bad.push(`${method}: ${result.error.message}`)
        if (!result.ok && !LATER.has(result.error.code) && !DEFINITE.has(result.error.code)) breach(`${name}: ${method} answered ${result.error.code}: ${result.error.message}`)
        settle(result)
      },
    }))
  }

  // Writes

  const attempt = (args: WriteArgs, nTries = 1): void => request('write', args, { requestId: args.request_id, timeoutMs: TIMEOUT_MS }, (result) => {
    const token = args.request_id
    if (result.ok) return acknowledge(token, result.value as number)
    if (LATER.has(result.error.code)) return void clock.after(Math.min(MAX_REPEAT_MS, REPEAT_MS * nTries), () => attempt(args, nTries + 1))
    undecided.delete(token)
    if (result.error.code !== 'storage_full') breach(`${name}: the write ${token} was refused: ${result.error.message}`)
  })
  const acknowledge = (token: string, epoch: number): void => {
    undecided.delete(token)
    acknowledged.set(token, epoch)
    const commit = disk.log[epoch - 1]
    if (commit?.changes[0]?.token !== token) breach(`${name}: the write ${token} was acknowledged with epoch ${epoch} and is not on disk`)
    seenEpoch = Math.max(seenEpoch, epoch)
  }
  const write = (): void => {
    nWritten += 1
    const token = `${name}-${nWritten}`
    undecided.add(token)
    attempt({ request_id: token, changes: keysOf(random.below(GROUPS)).map((key) => ({ key, token })) })
  }

  // Reads

  const read = (): void => {
    const atLeast = seenEpoch
    nRead += 1
    request('read', { keys: keysOf(nRead % GROUPS) }, { timeoutMs: TIMEOUT_MS }, (result) => {
      if (!result.ok) return
      const { epoch, tokens } = result.value as Read
      if (epoch < atLeast) breach(`${name}: a read answered epoch ${epoch} after ${atLeast} had been seen`)
      if (new Set(tokens).size !== 1) breach(`${name}: a read saw half of a batch: ${tokens.join(', ')}`)
      seenEpoch = Math.max(seenEpoch, epoch)
    })
  }
  /** Few questions, so that many clients ask the same. */
  const question = (): void => {
    const atLeast = seenEpoch
    request('question', { by: random.below(3) }, { timeoutMs: TIMEOUT_MS }, (result) => {
      if (!result.ok) return
      const epoch = result.value as number
      if (epoch < atLeast) breach(`${name}: a question was answered from epoch ${epoch} after ${atLeast} had been seen`)
      seenEpoch = Math.max(seenEpoch, epoch)
    })
  }
  const settle = (): void => {
    const then = new Map(files.all())
    request('settle', {}, { timeoutMs: TIMEOUT_MS }, (result) => {
      const late = result.ok ? behind(disk, files, then) : []
      if (late.length > 0) breach(`${name}: a settle was answered too early: ${late.join(', ')}`)
    })
  }
  const ask = (method: string, timeoutMs: number): void => request(method, {}, { timeoutMs }, () => undefined)

  /** Something of its own choice, now and then. */
  const act = (): void => {
    if (isResting) return
    clock.after(random.below(40), act)
    if (pending.size() + undecided.size >= MAX_OPEN) return
    const choice = random.unit()
    if (choice < 0.5) write()
    else if (choice < 0.8) read()
    else if (choice < 0.9) question()
    else if (choice < 0.93) settle()
    else if (choice < 0.95) ask('import', 60_000)
    else if (choice < 0.97) ask('health', TIMEOUT_MS)
    else if (choice < 0.985) ask('pressure', TIMEOUT_MS)
    else ask('clean', 70_000)
  }

  reconnect()
  act()
  return {
    write, read, ask, settle,
    burst(n) {
      if (pending.size() + n > MAX_PENDING) return
      const method = random.pick(['echo', 'health', 'pressure', 'question'])
      for (let i = 0; i < n; i++) ask(method, TIMEOUT_MS)
    },
    drop() {
      const port = connection
      if (port === undefined) return
      port.close()
      lost(port)
    },
    rest() {
      isResting = true
    },
    nOpen: () => pending.size() + undecided.size,
    answers() {
      const all = { good, bad }
      good = 0
      bad = []
      return all
    },
    acknowledged: () => acknowledged,
    close() {
      const port = connection
      connection = undefined
      port?.close()
      pending.failAll(failure('unavailable', 'the client was closed'))
    },
  }
}
