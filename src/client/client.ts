/**
 * A client of the daemon's socket: typed calls, many at a time, answers in any order, notifications, and a connection that
 * comes back by itself. Failures are values; nothing here rejects or throws for what the daemon or the network does.
 *
 *     connected   calls are written, those of one turn together
 *     connecting  calls wait for the outcome
 *     waiting     the connection was lost; the next attempt comes after a pause that doubles up to a bound
 *     closed      for good: by `close`, or by the loss of the connection where `reconnect` is 'never'
 *
 * connecting -> connected | waiting; connected -> waiting; waiting -> connecting; any -> closed. When the connection is
 * lost, calls under way that are safe to repeat are sent once more on the next one; the others fail with `unavailable`
 * and carry the `request_id` that makes a repeat safe. The clock, chance and ids are ports.
 */

import { connect as connectSocket, type Socket } from 'node:net'
import type { Clock, Timer } from '../base/clock.ts'
import { type Failure, failure, isFailure } from '../base/failure.ts'
import { fail, ok, type Result } from '../base/result.ts'
import { createFrameScanner, type FrameScanner } from '../wire/framing.ts'
import { renderJson } from '../wire/json.ts'
import { type ArgsInput, isMethod, type Method, METHODS, type Notification, type NotificationParams, type Reply } from '../wire/methods.ts'
import { decodeMessage, encodeRequest, ERROR_NOTIFICATION, messageIdOf } from '../wire/rpc.ts'
import { type BackOff, backOffMs, DEFAULT_BACK_OFF } from './back-off.ts'
import { createPendingCalls, type PendingCall } from './pending-calls.ts'

export type ClientOptions = {
  readonly socketPath: string
  readonly clock: Clock
  /** A number in 0..1, for the spread of reconnections. */
  readonly random: () => number
  /** Ids for calls that are not safe to repeat, e.g. `crypto.randomUUID`. */
  readonly newRequestId: () => string
  /** For calls that name none of their own. */
  readonly timeoutMs?: number
  readonly reconnect?: 'always' | 'never'
  readonly backOff?: BackOff
  /** Calls without an answer; one more fails with `busy`. */
  readonly maxPending?: number
  /** A larger answer fails its call with `too_large`. */
  readonly maxResponseBytes?: number
}

export type ClientState = 'connected' | 'connecting' | 'waiting' | 'closed'

export type Client = {
  call<M extends Method>(method: M, args: ArgsInput<M>, options?: CallOptions): Promise<Result<Reply<M>, Failure>>
  /** The same without types, for methods and arguments that a user typed. */
  request(method: string, args: Readonly<Record<string, unknown>>, options?: CallOptions): Promise<Result<unknown, Failure>>
  /** Returns the function that ends it. */
  onNotification<N extends Notification>(name: N, listener: (params: NotificationParams<N>) => void): () => void
  state(): ClientState
  /** Calls without an answer fail with `unavailable`. */
  close(): void
}

export type CallOptions = { readonly timeoutMs?: number }

const DEFAULTS = { timeoutMs: 30_000, reconnect: 'always', backOff: DEFAULT_BACK_OFF, maxPending: 10_000, maxResponseBytes: 256 << 20 } as const
const MAX_RESPONSE_DEPTH = 512
const MAX_RESPONSE_ELEMENTS = 50_000_000

