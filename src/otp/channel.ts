/**
 * Calls and casts from one actor or thread to another, over a port. The calling end is a Channel, which outlives its
 * callee: `attach` hands it the port of the callee's next life, `detach` says that the callee is known dead.
 *
 * Invariants. Every call settles exactly once: with the reply, at its deadline, by its signal, or at once when the callee is
 * known dead. What a callee answered before it died still counts. At most `maxInFlight` calls and `maxCasts` casts are
 * under way; beyond that a call answers `busy` and a cast is shed and counted. A call that timed out keeps its credit until
 * the callee has answered, so giving up early cannot flood a slow callee. Replies of an earlier life are never taken for
 * replies of this one: calls are kept per attachment. Absent on purpose: retries, and any knowledge of threads.
 */

import type { Clock, Timer } from '../base/clock.ts'
import { failure, toFailure } from '../base/failure.ts'
import type { Failure } from '../base/failure.ts'
import { fail } from '../base/result.ts'
import type { Result } from '../base/result.ts'
import type { Port, ToCaller, Transfer } from './port.ts'

/** Method -> what goes in and out. `progress` is what a handler may report before it answers. */
export type CallMap = Record<string, { args: unknown; result: unknown; progress?: unknown }>
/** Name -> arguments of a message that has no answer. */
export type CastMap = Record<string, unknown>

export type CallOptions<Call extends CallMap[string]> = {
  /** Default 5,000, as in OTP. */
  readonly timeoutMs?: number | 'infinity'
  /** Gives the call up, and tells the callee so. */
  readonly signal?: AbortSignal
  readonly transfer?: Transfer
  readonly onProgress?: (progress: Call['progress']) => void
}

export type Channel<Calls extends CallMap = CallMap, Casts extends CastMap = CastMap> = {
  readonly name: string
  call<Method extends keyof Calls & string>(
    method: Method, args: Calls[Method]['args'], options?: CallOptions<Calls[Method]>,
  ): Promise<Result<Calls[Method]['result'], Failure>>
  /** False when the message was shed: no callee, or too many unread ones. */
  cast<Name extends keyof Casts & string>(name: Name, args: Casts[Name], transfer?: Transfer): boolean
  stats(): ChannelStats
}

export type ChannelStats = {
  readonly attached: boolean
  /** How many ports it has been handed so far. */
  readonly epoch: number
  readonly nInFlight: number
  readonly nCastsUnread: number
  readonly nShed: number
  readonly nRefused: number
}

/** The owner's view of a channel: the party that knows whether the callee lives. */
export type ChannelControl<Calls extends CallMap = CallMap, Casts extends CastMap = CastMap> = Channel<Calls, Casts> & {
  attach(port: Port): void
  /** Rejects what is under way with `why`, after taking what has already arrived; so are later calls, until attached. */
  detach(why: Failure): void
}

export type ChannelOptions = {
  readonly name: string
  readonly clock: Clock
  readonly maxInFlight?: number
  readonly maxCasts?: number
  readonly timeoutMs?: number
}

type Pending = {
  /** Absent once settled; the entry stays until the callee answers, to hold its credit. */
  settle: ((result: Result<unknown, Failure>) => void) | undefined
  readonly onProgress: ((progress: unknown) => void) | undefined
}

type Attachment = { readonly port: Port; readonly pending: Map<number, Pending>; nCastsUnread: number }

const DEFAULT_TIMEOUT_MS = 5000
const DEFAULT_MAX_IN_FLIGHT = 1024
const DEFAULT_MAX_CASTS = 4096

/** What a caller is told while nobody answers under this name. */
export function calleeUnavailable(name: string, why: string): Failure {
  return failure('unavailable', `${name} is unavailable: ${why}`, { hint: 'it is started again by its supervisor; try again' })
}

