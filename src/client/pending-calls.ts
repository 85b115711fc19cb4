/**
 * The calls of a client that have no answer yet: by message id, with deadlines. Every call put in is settled exactly once:
 * by its answer, its deadline, the loss of its connection or the closing of the client. Sends nothing by itself.
 */

import { assert } from '../base/assert.ts'
import type { Clock, Timer } from '../base/clock.ts'
import { type Failure, failure } from '../base/failure.ts'
import { fail, type Result } from '../base/result.ts'

export type PendingCall = {
  readonly id: number
  readonly method: string
  readonly params: readonly unknown[]
  /** May be sent a second time after a lost connection. */
  readonly idempotent: boolean
  readonly requestId: string | undefined
  readonly timeoutMs: number
  readonly settle: (result: Result<unknown, Failure>) => void
}

export type PendingCalls = {
  size(): number
  /** Keeps the call under a message id of its own. */
  add(call: Omit<PendingCall, 'id'>): PendingCall
  markSent(call: PendingCall): void
  settle(id: number, result: Result<unknown, Failure>): void
  /** The calls to send on a new connection, oldest first. */
  unsent(): PendingCall[]
  /** The connection is lost: calls that may be repeated wait for the next one, once; the others fail with `why`. */
  connectionLost(why: Failure): void
  failAll(why: Failure): void
}

type Entry = { readonly call: PendingCall; readonly deadlineMs: number; sent: boolean; repeated: boolean }

const MAX_ID = 0xffff_ffff

export function createPendingCalls(clock: Clock): PendingCalls {
  const entries = new Map<number, Entry>()
  let lastId = 0
  // One timer for all: armed for the earliest deadline known, moved only when an earlier one comes.
  let timer: Timer | undefined
  let timerDueMs = Infinity

  function freshId(): number {
    assert(entries.size < MAX_ID, 'fewer calls than message ids')
    do lastId = lastId >= MAX_ID ? 1 : lastId + 1
    while (entries.has(lastId))
    return lastId
  }

  function arm(dueMs: number): void {
    if (dueMs >= timerDueMs) return
    timer?.cancel()
    timerDueMs = dueMs
    timer = clock.after(Math.max(0, dueMs - clock.nowMs()), expire)
  }

  function expire(): void {
    timer = undefined
    timerDueMs = Infinity
    const nowMs = clock.nowMs()
    let nextMs = Infinity
    for (const entry of entries.values()) {
      if (entry.deadlineMs <= nowMs) settle(entry.call.id, fail(expired(entry)))
      else nextMs = Math.min(nextMs, entry.deadlineMs)
    }
    if (nextMs < Infinity) arm(nextMs)
  }

  function settle(id: number, result: Result<unknown, Failure>): void {
    const entry = entries.get(id)
    if (entry === undefined) return
    entries.delete(id)
    if (entries.size === 0) disarm()
    entry.call.settle(result)
  }

  /** With no call waiting, no timer keeps the process alive. */
  function disarm(): void {
    timer?.cancel()
    timer = undefined
    timerDueMs = Infinity
  }

  return {
    size: () => entries.size,
    add(fields) {
      const call = { ...fields, id: freshId() }
      const deadlineMs = clock.nowMs() + call.timeoutMs
      entries.set(call.id, { call, deadlineMs, sent: false, repeated: false })
      arm(deadlineMs)
      return call
    },
    markSent(call) {
      const entry = entries.get(call.id)
      if (entry !== undefined) entry.sent = true
    },
    settle,
    unsent: () => [...entries.values()].filter((entry) => !entry.sent).map((entry) => entry.call),
    connectionLost(why) {
      for (const entry of entries.values()) {
        if (!entry.sent) continue
        if (!entry.call.idempotent || entry.repeated) settle(entry.call.id, fail(lost(entry.call, why)))
        entry.sent = false
        entry.repeated = true
      }
    },
    failAll(why) {
      for (const entry of entries.values()) settle(entry.call.id, fail(entry.sent ? lost(entry.call, why) : why))
    },
  }
}

function expired({ call, sent }: Entry): Failure {
  if (!sent) return failure('unavailable', `${call.method}: no connection to the daemon within ${call.timeoutMs} ms`)
  return failure('timeout', `${call.method}: no answer within ${call.timeoutMs} ms`, repeatable(call))
}

function lost(call: PendingCall, why: Failure): Failure {
  return { ...why, message: `${call.method}: ${why.message}`, ...repeatable(call) }
}

/** What a caller needs to know to repeat a call that may have been carried out. */
function repeatable(call: PendingCall): { hint?: string; details?: Record<string, unknown> } {
  if (call.idempotent || call.requestId === undefined) return {}
  return {
    hint: 'it may have been carried out; repeat it with the same request_id',
    details: { request_id: call.requestId },
  }
}