/** Settled when the first attempt is: a client, or why there is no connection. */
export async function connect(given: ClientOptions): Promise<Result<Client, Failure>> {
  const options = { ...DEFAULTS, ...given }
  const { clock, socketPath } = options
  const pending = createPendingCalls(clock)
  const listeners = new Map<string, Set<(params: never) => void>>()
  let state: ClientState = 'connecting'
  let socket: Socket | undefined
  let retryTimer: Timer | undefined
  /** Attempts since the daemon last answered anything. */
  let nAttempts = 0
  /** What the daemon said before it hung up. */
  let lastWords: Failure | undefined
  let batch: Uint8Array[] = []

  const first = await open()
  return first === undefined ? ok({ call: request as Client['call'], request, onNotification, state: () => state, close }) : fail(first)

  /** One attempt to connect; undefined when it came about. */
  function open(): Promise<Failure | undefined> {
    state = 'connecting'
    lastWords = undefined
    return new Promise((resolve) => {
      const opening = connectSocket(socketPath)
      opening.once('error', (error: NodeJS.ErrnoException) => {
        resolve(unreachableFailure(socketPath, error))
      })
      opening.once('connect', () => {
        if (state === 'closed') opening.destroy()
        else onConnect(opening)
        resolve(undefined)
      })
    })
  }

  function onConnect(opened: Socket): void {
    socket = opened
    state = 'connected'
    const scanner = createFrameScanner({
      maxBytes: options.maxResponseBytes, maxDepth: MAX_RESPONSE_DEPTH, maxElements: MAX_RESPONSE_ELEMENTS,
    })
    opened.on('data', (chunk: Uint8Array) => receive(scanner, chunk))
    // The close that follows is where the loss is dealt with.
    opened.on('error', () => opened.destroy())
    opened.on('close', () => onClose(opened))
    for (const call of pending.unsent()) send(call)
  }

  function onClose(closed: Socket): void {
    if (socket !== closed) return
    socket = undefined
    batch = []
    const why = connectionLost(lastWords)
    if (options.reconnect === 'never') {
      state = 'closed'
      pending.failAll(why)
      return
    }
    pending.connectionLost(why)
    retry()
  }

  function retry(): void {
    state = 'waiting'
    retryTimer = clock.after(backOffMs(nAttempts++, options.random(), options.backOff), () => {
      void open().then((error) => (error === undefined || state === 'closed' ? undefined : retry()))
    })
  }

  function request(method: string, args: Readonly<Record<string, unknown>>, { timeoutMs = options.timeoutMs }: CallOptions = {}): Promise<Result<unknown, Failure>> {
    if (state === 'closed') return Promise.resolve(fail(lastWords ?? failure('unavailable', `${method}: the client is closed`)))
    if (pending.size() >= options.maxPending) {
      return Promise.resolve(fail(failure('busy', `${method}: ${options.maxPending} calls are without an answer already`)))
    }
    const idempotent = isMethod(method) && METHODS[method].idempotent
    const complete = isMethod(method) && !idempotent && args['request_id'] === undefined ? { ...args, request_id: options.newRequestId() } : args
    const requestId = typeof complete['request_id'] === 'string' ? complete['request_id'] : undefined
    return new Promise((settle) => {
      const call = pending.add({ method, params: [complete], idempotent, requestId, timeoutMs, settle })
      if (state === 'connected') send(call)
    })
  }

  /** Calls made in one turn of the event loop leave in one write. */
  function send(call: PendingCall): void {
    batch.push(encodeRequest(call.id, call.method, call.params))
    pending.markSent(call)
    if (batch.length === 1) queueMicrotask(flush)
  }

  function flush(): void {
    const [only] = batch
    if (only === undefined) return
    socket?.write(batch.length === 1 ? only : Buffer.concat(batch))
    batch = []
  }

  function receive(scanner: FrameScanner, chunk: Uint8Array): void {
    for (const item of scanner.push(chunk)) {
      if (item instanceof Uint8Array) onMessage(item)
      else if (item.fatal) breakOff(failure('unavailable', `the daemon sent what is no MessagePack-RPC: ${item.message}`))
      else {
        const id = messageIdOf(item.head, 1)
        if (id !== undefined) pending.settle(id, fail(failure('too_large', `the answer is too large: ${item.message}`, { hint: 'ask for less, e.g. by limit and cursor' })))
      }
    }
  }

  function onMessage(frame: Uint8Array): void {
    const message = decodeMessage(frame)
    if (!message.ok) return breakOff(message.error.failure)
    const { value } = message
    if (value.kind === 'notification') return onNotified(value.method, value.params[0])
    if (value.kind === 'request') return breakOff(failure('unavailable', 'the daemon sent a request, which this protocol does not have'))
    nAttempts = 0
    pending.settle(value.id, value.error === null ? ok(value.result) : fail(failureOf(value.error)))
  }

  function onNotified(name: string, params: unknown): void {
    if (name === ERROR_NOTIFICATION && isFailure(params)) lastWords = params
    for (const listener of listeners.get(name) ?? []) listener(params as never)
  }

  function breakOff(why: Failure): void {
    lastWords = why
    socket?.destroy()
  }

  function onNotification<N extends Notification>(name: N, listener: (params: NotificationParams<N>) => void): () => void {
    const set = listeners.get(name) ?? new Set()
    listeners.set(name, set.add(listener))
    return () => set.delete(listener)
  }

  function close(): void {
    if (state === 'closed') return
    state = 'closed'
    retryTimer?.cancel()
    flush()
    pending.failAll(failure('unavailable', 'the client was closed'))
    const closing = socket
    socket = undefined
    closing?.destroySoon()
  }
}

/** An error of the wire as a Failure; one that has not that form comes from something that is no ElixirScope daemon. */
function failureOf(error: unknown): Failure {
  return isFailure(error) ? error : failure('internal', `an error in a form of its own: ${renderJson(error).slice(0, 200)}`)
}

function connectionLost(lastWords: Failure | undefined): Failure {
  return lastWords ?? failure('unavailable', 'the connection to the daemon was lost', { hint: 'elixir-scope status tells whether it runs' })
}

function unreachableFailure(socketPath: string, error: NodeJS.ErrnoException): Failure {
  const nobody = error.code === 'ENOENT' || error.code === 'ECONNREFUSED'
  return failure('unavailable', nobody ? `no daemon listens on ${socketPath}` : `cannot connect to ${socketPath}: ${error.message}`, {
    hint: nobody ? 'elixir-scope start starts it' : 'the daemon runs as another user, or its directory is not readable',
    details: { socket: socketPath, code: error.code ?? null },
  })
}