export function createChannel<Calls extends CallMap = CallMap, Casts extends CastMap = CastMap>(
  options: ChannelOptions,
): ChannelControl<Calls, Casts> {
  const { name, clock, maxInFlight = DEFAULT_MAX_IN_FLIGHT, maxCasts = DEFAULT_MAX_CASTS } = options
  const defaultTimeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS
  const counts = { epoch: 0, shed: 0, refused: 0, lastId: 0 }
  let current: Attachment | undefined
  let absence = calleeUnavailable(name, 'it has not started yet')

  const detach = (why: Failure): void => {
    const gone = current
    if (gone !== undefined) gone.port.drain()
    absence = why
    if (gone === undefined || gone !== current) return
    current = undefined
    gone.port.close()
    for (const { settle } of gone.pending.values()) settle?.(fail(why))
    gone.pending.clear()
  }

  const attach = (port: Port): void => {
    if (current !== undefined) detach(calleeUnavailable(name, 'it was replaced'))
    const attachment: Attachment = { port, pending: new Map(), nCastsUnread: 0 }
    current = attachment
    counts.epoch += 1
    port.listen(
      (message) => receive(attachment, message as ToCaller),
      () => {
        if (current === attachment) detach(calleeUnavailable(name, 'it closed the connection'))
      },
    )
  }

  const call = (method: string, args: unknown, callOptions: CallOptions<CallMap[string]> = {}): Promise<Result<unknown, Failure>> => {
    const attachment = current
    if (attachment === undefined) return Promise.resolve(fail(absence))
    if (attachment.pending.size >= maxInFlight) {
      counts.refused += 1
      return Promise.resolve(fail(tooManyInFlight(name, maxInFlight)))
    }
    const timeoutMs = callOptions.timeoutMs ?? defaultTimeoutMs
    const id = ++counts.lastId
    return new Promise((resolve) => startCall({ attachment, id, name, method, args, options: callOptions, timeoutMs, clock, resolve }))
  }

  const cast = (castName: string, args: unknown, transfer?: Transfer): boolean => {
    if (current === undefined || current.nCastsUnread >= maxCasts) {
      counts.shed += 1
      return false
    }
    current.port.post(['cast', castName, args], transfer)
    current.nCastsUnread += 1
    return true
  }

  const stats = (): ChannelStats => ({
    attached: current !== undefined,
    epoch: counts.epoch,
    nInFlight: current?.pending.size ?? 0,
    nCastsUnread: current?.nCastsUnread ?? 0,
    nShed: counts.shed,
    nRefused: counts.refused,
  })
  return { name, call, cast, stats, attach, detach }
}

type CallStart = {
  readonly attachment: Attachment
  readonly id: number
  readonly name: string
  readonly method: string
  readonly args: unknown
  readonly options: CallOptions<CallMap[string]>
  readonly timeoutMs: number | 'infinity'
  readonly clock: Clock
  readonly resolve: (result: Result<unknown, Failure>) => void
}

function startCall({ attachment, id, name, method, args, options, timeoutMs, clock, resolve }: CallStart): void {
  const { port, pending } = attachment
  const { signal, onProgress } = options
  let timer: Timer | undefined
  const entry: Pending = { settle: undefined, onProgress }
  const settle = (result: Result<unknown, Failure>): void => {
    entry.settle = undefined
    timer?.cancel()
    signal?.removeEventListener('abort', cancelled)
    resolve(result)
  }
  const giveUp = (why: Failure): void => {
    settle(fail(why))
    if (pending.has(id)) port.post(['cancel', id])
  }
  const cancelled = (): void => giveUp(failure('timeout', `${name}.${method} was cancelled by its caller`, { details: { cancelled: true } }))

  if (signal?.aborted === true) return cancelled()
  try {
    port.post(['call', id, method, args], options.transfer)
  } catch (uncloneable) {
    return resolve(fail(toFailure(uncloneable)))
  }
  entry.settle = settle
  pending.set(id, entry)
  signal?.addEventListener('abort', cancelled, { once: true })
  if (timeoutMs !== 'infinity') timer = clock.after(timeoutMs, () => giveUp(timedOut(name, method, timeoutMs)))
}

function receive(attachment: Attachment, message: ToCaller): void {
  if (message[0] === 'read') {
    attachment.nCastsUnread -= message[1]
    return
  }
  const entry = attachment.pending.get(message[1])
  if (entry === undefined) return
  if (message[0] === 'progress') {
    if (entry.settle !== undefined) entry.onProgress?.(message[2])
    return
  }
  attachment.pending.delete(message[1])
  entry.settle?.(message[2])
}

function timedOut(name: string, method: string, ms: number): Failure {
  return failure('timeout', `${name}.${method} gave no answer within ${ms} ms`, { details: { timeout_ms: ms } })
}

function tooManyInFlight(name: string, limit: number): Failure {
  return failure('busy', `${name} already has ${limit} calls under way`, { hint: 'wait for some of them to finish, then try again', details: { limit } })
}
