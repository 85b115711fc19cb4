/**
 * One client's connection: bytes in, calls dispatched, answers out. Everything it holds is bounded, and overflow blocks:
 * while too many calls are under way or too many answers are not taken, nothing more is read from that client.
 *
 *     open      reads; each chunk's calls are dispatched, their answers leave in few writes
 *     blocked   the socket is paused, calls already read wait; back to open when they are dispatched and
 *               half of the bound on answers is free
 *     ended     the client has sent all it will; what is under way is answered, then the socket ends; `drainMs` later it is
 *               destroyed with calls still under way. A client that is gone looks the same until something is written to it
 *     closing   after a fault or an orderly stop: what still comes in is thrown away, calls under way are answered, then
 *               the socket ends; `lingerMs` later it is destroyed whether the client took the answers or not
 *     closed    the socket is gone; late answers are dropped
 *
 * open -> blocked -> open; open | blocked -> ended | closing; any -> closed (error, deadline, client gone).
 */

import { setMaxListeners } from 'node:events'
import type { Socket } from 'node:net'
import type { Clock, Timer } from '../../base/clock.ts'
import { type Failure, failure, toFailure } from '../../base/failure.ts'
import { fail } from '../../base/result.ts'
import { createFrameScanner, type FrameFault } from '../../wire/framing.ts'
import type { Notification, NotificationParams } from '../../wire/methods.ts'
import { decodeMessage, encodeNotification, encodeResponse, ERROR_NOTIFICATION, messageIdOf, type RpcMessage } from '../../wire/rpc.ts'
import type { Answer, CallContext, Dispatch } from './dispatch.ts'
import type { IpcLimits } from './limits.ts'
import { createOutput } from './output.ts'

export type Connection = {
  notify<N extends Notification>(name: N, params: NotificationParams<N>): boolean
  /** Answers what is under way, tells nothing new, ends. */
  close(): void
  destroy(): void
  inFlight(): number
  outputBytes(): number
}

/** What the connections of one server share. */
export type ConnectionPorts = {
  readonly limits: IpcLimits
  readonly clock: Clock
  readonly dispatch: Dispatch
  /** Counts bytes held in, out and under way over all connections; false when that is over the server's bound. */
  readonly account: { input(delta: number): boolean; output(delta: number): void; pending(delta: number): boolean }
  readonly onNotificationShed: () => void
  readonly onBug: (error: unknown) => void
  readonly onClosed: (connection: Connection) => void
}

/** How often it is looked whether a client that sends no more is there at all. */
const LOOK_MS = 1000

type Mode = 'open' | 'blocked' | 'ended' | 'closing' | 'closed'

