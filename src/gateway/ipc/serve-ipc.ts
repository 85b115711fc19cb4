/**
 * The socket server: accepts clients, bounds how many there are and how much memory they hold together, stops in order.
 * What a call means is the handler's business, how one client is served that of `connection.ts`.
 */

import { createServer, type Server, type Socket } from 'node:net'
import type { Clock } from '../../base/clock.ts'
import { type Failure, failure, type FailureCode } from '../../base/failure.ts'
import { fail, ok, type Result } from '../../base/result.ts'
import type { Method, Notification, NotificationParams } from '../../wire/methods.ts'
import { encodeNotification, ERROR_NOTIFICATION } from '../../wire/rpc.ts'
import { type Connection, type ConnectionPorts, serveConnection } from './connection.ts'
import { createDispatch, type Handle } from './dispatch.ts'
import { DEFAULT_IPC_LIMITS, type IpcLimits } from './limits.ts'
import { listenOn } from './socket-file.ts'

export type IpcOptions = {
  readonly socketPath: string
  readonly handle: Handle
  readonly clock: Clock
  /** Those that are left out have their defaults. */
  readonly limits?: Partial<IpcLimits>
  /** Told of every answer; `method` is undefined when the call was none, `code` when it succeeded. */
  readonly onCall?: (method: Method | undefined, durationMs: number, code: FailureCode | undefined) => void
  /** Told of what a handler threw, and of errors of the listening socket. */
  readonly onBug?: (error: unknown) => void
}

export type IpcStats = {
  readonly connections: number
  readonly inFlight: number
  readonly inputBytes: number
  readonly outputBytes: number
  /** Of requests under way in other threads. */
  readonly pendingBytes: number
  readonly accepted: number
  readonly refused: number
  readonly notificationsShed: number
}

export type IpcServer = {
  readonly socketPath: string
  /** False once the socket has been removed or replaced: those who are connected stay, nobody else can come. */
  isInPlace(): boolean
  stats(): IpcStats
  /** To every client; those that do not read are left out, and counted. */
  notifyAll<N extends Notification>(name: N, params: NotificationParams<N>): void
  /** Accepts nothing more, lets calls under way finish for at most `graceMs`, then closes every connection. */
  close(graceMs: number): Promise<void>
}

export async function serveIpc(options: IpcOptions): Promise<Result<IpcServer, Failure>> {
  const limits: IpcLimits = { ...DEFAULT_IPC_LIMITS, ...options.limits }
  const { clock, socketPath } = options
  const connections = new Set<Connection>()
  const totals = { inputBytes: 0, outputBytes: 0, pendingBytes: 0, accepted: 0, refused: 0, notificationsShed: 0 }
  let whenEmpty: (() => void) | undefined

  const ports: ConnectionPorts = {
    limits,
    clock,
    dispatch: createDispatch(options),
    account: {
      input: (delta) => (totals.inputBytes += delta) <= limits.maxTotalInputBytes || delta <= 0,
      pending: (delta) => (totals.pendingBytes += delta) <= limits.maxTotalPendingBytes,
      output: (delta) => {
        totals.outputBytes += delta
        if (delta > 0 && totals.outputBytes > limits.maxTotalOutputBytes) largestOf(connections)?.destroy()
      },
    },
    onNotificationShed: () => totals.notificationsShed++,
    onBug: (error) => options.onBug?.(error),
    onClosed: (connection) => {
      connections.delete(connection)
      if (connections.size === 0) whenEmpty?.()
    },
  }

  const server = createServer({ allowHalfOpen: true }, (socket) => {
    totals.accepted++
    if (connections.size < limits.maxConnections && whenEmpty === undefined) connections.add(serveConnection(socket, ports))
    else {
      totals.refused++
      turnAway(socket, limits, clock)
    }
  })
  // Those being turned away are connections too, for a moment; beyond a few of them the system's queue does it.
  server.maxConnections = limits.maxConnections + 64
  const listening = await listenOn(server, socketPath)
  if (!listening.ok) return fail(listening.error)
  server.on('error', (error) => options.onBug?.(error))

  return ok({
    socketPath,
    isInPlace: listening.value,
    stats: () => ({ ...totals, connections: connections.size, inFlight: sumOf(connections, (connection) => connection.inFlight()) }),
    notifyAll: (name, params) => {
      for (const connection of connections) connection.notify(name, params)
    },
    close: (graceMs) => closeAll(server, connections, clock.after(graceMs, () => destroyAll(connections)), (resolve) => {
      whenEmpty = resolve
    }),
  })
}

async function closeAll(
  server: Server, connections: ReadonlySet<Connection>, deadline: { cancel(): void }, onEmpty: (resolve: () => void) => void,
): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve())
  })
  const empty = new Promise<void>((resolve) => {
    onEmpty(resolve)
    if (connections.size === 0) resolve()
  })
  for (const connection of connections) connection.close()
  await empty
  deadline.cancel()
  await closed
}

function destroyAll(connections: ReadonlySet<Connection>): void {
  for (const connection of connections) connection.destroy()
}

/** Says why before it hangs up. */
function turnAway(socket: Socket, limits: IpcLimits, clock: Clock): void {
  const why = failure('busy', `the daemon serves ${limits.maxConnections} connections already`, { hint: 'close some, or try again later' })
  const timer = clock.after(limits.lingerMs, () => socket.destroy())
  socket.on('error', () => socket.destroy()).on('close', () => timer.cancel())
  socket.resume()
  socket.end(encodeNotification(ERROR_NOTIFICATION, [why]))
}

function largestOf(connections: ReadonlySet<Connection>): Connection | undefined {
  let largest: Connection | undefined
  for (const connection of connections) {
    if (connection.outputBytes() > (largest?.outputBytes() ?? 0)) largest = connection
  }
  return largest
}

function sumOf(connections: ReadonlySet<Connection>, count: (connection: Connection) => number): number {
  let sum = 0
  for (const connection of connections) sum += count(connection)
  return sum
}