export function serveConnection(socket: Socket, ports: ConnectionPorts): Connection {
  const { limits, clock, dispatch, account } = ports
  const scanner = createFrameScanner({ maxBytes: limits.maxRequestBytes, maxDepth: limits.maxDepth, maxElements: limits.maxElements })
  let mode: Mode = 'open'
  let nInFlight = 0
  /** Of the requests under way, as they came in. */
  let pendingBytes = 0
  let heldBytes = 0
  /** Found in the chunk read last and not yet dispatched, from `nextWaiting` on. */
  let waiting: (Uint8Array | FrameFault)[] = []
  let nextWaiting = 0
  let workQueued = false
  let frameTimer: Timer | undefined
  let endTimer: Timer | undefined
  let lookTimer: Timer | undefined
  let aborted: AbortController | undefined

  const output = createOutput(socket, {
    limits, clock, account: account.output, onStuck: drop,
    onPassedOn: () => {
      if (mode !== 'open') work()
    },
  })
  const connection: Connection = {
    notify, close: startClosing, destroy: drop, inFlight: () => nInFlight, outputBytes: output.bytes,
  }
  const context: CallContext = {
    notify,
    get signal() {
      return signal()
    },
  }

  socket.on('data', onData)
  socket.on('end', () => {
    if (mode === 'open' || mode === 'blocked') mode = 'ended'
    frameTimer?.cancel()
    destroyIn(limits.drainMs)
    work()
    look()
  })
  // The close that follows says all that is needed.
  socket.on('error', drop)
  socket.on('close', release)
  return connection

  function onData(chunk: Uint8Array): void {
    if (mode === 'closing' || mode === 'closed') return
    const found = scanner.push(chunk)
    waiting = nextWaiting < waiting.length ? [...waiting.slice(nextWaiting), ...found] : found
    nextWaiting = 0
    const held = scanner.heldBytes()
    const fits = held === heldBytes || account.input(held - heldBytes)
    heldBytes = held
    work()
    if (!fits) refuse(failure('busy', 'too many unfinished messages on all connections together', { hint: 'try again later' }))
    else watchFrame(found.length)
  }

  /** Dispatches what waits while the bounds allow it, then writes the answers. */
  function work(): void {
    while (nextWaiting < waiting.length && !isFull()) {
      const item = waiting[nextWaiting++]
      if (item === undefined) break
      if (item instanceof Uint8Array) receive(item)
      else onFault(item)
    }
    if (nextWaiting >= waiting.length && waiting.length > 0) {
      waiting = []
      nextWaiting = 0
    }
    output.flush()
    settleMode()
  }

  function isFull(): boolean {
    return nInFlight >= limits.maxInFlight || pendingBytes >= limits.maxRequestBytes || output.isFull()
  }

  function settleMode(): void {
    const hasRoom = nInFlight < limits.maxInFlight && pendingBytes < limits.maxRequestBytes && output.hasRoom()
    if (mode === 'open' && isFull()) {
      mode = 'blocked'
      socket.pause()
      frameTimer?.cancel()
    } else if (mode === 'blocked' && hasRoom && nextWaiting >= waiting.length) {
      mode = 'open'
      socket.resume()
      watchFrame(1)
    }
    output.watch()
    const isDone = nInFlight === 0 && (mode === 'closing' || (mode === 'ended' && waiting.length === 0))
    if (!isDone || socket.writableEnded) return
    socket.end()
    destroyIn(limits.lingerMs)
  }

  function receive(frame: Uint8Array): void {
    const message = decodeMessage(frame)
    if (!message.ok) return refuse(message.error.failure, message.error.id)
    if (message.value.kind === 'response') return refuse(failure('invalid_argument', 'a response to a request that was never made'))
    call(message.value, frame.length)
  }

  function call(message: Exclude<RpcMessage, { kind: 'response' }>, bytes: number): void {
    const id = message.kind === 'request' ? message.id : undefined
    if (!account.pending(bytes)) {
      account.pending(-bytes)
      return respond(id, fail(failure('busy', 'too many large requests are under way on all connections together', { hint: 'try again shortly' })))
    }
    const answer = dispatch(message.method, message.params, context)
    if (!(answer instanceof Promise)) {
      account.pending(-bytes)
      return respond(id, answer)
    }
    nInFlight++
    pendingBytes += bytes
    void answer.then((settled) => settle(id, settled, bytes))
  }

  /** Gives back also after the connection is gone: the other thread has held the request until now. */
  function settle(id: number | undefined, answer: Answer, bytes: number): void {
    nInFlight--
    pendingBytes -= bytes
    account.pending(-bytes)
    respond(id, answer)
    queueWork()
  }

  function respond(id: number | undefined, answer: Answer): void {
    if (id === undefined || mode === 'closed') return
    output.send(encodeAnswer(id, answer))
  }

  function encodeAnswer(id: number, answer: Answer): Uint8Array {
    try {
      return encodeResponse(id, answer)
    } catch (error) {
      ports.onBug(error)
      return encodeResponse(id, fail(toFailure(error)))
    }
  }

  /** Answers that become ready in one turn of the event loop share a write. */
  function queueWork(): void {
    if (workQueued) return
    workQueued = true
    queueMicrotask(() => {
      workQueued = false
      work()
    })
  }

  /** A message that cannot be taken: too large is answered and skipped, anything else ends the connection. */
  function onFault(fault: FrameFault): void {
    const id = messageIdOf(fault.head, 0)
    if (fault.fatal) return refuse(failure('invalid_argument', `not MessagePack-RPC: ${fault.message}`), id)
    const tooLarge = failure('too_large', fault.message, { hint: 'send less in one call' })
    output.send(id === undefined ? encodeNotification(ERROR_NOTIFICATION, [tooLarge]) : encodeResponse(id, fail(tooLarge)))
  }

  function refuse(why: Failure, id?: number): void {
    if (mode === 'closing' || mode === 'closed') return
    if (id !== undefined) output.send(encodeResponse(id, fail(why)))
    output.send(encodeNotification(ERROR_NOTIFICATION, [why]))
    destroyIn(limits.lingerMs)
    startClosing()
  }

  function startClosing(): void {
    if (mode === 'closing' || mode === 'closed') return
    mode = 'closing'
    waiting = []
    nextWaiting = 0
    frameTimer?.cancel()
    // Read on and throw away: a client that is still sending could not take the last answer if we just closed.
    socket.resume()
    work()
  }

  /** Nothing is written, which fails all the same where nobody is there to read: the error closes the connection. */
  function look(): void {
    if (mode !== 'ended' || nInFlight === 0) return
    socket.write('')
    lookTimer = clock.after(LOOK_MS, look)
  }

  function destroyIn(ms: number): void {
    if (mode !== 'closed') endTimer ??= clock.after(ms, drop)
  }

  /** Armed while a message is incomplete, again for each one. */
  function watchFrame(nFound: number): void {
    if (mode !== 'open' || !scanner.isInsideValue()) {
      frameTimer?.cancel()
      frameTimer = undefined
    } else if (frameTimer === undefined || nFound > 0) {
      frameTimer?.cancel()
      frameTimer = clock.after(limits.frameMs, () => refuse(failure('timeout', `a message took longer than ${limits.frameMs} ms to arrive`)))
    }
  }

  function notify<N extends Notification>(name: N, params: NotificationParams<N>): boolean {
    if (mode === 'closing' || mode === 'closed' || output.isFull()) {
      ports.onNotificationShed()
      return false
    }
    output.send(encodeNotification(name, [params]))
    queueWork()
    return true
  }

  /** One for all calls of the connection, made when the first of them asks. */
  function signal(): AbortSignal {
    if (aborted === undefined) {
      aborted = new AbortController()
      setMaxListeners(0, aborted.signal)
      if (mode === 'closed') aborted.abort()
    }
    return aborted.signal
  }

  function drop(): void {
    release()
    socket.destroy()
  }

  /** Gives back, at once and one time, what the connection held; the socket's own end may come later. */
  function release(): void {
    if (mode === 'closed') return
    mode = 'closed'
    frameTimer?.cancel()
    endTimer?.cancel()
    lookTimer?.cancel()
    if (heldBytes > 0) account.input(-heldBytes)
    output.release()
    waiting = []
    nextWaiting = 0
    aborted?.abort()
    ports.onClosed(connection)
  }
}
